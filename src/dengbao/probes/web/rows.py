"""Rows of a page or an interface, by the meanings the engagement gives their columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from ...errors import ProtocolMismatch
from .browser import Chain
from .tables import tables_of

MAX_ROWS: Final = 2000
_TIME: Final = re.compile(
    r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})\D{1,3}(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?\d*)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?"
)
# "Nov. 22, 2026, 6:05 p.m.", "November 22, 2026 6 pm": frameworks write so until told otherwise.
_ENGLISH: Final = re.compile(
    r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})(?:,|\s+at)?\s+"
    r"(noon|midnight|(\d{1,2})(?::(\d{2}))?\s*([ap])\.?m)",
    re.IGNORECASE,
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH: Final = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")
_SUM: Final = re.compile(
    r"(?:合计|总计|小计|共计)\W*.{0,12}|共\s*\d+\s*[条个人名项位页].{0,40}|上一页.*|total\W*\d*",
    re.IGNORECASE,
)

Row = dict[str, str]


def rows_of(chain: Chain, columns: Mapping[str, str]) -> list[Row] | None:
    """Return the rows that an answer shows, by meaning; None where no table has these columns.

    `columns` maps meaning → heading or JSON key. Each row also has `*`, all its cells as one text.
    """
    document = chain.last.document
    if document.is_json:
        return _json_rows(document.data, columns)
    return _html_rows(document.source, columns)


def _html_rows(source: str, columns: Mapping[str, str]) -> list[Row] | None:
    """Return the rows of the table with most of the headings; a menu may bear one of them, too."""
    wanted: dict[str, tuple[str, ...]] = {}
    for meaning, heading in columns.items():
        wanted[_plain(heading)] = (*wanted.get(_plain(heading), ()), meaning)
    best: list[Row] | None = None
    most = (0, 0)
    for lines in tables_of(source):
        head = _head(lines, wanted)
        if not head:
            continue
        rows = _below(head, lines, [wanted.get(_plain(one), ()) for one in head])
        rank = (len(wanted.keys() & {_plain(one) for one in head}), len(rows))
        if best is None or rank > most:
            best, most = rows, rank
    return best


def headings_beside(source: str, heading: str) -> list[str]:
    """Return all headings of the table that has one of them, empty where none has it."""
    heads = [_head(lines, (_plain(heading),)) for lines in tables_of(source)]
    return max(heads, key=len, default=[])


def _head(lines: list[list[str]], wanted: Collection[str]) -> list[str]:
    return next((one for one in lines if any(_plain(cell) in wanted for cell in one)), [])


def _below(head: list[str], lines: list[list[str]], meanings: list[tuple[str, ...]]) -> list[Row]:
    again = [_plain(one) for one in head]
    after = [one for one in lines[lines.index(head) + 1 :] if len(one) == len(meanings)]
    rows = [one for one in after if [_plain(cell) for cell in one] != again and not _is_sum(one)]
    return [_row(meanings, cells) for cells in rows[:MAX_ROWS]]


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def _is_sum(cells: list[str]) -> bool:
    """Tell whether a line of a table counts the others or leads to further pages."""
    first = next((one for one in cells if one), "")
    return _SUM.fullmatch(first) is not None


def _row(meanings: list[tuple[str, ...]], cells: list[str]) -> Row:
    row = {meaning: cell for several, cell in zip(meanings, cells, strict=True) for meaning in several}
    return {**row, "*": "\t".join(cells)}


def _json_rows(data: object, columns: Mapping[str, str]) -> list[Row] | None:
    """Return the objects of the largest list whose members have one of the keys."""
    best: list[Row] | None = None
    for many in _lists(data):
        held = [one for one in many if isinstance(one, dict) and columns.keys() and _holds(one, columns)]
        if held and (best is None or len(held) > len(best)):
            best = [json_row(one, columns) for one in held[:MAX_ROWS]]
    return best


def _holds(one: Mapping[str, object], columns: Mapping[str, str]) -> bool:
    return any(key in one for key in columns.values())


def json_row(one: Mapping[str, object], columns: Mapping[str, str]) -> Row:
    """Return a row of a mapping: its declared columns by meaning, and all of it as one text."""
    row = {meaning: _text(one.get(key)) for meaning, key in columns.items() if key in one}
    return {**row, "*": "\t".join(_text(value) for value in one.values())}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value).casefold() if isinstance(value, bool) else str(value)


def _lists(data: object) -> Iterator[list[object]]:
    stack = [data]
    for _ in range(10_000):
        if not stack:
            return
        one = stack.pop()
        if isinstance(one, list):
            yield one
            stack.extend(one[:MAX_ROWS])
        elif isinstance(one, dict):
            stack.extend(one.values())


def when(text: str, offset_h: float | None) -> datetime | None:
    """Return the time a cell tells; a time without zone is that of `offset_h`, else of this machine."""
    found = _TIME.search(_numeric(text))
    if found is None:
        return _epoch(text.strip())
    year, month, day, hour, minute = (int(found[one]) for one in range(1, 6))
    micro = int((found[7] or "0").ljust(6, "0"))
    try:
        plain = datetime(year, month, day, hour, minute, int(found[6] or 0), micro)  # noqa: DTZ001 - zone follows
    except ValueError:
        return None
    zone = found[8]
    if zone:
        sign = -1 if zone[0] == "-" else 1
        digits = zone.strip("+-Z").replace(":", "") or "0000"
        return plain.replace(
            tzinfo=timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
        )
    if offset_h is not None:
        return plain.replace(tzinfo=timezone(timedelta(hours=offset_h)))
    return plain.astimezone()


def _numeric(text: str) -> str:
    """Return a text with a time in English words as one in figures."""
    found = _ENGLISH.search(text)
    if found is None:
        return text
    if found[5] is None:
        hour = 12 if found[4].casefold() == "noon" else 0
    else:
        hour = int(found[5]) % 12 + (12 if found[7].casefold() == "p" else 0)
    month = _MONTHS.index(found[1].casefold()) + 1
    return f"{found[3]}-{month:02}-{int(found[2]):02} {hour:02}:{found[6] or '00'}"


def _epoch(text: str) -> datetime | None:
    if not _EPOCH.fullmatch(text):
        return None
    value = float(text)
    return datetime.fromtimestamp(value / 1000 if value > 1e11 else value).astimezone()


def mismatch(path: str) -> ProtocolMismatch:
    """Return the error that a page shows no table with the declared columns."""
    return ProtocolMismatch(f"{path} 中没有含登记列名的表格或数据", cure="核对 columns、usernames 中的列名")
