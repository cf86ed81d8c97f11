"""整改情况, only where there was an earlier round: all that moved, before and after, with its facts."""

from __future__ import annotations

from typing import Final

from dengbao.report.wordparts import Writer

from .kit import listing

_FACTS: Final = """\
{%p for fact in one.facts %}
{{ fact | cite }}
{%p endfor %}"""


def history(out: Writer) -> None:
    """Append the rounds, what is to be said of them, and a row for each item and asset that moved."""
    out.control("if history.rounds")
    out.paragraph("五、整改情况", "Heading1", new_page=True)
    out.control("for sentence in history.sentences")
    out.paragraph("{{ sentence }}", "Body")
    out.control("endfor")
    out.paragraph("各轮检查项的判定（单位：项）", "Label")
    listing(
        out,
        "history.rounds",
        ("轮次", 26, "{{ one.name }}", "Small"),
        ("起止时间", 34, "{{ one.period }}", "Small"),
        ("操作人", 16, "{{ one.operator }}", "SmallCenter"),
        ("符合", 12, "{{ one.conform }}", "SmallCenter"),
        ("部分符合", 18, "{{ one.partial }}", "SmallCenter"),
        ("不符合", 16, "{{ one.nonconform }}", "SmallCenter"),
        ("不适用", 16, "{{ one.not_applicable }}", "SmallCenter"),
        ("尚无判定", 18, "{{ one.open }}", "SmallCenter"),
    )
    out.paragraph("整改前后逐项对照", "Label")
    out.control("if history.rows")
    listing(
        out,
        "history.rows",
        ("序号", 12, "{{ one.no }}", "SmallCenter"),
        ("检查项", 18, "{{ one.item }}", "Ids"),
        ("测评对象", 22, "{{ one.asset }}", "Small"),
        ("各轮判定", 31, "{{ one.standings }}\n{{ one.direction }}", ("Small", "SmallHead")),
        ("事实的变化", 73, _FACTS, "Small"),
    )
    out.control("else")
    out.paragraph("各轮的判定相同，没有变化。", "Body")
    out.control("endif", "if history.more")
    out.paragraph("{{ history.more }}", "Note")
    out.control("endif", "endif")
