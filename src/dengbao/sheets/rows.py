"""Rows that people filled in, each with the cells it stands in; whatever is wrong is told by cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..model import Method, Verdict
from ..reading import suggest
from .cells import MAX_ROWS, Cell, Grid, read_grids
from .container import Container
from .layout import FOR_PEOPLE, METHODS, NOTES_SHEET, VERDICTS, Column, heading, squeezed
from .pictures import Picture, floating_pictures, in_cell_id, in_cell_pictures

_HEADER_ROWS: Final = 10
_NEEDED: Final = (Column.STATEMENT, Column.VERDICT, Column.ID, Column.TEXT, Column.STATE)
_EXPORTED: Final = "用 dengbao evidence export-xlsx 导出的表填写"
_TIMES: Final = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y年%m月%d日")
_UNREADABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)


@dataclass(frozen=True)
class Fault:
    """Why a cell cannot be taken; `place` is `表!H12`."""

    place: str
    message: str
    cure: str


@dataclass(frozen=True)
class Filled:
    """One row a person filled in. `places` holds the address of each of its cells."""

    id: str
    text_digest: str
    state: str
    shown: Mapping[Column, str]
    statement: str
    verdict: Verdict
    method: Method
    when: datetime | None
    pictures: tuple[Picture, ...]
    places: Mapping[Column, str]


@dataclass
class _Reader:
    """One sheet while it is read."""

    grid: Grid
    columns: Mapping[Column, int]
    in_cells: Mapping[str, Picture]
    floating: dict[int, list[Picture]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def cell(self, row: int, column: Column) -> Cell:
        number = self.columns.get(column)
        return self.grid.at(row, number) if number else Cell()

    def place(self, row: int, column: Column) -> str:
        return self.grid.place(row, self.columns.get(column, 1))

    def say(self, row: int, column: Column, message: str, cure: str) -> None:
        self.faults.append(Fault(self.place(row, column), message, cure))


def read_rows(container: Container) -> tuple[list[Filled], list[Fault]]:
    """Return the rows that were filled in, and everything that is wrong with any.

    Raises:
        EvidenceError: the workbook as a whole cannot be read.

    """
    in_cells = in_cell_pictures(container)
    filled: list[Filled] = []
    faults: list[Fault] = []
    for grid in read_grids(container):
        header, columns = _header(grid)
        if not header:
            faults += _stranger(container, grid)
            continue
        reader = _Reader(grid, columns, in_cells)
        faults += _header_faults(grid, header, columns)
        if all(one in columns for one in _NEEDED):
            _float(container, reader, header)
            filled += _rows(reader, header)
        faults += reader.faults
    faults += _twice(filled)
    return filled, faults


def _header(grid: Grid) -> tuple[int, dict[Column, int]]:
    """Return the row with the most headings among the first ten and its columns; 0 where there is none."""
    best: tuple[int, dict[Column, int]] = (0, {})
    for row in range(1, _HEADER_ROWS + 1):
        columns: dict[Column, int] = {}
        for number, cell in grid.in_row(row):
            found = heading(cell.text)
            if found is not None:
                columns.setdefault(found, number)
        if len(columns) >= 3 and len(columns) > len(best[1]):
            best = (row, columns)
    return best


def _stranger(container: Container, grid: Grid) -> Iterator[Fault]:
    if grid.name == NOTES_SHEET:
        return
    pictures = any(True for _ in floating_pictures(container, grid.part))
    if pictures or any(not one.empty for one in grid.cells.values()):
        yield Fault(grid.place(1, 1), f"前 {_HEADER_ROWS} 行没有表头，不能读取", f"删去此表，或{_EXPORTED}")


def _header_faults(grid: Grid, header: int, columns: Mapping[Column, int]) -> Iterator[Fault]:
    for one in _NEEDED:
        if one not in columns:
            hidden = "隐藏列" if one.value.startswith("_") else "列"
            yield Fault(grid.place(header, 1), f"表头缺少{hidden}“{one.value}”", _EXPORTED)
    named: dict[Column, int] = {}
    for number, cell in grid.in_row(header):
        found = heading(cell.text)
        if found is not None and named.setdefault(found, number) != number:
            yield Fault(grid.place(header, number), f"“{found.value}”一列重复", "只留一列")


def _float(container: Container, reader: _Reader, header: int) -> None:
    """Give each floating picture to its row; one outside the column is told, never lost without a word."""
    wanted = reader.columns.get(Column.PICTURES)
    for one in floating_pictures(container, reader.grid.part):
        if 0 < one.row <= header:
            continue  # a mark over the head of the sheet proves nothing
        if 0 < one.row <= MAX_ROWS and one.column == wanted:
            first = reader.grid.first.get((one.row, one.column), (one.row, one.column))
            reader.floating.setdefault(first[0], []).append(one.picture)
        else:
            place = reader.grid.place(one.row, one.column) if one.row else f"{reader.grid.name}!A1"
            message = f"图片 {one.picture.name} 的左上角不在“{Column.PICTURES}”一列"
            reader.faults.append(Fault(place, message, "移到该行的“证据”一格内，或删去"))


def _rows(reader: _Reader, header: int) -> Iterator[Filled]:
    last = max(reader.grid.rows, *reader.floating, header) if reader.floating else reader.grid.rows
    for row in range(header + 1, last + 1):
        before = len(reader.faults)
        _refuse_formulas(reader, row)
        pictures = tuple(_pictures(reader, row))
        said = [one for one in (Column.STATEMENT, Column.VERDICT) if not reader.cell(row, one).empty]
        if not said and not pictures:
            continue
        one = _row(reader, row, pictures)
        if one is not None and len(reader.faults) == before:
            yield one


def _refuse_formulas(reader: _Reader, row: int) -> None:
    pictures = reader.columns.get(Column.PICTURES)
    for number, cell in reader.grid.in_row(row):
        place = reader.grid.place(row, number)
        if cell.formula and in_cell_id(cell.formula):
            if number != pictures:
                reader.faults.append(Fault(place, "单元格图片不在“证据”一列", "移到该行的“证据”一格"))
        elif cell.formula:
            message = f"是公式（{cell.formula[:40]}），不接受"
            reader.faults.append(Fault(place, message, "改为文字：先设单元格格式为“文本”再填写"))
        elif cell.error:
            reader.faults.append(
                Fault(
                    place,
                    f"是错误值或不能识别的单元格图片（{cell.error[:20]}）",
                    "改为文字；图片改为浮动图片",
                )
            )


def _pictures(reader: _Reader, row: int) -> Iterator[Picture]:
    number = reader.columns.get(Column.PICTURES)
    if number is None:
        return
    formula = reader.grid.at(row, number).formula
    found = in_cell_id(formula)
    if found and found in reader.in_cells:
        yield reader.in_cells[found]
    elif found:
        reader.say(
            row, Column.PICTURES, "单元格图片已丢失（文件被不支持 WPS 嵌入图片的程序另存过）", "重新插入图片"
        )
    first = reader.grid.first.get((row, number), (row, number))
    yield from reader.floating.get(first[0], ())


def _row(reader: _Reader, row: int, pictures: tuple[Picture, ...]) -> Filled | None:
    verdict = _verdict(reader, row)
    statement = _statement(reader, row)
    method = _method(reader, row)
    when = _when(reader, row)
    key = reader.cell(row, Column.ID).text
    if not key:
        reader.say(row, Column.STATEMENT, "此行没有隐藏的 _id", f"把内容填到原有的行；{_EXPORTED}")
    if verdict is None or method is None or not statement or not key:
        return None
    return Filled(
        id=key,
        text_digest=reader.cell(row, Column.TEXT).text,
        state=reader.cell(row, Column.STATE).text,
        shown={
            one: reader.cell(row, one).text
            for one in Column
            if one not in FOR_PEOPLE and one in reader.columns
        },
        statement=statement, verdict=verdict, method=method, when=when, pictures=pictures,
        places={one: reader.place(row, one) for one in Column},
    )  # fmt: skip


def _verdict(reader: _Reader, row: int) -> Verdict | None:
    text = reader.cell(row, Column.VERDICT).text
    found = VERDICTS.get(squeezed(text))
    if not text:
        reader.say(row, Column.VERDICT, "没有填写符合情况", f"填 {'、'.join(VERDICTS)}；不用此行的清空该行")
    elif found is None:
        reader.say(row, Column.VERDICT, f"不认识的符合情况“{text[:20]}”", suggest(text[:20], VERDICTS))
    return found


def _statement(reader: _Reader, row: int) -> str:
    text = reader.cell(row, Column.STATEMENT).text
    if not text:
        reader.say(row, Column.STATEMENT, "没有填写结果记录", "写看到了什么；不用此行的清空该行")
    hidden = _UNREADABLE.search(text)
    if hidden is not None:
        reader.say(
            row, Column.STATEMENT, f"含有看不见的控制字符 U+{ord(hidden[0]):04X}", "删去该字符，或重新输入"
        )
    return text


def _method(reader: _Reader, row: int) -> Method | None:
    text = reader.cell(row, Column.METHOD).text
    if not text:
        return Method.EXAMINE
    found = METHODS.get(squeezed(text))
    if found is None:
        reader.say(row, Column.METHOD, f"不认识的核查方式“{text[:20]}”", suggest(text[:20], METHODS))
    return found


def _when(reader: _Reader, row: int) -> datetime | None:
    cell = reader.cell(row, Column.WHEN)
    if cell.empty:
        return None
    if isinstance(cell.value, datetime):
        return _here(reader, row, cell.value)
    text = unicodedata.normalize("NFKC", cell.text).replace("/", "-").replace(".", "-")
    for one in _TIMES:
        try:
            found = datetime.strptime(text, one)  # noqa: DTZ007 - given this machine's zone below
        except ValueError:
            continue
        return _here(reader, row, found)
    reader.say(row, Column.WHEN, f"“{cell.text[:30]}”不是时间", "写成 2026-03-02 10:30")
    return None


def _here(reader: _Reader, row: int, found: datetime) -> datetime | None:
    try:
        return found.astimezone()
    except (OverflowError, OSError, ValueError):  # before the calendar of this machine
        reader.say(row, Column.WHEN, "不是有效的时间", "写成 2026-03-02 10:30")
        return None


def _twice(filled: list[Filled]) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for one in filled:
        place = one.places[Column.ID]
        first = seen.setdefault(one.id, place)
        if first != place:
            yield Fault(
                one.places[Column.STATEMENT], f"{one.id} 在 {first} 已填写过", "同一项只填一行，删去多余的行"
            )
