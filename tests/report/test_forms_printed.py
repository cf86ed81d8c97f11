"""The forms on paper, through real LibreOffice: nothing is lost, and no page is stamped that has no words."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime

import msgspec
import pytest

from dengbao.admission import conditions_check
from dengbao.catalog import load_engagement
from dengbao.model import Agreement, Contact, DockingVendor, Engagement, Forms, Responsible
from dengbao.report.forms import KINDS, Written, lines_of, make_forms, write_forms
from tests.report.example import ROOT

TEMPLATES = ROOT / "templates"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LONG = "示范自治区示范市示范县人民医院医疗健康集团总医院（示范医科大学附属示范医院）"
FOOTER = re.compile(r"—\d+—(?:预览稿（字体替换，分页以Word为准）)?")
# The words above a place for hands and seals, and how many characters have to stand on its page.
PLACES = {
    "附件一": ("单位名称（签章）：", 60),
    "附件二": ("医保部门接入意见：", 60),
    "附件四": ("(盖章)", 10),  # 反馈意见, left blank, and whose seal it is
    "附件五": ("乙方签字：", 40),
    "唐山": ("乙方：", 100),
}


def filled(name: str, address: str) -> Engagement:
    given = load_engagement(TEMPLATES / "engagement")
    own = msgspec.structs.replace(given.institution, name=name, address=address)
    whom = Contact(name="周工", phone="0951-0000006")
    forms = Forms(
        responsible=Responsible(name="孙主任", duty="信息科主任", phone="0951-0000005"),
        docking_vendor=DockingVendor(
            name=name, contact=whom, test_environment=("203.0.113.10:443",) * 3,
            production_environment=("203.0.113.20:443",),
        ),
        agreements=(Agreement(provider=name, address=address),),
    )  # fmt: skip
    return msgspec.structs.replace(given, institution=own, forms=forms)


@pytest.fixture(scope="module", params=["usual", "long"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Written, ...]:
    name, address = ("示范市第一人民医院", "示范路1号") if request.param == "usual" else (LONG, LONG)
    engagement = filled(name, address)
    forms = make_forms(engagement, KINDS, conditions_check(engagement))
    out = tmp_path_factory.mktemp("forms")
    return write_forms(forms, TEMPLATES, out, author="甲", made_at=AT, pdf=True)[0]


def pages(written: Written) -> list[str]:
    assert written.pdf is not None
    text = subprocess.run(
        ["pdftotext", "-raw", str(written.pdf), "-"], capture_output=True, check=True
    ).stdout.decode()
    return [FOOTER.sub("", "".join(one.split())) for one in text.split("\f")[:-1]]


def test_every_word_of_a_form_stands_on_paper(written: tuple[Written, ...]) -> None:
    for one in written:
        text = "".join(pages(one))
        lost = [line for line in lines_of(one.docx.read_bytes()) if "".join(line.split()) not in text]
        assert lost == [], one.kind.mark


def test_signatures_and_seals_stand_below_words(written: tuple[Written, ...]) -> None:
    for one in written:
        place, least = PLACES[one.kind.mark]
        (above,) = [page.rpartition(place)[0] for page in pages(one) if page.rfind(place) > 0][-1:]
        assert len(above) >= least, one.kind.mark


def test_no_form_has_a_page_too_many(written: tuple[Written, ...]) -> None:
    counts = {one.kind.mark: len(pages(one)) for one in written}
    most = {"附件一": 2, "附件二": 2, "附件四": 1, "附件五": 3, "唐山": 6}
    if any(LONG in "".join(pages(one)) for one in written):
        most |= {"附件一": 3, "附件二": 3, "附件四": 2, "附件五": 4}
    assert counts == most
