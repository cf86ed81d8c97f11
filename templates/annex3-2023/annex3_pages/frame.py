"""What stands around the text: headers, watermark of a draft, footers of the three page-number zones."""

from __future__ import annotations

from typing import Final

from dengbao.report.layouts import BAOGAO_PAGE
from dengbao.report.wordparts import field_runs, watermark

HEAD: Final = (
    '<w:r><w:t xml:space="preserve">定点医药机构接入医疗保障信息平台测试报告</w:t></w:r>'
    '<w:r><w:tab/></w:r><w:r><w:t xml:space="preserve">报告编号：{{ report.number }}</w:t></w:r>'
)


FRONT: Final = f'<w:p {{ns}}><w:pPr><w:pStyle w:val="Footer"/></w:pPr>{field_runs("PAGE", "I")}</w:p>'


def foot(zone: str, end: str) -> str:
    """Return a footer paragraph; `end` is the bookmark at the end of the zone."""
    return (
        '<w:p {ns}><w:pPr><w:pStyle w:val="Footer"/></w:pPr>'
        f'<w:r><w:t xml:space="preserve">{zone}第 </w:t></w:r>{field_runs("PAGE", "1")}'
        f'<w:r><w:t xml:space="preserve"> 页　共 </w:t></w:r>{field_runs(f"PAGEREF {end}", "1")}'
        '<w:r><w:t xml:space="preserve"> 页</w:t></w:r></w:p>'
    )


def header(runs: str, number: int) -> str:
    """Return a header paragraph; a draft has a watermark behind every page."""
    line = '<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="1" w:color="000000"/></w:pBdr>' if runs else ""
    tabs = f'<w:tabs><w:tab w:val="right" w:pos="{round(BAOGAO_PAGE.text_width_pt * 20)}"/></w:tabs>'
    return (
        f'<w:p {{ns}}><w:pPr><w:pStyle w:val="Header"/>{line}{tabs}</w:pPr>{runs}'
        f"<w:r><w:t>{{%r if draft %}}</w:t></w:r>{watermark('草稿', number)}"
        "<w:r><w:t>{%r endif %}</w:t></w:r></w:p>"
    )
