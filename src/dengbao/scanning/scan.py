"""Scans files: opens what is packed, reads what is a document, and counts what it finds."""

from __future__ import annotations

import errno
import gc
import io
import os
import stat
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from .archives import (
    BROKEN,
    Budget,
    Limits,
    Metered,
    TooMuch,
    Unreadable,
    is_tar,
    is_zip,
    tar_members,
    unpacked,
    zip_members,
)
from .columns import Columns, NoColumns, Separated, separated_of
from .engines import Engine, FastEngine, best_engine
from .heads import FastHeads, Heads, PlainHeads
from .judge import shaped_like_ids
from .kinds import Cell, Hit, Kind, shown_name
from .office import is_known_part, office_kind, pages, paragraphs, sheets
from .sql import SqlDump, looks_like_sql
from .tally import Group, Report, Tally, Unread, sample
from .windows import SIZE, Decoder, Readable, Window, windows

_BINARY: Final = (
    (b"\x89PNG", "图片"), (b"\xff\xd8\xff", "图片"), (b"GIF8", "图片"), (b"Rar!", "rar 压缩包"),
    (b"SQLite format 3\0", "SQLite 数据库文件"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "旧版 Office 文件"),
    (b"7z\xbc\xaf\x27\x1c", "7z 压缩包"), (b"\x7fELF", "程序文件"), (b"PGDMP", "PostgreSQL 自定义格式转储"),
)  # fmt: skip

# What a text that began as one may hold further on, in which nothing is found.
_NO_TEXT: Final = (
    (b"\0", "文本中夹有二进制内容或另一种编码，只查找了其中的文本"),
    (b"Transfer-Encoding: base64", "邮件的 base64 附件，未解码"),
)
_ALIKE_BYTES: Final = 64 * 1024  # around the first id number of a window: those that fail are counted, too
_ODD_SHARE: Final = 0.05  # a text that is cut or has been through bad hands has fewer odd bytes


class Stopped(Exception):
    """The scan is wanted no longer."""


class Scanner:
    """One scan over any number of files; keeps counts and masked samples, never a value.

    `share` is which of how many: every share walks through everything, since what a value stands in is
    known only then, and looks for values in its own windows alone. `regions` are the first six digits of
    id numbers that are made up, `marker` a word of made-up names; others are counted. `progress` is
    told the file and how many bytes of text were gone through; it may raise `Stopped` to end the scan.
    """

    def __init__(
        self,
        *,
        engine: Engine | None = None,
        limits: Limits | None = None,
        key: bytes | None = None,
        window: int = SIZE,
        regions: tuple[str, ...] = (),
        marker: str = "",
        share: tuple[int, int] = (0, 1),
        progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self._engine = engine or best_engine()
        self._heads: Heads = FastHeads() if isinstance(self._engine, FastEngine) else PlainHeads()
        self._budget = Budget(limits or Limits())
        self._limits = limits or Limits()
        self._tally = Tally(key, regions, marker)
        self._window = window
        self._file = ""
        self._share, self._shares = share
        self._windows = 0
        self._walked = 0
        self._progress = progress

    @property
    def tally(self) -> Tally:
        """Return the counts until now."""
        return self._tally

    def report(self) -> Report:
        """Return what was found until now."""
        return self._tally.report(self._engine.name)

    def path(self, path: Path) -> None:
        """Scan a file, or all files below a folder; what cannot be read is named in the report."""
        if not path.is_dir() or path.is_symlink():
            self._one(path, path.name)
            return
        for folder, folders, names in os.walk(path, onerror=lambda exc: self._unlisted(exc, path)):
            folders.sort()
            for linked in (one for one in (Path(folder, each) for each in folders) if one.is_symlink()):
                self._file = shown_name(linked.relative_to(path).as_posix())
                self._unread("", "指向目录的链接，未进入")
            for name in sorted(names):
                file = Path(folder, name)
                self._one(file, file.relative_to(path).as_posix())

    def _unlisted(self, error: OSError, root: Path) -> None:
        folder = Path(os.fsdecode(error.filename))
        name = folder.relative_to(root).as_posix()
        self._file = shown_name(root.name if name == "." else name)
        self._unread("", f"目录{_why(error)}")

    def _one(self, path: Path, name: str) -> None:
        self._file = shown_name(name)
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                self._unread("", "不是普通文件")
                return
            with path.open("rb") as file:
                self.file(file, name)
        except OSError as exc:
            self._unread("", _why(exc))

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

    def leave_out(self, name: str, reason: str) -> None:
        """Note a file that is not scanned, or not to its end, and why in Chinese."""
        self._file = shown_name(name)
        self._unread("", reason)

    def _guarded(self, member: str, work: Callable[[], None]) -> None:
        try:
            work()
        except TooMuch as bound:
            self._unread(member, str(bound))
        except Unreadable as exc:
            self._unread(member, str(exc))
        except SyntaxError:  # as lxml says that something is no XML
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
            odd = self._text(stream, member, self._columns(name, head))
            if _is_binary(head):
                self._unread(member, "不认识的二进制格式，只查找了其中的文本")
            elif odd:
                self._unread(member, odd)

    def _columns(self, name: str, head: bytes) -> Columns:
        text = Decoder().feed(head)
        if looks_like_sql(name, text):
            return SqlDump(self._heads)
        return separated_of(name, text) or NoColumns()

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
            for name, rows in sheets(file, size, self._budget):
                sheet = shown_name(name)
                columns = Separated(b"\t", quoted=False, letters=True, table=sheet)
                self._text(rows, _join(member, sheet), columns)
        if kind == "docx":
            for part, lines in paragraphs(file, size, self._budget):
                self._text(lines, _join(member, part), NoColumns())
        self._parts(file, size, member, depth, office=bool(kind))

    def _parts(self, file: IO[bytes], size: int, member: str, depth: int, *, office: bool) -> None:
        """Read the members of a zip; of a document those that were not read as its sheets or pages."""
        for inner, inside in zip_members(file, size, self._budget):
            if office and is_known_part(inner):
                continue
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

    def _text(self, source: Readable, member: str, columns: Columns) -> str:
        """Go through a text; return in Chinese what of it could not be seen, empty if nothing."""
        self._tally.members += 1
        odd = ""
        for window in windows(source, Decoder(), self._window):
            columns.enter(window)
            odd = odd or next((why for mark, why in _NO_TEXT if mark in window.data), "")
            if self._windows % self._shares == self._share:
                self._tally.text_bytes += window.high - window.low
                with _uncollected():
                    self._count(window, columns, member)
            self._windows += 1
            self._walked += window.high - window.low
            if self._progress is not None:
                self._progress(self._file, self._walked)
        return odd

    def _count(self, window: Window, columns: Columns, member: str) -> None:
        data = window.data
        hits = _merged(self._engine.hits(data, window.low, window.small), columns.hits(), window)
        places: defaultdict[tuple[Kind, Cell], list[Hit]] = defaultdict(list)
        for hit, cell in zip(hits, columns.cells([one[0] for one in hits]), strict=True):
            places[hit[2], cell].append(hit)
        values: defaultdict[Kind, list[bytes]] = defaultdict(list)
        shown: list[tuple[Hit, Cell, Group]] = []
        for (kind, cell), found in places.items():
            group = self._tally.group(kind, self._file, member, cell, self._windows)
            group.count += len(found)
            shown += [(hit, cell, group) for hit in found[: group.wanted]]
            values[kind] += [data[start:end] for start, end, _ in found]
        self._show(shown, window)
        for kind, alike in values.items():
            self._tally.add(kind, alike)
        first = next((start for start, _, kind in hits if kind is Kind.ID_CARD), None)
        if first is not None:
            begin, end = max(first - _ALIKE_BYTES, window.low), min(first + _ALIKE_BYTES, window.high)
            held, failed = shaped_like_ids(data, begin, end)
            self._tally.alike_held += held
            self._tally.alike_failed += failed

    def _show(self, hits: list[tuple[Hit, Cell, Group]], window: Window) -> None:
        """Keep samples of hits with their lines."""
        line, counted = window.line, window.low
        for hit, cell, group in sorted(hits, key=_start):
            if not group.wanted:
                continue
            line += window.data.count(b"\n", counted, hit[0])
            counted = hit[0]
            group.samples.append(
                sample(
                    hit[2],
                    window.data[hit[0] : hit[1]],
                    line=line,
                    offset=window.base + hit[0],
                    cell=f"{cell.cell}{line}" if cell.cell else "",
                )
            )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles among hits, of which there are thousands and in which are none."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _start(one: tuple[Hit, Cell, Group]) -> int:
    return one[0][0]


def _merged(found: list[Hit], more: Iterator[Hit], window: Window) -> list[Hit]:
    """Return the hits of this window in order; none begins inside another, and a column's word comes last."""
    known = {one[0]: one for one in more if window.low <= one[0] < window.high}
    if known:
        known.update({one[0]: one for one in found})
        found = [known[start] for start in sorted(known)]
    hits: list[Hit] = []
    end, high = -1, window.high
    for hit in found:
        if end <= hit[0] < high:
            hits.append(hit)
            end = hit[1]
    return hits


def _is_binary(head: bytes) -> bool:
    """Tell whether bytes are no text of any encoding: what is packed inside would not be seen."""
    text = Decoder().feed(head, final=False).decode("utf-8", "replace")
    odd = sum(one == "\ufffd" or (one < " " and one not in "\t\n\r\f\b\x1b") for one in text)
    return odd > _ODD_SHARE * max(1, len(text))


def _why(error: OSError) -> str:
    known = {errno.ENOENT: "不存在", errno.EACCES: "无权读取", errno.EPERM: "无权读取"}
    return known.get(error.errno or 0, f"无法读取（{error.strerror or '输入输出错误'}）")


def _join(member: str, part: str) -> str:
    return f"{member}!{part}" if member else part
