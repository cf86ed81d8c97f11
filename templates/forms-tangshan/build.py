"""Builds the Word template of 唐山市医疗保险信息系统安全管理协议 from its official text.

Run `python templates/forms-tangshan/build.py` after a change; a test compares the committed file with this.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dengbao.report.gongwen import Official, build_form
from dengbao.report.wordparts import Writer

FOLDER: Final = Path(__file__).parent
EDITION: Final = "forms-tangshan"
TITLE: Final = "唐山市医疗保险信息系统安全管理协议"
_MADE: Final = datetime(2023, 1, 1, tzinfo=UTC)  # the text bears no day; a template needs one that stays
_LABELS: Final = ("盖", "负责人签字", "日", "联", "邮", "电", "传")


def _agreement(out: Writer, text: Official) -> None:
    out.paragraph(text.take("唐山市医疗保险信息系统"), "Title")
    out.paragraph(text.take("安全管理协议"), "Title")
    out.paragraph("", "Gap")
    out.paragraph(text.take("甲方："), "PartyName")
    out.paragraph(text.take("乙方：", "{{ second.name }}"), "PartyName")
    while not text.following.startswith("甲  "):
        line = text.take()
        out.paragraph(line, "Article" if line.startswith("第") and "条 " in line[:4] else "Body")
    tags = {"联": "{{ second.address }}", "电": "{{ second.phone }}"}
    for begin, own, fresh in (("甲  ", False, True), ("乙  ", True, False)):
        if not fresh:
            out.paragraph("", "GapKept")
        out.paragraph(text.take(begin, "{{ second.name }}" if own else ""), "SignLine", new_page=fresh)
        for label in _LABELS:
            out.paragraph(text.take(label, tags.get(label, "") if own else ""), "SignLine")
            if label == "盖":
                out.paragraph("", "GapKept")
    out.paragraph(text.take("使"), "SignLine")


def build(name: str = "agreement") -> bytes:
    """Return the template."""
    return build_form(FOLDER / f"{name}.txt", _agreement, title=TITLE, edition=EDITION, made_at=_MADE)


FORMS: Final = ("agreement",)

if __name__ == "__main__":
    for one in FORMS:
        (FOLDER / f"{one}.docx").write_bytes(build(one))
