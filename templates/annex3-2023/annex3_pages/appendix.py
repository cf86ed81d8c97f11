"""附录: evidence, stored facts, pictures, notes on the official text."""

from __future__ import annotations

from typing import Final

from dengbao.report.wordparts import Writer

from .kit import Column, listing

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


def evidence(out: Writer) -> None:
    """Append 证据清单."""
    out.paragraph("附录A 证据清单", "Heading1")
    out.paragraph("（一）人工证据", "Label")
    signed = "取证：{{ one.collected }}\n入库：{{ one.filed }}\n复核：{{ one.reviewed }}"
    _listing_or(
        out,
        "本轮测试没有人工证据。",
        "evidence",
        ("编号", 16, "{{ one.cited | cite }}", "Ids"),
        ("类型", 20, "{{ one.kind }}、{{ one.method }}\n{{ one.label }}\n{{ one.remarks }}", "Small"),
        ("检查项", 22, "{{ one.places }}\n{{ one.asset }}", ("Ids", "Small")),
        ("取证与复核", 42, signed, "Small"),
        ("说明、文件与摘要", 56, _EVIDENCE_TEXT, "Small"),
    )


def facts(out: Writer) -> None:
    """Append the list of stored facts."""
    out.paragraph("（二）自动采集的事实文件", "Label")
    _listing_or(
        out,
        "本轮测试没有自动采集的事实文件。",
        "facts",
        ("编号", 14, "{{ one.id }}", "Small"),
        ("测评对象", 20, "{{ one.asset }}", "Small"),
        ("事实类别", 27, "{{ one.fact }}", "Ids"),
        ("采集方式与权限", 34, "{{ one.origin }}", "Small"),
        ("检查项", 27, "{{ one.places }}", "Ids"),
        ("SHA-256", 34, "{{ one.sha256 }}", "Tiny"),
    )


def _listing_or(out: Writer, otherwise: str, name: str, *columns: Column) -> None:
    """Append a table of all in the list `name`, or a sentence where it is empty."""
    out.control(f"if {name}")
    listing(out, name, *columns)
    out.control("else")
    out.paragraph(otherwise, "Body")
    out.control("endif")


def figures(out: Writer) -> None:
    """Append every picture of the evidence with its caption."""
    out.control("if figures")
    out.paragraph("（三）证据图片", "Label")
    out.control("for one in figures")
    out.paragraph("{{ one.picture | picture }}", "Picture")
    out.paragraph("图 {{ one.number | numbered }}　{{ one.title }}", "Caption")
    out.control("endfor", "endif")


def anomalies(out: Writer) -> None:
    """Append the notes on slips of the official text."""
    out.paragraph("附录B 规定原文注释", "Heading1", new_page=True)
    out.paragraph("附件三原文照录，未作改动。原文与国家标准或上下文不一致之处注明如下，供各方判读。", "Body")
    out.control("if anomalies.notes")
    listing(
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
