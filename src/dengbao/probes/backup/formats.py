"""Tells a file's format by its first bytes."""

from __future__ import annotations

import re
import tarfile
from typing import Final

HEAD_BYTES: Final = 4096
BLOCK: Final = 512

_MAGIC: Final = (
    ("gzip", b"\x1f\x8b"),
    ("xz", b"\xfd7zXZ\0"),
    ("zip", b"PK\3\4"),
    ("zip", b"PK\5\6"),
    ("sqlite", b"SQLite format 3\0"),
    ("pg_dump", b"PGDMP"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
    ("lz4", b"\x04\x22\x4d\x18"),
    ("7z", b"7z\xbc\xaf\x27\x1c"),
    ("rar", b"Rar!\x1a\x07"),
    ("encrypted", b"Salted__"),
    ("encrypted", b"age-encryption.org/"),
    ("encrypted", b"-----BEGIN PGP MESSAGE"),
)
_BZIP2: Final = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_COMMENTS: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*(?!!).*?\*/)*", re.DOTALL)
_STATEMENT: Final = re.compile(
    r"/\*M?!"
    r"|(?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE|TABLE|DATABASE|SCHEMA|INDEX|UNIQUE|VIEW|SEQUENCE|ROLE|USER|TYPE"
    r"|FUNCTION|PROCEDURE|EXTENSION|TEMP\w*)\s"
    r"|INSERT\s+INTO\s|SET\s+(?:NAMES\s|[@\w.]+\s*(?:=|TO\s))|USE\s+\S+\s*;|LOCK\s+TABLES\s|COPY\s+\S+\s*\("
    r"|(?:BEGIN|START)\s*(?:TRANSACTION\s*)?;|PRAGMA\s+\w+\s*=",
    re.IGNORECASE,
)
# The dialects whose tools write a last line; what the tool says first, and what it says last.
_DIALECTS: Final = tuple(
    (re.compile(begin, re.MULTILINE), re.compile(end, re.MULTILINE))
    for begin, end in (
        (r"^-- (?:MySQL|MariaDB) dump ", rb"^-- Dump completed"),
        (r"^-- PostgreSQL database cluster dump$", rb"^-- PostgreSQL database cluster dump complete"),
        (r"^-- PostgreSQL database dump$", rb"^-- PostgreSQL database dump complete"),
        (r"\APRAGMA foreign_keys=OFF;\s+BEGIN TRANSACTION;", rb"^COMMIT;\s*\Z"),
    )
)

_WRITTEN_BY: Final = (
    ("mariadb", re.compile(r"^-- (?:MySQL|MariaDB) dump ", re.MULTILINE)),
    ("postgresql", re.compile(r"^-- PostgreSQL database (?:cluster )?dump$", re.MULTILINE)),
    ("sqlite", re.compile(r"\APRAGMA foreign_keys=OFF;\s+BEGIN TRANSACTION;")),
)  # fmt: skip
_PG_SOURCE: Final = re.compile(r"^-- Dumped from database version (\d+(?:\.\d+)*)", re.MULTILINE)
_MY_SOURCE: Final = re.compile(r"^-- Server version\s+(\d+(?:\.\d+)*)", re.MULTILINE)

# What people write under `archive`; the last part of `sql.gz` is the outermost format.
_DECLARED: Final = {
    "gz": "gzip", "gzip": "gzip", "tgz": "gzip", "bz2": "bzip2", "bzip2": "bzip2", "tbz2": "bzip2",
    "xz": "xz", "txz": "xz", "zst": "zstd", "zstd": "zstd", "lz4": "lz4", "zip": "zip", "7z": "7z",
    "rar": "rar", "tar": "tar", "sqlite": "sqlite", "sqlite3": "sqlite", "db": "sqlite", "sql": "sql",
    "pg_dump": "pg_dump", "pgbackrest": "pgbackrest",
}  # fmt: skip


def recognise(head: bytes) -> str:
    """Return the kind of `BackupFile.kind` that begins with `head`, at most `HEAD_BYTES` of it."""
    if not head:
        return "empty"
    for kind, magic in _MAGIC:
        if head.startswith(magic):
            return kind
    if _BZIP2.match(head):
        return "bzip2"
    if _is_tar(head):
        return "tar"
    return "sql" if _is_sql(head) else "unknown"


def declared(archive: str) -> str | None:
    """Return the kind meant by `archive` of the engagement; empty for `auto`, None where not understood."""
    word = archive.strip().lower().rpartition(".")[2]
    return "" if word in ("", "auto") else _DECLARED.get(word)


def end_mark(head: bytes) -> re.Pattern[bytes] | None:
    """Return what the tool that began this SQL text writes at its end, None where it is not known."""
    text = _text(head)
    return next((end for begin, end in _DIALECTS if begin.search(text)), None)


def dialect_of(head: bytes) -> str:
    """Return which product the tool that began this SQL text belongs to, nothing where it does not say."""
    text = _text(head)
    return next((name for name, begin in _WRITTEN_BY if begin.search(text)), "")


def source_of(head: bytes) -> str:
    """Return product and version of the server that a dump was taken from, as far as its first lines tell."""
    text = _text(head)
    if found := _PG_SOURCE.search(text):
        return f"postgresql {found[1]}"
    if dialect_of(head) != "mariadb":
        return ""
    found = _MY_SOURCE.search(text)
    if found is None:
        return ""
    return f"{'mariadb' if 'mariadb' in text.lower() else 'mysql'} {found[1]}"


def _is_tar(head: bytes) -> bool:
    if len(head) < BLOCK:
        return False
    try:
        tarfile.TarInfo.frombuf(head[:BLOCK], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return head[257:262] == b"ustar"
    return True


def _is_sql(head: bytes) -> bool:
    if b"\0" in head:
        return False
    if end_mark(head) is not None:
        return True
    text = _text(head)
    begin = _COMMENTS.match(text)
    return _STATEMENT.match(text, begin.end() if begin else 0) is not None


def _text(head: bytes) -> str:
    return head.decode("utf-8-sig", "replace").replace("\r\n", "\n")
