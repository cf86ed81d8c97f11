"""The whole report without LibreOffice: order, wording, verdicts, drafts, refusals."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from dengbao.errors import EvidenceError, ReportError, ReportIncomplete
from dengbao.model import Institution, Status, Verdict
from dengbao.report import ReportInput, ReportOutcome, lint_docx, write_report
from dengbao.report.package import DOCUMENT, Package
from dengbao.report.plain import visible
from dengbao.report.render import render
from dengbao.report.specimen import specimen
from dengbao.report.toc import UNKNOWN, Contents, paragraph_text, w
from dengbao.report.wording import PARTY_ROLES
from tests.report.example import ROOT, example, suite, with_engagement
from tests.report.words import changed, text_of

SHIPPED = ROOT / "templates" / "annex3-2023" / "report.docx"
GOLDEN = Path(__file__).parent / "data" / "golden.txt"


def write(given: ReportInput, out: Path, *, final: bool = False) -> ReportOutcome:
    return write_report(given, out, final=final, engines={})


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportInput, ReportOutcome]:
    folder = tmp_path_factory.mktemp("complete")
    given = example(folder / "evidence")
    return given, write(given, folder / "out" / "report.docx", final=True)


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportInput, ReportOutcome]:
    folder = tmp_path_factory.mktemp("draft")
    given = example(folder / "evidence", complete=False)
    return given, write(given, folder / "report.docx")


def test_a_complete_round_gives_a_final_report(complete: tuple[ReportInput, ReportOutcome]) -> None:
    _, outcome = complete
    docx = outcome.docx.read_bytes()
    assert not outcome.draft
    assert outcome.gaps == ()
    assert outcome.sha256 == hashlib.sha256(docx).hexdigest()
    assert outcome.content_sha256[:16] in text_of(docx)
    assert lint_docx(docx) == ()
    text = text_of(docx)
    assert "草稿" not in text
    assert b"v:textpath" not in Package.open(docx).members["word/header2.xml"]


def test_everything_stands_in_official_order_and_wording(complete: tuple[ReportInput, ReportOutcome]) -> None:
    text = text_of(complete[1].docx.read_bytes())
    cursor = 0
    wanted = ["基本信息", "声明", "目　录", "一、符合性统计", "二、必须测试项"]
    wanted += [item.text for item in suite().mandatory]
    wanted.append("三、安全测试项结果记录")
    for chapter in suite().chapters:
        wanted.append(f"{chapter.number}. {chapter.title}")
        for clause in chapter.clauses:
            wanted.append(f"{clause.letter}) {clause.text}")
            wanted += [f"{index}) {item.text}" for index, item in enumerate(clause.items, 1)]
            wanted.append("结果记录")
    wanted += ["四、不符合项与整改建议", "五、签章页", "附录A 证据清单", "附录B 规定原文注释"]
    for one in wanted:
        found = text.find(one, cursor)
        assert found >= 0, one
        cursor = found
    assert text.count("结果记录　　本条判定：") == 32


def test_every_result_is_printed_with_statement_verdict_and_proof(
    complete: tuple[ReportInput, ReportOutcome],
) -> None:
    given, outcome = complete
    text = text_of(outcome.docx.read_bytes())
    for clause in given.result.clauses:
        for item in clause.items:
            for case in item.cases:
                for record in case.records:
                    if record.check:
                        assert visible(record.statement) in text
                for paper in case.evidence:
                    assert paper.id in text
                    assert paper.statement in text


def test_an_override_prints_both_verdicts_reason_and_both_people(
    complete: tuple[ReportInput, ReportOutcome],
) -> None:
    text = text_of(complete[1].docx.read_bytes())
    assert "改判：自动判定“不符合”，人工改判“符合”。理由：该库仅本机套接字可达" in text
    assert "（自动判定：不符合）" in text
    assert "复核 李四" in text


def test_what_was_declared_not_applicable_says_why_and_who(
    complete: tuple[ReportInput, ReportOutcome],
) -> None:
    text = text_of(complete[1].docx.read_bytes())
    assert (
        "不适用说明：服务器无可信根，本项为可选指标（提出 张三（某某软件有限公司，测试工程师），同意 李四"
        in text
    )


def test_failures_carry_their_high_risk_case_and_advice(complete: tuple[ReportInput, ReportOutcome]) -> None:
    given, outcome = complete
    text = text_of(outcome.docx.read_bytes())
    section = text[text.rindex("四、不符合项与整改建议") : text.rindex("五、签章页")]
    assert "4.b.2 ▲" in section
    assert "▲ 高风险判例 6.4.3.1" in section
    for item in (item for clause in given.result.clauses for item in clause.items):
        if any(case.verdict in (Verdict.NONCONFORM, Verdict.PARTIAL) for case in item.cases):
            assert item.item.advice in section
    assert "1.a.4" not in section  # overridden: it is 符合 now


def test_every_failure_says_how_it_can_be_seen_again(complete: tuple[ReportInput, ReportOutcome]) -> None:
    text = text_of(complete[1].docx.read_bytes())
    section = text[text.rindex("四、不符合项与整改建议") : text.rindex("五、签章页")]
    told = re.findall(r"\n复验依据\n(?:.+（)?(?:F-\d{3}|EV-\d{4})", section)
    assert len(told) == section.count("\n整改建议\n") > 1
    assert re.search(r"以“护士”身份，GET /patients/7 → 200，显示他人患者信息（F-\d{3}）", section)


def test_no_score_and_no_grade_is_printed(complete: tuple[ReportInput, ReportOutcome]) -> None:
    text = text_of(complete[1].docx.read_bytes())
    assert not re.search(r"得分|分值|总分|综合评分|符合率|优良中差|结论为[优良中差]", text)


def test_all_names_digests_and_anomalies_are_printed(complete: tuple[ReportInput, ReportOutcome]) -> None:
    given, outcome = complete
    text = text_of(outcome.docx.read_bytes())
    assert given.facts_sha256 in text
    assert given.suite.sha256 in text
    for one in given.evidence:
        assert all(file.sha256 in text for file in one.files)
    assert all(one in text for one in suite().anomalies)
    for role in PARTY_ROLES:
        assert f"{role}（盖章）" in text
    assert "LT-2026-0001" in text_of(outcome.docx.read_bytes(), "word/header2.xml")


def test_without_libreoffice_contents_have_dashes_and_say_so(
    complete: tuple[ReportInput, ReportOutcome],
) -> None:
    _, outcome = complete
    root = etree.fromstring(Package.open(outcome.docx.read_bytes()).members[DOCUMENT])
    entries = ["".join(map(str, one.itertext())) for one in root.iter(w("hyperlink"))]
    assert len(entries) == 19
    assert all(one.endswith(UNKNOWN) for one in entries)
    assert not any("PAGEREF" in str(one.text) for one in root.iter(w("instrText")))
    assert any("未计算目录页码" in one for one in outcome.notes)
    assert "未计算目录页码" in text_of(outcome.docx.read_bytes())
    assert outcome.contents == {}


def test_a_draft_says_what_is_missing(draft: tuple[ReportInput, ReportOutcome]) -> None:
    _, outcome = draft
    docx = outcome.docx.read_bytes()
    text = text_of(docx)
    assert outcome.draft
    assert "草　稿" in text
    assert "草稿说明" in text
    assert "本件为草稿，不得加盖公章" in text
    assert b"v:textpath" in Package.open(docx).members["word/header2.xml"]
    assert [(one.place, one.state) for one in outcome.gaps] == [
        ("M.2", "待补证"),
        ("3.a.1", "无法判定（权限不足）"),
        ("4.f.2", "待补证"),
        ("5.a.1", "无法判定（未授权）"),
    ]
    for one in outcome.gaps:
        assert one.need in text
    assert text.index("目　录") < text.rindex("草稿说明") < text.rindex("一、符合性统计")


def test_a_look_that_failed_is_never_printed_as_a_verdict(draft: tuple[ReportInput, ReportOutcome]) -> None:
    given, outcome = draft
    root = etree.fromstring(Package.open(outcome.docx.read_bytes()).members[DOCUMENT])
    cells = ["".join(map(paragraph_text, cell.iter(w("p")))) for cell in root.iter(w("tc"))]
    assert "无法判定（权限不足）" in cells
    assert not any("：未能取得所需信息" in one for one in cells)  # the 判定 beside it says the reason
    open_ = [
        case
        for clause in given.result.clauses
        for item in clause.items
        for case in item.cases
        if case.status is not Status.JUDGED
    ]
    assert all(case.verdict is None for case in open_)


def test_a_final_report_of_an_incomplete_round_is_refused_with_exit_3(
    draft: tuple[ReportInput, ReportOutcome], tmp_path: Path
) -> None:
    out = tmp_path / "report.docx"
    with pytest.raises(ReportIncomplete, match=r"M\.2.*待补证") as caught:
        write(draft[0], out, final=True)
    assert caught.value.exit_code == 3
    assert not out.exists()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"report_number": ""}, "报告编号"),
        ({"institution": Institution(name="某某市人民医院")}, "国家编码"),
    ],
)
def test_a_field_that_is_empty_makes_a_draft(changes: dict[str, object], word: str, tmp_path: Path) -> None:
    given = with_engagement(example(tmp_path / "evidence", pictures=0), **changes)
    outcome = write(given, tmp_path / "report.docx")
    assert [word in one.need for one in outcome.gaps] == [True]


def test_a_round_that_has_not_ended_makes_a_draft(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence", pictures=0)
    outcome = write(
        replace(given, run=msgspec.structs.replace(given.run, ended_at=None)), tmp_path / "r.docx"
    )
    assert [one.state for one in outcome.gaps] == ["未结束"]


def test_altered_evidence_refuses_the_report_and_leaves_the_old_one(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence")
    out = tmp_path / "report.docx"
    out.write_bytes(b"old")
    (tmp_path / "evidence" / "EV-0001.png").write_bytes(b"altered")
    with pytest.raises(EvidenceError, match="SHA-256"):
        write(given, out)
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{{ case.statement }}", "见附件"),
        ("{{ case.verdict }}", "符合"),
        ("{{ case.remark }}", "（权限不足，未能取得）"),
        ("{{ entry.need }}", ""),
        ("{{ case.asset }}", ""),
        ("{{ parties[2].name }}", ""),
        ("{{ chapter.title }}", "身份鉴别"),
    ],
)
def test_a_template_that_loses_something_is_refused_on_reading_back(
    old: str, new: str, tmp_path: Path
) -> None:
    office = tmp_path / "office.docx"
    office.write_bytes(changed(SHIPPED.read_bytes(), DOCUMENT, old, new))
    given = replace(example(tmp_path / "evidence", complete=False, pictures=0), template=office)
    with pytest.raises(ReportError, match="找不到应有的内容"):
        write(given, tmp_path / "report.docx")
    assert not (tmp_path / "report.docx").exists()


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    given = replace(example(tmp_path / "evidence", pictures=0), template=tmp_path / "no.docx")
    with pytest.raises(ReportError, match="无法读取报告模板"):
        write(given, tmp_path / "report.docx")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence")
    first = write(given, tmp_path / "a.docx")
    second = write(given, tmp_path / "b.docx")
    assert first.sha256 == second.sha256


def test_the_words_of_a_report_are_those_last_agreed_on() -> None:
    """Compare member names and their text, not bytes; a change of words is looked at and committed."""
    data, pictures = specimen("示例文字")
    package = render(SHIPPED.read_bytes(), data, pictures, where="t")
    Contents(package).write({"_Toc00000001": 2}, "目录注", 9)
    docx = package.write()
    parts = [name for name in sorted(package.members) if name.endswith(".xml") and name.startswith("word/")]
    stories = [one for one in parts if re.match(r"word/(document|header|footer)", one)]
    shown = (
        "\n".join([*sorted(package.members), *(f"== {one}\n{text_of(docx, one)}" for one in stories)]) + "\n"
    )
    report = data["report"]
    assert isinstance(report, dict)
    shown = shown.replace(str(report["content_prefix"]), "<content>")
    assert shown == GOLDEN.read_text(encoding="utf-8")
