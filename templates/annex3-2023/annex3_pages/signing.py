"""签章页: the four parties' boxes, the code, the reminder of 骑缝章."""

from __future__ import annotations

from typing import Final

from dengbao.report.wordparts import Cell, Row, Writer


def signatures(out: Writer) -> None:
    """Append 签章页: four boxes on one page, and the code that ties paper to file."""
    out.paragraph("{% if history.rounds %}六{% else %}五{% endif %}、签章页", "Heading1", new_page=True)
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
