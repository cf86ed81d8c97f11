"""The forms say the official words, hold what they are given, and show which condition is not met."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from dengbao.admission import PaperState, conditions_check, papers_check
from dengbao.catalog import load_engagement
from dengbao.errors import ReportError
from dengbao.model import (
    AccessConditions,
    Agreement,
    Certificate,
    Condition,
    Contact,
    DockingVendor,
    Engagement,
    Forms,
    Material,
    Materials,
    Party,
    Responsible,
)
from dengbao.report import lint_docx
from dengbao.report.forms import KINDS, Form, Kind, lines_of, make_forms, render_form, write_forms
from dengbao.report.forms_data import BLANKS
from dengbao.report.layouts import GONGWEN
from dengbao.report.package import Package
from dengbao.report.plain import visible
from dengbao.report.render import render
from tests.report.example import ROOT
from tests.report.hostile import WORDS
from tests.report.test_template import build_script, members

TEMPLATES = ROOT / "templates"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
NINGXIA_SCAN = ROOT / "tests" / "data" / "forms-official.md"
TANGSHAN_SCAN = ROOT / "tests" / "data" / "tangshan-official.md"

# All that was changed of the scan's text: what a page break had cut, and heading lines it had joined.
MENDS = {
    "commitment": (
        ("自治区医疗保障信息平台 数据安全承诺书", "自治区医疗保障信息平台\n数据安全承诺书"),
        ("定期对接\n入专网", "定期对接入专网"),
    ),
    "application": (("接入医疗保障信息平台 申报表", "接入医疗保障信息平台\n申报表"),),
    "feedback": (("联调测试结果 反馈表", "联调测试结果\n反馈表"),),
    "confidentiality": (("甲方的保密信息\n从载体上", "甲方的保密信息从载体上"),),
    "agreement": (),
}
MET = Condition(met=True, evidence=("EV-0001",))


@pytest.fixture(scope="module")
def engagement() -> Engagement:
    return load_engagement(TEMPLATES / "engagement")


def of_kind(name: str) -> Kind:
    return next(one for one in KINDS if one.name == name)


def with_forms(engagement: Engagement, forms: Forms) -> Engagement:
    return msgspec.structs.replace(engagement, forms=forms)


def with_conditions(engagement: Engagement, *four: Condition) -> Engagement:
    names = ("card_reader", "codes", "code_pages", "interfaces")
    given = AccessConditions(**dict(zip(names, four, strict=True)))
    return with_forms(engagement, Forms(access_conditions=given))


def made(engagement: Engagement, name: str) -> list[str]:
    (form,) = make_forms(engagement, [of_kind(name)], conditions_check(engagement))
    return lines_of(render_form(form, TEMPLATES, author="甲", made_at=AT))


def scanned(name: str) -> str:
    """Return the scan's text of a form without its markup: a box is □, a tab parts cells."""
    if name == "agreement":
        return _plain(TANGSHAN_SCAN.read_text(encoding="utf-8"))
    text = _plain(NINGXIA_SCAN.read_text(encoding="utf-8"))
    parts = re.split(r"^(?=附件[一二四五]$)", text, flags=re.MULTILINE)[1:]
    return parts[("commitment", "application", "feedback", "confidentiality").index(name)].strip("\n")


def _plain(text: str) -> str:
    text = re.sub(r'<input type="checkbox"/> ?', "□", text)
    text = re.sub(r"</?b>|\*\*|^#+ +|^- ", "", text, flags=re.MULTILINE)
    lines = [one.rstrip("\r \t").lstrip(" ") for one in text.splitlines()]
    return "\n".join(one for one in lines if one and not re.fullmatch(r"[-\t ]+", one))


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.name)
def test_the_official_text_is_the_scan_with_listed_mends_only(kind: Kind) -> None:
    text = scanned(kind.name)
    for old, new in MENDS[kind.name]:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    assert kind.template(TEMPLATES).with_suffix(".txt").read_text(encoding="utf-8") == text + "\n"


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.name)
def test_a_form_without_data_is_the_official_text_line_by_line(kind: Kind) -> None:
    template = kind.template(TEMPLATES)
    blank = render(template.read_bytes(), BLANKS[kind.name], {}, where="模板").write()
    assert lines_of(blank) == template.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert lint_docx(blank) == ()


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.name)
def test_the_committed_template_is_what_its_code_builds(kind: Kind) -> None:
    path = kind.template(TEMPLATES)
    built = members(build_script(path.with_name("build.py")).build(kind.name))
    shipped = members(path.read_bytes())
    assert built.keys() == shipped.keys()
    assert [name for name in built if built[name] != shipped[name]] == [], "run its build.py"
    styles = {one.get(f"{W}val") for one in etree.fromstring(shipped["word/document.xml"]).iter(f"{W}pStyle")}
    assert styles <= {one.id for one in GONGWEN}


def test_odd_and_even_pages_have_their_numbers_on_the_outer_side() -> None:
    parts = members(of_kind("commitment").template(TEMPLATES).read_bytes())
    assert b"evenAndOddHeaders" in parts["word/settings.xml"]
    footers = b"".join(data for name, data in parts.items() if name.startswith("word/footer"))
    assert footers.count(b"FooterOdd") == 1
    assert footers.count(b"FooterEven") == 1
    section = etree.fromstring(parts["word/document.xml"]).find(f".//{W}pgMar")
    assert section is not None
    margins = {side: round(int(section.get(f"{W}{side}", "0")) / 1440 * 25.4) for side in ("top", "left")}
    assert margins == {"top": 37, "left": 28}


@pytest.mark.parametrize("text", WORDS, ids=range(len(WORDS)))
def test_hostile_words_come_back_from_every_form(engagement: Engagement, text: str) -> None:
    whom = Contact(name=text, phone=text)
    system = msgspec.structs.replace(
        engagement.system, name=text, vendor=text, deployment=text, contact=whom,
        test_environment=(text,), production_environment=(text,),
    )  # fmt: skip
    own = msgspec.structs.replace(engagement.institution, name=text, code=text, address=text, contact=whom)
    parties = msgspec.structs.replace(engagement.parties, local_bureau=Party(name=text, contact=whom))
    hostile = msgspec.structs.replace(
        engagement, institution=own, system=system, parties=parties,
        forms=Forms(
            responsible=Responsible(name=text, duty=text, phone=text),
            docking_vendor=DockingVendor(
                name=text, contact=whom, test_environment=(text,), production_environment=(text,)
            ),
            agreements=(Agreement(provider=text, address=text),),
        ),
    )  # fmt: skip
    expected = {"commitment": 4, "application": 18, "feedback": 11, "confidentiality": 4, "agreement": 4}
    for form in make_forms(hostile, KINDS, conditions_check(hostile)):
        printed = "\n".join(lines_of(render_form(form, TEMPLATES, author=text, made_at=AT)))
        assert printed.count(visible(text)) >= expected[form.kind.name], form.kind.name


def test_boxes_are_ticked_from_data_in_a_face_that_has_them(engagement: Engagement) -> None:
    changed = msgspec.structs.replace(engagement.system, application="change", deployment="云药店")
    lines = made(msgspec.structs.replace(engagement, system=changed), "application")
    assert "申报类型: □新定点 ☑更换系统" in lines
    assert "信息系统部署模式: □单机版 ☑云药店" in lines
    assert not [one for one in lines if one.startswith("注：")]
    assert "测试结果: □同意接入 □不同意接入" in made(engagement, "feedback")
    docx = Package.open(of_kind("application").template(TEMPLATES).read_bytes())
    runs = etree.fromstring(docx.members["word/document.xml"]).iter(f"{W}r")
    boxes = [run for run in runs if "{{ box." in "".join(map(str, run.itertext()))]
    assert len(boxes) == 8
    assert all(run.find(f"{W}rPr/{W}rFonts") is not None for run in boxes)


def test_a_hospital_has_neither_box_of_the_deployment_and_is_told_so(engagement: Engagement) -> None:
    for name in ("application", "feedback"):
        lines = made(engagement, name)
        assert "信息系统部署模式: □单机版 □云药店" in lines
        assert [one for one in lines if one.startswith("注：") and "本系统为“本地部署”" in one]


@pytest.mark.parametrize(
    ("four", "marks", "warned"),
    [
        ((MET, MET, MET, MET), ["☑满足"] * 4, ""),
        ((MET, Condition(met=False), MET, MET), ["☑满足", "□不满足", "☑满足", "☑满足"], "第 2 项不满足"),
        ((MET, MET, MET, Condition()), ["☑满足", "☑满足", "☑满足", "□未确认"], "第 4 项未确认（未填）"),
        (
            (Condition(met=True), MET, MET, MET),
            ["□未确认", *["☑满足"] * 3],
            "第 1 项未确认（填为满足，但无佐证）",
        ),
    ],
)
def test_one_condition_not_met_or_not_proven_is_said_on_the_form(
    engagement: Engagement, four: tuple[Condition, ...], marks: list[str], warned: str
) -> None:
    lines = made(with_conditions(engagement, *four), "application")
    at = lines.index("信息系统接入具备条件(有一项不满足不予批准)")
    assert [one.partition("\t")[2] for one in lines[at + 1 : at + 5]] == marks
    said = [one for one in lines if one.startswith("接入条件尚未全部满足")]
    assert len(said) == bool(warned)
    assert all(warned in one and "有一项不满足不予批准" in one for one in said)


def test_evidence_that_is_not_there_proves_no_condition(engagement: Engagement, tmp_path: Path) -> None:
    given = with_conditions(engagement, MET, MET, MET, MET)
    assert [one.met for one in conditions_check(given, tmp_path)] == [None] * 4
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "EV-0001.yaml").write_text("id: EV-0001\n", encoding="utf-8")
    assert [one.met for one in conditions_check(given, tmp_path)] == [True] * 4


def test_every_provider_gets_an_agreement_of_its_own(engagement: Engagement, tmp_path: Path) -> None:
    two = (Agreement(provider="甲公司", address="甲路1号"), Agreement(provider="乙公司"))
    given = with_forms(engagement, Forms(agreements=two))
    forms = make_forms(given, [of_kind("confidentiality")], ())
    written, notes = write_forms(forms, TEMPLATES, tmp_path / "out", author="甲", made_at=AT)
    assert [one.docx.name for one in written] == [
        "附件五-第三方人员安全保密协议-1.docx",
        "附件五-第三方人员安全保密协议-2.docx",
    ]
    assert notes == ()
    first, second = (lines_of(one.docx.read_bytes()) for one in written)
    assert first[2:6] == [
        "甲方：示范市第一人民医院",
        "地址：示范市示范区健康路1号",
        "乙方：甲公司",
        "地址：甲路1号",
    ]
    assert second[4:6] == ["乙方：乙公司", "地址："]


def test_a_template_with_other_words_is_refused(engagement: Engagement, tmp_path: Path) -> None:
    kind = of_kind("commitment")
    target = kind.template(tmp_path)
    target.parent.mkdir()
    for suffix in (".docx", ".txt"):
        target.with_suffix(suffix).write_bytes(kind.template(TEMPLATES).with_suffix(suffix).read_bytes())
    package = Package.open(target.read_bytes())
    body = package.members["word/document.xml"]
    package.members["word/document.xml"] = body.replace("不交叉互用".encode(), "可交叉互用".encode())
    target.write_bytes(package.write())
    (form,) = make_forms(engagement, [kind], ())
    with pytest.raises(ReportError, match=r"与官方文字不一致.*十、使用医保专网"):
        render_form(form, tmp_path, author="甲", made_at=AT)


def test_the_same_data_give_the_same_bytes(engagement: Engagement) -> None:
    (form,) = make_forms(engagement, [of_kind("feedback")], ())
    first, second = (render_form(form, TEMPLATES, author="甲", made_at=AT) for _ in range(2))
    assert first == second


def test_words_that_a_form_lost_are_missed(engagement: Engagement) -> None:
    (form,) = make_forms(engagement, [of_kind("commitment")], ())
    lost = Form(form.kind, {**form.data, "elsewhere": "没有印出的内容"})
    with pytest.raises(ReportError, match="没有印出的内容"):
        render_form(lost, TEMPLATES, author="甲", made_at=AT)


GOOD = Certificate(file="证书.pdf", number="64000", level=3, valid_until=TODAY)


@pytest.mark.parametrize(
    ("given", "state", "why"),
    [
        (GOOD, PaperState.ATTACHED, "64000"),
        (Certificate(), PaperState.MISSING, "未登记"),
        (msgspec.structs.replace(GOOD, valid_until=date(2026, 3, 1)), PaperState.EXPIRED, "2026-03-01"),
        (msgspec.structs.replace(GOOD, level=2), PaperState.INADEQUATE, "第 2 级"),
        (msgspec.structs.replace(GOOD, level=4), PaperState.ATTACHED, "第 4 级"),
        (msgspec.structs.replace(GOOD, level=None), PaperState.UNCONFIRMED, "等级"),
        (msgspec.structs.replace(GOOD, number=" "), PaperState.UNCONFIRMED, "编号"),
        (msgspec.structs.replace(GOOD, valid_until=None), PaperState.UNCONFIRMED, "有效期"),
        (msgspec.structs.replace(GOOD, level=2, valid_until=None), PaperState.INADEQUATE, "第 2 级"),
    ],
)
def test_the_certificate_is_of_the_third_level_and_valid_today(
    engagement: Engagement, given: Certificate, state: PaperState, why: str
) -> None:
    first = papers_check(with_forms(engagement, Forms(materials=Materials(certificate=given))), TODAY)[0]
    assert first.state is state
    assert why in first.why
    assert first.ready is (state is PaperState.ATTACHED)


def test_a_certificate_that_does_not_do_is_told_on_the_application(engagement: Engagement) -> None:
    lapsed = msgspec.structs.replace(GOOD, valid_until=date(2026, 3, 1))
    told = {}
    for name, given in {"good": GOOD, "lapsed": lapsed, "none": Certificate()}.items():
        forms = Forms(
            materials=Materials(certificate=given),
            access_conditions=AccessConditions(card_reader=MET, codes=MET, code_pages=MET, interfaces=MET),
        )
        one = with_forms(engagement, forms)
        papers = papers_check(one, TODAY)
        (form,) = make_forms(one, [of_kind("application")], conditions_check(one), papers=papers)
        lines = lines_of(render_form(form, TEMPLATES, author="甲", made_at=AT))
        told[name] = [line for line in lines if line.startswith("申报材料须先补正")]
    assert (told["good"], told["none"]) == ([], [])
    assert ["已过期（有效期至 2026-03-01）" in line for line in told["lapsed"]] == [True]


def test_papers_are_listed_as_the_regulation_lists_them_and_must_be_there(
    engagement: Engagement, tmp_path: Path
) -> None:
    given = Materials(topology=Material(file="拓扑.pdf"), security_plan=Material(file="空.pdf"))
    (tmp_path / "拓扑.pdf").write_bytes(b"x")
    (tmp_path / "空.pdf").write_bytes(b"")
    papers = papers_check(with_forms(engagement, Forms(materials=given)), TODAY, tmp_path)
    words = ("证书", "网络拓扑图", "网络安全方案", "承诺书", "申请表")
    assert [one.name.endswith(word) for one, word in zip(papers, words, strict=True)] == [True] * 5
    assert [one.state for one in papers] == [
        PaperState.MISSING, PaperState.ATTACHED, PaperState.MISSING, PaperState.MISSING, PaperState.MISSING
    ]  # fmt: skip
    assert "空.pdf" in papers[2].why
