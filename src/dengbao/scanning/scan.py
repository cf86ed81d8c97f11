"""Scans files: opens what is packed, reads what is a document, and counts what it finds."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from lxml import etree

from .archives import (
    BROKEN,
    Budget,
    Limits,
    Metered,
    TooMuch,
    is_tar,
    is_zip,
    tar_members,
    unpacked,
    zip_members,
)
from .columns import Columns, NoColumns, Separated, separated_of
from .engines import Engine, best_engine
from .kinds import Hit, shown_name
from .office import Unreadable, office_kind, pages, paragraphs, sheets
from .sql import SqlDump, looks_like_sql
from .tally import Report, Tally, Unread, sample, wants_sample
from .windows import SIZE, Decoder, Readable, Window, windows

_BINARY: Final = (
    (b"\x89PNG", "图片"), (b"\xff\xd8\xff", "图片"), (b"GIF8", "图片"), (b"Rar!", "rar 压缩包"),
    (b"SQLite format 3\0", "SQLite 数据库文件"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "旧版 Office 文件"),
    (b"7z\xbc\xaf\x27\x1c", "7z 压缩包"), (b"\x7fELF", "程序文件"), (b"PGDMP", "PostgreSQL 自定义格式转储"),
)  # fmt: skip


def scan_paths(
    paths: Iterable[Path],
    *,
    engine: Engine | None = None,
    limits: Limits | None = None,
    key: bytes | None = None,
    window: int = SIZE,
) -> Report:
    """Scan files and folders, without following links, and return what they hold.

    `key` makes digests of two scans comparable within one process; no digest leaves the scanner.
    """
    scanner = Scanner(engine=engine, limits=limits, key=key, window=window)
    for path in paths:
        scanner.path(path)
    return scanner.report()


class Scanner:
    """One scan over any number of files; keeps counts and masked samples, never a value."""

    def __init__(
        self,
        *,
        engine: Engine | None = None,
        limits: Limits | None = None,
        key: bytes | None = None,
        window: int = SIZE,
    ) -> None:
        self._engine = engine or best_engine()
        self._budget = Budget(limits or Limits())
        self._limits = limits or Limits()
        self._tally = Tally(key)
        self._window = window
        self._file = ""

    def report(self) -> Report:
        """Return what was found until now."""
        return self._tally.report(self._engine.name)

    def path(self, path: Path) -> None:
        """Scan a file, or all files below a folder; what cannot be read is named in the report."""
        if not path.is_dir() or path.is_symlink():
            self._one(path, path.name)
            return
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                self._one(file, file.relative_to(path).as_posix())

    def _one(self, path: Path, name: str) -> None:
        self._file = shown_name(name)
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                self._unread("", "不是普通文件")
                return
            with path.open("rb") as file:
                self.file(file, name)
        except OSError as exc:
            self._unread("", f"无法读取：{exc.strerror or '输入输出错误'}")

    def file(self, file: IO[bytes], name: str) -> None:
        """Scan an open file that can be sought in."""
        self._file = shown_name(name)
        self._tally.files += 1
        self._guarded("", lambda: self._stream(Metered(file, self._budget), name, "", 0, file))

    def stream(self, source: Readable, name: str) -> None:
        """Scan a stream that is read once, such as a pipe."""
        self._file = shown_name(name)
        self._tally.files += 1
        self._guarded("", lambda: self._stream(Metered(source, self._budget), name, "", 0, None))

    def _guarded(self, member: str, work: Callable[[], None]) -> None:
        try:
            work()
        except TooMuch as bound:
            self._unread(member, str(bound))
        except Unreadable as exc:
            self._unread(member, str(exc))
        except etree.XMLSyntaxError:
            self._unread(member, "文档已损坏，未读完")
        except BROKEN as exc:
            self._unread(member, f"文件已损坏或格式不受支持（{type(exc).__name__}）")

    def _unread(self, member: str, reason: str) -> None:
        self._tally.unread.append(Unread(self._file, member, reason))

    def _stream(self, stream: Metered, name: str, member: str, depth: int, file: IO[bytes] | None) -> None:
        head = stream.head()
        if depth > self._limits.depth:
            self._unread(member, f"压缩包嵌套超过 {self._limits.depth} 层")
        elif is_zip(head) or head.startswith(b"%PDF-"):
            self._held(stream, member, depth, file)
        elif (inside := unpacked(stream, self._budget)) is not None:
            shorter = (
                name.rpartition(".")[0] if name.lower().endswith((".gz", ".bz2", ".xz", ".zst")) else name
            )
            self._stream(inside, shorter.removesuffix(".tgz"), member, depth + 1, None)
        elif is_tar(head):
            for inner, part in tar_members(stream, self._budget):
                self._member(part, inner, member, depth)
        elif what := next((text for mark, text in _BINARY if head.startswith(mark)), ""):
            self._unread(member, f"{what}，未扫描内容")
        else:
            self._text(stream, member, _columns_of(name, head))

    def _member(self, part: Metered, inner: str, member: str, depth: int) -> None:
        place = "!".join(one for one in (member, shown_name(inner)) if one)
        self._guarded(place, lambda: self._stream(part, inner, place, depth + 1, None))

    def _held(self, stream: Metered, member: str, depth: int, file: IO[bytes] | None) -> None:
        """Read what must be sought in: from its own file, or from memory where it is small enough."""
        if file is None:
            data = stream.whole(self._limits.held_bytes)
            if data is None:
                self._unread(member, "包内的压缩包或文档过大，未在内存中展开")
                return
            file = io.BytesIO(data)
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if stream.taken and file.read(5) == b"%PDF-":
            self._pdf(file, member)
            return
        with zipfile.ZipFile(file) as archive:
            kind = office_kind(set(archive.namelist()))
        if kind == "xlsx":
            for sheet, rows in sheets(file, size, self._budget):
                self._text(
                    rows, _join(member, sheet), Separated(b"\t", quoted=False, letters=True, table=sheet)
                )
            return
        if kind == "docx":
            for part, lines in paragraphs(file, size, self._budget):
                self._text(lines, _join(member, part), NoColumns())
            return
        for inner, inside in zip_members(file, size, self._budget):
            if inside is None:
                self._unread(_join(member, shown_name(inner)), "已加密")
            else:
                self._member(inside, inner, member, depth)

    def _pdf(self, file: IO[bytes], member: str) -> None:
        empty = 0
        for page, text in pages(file):
            self._budget.spend(len(text))
            empty += not text.strip()
            self._text(io.BytesIO(text), _join(member, page), NoColumns())
        if empty:
            self._unread(member, f"PDF 有 {empty} 页没有文字（可能是扫描件）")

    def _text(self, source: Readable, member: str, columns: Columns) -> None:
        self._tally.members += 1
        for window in windows(source, Decoder(), self._window):
            self._tally.text_bytes += window.high - window.low
            columns.enter(window)
            self._count(window, columns, member)

    def _count(self, window: Window, columns: Columns, member: str) -> None:
        line, counted = window.line, window.low
        for hit in _merged(self._engine.hits(window.data, window.low), columns.hits(), window):
            cell = columns.cell(hit.start)
            value = window.data[hit.start : hit.end]
            group = self._tally.add(hit, value, self._file, member, cell)
            if wants_sample(group):
                line += window.data.count(b"\n", counted, hit.start)
                counted = hit.start
                place = f"{cell.cell}{line}" if cell.cell else ""
                group.samples.append(
                    sample(hit, value, line=line, offset=window.base + hit.start, cell=place)
                )


def _merged(found: list[Hit], more: Iterator[Hit], window: Window) -> list[Hit]:
    """Return the hits of this window in order; none begins inside another, and a column's word comes last."""
    known = {one.start: one for one in more if window.low <= one.start < window.high}
    known.update({one.start: one for one in found if one.start < window.high})
    hits: list[Hit] = []
    end = -1
    for start in sorted(known):
        if start >= end:
            hits.append(known[start])
            end = known[start].end
    return hits


def _columns_of(name: str, head: bytes) -> Columns:
    text = Decoder().feed(head)
    if looks_like_sql(name, text):
        return SqlDump()
    return separated_of(name, text) or NoColumns()


def _join(member: str, part: str) -> str:
    return f"{member}!{part}" if member else part
