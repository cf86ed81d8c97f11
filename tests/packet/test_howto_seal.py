"""The commands of docs/howto-seal.md, typed as they stand, find a packet whole and signed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dengbao.packet.opening import opened
from dengbao.packet.seal import Sealed

from .example import spoil

TEXT = (Path(__file__).parents[2] / "docs" / "howto-seal.md").read_text(encoding="utf-8")


def typed(folder: Path) -> subprocess.CompletedProcess[str]:
    section = TEXT.partition("## 没有本工具时核对")[2]
    lines = re.findall(r"^\$ (sha256sum .*)$", section, re.MULTILINE)
    script = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(lines) == 3
    assert len(script) == 1
    words = "\n".join([*lines, *script])
    return subprocess.run(["sh", "-c", words], cwd=folder, capture_output=True, text=True, check=False)


def test_other_tools_tell_digest_key_and_signature(sealed: Sealed) -> None:
    with opened(sealed.path) as packet:
        done = typed(packet.root)
        assert done.returncode == 0, done.stderr
        assert f"{sealed.packet}  tagmanifest-sha256.txt" in done.stdout
        assert sealed.seal.key in done.stdout
        assert "Signature Verified Successfully" in done.stdout
        assert sealed.packet in (packet.root / "statement.json").read_text(encoding="utf-8")
        spoil(packet.root / "data" / "engagement.yaml")
        again = typed(packet.root)
    assert "data/engagement.yaml: FAILED" in again.stdout
