"""Verifying where there is no network and no engagement, what strangers wrote, and a delivered report."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dengbao.cli import main
from dengbao.packet.dsse import SigningKey
from dengbao.packet.findings import Gravity
from dengbao.packet.seal import Sealed
from dengbao.packet.verify import verify_packet

from . import altering

# Any address but a local socket, and any look into the engagement's folder, ends the process.
_ALONE = """
import os, sys
engagement, arguments = sys.argv[1], sys.argv[2:]
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        os._exit(97)
    if event == "open" and str(args[0]).startswith(engagement):
        os._exit(98)
sys.addaudithook(watch)
from dengbao.cli import main
sys.exit(main(arguments))
"""


@pytest.fixture(scope="module")
def root(sealed: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return altering.unpacked(sealed.path, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture
def public(key: SigningKey, tmp_path: Path) -> Path:
    path = tmp_path / "seal.pub"
    path.write_text(f"{key.public.text}\n")
    return path


def without_network() -> list[str]:
    """Return how to run a program in a network of its own that leads nowhere, if this machine allows it."""
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-n", "true"], check=False, capture_output=True).returncode
    ):
        return []  # the hook below still sees to it
    return [unshare, "-n"]


def test_alone_with_neither_network_nor_engagement(
    sealed: Sealed, engagement: Path, public: Path, tmp_path: Path
) -> None:
    packet = tmp_path / "elsewhere.zip"
    shutil.copyfile(sealed.path, packet)
    command = [
        *without_network(), sys.executable, "-c", _ALONE, str(engagement), "verify", str(packet),
        "--trust", str(public), "--format", "json",
    ]  # fmt: skip
    away = engagement.rename(engagement.with_name("away"))  # nobody can look into it, the judging neither
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env={**os.environ})
    finally:
        away.rename(engagement)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert told["findings"] == []
    assert told["holds"]
    assert told["trusted"]
    assert told["packet"] == sealed.packet


DEEP = b"[" * 200_000
HOSTILE: dict[str, tuple[str, bytes]] = {
    "yaml bomb": (
        "engagement.yaml",
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
        ),
    ),
    "deep yaml": ("evidence/EV-0001.yaml", b"a: " + b"[" * 5000),
    "deep facts": ("runs/round-1/facts/his-db/database.catalogue.json", DEEP),
    "deep records": ("runs/round-1/records.jsonl", DEEP + b"\n"),
    "deep plan": ("runs/round-1/plan.json", DEEP),
    "huge numbers": ("runs/round-1/run.json", b'{"round": 1' + b"0" * 5000 + b"}"),
    "unknown fields": (
        "runs/round-1/records.jsonl",
        b'{"case":"1.a.1@his-db/x","item":"1.a.1","run":"rm"}\n',
    ),
    "no text": ("engagement.yaml", b"\xff\xfe\x00"),
    "deep custody": ("custody.jsonl", DEEP + b"\n"),
    "suite elsewhere": ("engagement.yaml", b"schema: 1\nsuite: ../../annex3-2023\n"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_strangers_wrote_is_a_finding(root: Path, key: SigningKey, tmp_path: Path, what: str) -> None:
    name, data = HOSTILE[what]
    forged = altering.sealed_anew(root, tmp_path / "forged", key, {name: data})
    found = verify_packet(forged, trusted=(key.public,))
    assert not found.holds
    assert any(one.gravity is not Gravity.NOTE and one.place.startswith("data") for one in found.findings)
    assert all("Traceback" not in one.message and len(one.message) < 500 for one in found.findings)


@pytest.mark.parametrize("name", ["seal.json", "statement.dsse.json"])
def test_tags_too_deep_are_findings(root: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(root, tmp_path / "packet")
    (tmp_path / "packet" / name).write_bytes(DEEP)
    found = verify_packet(tmp_path / "packet")
    assert not found.holds
    assert name in {one.place for one in found.findings}


def test_a_delivered_report_is_compared_by_clause(
    sealed: Sealed, root: Path, public: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = (root / "data/out/report-round-1.docx").read_bytes()
    same, other = tmp_path / "same.docx", tmp_path / "other.docx"
    same.write_bytes(report)
    trust = ["--packet", str(sealed.path), "--trust", str(public)]
    assert main(["verify", str(same), *trust]) == 0
    assert "逐字节相同" in capsys.readouterr().out
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(report)) as archive, zipfile.ZipFile(out, "w") as again:
        for one in archive.infolist():
            data = archive.read(one)
            if one.filename == "word/document.xml":
                assert "已逐项截图".encode() in data
                data = data.replace("已逐项截图".encode(), "已逐项核对".encode(), 1)
            again.writestr(one.filename, data)
    other.write_bytes(out.getvalue())
    assert main(["verify", str(other), *trust]) == 4
    told = capsys.readouterr().out
    assert "不一致" in told
    assert "已逐项核对" in told
    assert "other.docx（" in told, "the place in the report"


def test_what_is_said_of_an_altered_packet(
    root: Path, public: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root, tmp_path / "packet")
    path = tmp_path / "packet/data/evidence/EV-0002.png"
    path.write_bytes(altering.flipped(path.read_bytes(), 999))
    assert main(["verify", str(tmp_path / "packet"), "--trust", str(public)]) == 4
    told = capsys.readouterr().out
    assert "data/evidence/EV-0002.png（涉及 M.1" in told
    assert "不证明：内容属实" in told
    assert "李工（测试科技）" in told
    assert main(["verify", str(tmp_path / "packet"), "--trust", str(path)]) == 2
    assert main(["verify", str(tmp_path / "报告.docx")]) == 2, "there is none"
