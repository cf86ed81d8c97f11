"""Holds what was sealed against what the technician saw: verdict, statement, and which facts changed."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..facts import canonical, digest
from ..model import Case, CaseResult, FactRef, Record, Status, SuiteResult
from ..model.recheck import FactChange, Meaning, Seen, Sight
from ..redact import Redactor
from ..rounds import Round
from .differing import differences

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Side:
    """One side's round with its records; `result` is folded with the evidence, of what was sealed only."""

    round: Round
    records: Mapping[str, Record]
    result: SuiteResult | None = None

    @cached_property
    def facts(self) -> Mapping[_Key, Mapping[str, object]]:
        """Return (asset, kind, digest) → every stored fact, as it is stored."""
        return {
            (file.asset, str(one.get("fact", "")), digest(canonical(one))): one
            for file in self.round.store().answers()
            for one in file.facts
        }

    @cached_property
    def cases(self) -> Mapping[tuple[str, str], CaseResult]:
        """Return (item, asset) → what programs and people together said."""
        if self.result is None:
            return {}
        clauses = (item for clause in self.result.clauses for item in clause.items)
        items = [*self.result.mandatory, *clauses]
        return {(case.item, case.asset): case for item in items for case in item.cases}


def see_again(sealed: Side, again: Side | None, items: Container[str]) -> tuple[Seen, ...]:
    """Return every case of the items, in official order, as it was sealed and as it was seen again.

    Raises:
        StoreError: stored facts of a side are damaged.

    """
    plans = [one.round.plan.cases for one in (sealed, again) if one is not None]
    cases = dict.fromkeys(case for plan in plans for case in plan if case.item in items)
    return tuple(_seen(case, sealed, again) for case in sorted(cases, key=_order(sealed, again)))


def _order(sealed: Side, again: Side | None) -> _Order:
    return _Order([one.item for side in (sealed, again) if side is not None for one in side.round.plan.cases])


class _Order:
    """The official order of items, whichever side has them."""

    def __init__(self, items: list[str]) -> None:
        self._places = {one: number for number, one in enumerate(dict.fromkeys(items))}

    def __call__(self, case: Case) -> int:
        return self._places[case.item]


def _seen(case: Case, sealed: Side, again: Side | None) -> Seen:
    before = sealed.records.get(case.id)
    after = again.records.get(case.id) if again is not None else None
    folded = sealed.cases.get((case.item, case.asset))
    evidence = tuple(one.id for one in folded.evidence) if folded is not None else ()
    changes, more = _changed(before, after, sealed, again)
    if not case.check:
        meaning = Meaning.BY_HAND
        own = Sight(status=folded.status, verdict=folded.verdict) if folded is not None else _sight(before)
    else:
        meaning, own = _meaning(before, after, bool(changes)), _sight(before)
    return Seen(
        case=case.id, item=case.item, asset=case.asset, meaning=meaning, sealed=own, again=_sight(after),
        changes=changes, uncounted=more, evidence=evidence,
    )  # fmt: skip


def _sight(record: Record | None) -> Sight:
    if record is None:
        return Sight(status=Status.NOT_RUN)
    return Sight(status=record.status, verdict=record.verdict, statement=Redactor().text(record.statement))


def _meaning(before: Record | None, after: Record | None, changed: bool) -> Meaning:
    if after is None or after.status is Status.NOT_RUN:
        return Meaning.NOT_RUN
    old, new = before.verdict if before is not None else None, after.verdict
    if old is None and new is not None:
        return Meaning.NEW
    if old is not None and new is None:
        return Meaning.LOST
    if old is not new:
        return Meaning.VERDICT
    return Meaning.FACTS if changed else Meaning.SAME


def _changed(
    before: Record | None, after: Record | None, sealed: Side, again: Side | None
) -> tuple[tuple[FactChange, ...], int]:
    if before is None or after is None or again is None:
        return (), 0
    old, new = _refs(before.facts), _refs(after.facts)
    told: list[FactChange] = []
    more = 0
    for kind in dict.fromkeys((*old, *new)):
        if old.get(kind) != new.get(kind):
            values = (
                sealed.facts.get((before.asset, kind, old.get(kind, ""))),
                again.facts.get((after.asset, kind, new.get(kind, ""))),
            )
            found, rest = differences(kind, *values, Redactor())
            told += found
            more += rest
    return tuple(told), more


def _refs(facts: tuple[FactRef, ...]) -> dict[str, str]:
    return {one.fact: one.sha256 for one in facts}
