"""The form for what people saw: its fields as typed, and the evidence that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, TypeVar

from ...drafts import DraftContent
from ...errors import DengbaoError
from ...evidence import Draft
from ...evidence.interview import kind_of_files, note, questions_of
from ...model import EvidenceKind, Item, Method, Person, Verdict
from ..filled import MOST_TEXT, Filled
from . import vouching
from .screen import Seat

TITLES: Final = {
    "verdict": "判定", "statement": "结果记录", "override": "推翻自动判定的理由", "method": "方法",
    "kind": "佐证种类", "collected_at": "采集时间", "by_name": "采集人", "by_org": "采集人单位",
    "redacted": "已遮盖个人信息", "expires": "有效期至", "asked": "访谈对象",
}  # fmt: skip
_MOST: Final = {"statement": MOST_TEXT, "override": 2000, vouching.FIELD: 400}
_SHORT: Final = 200
_MOST_ANSWER: Final = 4000
_MOST_QUESTIONS: Final = 20
VERDICTS: Final = (Verdict.CONFORM, Verdict.PARTIAL, Verdict.NONCONFORM, Verdict.NOT_APPLICABLE)
_WORDS: Final = {
    **{("verdict", one.value): one.zh for one in Verdict},
    **{("method", one.value): one.zh for one in Method},
    **{("kind", one.value): one.zh for one in EvidenceKind},
}
Read = TypeVar("Read")


def asked_of(item: Item) -> tuple[tuple[str, str], ...]:
    """Return field → question of the interview about an item."""
    return tuple((f"answer_{n}", one) for n, one in enumerate(questions_of(item)[:_MOST_QUESTIONS], 1))


def titles_of(item: Item) -> dict[str, str]:
    """Return field → title of all that may be typed about an item."""
    return {**TITLES, **{name: f"访谈：{question}" for name, question in asked_of(item)}}


def word_of(name: str, text: str) -> str:
    """Return what a field holds as people read it."""
    if name == vouching.FIELD and text:
        return "是"
    return _WORDS.get((name, text), text)


def typed(filled: Filled, item: Item, files: Sequence[str]) -> DraftContent:
    """Return what stands in the form; the files are not in it and stay as they are.

    Raises:
        UsageError: a field is too long.

    """
    fields: dict[str, str] = {}
    for name, title in titles_of(item).items():
        most = _MOST_ANSWER if name.startswith("answer_") else _MOST.get(name, _SHORT)
        text = filled.text(name, title, most=most)
        if text:
            fields[name] = text
    return DraftContent(fields=fields, files=tuple(files))


@dataclass
class Faults:
    """What is wrong with what was typed, by field; `whole` is about no single field."""

    fields: dict[str, str] = field(default_factory=dict)
    whole: list[DengbaoError] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.fields or self.whole)

    def read(self, name: str, text: str, read: Callable[[str], Read], told: str) -> Read | None:
        """Return a field's value; note a fault where it cannot be read."""
        try:
            return read(text)
        except (ValueError, OverflowError):
            self.fields[name] = told
            return None


def to_evidence(
    seat: Seat, fields: Mapping[str, str], files: Sequence[Path], person: Person
) -> Draft | Faults:
    """Return the evidence that a form becomes, or all that keeps it from being evidence."""
    faults = Faults()
    statement = fields.get("statement", "")
    if not statement:
        faults.fields["statement"] = "未填：写看到了什么，如“经核查，……”"
    verdict = _verdict(fields, faults)
    interviewed = _interview(seat.item, fields, faults)
    if not files and not interviewed:
        faults.fields["files"] = "没有佐证：拖入、粘贴或选择文件，或填写访谈"
    told = fields.get(vouching.FIELD, "")
    if told and not vouching.stands(told, [one.name for one in files]):  # they are called by their digests
        faults.fields[vouching.FIELD] = vouching.LAPSED
    now = datetime.now(UTC).astimezone()
    collected = faults.read("collected_at", fields.get("collected_at", ""), _moment(now), "不是时间")
    if collected is not None and collected > now:
        faults.fields["collected_at"] = "采集时间在将来：核对日期与本机时钟"
    expires = faults.read("expires", fields.get("expires", ""), _day, "不是日期，如 2027-03-01")
    method = faults.read(
        "method", fields.get("method", ""), _method(interviewed and not files), "不认识的方法"
    )
    suffixes = [one.suffix for one in files]
    kind = kind_of_files(seat.item, suffixes, interviewed=interviewed)
    chosen = faults.read(
        "kind", fields.get("kind", ""), lambda one: EvidenceKind(one or kind), "不认识的种类"
    )
    if faults or verdict is None or collected is None or method is None or chosen is None:
        return faults
    return Draft(
        items=(seat.item.id,), asset=seat.asset.id, method=method, kind=chosen, collected_at=collected,
        collected_by=_by(fields, person), statement=statement, verdict=verdict, expires=expires,
        redacted=bool(fields.get(vouching.FIELD)), override=fields.get("override", "") if seat.failed else "",
    )  # fmt: skip


def _verdict(fields: Mapping[str, str], faults: Faults) -> Verdict | None:
    told = fields.get("verdict", "")
    verdict = faults.read(
        "verdict", told, Verdict, "未选：按 1 符合、2 部分符合、3 不符合" if not told else "不认识的判定"
    )
    if verdict is Verdict.NOT_APPLICABLE:
        faults.fields["verdict"] = "不适用须申报（见下方“申报不适用”），不作佐证入库"
    return verdict


def _interview(item: Item, fields: Mapping[str, str], faults: Faults) -> bool:
    answered = any(fields.get(name) for name, _ in asked_of(item))
    if answered and not fields.get("asked"):
        faults.fields["asked"] = "未填：写明向谁访谈（姓名、岗位）"
    return answered


def _moment(now: datetime) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        if not text:
            return now
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.astimezone()

    return read


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _method(only_interview: bool) -> Callable[[str], Method]:
    default = Method.INTERVIEW if only_interview else Method.EXAMINE
    return lambda text: Method(text) if text else default


def _by(fields: Mapping[str, str], person: Person) -> Person:
    name, org = fields.get("by_name", ""), fields.get("by_org", "")
    if not name and not org:
        return person
    return Person(name=name or person.name, org=org or person.org)


def interview_note(seat: Seat, fields: Mapping[str, str], draft: Draft) -> str:
    """Return the interview as the text of a file, empty where nobody was asked."""
    answers = [(question, fields[name]) for name, question in asked_of(seat.item) if fields.get(name)]
    if not answers:
        return ""
    return note(
        seat.item, asset=f"{seat.asset.name}（{seat.asset.id}）", asked=fields.get("asked", ""),
        answers=answers, by=draft.collected_by, at=draft.collected_at,
    )  # fmt: skip
