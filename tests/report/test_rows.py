"""How results and gaps read: nothing said twice, nothing of it lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
from lxml import etree

from dengbao.errors import Reason
from dengbao.model import (
    CaseResult,
    ClauseResult,
    Exchange,
    FactRef,
    Item,
    ItemResult,
    Record,
    Status,
    SuiteResult,
    Verdict,
)
from dengbao.report import Gap, ReportInput, ReportOutcome, write_report
from dengbao.report.gaps import gap_lines, group_gaps
from dengbao.report.inputs import GapEntry, GapGroup
from dengbao.report.package import DOCUMENT, Package
from dengbao.report.plain import Plain
from dengbao.report.results_data import MOST_PROOFS, Numbers, ResultWriter
from dengbao.report.toc import paragraph_text, w
from dengbao.report.wording import beijing
from tests.report.example import AT, engagement, example, suite


def test_what_a_person_has_to_do_is_said_once(tmp_path: Path) -> None:
    given = with_by_hand_records(example(tmp_path / "evidence", complete=False, pictures=0))
    assert rows_of(write_report(given, tmp_path / "r.docx", final=False, engines={}), "待补证", "—") == [
        ["2", "医院信息系统及其文档", f"尚需：{an_item('M.2').by_hand.ask}", "待补证", "—"],
        ["2)", "医院信息系统及其文档", f"尚需：{an_item('4.f.2').by_hand.ask}", "待补证", "—"],
    ]


def with_by_hand_records(given: ReportInput) -> ReportInput:
    """Return the round with the words a by-hand case has in a real one."""
    words = "此项须人工核查并提交佐证材料"

    def case(one: CaseResult) -> CaseResult:
        said = (msgspec.structs.replace(record, statement=words) for record in one.records)
        records = tuple(new if not new.check else old for old, new in zip(one.records, said, strict=True))
        return msgspec.structs.replace(one, records=records)

    def item(one: ItemResult) -> ItemResult:
        return msgspec.structs.replace(one, cases=tuple(map(case, one.cases)))

    result = SuiteResult(
        mandatory=tuple(map(item, given.result.mandatory)),
        clauses=tuple(
            msgspec.structs.replace(one, items=tuple(map(item, one.items))) for one in given.result.clauses
        ),
    )
    return replace(given, result=result)


def rows_of(outcome: ReportOutcome, *wanted: str) -> list[list[str]]:
    root = etree.fromstring(Package.open(outcome.docx.read_bytes()).members[DOCUMENT])
    rows = [
        ["\n".join(map(paragraph_text, cell.iter(w("p")))) for cell in row.iter(w("tc"))]
        for row in root.iter(w("tr"))
    ]
    return [row for row in rows if set(wanted) <= set(row)]


def an_item(key: str) -> Item:
    return next(one for one in suite().items() if one.id == key)


def open_case(asset: str, statement: str, *, verdict: Verdict | None = None) -> CaseResult:
    """Return a case of 1.a.1 with one record, undetermined where there is no verdict."""
    status = Status.JUDGED if verdict else Status.UNDETERMINED
    reason = None if verdict else Reason.NOT_SUPPORTED
    record = Record(
        case=f"1.a.1@{asset}/x.y", item="1.a.1", asset=asset, check="x.y", statement=statement, status=status,
        verdict=verdict, reason=reason, round=1, suite="annex3-2023", suite_sha256="", tool_version="0",
        judged_at=AT,
    )  # fmt: skip
    return CaseResult(
        item="1.a.1", asset=asset, status=status, verdict=verdict, reason=reason, records=(record,),
        lacks=() if verdict else (statement,),
    )  # fmt: skip


def check_of(*cases: CaseResult) -> list[tuple[Plain, ...]]:
    """Return mark, asset, statement and label of the rows that the cases of 1.a.1 become."""
    item = ItemResult(item=an_item("1.a.1"), status=Status.UNDETERMINED, verdict=None, cases=cases)
    written = ResultWriter(engagement(), Numbers({}, {}, {})).mandatory([item])[0]
    assert isinstance(written, dict)
    rows = written["cases"]
    assert isinstance(rows, list)
    return [
        tuple(row[key] for key in ("mark", "asset", "statement", "label"))
        for row in rows
        if isinstance(row, dict)
    ]


def test_assets_of_an_item_that_lack_the_very_same_share_a_row() -> None:
    same = "未能取得所需信息：该平台暂不支持"
    assert check_of(
        open_case("his-db", same),
        open_case("his-web", "未能取得所需信息：端口关闭"),
        open_case("his-host", same),
    ) == [
        ("1\n本项：\n无法判定", "HIS 数据库\nHIS 应用服务器", same, "无法判定（暂不支持该平台）"),
        ("1", "HIS 业务应用", "未能取得所需信息：端口关闭", "无法判定（暂不支持该平台）"),
    ]


def test_a_verdict_always_stands_in_a_row_of_its_asset_alone() -> None:
    same = "经核查，均满足要求。"
    rows = check_of(
        open_case("his-db", same, verdict=Verdict.CONFORM),
        open_case("his-host", same, verdict=Verdict.CONFORM),
    )
    assert [(one[1], one[3]) for one in rows] == [("HIS 数据库", "符合"), ("HIS 应用服务器", "符合")]


def test_checks_that_the_same_obstacle_stopped_say_so_once_and_others_name_their_own_outcome() -> None:
    once = open_case("his-db", "未能取得所需信息：端口关闭")
    twice = msgspec.structs.replace(once, records=once.records * 2)
    assert check_of(twice)[0][2] == "未能取得所需信息：端口关闭"
    seen = open_case("his-db", "经核查，已启用。", verdict=Verdict.CONFORM).records
    mixed = msgspec.structs.replace(once, records=(*seen, *once.records))
    assert check_of(mixed)[0][2] == (
        "经核查，已启用。（符合）\n无法判定（暂不支持该平台）：未能取得所需信息：端口关闭"
    )


def test_gaps_are_grouped_by_place_and_a_common_need_is_said_once() -> None:
    gaps = (
        Gap(place="基本信息", asset="", state="未填", need="报告编号"),
        Gap(place="基本信息", asset="", state="未填", need="国家编码"),
        Gap(place="1.a.1", asset="数据库", state="待补证", need="查看制度"),
        Gap(place="1.a.1", asset="服务器", state="无法判定（超时）", need="未能取得所需信息：超时"),
        Gap(place="1.a.1", asset="应用", state="待补证", need="查看制度"),
    )
    groups = group_gaps(gaps)
    assert groups == (
        GapGroup("基本信息", 2, (GapEntry((), "未填", ("报告编号", "国家编码")),)),
        GapGroup(
            "1.a.1",
            3,
            (
                GapEntry(("数据库", "应用"), "待补证", ("查看制度",)),
                GapEntry(("服务器",), "无法判定（超时）", ("超时",)),
            ),
        ),
    )
    assert gap_lines(groups) == [
        "缺 基本信息　未填：报告编号；国家编码",
        "缺 1.a.1　数据库、应用 待补证：查看制度；服务器 无法判定（超时）：超时",
    ]


def test_a_terminal_is_told_the_first_fifteen_places_and_how_many_gaps_are_left() -> None:
    gaps = [
        Gap(place=f"1.a.{number}", asset=asset, state="待补证", need="长" * 200)
        for number in range(1, 21)
        for asset in ("数据库", "应用")
    ]
    lines = gap_lines(group_gaps(gaps))
    assert len(lines) == 16
    assert lines[-1] == "…其余 10 处见报告草稿说明"
    assert all(len(one) < 80 for one in lines)
    assert len(gap_lines(group_gaps(gaps[:30]))) == 15


def test_every_case_keeps_its_statements_beside_its_asset(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence", complete=False, pictures=0)
    rows = rows_of(write_report(given, tmp_path / "r.docx", final=False, engines={}))
    names = {one.id: one.name for one in given.engagement.assets}
    items = [*given.result.mandatory, *(item for clause in given.result.clauses for item in clause.items)]
    for case in (case for item in items for case in item.cases):
        said = [one.statement for one in case.records if one.check]
        said += [*case.lacks, *(one.statement for one in case.evidence)]
        own = [row for row in rows if len(row) == 5 and names[case.asset] in row[1].split("\n")]
        assert any(all(one in row[2] for one in said) for row in own), case


def proven(*proofs: Exchange) -> list[Plain]:
    """Return the lines by which a failed case of 1.a.1 with these proofs can be seen again."""
    case = open_case("his-web", "经测试验证，应用返回了他人数据。", verdict=Verdict.NONCONFORM)
    ref = FactRef(fact="web.access", sha256="a" * 64)
    case = msgspec.structs.replace(
        case, records=(msgspec.structs.replace(case.records[0], facts=(ref,), proofs=proofs),)
    )
    item = ItemResult(item=an_item("1.a.1"), status=Status.JUDGED, verdict=Verdict.NONCONFORM, cases=(case,))
    clause = next(one for one in suite().clauses() if item.item in one.items)
    result = SuiteResult(
        mandatory=(),
        clauses=(
            ClauseResult(clause=clause, status=item.status, verdict=item.verdict, items=(item,)),
        ),
    )  # fmt: skip
    key = ("his-web", "web.access", "a" * 64)
    writer = ResultWriter(engagement(), Numbers({key: "F-007"}, {}, {}), {key: "查看权限\n（只读）"})
    row = writer.failures(result)[0]
    assert isinstance(row, dict)
    lines = row["proofs"]
    assert isinstance(lines, list)
    return lines


def test_a_finding_tells_request_answer_time_role_and_number() -> None:
    seen = Exchange(request="GET /patients/7", answer="200，显示他人信息", at=AT, role="护士")
    stranger = Exchange(request="GET /print", answer="200")
    assert proven(seen, stranger) == [
        f"{beijing(AT):%Y-%m-%d %H:%M:%S}，以“护士”身份，GET /patients/7 → 200，显示他人信息（F-007）",
        "未登录，GET /print → 200（F-007）",
    ]


def test_of_many_findings_the_first_are_printed_and_the_others_counted() -> None:
    many = [Exchange(request=f"GET /patients/{number}", answer="200") for number in range(20)]
    lines = proven(*many)
    assert len(lines) == MOST_PROOFS + 1
    assert lines[-1] == f"另有 {20 - MOST_PROOFS} 处（F-007）"


def test_a_finding_without_exchange_tells_how_its_facts_were_read() -> None:
    assert proven() == ["F-007：查看权限（只读）"]
