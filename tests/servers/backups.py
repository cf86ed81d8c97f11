"""Backup files as they are found in practice: whole, damaged in ways that hide, and not to be read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sqlite3
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import zstandard

DUMP = (
    "-- MySQL dump 10.19  Distrib 10.11.6-MariaDB\n--\nCREATE TABLE `visit` (`id` int);\n"
    + "INSERT INTO `visit` VALUES (1),(2),(3);\n" * 5000
    + "-- Dump completed on 2026-06-01  3:00:00\n"
)
PG_DUMP = (
    "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\nCOPY public.visit (id) FROM stdin;\n"
    + "1\n" * 5000
    + "\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n"
)


def put(folder: Path, name: str, data: bytes, hours: float) -> Path:
    """Write a backup that is so many hours old."""
    path = folder / name
    path.write_bytes(data)
    made_s = time.time() - hours * 3600
    os.utime(path, (made_s, made_s))
    return path


def tar(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def packed_zip(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def damaged(data: bytes) -> bytes:
    """Return the data with a few bytes in the middle turned over."""
    middle = len(data) // 2
    return data[:middle] + bytes(255 - one for one in data[middle : middle + 64]) + data[middle + 64 :]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


MAKERS: dict[str, Callable[[bytes], bytes]] = {
    "his.db.gz": gzip.compress,
    "his.db.bz2": bz2.compress,
    "his.db.xz": lambda data: lzma.compress(data, preset=1),
    "his.db.zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "his.db.zip": lambda data: packed_zip({"his.db": data, "readme.txt": b"restore with sqlite3"}),
    "his.tar.gz": lambda data: gzip.compress(tar({"etc/his.conf": b"a=1\n" * 300, "his.db": data})),
    "nested.tar": lambda data: tar({"a.gz": gzip.compress(data), "b.xz": lzma.compress(DUMP.encode())}),
    "his.db": lambda data: data,
    "his.sql": lambda _data: DUMP.encode(),
    "his.sql.gz": lambda _data: gzip.compress(PG_DUMP.encode()),
    "two-members.sql.gz": lambda _data: (
        gzip.compress(DUMP[:100].encode()) + gzip.compress(DUMP[100:].encode()) + bytes(512)
    ),
}  # fmt: skip
LAYERS = {
    "his.db.gz": ("gzip", "sqlite"), "his.db.bz2": ("bzip2", "sqlite"), "his.db.xz": ("xz", "sqlite"),
    "his.db.zst": ("zstd", "sqlite"),
    "his.db.zip": ("zip",), "his.tar.gz": ("gzip", "tar"), "nested.tar": ("tar",), "his.db": ("sqlite",),
    "his.sql": ("sql",), "his.sql.gz": ("gzip", "sql"), "two-members.sql.gz": ("gzip", "sql"),
}  # fmt: skip


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty file": lambda _data: b"",
    "dump that broke off": lambda _data: DUMP[:9000].encode(),
    "dump that broke off, then packed": lambda _data: gzip.compress(DUMP[:9000].encode()),
    "dump with a lost block": lambda _data: (DUMP[:9000] + "\0" * 8192 + DUMP[17192:]).encode(),
    "pg dump that broke off": lambda _data: gzip.compress(PG_DUMP[:5000].encode()),
    "nothing, packed": lambda _data: gzip.compress(b""),
    "zip without members": lambda _data: packed_zip({}),
    "whole zip of half a database": lambda data: packed_zip({"his.db": cut(data)}),
    "database damaged before packing": lambda data: gzip.compress(damaged(data)),
    "database without tables": lambda _data: gzip.compress(no_tables()),
    "plain tar cut off": lambda data: cut(tar({"his.db": data})),
}


def no_tables() -> bytes:
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE TABLE t (x)")
        base.execute("DROP TABLE t")
        base.commit()
        return base.serialize()


def encrypted_zip(folder: Path) -> bytes:
    plain = folder / "his.sql"
    plain.write_text(DUMP)
    subprocess.run(["zip", "-q", "-P", "fictitious", "his.zip", "his.sql"], cwd=folder, check=True)
    return (folder / "his.zip").read_bytes()


def bomb() -> bytes:
    return gzip.compress(bytes(96 * 1024 * 1024))


def tar_without_end(data: bytes) -> bytes:
    archive = tar({"his.db": data})
    return archive[: 512 + -(-len(data) // 512) * 512]


PLAIN_SQL = b"CREATE TABLE t (x);\nINSERT INTO t VALUES (1);\n" * 90
UNREAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "pg_dump custom": (lambda _data: b"PGDMP\1\16\0" + os.urandom(9000), "format"),
    "openssl": (lambda data: b"Salted__" + os.urandom(len(data)), "encrypted"),
    "lz4": (lambda _data: b"\x04\x22\x4d\x18" + os.urandom(5000), "format"),
    "bomb": (lambda _data: bomb(), "limit"),
    "sql without end mark": (lambda _data: PLAIN_SQL, "format"),
    "packed Oracle export": (lambda _data: gzip.compress(os.urandom(9000)), "format"),
    "tar without end": (tar_without_end, "format"),
    "gzip and more": (lambda data: gzip.compress(data) + b"something else", "format"),
}  # fmt: skip
