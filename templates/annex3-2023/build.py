"""Builds `report.docx`, the Word template of 附件三 (宁医保办发〔2023〕72号), from code.

Run `python templates/annex3-2023/build.py` after a change; a test compares the committed file with this.
An office may restyle the file in Word and name its own with `--template`; `docs/adr/` has the reasons.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dengbao.report.layouts import BAOGAO, BAOGAO_PAGE
from dengbao.report.package import Package, Properties
from dengbao.report.wordkit import new_document, to_bytes
from dengbao.report.wordparts import (
    Cell,
    Row,
    Writer,
    field_runs,
    watermark,
    write_header_footer,
    write_zones,
)

SHADE: Final = "E7E6E6"
_MADE: Final = datetime(2023, 8, 25, tzinfo=UTC)  # the regulation's day; a template has no other

DECLARATION: Final = Path(__file__).with_name("declaration.txt")
# Head, width in mm, template text, style.
Column = tuple[str, float, str, str | tuple[str, ...]]


def build() -> bytes:
    """Return the template."""
    document = new_document(BAOGAO, BAOGAO_PAGE)
    out = Writer(document)
    for part in (_cover, _basics, _approval, _declaration, _contents, _draft):
        part(out)
    out.end_section("_ZoneFront")
    for part in (_summary, _mandatory, _results, _failures, _signatures):
        part(out)
    out.end_section("_ZoneBody")
    for part in (_evidence, _facts, _figures, _anomalies):
        part(out)
    out.end_section("_ZoneAppendix", last=True)
    write_header_footer(document, first=_header("", 1), header=_header(_HEAD, 2), footer=_FRONT)
    write_zones(
        document,
        ("upperRoman", _FRONT),
        ("decimal", _foot("", "_ZoneBody")),
        ("decimal", _foot("附录", "_ZoneAppendix")),
    )
    package = Package.open(to_bytes(document))
    package.set_properties(
        Properties(title="测试报告模板（附件三）", subject="annex3-2023", author="dengbao", made_at=_MADE)
    )
    return package.write()


_HEAD: Final = (
    '<w:r><w:t xml:space="preserve">定点医药机构接入医疗保障信息平台测试报告</w:t></w:r>'
    '<w:r><w:tab/></w:r><w:r><w:t xml:space="preserve">报告编号：{{ report.number }}</w:t></w:r>'
)
_FRONT: Final = f'<w:p {{ns}}><w:pPr><w:pStyle w:val="Footer"/></w:pPr>{field_runs("PAGE", "I")}</w:p>'


def _foot(zone: str, end: str) -> str:
    """Return a footer paragraph; `end` is the bookmark at the end of the zone."""
    return (
        '<w:p {ns}><w:pPr><w:pStyle w:val="Footer"/></w:pPr>'
        f'<w:r><w:t xml:space="preserve">{zone}第 </w:t></w:r>{field_runs("PAGE", "1")}'
        f'<w:r><w:t xml:space="preserve"> 页　共 </w:t></w:r>{field_runs(f"PAGEREF {end}", "1")}'
        '<w:r><w:t xml:space="preserve"> 页</w:t></w:r></w:p>'
    )


def _header(runs: str, number: int) -> str:
    """Return a header paragraph; a draft has a watermark behind every page."""
    line = '<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="1" w:color="000000"/></w:pBdr>' if runs else ""
    tabs = f'<w:tabs><w:tab w:val="right" w:pos="{round(BAOGAO_PAGE.text_width_pt * 20)}"/></w:tabs>'
    return (
        f'<w:p {{ns}}><w:pPr><w:pStyle w:val="Header"/>{line}{tabs}</w:pPr>{runs}'
        f"<w:r><w:t>{{%r if draft %}}</w:t></w:r>{watermark('草稿', number)}"
        "<w:r><w:t>{%r endif %}</w:t></w:r></w:p>"
    )


def _heads(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(one, "Head", shade=SHADE) for one in texts)


def _listing(out: Writer, loop: str, *columns: Column) -> None:
    """Append a table with one row for each `one in loop`; no row is torn over two pages."""
    out.table(
        [width for _, width, _, _ in columns],
        (
            Row(_heads(*(head for head, _, _, _ in columns)), header=True, whole=True),
            Row(control=f"for one in {loop}"),
            Row(tuple(Cell(text, style) for _, _, text, style in columns), whole=True),
            Row(control="endfor"),
        ),
    )


def _cover(out: Writer) -> None:
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


def _draft(out: Writer) -> None:
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


def _basics(out: Writer) -> None:
    out.paragraph("基本信息", "Heading1", new_page=True)
    out.table(
        (46, 110),
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
    _listing(
        out,
        "assets",
        ("编号", 30, "{{ one.id }}", "Cell"),
        ("名称", 46, "{{ one.name }}", "Cell"),
        ("类别", 32, "{{ one.kind }}", "Cell"),
        ("平台", 28, "{{ one.platform }}", "Cell"),
        ("重要程度", 20, "{{ one.importance }}", "CellCenter"),
    )


def _approval(out: Writer) -> None:
    """Append who wrote, examined and approved the report: names and dates are for hands."""
    out.paragraph("编制、审核、批准", "Label")
    rows = [
        Row(
            (Cell(one, "Approval", shade=SHADE), Cell(""), Cell("　　　　年　　月　　日", "Approval")),
            whole=True,
        )
        for one in ("编　制", "审　核", "批　准")
    ]
    out.table((30, 76, 50), [Row(_heads("", "签　名", "日　期"), whole=True), *rows])


def _declaration(out: Writer) -> None:
    out.paragraph("声明", "Heading1", new_page=True)
    for one in DECLARATION.read_text(encoding="utf-8").splitlines():
        out.paragraph(one, "Body")


def _contents(out: Writer) -> None:
    out.paragraph("目　录", "TocTitle", new_page=True)
    field = field_runs(r'TOC \o "1-2" \h \z \u', "生成报告时填写")
    out.raw(f'<w:p {{ns}}><w:pPr><w:pStyle w:val="TOC1"/></w:pPr>{field}</w:p>')
    out.paragraph("生成报告时填写", "TocNote")


def _summary(out: Writer) -> None:
    out.paragraph("一、符合性统计", "Heading1")
    out.control("for sentence in summary.sentences")
    out.paragraph("{{ sentence }}", "Body")
    out.control("endfor")
    for title, name in (("按检查项统计（单位：项）", "checks"), ("按条款统计（单位：条）", "clauses")):
        out.paragraph(title, "Label")
        _listing(
            out,
            f"summary.{name}",
            ("章", 36, "{{ one.name }}", "Count"),
            ("合计", 12, "{{ one.total }}", "CountCenter"),
            ("符合", 12, "{{ one.conform }}", "CountCenter"),
            ("部分符合", 18, "{{ one.partial }}", "CountCenter"),
            ("不符合", 16, "{{ one.nonconform }}", "CountCenter"),
            ("不适用", 16, "{{ one.not_applicable }}", "CountCenter"),
            ("无法判定", 18, "{{ one.undetermined }}", "CountCenter"),
            ("待补证", 16, "{{ one.awaiting_evidence }}", "CountCenter"),
            ("未测", 12, "{{ one.not_run }}", "CountCenter"),
        )
    out.paragraph("注：无法判定、待补证、未测的尚无判定，不计入判定各栏。本报告不评分。", "Note")
    _bars(out)


def _bars(out: Writer) -> None:
    """Append the picture of each chapter's items, with a number that the text refers to."""
    number = field_runs("REF _StatisticsFigure \\h", "1")
    words = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'
    out.raw(
        f'<w:p {{ns}}><w:pPr><w:pStyle w:val="Label"/></w:pPr>{words.format("各章检查项的判定见统计图 ")}'
        f"{number}{words.format('。')}</w:p>"
    )
    legend = "{% for one in summary.legend %}{{ one.bar | picture }} {{ one.name }}　{% endfor %}"
    out.table(
        (40, 76, 40),
        (
            Row(_heads("章", "判定", "符合／合计"), header=True, whole=True),
            Row(control="for one in summary.bars"),
            Row(
                (
                    Cell("{{ one.name }}", "Count"),
                    Cell("{{ one.bar | picture }}", "Mark"),
                    Cell("{{ one.conform }}／{{ one.total }}", "CountCenter"),
                ),
                whole=True,
            ),
            Row(control="endfor"),
            Row((Cell(legend, "Legend", span=3),), whole=True),
        ),
    )
    figure = field_runs("SEQ 统计图 \\* ARABIC", "1")
    out.raw(
        f'<w:p {{ns}}><w:pPr><w:pStyle w:val="Caption"/></w:pPr>{words.format("统计图 ")}'
        f'<w:bookmarkStart w:id="90" w:name="_StatisticsFigure"/>{figure}<w:bookmarkEnd w:id="90"/>'
        f"{words.format('　各章检查项判定情况')}</w:p>"
    )


# 检查项, 测评对象, 结果记录, 判定, 证据: four characters fit into the first and the fourth.
_RECORD_WIDTHS: Final = (16, 22, 82, 20, 16)
_VERDICT: Final = """\
{{ case.verdict }}
{%p if case.remark %}
{{ case.remark }}
{%p endif %}"""


def _record_rows(loop: str) -> tuple[Row, ...]:
    cells = (
        # Not merged over rows: on the next page a merged cell is blank, and nobody knows the item.
        Cell("{{ case.mark }}", "Small"),
        Cell("{{ case.asset }}"),
        Cell("{{ case.statement }}"),
        Cell(_VERDICT, ("CellCenter", "SmallCenter", "SmallCenter", "SmallCenter")),
        Cell("{{ case.evidence }}", "Small"),
    )
    return (
        Row(_heads("检查项", "测评对象", "结果记录", "判定", "证据"), header=True, whole=True),
        Row(control=f"for check in {loop}"),
        Row(control="for case in check.cases"),
        Row(cells, whole=True),
        Row(control="endfor"),
        Row(control="endfor"),
    )


def _mandatory(out: Writer) -> None:
    out.paragraph("二、必须测试项", "Heading1", new_page=True)
    out.paragraph("附件三“1、必须测试项”共 {{ mandatory | length }} 项。", "Body")
    out.control("for check in mandatory")
    out.paragraph("{{ check.ordinal }}. {{ check.text }}^{{ check.note }}^", "Item")
    out.control("endfor")
    out.paragraph("结果记录", "Label")
    out.table(_RECORD_WIDTHS, _record_rows("mandatory"))


def _results(out: Writer) -> None:
    out.paragraph("三、安全测试项结果记录", "Heading1", new_page=True)
    out.paragraph("附件三“2、测试报告模板”，章、条款、检查项的次序和文字照录原文。", "Body")
    out.control("for chapter in chapters")
    out.paragraph("{{ chapter.number }}. {{ chapter.title }}", "Heading2")
    out.control("for clause in chapter.clauses")
    out.paragraph("{{ clause.letter }}) {{ clause.text }}^{{ clause.note }}^", "Clause")
    out.control("for check in clause.checks")
    out.paragraph("{{ check.ordinal }} {{ check.text }}^{{ check.note }}^", "Item")
    out.control("endfor")
    out.paragraph("结果记录　　本条判定：{{ clause.label }}", "Label")
    out.table(_RECORD_WIDTHS, _record_rows("clause.checks"))
    out.control("endfor", "endfor")


_FAILURE: Final = """\
{{ one.problem }}
{%p if one.proofs %}
复验依据
{%p for proof in one.proofs %}
{{ proof }}
{%p endfor %}
{%p endif %}
整改建议
{{ one.advice }}
{%p if one.high %}
{{ one.risk }}
{%p endif %}"""
_FAILURE_STYLES: Final = (
    "Cell", "Small", "SmallHead", "Small", "Small", "Small", "Small",
    "SmallHead", "Small", "Small", "Small", "Small",
)  # fmt: skip


def _failures(out: Writer) -> None:
    out.paragraph("四、不符合项与整改建议", "Heading1", new_page=True)
    out.control("if failures")
    out.paragraph(
        "标“▲”的条款对应《网络安全等级保护测评高风险判定实施指引（试行）》的判例；"
        "是否构成高风险，由测试各方结合缓解措施确认。",
        "Body",
    )
    _listing(
        out,
        "failures",
        ("序号", 12, "{{ one.no }}", "CellCenter"),
        ("检查项", 16, "{{ one.item }}{% if one.high %} ▲{% endif %}", "CellCenter"),
        ("测评对象", 22.5, "{{ one.asset }}", "Cell"),
        ("问题与整改建议", 85.5, _FAILURE, _FAILURE_STYLES),
        ("判定", 20, "{{ one.label }}", "CellCenter"),
    )
    out.control("else")
    out.paragraph("本轮测试没有不符合或部分符合的结果。", "Body")
    out.control("endif")


_EVIDENCE_TEXT: Final = """\
{{ one.statement }}
{%p for file in one.files %}
{{ file.name }}（{{ file.size }}）
SHA-256 {{ file.sha256 }}
{%p if file.sm3 %}
SM3 {{ file.sm3 }}
{%p endif %}
{%p endfor %}
{%p if one.override %}
改判理由：{{ one.override }}
{%p endif %}"""


def _evidence(out: Writer) -> None:
    out.paragraph("附录A 证据清单", "Heading1")
    out.paragraph("（一）人工证据", "Label")
    out.control("if evidence")
    signed = "取证：{{ one.collected }}\n入库：{{ one.filed }}\n复核：{{ one.reviewed }}"
    _listing(
        out,
        "evidence",
        ("编号", 16, "{{ one.id }}", "Small"),
        ("类型", 20, "{{ one.kind }}、{{ one.method }}\n{{ one.label }}\n{{ one.remarks }}", "Small"),
        ("检查项", 22, "{{ one.places }}\n{{ one.asset }}", ("Ids", "Small")),
        ("取证与复核", 42, signed, "Small"),
        ("说明、文件与摘要", 56, _EVIDENCE_TEXT, "Small"),
    )
    out.control("else")
    out.paragraph("本轮测试没有人工证据。", "Body")
    out.control("endif")


def _facts(out: Writer) -> None:
    out.paragraph("（二）自动采集的事实文件", "Label")
    out.control("if facts")
    _listing(
        out,
        "facts",
        ("编号", 14, "{{ one.id }}", "Small"),
        ("测评对象", 20, "{{ one.asset }}", "Small"),
        ("事实类别", 27, "{{ one.fact }}", "Ids"),
        ("采集方式与权限", 34, "{{ one.origin }}", "Small"),
        ("检查项", 27, "{{ one.places }}", "Ids"),
        ("SHA-256", 34, "{{ one.sha256 }}", "Tiny"),
    )
    out.control("else")
    out.paragraph("本轮测试没有自动采集的事实文件。", "Body")
    out.control("endif")


def _figures(out: Writer) -> None:
    out.control("if figures")
    out.paragraph("（三）证据图片", "Label")
    out.control("for one in figures")
    out.paragraph("{{ one.picture | picture }}", "Picture")
    out.paragraph("{{ one.caption }}", "Caption")
    out.control("endfor", "endif")


def _anomalies(out: Writer) -> None:
    out.paragraph("附录B 规定原文注释", "Heading1", new_page=True)
    out.paragraph("附件三原文照录，未作改动。原文与国家标准或上下文不一致之处注明如下，供各方判读。", "Body")
    out.control("if anomalies.notes")
    _listing(
        out,
        "anomalies.notes",
        ("编号", 14, "{{ one.no }}", "SmallCenter"),
        ("位置", 18, "{{ one.place }}", "SmallCenter"),
        ("原文", 62, "{{ one.text }}", "Small"),
        ("说明", 62, "{{ one.note }}", "Small"),
    )
    out.control("endif", "if anomalies.general")
    out.paragraph("总体说明", "Label")
    out.control("for one in anomalies.general")
    out.paragraph("（{{ one.no }}）{{ one.note }}", "General")
    out.control("endfor", "endif")


def _signatures(out: Writer) -> None:
    out.paragraph("五、签章页", "Heading1", new_page=True)
    out.paragraph(
        "{{ report.institution }}“{{ report.system }}”接入医疗保障信息平台联调测试已完成，"
        "四方对本报告所载测试结果确认如下。",
        "Statement",
    )
    out.control("if draft")
    out.paragraph("本件为草稿，不得加盖公章。", "Note")
    out.control("endif")
    out.table((78, 78), (_boxes(0), _boxes(2)))
    told = "\n".join(_MARK)
    out.paragraph("", "Gap")
    out.table(
        (38, 118),
        [Row((Cell("{{ mark.picture | picture }}", "Mark"), Cell(told, "Small")), whole=True)],
        borders=False,
    )


_MARK: Final = (
    "报告编号：{{ report.number }}",
    "测试项版本：{{ report.edition }}　工具版本：{{ report.tool }}",
    "内容摘要：{{ report.content_prefix }}　事实摘要：{{ report.facts_prefix }}",
    "二维码载有报告编号、内容摘要、各判定项数和封存签名，扫描后可与电子件核对；摘要为 SHA-256 前 16 位。",
    "本报告共多页，请同时在各页侧边加盖骑缝章。",
)


def _boxes(first: int) -> Row:
    """Return two stamp boxes: the party's name typed, room for a seal of 50 mm, hand-filled lines below."""
    cells = tuple(
        Cell(
            f"{{{{ parties[{index}].role }}}}（盖章）\n{{{{ parties[{index}].name }}}}\n"
            "经办人：\n日　期：　　　　年　　月　　日",
            ("Party", "PartyName", "SignFirst", "Sign"),
        )
        for index in (first, first + 1)
    )
    return Row(cells, whole=True, height_mm=71)


if __name__ == "__main__":
    Path(__file__).with_name("report.docx").write_bytes(build())
