"""Two rounds compared case by case, each kind of movement with its own example."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dengbao.compare import Change, Direction, Standing, compare, render
from dengbao.model import (
    ByHand,
    CaseResult,
    Clause,
    ClauseResult,
    Item,
    ItemResult,
    Kind,
    Method,
    Polarity,
    Record,
    Status,
    SuiteResult,
    Verdict,
)

C, P, N, X = Verdict.CONFORM, Verdict.PARTIAL, Verdict.NONCONFORM, Verdict.NOT_APPLICABLE
J, U, A = Status.JUDGED, Status.UNDETERMINED, Status.AWAITING_EVIDENCE
Told = Verdict | Status


def standing(told: Told) -> Standing:
    if isinstance(told, Status):
        return Standing(status=told)
    return Standing(status=Status.JUDGED, verdict=told)


def item_result(item_id: str, cases: dict[str, CaseResult]) -> ItemResult:
    item = Item(
        id=item_id, text="应核查。", polarity=Polarity.POSITIVE, methods=(Method.EXAMINE,), kinds=(Kind.WEB,),
        by_hand=ByHand(ask="查阅", keep=()),
    )  # fmt: skip
    return ItemResult(item=item, status=Status.JUDGED, verdict=None, cases=tuple(cases.values()))


def case(item: str, asset: str, told: Told, records: tuple[Record, ...] = ()) -> CaseResult:
    found = standing(told)
    return CaseResult(item=item, asset=asset, status=found.status, verdict=found.verdict, records=records)


def result(**items: dict[str, Told]) -> SuiteResult:
    """Build a round; `m1` is a mandatory item, every other one stands in a single clause."""
    folded = {
        name: item_result(name, {asset: case(name, asset, told) for asset, told in cases.items()})
        for name, cases in items.items()
    }
    clause = Clause(
        id="1.a",
        letter="a",
        text="应。",
        source="",
        unit="",
        items=tuple(one.item for one in folded.values()),
    )
    rest = tuple(one for name, one in folded.items() if name != "m1")
    return SuiteResult(
        mandatory=tuple(one for name, one in folded.items() if name == "m1"),
        clauses=(ClauseResult(clause=clause, status=Status.JUDGED, verdict=None, items=rest),),
    )


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        (N, C, Direction.IMPROVED),
        (N, P, Direction.IMPROVED),
        (P, C, Direction.IMPROVED),
        (C, N, Direction.WORSE),
        (C, P, Direction.WORSE),
        (C, C, Direction.EQUAL),
        (N, X, Direction.CHANGED),
        (X, C, Direction.CHANGED),
        (N, Status.UNDETERMINED, Direction.CHANGED),
        (Status.UNDETERMINED, C, Direction.CHANGED),
        (Status.NOT_RUN, Status.NOT_RUN, Direction.EQUAL),
    ],
)
def test_only_two_verdicts_can_be_better_or_worse(before: Told, after: Told, direction: Direction) -> None:
    change = Change(item="1.a.1", asset="web", before=standing(before), after=standing(after))
    assert change.direction is direction


def test_cases_come_in_official_order_with_the_mandatory_items_first() -> None:
    before = result(m1={"system": Status.AWAITING_EVIDENCE}, i2={"web": N, "db": C}, i1={"web": N})
    after = result(m1={"system": C}, i2={"web": C, "db": C}, i1={"web": N})
    found = [(one.item, one.asset, one.direction.value) for one in compare(before, after)]
    assert found == [
        ("m1", "system", "changed"),
        ("i2", "web", "improved"),
        ("i2", "db", "equal"),
        ("i1", "web", "equal"),
    ]


def test_case_of_one_round_only_is_shown_as_such() -> None:
    added, dropped = compare(result(i1={"old": C}), result(i1={"new": C}))[::-1]
    assert (added.asset, added.before) == ("new", None)
    assert (dropped.asset, dropped.after) == ("old", None)
    assert {added.direction, dropped.direction} == {Direction.CHANGED}
    assert "未列入" in render((added,))


def record(verdict: Verdict) -> Record:
    return Record(
        case="i1@web/identity.x", item="i1", asset="web", check="identity.x", status=Status.JUDGED,
        verdict=verdict, statement="经核查，…", round=1, suite="s", suite_sha256="", tool_version="0",
        judged_at=datetime(2026, 3, 1, tzinfo=UTC),
    )  # fmt: skip


def programs(status: Status, verdict: Verdict | None, automatic: Verdict | None) -> Standing:
    return Standing(status=status, verdict=verdict, automatic=automatic)


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        (programs(J, N, N), programs(A, None, C), Direction.IMPROVED),
        (programs(A, None, C), programs(J, N, N), Direction.WORSE),
        (programs(U, None, N), programs(U, None, C), Direction.IMPROVED),
        (programs(U, None, C), programs(A, None, C), Direction.CHANGED),
        (programs(A, None, C), programs(A, None, C), Direction.EQUAL),
        # A person's 不符合 was withdrawn: the programs saw the same twice, so nothing improved.
        (programs(J, N, C), programs(A, None, C), Direction.CHANGED),
        (programs(J, C, None), programs(A, None, None), Direction.CHANGED),
        (programs(J, X, X), programs(A, None, C), Direction.CHANGED),
    ],
)
def test_where_a_round_has_no_verdict_the_programs_are_compared(
    before: Standing, after: Standing, direction: Direction
) -> None:
    assert Change(item="1.a.1", asset="web", before=before, after=after).direction is direction


def test_what_the_programs_said_stays_visible_where_paper_is_still_missing() -> None:
    waiting = case("i1", "web", A, (record(C),))
    clause = result(i1={"web": N}).clauses[0].clause
    after = SuiteResult(
        mandatory=(),
        clauses=(
            ClauseResult(clause=clause, status=A, verdict=None, items=(item_result("i1", {"web": waiting}),)),
        ),
    )
    (change,) = compare(result(i1={"web": N}), after)
    assert change.after == programs(A, None, C)
    assert "待补证（程序判定：符合）" in render((change,))


def test_table_lists_what_moved_and_counts_the_rest() -> None:
    text = render(compare(result(i1={"web": N, "db": C}), result(i1={"web": C, "db": C})), first="整改前")
    lines = [one for one in text.splitlines() if "i1" in one]
    assert len(lines) == 1
    assert lines[0].split() == ["i1", "web", "不符合", "符合", "改善"]
    assert "整改前" in text
    assert text.endswith("共2条：改善1条，变差0条，状态变化0条，未变1条。\n")


def test_nothing_moved_prints_no_table() -> None:
    same = result(i1={"web": C})
    assert render(compare(same, same)) == "共1条：改善0条，变差0条，状态变化0条，未变1条。\n"
