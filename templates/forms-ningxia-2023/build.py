"""Builds the Word templates of 附件一, 二, 四, 五 (宁医保办发〔2023〕72号) from their official texts.

Run `python templates/forms-ningxia-2023/build.py` after a change; a test compares the committed files.
The `.txt` beside it hold the official wording, a tab between the cells of a row; none of it stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from dengbao.report.gongwen import Official, build_form, heading
from dengbao.report.gongwen import row as row_of
from dengbao.report.wordparts import Cell, Row, Writer

FOLDER: Final = Path(__file__).parent
EDITION: Final = "forms-ningxia-2023"
_MADE: Final = datetime(2023, 8, 25, tzinfo=UTC)  # the regulation's day; a template has no other
# Halves for people and telephones; the last column alone holds what came of the four conditions.
_COLUMNS: Final = (78, 48, 30)
# A round seal is about 40 mm wide and may reach over the lines beside it.
_SEAL_MM: Final = 39.0
_SEAL_BELOW_BLANK_MM: Final = 31.0
_DATE: Final = "XXXX 年 XX 月 XX 日"


row: Final = partial(row_of, columns=len(_COLUMNS))


def _commitment(out: Writer, text: Official) -> None:
    heading(out, text, 2)
    out.paragraph("", "GapLow")
    while not text.following.startswith("我单位愿意"):
        out.paragraph(text.take(), "Body")
    out.paragraph(text.take("我单位愿意"), "BodyLast")  # a seal never stands on a page of its own
    out.paragraph("", "GapKept")
    out.paragraph(text.take("单位负责人"), "Sign")
    out.paragraph(text.take("单位名称", "{{ institution.name }}"), "Sign")
    out.paragraph(text.take("年"), "SignDateKept")
    out.control("if responsible")
    out.paragraph("承诺第三项安全责任人（报属地医保局备案）：{{ responsible }}", "Note")
    out.control("endif")


def _institution(text: Official, *, seal: bool) -> list[Row]:
    return [
        row(text.take("1. "), style="Group"),
        row(
            text.swapped(
                "医药机构名称", ("XXXXXX", "{{ institution.name }}"), ("国家编码", "{{ institution.code }}")
            ),
            height_mm=14 if seal else 8,
        ),
        row(text.swapped("医药机构地址", ("XXXX 市 XXXX 县 XXXXXX (详细地址)", "{{ institution.address }}"))),
        row(*text.cells("{{ institution.contact }}", "{{ institution.phone }}")),
        row(text.swapped("申报类型", ("□新", "{{ box.new }}新"), ("□更", "{{ box.change }}更"))),
    ]


def _system(text: Official) -> list[Row]:
    return [
        row(text.take("2. "), style="Group"),
        row(text.take("信息系统名称", "{{ system.name }}")),
        row(text.take("信息系统承建厂商名称", "{{ system.vendor }}")),
        row(
            text.swapped("信息系统部署模式", ("□单", "{{ box.standalone }}单"), ("□云", "{{ box.cloud }}云"))
        ),
        row(*text.cells("{{ system.contact }}", "{{ system.phone }}")),
        row(text.take("测试环境", "{{ system.test }}")),
        row(text.take("生产环境", "{{ system.production }}")),
    ]


def _deployment_note(out: Writer) -> None:
    out.control("if deployment_note")
    out.paragraph("注：{{ deployment_note }}", "Note")
    out.control("endif")


def _application(out: Writer, text: Official) -> None:
    heading(out, text, 2)
    out.paragraph("", "GapLow")
    out.control("if warning")
    out.paragraph("{{ warning }}", "Warning")
    out.control("endif")
    rows = [row(text.take(), style="TableTitle"), *_institution(text, seal=True), *_system(text)]
    rows += [row(text.take("信息系统接入具备条件"), style="Group")]
    for number in range(1, 5):
        mark = Cell(f"{{{{ box.condition{number} }}}}{{{{ condition{number} }}}}", "Mark")
        rows.append(Row((Cell(text.take(f"{number}. "), span=2), mark), whole=True, height_mm=8))
    rows += [
        _opinion(text.take("信息系统承建厂商承诺"), text.take("(签章)")),
        row(text.take("3. "), style="Group"),
        row(*text.cells("{{ bureau.contact }}", "{{ bureau.phone }}")),
        _opinion(text.take("市、县"), text.take("(盖章)")),
        row(text.take("4. "), style="Group"),
        row(text.take("网络安全检查意见"), height_mm=15),
        row(text.take("信息系统自检意见"), height_mm=15),
        _opinion(text.take("医保部门接入意见"), text.take("(盖章)")),
        row(text.take("5. "), style="Group"),
        row(text.take("医保信息系统对接厂商名称", "{{ docking.name }}"), style="CellKept"),
        row(*text.cells("{{ docking.contact }}", "{{ docking.phone }}"), style="CellKept"),
        row(text.take("医保测试环境", "{{ docking.test }}"), style="CellKept"),
        row(text.take("医保生产环境", "{{ docking.production }}"), style="CellKept"),
    ]
    out.table(_COLUMNS, rows)
    _deployment_note(out)


def _opinion(words: str, *places: str) -> Row:
    """Return a row with room for an opinion by hand, and the place of a seal below it at the right."""
    lines = (words, "", "", *places)
    styles = ("Cell", "Cell", "Cell", *("Seal" for _ in places))
    return Row((Cell("\n".join(lines), styles, span=3),), whole=True, height_mm=_SEAL_MM)


def _feedback(out: Writer, text: Official) -> None:
    heading(out, text, 2, style="TitleLong")
    out.paragraph("", "GapLow")
    rows = [row(text.take(), style="TableTitle"), *_institution(text, seal=False), *_system(text)]
    rows += [
        row(text.take("3. "), style="Group"),
        row(text.swapped("测试结果", ("□同", "{{ box.agreed }}同"), ("□不", "{{ box.refused }}不"))),
        row(text.take("反馈意见", "{{ feedback.opinion }}"), style="CellKept", height_mm=26),
    ]
    words = (
        text.take("自治区医疗保障局"),
        text.take("(盖章)"),
        text.swapped("XXXX", (_DATE, "{{ feedback.date }}")),
    )
    rows.append(
        Row(
            (Cell("\n".join(("", *words)), ("CellKept", "Seal", "Seal", "Seal"), span=3),),
            whole=True,
            height_mm=_SEAL_BELOW_BLANK_MM,
        )
    )
    out.table(_COLUMNS, rows)
    _deployment_note(out)


def _confidentiality(out: Writer, text: Official) -> None:
    heading(out, text, 1)
    out.paragraph("", "Gap")
    for begin, party in (("甲方", "first"), ("乙方", "second")):
        out.paragraph(text.take(begin, f"{{{{ {party}.name }}}}"), "PartyName")
        out.paragraph(text.take("地址", f"{{{{ {party}.address }}}}"), "PartyName")
    while not text.following.startswith("甲方签字"):
        line = text.take()
        if text.following.startswith("甲方签字"):
            out.paragraph(line, "BodyLast")  # both sign under words, on one page
        else:
            out.paragraph(line, "Article" if line.startswith("第") and " " in line[:5] else "Body")
    for begin, date in (("甲方签字", "SignDateKept"), ("乙方签字", "SignDate")):
        out.paragraph("", "GapKept")
        out.paragraph(text.take(begin), "SignLine")
        out.paragraph(text.take("年"), date)


FORMS: Final[Mapping[str, tuple[str, Callable[[Writer, Official], None]]]] = {
    "commitment": ("附件一 数据安全承诺书", _commitment),
    "application": ("附件二 申报表", _application),
    "feedback": ("附件四 联调测试结果反馈表", _feedback),
    "confidentiality": ("附件五 第三方人员安全保密协议", _confidentiality),
}


def build(name: str) -> bytes:
    """Return the template of one form."""
    title, lay_out = FORMS[name]
    return build_form(FOLDER / f"{name}.txt", lay_out, title=title, edition=EDITION, made_at=_MADE)


if __name__ == "__main__":
    for one in FORMS:
        (FOLDER / f"{one}.docx").write_bytes(build(one))
