"""Tells in which column a hit stands, and finds what only a column's name betrays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from ..pii import is_bank_card
from .judge import is_old_id
from .kinds import Cell, Hit, Kind
from .labels import kind_of_password
from .windows import Window
from .words import is_name, kind_of_column

_KEY: Final = re.compile(
    rb"[\"']([A-Za-z_][A-Za-z0-9_.-]{0,40})\\?[\"']\s?:\s?\\?[\"']?\Z|([A-Za-z_][A-Za-z0-9_]{0,40})=\Z"
)
_KEY_ENDS: Final = frozenset(b"\"'=:\\ \t\r\n\f\v")
_NOWHERE: Final = Cell()
_IDENTIFIER: Final = re.compile(r"[A-Za-z_#@$][A-Za-z0-9_#@$ .()-]{0,62}")
_TITLE_ZH: Final = re.compile(
    r"[\u4e00-\u9fff（）()A-Za-z]{0,12}[名号码别龄期间址话机型科室药费额编类态注位箱卡数令符）)]"
)
_SOCIAL: Final = re.compile(r"[A-Z]{0,2}[0-9]{8,28}")
_PASSPORT: Final = re.compile(r"[A-Z]{1,2}[0-9]{7,8}")
_TOKEN: Final = re.compile(r"(?=.*\d)[A-Za-z0-9._~+/=-]{16,}")
_MAX_VALUE: Final = 400
LINE_MAX: Final = 65_536  # in a longer line or row the column is not told: counting would take too long
NULLS: Final = frozenset({b"", b"NULL", b"null", b"\\N"})


class Columns(Protocol):
    """Follows a member window by window."""

    def enter(self, window: Window) -> None:
        """Take up the next window."""

    def cells(self, starts: Sequence[int]) -> list[Cell]:
        """Return where in a table the bytes of the window stand; they are asked for in order."""

    def hits(self) -> Iterator[Hit]:
        """Yield what columns by their names make of values that tell nothing by themselves."""


class NoColumns:
    """Plain text and JSON: the key before a value is its column."""

    def __init__(self) -> None:
        self._data = b""

    def enter(self, window: Window) -> None:
        """Take up the next window."""
        self._data = window.data

    def cells(self, starts: Sequence[int]) -> list[Cell]:
        """Return the keys that stand before the values; nothing else, for it may be a person."""
        data = self._data
        return [self._cell(start) if start and data[start - 1] in _KEY_ENDS else _NOWHERE for start in starts]

    def _cell(self, start: int) -> Cell:
        found = _KEY.search(self._data[max(0, start - 60) : start])
        return Cell(column=(found.group(1) or found.group(2)).decode()) if found else _NOWHERE

    def hits(self) -> Iterator[Hit]:
        """Yield nothing."""
        return iter(())


def value_kind(kind: Kind, value: bytes) -> Kind | None:
    """Return as what a value of a column that holds `kind` is counted; None where it does not show it."""
    if value in NULLS or len(value) > _MAX_VALUE:
        return None
    text = value.decode("utf-8", "replace").strip()
    if kind is Kind.PASSWORD:
        return kind_of_password(text)
    return kind if _shows(kind, text) else None


def _shows(kind: Kind, text: str) -> bool:
    if kind is Kind.NAME:
        return is_name(text)
    if kind is Kind.ID_CARD_15:
        return is_old_id(text)
    if kind is Kind.BANK_CARD:
        return is_bank_card(text)
    shapes = {Kind.SOCIAL_CARD: _SOCIAL, Kind.PASSPORT: _PASSPORT, Kind.TOKEN: _TOKEN}
    return kind in shapes and shapes[kind].fullmatch(text) is not None


def watch_of(columns: Sequence[str], table: str = "") -> dict[int, Kind]:
    """Return the columns whose values only their names betray."""
    kinds = ((place, kind_of_column(name, table)) for place, name in enumerate(columns))
    return {place: kind for place, kind in kinds if kind is not None}


def shown_column(name: str, place: int) -> str:
    """Return a column's name fit for print; a first row that is data and not titles names no one."""
    name = name.strip()
    if _IDENTIFIER.fullmatch(name) or _TITLE_ZH.fullmatch(name) or kind_of_column(name):
        return name
    return f"第{place + 1}列"


class Separated:
    """CSV, TSV and sheets made into them: the first line names the columns."""

    def __init__(
        self, delimiter: bytes, *, quoted: bool = True, letters: bool = False, table: str = ""
    ) -> None:
        mark = re.escape(delimiter)
        self._delimiter = delimiter
        self._letters = letters
        self._table = table
        plain = rb"[^" + mark + rb"\n]*+"
        self._field = rb'(?:"(?:[^"\n]|"")*+"|' + plain + rb")" if quoted else plain
        self._fields = re.compile(rb"(" + self._field + rb")(?:" + mark + rb"|\Z)")
        self._quoted = quoted
        self._names: tuple[str, ...] = ()
        self._watch: tuple[tuple[re.Pattern[bytes], Kind], ...] = ()
        self._window = Window(b"", 0, 0, 0, 1, last=True)
        self._line = (0, -1)

    def enter(self, window: Window) -> None:
        """Take up the next window; the first brings the titles."""
        self._window = window
        self._line = (0, -1)
        if window.base == 0 and window.low == 0:
            end = window.data.find(b"\n")
            if 0 < end <= LINE_MAX:
                self._title(window.data[:end].rstrip(b"\r"))

    def _title(self, line: bytes) -> None:
        cells = self.split(line)
        names = [one.decode("utf-8", "replace") for one in cells]
        if not any(_IDENTIFIER.fullmatch(one) or kind_of_column(one) for one in names):
            return
        self._names = tuple(shown_column(one, place) for place, one in enumerate(names))
        mark = re.escape(self._delimiter)
        self._watch = tuple(
            (
                re.compile(
                    rb"^(?:(?:"
                    + self._field
                    + mark
                    + rb"){%d}(" % place
                    + self._field
                    + rb")(?="
                    + mark
                    + rb"|\r?$)[^\n]*+|[^\n]++)",
                    re.MULTILINE,
                ),
                kind,
            )
            for place, kind in watch_of(names, self._table).items()
        )

    def split(self, line: bytes) -> list[bytes]:
        """Return the cells of a line."""
        cells = [one.group(1) for one in self._fields.finditer(line)]
        if len(cells) > 1 and not line.endswith(self._delimiter) and not cells[-1]:
            cells.pop()
        return [_unquoted(one) if self._quoted else one for one in cells]

    def cells(self, starts: Sequence[int]) -> list[Cell]:
        """Return columns and, for sheets, cells; unknown where a quote spans lines."""
        return [self._cell(start) for start in starts]

    def _cell(self, start: int) -> Cell:
        data = self._window.data
        if not self._line[0] <= start < self._line[1]:
            begin = data.rfind(b"\n", 0, start) + 1
            end = data.find(b"\n", start)
            self._line = (begin, end if end >= 0 else len(data))
        begin, end = self._line
        if start - begin > LINE_MAX:
            return Cell(self._table)
        prefix = data[begin:start]
        if self._quoted and b'"' in prefix:
            if end - begin > LINE_MAX:
                return Cell(self._table)
            line = data[begin:end].rstrip(b"\r")
            if self._names and len(self.split(line)) != len(self._names):
                return Cell(self._table)
            place = len([one for one in self._fields.finditer(line) if one.end() <= start - begin])
        else:
            place = prefix.count(self._delimiter)
        name = self._names[place] if place < len(self._names) else ""
        return Cell(self._table, name, letters_of(place) if self._letters else "")

    def hits(self) -> Iterator[Hit]:
        """Yield names, passwords and the like from the columns so called."""
        window = self._window
        for pattern, kind in self._watch:
            for found in pattern.finditer(window.data, window.low, window.high):
                start, end = found.span(1)
                if start < 0:  # a line with other cells than the titles promise
                    continue
                value = found.group(1)
                if self._quoted and value[:1] == b'"':
                    start, end, value = start + 1, end - 1, _unquoted(value)
                if shown := value_kind(kind, value):
                    yield start, end, shown


def _unquoted(cell: bytes) -> bytes:
    return cell[1:-1].replace(b'""', b'"') if len(cell) > 1 and cell[:1] == b'"' == cell[-1:] else cell


def letters_of(place: int) -> str:
    """Return the letters of a sheet's column: 0 is A, 26 is AA."""
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(65 + rest) + text
    return text


def separated_of(name: str, head: bytes) -> Separated | None:
    """Return the reader of a file that is CSV or TSV by its name or by its titles; None where it is not."""
    line = head[: head.find(b"\n") + 1 or len(head)].rstrip(b"\r\n")
    counts = {one: line.count(one) for one in (b",", b"\t", b";", b"|")}
    delimiter = max(counts, key=lambda one: counts[one])
    suffix = name.rpartition(".")[2].lower()
    if suffix == "tsv":
        return Separated(b"\t")
    reader = Separated(delimiter)
    if suffix == "csv":
        return reader
    if suffix not in ("txt", "dat", "") or not counts[delimiter] or line[:1] in b"{[":
        return None
    names = [one.decode("utf-8", "replace") for one in reader.split(line)]
    known = sum(kind_of_column(one) is not None for one in names)
    return reader if known >= 2 else None
