"""Formats, damage that hides well, and bounds of reading backups, with small limits."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import threading
import time
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dengbao.probes.backup.facts import BackupReading
from dengbao.probes.backup.formats import declared, recognise
from dengbao.probes.backup.listing import Entry, parts_of, walk
from dengbao.probes.backup.reading import read_file
from dengbao.probes.backup.streams import Budget, Limits, Undecided, size_zh

DUMP = b"-- MySQL dump 10.19\n" + b"INSERT INTO t VALUES (1);\n" * 4000 + b"-- Dump completed\n"


def read(
    path: Path, limits: Limits | None = None, *, stop: bool = False, expected: str = ""
) -> BackupReading:
    entry = Entry(str(path), path.name, path.stat().st_size, datetime.now(UTC))
    event = threading.Event()
    if stop:
        event.set()
    return read_file(entry, expected, limits=limits or Limits(), ends_at=time.monotonic() + 60, stop=event)


def store(folder: Path, data: bytes) -> Path:
    path = folder / "his.bak"
    path.write_bytes(data)
    return path


def tar_of(count: int, *, kind: int = tarfile.GNU_FORMAT, name: str = "file") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for number in range(count):
            info = tarfile.TarInfo(f"{name}{number}")
            info.size = 700
            archive.addfile(info, io.BytesIO(bytes(700)))
    return out.getvalue()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "empty"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"BZh91AY&SY", "bzip2"),
        (b"BZhang Wei, list of patients", "unknown"),
        (b"PK\3\4", "zip"),
        (b"SQLite format 3\0", "sqlite"),
        (b"PGDMP\1", "pg_dump"),
        (b"Salted__", "encrypted"),
        (b"-- a remark\n/* another */\n\nCREATE TABLE t (x);", "sql"),
        (b"\xef\xbb\xbfINSERT INTO t VALUES (1);", "sql"),
        (b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19", "sql"),
        (b"CREATED by somebody", "unknown"),
        (b"set of remarks", "unknown"),
        (b"SET NAMES utf8mb4;", "sql"),
        (b"USE his;", "sql"),
        (b"create or replace view v as select 1", "sql"),
        (b"Insert coin", "unknown"),
        (b"INSERT INTO t\0", "unknown"),
        (bytes(4096), "unknown"),
        (tar_of(1)[:4096], "tar"),
    ],
)
def test_formats_are_told_by_the_first_bytes(head: bytes, kind: str) -> None:
    assert recognise(head) == kind


@pytest.mark.parametrize(
    ("word", "kind"),
    [("auto", ""), ("", ""), ("sql.gz", "gzip"), ("TGZ", "gzip"), ("zip", "zip"), ("magic", None)],
)
def test_declared_formats(word: str, kind: str | None) -> None:
    assert declared(word) == kind


def test_a_damaged_header_in_the_middle_of_a_tar_is_not_its_end(tmp_path: Path) -> None:
    """`tarfile` and `tar -t` of some makes stop there in silence."""
    data = bytearray(tar_of(5))
    data[2 * 1536 + 100] ^= 0xFF
    found = read(store(tmp_path, bytes(data)))
    assert (found.intact, found.note) == (False, "tar 第 3 个文件头损坏")


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_tar_dialects_are_read(kind: int, tmp_path: Path) -> None:
    name = "x" * (120 if kind != tarfile.USTAR_FORMAT else 90)
    found = read(store(tmp_path, tar_of(3, kind=kind, name=name)))
    assert (found.intact, found.note) == (True, "tar 包内 3 个文件读至结尾，结构完整")


def test_links_folders_and_sizes_in_pax_headers(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("other")
            info.type, info.linkname = kind, "his.sql"
            archive.addfile(info)
        info = tarfile.TarInfo("his.sql")
        info.size = len(DUMP)
        info.pax_headers = {"size": str(len(DUMP)), "comment": "x"}
        archive.addfile(info, io.BytesIO(DUMP))
    found = read(store(tmp_path, out.getvalue()))
    assert (found.intact, found.note) == (
        True, "tar 包内 1 个文件读至结尾，结构完整，其中 1 个数据库或压缩文件逐一核对无误",
    )  # fmt: skip


@pytest.mark.parametrize("at", [100, 600, 1300, 1536, 2000])
def test_a_tar_cut_anywhere_is_never_whole(at: int, tmp_path: Path) -> None:
    found = read(store(tmp_path, tar_of(4)[:at]))
    assert found.intact is not True


@pytest.mark.parametrize("spare", [1, 4, 8, 9])
def test_the_last_bytes_of_gzip_count(spare: int, tmp_path: Path) -> None:
    found = read(store(tmp_path, gzip.compress(DUMP)[:-spare]))
    assert (found.intact, found.note) == (False, "gzip 数据未到结尾，文件被截断")


def test_a_wrong_checksum_alone_is_damage(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(DUMP))
    data[-6] ^= 1
    assert read(store(tmp_path, bytes(data))).intact is False


def test_a_second_member_cut_off_is_damage(tmp_path: Path) -> None:
    data = gzip.compress(DUMP[:50]) + gzip.compress(DUMP[50:])[:-20]
    assert read(store(tmp_path, data)).intact is False


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(raw_bytes=100), "试读上限"),
        (Limits(unpacked_bytes=1000), "解压后超过上限"),
        (Limits(file_s=0), "时间上限"),
    ],
)
def test_beyond_a_limit_nothing_is_said(limits: Limits, told: str, tmp_path: Path) -> None:
    found = read(store(tmp_path, gzip.compress(DUMP)), limits)
    assert (found.intact, found.cause) == (None, "limit")
    assert told in found.note


def test_too_many_members(tmp_path: Path) -> None:
    found = read(store(tmp_path, tar_of(9)), Limits(members=8))
    assert (found.intact, found.cause) == (None, "limit")


def test_stopping_from_another_thread(tmp_path: Path) -> None:
    found = read(store(tmp_path, gzip.compress(DUMP)), stop=True)
    assert (found.intact, found.cause) == (None, "limit")


def test_an_inner_database_too_large_for_a_copy_leaves_it_open(tmp_path: Path) -> None:
    inner = b"SQLite format 3\0" + bytes(9000)
    found = read(store(tmp_path, gzip.compress(inner)), Limits(spool_bytes=4096))
    assert (found.intact, found.cause) == (None, "limit")
    assert read(store(tmp_path, gzip.compress(inner)[:-5]), Limits(spool_bytes=4096)).intact is False


def test_packing_within_packing_ends(tmp_path: Path) -> None:
    data = DUMP
    for _ in range(8):
        data = gzip.compress(data)
    found = read(store(tmp_path, data))
    assert found.intact is None
    assert len(found.layers) == Limits().depth + 1


def test_xz_that_wants_too_much_memory(tmp_path: Path) -> None:
    """Packing with such a dictionary takes the memory too, so only its size in the header is raised."""
    data = bytearray(lzma.compress(DUMP, preset=0))
    header = data[12 : 12 + (data[12] + 1) * 4 - 4]
    at = header.index(b"\x21\x01") + 2
    header[at] = 37  # a dictionary of 1.5 GiB
    data[12 : 12 + len(header) + 4] = header + struct.pack("<I", zlib.crc32(bytes(header)))
    found = read(store(tmp_path, bytes(data)))
    assert (found.intact, found.cause) == (None, "limit")


def test_a_zip_whose_directory_claims_too_much(tmp_path: Path) -> None:
    path = store(tmp_path, b"PK\3\4")
    with path.open("r+b") as file:
        file.truncate(80 * 1024 * 1024)
        file.seek(0, 2)
        file.write(b"PK\5\6" + bytes(8) + struct.pack("<II", 70 * 1024 * 1024, 4) + bytes(2))
    found = read(path)
    assert (found.intact, found.cause) == (None, "limit")


def test_a_zip_packed_in_a_way_we_cannot_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", b"text")
    data = out.getvalue()
    for mark, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at = data.index(mark) + offset
        data = data[:at] + struct.pack("<H", 93) + data[at + 2 :]
    found = read(store(tmp_path, data))
    assert (found.intact, found.cause) == (None, "format")


@pytest.mark.parametrize("head", [b"PK\3\4" + bytes(400), b"PK\5\6" + bytes(3), b"\xfd7zXZ\0" + bytes(400)])
def test_nothing_but_a_beginning(head: bytes, tmp_path: Path) -> None:
    assert read(store(tmp_path, head)).intact is False


def test_a_format_that_was_not_declared(tmp_path: Path) -> None:
    path = store(tmp_path, gzip.compress(DUMP))
    assert read(path, expected="gzip").intact is True
    assert read(path, expected="zip").intact is False


def test_a_file_that_is_gone_or_a_link(tmp_path: Path) -> None:
    path = store(tmp_path, DUMP)
    entry = Entry(str(path), "his.bak", 1, datetime.now(UTC))
    path.unlink()
    later = time.monotonic() + 9
    gone = read_file(entry, "", limits=Limits(), ends_at=later, stop=threading.Event())
    assert (gone.intact, gone.cause) == (None, "changing")
    path.symlink_to("/etc/hostname")
    link = read_file(entry, "", limits=Limits(), ends_at=later, stop=threading.Event())
    assert (link.intact, link.cause) == (None, "unreadable")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.gz", {"a.gz"}),
        ("*", {"a.gz", "b.txt"}),
        ("sub/*.gz", {"sub/c.gz"}),
        ("**/*.gz", {"a.gz", "sub/c.gz", "sub/deep/d.gz"}),
        ("**", {"a.gz", "b.txt", "sub/c.gz", "sub/deep/d.gz"}),
        ("*/*/*", {"sub/deep/d.gz"}),
        (".*", {".hidden.gz"}),
    ],
)
def test_patterns(pattern: str, names: set[str], tmp_path: Path) -> None:
    for name in ("a.gz", "b.txt", ".hidden.gz", "sub/c.gz", "sub/deep/d.gz", ".cache/e.gz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = walk(str(tmp_path), parts_of(pattern, where=""), Budget(Limits(), time.monotonic() + 9))
    assert {one.name for one in found.files.values()} == names


def test_a_walk_without_time_says_that_it_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    found = walk(str(tmp_path), ("*",), Budget(Limits(), time.monotonic() - 1))
    assert not found.complete
    with pytest.raises(Undecided):
        found.budget.check()


@pytest.mark.parametrize(("count", "text"), [(5, "5 字节"), (4 * 1024**3, "4 GiB"), (1536, "1.5 KiB")])
def test_sizes_in_words(count: int, text: str) -> None:
    assert size_zh(count) == text
