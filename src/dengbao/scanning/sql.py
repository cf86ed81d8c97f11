"""Follows SQL dumps: which table and column a value of INSERT or COPY stands in."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .columns import LINE_MAX, shown_column, value_kind, watch_of
from .heads import Heads, PlainHeads
from .kinds import Cell, Hit, Kind, shown_name
from .windows import Window

_NAME: Final = rb"((?:[\w$#.\x80-\xff]|`[^`\n]{1,128}`|\"[^\"\n]{1,128}\"|\[[^\]\n]{1,128}\]){1,300})"
_INSERT: Final = re.compile(
    rb"(?:insert\s+(?:ignore\s+)?into|replace\s+into)\s+"
    + _NAME
    + rb"\s*(?:\(([^()]{0,20000})\))?\s*values?\s*",
    re.IGNORECASE,
)
_COPY: Final = re.compile(
    rb"copy\s+" + _NAME + rb"\s*(?:\(([^()\n]{0,20000})\))?\s+from\s+stdin[^\n]*\n", re.IGNORECASE
)
_CREATE: Final = re.compile(
    rb"create\s+(?:\w+\s+){0,2}table\s+(?:if\s+not\s+exists\s+)?" + _NAME + rb"\s*\(", re.IGNORECASE
)
_STRING: Final = rb"'(?:[^'\\]++|\\.|'')*+'"
_ROW: Final = re.compile(
    rb"[\s,]*+(\((?:[^'()]++|" + _STRING + rb"|\((?:[^'()]++|" + _STRING + rb")*+\))*+\))", re.DOTALL
)
_PART: Final = rb"(?:[^',()]++|" + _STRING + rb"|\((?:[^'()]++|" + _STRING + rb")*+\))++"
_ONE: Final = re.compile(_PART + rb",", re.DOTALL)
_BEFORE: Final = re.compile(rb"(?:" + _PART + rb",)*+", re.DOTALL)
_OPEN_STRING: Final = rb"(?:'(?:[^'\\]++|\\.|'')*+)?"
_WITHIN: Final = re.compile(
    rb"(?:" + _PART + rb")?(?:\((?:[^'()]++|" + _STRING + rb")*+)?" + _OPEN_STRING, re.DOTALL
)
# Most rows up to a value: numbers and the quote that opens it, so that every comma is one between fields.
_SIMPLE: Final = re.compile(rb"\([^'()\\]*+'").fullmatch
_BETWEEN: Final = re.compile(rb"\)\s*,\s*\(")
_NO_COLUMN: Final = re.compile(
    r"(?:primary|unique|constraint|key|index|foreign|check|fulltext|spatial|exclude|like|partition|period)\b",
    re.IGNORECASE,
)
_FIRST_WORD: Final = re.compile(rb"[ \t]*(?:`([^`\n]+)`|\"([^\"\n]+)\"|\[([^\]\n]+)\]|([\w$#\x80-\xff]+))")
_QUOTES: Final = str.maketrans("", "", '`"[]')
_CREATE_MAX: Final = 65536
_MAX_TABLES: Final = 10_000
_MAX_COLUMNS: Final = 400
_NOWHERE: Final = Cell()
_NEAR: Final = 64  # most values stand near the beginning of their row
_BLANK: Final = 0x20
_OLD_MAX: Final = 19  # 15 digits, and room for N and quotes: less than a number of 18 with them
_HEAD_MAX: Final = 24_000


@dataclass(frozen=True)
class _Layout:
    table: str
    columns: tuple[str, ...]
    watch: dict[int, Kind]
    copy: bool
    rows: re.Pattern[bytes] | None
    cells: tuple[Cell, ...]
    elsewhere: Cell


@dataclass
class _Segment:
    """The part of a window that one statement fills; `row` is where the last known row begins."""

    begin: int
    end: int
    layout: _Layout
    row: int = -1
    closed: int = -2  # a row behind which no other follows
    between: bytes = b""


def looks_like_sql(name: str, head: bytes) -> bool:
    """Tell whether a file is an SQL script, by its name or its first bytes."""
    lower = b"\n" + head.lower()
    return name.lower().endswith((".sql", ".dmp")) or any(
        one in lower
        for one in (b"\ncreate table", b"\ninsert into", b"database dump", b"-- mysql dump", b"from stdin;")
    )


class SqlDump:
    """Follows the statements of a dump; what it does not understand has no column, and is still scanned."""

    def __init__(self, heads: Heads | None = None) -> None:
        self._heads = heads or PlainHeads()
        self._old: bool | None = None  # whether the window has old numbers, once that was asked
        self._window = Window(b"", 0, 0, 0, 1, last=True)
        self._tables: dict[str, tuple[str, ...]] = {}
        self._layouts: dict[tuple[bytes, bytes | None, bool], _Layout] = {}
        self._open: _Layout | None = None
        self._segments: list[_Segment] = []
        self._cells: dict[int, Cell] = {}

    def enter(self, window: Window) -> None:
        """Take up the next window: find its statements."""
        self._window = window
        self._segments = []
        self._cells = {}
        self._old = None
        heads = self._heads.places(window)
        at = window.low
        while at < window.high:
            if self._open is not None and self._open.copy:
                end = window.data.find(b"\\.", at, window.high)
                while end > 0 and window.data[end - 1 : end] != b"\n":
                    end = window.data.find(b"\\.", end + 1, window.high)
                self._segment(at, end if end >= 0 else window.high)
                if end < 0:
                    break
                self._open = None
                at = end + 2
                continue
            place = bisect_left(heads, at)
            head = heads[place] if place < len(heads) else window.high
            self._segment(at, head)
            at = self._head(head) if head < window.high else head

    def _segment(self, begin: int, end: int) -> None:
        if self._open is not None and end > begin:
            self._segments.append(_Segment(begin, end, self._open))

    def _head(self, at: int) -> int:
        """Take up the statement that begins at `at`; return where its rows begin."""
        data = self._window.data
        if found := _CREATE.match(data, at, at + _HEAD_MAX):
            self._create(found)
            self._open = None
            return found.end()
        for pattern, copy in ((_INSERT, False), (_COPY, True)):
            if found := pattern.match(data, at, at + _HEAD_MAX):
                self._open = self._layout(found.group(1), found.group(2), copy=copy)
                return found.end()
        return at + 1

    def _create(self, found: re.Match[bytes]) -> None:
        body = self._window.data[found.end() : found.end() + _CREATE_MAX]
        names: list[str] = []
        for line in re.split(rb",?[ \t]*\r?\n", body):
            if line.lstrip().startswith(b")"):
                break
            word = _FIRST_WORD.match(line)
            if word is None:
                continue
            name = next(one for one in word.groups() if one).decode("utf-8", "replace")
            if word.group(4) is None or not _NO_COLUMN.match(name):
                names.append(name)
        if len(self._tables) < _MAX_TABLES:
            self._tables[_table_of(found.group(1))] = tuple(names)

    def _layout(self, table: bytes, columns: bytes | None, *, copy: bool) -> _Layout:
        key = (table, columns, copy)
        if key not in self._layouts:
            if len(self._layouts) >= _MAX_TABLES:
                self._layouts.clear()
            name = _table_of(table)
            names = self._tables.get(name, ()) if columns is None else _names(columns)
            shown = tuple(shown_column(one, place) for place, one in enumerate(names))
            watch = watch_of(names, name)
            rows = _rows_of(len(names), watch) if watch and not copy else None
            cells = tuple(Cell(name, one) for one in shown)
            self._layouts[key] = _Layout(name, shown, watch, copy, rows, cells, Cell(name))
        return self._layouts[key]

    def cells(self, starts: Sequence[int]) -> list[Cell]:
        """Return tables and columns."""
        found: list[Cell] = []
        for segment in self._segments:
            first = bisect_left(starts, segment.begin, len(found))
            found += [_NOWHERE] * (first - len(found))
            within = starts[first : bisect_left(starts, segment.end, first)]
            if within:
                found += (self._lines if segment.layout.copy else self._rows)(segment, within)
        found += [_NOWHERE] * (len(starts) - len(found))
        known = self._cells
        return [known.get(*one) for one in zip(starts, found, strict=True)] if known else found

    def _lines(self, segment: _Segment, starts: Sequence[int]) -> Iterator[Cell]:
        data, cells, elsewhere = self._window.data, segment.layout.cells, segment.layout.elsewhere
        for start in starts:
            begin = data.rfind(b"\n", max(0, start - LINE_MAX), start) + 1
            number = data.count(b"\t", begin, start) if begin or start < LINE_MAX else -1
            yield cells[number] if 0 <= number < len(cells) else elsewhere

    def _rows(self, segment: _Segment, starts: Sequence[int]) -> list[Cell]:
        layout = segment.layout
        numbers = _numbers(segment, self._window.data, starts)
        most = len(layout.cells)
        cells = (*layout.cells, layout.elsewhere)
        return [cells[one if one < most else -1] for one in numbers]

    def hits(self) -> Iterator[Hit]:
        """Yield names, passwords and the like from the columns so called."""
        for segment in self._segments:
            if segment.layout.watch:
                yield from self._copied(segment) if segment.layout.copy else self._inserted(segment)

    def _copied(self, segment: _Segment) -> Iterator[Hit]:
        for number, kind in segment.layout.watch.items():
            pattern = re.compile(
                rb"^(?:(?:[^\t\n]*+\t){%d}([^\t\n]*+)[^\n]*+|[^\n]++)" % number, re.MULTILINE
            )
            for found in pattern.finditer(self._window.data, segment.begin, segment.end):
                if shown := value_kind(kind, found.group(1) or b""):
                    yield *found.span(1), shown

    def _inserted(self, segment: _Segment) -> Iterator[Hit]:
        data, at, layout = self._window.data, segment.begin, segment.layout
        if layout.rows is None or not self._worth(segment):
            return
        while at < segment.end:
            found = layout.rows.match(data, at)
            if found is None:
                at = _behind(data, at, segment.end)
                continue
            at = found.end()
            for group, (number, kind) in enumerate(layout.watch.items(), 1):
                start, stop = found.span(group)
                if kind is Kind.ID_CARD_15 and stop - start > _OLD_MAX and data[stop - 2] != _BLANK:
                    continue
                start, stop = _inside(data, start, stop)
                if shown := value_kind(kind, data[start:stop]):
                    self._cells[start] = layout.cells[number]
                    yield start, stop, shown

    def _worth(self, segment: _Segment) -> bool:
        """Tell whether the rows must be gone through: old numbers are rare, and seen in one search."""
        layout, data = segment.layout, self._window.data
        if layout.rows is None or set(layout.watch.values()) != {Kind.ID_CARD_15}:
            return True
        first = layout.rows.match(data, segment.begin)
        if first is None or any(one[:1] != b"'" for one in first.groups()):
            return True
        return self._has_old()

    def _has_old(self) -> bool:
        if self._old is None:
            self._old = self._heads.has_old(self._window)
        return self._old


def _behind(data: bytes, at: int, end: int) -> int:
    """Return where to go on behind a row with other fields than its table, or behind no row at all."""
    if found := _ROW.match(data, at):
        return found.end()
    again = data.find(b"),(", at, end)
    return again + 1 if again >= 0 else end


def _numbers(segment: _Segment, data: bytes, starts: Sequence[int]) -> list[int]:
    """Return in which fields of their rows bytes that come in order stand; -1 where that is not known."""
    if not segment.between:
        _measure(segment, data)
    numbers: list[int] = []
    begin, between, rfind = segment.begin, segment.between, data.rfind
    gap, low = len(between) - 1, max(begin, segment.row)
    for start in starts:
        near = max(low, start - _NEAR)
        found = rfind(between, near, start)
        if found < 0 and near > low:
            found = rfind(between, low, near + gap)
        if found >= 0:
            segment.row = found + gap
        row = segment.row
        low = max(begin, row, start - gap)
        if row == segment.closed:
            numbers.append(-1)
        elif 0 <= row < start <= row + LINE_MAX and _SIMPLE(before := data[row:start]):
            numbers.append(before.count(b","))
        else:
            numbers.append(_number(segment, data, start))
    return numbers


def _number(segment: _Segment, data: bytes, start: int) -> int:
    """Return the number of a field by walking to its row if need be."""
    number = _field(data, segment.row, start)
    return _field(data, segment.row, start) if number < 0 and _walk(segment, data, start) else number


def _measure(segment: _Segment, data: bytes) -> None:
    """Find the first row, and what stands between rows."""
    first = _ROW.match(data, segment.begin, segment.end)
    if first:
        segment.row = first.start(1)
        more = _BETWEEN.match(data, first.end() - 1)
    else:
        segment.closed = segment.row
        more = _BETWEEN.search(data, segment.begin, min(segment.end, segment.begin + LINE_MAX))
    segment.between = more.group() if more else b"),("


def _walk(segment: _Segment, data: bytes, start: int) -> bool:
    """Go row by row to the one with the byte; tell whether there is one."""
    at = segment.row
    while (found := _ROW.match(data, at)) is not None:
        at = found.end()
        if at > start:
            segment.row = found.start(1)
            return segment.row < start
    segment.closed = segment.row
    return False


def _field(data: bytes, row: int, start: int) -> int:
    """Return in which field of the row that begins at `row` the byte stands; -1 if in none."""
    if not 0 < start - row <= LINE_MAX:
        return -1
    before = _BEFORE.match(data, row + 1, start)
    end = before.end() if before else row + 1
    if data[end:start] != b"'" and _WITHIN.fullmatch(data, end, start) is None:
        return -1
    return len(_ONE.findall(data, row + 1, end))


def _rows_of(count: int, watch: dict[int, Kind]) -> re.Pattern[bytes] | None:
    """Return what finds rows of that many fields, with those that are watched as groups in order."""
    if not 0 < count <= _MAX_COLUMNS:
        return None
    fields = (rb"(" + _PART + rb")" if one in watch else _PART for one in range(count))
    return re.compile(rb"[\s,]*+\(" + b",".join(fields) + rb"\)", re.DOTALL)


def _inside(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return the span of a value without blanks, quotes and a national prefix."""
    text = data[start:stop]
    begin = start + len(text) - len(text.lstrip())
    end = stop - (len(text) - len(text.rstrip()))
    if data[begin : begin + 2] in (b"N'", b"n'", b"E'"):
        begin += 1
    if end - begin > 1 and data[begin : begin + 1] == b"'" == data[end - 1 : end]:
        return begin + 1, end - 1
    return begin, end


def _table_of(name: bytes) -> str:
    return shown_name(name.decode("utf-8", "replace").translate(_QUOTES)[:128])


def _names(columns: bytes) -> tuple[str, ...]:
    text = columns.decode("utf-8", "replace").translate(_QUOTES)
    return tuple(one.strip() for one in text.split(","))
