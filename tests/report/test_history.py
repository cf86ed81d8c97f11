"""整改情况: what moved between the rounds, before and after, with what changed in the facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from dengbao.errors import ReportError
from dengbao.model import Case, HostAsset, Verdict
from dengbao.report import PastRound, ReportInput, lint_docx, write_report
from dengbao.report.history import MOST_FACTS, MOST_ROWS, History
from dengbao.report.package import DOCUMENT
from dengbao.report.plain import Plain, digest
from dengbao.report.readback import rows_of
from dengbao.report.report_data import report_data

from .example import ROOT, cases, example, with_engagement
from .rounds import SHORT, End, Key, folded, names, with_rounds
from .words import changed, text_of

C, N = Verdict.CONFORM, Verdict.NONCONFORM
LENGTH = "口令最短长度"
SIX: dict[Key, End] = {SHORT: (N, {LENGTH: "6", "口令字符类别": "2 类"})}
EIGHT: dict[Key, End] = {SHORT: (N, {LENGTH: "8", "口令字符类别": "2 类"})}
TEN: dict[Key, End] = {SHORT: (C, {LENGTH: "10", "口令字符类别": "4 类"})}


@pytest.fixture
def given(tmp_path: Path) -> ReportInput:
    return example(tmp_path / "evidence", pictures=0)


def told(given: ReportInput) -> dict[str, Plain]:
    return History(given).data(lambda asset: asset)


def rows(given: ReportInput) -> list[dict[str, Plain]]:
    return rows_of(told(given)["rows"])


def said(given: ReportInput) -> str:
    sentences = told(given)["sentences"]
    assert isinstance(sentences, list)
    return "\n".join(map(str, sentences))


def test_what_was_mended_is_told_before_and_after_with_its_facts(given: ReportInput) -> None:
    two = with_rounds(given, SIX, TEN)
    [row] = rows(two)
    assert row == {
        "no": 1, "item": "1.a.4", "asset": "HIS 业务应用", "standings": "第1轮：不符合\n第2轮：符合",
        "direction": "改善", "facts": ["口令最短长度：6 → 10", "口令字符类别：2 类 → 4 类"],
    }  # fmt: skip
    assert "第 1 轮至第 2 轮：未变" in said(two)
    assert "改善 1 条" in said(two)
    assert History(two).hints() == {SHORT: "（初测不符合，第2轮复测符合，见整改情况）"}


def test_three_rounds_are_told_with_the_round_in_which_each_value_was_seen(given: ReportInput) -> None:
    [row] = rows(with_rounds(given, SIX, EIGHT, TEN))
    assert row["standings"] == "第1至2轮：不符合\n第3轮：符合"
    assert row["facts"] == [
        "口令最短长度：6 → 8（第2轮） → 10（第3轮）",
        "口令字符类别：2 类 → 4 类（第3轮）",
    ]
    [again] = rows(with_rounds(given, SIX, TEN, SIX))
    assert (again["direction"], again["standings"]) == (
        "反复",
        "第1轮：不符合\n第2轮：符合\n第3轮：不符合",
    )
    [worse] = rows(with_rounds(given, TEN, TEN, SIX))
    assert (worse["direction"], worse["standings"]) == ("变差", "第1至2轮：符合\n第3轮：不符合")


def test_what_could_not_be_seen_is_told_as_such(given: ReportInput) -> None:
    [row] = rows(with_rounds(given, {SHORT: (None, {})}, TEN))
    assert row["standings"] == "第1轮：无法判定\n第2轮：符合"
    assert row["direction"] == "状态变化"
    assert row["facts"] == [
        "口令最短长度：无法判定（权限不足） → 10",
        "口令字符类别：无法判定（权限不足） → 4 类",
    ]


def test_only_answers_that_turned_are_told_where_some_did(given: ReportInput) -> None:
    before: dict[Key, End] = {SHORT: (N, {LENGTH: "6", "被测账户": "甲"})}
    after: dict[Key, End] = {SHORT: (C, {LENGTH: "10"})}
    facts = rows(with_rounds(given, before, after))[0]["facts"]
    assert facts == ["口令最短长度：6 → 10", "被测账户：甲 → 未测得"]


def test_one_round_has_no_history(given: ReportInput, tmp_path: Path) -> None:
    assert told(given) == {"sentences": [], "rounds": [], "rows": [], "more": ""}
    text = text_of(write_report(given, tmp_path / "r.docx", final=True, engines={}).docx.read_bytes())
    assert "整改情况" not in text
    assert "五、签章页" in text


def test_the_report_has_a_section_of_it_and_every_row_refers_to_it(
    given: ReportInput, tmp_path: Path
) -> None:
    two = with_rounds(given, SIX, TEN)
    docx = write_report(two, tmp_path / "r.docx", final=True, engines={}).docx.read_bytes()
    text = text_of(docx)
    cursor = 0
    for one in (
        "（初测不符合，第2轮复测符合，见整改情况）", "四、不符合项与整改建议", "五、整改情况",
        "第1轮（初测）", "整改前后逐项对照", "口令最短长度：6 → 10", "六、签章页",
    ):  # fmt: skip
        cursor = text.find(one, cursor)
        assert cursor >= 0, one
    assert text.count("见整改情况") == 1
    assert lint_docx(docx) == ()


def test_rounds_that_ended_alike_say_so(given: ReportInput, tmp_path: Path) -> None:
    docx = write_report(with_rounds(given, TEN, TEN), tmp_path / "r.docx", final=True, engines={}).docx
    assert "各轮的判定相同，没有变化。" in text_of(docx.read_bytes())


def test_a_template_that_loses_the_history_is_refused(given: ReportInput, tmp_path: Path) -> None:
    shipped = (ROOT / "templates" / "annex3-2023" / "report.docx").read_bytes()
    office = tmp_path / "office.docx"
    office.write_bytes(changed(shipped, DOCUMENT, "{{ one.standings }}", ""))
    two = replace(with_rounds(given, SIX, TEN), template=office)
    with pytest.raises(ReportError, match="第1轮：不符合"):
        write_report(two, tmp_path / "r.docx", final=True, engines={})


def test_the_digest_covers_the_history(given: ReportInput) -> None:
    other: dict[Key, End] = {SHORT: (N, {LENGTH: "7", "口令字符类别": "2 类"})}
    found = {digest(report_data(with_rounds(given, one, TEN), (), ())["report"]) for one in (SIX, other)}
    assert len(found) == 2


def test_a_bad_case_that_is_no_longer_asked_is_not_forgotten(given: ReportInput) -> None:
    two = with_rounds(given, SIX, TEN)
    left = tuple(one for one in given.engagement.assets if one.id != "his-web")
    fewer = tuple(one for one in cases() if one.asset != "his-web")
    less = replace(with_engagement(two, assets=left), result=folded(given, {}, fewer))
    gone = [one for one in rows(less) if one["direction"] == "不再列入"]
    told_of = [one for one in gone if one["standings"] == "第1轮：不符合\n第2轮：不再列入"]
    assert any("1.a.4" in str(one["item"]).split() for one in told_of)
    assert {one["asset"] for one in told_of} == {"HIS 业务应用"}
    assert all("第1轮：符合" not in str(one["standings"]) for one in gone)
    assert "首次测试有而本轮不再列入的测评对象：HIS 业务应用。" in said(less)
    past = two.history[0]
    more = replace(two, history=(PastRound(past.run, folded(given, {}, fewer), names(left)),))
    assert "较首次测试增加的测评对象：HIS 业务应用。" in said(more)
    assert rows(more) == []


def test_a_round_of_another_edition_is_told_and_not_compared(given: ReportInput) -> None:
    three = with_rounds(given, SIX, EIGHT, TEN)
    first, second = three.history
    mixed = replace(three, history=(replace(first, result=None), second))
    assert "第 1 轮所用测试项与本轮不是同一版本，不列入比对。" in said(mixed)
    assert [one["standings"] for one in rows(mixed)] == ["第2轮：不符合\n第3轮：符合"]
    rounds = told(mixed)["rounds"]
    assert rows_of(rounds)[0]["conform"] == "—"
    alone = replace(three, history=(replace(first, result=None),))
    assert rows(alone) == []


def test_a_long_history_is_cut_short_and_says_so(given: ReportInput) -> None:
    hosts = tuple(
        HostAsset(id=f"host-{number}", name=f"服务器 {number}", address=f"10.20.1.{number}")
        for number in range(200)
    )
    planned = tuple(
        Case(item=item, asset=host.id, check="identity.password_complexity")
        for item in ("1.a.3", "1.a.4")
        for host in hosts
    )
    many = {f"准则{number:02d}": "甲" for number in range(20)}
    bad = {(one.item, one.asset): (N, dict.fromkeys(many, one.item)) for one in planned}
    good = {key: (C, dict.fromkeys(many, "乙")) for key in bad}
    last = ("1.a.4", "host-199")
    before, after = {**bad, last: (C, many)}, {**good, last: (N, many)}
    run = msgspec.structs.replace(given.run, round=2)
    past = PastRound(given.run, folded(given, before, planned), names(hosts))
    two = replace(
        with_engagement(given, assets=hosts), result=folded(given, after, planned), run=run, history=(past,)
    )
    found = rows(two)
    assert len(found) == MOST_ROWS
    assert (found[-1]["item"], found[-1]["asset"], found[-1]["direction"]) == ("1.a.4", "服务器 199", "变差")
    assert told(two)["more"] == "另有 100 条变化未列出（改善 100 条），以封存包内各轮的记录为准。"
    facts = found[0]["facts"]
    assert isinstance(facts, list)
    assert len(facts) == MOST_FACTS + 1
    assert facts[-1] == "另有 12 处变化"
    hints = History(two).hints()
    assert len(hints) == 400
    assert sum("见整改情况" in one for one in hints.values()) == MOST_ROWS


def test_evidence_that_came_later_is_told(given: ReportInput) -> None:
    two = with_rounds(given, TEN, TEN)
    late = next(one for one in given.evidence if one.items == ("M.1",))
    earlier = replace(given, evidence=tuple(one for one in given.evidence if one is not late))
    past = PastRound(two.history[0].run, folded(earlier, TEN), two.history[0].assets)
    [row] = rows(replace(two, history=(past,)))
    assert row["item"] == "M.1"
    assert row["facts"] == [f"人工佐证：无 → {late.id}（符合）"]


def test_items_that_say_the_very_same_share_a_row(given: ReportInput) -> None:
    late = [one.items[0] for one in given.evidence if one.asset == "system"]
    earlier = replace(given, evidence=tuple(one for one in given.evidence if one.asset != "system"))
    paper = next(one for one in given.evidence if one.asset == "system")
    shared = msgspec.structs.replace(paper, items=tuple(late))
    alike = replace(given, evidence=(*earlier.evidence, shared))
    two = with_rounds(given, TEN, TEN)
    past = PastRound(two.history[0].run, folded(earlier, TEN), two.history[0].assets)
    found = rows(replace(two, result=folded(alike, TEN), history=(past,)))
    assert {str(one["facts"]) for one in found} == {str([f"人工佐证：无 → {shared.id}（符合）"])}
    assert sorted(item for one in found for item in str(one["item"]).split()) == sorted(late)
    assert len(found) == -(-len(late) // 12)
