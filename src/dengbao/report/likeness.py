"""Compares a report with the one that its data give, line by line; every difference is named by its place."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..model import Suite
from .reread import Drawn, Line, Sheet, read_sheet
from .toc import UNKNOWN

_SECTION: Final = re.compile(r"(?:[一二三四五六七八九十]+、|附录[A-Z] )\S.{0,30}")
_ROW: Final = re.compile(r"(\d{1,2})\)(?: 本项：.*)?")
_CLAUSE: Final = re.compile(r"\d{1,2}\.[a-z](?=\.\d|$)")
_NOTED: Final = re.compile(r"(?:\[注\d+\])+$")
_SHOWN: Final = 60
_BEFORE: Final = 12


@dataclass(frozen=True)
class Unlike:
    """One difference: `place` is a clause, an item or a section of the report, `message` Chinese."""

    place: str
    message: str


def compare_reports(expected: bytes, given: bytes, suite: Suite) -> tuple[Unlike, ...]:
    """Return how a .docx differs from the one expected; programs may have opened and saved it.

    Raises:
        ReportError: one of them is no .docx.

    """
    return compare_sheets(read_sheet(expected), read_sheet(given, where="送核验的报告"), suite)


def compare_sheets(made: Sheet, found: Sheet, suite: Suite) -> tuple[Unlike, ...]:
    """Return how what is read in one document differs from what is read in the one expected.

    Not compared: page numbers, fonts, sizes and colours that leave the words readable, and line breaks.
    """
    places = _places(made.lines, _official(suite))
    unlike = [*_lines(made.lines, found.lines, places), *_pictures(made, found)]
    unlike += [Unlike("全文", one) for one in found.odd if one not in made.odd]
    return (*unlike, *_edges(made.edges, found.edges))


def _official(suite: Suite) -> dict[str, list[str]]:
    """Return a text with which a chapter, clause or item begins → its id, or ids in order."""
    found: dict[str, list[str]] = {}
    for one in suite.mandatory:
        found.setdefault(one.text, []).append(one.id)
    for chapter in suite.chapters:
        found.setdefault(f"{chapter.number}. {chapter.title}", []).append(f"第{chapter.number}章")
        for clause in chapter.clauses:
            found.setdefault(clause.text, []).append(clause.id)
            for item in clause.items:
                found.setdefault(item.text, []).append(item.id)
    return found


def _places(lines: Sequence[Line], official: Mapping[str, list[str]]) -> list[str]:
    """Return for each line under which clause, item or section it stands."""
    at, places = "封面", []
    by_end = {text[-_BEFORE:]: text for text in official}
    used: Counter[str] = Counter()
    for line in lines:
        if _SECTION.fullmatch(line.text):
            at = line.text
        text = by_end.get(_NOTED.sub("", line.text)[-_BEFORE:], "")
        if text and text in line.text:  # two items have the very same text: the first comes first
            at = official[text][min(used[text], len(official[text]) - 1)]
            used[text] += 1
        row = _ROW.fullmatch(line.text) if line.cell else None
        if row is not None and (clause := _CLAUSE.match(at)):  # 结果记录 stands below all items of a clause
            at = f"{clause[0]}.{row[1]}"
        places.append(at)
    return places


def _lines(made: Sequence[Line], found: Sequence[Line], places: Sequence[str]) -> Iterator[Unlike]:
    matcher = difflib.SequenceMatcher(None, _keys(made), _keys(found), autojunk=False)
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind == "equal":
            continue
        place = places[min(a1, len(places) - 1)] if places else "全文"
        gone, come = list(made[a1:a2]), list(found[b1:b2])
        for one, other in zip(gone, come, strict=False):
            yield Unlike(place, _changed(one, other))
        for one in gone[len(come) :]:
            yield Unlike(place, f"删去了“{_short(one.text)}”")
        for one in come[len(gone) :]:
            yield Unlike(place, _added(one))


def _keys(lines: Sequence[Line]) -> list[tuple[str, str, str, bool]]:
    # A program that saves the report fills in page numbers where the contents had a dash for each.
    told = (one.text if one.cell else one.text.removesuffix(f" {UNKNOWN}") for one in lines)
    return [(text, one.hidden, one.struck, one.cell) for text, one in zip(told, lines, strict=True)]


def _changed(one: Line, other: Line) -> str:
    if other.hidden and one.text == other.hidden:
        return f"“{_short(one.text)}”被隐藏（不可见的文字）"
    if other.hidden != one.hidden:
        return f"含不可见的文字“{_short(other.hidden)}”，应为“{_short(one.text)}”"
    if one.text == other.text:
        told = f"“{_short(one.text)}”"
        return f"{told}被加删除线" if other.struck != one.struck else f"{told}移出或移入表格"
    at = next(
        (at for at, pair in enumerate(zip(one.text, other.text, strict=False)) if pair[0] != pair[1]), 0
    )
    at = min(at, len(one.text), len(other.text))
    return f"应为“{_around(one.text, at)}”，文件中是“{_around(other.text, at)}”"


def _added(one: Line) -> str:
    if not one.text:
        return f"添入了不可见的文字“{_short(one.hidden)}”"
    return f"添入了“{_short(one.text)}”"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _around(text: str, at: int) -> str:
    begin = max(0, at - _BEFORE)
    cut = text[begin : begin + _SHOWN]
    return f"{'…' if begin else ''}{cut}{'…' if begin + _SHOWN < len(text) else ''}"


def _pictures(made: Sheet, found: Sheet) -> Iterator[Unlike]:
    matcher = difflib.SequenceMatcher(
        None, [one.pixels for one in made.pictures], [one.pixels for one in found.pictures], autojunk=False
    )
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind == "equal":
            yield from _shown(made, found.pictures[b1:b2], a1)
        else:
            yield from (Unlike(_near(made, one), "图片被替换、删去或调换") for one in made.pictures[a1:a2])
            yield from (Unlike("证据图片", "添入了图片") for _ in found.pictures[b1 + a2 - a1 : b2])


def _shown(made: Sheet, pictures: Sequence[Drawn], first: int) -> Iterator[Unlike]:
    for number, one in enumerate(pictures, first):
        own = made.pictures[number]
        shrunk = 0 <= one.side_emu < own.side_emu / 2
        if shrunk or (one.small and not own.small) or (one.cropped and not own.cropped):
            yield Unlike(_near(made, own), "图片被裁剪或缩到看不清")


def _near(made: Sheet, one: Drawn) -> str:
    """Return the caption next to a picture: the line below it, or the one above."""
    if any(line.text.startswith("二维码") for line in made.lines[one.after : one.after + 5]):
        return "签章页二维码"
    around = [*made.lines[one.after : one.after + 2], *made.lines[max(0, one.after - 1) : one.after]]
    return next(
        (line.text[:_SHOWN] for line in around if line.text.startswith("图 ")),
        "统计图" if one.small else "证据图片",
    )


def _edges(made: frozenset[str], found: frozenset[str]) -> Iterator[Unlike]:
    for one in sorted(made - found):
        yield Unlike("页眉页脚", f"缺少“{_short(one)}”")
    for one in sorted(found - made):
        yield Unlike("页眉页脚", f"多出“{_short(one)}”")
