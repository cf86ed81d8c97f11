"""An empty Word document made from code: paper, paragraph styles, fonts, nothing else.

Everything a template needs is written here and nothing is inherited from python-docx's own default
document, whose theme falls to MS Mincho and whose properties name the library.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import quoteattr

from docx import Document
from docx.document import Document as DocumentObject
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm

FANGSONG: Final = "仿宋_GB2312"
KAITI: Final = "楷体_GB2312"
HEITI: Final = "黑体"
SONGTI: Final = "宋体"
TITLE: Final = "方正小标宋简体"
LATIN: Final = "Times New Roman"

# What Word and LibreOffice take where a machine lacks the official face (`w:altName`).
_ALTERNATIVES: Final = {FANGSONG: "仿宋", KAITI: "楷体", HEITI: "SimHei", SONGTI: "SimSun", TITLE: "宋体"}


@dataclass(frozen=True)
class Style:
    """A paragraph style; sizes in points, `line_pt` exact, None for single spacing (pictures).

    `outline` is 0 for the first level of headings. `indent_chars` indents the first line.
    `tab_pt` sets one right tab with dots, as contents want it. `spacing_pt` goes between letters. `lang` is
    that of Latin letters: English keeps LibreOffice from tearing words, as it does in Chinese.
    """

    id: str
    name: str
    east: str = FANGSONG
    size_pt: float = 12
    line_pt: float | None = 22
    align: str = "left"
    before_pt: float = 0
    after_pt: float = 0
    indent_chars: float = 0
    left_pt: float = 0
    right_pt: float = 0
    bold: bool = False
    color: str = ""
    outline: int | None = None
    keep_next: bool = False
    tab_pt: float = 0
    spacing_pt: float = 0
    lang: str = "zh-CN"

    def xml(self) -> str:
        """Return the style element."""
        default = ' w:default="1"' if self.id == "Normal" else ""
        based = "" if self.id == "Normal" else '<w:basedOn w:val="Normal"/>'
        return (
            f'<w:style {nsdecls("w")} w:type="paragraph"{default} w:styleId={quoteattr(self.id)}>'
            f"<w:name w:val={quoteattr(self.name)}/>{based}<w:qFormat/>"
            f"<w:pPr>{self._paragraph()}</w:pPr><w:rPr>{run_properties(self)}</w:rPr></w:style>"
        )

    def _paragraph(self) -> str:
        keep = "<w:keepNext/>" if self.keep_next else ""
        tabs = f'<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="{round(self.tab_pt * 20)}"/></w:tabs>'
        rule = "auto" if self.line_pt is None else "exact"
        line = 240 if self.line_pt is None else round(self.line_pt * 20)
        spacing = (
            f'<w:spacing w:before="{round(self.before_pt * 20)}" w:after="{round(self.after_pt * 20)}"'
            f' w:line="{line}" w:lineRule="{rule}"/>'
        )
        indent = (
            f'<w:ind w:left="{round(self.left_pt * 20)}"{self._right()}'
            f' w:firstLineChars="{round(self.indent_chars * 100)}"'
            f' w:firstLine="{round(self.indent_chars * self.size_pt * 20)}"/>'
        )
        outline = "" if self.outline is None else f'<w:outlineLvl w:val="{self.outline}"/>'
        # The document grid would stretch every line of a table, so that no style follows it. Marks may hang
        # over the margin by default; said aloud, LibreOffice 7.4 takes it for the contrary, and so its PDF
        # loses no mark at the end of a justified line.
        return (
            f"{keep}{tabs if self.tab_pt else ''}"
            f'<w:overflowPunct w:val="1"/><w:snapToGrid w:val="0"/>{spacing}{indent}'
            f'<w:jc w:val="{self.align}"/>{outline}'
        )

    def _right(self) -> str:
        return f' w:right="{round(self.right_pt * 20)}"' if self.right_pt else ""


def run_properties(style: Style) -> str:
    """Return the run properties of a style: all four font slots, size, language."""
    color = f'<w:color w:val="{style.color}"/>' if style.color else ""
    spacing = f'<w:spacing w:val="{round(style.spacing_pt * 20)}"/>' if style.spacing_pt else ""
    return (
        f'<w:rFonts w:ascii="{LATIN}" w:eastAsia="{style.east}" w:hAnsi="{LATIN}" w:cs="{LATIN}"'
        ' w:hint="eastAsia"/>'
        f"{'<w:b/><w:bCs/>' if style.bold else ''}"
        f"{color}{spacing}"
        f'<w:sz w:val="{round(style.size_pt * 2)}"/><w:szCs w:val="{round(style.size_pt * 2)}"/>'
        # Chinese for Latin letters, too, in running text: else LibreOffice may start lines with a comma.
        f'<w:lang w:val="{style.lang}" w:eastAsia="zh-CN" w:bidi="ar-SA"/>'
    )


@dataclass(frozen=True)
class Page:
    """Paper and margins in millimetres; A4 with the type area of GB/T 9704-2012 by default."""

    width_mm: float = 210
    height_mm: float = 297
    top_mm: float = 37
    bottom_mm: float = 35
    left_mm: float = 28
    right_mm: float = 26

    @property
    def text_width_mm(self) -> float:
        """Return the width that text and tables may fill."""
        return self.width_mm - self.left_mm - self.right_mm

    @property
    def text_width_pt(self) -> float:
        """Return the same in points."""
        return self.text_width_mm / 25.4 * 72


def new_document(styles: Iterable[Style], page: Page) -> DocumentObject:
    """Return an empty document with only these styles, no theme, no thumbnail, no leftovers."""
    document = Document()
    _drop_leftovers(document)
    _write_styles(document, styles)
    _write_settings(document)
    _write_font_table(document)
    _write_page(document, page)
    return document


def _drop_leftovers(document: DocumentObject) -> None:
    kept = (RELATIONSHIP_TYPE.STYLES, RELATIONSHIP_TYPE.SETTINGS)
    for rels, keep in (
        (document.part.rels, kept),
        (document.part.package.rels, (RELATIONSHIP_TYPE.OFFICE_DOCUMENT, RELATIONSHIP_TYPE.CORE_PROPERTIES)),
    ):
        for key in [key for key, rel in rels.items() if rel.reltype not in keep]:
            del rels[key]
    body = document.element.body
    for child in list(body):
        if child.tag != qn("w:sectPr"):
            body.remove(child)


def _write_styles(document: DocumentObject, styles: Iterable[Style]) -> None:
    root = document.styles.element
    for child in list(root):
        root.remove(child)
    root.append(parse_xml(_DEFAULTS))
    for style in styles:
        root.append(parse_xml(style.xml()))
    for text in (_TABLE_NORMAL, _TABLE_GRID):
        root.append(parse_xml(text))


_BODY: Final = Style("Normal", "Normal")
_DEFAULTS: Final = (
    f"<w:docDefaults {nsdecls('w')}><w:rPrDefault><w:rPr>{run_properties(_BODY)}</w:rPr></w:rPrDefault>"
    "<w:pPrDefault/></w:docDefaults>"
)
_TABLE_NORMAL: Final = (
    f'<w:style {nsdecls("w")} w:type="table" w:default="1" w:styleId="TableNormal">'
    '<w:name w:val="Normal Table"/><w:uiPriority w:val="99"/><w:semiHidden/>'
    '<w:tblPr><w:tblInd w:w="0" w:type="dxa"/><w:tblCellMar>'
    '<w:top w:w="0" w:type="dxa"/><w:left w:w="85" w:type="dxa"/>'
    '<w:bottom w:w="0" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>'
)
_BORDERS: Final = "".join(
    f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
    for side in ("top", "left", "bottom", "right", "insideH", "insideV")
)
_TABLE_GRID: Final = (
    f'<w:style {nsdecls("w")} w:type="table" w:styleId="Grid"><w:name w:val="Table Grid"/>'
    '<w:basedOn w:val="TableNormal"/><w:pPr><w:snapToGrid w:val="0"/></w:pPr>'
    f"<w:tblPr><w:tblBorders>{_BORDERS}</w:tblBorders></w:tblPr></w:style>"
)


def _write_settings(document: DocumentObject) -> None:
    root = document.settings.element
    for child in list(root):
        root.remove(child)
    for one in _SETTINGS:
        root.append(parse_xml(one))


_SETTINGS: Final = tuple(
    one.replace(" ", f" {nsdecls('w')} ", 1)
    for one in (
        '<w:zoom w:percent="100"/>',
        '<w:defaultTabStop w:val="420"/>',
        '<w:characterSpacingControl w:val="compressPunctuation"/>',
        (
            "<w:compat ><w:doNotExpandShiftReturn/><w:useFELayout/>"
            '<w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word"'
            ' w:val="15"/></w:compat>'
        ),
        # Word would otherwise draw large pictures anew, smaller, when somebody saves: they are evidence.
        "<w:doNotAutoCompressPictures />",
    )
)


def _write_font_table(document: DocumentObject) -> None:
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val="86"/></w:font>'
        for name, other in _ALTERNATIVES.items()
    )
    blob = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<w:fonts {nsdecls("w")}>{fonts}<w:font w:name="{LATIN}"><w:charset w:val="00"/></w:font></w:fonts>'
    )
    part = Part(
        PackURI("/word/fontTable.xml"), CONTENT_TYPE.WML_FONT_TABLE, blob.encode(), document.part.package
    )
    document.part.relate_to(part, RELATIONSHIP_TYPE.FONT_TABLE)


def _write_page(document: DocumentObject, page: Page) -> None:
    section = document.sections[0]
    section._sectPr.attrib.clear()  # noqa: SLF001 - editing marks of another document
    section.page_width, section.page_height = Mm(page.width_mm), Mm(page.height_mm)
    section.top_margin, section.bottom_margin = Mm(page.top_mm), Mm(page.bottom_mm)
    section.left_margin, section.right_margin = Mm(page.left_mm), Mm(page.right_mm)
    section.header_distance, section.footer_distance = Mm(22), Mm(24)
    for old in section._sectPr.findall(qn("w:docGrid")) + section._sectPr.findall(qn("w:cols")):  # noqa: SLF001 - no public way
        section._sectPr.remove(old)  # noqa: SLF001
    section._sectPr.append(parse_xml(f'<w:cols {nsdecls("w")} w:space="425"/>'))  # noqa: SLF001
    section._sectPr.append(parse_xml(f'<w:docGrid {nsdecls("w")} w:linePitch="312"/>'))  # noqa: SLF001


def to_bytes(document: DocumentObject) -> bytes:
    """Return the document as python-docx saves it."""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()
