"""整改情况 and the numbers of pictures stay what they are when LibreOffice saves them."""

from __future__ import annotations

import pytest
from lxml import etree

from dengbao.report import write_report
from dengbao.report.likeness import Unlike, compare_reports
from dengbao.report.package import DOCUMENT, Package, xml_parser
from dengbao.report.toc import paragraph_text, w

from .example import example, suite
from .rounds import with_rounds
from .test_history import SIX, TEN
from .test_likeness import DOCX, Root, gone, paragraph_with, row_of, said, through_office

CHANGES = {
    "a measured value": lambda root: said(paragraph_with(root, "口令最短长度：6"), "6 → 10", "9 → 10"),
    "where it stood": lambda root: said(paragraph_with(root, "第1轮：不符合"), "不符合", "符合"),
    "the hint": lambda root: gone(paragraph_with(root, "初测不符合，第2轮复测符合")),
    "a row": lambda root: gone(row_of(paragraph_with(root, "口令最短长度：6"))),
    "a count of a round": lambda root: said(
        paragraph_with(root, "第 1 轮至第 2 轮"), "改善 1 条", "改善 2 条"
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("history")
    given = with_rounds(example(folder / "evidence", pictures=4), SIX, TEN)
    return write_report(given, folder / "report.docx", final=True, engines={}).docx.read_bytes()


@pytest.fixture(scope="module")
def saved(made: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return through_office(made, tmp_path_factory.mktemp("office"), DOCX, DOCX)


def body(docx: bytes) -> Root:
    return etree.fromstring(Package.open(docx, max_bytes=1 << 30).members[DOCUMENT], xml_parser())


def instructions(root: Root) -> list[str]:
    """Return what each field asks for; a program may tear an instruction into several runs."""
    found: list[str] = []
    for one in root.iter(w("fldChar"), w("instrText")):
        if one.get(w("fldCharType")) == "begin":
            found.append("")
        elif one.tag == w("instrText"):
            found[-1] += one.text or ""
    return [" ".join(one.split()) for one in found]


def test_every_picture_has_a_number_that_counts_and_is_referred_to(made: bytes) -> None:
    root = body(made)
    fields = instructions(root)
    assert fields.count(r"SEQ 图 \* ARABIC") == 4
    for number in range(1, 5):
        assert fields.count(rf"REF _Figure{number} \h") == 2  # in 结果记录 and in 证据清单
        assert paragraph_text(paragraph_with(root, f"图 {number}　EV-")).startswith(
            f"图 {number}　EV-000{number}　"
        )
        cells = [paragraph_text(one) for one in root.iter(w("p"))]
        assert cells.count(f"EV-000{number}\n图{number}") == 2


def test_saving_raises_no_false_alarm_and_keeps_the_fields(made: bytes, saved: bytes) -> None:
    assert compare_reports(made, saved, suite()) == ()
    fields = instructions(body(saved))
    assert len([one for one in fields if one.startswith("SEQ 图 ")]) == 4
    assert len([one for one in fields if one.startswith("REF ")]) >= 8


@pytest.mark.parametrize("what", CHANGES)
def test_an_altered_history_is_told(made: bytes, saved: bytes, what: str) -> None:
    package = Package.open(saved, max_bytes=1 << 30)
    root = etree.fromstring(package.members[DOCUMENT], xml_parser())
    CHANGES[what](root)
    package.members[DOCUMENT] = etree.tostring(root)
    found: tuple[Unlike, ...] = compare_reports(made, package.write(), suite())
    assert found
    assert {one.place for one in found} == {"1.a.4" if what == "the hint" else "五、整改情况"}
