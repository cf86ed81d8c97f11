"""The folding rules, each step with its own table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengbao.errors import Reason, StoreError
from dengbao.model import (
    ByHand,
    Case,
    CaseResult,
    Chapter,
    Clause,
    Coverage,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    Item,
    ItemResult,
    Kind,
    Method,
    NotApplicable,
    Person,
    Polarity,
    Record,
    Review,
    Status,
    Suite,
    Verdict,
)
from dengbao.verdict import (
    combine,
    combine_status,
    fold,
    fold_case,
    fold_clause,
    fold_item,
    is_override,
    not_better,
)

C, P, N, X = Verdict.CONFORM, Verdict.PARTIAL, Verdict.NONCONFORM, Verdict.NOT_APPLICABLE
J, U, A, R = Status.JUDGED, Status.UNDETERMINED, Status.AWAITING_EVIDENCE, Status.NOT_RUN
WHEN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ZHANG, LI = Person(name="张三", org="承建厂商"), Person(name="李四", org="定点医药机构")
REMAINDER = "查阅口令管理制度"

# One letter a record: conform, Conform with partial coverage, partial, nonconform, not applicable,
# undetermined, - for a record that is missing, 0 for one that says not run, h for by hand, a for a
# check that itself asks for evidence.
LETTERS = {
    "c": C, "C": C, "p": P, "n": N, "x": X,
}  # fmt: skip


def item(item_id: str = "1.a.3") -> Item:
    return Item(
        id=item_id, text="应核查……", polarity=Polarity.NEGATIVE, methods=(Method.EXAMINE,),
        kinds=(Kind.HOST,), by_hand=ByHand(ask="截图证明无空口令账户", keep=("screenshot",)),
    )  # fmt: skip


def record(case: Case, letter: str) -> Record:
    verdict = LETTERS.get(letter)
    status = {"u": U, "0": R, "h": A, "a": A}.get(letter, J)
    return Record(
        case=case.id, item=case.item, asset=case.asset, check=case.check, status=status, verdict=verdict,
        statement=f"经核查，{letter}。", round=1, suite="s", suite_sha256="0" * 64,
        tool_version="1", judged_at=WHEN,
        reason=Reason.NO_PERMISSION if letter == "u" else None,
        coverage=Coverage.PARTIAL if letter == "C" else Coverage.FULL,
        remainder=REMAINDER if letter == "C" else "",
    )  # fmt: skip


def paper(
    verdict: Verdict,
    *,
    override: str = "",
    reviewer: Person | None = None,
    asset: str = "a",
    items: Sequence[str] = (),
) -> Evidence:
    return Evidence(
        id="EV-0001", items=tuple(items) or ("1.a.3",), asset=asset, method=Method.EXAMINE,
        kind=EvidenceKind.SCREENSHOT, files=(EvidenceFile(name="EV-0001.png", sha256="0" * 64),),
        collected_at=WHEN, collected_by=ZHANG, filed_at=WHEN, statement="截图见附件。",
        verdict=verdict, override=override,
        reviewed=Review(by=reviewer, at=WHEN) if reviewer else None,
    )  # fmt: skip


def papers(letters: str) -> list[Evidence]:
    return [paper(LETTERS[one]) for one in letters]


def cases(records: str, item_id: str = "1.a.3", asset: str = "a") -> list[Case]:
    return [
        Case(item=item_id, asset=asset, check="" if one == "h" else f"k.{n}") for n, one in enumerate(records)
    ]


def folded(
    records: str, evidence: Sequence[Evidence] = (), declared: NotApplicable | None = None
) -> CaseResult:
    planned = cases(records)
    known = {case.id: record(case, one) for case, one in zip(planned, records, strict=True) if one != "-"}
    return fold_case(item(), "a", planned, known, evidence=evidence, declared=declared)


def outcome(result: CaseResult | ItemResult) -> Verdict | Status:
    assert (result.verdict is None) == (result.status is not J)
    return result.verdict or result.status


# ---- combine -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([C], C), ([C, C], C), ([N], N), ([N, N], N), ([P], P), ([P, P], P), ([X], X), ([X, X], X),
        ([C, N], P), ([N, C], P), ([C, P], P), ([P, N], P), ([C, P, N], P),
        ([C, X], C), ([X, N], N), ([X, P], P), ([C, X, N], P),
    ],
)  # fmt: skip
def test_combine(verdicts: list[Verdict], expected: Verdict) -> None:
    assert combine(verdicts) is expected


def test_nothing_to_combine_is_an_error_and_not_a_verdict() -> None:
    with pytest.raises(ValueError, match="nothing"):
        combine([])


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([J], J), ([J, J], J), ([], R),
        ([J, A], A), ([J, R], R), ([J, U], U),
        ([A, R], R), ([A, U], U), ([R, U], U),
        ([J, A, R, U], U),
    ],
)  # fmt: skip
def test_combine_status(statuses: list[Status], expected: Status) -> None:
    assert combine_status(statuses) is expected


@pytest.mark.parametrize(
    ("verdict", "automatic", "expected"),
    [
        (C, None, C), (C, C, C), (C, X, C), (N, C, N), (X, X, X), (N, None, N),
        (C, P, P), (C, N, N), (P, N, N), (N, P, N), (P, P, P), (X, N, N), (X, P, P),
    ],
)  # fmt: skip
def test_not_better(verdict: Verdict, automatic: Verdict | None, expected: Verdict) -> None:
    assert not_better(verdict, automatic) is expected


# ---- checks alone --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("c", C), ("n", N), ("p", P), ("x", X), ("cc", C), ("cn", P), ("nn", N), ("cx", C),
        ("xn", N), ("xx", X), ("u", U), ("cu", U), ("nu", U), ("xu", U),
        ("-", R), ("0", R), ("c-", R), ("n0", R), ("u-", U),
        ("h", A), ("a", A), ("ca", A), ("C", A), ("cC", A), ("xC", A), ("C-", R), ("Cu", U),
        # What is already not 符合 needs no remainder: no paper could make it 符合.
        ("nC", P), ("pC", P),
    ],
)  # fmt: skip
def test_checks_without_evidence(records: str, expected: Verdict | Status) -> None:
    assert outcome(folded(records)) is expected


# ---- checks and evidence -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "evidence", "expected"),
    [
        # By hand: people alone answer.
        ("h", "c", C), ("h", "n", N), ("h", "p", P), ("h", "x", X), ("h", "cc", C), ("h", "cn", P),
        ("h", "cx", C),
        # Evidence never betters an automatic 不符合 or 部分符合.
        ("n", "c", N), ("n", "p", N), ("n", "x", N), ("n", "n", N), ("n", "ccc", N),
        ("p", "c", P), ("p", "x", P), ("p", "n", P), ("cn", "c", P), ("nu", "c", N), ("pu", "c", P),
        # Evidence can lower what a program said.
        ("c", "n", P), ("c", "p", P), ("x", "n", N), ("C", "n", P), ("cc", "n", P),
        # The remainder needs evidence of 符合.
        ("C", "c", C), ("CC", "c", C), ("C", "x", A), ("C", "p", P),
        # What could not be looked at is settled by people, but not by 不适用 beside a 符合.
        ("u", "c", C), ("u", "n", N), ("u", "p", P), ("u", "x", X), ("cu", "c", C), ("cu", "x", U),
        ("Cu", "c", C), ("xu", "x", X),
        # A look that was never taken is not replaced by paper.
        ("-", "c", R), ("-", "n", R), ("c-", "c", R), ("u-", "c", R), ("0", "c", R),
        ("c", "x", C), ("c", "c", C),
    ],
)  # fmt: skip
def test_checks_with_evidence(records: str, evidence: str, expected: Verdict | Status) -> None:
    result = folded(records, papers(evidence))
    assert outcome(result) is expected
    assert not result.override
    assert result.automatic is None
    assert len(result.evidence) == len(evidence)


@pytest.mark.parametrize(
    ("records", "lacks"),
    [
        ("C", (REMAINDER,)), ("h", ("截图证明无空口令账户",)), ("-", ("尚未检测：k.0",)),
        ("u", ("经核查，u。",)),
        ("Cu-", ("尚未检测：k.2", "经核查，u。", REMAINDER)), ("c", ()), ("n", ()), ("CC", (REMAINDER,)),
    ],
)  # fmt: skip
def test_a_case_says_what_it_lacks(records: str, lacks: tuple[str, ...]) -> None:
    assert folded(records).lacks == lacks


def test_undetermined_keeps_its_reason() -> None:
    assert folded("cu").reason is Reason.NO_PERMISSION
    assert folded("cu", papers("c")).reason is None


# ---- overriding ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "reviewer", "expected"),
    [
        ("系误报", LI, True), ("", LI, False), ("  ", LI, False), ("系误报", None, False),
        ("系误报", ZHANG, False),
        ("系误报", Person(name="张 三", org="另一写法"), False),
        ("系误报", Person(name="张三\u200b", org="承建厂商"), False),
    ],
)  # fmt: skip
def test_an_override_needs_reason_and_second_person(
    override: str, reviewer: Person | None, expected: bool
) -> None:
    assert is_override(paper(C, override=override, reviewer=reviewer)) is expected


@pytest.mark.parametrize(
    ("records", "verdict", "others", "automatic", "expected"),
    [
        ("n", C, "", N, C), ("n", P, "", N, P), ("p", C, "", P, C), ("nn", C, "", N, C), ("n", X, "", N, X),
        ("cn", C, "", P, C), ("nu", C, "", N, C), ("nC", C, "", P, C), ("n", C, "n", N, P),
        ("n", C, "c", N, C),
    ],
)  # fmt: skip
def test_override(records: str, verdict: Verdict, others: str, automatic: Verdict, expected: Verdict) -> None:
    signed = paper(verdict, override="系误报", reviewer=LI)
    result = folded(records, [signed, *papers(others)])
    assert outcome(result) is expected
    assert (result.override, result.automatic) == ("系误报", automatic)


def test_an_override_does_not_replace_a_look_that_was_never_taken() -> None:
    result = folded("n-", [paper(C, override="系误报", reviewer=LI)])
    assert outcome(result) is R
    assert (result.override, result.automatic) == ("", None)


def test_an_override_without_second_person_is_ordinary_evidence() -> None:
    result = folded("n", [paper(C, override="系误报")])
    assert outcome(result) is N
    assert not result.override


def test_an_override_of_what_was_not_bad_is_ordinary_evidence() -> None:
    result = folded("u", [paper(C, override="无法登录", reviewer=LI)])
    assert outcome(result) is C
    assert (result.override, result.automatic) == ("", None)


# ---- declared not applicable ---------------------------------------------------------------------

DECLARED = NotApplicable(item="1.a.3", asset="a", why="无此功能", by=ZHANG, agreed=LI)


@pytest.mark.parametrize(
    ("records", "evidence", "expected"),
    [
        ("h", "", X), ("u", "", X), ("-", "", X), ("c", "", X), ("C", "", X), ("x", "", X), ("h", "c", X),
        ("n", "", N), ("p", "", P), ("cn", "", P), ("nu", "", U), ("n-", "", R),
        ("h", "n", N), ("u", "n", N), ("c", "p", P), ("n", "c", N),
    ],
)  # fmt: skip
def test_declared_not_applicable(records: str, evidence: str, expected: Verdict | Status) -> None:
    result = folded(records, papers(evidence), DECLARED)
    assert outcome(result) is expected
    assert result.declared == DECLARED


# ---- item and clause -----------------------------------------------------------------------------


def over_assets(letters: str, item_id: str = "1.a.3") -> ItemResult:
    results = []
    for number, letter in enumerate(letters):
        planned = cases(letter, item_id, f"a{number}")
        known = {} if letter == "-" else {planned[0].id: record(planned[0], letter)}
        results.append(fold_case(item(item_id), f"a{number}", planned, known))
    return fold_item(item(item_id), results)


@pytest.mark.parametrize(
    ("assets", "expected"),
    [
        ("c", C), ("cc", C), ("n", N), ("nn", N), ("p", P), ("cn", P), ("cp", P), ("pn", P),
        ("x", X), ("xx", X), ("cx", C), ("nx", N), ("cxn", P),
        ("cu", U), ("nu", U), ("xu", U), ("c-", R), ("ch", A),
        ("C", A), ("cC", A), ("nh", A), ("h-", R), ("h-u", U), ("", R),
    ],
)  # fmt: skip
def test_item_over_assets(assets: str, expected: Verdict | Status) -> None:
    assert outcome(over_assets(assets)) is expected


def clause(*items: Item) -> Clause:
    return Clause(id="1.a", letter="a", text="应……", source="8.1.4.1 a)", unit="L3-CES1-01", items=items)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["c", "c"], C), (["n", "n"], N), (["c", "n"], P), (["p", "p"], P), (["x", "c"], C), (["x", "x"], X),
        (["x", "n"], N), (["cn", "c"], P), (["c", "u"], U), (["n", "h"], A), (["c", "-"], R),
        (["h", "u"], U), (["c", ""], R),
        # A unit with a single item knows no 部分符合, unless its assets differ.
        (["c"], C), (["n"], N), (["p"], N), (["x"], X), (["pp"], N), (["pn"], N), (["cn"], P), (["cp"], P),
        (["px"], N), (["cx"], C), (["u"], U), (["pu"], U), ([""], R),
    ],
)  # fmt: skip
def test_clause_over_items(items: list[str], expected: Verdict | Status) -> None:
    results = [over_assets(letters, f"1.a.{number}") for number, letters in enumerate(items, 1)]
    result = fold_clause(clause(*(one.item for one in results)), results)
    assert (result.verdict or result.status) is expected
    assert (result.verdict is None) == (result.status is not J)


# ---- the whole round -----------------------------------------------------------------------------


def suite() -> Suite:
    return Suite(
        id="s", title="t", edition="1", regulation="r", mandatory=(item("M.1"),), profile={},
        chapters=(Chapter(number=1, title="身份鉴别", clauses=(clause(item("1.a.1"), item("1.a.2")),)),),
    )  # fmt: skip


def test_fold_keeps_official_order_and_joins_evidence_by_item_and_asset() -> None:
    planned = [
        Case(item="M.1", asset="system"),
        Case(item="1.a.1", asset="a", check="k.0"),
        Case(item="1.a.1", asset="b", check="k.0"),
        Case(item="1.a.2", asset="a"),
    ]
    records = [record(planned[1], "c"), record(planned[2], "u"), record(planned[3], "h")]
    evidence = [
        paper(C, asset="system", items=["M.1"]),
        paper(C, asset="b", items=["1.a.1", "1.a.1"]),
        paper(N, asset="elsewhere", items=["1.a.1"]),
    ]
    declared = [NotApplicable(item="1.a.2", asset="a", why="无此功能", by=ZHANG, agreed=LI)]
    result = fold(suite(), planned, records, evidence, declared)
    assert [outcome(one) for one in result.mandatory] == [C]
    assert [one.item.id for one in result.clauses[0].items] == ["1.a.1", "1.a.2"]
    assert [outcome(one) for one in result.clauses[0].items] == [C, X]
    assert [len(one.evidence) for one in result.clauses[0].items[0].cases] == [0, 1]
    assert result.clauses[0].verdict is C


def test_fold_of_nothing_is_not_run_everywhere() -> None:
    result = fold(suite(), [], [])
    items = (*result.mandatory, *result.clauses[0].items)
    assert {one.status for one in items} == {R}
    assert result.clauses[0].status is R


@pytest.mark.parametrize(
    ("letters", "message"), [(["c", "c"], "两条记录"), (["?"], "损坏"), (["elsewhere"], "不在本轮计划")]
)
def test_fold_refuses_records_that_do_not_reconcile(letters: list[str], message: str) -> None:
    case = Case(item="1.a.1", asset="a", check="k.0")
    planned = [] if letters == ["elsewhere"] else [case]
    with pytest.raises(StoreError, match=message) as caught:
        fold(suite(), planned, [record(case, one) for one in letters])
    assert caught.value.where
    assert caught.value.cure


# ---- properties ----------------------------------------------------------------------------------

RECORDS = st.text("cCpnxu-0", min_size=1, max_size=4) | st.just("h")
PAPERS = st.lists(
    st.builds(
        paper, st.sampled_from(Verdict),
        override=st.sampled_from(["", "系误报"]), reviewer=st.sampled_from([None, ZHANG, LI]),
    ),
    max_size=4,
)  # fmt: skip
DECLARATIONS = st.sampled_from([None, DECLARED])


@given(RECORDS, PAPERS, DECLARATIONS)
def test_only_proof_is_conform(
    records: str, evidence: list[Evidence], declared: NotApplicable | None
) -> None:
    result = folded(records, evidence, declared)
    assert (result.verdict is not None) == (result.status is J)
    if result.verdict is not C:
        return
    assert "-" not in records
    assert "0" not in records
    supplied = any(one.verdict is C for one in evidence)
    assert supplied or not set(records) & set("Cuh")
    assert supplied or "c" in records
    if set(records) & set("pn"):
        assert any(is_override(one) and one.verdict in {C, X} for one in evidence)
        assert result.override
        assert result.automatic in {P, N}


@given(RECORDS, PAPERS)
def test_evidence_without_override_never_betters_a_program(records: str, evidence: list[Evidence]) -> None:
    plain = [one for one in evidence if not is_override(one)]
    alone, together = folded(records), folded(records, plain)
    if alone.verdict in {P, N}:
        assert together.verdict is not None
        assert not_better(together.verdict, alone.verdict) is together.verdict


@given(RECORDS, PAPERS, DECLARATIONS)
def test_order_does_not_matter(
    records: str, evidence: list[Evidence], declared: NotApplicable | None
) -> None:
    first = folded(records, evidence, declared)
    second = folded(records[::-1], evidence[::-1], declared)
    assert (first.status, first.verdict, first.automatic) == (second.status, second.verdict, second.automatic)


@given(st.lists(st.text("cCpnxu-h", max_size=4), min_size=1, max_size=4))
def test_nothing_that_is_not_judged_is_folded_away(items: list[str]) -> None:
    results = [over_assets(letters, f"1.a.{number}") for number, letters in enumerate(items, 1)]
    whole = fold_clause(clause(*(one.item for one in results)), results)
    loose = _any_open(items)
    assert (whole.status is J) is not loose
    if whole.verdict is C:
        assert set("".join(items)) <= set("cx")
    if whole.verdict is X:
        assert set("".join(items)) == {"x"}


def _any_open(items: Iterable[str]) -> bool:
    return any(not letters or set(letters) & set("Cu-h") for letters in items)
