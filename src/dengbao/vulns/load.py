"""Builds the store from the files an operator carries in; nothing is fetched."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from ..errors import EvidenceError
from .entries import Batch, DataSource
from .osv import read_folder, read_zip
from .store import Builder, build
from .tracker import Readable, read_tracker

_BLOCK: Final = 1 << 20
_PLAIN_BYTES: Final = 1024**3
_SAY_EVERY: Final = 50_000


@dataclass(frozen=True)
class Loaded:
    """What an import took in: its sources, and how many records of them could not be read."""

    sources: tuple[DataSource, ...]
    unread: int


def load(
    target: Path,
    files: Sequence[Path],
    *,
    now: datetime,
    day: date | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Loaded:
    """Build the store at `target` anew from `files`; the old store stays where anything is wrong.

    `day` is the day the data are of. OSV records tell it themselves, and the earlier of the two counts.

    Raises:
        EvidenceError: a file is not what it should be, holds nothing of use, or its day is not known.
        StoreError: the store cannot be written.

    """
    if day is not None and day > now.date():
        raise EvidenceError("数据日期在将来", where="--date", cure="写取得数据的日期")
    builder = build(target)
    try:
        sources: list[DataSource] = []
        unread = 0
        for path in files:
            source, bad = _take(builder, path, day, now, say)
            sources.append(source)
            unread += bad
        builder.finish()
    except BaseException:
        builder.abandon()
        raise
    return Loaded(tuple(sources), unread)


def _take(
    builder: Builder, path: Path, day: date | None, now: datetime, say: Callable[[str], None]
) -> tuple[DataSource, int]:
    """Read one file into the store; return its source and how many records could not be read."""
    kind, batches = _open(path)
    number = builder.begin_source()
    entries, unread, records = 0, 0, 0
    newest: date | None = None
    for batch in batches:
        records += 1
        if batch is None:
            unread += 1
            continue
        before, entries = entries, entries + builder.add(number, batch)
        if batch.modified is not None and batch.modified <= now.date():
            newest = max(newest or batch.modified, batch.modified)
        if entries // _SAY_EVERY != before // _SAY_EVERY:
            say(f"{path.name}：已读 {entries} 条")
    if not entries:
        raise EvidenceError(
            "没有可用的条目", where=str(path), cure="核对文件：Debian 安全跟踪 JSON，或 OSV 的 all.zip 或目录"
        )
    known = [one for one in (day, newest) if one is not None]
    if not known:
        raise EvidenceError(
            "数据中没有日期", where=str(path), cure="用 --date 写明取得数据的日期，如 --date 2026-03-01"
        )
    source = DataSource(
        kind=kind, file=path.name, sha256=_digest(path), day=min(known).isoformat(), entries=entries,
        imported_at=now.isoformat(timespec="seconds"),
    )  # fmt: skip
    builder.end_source(number, source)
    say(f"{path.name}：{entries} 条，数据日期 {source.day}")
    return source, unread


def _open(path: Path) -> tuple[str, Iterable[Batch | None]]:
    """Return what kind of data a path holds, and its batches."""
    if path.is_dir():
        return "osv", read_folder(path)
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as exc:
        raise EvidenceError("文件无法读取", where=str(path), cure="核对路径与权限") from exc
    if head.startswith(b"PK"):
        return "osv", read_zip(path)
    return "debian-tracker", _tracker(path, packed=head.startswith(b"\x1f\x8b"))


def _tracker(path: Path, *, packed: bool) -> Iterator[Batch]:
    where = str(path)
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            yield from read_tracker(_Bounded(file, where), where)
    except (OSError, EOFError, zlib.error) as exc:
        raise EvidenceError("文件读到一半出错", where=where, cure="重新取得该文件") from exc


class _Bounded:
    """A file that ends in an error where it unpacks beyond all bounds."""

    def __init__(self, source: Readable, where: str) -> None:
        self._source = source
        self._where = where
        self._left = _PLAIN_BYTES

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(_BLOCK if size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise EvidenceError("文件解开后过大", where=self._where, cure="核对是否为漏洞数据")
        return data


def _digest(path: Path) -> str:
    """Return the sha256 of a file, or of the names and digests of all records of a folder."""
    total = hashlib.sha256()
    if path.is_dir():
        for one in sorted(path.rglob("*.json")):
            if one.is_file() and not one.is_symlink():
                total.update(f"{_digest(one)}  {one.relative_to(path).as_posix()}\n".encode())
        return total.hexdigest()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()
