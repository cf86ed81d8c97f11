"""Reads the saved report again and finds in it everything that had to be printed.

A template that loses a sentence gives a valid file; only reading it back shows the loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ..errors import ReportError
from .package import DOCUMENT, REPORT_MAX_BYTES, Package, xml_parser
from .plain import Plain, texts
from .toc import paragraph_text, w

_SHOWN: Final = 120
_CURE: Final = "模板缺少或改动了该处的标签；用随附模板重做，或改正模板"
# What has to be found somewhere: section → fields, () for every text in it.
_SOMEWHERE: Final = (
    (
        "report",
        ("number", "institution", "system", "vendor", "access_party", "facts_prefix", "content_prefix"),
    ),
    ("basics", ()),
    ("assets", ("name",)),
    ("parties", ()),
    ("failures", ("problem", "proofs", "label", "risk", "advice")),
    ("evidence", ("id", "statement", "label", "sha256", "sm3", "collected", "reviewed")),
    ("facts", ("id", "origin", "sha256")),
    ("anomalies", ("note",)),
    ("figures", ("caption",)),
    ("history", ("sentences", "name", "period", "operator", "more")),
)


def check_readback(docx: bytes, data: dict[str, Plain]) -> None:
    """Check that the report holds every statement, verdict and name of `data`, results in order.

    Raises:
        ReportError: something is missing; the message names it.

    """
    check_package(Package.open(docx, where="生成的报告", max_bytes=REPORT_MAX_BYTES), data)


def check_package(package: Package, data: dict[str, Plain]) -> None:
    """Check the same of a report that was opened already.

    Raises:
        ReportError: something is missing; the message names it.

    """
    root = etree.fromstring(package.members[DOCUMENT], xml_parser())
    lines = [paragraph_text(one) for one in root.iter(w("p"))]
    for name in package.parts("word/header"):
        header = etree.fromstring(package.members[name], xml_parser())
        lines += [paragraph_text(one) for one in header.iter(w("p"))]
    rows = [_cells(one) for one in root.iter(w("tr"))]
    for one in missing("\n".join(lines), rows, data):
        raise ReportError(f"回读报告时找不到应有的内容：{one.short}", where=one.where, cure=_CURE)


@dataclass(frozen=True)
class Missing:
    """Something that had to be printed and is not: its text, and where it had to be.

    `item` is the 测评项 whose result it is, where it is one.
    """

    value: str
    where: str
    item: str = ""

    @property
    def short(self) -> str:
        """Return its text, cut where it is long."""
        return self.value if len(self.value) <= _SHOWN else f"{self.value[:_SHOWN]}…"


def missing(text: str, rows: Sequence[Sequence[str]], data: Mapping[str, Plain]) -> Iterator[Missing]:
    """Yield what a report must hold and does not; `text` is all of it, `rows` the cells of its tables.

    The rules are those of every template: all of it somewhere, what is told of a case in one row, in order.
    """
    yield from _somewhere(text, data)
    yield from _order(text, data)
    yield from _gaps(rows, data)
    yield from _history(rows, data)
    yield from _results(rows, data)
    yield from _parties(rows, data)


def _somewhere(text: str, data: Mapping[str, Plain]) -> Iterator[Missing]:
    for section, fields in _SOMEWHERE:
        for value in dict.fromkeys(_wanted(data[section], fields)):
            if value not in text and value.replace("\n", " ") not in text:
                yield Missing(value, section)


def _wanted(value: Plain, fields: Sequence[str]) -> Iterator[str]:
    if not fields:
        yield from texts(value)
    elif isinstance(value, list):
        for one in value:
            yield from _wanted(one, fields)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in fields:
                yield from texts(one)
            elif isinstance(one, (list, dict)):
                yield from _wanted(one, fields)


def _order(text: str, data: Mapping[str, Plain]) -> Iterator[Missing]:
    """Yield the chapters, clauses and items that do not stand verbatim and in official order."""
    cursor = 0
    for value in _official_texts(data):
        found = text.find(value, cursor)
        if found < 0:
            yield Missing(value, "条款原文及次序")
        else:
            cursor = found + len(value)


def _official_texts(data: Mapping[str, Plain]) -> Iterator[str]:
    for check in rows_of(data["mandatory"]):
        yield str(check["text"])
    for chapter in rows_of(data["chapters"]):
        yield f"{chapter['number']}. {chapter['title']}"
        for clause in rows_of(chapter["clauses"]):
            yield str(clause["text"])
            for check in rows_of(clause["checks"]):
                yield str(check["text"])


def rows_of(value: Plain) -> list[dict[str, Plain]]:
    """Return the mappings in a list of plain data."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _gaps(rows: Sequence[Sequence[str]], data: Mapping[str, Plain]) -> Iterator[Missing]:
    """Yield the places of which no row names all that is missing there: 结果记录 alone would not."""
    lines = ["\n".join(cells) for cells in rows]
    for group in rows_of(data["gaps"]):
        wanted = [str(group["place"]), *texts(group["entries"])]
        if not any(all(one in row for one in wanted) for row in lines):
            yield Missing("；".join(wanted), "草稿说明")


def _history(rows: Sequence[Sequence[str]], data: Mapping[str, Plain]) -> Iterator[Missing]:
    """Yield what moved between rounds and has no row of its own, in order, facts included."""
    history = data["history"]
    if not isinstance(history, dict):
        return
    remaining = _Remaining(rows)
    for one in rows_of(history["rows"]):
        wanted = [str(one[key]) for key in ("item", "asset", "standings", "direction")]
        if not remaining.find(wanted, texts(one["facts"])):
            yield Missing(" / ".join(wanted), "整改情况")


def _results(rows: Sequence[Sequence[str]], data: Mapping[str, Plain]) -> Iterator[Missing]:
    """Yield the cases whose asset, statement, verdict and evidence do not stand in one row, rows in order."""
    remaining = _Remaining(rows)
    for place, case in cases_of(data):
        wanted = [str(case[key]) for key in ("asset", "statement", "label", "evidence")]
        if not remaining.find(wanted):
            asset, statement, label, _ = wanted
            yield Missing(f"{asset} / {label} / {statement[:60]}", f"{place} 结果记录", item=place)


class _Remaining:
    """The rows of a document from where the last one that was asked for stands."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._rows = rows
        self._next = 0

    def find(self, wanted: Iterable[str], within: Iterable[str] = ()) -> bool:
        """Tell whether a row further down says all, and go on below it; stay where none does.

        `wanted` are whole lines or cells, `within` texts anywhere in the row.
        """
        whole, parts = tuple(wanted), tuple(within)
        for number in range(self._next, len(self._rows)):
            row = self._rows[number]
            if _holds(row, whole) and all(one in "\n".join(row) for one in parts):
                self._next = number + 1
                return True
        return False


def _parties(rows: Sequence[Sequence[str]], data: Mapping[str, Plain]) -> Iterator[Missing]:
    """Yield the parties that have no place for a seal with their name typed."""
    places = [row for row in rows if "盖章" in "".join(row)]
    for party in rows_of(data["parties"]):
        role, name = str(party["role"]), str(party["name"])
        named = [cell for row in places for cell in row if role in cell and f"\n{name}\n" in f"\n{cell}\n"]
        if not named:
            yield Missing(f"{role} {name}", "签章页")


def cases_of(data: Mapping[str, Plain]) -> Iterator[tuple[str, dict[str, Plain]]]:
    """Yield the cases that are printed, in order, each with the 测评项 it belongs to."""
    checks = rows_of(data["mandatory"])
    for chapter in rows_of(data["chapters"]):
        for clause in rows_of(chapter["clauses"]):
            checks += rows_of(clause["checks"])
    for check in checks:
        for case in rows_of(check["cases"]):
            yield str(check["id"]), case


def _holds(cells: Sequence[str], wanted: Iterable[str]) -> bool:
    return all(any(_says(cell, value) for cell in cells) for value in wanted)


def _says(cell: str, value: str) -> bool:
    # Whole lines only: 符合 is a part of 不符合. A label may have its reason on a line of its own, and what
    # has several lines may be read as one.
    lines = f"\n{cell}\n"
    one = value.replace("\n", " ")
    same = cell.replace("\n", "") == value.replace("\n", "")
    return same or f"\n{value}\n" in lines or f"\n{one}\n" in lines


def _cells(row: etree._Element) -> list[str]:
    return ["\n".join(paragraph_text(one) for one in cell.iter(w("p"))) for cell in row.iter(w("tc"))]
