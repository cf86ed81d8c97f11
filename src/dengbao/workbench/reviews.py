"""What waits for the second person, in the order in which it is worth their time."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from ..evidence import Examined, sight_of
from ..evidence.standing import refusal
from ..model import CaseResult, Clause, Evidence, Item, Person, Remark, RemarkSort, Standing, Verdict
from ..verdict import combine
from .desk import State

_BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)


class Group(StrEnum):
    """Why a record stands where it does in the queue."""

    MUST = "must"
    OVERRIDE = "override"
    HIGH_RISK = "high_risk"
    REST = "rest"

    @property
    def zh(self) -> str:
        """Return the Chinese heading."""
        return {
            "must": "待复核：复核后才采信", "override": "推翻自动判定：复核后才采信",
            "high_risk": "高风险判例涉及的项", "rest": "其余",
        }[self.value]  # fmt: skip


@dataclass(frozen=True)
class Matter:
    """One item that a record speaks of, as it stands on its asset; `case` is None where none is planned."""

    item: Item
    clause: Clause | None
    case: CaseResult | None

    @property
    def automatic(self) -> Verdict | None:
        """Return what the programs alone say, None where they say nothing."""
        verdicts = [one.verdict for one in self.case.records if one.verdict] if self.case else []
        return combine(verdicts) if verdicts else None

    @property
    def overruled(self) -> bool:
        """Tell whether an override would overrule a program here."""
        return self.automatic in _BAD


@dataclass(frozen=True)
class Entry:
    """A readable record with what there is to review of it."""

    record: Evidence
    examined: Examined
    group: Group

    @property
    def standing(self) -> Standing:
        """Return where it stands."""
        return self.examined.thread.standing

    @property
    def waits(self) -> bool:
        """Tell whether it waits for the second person."""
        return self.standing is Standing.OPEN

    @property
    def sight(self) -> str:
        """Return what identifies it as it is shown."""
        return sight_of(self.record, self.examined.thread)

    def hindrance(self, sort: RemarkSort, by: Person | None) -> str:
        """Return in Chinese why a person may not do this now, empty where they may."""
        if by is None:
            return "先在页面右上角选定操作人员"
        at = max(datetime.now(UTC), self.record.filed_at)
        trial = Remark(id="", at=at, by=by, sort=sort, text="……（试）", evidence=self.record.id)
        fault = refusal(self.record, self.examined.thread, trial)
        return "" if fault is None else f"{self.record.id} {fault[0]}：{fault[1]}"


@functools.lru_cache(maxsize=2)
def entries_of(state: State) -> dict[str, Entry]:
    """Return all readable records by number: first the queue in its order, then the rest."""
    risky = {item for item, clause in state.clause_of.items() if clause.high_risk is not None}
    found = [
        Entry(one.record, one, _group(one.record, one, risky))
        for one in state.examined
        if one.record is not None
    ]
    order = tuple(Group)
    found.sort(key=lambda one: (not one.waits, order.index(one.group) if one.waits else 0))
    return {one.record.id: one for one in found}


def _group(record: Evidence, examined: Examined, risky: set[str]) -> Group:
    if record.override.strip():
        return Group.OVERRIDE
    if examined.thread.answered or record.verdict is Verdict.NOT_APPLICABLE:
        return Group.MUST
    return Group.HIGH_RISK if risky.intersection(record.items) else Group.REST


def queue(state: State) -> tuple[str, ...]:
    """Return the numbers of the records that wait for the second person, in order."""
    return tuple(number for number, one in entries_of(state).items() if one.waits)


def returned(state: State) -> tuple[Entry, ...]:
    """Return the records that were returned and wait for an answer."""
    return tuple(one for one in entries_of(state).values() if one.standing is Standing.RETURNED)


def settled(state: State) -> tuple[Entry, ...]:
    """Return the records that were accepted or withdrawn."""
    return tuple(
        one for one in entries_of(state).values() if one.standing in (Standing.ACCEPTED, Standing.WITHDRAWN)
    )


def matters(state: State, record: Evidence) -> tuple[Matter, ...]:
    """Return the items that a record speaks of, those where a program is overruled first."""
    found = [
        Matter(item, state.clause_of.get(one), state.case(one, record.asset))
        for one in dict.fromkeys(record.items)
        if (item := state.item(one)) is not None
    ]
    return tuple(sorted(found, key=lambda one: not (bool(record.override) and one.overruled)))


def next_after(queued: Iterable[str], number: str) -> str:
    """Return what follows a number in a queue, the first where it is the last, empty where it is alone."""
    row = tuple(queued)
    rest = [one for one in row if one != number]
    if number not in row:
        return rest[0] if rest else ""
    after = row[row.index(number) + 1 :]
    return after[0] if after else (rest[0] if rest else "")
