"""Writes the workbook: one sheet for each 测评对象, official text locked, open cells for people."""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Mapping, Sequence
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from .layout import (
    FOR_PEOPLE,
    HIDDEN,
    MAX_CELL_CHARS,
    METHODS,
    NOTES_SHEET,
    VERDICTS,
    Column,
    Line,
    Table,
    sheet_names,
)

HEADER_ROW: Final = 3
_WIDTHS: Final = {
    Column.NUMBER: 8, Column.POINT: 14, Column.CLAUSE: 34, Column.ITEM: 34, Column.AUTOMATIC: 40,
    Column.STATEMENT: 46, Column.VERDICT: 11, Column.METHOD: 10, Column.WHEN: 17, Column.PICTURES: 30,
    Column.FILED: 30,
}  # fmt: skip
_HINT: Final = (
    "只填黄色各列；结果记录与符合情况须同时填写，图片放在“证据”一格内；留空的行不导入。"
    "其余各列锁定，改动后不能导入。"
)
_NOTES: Final = (
    "填写说明",
    "1. 每个测评对象一张表，每行一个检查项。只填黄色各列，不改表名以外的其他内容，不增删隐藏列。",
    "2. 结果记录写看到了什么，不写口令与个人信息；符合情况从下拉列表选：符合、部分符合、不符合、不适用。",
    "3. 图片放在该行“证据”一格内：Excel 的浮动图片，或 WPS 的嵌入单元格图片；先遮盖个人信息与口令。",
    "4. 核查时间写成 2026-03-02 10:30；不填的以导入时给出的时间为准。",
    "5. 自动检测结果由程序得出，供对照；人工填写的不能抵消自动判定的不符合。判为不适用的，须由第二人复核。",
    "6. 不得有公式、宏、外部链接。填好后：dengbao evidence import-xlsx 目录 文件 --by 姓名/单位 --dry-run",
)
_FORMULA_LIKE: Final = ("=", "+", "-", "@", "\t", "\r")
_ESCAPE_LIKE: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
# What XML cannot hold, and what reorders or hides what a reader sees.
_HIDDEN_CHARS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)
_CUT: Final = "…（过长，未全部列出）"
_THIN: Final = Side(style="thin", color="FF9A9A9A")
_BORDER: Final = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_WRAPPED: Final = Alignment(wrap_text=True, vertical="top")
_OPEN: Final = PatternFill("solid", fgColor="FFFFF9DB")
_HEAD: Final = PatternFill("solid", fgColor="FFDDE6F0")
_GREY: Final = PatternFill("solid", fgColor="FFF4F4F4")
# How cells look in this workbook, by column and by whether an apostrophe is to stand before their text.
_Looks = dict[tuple[Column, bool], StyleArray]


def write_workbook(tables: Sequence[Table], *, title: str) -> bytes:
    """Return the workbook; nothing in it is a formula, whatever the texts begin with."""
    book = Workbook()
    notes = book.active
    if not isinstance(notes, Worksheet):  # a new workbook's first sheet always is one
        raise TypeError
    notes.title = NOTES_SHEET
    notes.column_dimensions["A"].width = 110
    for number, line in enumerate((title, *_NOTES), 1):
        cell = put(notes, number, 1, line)
        cell.alignment = _WRAPPED
        cell.font = Font(bold=number <= 2)
    notes.protection.sheet = True
    looks: _Looks = {}
    for table, name in zip(tables, sheet_names(one.name for one in tables), strict=True):
        _sheet(book.create_sheet(name), table, looks)
    if tables:
        book.active = 1
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def put(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    """Write text as text: never a formula, a number or an escape, and every character visible."""
    shown = _HIDDEN_CHARS.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text.replace("\r\n", "\n"))
    if len(shown) > MAX_CELL_CHARS:
        shown = shown[: MAX_CELL_CHARS - len(_CUT)] + _CUT
    cell = sheet.cell(row, column)
    if not isinstance(cell, Cell):
        raise TypeError  # a merged cell holds nothing
    # Spreadsheets read _x0041_ as “A”: the underscore itself is written as such an escape.
    cell.value = _ESCAPE_LIKE.sub("_x005F_", shown) or None
    if shown:
        cell.data_type = "s"
    if shown.startswith(_FORMULA_LIKE):
        cell.quotePrefix = True
    return cell


def _sheet(sheet: Worksheet, table: Table, looks: _Looks) -> None:
    put(sheet, 1, 1, table.title).font = Font(bold=True, size=14)
    put(sheet, 2, 1, _HINT).font = Font(color="FF8A4B00")
    for number, column in enumerate(Column, 1):
        cell = put(sheet, HEADER_ROW, number, column.value)
        cell.font, cell.fill, cell.border = Font(bold=True), _HEAD, _BORDER
        cell.alignment = Alignment(wrap_text=True, horizontal="center", vertical="center")
        dimension = sheet.column_dimensions[get_column_letter(number)]
        dimension.width = _WIDTHS.get(column, 12)
        dimension.hidden = column in HIDDEN
    for row, line in enumerate(table.lines, HEADER_ROW + 1):
        _line(sheet, row, line, looks)
    last = HEADER_ROW + max(1, len(table.lines))
    _choices(sheet, Column.VERDICT, tuple(VERDICTS), last)
    _choices(sheet, Column.METHOD, tuple(METHODS), last)
    _finish(sheet, last)


def _line(sheet: Worksheet, row: int, line: Line, looks: _Looks) -> None:
    texts = {
        Column.NUMBER: line.item, Column.POINT: line.point, Column.CLAUSE: line.clause,
        Column.ITEM: line.text, Column.AUTOMATIC: line.automatic, Column.FILED: line.filed,
        Column.METHOD: line.method.zh, Column.ID: line.id, Column.TEXT: line.digest,
        Column.STATE: line.state,
    }  # fmt: skip
    sheet.row_dimensions[row].height = _height_pt(texts)
    for number, column in enumerate(Column, 1):
        cell = put(sheet, row, number, texts.get(column, ""))
        key = (column, bool(cell.quotePrefix))
        if key not in looks:
            _dress(cell, column)
            looks[key] = cell._style  # type: ignore[attr-defined]  # noqa: SLF001
        else:  # without looking each part of it up anew, which takes most of the time
            cell._style = copy.copy(looks[key])  # type: ignore[attr-defined]  # noqa: SLF001


def _dress(cell: Cell, column: Column) -> None:
    cell.alignment, cell.border = _WRAPPED, _BORDER
    if column in FOR_PEOPLE:
        cell.fill, cell.protection = _OPEN, Protection(locked=False)
        # In a cell of text what is typed stays what was typed, an equals sign included.
        cell.number_format = "yyyy-mm-dd hh:mm" if column is Column.WHEN else "@"
    elif column in (Column.AUTOMATIC, Column.FILED):
        cell.fill = _GREY


def _height_pt(texts: Mapping[Column, str]) -> float:
    """Return a height at which every wrapped text is seen: not every program finds one by itself."""
    return min(
        409.0, max(48.0, 6.0 + 15.6 * max(_lines(text, _WIDTHS.get(one, 99)) for one, text in texts.items()))
    )


def _lines(text: str, width: int) -> int:
    # A Chinese character is as wide as two digits, and a line is not always filled to its end.
    widths = (sum(1 if one.isascii() else 2 for one in line) for line in text.split("\n"))
    return sum(1 + one // max(1, width - 2) for one in widths)


def _choices(sheet: Worksheet, column: Column, words: Sequence[str], last: int) -> None:
    letter = get_column_letter(list(Column).index(column) + 1)
    choice = DataValidation(
        type="list", formula1=f'"{",".join(words)}"', allow_blank=True, showErrorMessage=True,
        errorTitle="只能从列表选择", error="、".join(words),
    )  # fmt: skip
    choice.add(f"{letter}{HEADER_ROW + 1}:{letter}{last}")
    sheet.add_data_validation(choice)


def _finish(sheet: Worksheet, last: int) -> None:
    sheet.freeze_panes = f"C{HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{get_column_letter(len(Column) - len(HIDDEN))}{last}"
    protection = sheet.protection
    protection.sheet = True
    # Without a password: it keeps hands from slipping. False means allowed, so that pictures can be put in.
    protection.objects = protection.scenarios = False
    protection.formatColumns = protection.formatRows = protection.autoFilter = False
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
