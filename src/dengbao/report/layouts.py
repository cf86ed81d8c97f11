"""Layout profiles: which styles and which paper a kind of document has.

`BAOGAO` is for reports: A4, running text in 仿宋 小四, tables 五号, all lines of exact height so that pages
break alike whichever face stands in for the official one. Pictures alone are single-spaced: an exact
line would show a strip of them. `GONGWEN` is for forms and letters, after GB/T 9704-2012: 三号 仿宋, title
二号 小标宋, page numbers outside; tables are 小四, which the standard leaves open.
"""

from __future__ import annotations

from typing import Final

from .wordkit import HEITI, KAITI, SONGTI, TITLE, Page, Style

BAOGAO_PAGE: Final = Page(top_mm=30, bottom_mm=31)  # the page number ends 29 mm above the edge
# The language of Latin letters where many of them stand in narrow cells: LibreOffice tears no word then.
_UNTORN: Final = "en-US"

BAOGAO: Final = (
    Style("Normal", "Normal"),
    Style("Body", "正文段落", align="both", indent_chars=2),
    Style("Heading1", "heading 1", HEITI, 16, 30, before_pt=12, after_pt=8, outline=0, keep_next=True),
    Style("Heading2", "heading 2", HEITI, 14, 26, before_pt=10, after_pt=6, outline=1, keep_next=True),
    Style("Clause", "条款", HEITI, 12, 21, before_pt=8, after_pt=3, keep_next=True),
    Style("Item", "检查项", line_pt=20, left_pt=24, keep_next=True),
    Style("Label", "结果记录", HEITI, 10.5, 18, before_pt=4, after_pt=2, keep_next=True),
    Style("CoverNumber", "封面编号", size_pt=14, line_pt=26, align="right"),
    Style("CoverDraft", "封面草稿", HEITI, 36, 52, align="center", before_pt=40, color="C00000"),
    Style("CoverTitle", "封面标题", TITLE, 26, 42, align="center"),
    Style("CoverSpace", "封面空行", size_pt=14, line_pt=48),
    Style("CoverName", "封面项目", HEITI, 14, 32),
    Style("CoverValue", "封面内容", size_pt=14, line_pt=32),
    Style("CoverDate", "封面日期", size_pt=16, line_pt=30, align="center", before_pt=60),
    Style("TocTitle", "目录标题", HEITI, 16, 30, align="center", before_pt=12, after_pt=12),
    Style("TOC1", "toc 1", HEITI, 12, 26, tab_pt=BAOGAO_PAGE.text_width_pt),
    Style("TOC2", "toc 2", line_pt=24, left_pt=24, tab_pt=BAOGAO_PAGE.text_width_pt),
    Style("TocNote", "目录注", KAITI, 9, 14, before_pt=8),
    Style("Head", "表头", HEITI, 10.5, 16, align="center", before_pt=2, after_pt=2, keep_next=True),
    Style("Group", "表格分组", HEITI, 10.5, 16, align="center", before_pt=2, after_pt=2, keep_next=True),
    Style("Cell", "表格文字", size_pt=10.5, line_pt=16, before_pt=1, after_pt=1, lang=_UNTORN),
    Style(
        "CellCenter",
        "表格居中",
        size_pt=10.5,
        line_pt=16,
        align="center",
        before_pt=1,
        after_pt=1,
        lang=_UNTORN,
    ),
    Style("Count", "统计", size_pt=10.5, line_pt=14),
    Style("CountCenter", "统计居中", size_pt=10.5, line_pt=14, align="center"),
    Style("Small", "表格小字", size_pt=9, line_pt=13, before_pt=1, after_pt=1, lang=_UNTORN),
    Style(
        "SmallCenter",
        "表格小字居中",
        size_pt=9,
        line_pt=13,
        align="center",
        before_pt=1,
        after_pt=1,
        lang=_UNTORN,
    ),
    Style("Ids", "表格编号", size_pt=9, line_pt=13, before_pt=1, after_pt=1, lang=_UNTORN),
    Style("SmallHead", "表格小标题", HEITI, 9, 13, before_pt=2),
    Style("Tiny", "草稿说明文字", size_pt=8, line_pt=11),
    Style("TinyHead", "草稿说明表头", HEITI, 8, 12, align="center"),
    Style("General", "总体说明", size_pt=10.5, line_pt=17, align="both", after_pt=2),
    Style("Note", "注", KAITI, 10.5, 16, before_pt=4, after_pt=4),
    Style("Picture", "证据图片", line_pt=None, align="center", before_pt=8, keep_next=True),
    Style("Mark", "二维码", line_pt=None, align="center"),
    Style("Gap", "表间空行", size_pt=4, line_pt=6),
    Style("Legend", "图例", size_pt=9, line_pt=None, align="center", before_pt=3, after_pt=3),
    Style("SectionEnd", "节末", size_pt=1, line_pt=1),
    Style("Approval", "编制审核批准", line_pt=20, before_pt=7, after_pt=7, align="center"),
    Style("Caption", "caption", KAITI, 9, 14, align="center", before_pt=3, after_pt=10),
    Style("Statement", "签章说明", align="both", indent_chars=2, after_pt=8),
    Style("Party", "签章方", HEITI, 12, 20, before_pt=4),
    Style("PartyName", "签章单位", line_pt=18),
    Style("SignFirst", "签章首栏", line_pt=24, before_pt=104),
    Style("Sign", "签章栏", line_pt=24),
    Style("Header", "header", SONGTI, 9, 13),
    Style("Footer", "footer", SONGTI, 9, 13, align="center"),
)

# GB/T 9704-2012: 22 lines in 225 mm of height, 28 characters of 三号 in 156 mm of width.
GONGWEN_PAGE: Final = Page()
GONGWEN_LINE_PT: Final = 28.95
_TIGHT_PT: Final = -0.25  # 28 characters of 16 pt are 2 mm too wide

GONGWEN: Final = (
    Style("Normal", "Normal", size_pt=16, line_pt=GONGWEN_LINE_PT),
    Style("Annex", "附件标记", HEITI, 16, GONGWEN_LINE_PT),
    Style("Title", "Title", TITLE, 22, 34, align="center", keep_next=True),
    # 22 characters have no room in 二号.
    Style("TitleLong", "长标题", TITLE, 19, 31, align="center", keep_next=True),
    Style("Gap", "空行", size_pt=16, line_pt=GONGWEN_LINE_PT),
    Style("GapLow", "题下空行", size_pt=6, line_pt=8, keep_next=True),
    Style("GapKept", "签署前空行", size_pt=16, line_pt=GONGWEN_LINE_PT, keep_next=True),
    Style(
        "Body",
        "正文段落",
        size_pt=16,
        line_pt=GONGWEN_LINE_PT,
        align="both",
        indent_chars=2,
        spacing_pt=_TIGHT_PT,
    ),
    Style(
        "BodyLast",
        "正文末段",
        size_pt=16,
        line_pt=GONGWEN_LINE_PT,
        align="both",
        indent_chars=2,
        spacing_pt=_TIGHT_PT,
        keep_next=True,
    ),
    Style("Article", "条标题", HEITI, 16, GONGWEN_LINE_PT, indent_chars=2, keep_next=True),
    Style("PartyName", "协议方", size_pt=16, line_pt=GONGWEN_LINE_PT),
    Style("Sign", "落款", size_pt=16, line_pt=GONGWEN_LINE_PT, left_pt=120, keep_next=True),
    Style("SignDate", "落款日期", size_pt=16, line_pt=GONGWEN_LINE_PT, align="right", right_pt=64),
    Style(
        "SignDateKept",
        "文中签署日期",
        size_pt=16,
        line_pt=GONGWEN_LINE_PT,
        align="right",
        right_pt=64,
        keep_next=True,
    ),
    Style("SignLine", "签署栏", size_pt=16, line_pt=GONGWEN_LINE_PT, keep_next=True),
    Style("TableTitle", "表名", HEITI, 14, 22, align="center", before_pt=2, after_pt=2, keep_next=True),
    Style("Group", "表格分组", HEITI, 12, 17, before_pt=2, after_pt=2, keep_next=True),
    Style("Cell", "表格文字", size_pt=12, line_pt=17, before_pt=2, after_pt=2),
    Style("Mark", "核对结果", size_pt=12, line_pt=17, align="center", before_pt=2, after_pt=2),
    Style("CellKept", "盖章前表格文字", size_pt=12, line_pt=17, before_pt=2, after_pt=2, keep_next=True),
    Style("Seal", "盖章处", size_pt=12, line_pt=17, align="right", right_pt=72, before_pt=2, after_pt=2),
    Style("Warning", "警示", HEITI, 12, 20, before_pt=4, after_pt=6, color="C00000"),
    Style("Note", "注", KAITI, 10.5, 16, before_pt=6),
    Style("Header", "header", SONGTI, 9, 13),
    Style("FooterOdd", "单页页码", SONGTI, 14, 16, align="right", right_pt=14),
    Style("FooterEven", "双页页码", SONGTI, 14, 16, left_pt=14),
)
