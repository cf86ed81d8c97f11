"""Through real LibreOffice: page numbers are right, pictures whole, nothing hangs."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from pathlib import Path

import pytest
from lxml import etree

from dengbao.engines import find_engines
from dengbao.errors import ReportError
from dengbao.report import ReportInput, ReportOutcome, lint_docx, write_report
from dengbao.report.fonts import CHAINS, write_config
from dengbao.report.office import find_programs, open_office
from dengbao.report.package import DOCUMENT, Package
from dengbao.report.preview import PREVIEW, light
from dengbao.report.render import render
from dengbao.report.specimen import HOSTILE, specimen
from dengbao.report.toc import Contents, Heading, w
from tests.report.example import ROOT, example
from tests.report.words import text_of

SHIPPED = (ROOT / "templates" / "annex3-2023" / "report.docx").read_bytes()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportInput, ReportOutcome]:
    folder = tmp_path_factory.mktemp("printed")
    given = example(folder / "evidence", pictures=3)
    return given, write_report(given, folder / "report.docx", final=True, pdf=True)


def pages(pdf: Path) -> list[str]:
    text = subprocess.run(
        ["pdftotext", "-layout", str(pdf), "-"], capture_output=True, check=True
    ).stdout.decode()
    return ["".join(one.split()) for one in text.split("\f")[:-1]]


def pdf_of(outcome: ReportOutcome) -> Path:
    assert outcome.pdf is not None
    return outcome.pdf


def test_every_entry_of_the_contents_names_the_page_its_heading_stands_on(
    printed: tuple[ReportInput, ReportOutcome],
) -> None:
    outcome = printed[1]
    sheets = pages(pdf_of(outcome))
    assert outcome.pages == len(sheets)
    assert len(outcome.contents) == 19
    body, appendix = outcome.contents["一、符合性统计"], outcome.contents["附录A 证据清单"]
    assert 1 < body < appendix
    for heading, page in outcome.contents.items():
        assert "".join(heading.split()) in sheets[page - 1], heading
        if page >= appendix:
            wanted = f"附录第{page - appendix + 1}页共{len(sheets) - appendix + 1}页"
        else:
            wanted = f"第{page - body + 1}页共{appendix - body}页" if page >= body else "I"
        assert wanted in sheets[page - 1]


def test_contents_are_a_real_field_with_cached_page_references(
    printed: tuple[ReportInput, ReportOutcome],
) -> None:
    docx = printed[1].docx.read_bytes()
    assert lint_docx(docx) == ()
    root = etree.fromstring(Package.open(docx).members[DOCUMENT])
    fields = [str(one.text).split() for one in root.iter(w("instrText"))]
    assert fields[0][0] == "TOC"
    bookmarks = {one.get(w("name")) for one in root.iter(w("bookmarkStart"))}
    references = [one[1] for one in fields if one[0] == "PAGEREF"]
    assert len(references) == 19
    assert set(references) <= bookmarks
    shown = [
        re.sub(r".*?([IVX]+|\d+)$", r"\1", "".join(map(str, one.itertext(w("t")))))
        for one in root.iter(w("hyperlink"))
    ]
    contents = printed[1].contents
    assert shown[:3] == ["II", "IV" if contents["声明"] == 4 else "III", "1"]
    assert shown[-2] == "1"
    starts = {"一": contents["一、符合性统计"], "附": contents["附录A 证据清单"]}
    wanted = [page - (starts["附"] if one[0] == "附" else starts["一"]) + 1 for one, page in contents.items()]
    assert [int(one) for one in shown[2:]] == wanted[2:]


def test_the_total_of_pages_is_cached_in_the_footer(printed: tuple[ReportInput, ReportOutcome]) -> None:
    docx, contents = printed[1].docx.read_bytes(), printed[1].contents
    footers = "".join(text_of(docx, one) for one in Package.open(docx).parts("word/footer"))
    appendix = contents["附录A 证据清单"]
    assert f"第 1 页　共 {appendix - contents['一、符合性统计']} 页" in footers
    assert f"附录第 1 页　共 {printed[1].pages - appendix + 1} 页" in footers


def test_the_four_stamp_boxes_and_the_code_stand_on_one_page_the_last_of_the_body(
    printed: tuple[ReportInput, ReportOutcome],
) -> None:
    contents = printed[1].contents
    assert contents["附录A 证据清单"] == contents["五、签章页"] + 1
    last = pages(pdf_of(printed[1]))[contents["五、签章页"] - 1]
    for role in ("属地医保局", "医疗保障信息平台厂商", "定点医药机构系统接入方", "定点医药机构"):
        assert f"{role}（盖章）" in last
    assert last.count("经办人：") == 4
    assert printed[1].content_sha256[:16] in last
    assert "骑缝章" in last


def test_the_columns_of_the_results_are_as_wide_on_paper_as_the_template_says(
    printed: tuple[ReportInput, ReportOutcome],
) -> None:
    page = str(printed[1].contents["二、必须测试项"])
    answer = subprocess.run(
        ["pdftotext", "-bbox", "-f", page, "-l", page, str(pdf_of(printed[1])), "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    root = etree.fromstring(answer.stdout)
    words = {
        str(one.text): (float(one.get("xMin", "0")) + float(one.get("xMax", "0"))) / 2 / 72 * 25.4
        for one in root.iter("{*}word")
    }
    middles = [words[one] for one in ("检查项", "测评对象", "判定", "证据")]  # heads are centred
    assert middles == pytest.approx([36, 55, 158, 176], abs=1)


def test_pictures_keep_every_pixel_in_the_pdf(printed: tuple[ReportInput, ReportOutcome]) -> None:
    listed = subprocess.run(["pdfimages", "-list", str(pdf_of(printed[1]))], capture_output=True, check=True)
    sizes = re.findall(r"\bimage\s+(\d+)\s+(\d+)", listed.stdout.decode())
    assert sizes.count(("1366", "768")) == 3


def test_no_character_is_lost_on_paper(printed: tuple[ReportInput, ReportOutcome]) -> None:
    assert "\ufffd" not in "".join(pages(pdf_of(printed[1])))


def test_faces_that_stand_in_are_named_and_the_pdf_is_marked(
    printed: tuple[ReportInput, ReportOutcome],
) -> None:
    outcome = printed[1]
    replaced = [one for one in outcome.notes if one.startswith("预览字体替换")]
    marked = "".join(PREVIEW.split()) in pages(pdf_of(outcome))[1]
    assert marked == bool(replaced)
    assert len(replaced) <= 1  # one line for all faces
    assert PREVIEW not in text_of(outcome.docx.read_bytes(), "word/footer2.xml")


def test_official_faces_stay_apart_from_each_other(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    text = config.read_text(encoding="utf-8")
    assert all(f"<family>{name}</family>" in text for name in CHAINS)
    answers = [
        subprocess.run(
            ["fc-match", "-f", "%{family}", name], env={**os.environ, "FONTCONFIG_FILE": str(config)},
            capture_output=True, check=True,
        ).stdout
        for name in ("仿宋_GB2312", "黑体")
    ]  # fmt: skip
    assert answers[0] != answers[1]


def test_hostile_data_is_printed_and_only_headings_that_are_read_get_a_page() -> None:
    package = render(SHIPPED, *specimen(HOSTILE[:125]), where="t")
    contents = Contents(package)
    contents.write({}, "")
    programs = find_programs(find_engines())
    assert programs is not None
    first = contents.headings[0]
    with open_office(programs) as office:
        pdf = office.pdf(light(package.write()))
        text = "".join(pages(pdf))
        layout = office.layout(pdf, contents.headings)
        assert layout is not None
        assert layout.total == len(pages(pdf))
        assert office.layout(pdf, [Heading(1, "不在该页的标题", first.bookmark)]) is None
        assert office.layout(pdf, [Heading(1, first.text, "_Toc99999999")]) is None
    assert "口令长度<8且含&符号" in text
    assert "{{7*7}}" in text


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_libreoffice_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child.pid"
    programs = {
        "soffice": script(tmp_path / "soffice", f"sleep 300 & echo $! > {mark}; wait"),
        "pdftotext": "x",
        "pdfinfo": "x",
    }
    with open_office(programs, timeout_s=1.0) as office, pytest.raises(ReportError, match="未完成"):
        office.pdf(b"x")
    child = int(mark.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and alive(child):
        time.sleep(0.02)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_libreoffice_that_fails_leaves_a_report_with_dashes(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence", pictures=0)
    engines = {**find_engines(), "soffice": script(tmp_path / "soffice", "echo broken; exit 1")}
    outcome = write_report(given, tmp_path / "report.docx", final=True, pdf=True, engines=engines)
    assert outcome.contents == {}
    assert outcome.pdf is None
    assert any("未能确定目录页码" in one for one in outcome.notes)
    assert any("broken" in one for one in outcome.notes)
    assert "未能确定目录页码" in text_of(outcome.docx.read_bytes())


def test_without_libreoffice_a_pdf_that_was_asked_for_is_noted_as_missing(tmp_path: Path) -> None:
    given = example(tmp_path / "evidence", pictures=0)
    outcome = write_report(given, tmp_path / "report.docx", final=True, pdf=True, engines={})
    assert outcome.pdf is None
    assert any("未生成 PDF" in one for one in outcome.notes)
