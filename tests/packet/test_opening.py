"""Hostile packets: whatever a zip holds, nothing is written outside, nothing without bound."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dengbao.errors import StoreError
from dengbao.packet.bag import write_bag, write_zip
from dengbao.packet.layout import README, SEAL
from dengbao.packet.opening import fault_of_name, opened

TAG = "bag/tagmanifest-sha256.txt"


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], packed: bool = False) -> Path:
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr(TAG, b"")
        for name, data in members:
            archive.writestr(name, data)
    return path


def faults(path: Path) -> dict[str, str]:
    with opened(path) as packet:
        return {one.place: one.message for one in packet.faults}


def info(name: str, mode: int = 0o100644, system: int = 3) -> zipfile.ZipInfo:
    one = zipfile.ZipInfo(name)
    one.create_system, one.external_attr = system, mode << 16
    return one


def test_a_packet_of_ours_opens_without_fault(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", {"a/b.json": b"1"}, {README: b"", SEAL: b"{}"}, ())
    write_zip(tmp_path / "bag", tmp_path / "bag.zip")
    for path in (tmp_path / "bag", tmp_path / "bag.zip"):
        with opened(path) as packet:
            assert packet.faults == []
            assert packet.read("data/a/b.json", 10) == b"1"
            assert packet.read("data/a/b.json", 0) is None
            assert "data/a/b.json" in list(packet.names())
            assert packet.path("../outside") is None
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("dengbao-packet-*/bag")), "removed again"


@pytest.mark.parametrize(
    "name",
    ["../evil", "bag/../../evil", "/etc/evil", "C:/evil", "bag/data/a\\..\\evil", "bag//evil", "bag/./evil",
     "bag/con.txt", "bag/COM1", "bag/a\x00b", "bag/a\nb", "bag/a. ", "bag/" + "x" * 300,
     "bag/" + "d/" * 20 + "x",
     "bag/\u202egnp.exe", "bag/a\u200bb"],
)  # fmt: skip
def test_no_name_leads_outside(tmp_path: Path, name: str) -> None:
    # zipfile itself mends names when it writes, so that the name is put in afterwards.
    placeholder = ("bag/" + "p" * 400)[: len(name.encode())]
    path = zipped(tmp_path / "evil.zip", (info(placeholder), b"evil"))
    raw = path.read_bytes().replace(placeholder.encode(), name.encode())
    raw = _as_utf8(raw, name.encode())
    path.write_bytes(raw)
    with opened(path) as packet:
        assert len(packet.faults) == 1, [one.filename for one in zipfile.ZipFile(path).infolist()]
        files = [one for one in packet.root.parent.rglob("*") if one.is_file()]
        assert [one.name for one in files] == ["tagmanifest-sha256.txt"]


def _as_utf8(raw: bytes, name: bytes) -> bytes:
    """Set the flag that says the name is UTF-8, in both headers of the member."""
    data = bytearray(raw)
    for signature, flags, at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        place = data.find(signature)
        while place >= 0:
            if data[place + at : place + at + len(name)] == name:
                value = struct.unpack_from("<H", data, place + flags)[0]
                struct.pack_into("<H", data, place + flags, value | 0x800)
            place = data.find(signature, place + 4)
    return bytes(data)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    path = zipped(tmp_path / "a.zip", (info("bag/link", kind | 0o777), b"/etc/passwd"))
    assert faults(path) == {"bag/link": "是链接或特殊文件，不是普通文件"}


def test_links_in_a_folder_are_named_and_never_followed(tmp_path: Path) -> None:
    root = tmp_path / "bag"
    root.mkdir()
    (root / "tagmanifest-sha256.txt").write_bytes(b"")
    (root / "link").symlink_to("/etc/passwd")
    (root / "folder").symlink_to("/etc")
    os.mkfifo(root / "pipe")
    with opened(root) as packet:
        assert {one.place for one in packet.faults} == {"link", "folder", "pipe"}
        assert packet.read("link", 10_000) is None
        assert packet.read("folder/passwd", 10_000) is None
        assert packet.read("pipe", 10) is None


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["bag/a", "bag/A", "bag/a/b"])
def test_a_name_twice_is_refused(tmp_path: Path, second: str) -> None:
    path = zipped(tmp_path / "a.zip", ("bag/a", b"1"), (second, b"2"))
    assert faults(path) == {second: "同名文件重复"}
    with opened(path) as packet:
        assert packet.read("a", 10) == b"1"


def test_a_file_where_a_folder_stands_is_refused(tmp_path: Path) -> None:
    assert set(faults(zipped(tmp_path / "a.zip", ("bag/a/b", b"1"), ("bag/a", b"2")))) == {"bag/a"}


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("bag/bomb", bytes(64 * 1024 * 1024)), packed=True)
    assert faults(path) == {"bag/bomb": "压缩比异常，疑为压缩炸弹"}


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("bag/bomb", bytes(8 * 1024 * 1024)), packed=True)
    size = struct.pack("<I", 8 * 1024 * 1024)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<I", 1000)))
    tracemalloc.start()
    found = faults(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(found) == {"bag/bomb"}
    assert peak < 8 * 1024 * 1024


def _encrypted(raw: bytes) -> bytes:
    data = bytearray(raw)
    place = data.rfind(b"PK\x01\x02")
    data[place + 8] |= 1
    return bytes(data)


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("bag/a", b"1"))
    path.write_bytes(_encrypted(path.read_bytes()))
    assert faults(path) == {"bag/a": "已加密，无法读取"}


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("bag/a", b"content"), ("bag/b", b"whole"))
    path.write_bytes(path.read_bytes().replace(b"content", b"contest"))
    assert faults(path) == {"bag/a": "无法解开：校验和不符"}


def test_cut_off_anywhere_it_is_said(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", ("bag/a", b"1" * 300)).read_bytes()
    path = tmp_path / "cut.zip"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError, match=r"残缺|没有 tagmanifest"), opened(path):
            pass


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x05\x06" + bytes(18)),
        lambda path: path.write_bytes(b"\x00\xff" * 1000),
        lambda path: path.mkdir(),
    ],
)
def test_what_is_no_packet_is_said(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "thing")
    with pytest.raises(StoreError), opened(tmp_path / "thing"):
        pass


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(50_001):
            archive.writestr(f"b/{number}", b"")
    (tmp_path / "a.zip").write_bytes(out.getvalue())
    with pytest.raises(StoreError, match="50000"), opened(tmp_path / "a.zip"):
        pass


@pytest.mark.parametrize(
    "name", ["data/runs/round-1/raw/" + "a" * 64, "data/evidence/EV-0001.png", "封存 说明.txt"]
)
def test_names_of_ours_are_allowed(name: str) -> None:
    assert fault_of_name(name) == ""
