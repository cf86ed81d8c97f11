"""What a 现场核查记录表 looks like: columns and their other names, lines, names of sheets.

Source: 现场核查记录表 as assessors' tools write it (编号|控制点|测评项|结果记录|符合情况|证据).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..model import Method, Verdict

NOTES_SHEET: Final = "说明"
VERDICTS: Final = {one.zh: one for one in Verdict}
METHODS: Final = {one.zh: one for one in Method}
MAX_SHEET_NAME: Final = 31  # Excel's bound, in units of UTF-16
MAX_CELL_CHARS: Final = 32_767  # Excel's bound
_ILLEGAL: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


class Column(StrEnum):
    """A column by the heading it is written with; those with `_` are hidden."""

    NUMBER = "编号"
    POINT = "控制点"
    CLAUSE = "测评项"
    ITEM = "检查项"
    AUTOMATIC = "自动检测结果"
    STATEMENT = "结果记录"
    VERDICT = "符合情况"
    METHOD = "核查方式"
    WHEN = "核查时间"
    PICTURES = "证据"
    FILED = "已入库佐证"
    ID = "_id"
    TEXT = "_sha256"
    STATE = "_state"


FOR_PEOPLE: Final = (Column.STATEMENT, Column.VERDICT, Column.METHOD, Column.WHEN, Column.PICTURES)
HIDDEN: Final = (Column.ID, Column.TEXT, Column.STATE)
_ALIASES: Final = {
    Column.NUMBER: ("条款编号", "序号", "项目编号"),
    Column.POINT: ("安全控制点", "控制类"),
    Column.CLAUSE: ("控制项", "测评指标", "条款"),
    Column.ITEM: ("测评内容", "测评实施", "检查内容"),
    Column.STATEMENT: ("测评记录", "核查记录", "检查记录", "结果", "现场记录"),
    Column.VERDICT: ("符合性结果", "符合性", "符合程度", "判定", "判定结果", "测评结果"),
    Column.METHOD: ("测评方式", "测评方法", "核查方法", "检查方式"),
    Column.WHEN: ("核查日期", "测评时间", "取证时间", "检查时间"),
    Column.PICTURES: ("证据文件", "证据截图", "佐证", "截图", "附件"),
}


def squeezed(text: str) -> str:
    """Return a word as it is compared: one width, without blanks."""
    return "".join(unicodedata.normalize("NFKC", text).split())


_HEADINGS: Final = {squeezed(each): one for one in Column for each in (one.value, *_ALIASES.get(one, ()))}


def heading(text: str) -> Column | None:
    """Return the column that a heading names, by its own name or another in use."""
    return _HEADINGS.get(squeezed(text))


@dataclass(frozen=True)
class Line:
    """One item on one asset; `state` digests what was recorded when the line was made."""

    item: str
    asset: str
    point: str
    clause: str
    text: str
    automatic: str
    filed: str
    method: Method
    state: str

    @property
    def id(self) -> str:
        """Return the key that stands in the hidden column."""
        return f"{self.item}@{self.asset}"

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the official text that the line asks about."""
        return digest((self.item, self.clause, self.text))


@dataclass(frozen=True)
class Table:
    """The lines of one 测评对象."""

    asset: str
    name: str
    title: str
    lines: tuple[Line, ...]


def digest(value: object) -> str:
    """Return the SHA-256 of a value that JSON can hold."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sheet_names(names: Iterable[str]) -> Iterator[str]:
    """Yield a name for each sheet: short enough, without illegal characters, none twice."""
    taken = {NOTES_SHEET.casefold(), "history"}  # Excel keeps the second for itself
    for name in names:
        # Apostrophes at either end would end the name inside formulas.
        plain = _ILLEGAL.sub("_", name).strip().strip("'").strip() or "测评对象"
        found, number = _cut(plain, MAX_SHEET_NAME), 1
        while found.casefold() in taken:
            number += 1
            found = f"{_cut(plain, MAX_SHEET_NAME - len(str(number)) - 1)}~{number}"
        taken.add(found.casefold())
        yield found


def _cut(text: str, units: int) -> str:
    while len(text.encode("utf-16-le", "surrogatepass")) // 2 > units:
        text = text[:-1]
    return text.rstrip("' ")
