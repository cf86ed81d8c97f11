"""Reads the saved report again and finds in it everything that had to be printed.

A template that loses a sentence gives a valid file; only reading it back shows the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lxml import etree

from ..errors import ReportError
from .package import DOCUMENT, REPORT_MAX_BYTES, Package, xml_parser
from .plain import Plain, texts
from .toc import paragraph_text, w

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
    text = "\n".join(lines)
    _check_somewhere(text, data)
    _check_order(text, data)
    rows = [_cells(one) for one in root.iter(w("tr"))]
    _check_gaps(rows, data)
    _check_history(rows, data)
    _check_rows(rows, data)
    _check_parties(rows, data)


def _check_somewhere(text: str, data: dict[str, Plain]) -> None:
    for section, fields in _SOMEWHERE:
        for value in dict.fromkeys(_wanted(data[section], fields)):
            if value not in text:
                raise _lost(value, section)


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


def _check_order(text: str, data: dict[str, Plain]) -> None:
    """Check that chapters, clauses and items stand verbatim and in official order."""
    cursor = 0
    for value in _official_texts(data):
        found = text.find(value, cursor)
        if found < 0:
            raise _lost(value, "条款原文及次序")
        cursor = found + len(value)


def _official_texts(data: dict[str, Plain]) -> Iterator[str]:
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


def _check_gaps(rows: Sequence[Sequence[str]], data: dict[str, Plain]) -> None:
    """Check that one row for each place names all that is missing there: 结果记录 alone would not."""
    lines = ["\n".join(cells) for cells in rows]
    for group in rows_of(data["gaps"]):
        wanted = [str(group["place"]), *texts(group["entries"])]
        if not any(all(one in row for one in wanted) for row in lines):
            raise _lost("；".join(wanted), "草稿说明")


def _check_history(rows: Sequence[Sequence[str]], data: dict[str, Plain]) -> None:
    """Check that everything that moved between rounds has a row of its own, in order, facts included."""
    history = data["history"]
    if not isinstance(history, dict):
        return
    remaining = iter(rows)
    for one in rows_of(history["rows"]):
        wanted = [str(one[key]) for key in ("item", "asset", "standings", "direction")]
        facts = list(texts(one["facts"]))
        if not any(
            all(any(_says(cell, each) for cell in row) for each in wanted)
            and all(each in "\n".join(row) for each in facts)
            for row in remaining
        ):
            raise _lost(" / ".join(wanted), "整改情况")


def _check_rows(rows: Sequence[Sequence[str]], data: dict[str, Plain]) -> None:
    """Check that asset, statement and verdict of every case stand in one row, rows in order."""
    remaining = iter(rows)
    for place, case in _cases(data):
        wanted = {key: str(case[key]) for key in ("asset", "statement", "label", "evidence")}
        if not any(_holds(row, wanted) for row in remaining):
            raise _lost(
                f"{wanted['asset']} / {wanted['label']} / {wanted['statement'][:60]}", f"{place} 结果记录"
            )


def _check_parties(rows: Sequence[Sequence[str]], data: dict[str, Plain]) -> None:
    """Check that every party has its place for a seal, with its name typed."""
    places = [row for row in rows if "盖章" in "".join(row)]
    for party in rows_of(data["parties"]):
        role, name = str(party["role"]), str(party["name"])
        named = [cell for row in places for cell in row if role in cell and f"\n{name}\n" in f"\n{cell}\n"]
        if not named:
            raise _lost(f"{role} {name}", "签章页")


def _cases(data: dict[str, Plain]) -> Iterator[tuple[str, dict[str, Plain]]]:
    checks = rows_of(data["mandatory"])
    for chapter in rows_of(data["chapters"]):
        for clause in rows_of(chapter["clauses"]):
            checks += rows_of(clause["checks"])
    for check in checks:
        for case in rows_of(check["cases"]):
            yield str(check["id"]), case


def _holds(cells: Sequence[str], wanted: dict[str, str]) -> bool:
    return all(any(_says(cell, value) for cell in cells) for value in wanted.values())


def _says(cell: str, value: str) -> bool:
    # Whole lines only: 符合 is a part of 不符合. A label may have its reason on a line of its own.
    return f"\n{value}\n" in f"\n{cell}\n" or cell.replace("\n", "") == value.replace("\n", "")


def _cells(row: etree._Element) -> list[str]:
    return ["\n".join(paragraph_text(one) for one in cell.iter(w("p"))) for cell in row.iter(w("tc"))]


def _lost(value: str, where: str) -> ReportError:
    short = value if len(value) <= 120 else f"{value[:120]}…"
    return ReportError(f"回读报告时找不到应有的内容：{short}", where=where, cure=_CURE)
