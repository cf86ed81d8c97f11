"""Reads one backup file from beginning to end, through all its layers, within bounds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from . import pg_folder
from .archives import look_at_tar, look_at_zip
from .databases import look_at_sql, look_at_sqlite, spooled
from .facts import BackupReading
from .findings import Finding
from .formats import HEAD_BYTES, recognise
from .listing import Entry
from .streams import Budget, Damaged, Limits, Stream, Undecided, size_zh
from .unpack import Unpacker

PACKED: Final = ("gzip", "bzip2", "xz", "zstd")
_NOT_READ: Final = {
    "encrypted": ("文件已加密，无法试读", "encrypted"),
    "pg_dump": ("pg_dump 自定义格式，只核对了文件头", "format"),
    "lz4": ("lz4 压缩，本工具不能解压", "format"),
    "7z": ("7z 压缩包，本工具不能解压", "format"),
    "rar": ("rar 压缩包，本工具不能解压", "format"),
}
_NOT_WORTH_READING: Final = ("format", "encrypted")  # its end tells no more than its beginning
_UNKNOWN: Final = ("文件格式未识别，可能已加密、损坏或为本工具不支持的格式", "format")


def open_to_read(path: str | Path) -> IO[bytes]:
    """Open a regular file for reading: no link followed, nothing waited for, access time left alone.

    Raises:
        OSError: it cannot be opened.

    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_NOATIME)
    except PermissionError:  # only the owner may leave the access time alone
        descriptor = os.open(path, flags)
    return os.fdopen(descriptor, "rb", buffering=0)


def kind_of_file(path: str) -> str:
    """Return the kind of a file by its first bytes, nothing where they cannot be read."""
    try:
        with open_to_read(path) as file:
            return recognise(file.read(HEAD_BYTES))
    except OSError:
        return ""


def kind_of_entry(entry: Entry) -> str:
    """Return the kind of a file, or of a dump that is a folder, by the first bytes of its list."""
    if not entry.folder:
        return kind_of_file(entry.path)
    kind = kind_of_file(str(Path(entry.path, pg_folder.LIST)))
    return pg_folder.KIND if kind == "pg_dump" else kind


def read_file(
    entry: Entry, expected: str, *, limits: Limits, ends_at: float, stop: threading.Event
) -> BackupReading:
    """Return what reading the file showed; `expected` is the kind the engagement declares, or nothing.

    Side effects: reads; for databases inside packing, a private temporary copy that is removed again.
    SQLite opens plain databases itself, which may set their time of last access.
    """
    budget = Budget(limits, min(time.monotonic() + limits.file_s, ends_at), stop)
    try:
        before = _state(entry)
        found = _read_folder(entry, expected, budget) if entry.folder else _read_one(entry, expected, budget)
        if before != _state(entry):
            found = Finding(found.layers, None, "试读时文件仍在变化，可能正在备份", "changing")
    except PermissionError:
        found = Finding((), None, "运行账户无权读取", "no_permission")
    except FileNotFoundError:
        found = Finding((), None, "试读时文件已不存在", "changing")
    except OSError as exc:
        found = Finding((), None, f"读取出错（{exc.strerror or exc}）", "unreadable")
    return BackupReading(
        name=entry.name,
        layers=found.layers,
        intact=found.intact,
        note=found.note,
        cause=found.cause,
        read_bytes=budget.raw,
        unpacked_bytes=budget.unpacked,
    )


def _state(entry: Entry) -> tuple[int, float]:
    """Return size and time of change, by which a copy that is still being written gives itself away."""
    if entry.folder:
        return pg_folder.size_and_time(entry.path) or (0, 0.0)
    state = os.lstat(entry.path)
    return state.st_size, state.st_mtime_ns


def _read_folder(entry: Entry, expected: str, budget: Budget) -> Finding:
    layers = (pg_folder.KIND,)
    try:
        _refuse_others("pg_dump", expected)
        return pg_folder.look_at_folder(entry.path, open_to_read, budget)
    except Damaged as exc:
        return Finding(layers, False, str(exc))
    except Undecided as exc:
        return Finding(layers, None, exc.note, exc.cause)


def _read_one(entry: Entry, expected: str, budget: Budget) -> Finding:
    with open_to_read(entry.path) as file:
        return _guarded(entry, file, expected, budget)


def read_stream(entry: Entry, pull: Callable[[int], bytes], expected: str, budget: Budget) -> BackupReading:
    """Return what reading a file showed that comes as a stream, from its first byte to its last."""
    found = _guarded_stream(Stream(pull, budget.spend_raw), entry, expected, budget)
    return BackupReading(
        name=entry.name, layers=found.layers, intact=found.intact, note=found.note, cause=found.cause,
        read_bytes=budget.raw, unpacked_bytes=budget.unpacked,
    )  # fmt: skip


def _guarded_stream(stream: Stream, entry: Entry, expected: str, budget: Budget) -> Finding:
    layers: tuple[str, ...] = ()
    try:
        kind = "empty" if not entry.size_bytes else recognise(stream.head())
        layers = (kind,)
        _refuse_others(kind, expected)
        found = _look(stream, budget, 0)
        if found.cause not in _NOT_WORTH_READING:
            stream.drain()
    except Damaged as exc:
        return Finding(layers, False, str(exc))
    except Undecided as exc:
        return Finding(layers, None, exc.note, exc.cause)
    return found


def _refuse_others(kind: str, expected: str) -> None:
    """Refuse an empty file and one of another format than the engagement declares.

    Raises:
        Damaged: it is.

    """
    if kind == "empty":
        raise Damaged("文件为空（0 字节）")
    if expected and kind not in (expected, "encrypted"):
        raise Damaged(f"登记的格式为 {expected}，文件开头不是该格式")


def _guarded(entry: Entry, file: IO[bytes], expected: str, budget: Budget) -> Finding:
    kind = recognise(file.read(HEAD_BYTES))
    file.seek(0)
    layers = (kind,)
    try:
        return _outermost(entry, file, kind, expected, budget)
    except Damaged as exc:
        return Finding(layers, False, str(exc))
    except Undecided as exc:
        return Finding(layers, None, exc.note, exc.cause)


def _outermost(entry: Entry, file: IO[bytes], kind: str, expected: str, budget: Budget) -> Finding:
    _refuse_others(kind, expected)
    if kind == "zip":
        return look_at_zip(file, budget, lambda inside: _look(inside, budget, 1))
    if kind == "sqlite":
        size = os.fstat(file.fileno()).st_size
        if size > budget.limits.raw_bytes:
            raise Undecided(f"文件超过试读上限 {size_zh(budget.limits.raw_bytes)}，未读")
        budget.raw = size
        return look_at_sqlite(Path(entry.path), budget, same_as=file.fileno())
    return _look(Stream(file.read, budget.spend_raw), budget, 0)


def _look(stream: Stream, budget: Budget, depth: int) -> Finding:
    """Return what one layer showed; a layer that is not read to its end is read on by the one around it."""
    kind = recognise(stream.head())
    if depth < budget.limits.depth:
        if kind in PACKED:
            return _packed(stream, kind, budget, depth)
        if kind == "tar":
            return look_at_tar(stream, budget, lambda inside: _look(inside, budget, depth + 1))
        if kind in ("sqlite", "zip"):
            return _copied(stream, kind, budget, depth)
    if kind == "sql":
        return look_at_sql(stream)
    note, cause = _NOT_READ.get(kind, _UNKNOWN)
    return Finding((kind,), None, note, cause)


def _packed(stream: Stream, kind: str, budget: Budget, depth: int) -> Finding:
    inside = Stream(Unpacker(stream, kind), budget.spend_unpacked)
    if not inside.head():
        if depth == 0:
            raise Damaged(f"{kind} 解压后没有内容")
        return Finding((kind,), None, "解压后没有内容", "format")
    found = _look(inside, budget, depth + 1)
    inside.drain()
    return Finding(
        (kind, *found.layers), found.intact, f"{kind} 解压至结尾，校验一致；{found.note}", found.cause
    )


def _copied(stream: Stream, kind: str, budget: Budget, depth: int) -> Finding:
    """Look at an inner file that must be read here and there, through a temporary copy."""
    try:
        with spooled(stream, budget) as path:
            if kind == "sqlite":
                return look_at_sqlite(path, budget)
            with path.open("rb") as file:
                return look_at_zip(file, budget, lambda inside: _look(inside, budget, depth + 1))
    except Undecided as exc:
        budget.check()  # where time is up, nothing further can be read
        return Finding((kind,), None, exc.note, exc.cause)
