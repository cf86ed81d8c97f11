"""The results: 符合性统计, 必须测试项, chapters with their 结果记录, 不符合项."""

from __future__ import annotations

from typing import Final

from dengbao.report.wordparts import Cell, Row, Writer, field_runs

from .kit import heads, listing


def summary(out: Writer) -> None:
    """Append 符合性统计: sentences, tables by item and by clause, and the picture."""
    out.paragraph("一、符合性统计", "Heading1")
    out.control("for sentence in summary.sentences")
    out.paragraph("{{ sentence }}", "Body")
    out.control("endfor")
    for title, name in (("按检查项统计（单位：项）", "checks"), ("按条款统计（单位：条）", "clauses")):
        out.paragraph(title, "Label")
        listing(
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
    # The tables before it fill a page; begun on what is left of it, the picture would be torn.
    out.raw(
        f'<w:p {{ns}}><w:pPr><w:pStyle w:val="Label"/><w:pageBreakBefore/></w:pPr>'
        f"{words.format('各章检查项的判定见统计图 ')}"
        f"{number}{words.format('。')}</w:p>"
    )
    legend = "{% for one in summary.legend %}{{ one.bar | picture }} {{ one.name }}　{% endfor %}"
    out.table(
        (40, 76, 40),
        (
            Row(heads("章", "判定", "符合／合计"), header=True, whole=True),
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
        Cell("{{ case.evidence | cite }}", "Ids"),
    )
    return (
        Row(heads("检查项", "测评对象", "结果记录", "判定", "证据"), header=True, whole=True),
        Row(control=f"for check in {loop}"),
        Row(control="for case in check.cases"),
        Row(cells, whole=True),
        Row(control="endfor"),
        Row(control="endfor"),
    )


def mandatory(out: Writer) -> None:
    """Append 必须测试项: the items verbatim, then their 结果记录."""
    out.paragraph("二、必须测试项", "Heading1", new_page=True)
    out.paragraph("附件三“1、必须测试项”共 {{ mandatory | length }} 项。", "Body")
    out.control("for check in mandatory")
    out.paragraph("{{ check.ordinal }}. {{ check.text }}^{{ check.note }}^", "Item")
    out.control("endfor")
    out.paragraph("结果记录", "Label")
    out.table(_RECORD_WIDTHS, _record_rows("mandatory"))


def results(out: Writer) -> None:
    """Append every chapter: clauses and items verbatim, each clause with its 结果记录."""
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
{{ proof | cite }}
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


def failures(out: Writer) -> None:
    """Append what is 不符合 or 部分符合, how it was seen, and what to do."""
    out.paragraph("四、不符合项与整改建议", "Heading1", new_page=True)
    out.control("if failures")
    out.paragraph(
        "标“▲”的条款对应《网络安全等级保护测评高风险判定实施指引（试行）》的判例；"
        "是否构成高风险，由测试各方结合缓解措施确认。",
        "Body",
    )
    listing(
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
