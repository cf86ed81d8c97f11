"""Holds a report against the data it carries where the template that made it is not here.

Every template of the report has to print the same things (`report.readback`): they are looked for in what a
reader sees. What a template says of its own, and what was put in, can only be held against the template that
is here: a line that it does not give, or gives and is not there, is shown to a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from ..report.bars import drawn_pictures
from ..report.package import Package
from ..report.pictures import pixel_digest
from ..report.plain import Plain
from ..report.readback import cases_of, missing, rows_of
from ..report.refill import figures_in
from ..report.reread import Line, Sheet, in_line
from .findings import Finding, Gravity, broken
from .rebuilt import without_pages

_ASK: Final = "向出具人索取原件，或凭封存包核验（--packet）"
_MANY: Final = 20
_LONGEST: Final = 60
_LEAST: Final = 6  # a row with fewer numbers is none of the statistics
_NUMBER: Final = re.compile(r"\d+")
_DENSE: Final = re.compile(r"\s+")


def hold(
    name: str, data: Mapping[str, Plain], sheet: Sheet, package: Package, made: Sheet | None
) -> Iterator[Finding]:
    """Yield what a report says otherwise than its data, what nobody here can tell, and what was looked at.

    `made` is what the template that is here gives of the same data, None where it cannot print them.
    """
    try:
        wrong = [
            *_missing(name, data, sheet),
            *_counts(name, data, sheet),
            *_pictures(name, data, sheet, package),
            *_unseen(name, sheet),
        ]
        looked = _looked_at(data)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError):
        yield broken("所载数据", "不是本版本能核对的数据", cure=_ASK)
        return
    yield from wrong
    other = _other_words(sheet, made) if made is not None else []
    result = "不符的列在“不一致”" if wrong else "均相符"
    if made is None:
        rest = "模板自身的文字、另外添入的文字（本机的模板印不出这些数据，无从对照）、版式"
    else:
        rest = f"{len(other)} 处文字出自当时的模板还是后来改动（逐处列出），以及版式"
    yield _open(
        name, f"报告所用的模板不在本机。已按所载数据核对：{looked}，{result}。不能核对：{rest}",
        f"换用 {_tool(data)} 核验，或以 --content 指明当时的模板；或凭封存包核验（--packet）",
    )  # fmt: skip
    cure = "由人对照当时的模板"
    yield from (_open(name, one, cure) for one in other[:_MANY])
    if len(other) > _MANY:
        yield _open(name, f"另有 {len(other) - _MANY} 处未列", cure)


def _open(name: str, message: str, cure: str) -> Finding:
    return Finding(place=name, gravity=Gravity.OPEN, message=message, cure=cure)


def _tool(data: Mapping[str, Plain]) -> str:
    report = data["report"]
    return str(report.get("tool", ""))[:40] if isinstance(report, dict) else ""


def _looked_at(data: Mapping[str, Plain]) -> str:
    cases, figures = len(list(cases_of(data))), len(rows_of(data["figures"]))
    history = data["history"]
    moved = len(rows_of(history["rows"])) if isinstance(history, dict) else 0
    rounds = f"，整改情况 {moved} 条" if moved else ""
    return (
        f"条款与检查项原文及次序，{cases} 条结果（测评对象、结果记录、判定、证据同在一行，依次排列）"
        f"{rounds}，各章统计的项数，不符合项，证据清单与摘要，证据图片 {figures} 幅，四方名称"
    )


# ---- what the data say ---------------------------------------------------------------------------


def _missing(name: str, data: Mapping[str, Plain], sheet: Sheet) -> Iterator[Finding]:
    text = "\n".join((*(one.text for one in sheet.lines), *sheet.edges))
    for one in missing(text, sheet.rows(), _as_read(data)):
        place = f"{name}（{one.where}）" if one.item else name
        items = (one.item,) if one.item else ()
        yield broken(place, f"正文中没有“{one.short}”", items=items, cure=_ASK)


def _as_read(value: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return data with the lines of their texts as they are read in a document."""
    return {key: _text_as_read(one) for key, one in value.items()}


def _text_as_read(value: Plain) -> Plain:
    if isinstance(value, str):
        return "\n".join(filter(None, map(in_line, value.split("\n"))))
    if isinstance(value, list):
        return [_text_as_read(one) for one in value]
    return _as_read(value) if isinstance(value, dict) else value


def _counts(name: str, data: Mapping[str, Plain], sheet: Sheet) -> Iterator[Finding]:
    """Yield the rows of the statistics that print other numbers; a template need not have the tables."""
    summary = data["summary"]
    if not isinstance(summary, dict):
        return
    rows = sheet.rows()
    for table in ("checks", "clauses"):
        for row in rows_of(summary[table]):
            title = in_line(str(row["name"]))
            printed = [_numbers(cells, title) for cells in rows if title in cells]
            wanted = Counter(str(row[key]) for key in row if key != "name" and row[key])
            told = [one for one in printed if len(one) >= _LEAST]
            if told and not any(+Counter(filter(int, one)) == wanted for one in told):
                yield broken(name, f"统计表“{title}”一行的项数与所载数据不符", cure=_ASK)


def _numbers(cells: list[str], title: str) -> list[str]:
    return [one for one in cells if one != title and _NUMBER.fullmatch(one)]


def _pictures(name: str, data: Mapping[str, Plain], sheet: Sheet, package: Package) -> Iterator[Finding]:
    """Yield the pictures that the data give and that are gone, changed or in another order."""
    shown = iter([one.pixels for one in sheet.pictures if not (one.small or one.cropped)])
    titles = {str(one["picture"]): str(one["caption"]) for one in rows_of(data["figures"])}
    for key, picture in figures_in(data, package):
        wanted = pixel_digest(picture.data)
        if not any(one == wanted for one in shown):
            told = f"“{titles[key][:_LONGEST]}”的图片被替换、删去、裁剪、缩小或调换"
            yield broken(name, told, cure=_ASK)
            break  # the order is lost: what follows cannot be told apart
    yield from _bars(name, data, sheet)


def _bars(name: str, data: Mapping[str, Plain], sheet: Sheet) -> Iterator[Finding]:
    """Yield that the pictures of the statistics are others; a template need not have them."""
    drawn, summary = drawn_pictures(data), data["summary"]
    rows = rows_of(summary["bars"]) if isinstance(summary, dict) else []
    wanted = [pixel_digest(drawn[str(one["bar"])].data) for one in rows]
    printed = [one.pixels for one in sheet.pictures if one.pixels in wanted]
    if printed and printed != wanted:
        yield broken(name, "统计图被替换、删去或调换", cure=_ASK)


# ---- what nobody here can tell -------------------------------------------------------------------


def _unseen(name: str, sheet: Sheet) -> Iterator[Finding]:
    for one in sheet.lines:
        if one.hidden:
            yield broken(name, f"含不可见的文字“{one.hidden[:_LONGEST]}”", cure=_ASK)
        if one.struck:
            yield broken(name, f"“{one.struck[:_LONGEST]}”被加删除线", cure=_ASK)
    yield from (broken(name, one, cure=_ASK) for one in sheet.odd)


def _other_words(sheet: Sheet, made: Sheet) -> list[str]:
    """Return which lines stand more often in the document than in the one made here, and which less."""
    expected = Counter(map(_dense, made.lines))
    given = Counter(map(_dense, without_pages(sheet).lines))
    words = {_dense(one): one.text for one in (*made.lines, *without_pages(sheet).lines)}
    more = [f"多出“{words[key][:_LONGEST]}”" for key in given - expected if key]
    less = [f"没有本机模板所印的“{words[key][:_LONGEST]}”" for key in expected - given if key]
    edges = [f"页眉页脚多出“{one[:_LONGEST]}”" for one in sorted(sheet.edges - made.edges)]
    edges += [f"页眉页脚没有“{one[:_LONGEST]}”" for one in sorted(made.edges - sheet.edges)]
    return [*more, *less, *edges]


def _dense(line: Line) -> str:
    return _DENSE.sub("", line.text)
