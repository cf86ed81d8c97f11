"""Tables of a page as lines of cells: nested tables apart, spanned cells in each of their lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_COLUMNS: Final = 200
MAX_LINES: Final = 5000

_BODIES: Final = frozenset({"thead", "tbody"})


def tables_of(source: str) -> Iterator[list[list[str]]]:
    """Yield the lines of each table, without its foot; a cell that spans most columns is no line's own.

    A table inside a cell is a table of its own: its lines are not those of the outer one.
    """
    for table in LexborHTMLParser(source).css("table"):
        yield list(_lines(table))


def _rows(table: LexborNode) -> Iterator[LexborNode]:
    """Yield the lines of one table; a line in the foot sums up or leads to further pages."""
    for one in table.iter():
        if one.tag == "tr":
            yield one
        elif one.tag in _BODIES:
            yield from (line for line in one.iter() if line.tag == "tr")


def _cells(row: LexborNode) -> Iterator[LexborNode]:
    yield from (one for one in row.iter() if one.tag in ("td", "th"))


def _lines(table: LexborNode) -> Iterator[list[str]]:
    hanging: dict[int, tuple[int, str]] = {}  # column → further lines it spans, text
    width = 0
    for number, row in enumerate(_rows(table)):
        if number >= MAX_LINES:
            return
        line, spans = _line(row, hanging)
        width = max(width, len(line))
        if spans * 2 <= width or width < 2 or number == 0:
            yield line


def _line(row: LexborNode, hanging: dict[int, tuple[int, str]]) -> tuple[list[str], int]:
    """Return the cells of a line and how many columns its widest cell covers."""
    line: list[str] = []
    widest = 1
    cells = list(_cells(row))
    while cells or len(line) in hanging:
        if len(line) >= MAX_COLUMNS:
            break
        if len(line) in hanging:
            left, text = hanging.pop(len(line))
            if left > 1:
                hanging[len(line)] = (left - 1, text)
            line.append(text)
            continue
        cell = cells.pop(0)
        text = _text(cell)
        across, down = _span(cell, "colspan"), _span(cell, "rowspan")
        widest = max(widest, across)
        for _ in range(across):
            if down > 1:
                hanging[len(line)] = (down - 1, text)
            line.append(text)
    return line, widest


def _span(cell: LexborNode, name: str) -> int:
    given = (cell.attributes.get(name) or "").strip()
    return min(max(int(given), 1), MAX_COLUMNS) if given.isascii() and given.isdecimal() else 1


def _text(cell: LexborNode) -> str:
    """Return what a cell says, without the tables inside it."""
    return " ".join(_pieces(cell))


def _pieces(node: LexborNode) -> Iterator[str]:
    for one in node.iter(include_text=True):
        if one.tag == "-text":
            text = " ".join((one.text() or "").split())
            if text:
                yield text
        elif one.tag not in ("table", "script", "style", "template"):
            yield from _pieces(one)
