"""Cells of a workbook as values with their addresses; merged cells all hold what their first one holds."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException

from .container import Container, refusal

MAX_ROWS: Final = 5000
MAX_COLUMNS: Final = 64
MAX_SHEETS: Final = 300
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ID: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_AGAIN: Final = "在 Excel、WPS 中另存为 .xlsx 后重试"
# What openpyxl raises on parts that are not what they claim to be.
_BROKEN: Final = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, OSError, EOFError,
    zipfile.BadZipFile, InvalidFileException, ParseError, SyntaxError, zlib.error, struct.error,
    RecursionError, NotImplementedError,
)  # fmt: skip

Content = str | int | float | datetime | None
Position = tuple[int, int]


@dataclass(frozen=True)
class Cell:
    """A cell's content: a value, the text of a formula, or the word of an error."""

    value: Content = None
    formula: str = ""
    error: str = ""

    @property
    def empty(self) -> bool:
        """Tell whether nothing is in it."""
        return not (self.formula or self.error) and (self.value is None or str(self.value).strip() == "")

    @property
    def text(self) -> str:
        """Return the content as text: whole numbers without a point, times to the minute."""
        if isinstance(self.value, float) and self.value.is_integer():
            return str(int(self.value))
        if isinstance(self.value, datetime):
            return f"{self.value:%Y-%m-%d %H:%M}"
        return "" if self.value is None else str(self.value).strip()


@dataclass(frozen=True)
class Grid:
    """One sheet: rows and columns count from 1; `part` is its name inside the container."""

    name: str
    part: str
    cells: dict[Position, Cell]
    first: dict[Position, Position]

    def at(self, row: int, column: int) -> Cell:
        """Return a cell; a merged one holds what the first of its range holds."""
        return self.cells.get(self.first.get((row, column), (row, column)), _NOTHING)

    def place(self, row: int, column: int) -> str:
        """Return an address as people write it: `应用系统!H12`."""
        return f"{self.name}!{get_column_letter(column)}{row}"

    def in_row(self, row: int) -> Iterator[tuple[int, Cell]]:
        """Yield column and cell of a row where something stands, from the left."""
        for column in range(1, MAX_COLUMNS + 1):
            if (row, column) in self.cells:
                yield column, self.cells[row, column]

    @property
    def rows(self) -> int:
        """Return the number of the last row that holds anything."""
        return max((row for row, _ in (*self.cells, *self.first)), default=0)


_NOTHING: Final = Cell()


def read_grids(container: Container) -> list[Grid]:
    """Return all sheets, in their order.

    Raises:
        EvidenceError: a sheet is damaged or has more rows or columns than a 核查记录表 can have.

    """
    parts = _sheet_parts(container)
    firsts = {name: _survey(container, name, part) for name, part in parts}
    cells = _values(container)
    return [Grid(name, part, cells.get(name, {}), firsts[name]) for name, part in parts]


def _sheet_parts(container: Container) -> list[tuple[str, str]]:
    relations = container.relations("xl/workbook.xml")
    found: list[tuple[str, str]] = []
    for one in container.tree("xl/workbook.xml").iter(f"{_MAIN}sheet"):
        relation = relations.get(one.get(_ID, ""))
        if relation is not None and relation.kind == "worksheet":
            found.append((one.get("name", ""), relation.target))
    if len(found) > MAX_SHEETS:
        raise refusal(container.path, f"表超过 {MAX_SHEETS} 张", "分成几个文件填写")
    if not found:
        raise refusal(
            container.path, "没有能读取的工作表", "另存为普通 .xlsx（不要选 Strict Open XML）后重试"
        )
    return found


def _survey(container: Container, name: str, part: str) -> dict[Position, Position]:
    """Return merged cell → first of its range; refuse a sheet that is too big before it is read."""
    tree = container.tree(part)
    last = 0
    for row in tree.iter(f"{_MAIN}row"):
        number = row.get("r", str(last + 1))
        # Rows out of order would be passed over by a reader that goes through them once.
        if not (number.isascii() and number.isdecimal()) or int(number) <= last:
            raise refusal(container.path, f"表“{name}”的行次序已损坏", _AGAIN)
        last = int(number)
        columns = [_column(one.get("r", "")) for one in row.iter(f"{_MAIN}c") if len(one)]
        if columns and (last > MAX_ROWS or max(columns) > MAX_COLUMNS):
            raise refusal(
                container.path, f"表“{name}”超过 {MAX_ROWS} 行或 {MAX_COLUMNS} 列", "删去表外的内容后重试"
            )
    return dict(_merged(container, name, [one.get("ref", "") for one in tree.iter(f"{_MAIN}mergeCell")]))


def _column(reference: str) -> int:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return 0
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - 64
    return number


def _merged(container: Container, name: str, ranges: list[str]) -> Iterator[tuple[Position, Position]]:
    if len(ranges) > MAX_ROWS:
        raise refusal(container.path, f"表“{name}”的合并单元格过多", "取消合并后重试")
    for one in ranges:
        try:
            left, top, right, bottom = range_boundaries(one)
        except (ValueError, TypeError) as exc:
            raise refusal(container.path, f"表“{name}”的合并单元格已损坏", _AGAIN) from exc
        if left is None or top is None or right is None or bottom is None:
            raise refusal(container.path, f"表“{name}”合并了整行或整列（{one[:20]}）", "取消合并后重试")
        for row in range(top, min(bottom, MAX_ROWS) + 1):
            for column in range(left, min(right, MAX_COLUMNS) + 1):
                yield (row, column), (top, left)


def _values(container: Container) -> dict[str, dict[Position, Cell]]:
    found: dict[str, dict[Position, Cell]] = {}
    try:
        with warnings.catch_warnings():
            # openpyxl warns of what it does not keep when it saves; nothing is saved here.
            warnings.simplefilter("ignore")
            book = load_workbook(
                io.BytesIO(container.data), read_only=True, data_only=False, keep_links=False
            )
            for sheet in book.worksheets:
                sheet.reset_dimensions()
                found[sheet.title] = {
                    (row, column): cell
                    for row, cells in enumerate(sheet.iter_rows(max_row=MAX_ROWS, max_col=MAX_COLUMNS), 1)
                    for column, one in enumerate(cells, 1)
                    if (cell := _cell(one.value, one.data_type)) is not None
                }
            book.close()
    except _BROKEN as exc:
        raise refusal(container.path, "工作簿已损坏，无法读取", _AGAIN) from exc
    return found


def _cell(value: object, kind: str) -> Cell | None:
    if value is None:
        return None
    if kind == "f":
        text = value if isinstance(value, str) else str(getattr(value, "text", None) or "=…")
        return Cell(formula=text)
    if kind == "e":
        return Cell(error=str(value))
    if isinstance(value, bool):
        return Cell("TRUE" if value else "FALSE")
    if isinstance(value, str):
        return Cell(unescape(value).replace("\r\n", "\n").replace("\r", "\n"))
    return Cell(_moment(value))


def _moment(value: object) -> Content:
    if isinstance(value, (int, float, datetime)):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a sheet's times have no zone
    if isinstance(value, (time, timedelta)):
        return str(value)
    return str(value)
