"""访谈记录: questions and answers as a file that is evidence; and what kind of evidence files are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ..model import EvidenceKind, Item, Person
from .attached import PICTURES

NOTE_NAME: Final = "interview.txt"
_PICTURED: Final = (EvidenceKind.SCREENSHOT, EvidenceKind.PHOTO)


def questions_of(item: Item) -> tuple[str, ...]:
    """Return what is asked in an interview: the item's questions, or what is to be asked by hand."""
    return item.questions or (item.by_hand.ask,)


def note(
    item: Item, *, asset: str, asked: str, answers: Sequence[tuple[str, str]], by: Person, at: datetime
) -> str:
    """Return an interview as text: who was asked by whom and when, each question with its answer."""
    lines = [
        "访谈记录",
        "",
        f"测评项：{item.id} {item.text}",
        f"测评对象：{asset}",
        f"访谈对象：{asked}",
        f"访谈人：{by.name}（{by.org}）",
        f"访谈时间：{at.astimezone():%Y-%m-%d %H:%M %z}",
    ]
    for number, (question, answer) in enumerate(answers, 1):
        lines += ["", f"问 {number}：{question}", f"答 {number}：{answer}"]
    return "\n".join([*lines, ""])


def kind_of_files(item: Item, suffixes: Sequence[str], *, interviewed: bool) -> EvidenceKind:
    """Return what kind of evidence files of these endings are, as the item asks for it; people may differ."""
    wanted = [EvidenceKind(one) for one in item.by_hand.keep]
    if any(one.lower() in PICTURES for one in suffixes):
        return next((one for one in wanted if one in _PICTURED), EvidenceKind.SCREENSHOT)
    if interviewed:
        return EvidenceKind.INTERVIEW_NOTE
    papers = (one for one in wanted if one not in (*_PICTURED, EvidenceKind.INTERVIEW_NOTE))
    return next(papers, EvidenceKind.DOCUMENT)
