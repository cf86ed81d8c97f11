"""What stands before the results: cover, 基本信息, 编制审核批准, 声明, contents, what a draft lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dengbao.report.wordparts import Cell, Row, Writer, field_runs

from .kit import SHADE, heads, listing

DECLARATION: Final = Path(__file__).parents[1] / "declaration.txt"


def cover(out: Writer) -> None:
    """Append the cover: number, title, who and when."""
    out.paragraph("报告编号：{{ report.number }}", "CoverNumber")
    out.control("if draft")
    out.paragraph("草　稿", "CoverDraft")
    out.control("else")
    out.paragraph("", "CoverSpace")
    out.paragraph("", "CoverSpace")
    out.control("endif")
    out.paragraph("", "CoverSpace")
    out.paragraph("定点医药机构接入医疗保障信息平台", "CoverTitle")
    out.paragraph("测 试 报 告", "CoverTitle")
    out.paragraph("", "CoverSpace")
    rows = (
        ("定点医药机构", "{{ report.institution }}"),
        ("信息系统名称", "{{ report.system }}"),
        ("系统承建厂商", "{{ report.vendor }}"),
        ("系统接入方", "{{ report.access_party }}"),
        ("测试时间", "{{ report.period }}"),
    )
    out.table(
        (44, 106),
        [Row((Cell(f"{name}：", "CoverName"), Cell(value, "CoverValue"))) for name, value in rows],
        borders=False,
    )
    out.paragraph("{{ report.made_on }}", "CoverDate")


_GAPS: Final = """\
{%p for entry in one.entries %}
{{ entry.assets }}{{ entry.state }}：{{ entry.need }}
{%p endfor %}"""


def draft(out: Writer) -> None:
    """Append, for a draft only, what is still missing."""
    out.control("if draft")
    out.paragraph("草稿说明", "Heading1", new_page=True)
    out.paragraph("本件为草稿，不得加盖公章，不得报送。下列 {{ gap_count }} 处补齐后，重新生成报告。", "Body")
    out.table(
        (17, 139),
        (
            Row((Cell("位置", "TinyHead", shade=SHADE), Cell("尚缺", "TinyHead", shade=SHADE)), header=True),
            Row(control="for one in gaps"),
            Row((Cell("{{ one.place }}", "Tiny"), Cell(_GAPS, "Tiny")), whole=True),
            Row(control="endfor"),
        ),
    )
    out.control("endif")


def basics(out: Writer) -> None:
    """Append 基本信息: institution, system, parties, test, tool, and the assets."""
    out.paragraph("基本信息", "Heading1", new_page=True)
    out.table(
        (50, 106),
        (
            Row(control="for group in basics"),
            Row((Cell("{{ group.title }}", "Group", span=2, shade=SHADE),), whole=True),
            Row(control="for one in group.rows"),
            Row((Cell("{{ one.name }}"), Cell("{{ one.value }}")), whole=True),
            Row(control="endfor"),
            Row(control="endfor"),
        ),
    )
    out.paragraph("测评对象", "Label")
    listing(
        out,
        "assets",
        ("编号", 30, "{{ one.id }}", "Cell"),
        ("名称", 46, "{{ one.name }}", "Cell"),
        ("类别", 32, "{{ one.kind }}", "Cell"),
        ("平台", 28, "{{ one.platform }}", "Cell"),
        ("重要程度", 20, "{{ one.importance }}", "CellCenter"),
    )


def approval(out: Writer) -> None:
    """Append who wrote, examined and approved the report: names and dates are for hands."""
    out.paragraph("编制、审核、批准", "Label")
    rows = [
        Row(
            (Cell(one, "Approval", shade=SHADE), Cell(""), Cell("　　　　年　　月　　日", "Approval")),
            whole=True,
        )
        for one in ("编　制", "审　核", "批　准")
    ]
    out.table((30, 76, 50), [Row(heads("", "签　名", "日　期"), whole=True), *rows])


def declaration(out: Writer) -> None:
    """Append 声明 as it stands in `declaration.txt`."""
    out.paragraph("声明", "Heading1", new_page=True)
    for one in DECLARATION.read_text(encoding="utf-8").splitlines():
        out.paragraph(one, "Body")


def contents(out: Writer) -> None:
    """Append the contents: a field that is filled when a report is made."""
    out.paragraph("目　录", "TocTitle", new_page=True)
    field = field_runs(r'TOC \o "1-2" \h \z \u', "生成报告时填写")
    out.raw(f'<w:p {{ns}}><w:pPr><w:pStyle w:val="TOC1"/></w:pPr>{field}</w:p>')
    out.paragraph("生成报告时填写", "TocNote")
