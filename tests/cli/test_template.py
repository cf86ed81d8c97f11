"""`dengbao template lint`: what it names, with which level and place, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao.report.package import DOCUMENT
from dengbao.report.template_looks import absent_faces
from tests.report.example import ROOT
from tests.report.words import changed

from .conftest import Call

SHIPPED = (ROOT / "templates" / "annex3-2023" / "report.docx").read_bytes()


def test_the_shipped_template_may_be_used(call: Call) -> None:
    answer = call("template", "lint", str(ROOT / "templates" / "annex3-2023" / "report.docx"))
    assert answer.code == 0
    assert "成功：report.docx 可以使用" in answer.out


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("{{ report.period }}", "｛｛ report.period ｝｝", 4, "失败  word/document.xml：标签用了全角括号"),
        ("{{ report.period }}", "{{ raport.period }}", 4, "没有名为 raport 的数据"),
        ('w:val="CoverDate"', 'w:val="Vanished"', 0, "警告  word/document.xml：用到的样式 Vanished 没有定义"),
    ],
)
def test_a_finding_has_a_level_and_a_place(
    call: Call, tmp_path: Path, old: str, new: str, code: int, said: str
) -> None:
    path = tmp_path / "own.docx"
    path.write_bytes(changed(SHIPPED, DOCUMENT, old, new))
    answer = call("template", "lint", str(path))
    assert answer.code == code
    assert said in answer.out


def test_what_cannot_be_read_is_named(call: Call, tmp_path: Path) -> None:
    assert call("template", "lint", str(tmp_path / "none.docx")).code == 2
    (tmp_path / "text.docx").write_bytes(b"text")
    answer = call("template", "lint", str(tmp_path / "text.docx"))
    assert (answer.code, "不是有效的 .docx 文件" in answer.out) == (4, True)


def test_official_faces_are_not_missed_and_others_are() -> None:
    assert absent_faces(SHIPPED) == ()
    other = changed(SHIPPED, "word/styles.xml", "方正小标宋简体", "某某手写体")
    assert {one.serious for one in absent_faces(other)} <= {False}
    assert all("某某手写体" in one.message for one in absent_faces(other))
