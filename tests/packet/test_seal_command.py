"""dengbao seal: packet, digest, fingerprint and next step; or every reason and its exit code."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from dengbao.cli import main
from dengbao.packet.bag import packet_digest
from dengbao.packet.dsse import SigningKey, new_key
from dengbao.packet.opening import opened

from . import example


@pytest.fixture
def folder(engagement: Path, tmp_path: Path) -> Path:
    return example.copy_of(engagement, tmp_path / "copy")


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, SigningKey]:
    path = tmp_path / "seal-key"
    return path, new_key(path)


def call(*arguments: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(one) for one in arguments])
    return code, out.getvalue(), err.getvalue()


def test_it_says_what_was_sealed_and_what_comes_next(folder: Path, place: tuple[Path, SigningKey]) -> None:
    path, key = place
    code, out, err = call("seal", folder, "--by", "李工/测试科技", "--key", path)
    assert code == 0, err
    packet = folder / "out" / "dengbao-NX-YBLT-2026-001-round-1.zip"
    with opened(packet) as found:
        digest = packet_digest(found.root)
    for words in (f"封存包 {packet}", digest, key.public.fingerprint, f"dengbao verify {packet}"):
        assert words in out
    assert "检查" in err


def test_every_reason_is_told(folder: Path, place: tuple[Path, SigningKey]) -> None:
    for one in (folder / "evidence").iterdir():
        one.unlink()
    code, _, err = call("seal", folder, "--by", "李工/测试科技", "--key", place[0])
    assert code == 3
    assert "1.a.1" in err
    path = folder / "engagement.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# 自写\n", encoding="utf-8")
    code, _, err = call("seal", folder, "--by", "李工/测试科技", "--key", place[0])
    assert code == 4
    assert "1.a.1" in err
    assert "注释" in err
    assert not list((folder / "out").glob("*.zip"))
