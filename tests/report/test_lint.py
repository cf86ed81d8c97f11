"""Each structural fault is planted in a good report and found."""

from __future__ import annotations

import pytest

from dengbao.report.lint import lint_docx
from dengbao.report.package import DOCUMENT
from dengbao.report.plain import texts
from dengbao.report.render import render
from dengbao.report.specimen import specimen
from dengbao.report.template_lint import lint_template
from dengbao.report.toc import Contents
from tests.report.example import ROOT
from tests.report.words import added, changed, template

SHIPPED = (ROOT / "templates" / "annex3-2023" / "report.docx").read_bytes()


@pytest.fixture(scope="module")
def good() -> bytes:
    data, pictures = specimen("示例文字")
    package = render(SHIPPED, data, pictures, where="t")
    Contents(package).write({}, "注")
    docx = package.write()
    assert lint_docx(docx, printed=texts(data)) == ()
    return docx


def field(instruction: str, cached: str) -> str:
    """Return a field to put before a text inside a run."""
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    text = f"<w:r><w:t>{cached}</w:t></w:r>" if cached else ""
    return (
        f"</w:t></w:r>{mark.format('begin')}<w:r><w:instrText>{instruction}</w:instrText></w:r>"
        f"{mark.format('separate')}{text}{mark.format('end')}<w:r><w:t>x</w:t>"
    )


GRID = '<w:tblGrid><w:gridCol w:w="1"/></w:tblGrid>'
OPEN = '</w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:t>x</w:t>'
FAULTS = [
    ("cell_end", "</w:p></w:tc>", "</w:p><w:sdt/></w:tc>"),
    ("row_columns", '<w:gridCol w:w="1134"/>', '<w:gridCol w:w="567"/><w:gridCol w:w="567"/>'),
    ("cell_width", '<w:tcW w:w="4649" w:type="dxa"/>', '<w:tcW w:w="1000" w:type="dxa"/>'),
    ("double_bookmark_id", '<w:bookmarkStart w:id="2"', '<w:bookmarkStart w:id="1"'),
    ("double_bookmark_name", 'w:name="_Toc00000002"', 'w:name="_Toc00000001"'),
    ("dangling_relation", 'r:embed="rIdPic1"', 'r:embed="rIdPic99"'),
    ("leftover_tag", "经办人：", "经办人：{{ signer }}"),
    ("leftover_tag", "经办人：", "经办人：｛｛ signer ｝｝"),
    ("field_uncached", "草稿说明</w:t>", field("PAGE", "")),
    ("field_unsupported", "草稿说明</w:t>", field("SECTIONPAGES", "1")),
    ("field_open", "草稿说明</w:t>", OPEN),
    ("empty_table", "<w:body>", f"<w:body><w:tbl><w:tblPr/>{GRID}</w:tbl>"),
    ("empty_row", "<w:body>", f"<w:body><w:tbl><w:tblPr/>{GRID}<w:tr/></w:tbl>"),
    ("not_xml", "</w:body>", ""),
]


@pytest.mark.parametrize(("code", "old", "new"), FAULTS)
def test_a_planted_fault_is_found(good: bytes, code: str, old: str, new: str) -> None:
    found = lint_docx(changed(good, DOCUMENT, old, new), printed=["示例文字"])
    assert code in {one.code for one in found}
    assert all(str(one).startswith(one.where) for one in found)


def test_a_missing_part_and_double_drawing_ids_are_found(good: bytes) -> None:
    lost = changed(good, "word/_rels/document.xml.rels", "media/evidence1.png", "media/evidence77.png")
    assert {one.code for one in lint_docx(lost)} >= {"dangling_relation"}
    drawing = '<wp:docPr id="1" name="evidence1"/>'
    twice = changed(good, DOCUMENT, drawing, drawing * 2)
    assert "double_drawing_id" in {one.code for one in lint_docx(twice)}


def test_double_members_and_no_word_file_are_found(good: bytes) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        double = added(good, DOCUMENT, b"x")
    assert [one.code for one in lint_docx(double)] == ["double_member"]
    assert [one.code for one in lint_docx(b"no")] == ["not_docx"]


def test_data_that_looks_like_a_tag_is_not_called_a_leftover(good: bytes) -> None:
    marked = changed(good, DOCUMENT, "经办人：", "经办人：{{7*7}}")
    assert lint_docx(marked, printed=["结果 {{7*7}}"]) == ()


def test_the_shipped_template_has_no_finding() -> None:
    assert lint_template(SHIPPED) == ()


TEMPLATE_FAULTS = [
    ("unknown_name", "{{ report.number }}", "{{ raport.number }}"),
    ("syntax", "{{ report.number }}", "{{ report.number }"),
    ("full_width_tag", "{{ report.number }}", "｛｛ report.number ｝｝"),
    ("full_width_tag", "{{ report.number }}", "{％ report.number %}"),
    ("trial", "{{ report.made_on }}", "{{ report.made_of }}"),
    ("trial", "{{ case.statement }}", "见附件"),
    ("trial", "{{ case.verdict }}", "符合"),
    ("trial", "{{ clause.text }}", ""),
    ("trial", "{{ one.sha256 }}", ""),
    ("picture_cropped", '<w:pStyle w:val="Picture"/>', '<w:pStyle w:val="Body"/>'),
    ("no_contents", "TOC ", "XYZ "),
    ("no_contents_note", '<w:pStyle w:val="TocNote"/>', '<w:pStyle w:val="Body"/>'),
    ("field_uncached", "生成报告时填写</w:t>", "</w:t>"),
]


@pytest.mark.parametrize(("code", "old", "new"), TEMPLATE_FAULTS)
def test_a_fault_of_a_template_is_found_before_anyone_relies_on_it(code: str, old: str, new: str) -> None:
    found = lint_template(changed(SHIPPED, DOCUMENT, old, new), where="局模板.docx")
    assert code in {one.code for one in found}, [str(one) for one in found]


def test_a_grid_that_stretches_tables_is_a_warning_and_not_more() -> None:
    gridded = changed(SHIPPED, DOCUMENT, "<w:docGrid ", '<w:docGrid w:type="lines" ')
    assert lint_template(gridded) == ()
    bound = changed(gridded, "word/styles.xml", '<w:snapToGrid w:val="0"/>', "")
    found = lint_template(bound)
    assert [(one.code, one.serious) for one in found] == [("grid_stretches_tables", False)]
    assert "Cell" in found[0].message


def test_macros_and_outside_links_in_a_template_are_found() -> None:
    assert "active_content" in {
        one.code for one in lint_template(added(SHIPPED, "word/vbaProject.bin", b"x"))
    }
    linked = changed(
        SHIPPED,
        "word/_rels/document.xml.rels",
        "</Relationships>",
        '<Relationship Id="rId99" Type="x" Target="http://127.0.0.1/t.dotm" TargetMode="External"/>'
        "</Relationships>",
    )
    assert "external" in {one.code for one in lint_template(linked)}


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    found = lint_template(template("{{ raport }}"))
    assert any("raport" in one.message and "chapters" in one.message for one in found)
    assert [one.code for one in lint_template(b"x")] == ["not_docx"]
