"""Reads 附件三 from the regulation's own text and mends what page breaks did to it, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parent / "data" / "annex3-official.md"
_MARKUP = re.compile(r"^(#+|-)\s+|\*\*")
_CHAPTER = re.compile(r"(\d+)\. (.+)")
_CLAUSE = re.compile(r"([a-g])\) (.+)")
_ITEM = re.compile(r"(\d+)\) (.+)")
_HEADINGS = ("附件三", "定点医药机构接入医疗保障信息平台测试报告模板", "结果记录")


@dataclass
class OfficialClause:
    """A clause as printed: letter, text and the texts of its items in order."""

    letter: str
    text: str
    items: list[str] = field(default_factory=list)


@dataclass
class OfficialChapter:
    """A chapter as printed."""

    number: int
    title: str
    clauses: list[OfficialClause] = field(default_factory=list)


@dataclass
class Annex:
    """附件三; `mended` names the clauses and items that a page break had cut."""

    mandatory: list[str] = field(default_factory=list)
    chapters: list[OfficialChapter] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)


def read_annex(text: str) -> Annex:
    """Return what the text holds; a line that fits nowhere is an error, so that none is lost."""
    annex = Annex()
    part = 0
    for line in _lines(text):
        if line.startswith(("1、", "2、")):
            part = int(line[0])
        elif part == 1:
            annex.mandatory.append(line)
        elif part == 2:
            _place(annex, line)
        else:
            raise ValueError(f"text before the first part: {line}")
    return annex


def _lines(text: str) -> Iterator[str]:
    for raw in text.splitlines():
        line = _MARKUP.sub("", raw.strip()).strip()
        if line and line not in _HEADINGS:
            yield line


def _place(annex: Annex, line: str) -> None:
    if found := _CHAPTER.fullmatch(line):
        annex.chapters.append(OfficialChapter(int(found[1]), found[2]))
        return
    chapter = annex.chapters[-1]
    if found := _CLAUSE.fullmatch(line):
        chapter.clauses.append(OfficialClause(found[1], found[2]))
        return
    clause = chapter.clauses[-1]
    if found := _ITEM.fullmatch(line):
        clause.items.append(found[2])
        if int(found[1]) != len(clause.items):
            raise ValueError(f"item out of order: {line}")
    elif clause.items:
        clause.items[-1] = join(clause.items[-1], line)
        annex.mended.append(f"{chapter.number}.{clause.letter}.{len(clause.items)}")
    else:
        clause.text = join(clause.text, line)
        annex.mended.append(f"{chapter.number}.{clause.letter}")


def join(head: str, tail: str) -> str:
    """Return the sentence that a page break cut into `head` and `tail`.

    In one place the scan closed the sentence before the break and printed its last character again
    after it: there the mark is dropped and what stands twice is kept once.
    """
    if head[-1] not in "。；":
        return head + tail
    head = head[:-1]
    for length in range(len(tail), 0, -1):
        if head.endswith(tail[:length]):
            return head + tail[length:]
    raise ValueError(f"does not continue the sentence before it: {tail}")
