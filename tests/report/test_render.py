"""Data is printed as it is, and a template can neither lose it nor reach beyond it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.errors import ReportError
from dengbao.report.package import DOCUMENT
from dengbao.report.plain import Plain, visible
from dengbao.report.render import render
from tests.report.test_pictures import png_picture
from tests.report.words import changed, filled, lines, template


@pytest.mark.parametrize(
    "value",
    [
        "口令长度 <8 且含 & 符号",
        "{{7*7}} {% if x %} {# note #}",
        "{_{ not a tag }_} {_% %_}",
        "]]> &amp; &lt; \"quoted\" 'single'",
        "\x1b[31mroot\x1b[0m 与 \x00",
        "𠮷 \u202e שלום ｛｛全角｝｝",
        "  前后空格  ",
        "“弯引号” ‘单’",
        "长" * 2000,
        "\\g<0> \\1 $1",
    ],
)
def test_data_is_printed_character_for_character(value: str) -> None:
    package = filled(template("记录：{{ x }}。"), {"x": value})
    assert lines(package)[0] == f"记录：{visible(value)}。"


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_any_text_comes_through(value: str) -> None:
    assert lines(filled(template("[{{ x }}]"), {"x": value}))[0] == f"[{visible(value)}]"


def test_line_feeds_and_tabs_become_breaks_and_tabs_and_stay_one_paragraph() -> None:
    package = filled(template("{{ x }}", "尾"), {"x": "行一\n行二\t列"})
    assert lines(package) == ["行一\n行二\t列", "尾"]
    assert package.members[DOCUMENT].count(b"<w:br/>") == 1


def test_tags_split_over_runs_are_healed() -> None:
    document = Document()
    paragraph = document.add_paragraph()
    for piece in ("甲{", "{ rep", "ort.no }", "}乙"):
        paragraph.add_run(piece)
    out = io.BytesIO()
    document.save(out)
    assert lines(filled(out.getvalue(), {"report": {"no": "1"}}))[0] == "甲1乙"


def test_headers_are_filled_too() -> None:
    package = filled(template("x", header="{{ n }}"), {"n": "LT-<1>"})
    assert lines(package, "word/header1.xml") == ["LT-<1>"]


@pytest.mark.parametrize(
    "tag",
    [
        "{{ nothing }}",
        "{{ report.nothing }}",
        "{{ rows[7] }}",
        "{{ report.number.nothing }}",
        "{{ nothing | length }}",
    ],
)
def test_names_that_are_not_there_are_errors_that_say_where(tag: str) -> None:
    with pytest.raises(ReportError, match="模板") as caught:
        filled(template("前言", f"报告编号 {tag}"), {"report": {"number": "1"}, "rows": []})
    assert "模板.docx" in caught.value.where
    assert "报告编号" in caught.value.message


@pytest.mark.parametrize(
    "tag",
    ["{{ rows }}", "{{ report }}", "{{ nothing_at_all }}", "{{ report.keys }}", "{{ empty }}", "{{ flag }}"],
)
def test_only_texts_and_numbers_can_be_printed(tag: str) -> None:
    with pytest.raises(ReportError):
        filled(template(tag), {"rows": ["x"], "report": {"number": "1"}, "empty": None, "flag": True})


ESCAPES = [
    "{{ cycler.__init__.__globals__.os.popen('touch PATH').read() }}",
    "{{ x.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__ }}",
    "{{ x.format.__globals__ }}",
    "{{ '{0.__class__.__mro__}'.format(x) }}",
    "{{ x | attr('__class__') }}",
    "{{ (report | picture).__class__.__init__.__globals__ }}",
    "{{ picture.tpl.docx.save('PATH') }}",
    "{{ (key | picture).tpl.docx.save('PATH') }}",
    "{{ key.tpl.docx.save('PATH') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ lipsum.__globals__['os'].popen('touch PATH').read() }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ range.__self__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ rows.append('x') }}",
    "{{ report.update({'number': '2'}) }}",
    "{{ report.clear() }}",
    "{% for f in x.__dir__() %}{{ f }}{% endfor %}",
    "{% include 'PATH' %}",
    "{% import 'PATH' as p %}",
    "{% extends 'PATH' %}",
]


@pytest.mark.parametrize("tag", ESCAPES)
def test_templates_cannot_leave_the_sandbox_or_change_data(tag: str, tmp_path: Path) -> None:
    mark = tmp_path / "reached"
    picture = png_picture()
    data: dict[str, Plain] = {"x": "text", "rows": ["a"], "report": {"number": "1"}, "key": picture.sha256}
    with pytest.raises(ReportError):
        render(template(tag.replace("PATH", str(mark))), data, {picture.sha256: picture}, where="t")
    assert not mark.exists()
    assert data["report"] == {"number": "1"}


@pytest.mark.parametrize(
    "tag", ["{{ x | safe }}", "{{ x | forceescape }}", "{{ report | tojson }}", "{{ x | pprint }}"]
)
def test_filters_that_undo_escaping_are_not_there(tag: str) -> None:
    with pytest.raises(ReportError):
        filled(template(tag), {"x": "<w:p/>", "report": {}})


def test_escaping_cannot_be_switched_off() -> None:
    package = filled(template("{% autoescape false %}{{ x }}{% endautoescape %}"), {"x": "<w:p/> & <"})
    assert lines(package) == ["<w:p/> & <"]


def test_syntax_errors_name_the_words_around_them() -> None:
    with pytest.raises(ReportError) as caught:
        filled(template("第一段", "定点机构 {{ report.number }", "第三段"), {"report": {"number": "1"}})
    assert "定点机构" in caught.value.message


def test_a_tag_that_breaks_the_structure_is_refused_not_repaired() -> None:
    source = changed(template("甲"), DOCUMENT, "<w:body>", '<w:body><w:p w:rsidR="{{ x }}"/>')
    with pytest.raises(ReportError, match="合法的 XML"):
        filled(source, {"x": "行一\n行二"})


def test_a_picture_is_embedded_once_however_often_it_is_shown() -> None:
    picture = png_picture()
    package = render(
        template("{{ k | picture }}", "{{ k | picture }}"),
        {"k": picture.sha256},
        {picture.sha256: picture},
        where="t",
    )
    docx = package.write()
    assert len([one for one in package.members if one.startswith("word/media/evidence")]) == 1
    assert docx.count(picture.data) == 1
    assert package.members[DOCUMENT].count(b"r:embed=") == 2
    assert Document(io.BytesIO(docx)).inline_shapes[1].width


def test_a_picture_that_is_not_evidence_is_refused() -> None:
    with pytest.raises(ReportError, match="不在证据中"):
        filled(template("{{ k | picture }}"), {"k": "no"})


def test_pictures_are_refused_in_headers() -> None:
    picture = png_picture()
    with pytest.raises(ReportError, match="页眉"):
        render(
            template("x", header="{{ k | picture }}"),
            {"k": picture.sha256},
            {picture.sha256: picture},
            where="t",
        )


@pytest.mark.parametrize("source", [b"", b"no zip", b"PK\x03\x04broken"])
def test_what_is_no_word_file_is_refused(source: bytes) -> None:
    with pytest.raises(ReportError, match="docx"):
        filled(source, {})
