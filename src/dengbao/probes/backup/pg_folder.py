"""Knows a backup that is a folder: pg_dump's directory format, one file for each table beside a list."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from .findings import Finding
from .formats import recognise
from .streams import Budget, Damaged, Stream
from .unpack import Unpacker

KIND: Final = "pg_dir"
LIST: Final = "toc.dat"  # pg_dump writes it last: a folder without one broke off, or is still being written
_PART: Final = re.compile(r"(?:\d+|blob_\d+)\.dat(\.gz|\.zst|\.lz4)?|blobs(?:_\d+)?\.toc")
_PARTS_MAX: Final = 100_000
_PACKED: Final = {".gz": "gzip", ".zst": "zstd"}


def size_and_time(folder: str) -> tuple[int, float] | None:
    """Return the bytes of a dump that is a folder and when it was finished; None for any other folder."""
    try:
        state = os.lstat(Path(folder, LIST))
        if not stat.S_ISREG(state.st_mode):
            return None
        size = sum(os.lstat(Path(folder, one)).st_size for one in parts_of(folder))
    except OSError:
        return None
    return size + state.st_size, state.st_mtime


def parts_of(folder: str) -> list[str]:
    """Return the names of the files with data; links and whatever else lies there are none.

    Raises:
        OSError: the folder cannot be listed.

    """
    found: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                found.append(entry.name)
            if len(found) >= _PARTS_MAX:
                break
    return sorted(found)


def look_at_folder(folder: str, open_file: Callable[[str | Path], IO[bytes]], budget: Budget) -> Finding:
    """Read every file to its end; which of them there must be, only a restore can tell.

    Raises:
        Damaged: a file is empty or its checksum fails.
        Undecided: not all of it was read.
        OSError: a file cannot be read.

    """
    names = parts_of(folder)
    with open_file(Path(folder, LIST)) as file:
        listed = Stream(file.read, budget.spend_raw)
        if recognise(listed.head()) != "pg_dump":
            raise Damaged(f"{LIST} 不是 pg_dump 的清单")
        listed.drain()
    for name in names:
        with open_file(Path(folder, name)) as file:
            _read_part(name, Stream(file.read, budget.spend_raw), budget)
    return Finding(
        (KIND,), None, f"pg_dump 目录格式，{len(names)} 个数据文件读至结尾，清单须试恢复才能核对", "format"
    )


def _read_part(name: str, stream: Stream, budget: Budget) -> None:
    packing = _PACKED.get(Path(name).suffix)
    if not stream.head() and (packing or not name.startswith("blob")):  # a large object may be empty
        raise Damaged(f"数据文件 {name} 为空")
    if packing is None:
        stream.drain()
        return
    try:
        Stream(Unpacker(stream, packing), budget.spend_unpacked).drain()
    except Damaged as exc:
        raise Damaged(f"数据文件 {name}：{exc}") from exc


def copy_folder(
    folder: str,
    target: Path,
    open_file: Callable[[str | Path], IO[bytes]],
    budget: Budget,
    check: Callable[[], None],
) -> None:
    """Copy the list and the files with data; `check` ends it where there is no room.

    Raises:
        Undecided: time or room is up.
        OSError: a file cannot be read or written.

    """
    for name in (LIST, *parts_of(folder)):
        with open_file(Path(folder, name)) as file, (target / name).open("wb") as out:
            stream = Stream(file.read, budget.spend_raw)
            while part := stream.read():
                check()
                out.write(part)
