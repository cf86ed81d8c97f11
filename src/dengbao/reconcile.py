"""Holds the plan against the records: every planned case ends as exactly one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from . import __version__
from .judging import Outcome
from .model import Case, FactRef, ParamValue, Record, Status, Verdict
from .rounds import RecordBook, Round

# What the judging process of a run exits with when it judged to the end: no accident yields this
# number, while 1 and 3 are also what Python and pytest end with when they break down.
JUDGED: Final = 73


def make_record(
    chosen: Round,
    case: Case,
    outcome: Outcome,
    *,
    params: Mapping[str, ParamValue] | None = None,
    facts: tuple[FactRef, ...] = (),
) -> Record:
    """Return the record of a case."""
    return Record(
        case=case.id, item=case.item, asset=case.asset, check=case.check,
        facts=facts, params=dict(params or {}),
        status=outcome.status, verdict=outcome.verdict, reason=outcome.reason, statement=outcome.statement,
        coverage=outcome.coverage, remainder=outcome.remainder, criteria=outcome.criteria,
        proofs=outcome.proofs, round=chosen.number, suite=chosen.info.suite,
        suite_sha256=chosen.info.suite_sha256,
        tool_version=__version__, judged_at=datetime.now(UTC),
    )  # fmt: skip


def is_complete(chosen: Round, book: RecordBook) -> bool:
    """Tell whether every case that a check judges has its record."""
    return all(case.id in book.known for case in chosen.plan.cases if case.check)


def reconcile(chosen: Round, book: RecordBook, *, end: bool = True) -> Round:
    """Write the records of by-hand cases once all checks have judged, and end the round.

    A round of which only some items were run stays open, so that it can be gone on with.
    """
    if not is_complete(chosen, book):
        return chosen
    for case in chosen.plan.cases:
        if case.id not in book.known:
            outcome = Outcome(status=Status.AWAITING_EVIDENCE, statement="此项须人工核查并提交佐证材料")
            book.add(make_record(chosen, case, outcome))
    return chosen.end() if end and chosen.info.ended_at is None else chosen


def exit_code(records: Iterable[Record], *, planned: int) -> int:
    """Return 0 all conform (or not applicable), 1 some not, 3 some not judged; 3 outranks 1."""
    known = list(records)
    if len(known) < planned or any(one.status is not Status.JUDGED for one in known):
        return 3
    bad = (Verdict.PARTIAL, Verdict.NONCONFORM)
    return 1 if any(one.verdict in bad for one in known) else 0
