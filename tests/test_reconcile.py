"""Plan held against records: every planned case ends as exactly one record."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.judging import Outcome
from dengbao.model import Case, FactRef, Status, Verdict
from dengbao.reconcile import exit_code, is_complete, make_record, reconcile
from dengbao.rounds import RecordBook, Round, begin_or_resume, load_round
from dengbao.session import Session, open_session

from .small_content import write_content, write_engagement


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    base = tmp_path_factory.mktemp("reconcile")
    content = write_content(base / "content", {"good": "return say(True)", "bad": "return say(False)"})
    return open_session(write_engagement(base / "hospital"), content)


@pytest.fixture
def chosen(session: Session, tmp_path: Path) -> Round:
    return begin_or_resume(tmp_path, session.suite, session.engagement, session.plan)


def judged(verdict: Verdict) -> Outcome:
    return Outcome(status=Status.JUDGED, verdict=verdict, statement="经核查，是。")


UNDETERMINED = Outcome(status=Status.UNDETERMINED, reason=Reason.TIMED_OUT, statement="未能取得")


def fill(chosen: Round, *outcomes: Outcome) -> RecordBook:
    book = RecordBook(chosen.records_path)
    cases = [one for one in chosen.plan.cases if one.check]
    for case, outcome in zip(cases, outcomes, strict=False):
        book.add(make_record(chosen, case, outcome))
    return book


def test_a_record_holds_all_that_was_said_and_what_it_rests_on(chosen: Round) -> None:
    case = Case(item="1.a.1", asset="his-bak", check="demo.good")
    ref = FactRef(fact="backup.files", sha256="0" * 64)
    record = make_record(chosen, case, UNDETERMINED, params={"limit": 8}, facts=(ref,))
    assert (record.case, record.round, record.suite) == ("1.a.1@his-bak/demo.good", 1, "small")
    assert (record.status, record.reason, record.verdict) == (Status.UNDETERMINED, Reason.TIMED_OUT, None)
    assert (record.params, record.facts) == ({"limit": 8}, (ref,))
    assert record.suite_sha256 == chosen.info.suite_sha256
    assert record.judged_at.tzinfo is not None


def test_while_a_check_has_not_judged_the_round_stays_open_and_nothing_is_added(chosen: Round) -> None:
    book = fill(chosen, judged(Verdict.CONFORM))
    assert not is_complete(chosen, book)
    assert reconcile(chosen, book) is chosen
    book.close()
    assert len(chosen.records()) == 1
    assert load_round(chosen.folder.parents[1]).info.ended_at is None


def test_once_all_checks_have_judged_the_rest_awaits_evidence_and_the_round_ends(chosen: Round) -> None:
    book = fill(chosen, judged(Verdict.CONFORM), UNDETERMINED)
    assert is_complete(chosen, book)
    ended = reconcile(chosen, book)
    book.close()
    assert ended.info.ended_at is not None
    found = chosen.records()
    assert sorted(found) == sorted(one.id for one in chosen.plan.cases)
    by_hand = [one for one in found.values() if not one.check]
    assert {one.status for one in by_hand} == {Status.AWAITING_EVIDENCE}
    assert load_round(chosen.folder.parents[1]).info.ended_at == ended.info.ended_at


def test_reconciling_twice_changes_nothing(chosen: Round) -> None:
    book = fill(chosen, judged(Verdict.CONFORM), judged(Verdict.CONFORM))
    ended = reconcile(chosen, book)
    before = chosen.records_path.read_bytes()
    assert reconcile(ended, book) is ended
    book.close()
    assert chosen.records_path.read_bytes() == before


def test_judging_again_does_not_end_the_round(chosen: Round) -> None:
    book = fill(chosen, judged(Verdict.CONFORM), judged(Verdict.CONFORM))
    assert reconcile(chosen, book, end=False) is chosen
    book.close()
    assert len(chosen.records()) == len(chosen.plan.cases)
    assert load_round(chosen.folder.parents[1]).info.ended_at is None


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((judged(Verdict.CONFORM), judged(Verdict.NOT_APPLICABLE)), 0),
        ((judged(Verdict.CONFORM), judged(Verdict.NONCONFORM)), 1),
        ((judged(Verdict.PARTIAL), judged(Verdict.CONFORM)), 1),
        ((judged(Verdict.NONCONFORM), UNDETERMINED), 3),
        ((judged(Verdict.NONCONFORM),), 3),
        ((), 3),
    ],
)
def test_three_outranks_one_and_a_lack_is_never_zero(
    chosen: Round, outcomes: tuple[Outcome, ...], code: int
) -> None:
    book = fill(chosen, *outcomes)
    assert exit_code(book.known.values(), planned=2) == code
    book.close()
