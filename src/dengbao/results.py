"""The folded results of a round: records and manual evidence together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from . import evidence as evidence_room
from .errors import UsageError
from .evidence import Examined
from .model import Evidence, Status, SuiteResult, Verdict
from .rounds import Round, load_round, round_numbers
from .session import Session
from .verdict import fold


def fold_round(
    session: Session, chosen: Round, *, today: date | None = None
) -> tuple[SuiteResult, tuple[Evidence, ...]]:
    """Return the results of a round and the evidence that was admitted.

    不适用 is declared by people, who may do so after the test: of the newest round today's declarations
    count, of an earlier one those it was begun with. Evidence collected after the next round began speaks
    of another state of the system: it does not count for this one.

    Raises:
        EvidenceError: a filed record is damaged or its files were altered.
        StoreError: the round's records are damaged.
        UsageError: the suite is no longer the one the round was begun with.

    """
    refuse_other_suite(session, chosen)
    admitted = evidence_room.admissible(
        session.directory, session.suite, chosen.engagement, today or datetime.now().astimezone().date()
    )
    return fold_with(session, chosen, admitted)


def fold_to_show(
    session: Session, chosen: Round, *, today: date | None = None
) -> tuple[SuiteResult, tuple[Examined, ...]]:
    """Return the results of a round as they stand, and all evidence with what is to be said of it.

    For showing only: evidence that is damaged is left out, and keeps nothing else from being shown.

    Raises:
        StoreError: the round's records are damaged.
        UsageError: the suite is no longer the one the round was begun with.

    """
    refuse_other_suite(session, chosen)
    examined = evidence_room.examine(
        session.directory, session.suite, chosen.engagement, today or datetime.now().astimezone().date()
    )
    return fold_with(session, chosen, evidence_room.counted(examined))[0], examined


def refuse_other_suite(session: Session, chosen: Round) -> None:
    """Refuse to interpret a round by a suite that is not the one it was begun with.

    Raises:
        UsageError: it is another one.

    """
    if chosen.info.suite_sha256 != session.suite.sha256:
        raise UsageError(
            f"第 {chosen.number} 轮检测之后，测评项 {session.suite.id} 已改动，不能用来解释该轮的结果",
            where=str(session.content.suites / session.suite.id),
            cure="改用检测时的版本（--content）；或加 --new-round 重新检测",
        )


def fold_with(
    session: Session, chosen: Round, admitted: Iterable[Evidence]
) -> tuple[SuiteResult, tuple[Evidence, ...]]:
    """Return the results of a round and which of the admitted evidence speaks of it.

    Raises:
        StoreError: the round's records are damaged.

    """
    until = _next_begun(session, chosen)
    counted = tuple(one for one in admitted if until is None or one.collected_at < until)
    declared = (session if until is None else chosen).engagement.not_applicable
    result = fold(session.suite, chosen.plan.cases, chosen.records().values(), counted, declared)
    return result, counted


def _next_begun(session: Session, chosen: Round) -> datetime | None:
    later = [one for one in round_numbers(session.directory) if one > chosen.number]
    return load_round(session.directory, later[0]).info.begun_at if later else None


def code_of(result: SuiteResult) -> int:
    """Return 0 all conform, 1 some not, 3 some not judged; 3 outranks 1."""
    items = [*result.mandatory, *(item for clause in result.clauses for item in clause.items)]
    if any(one.status is not Status.JUDGED for one in items):
        return 3
    return 1 if any(one.verdict in (Verdict.PARTIAL, Verdict.NONCONFORM) for one in items) else 0
