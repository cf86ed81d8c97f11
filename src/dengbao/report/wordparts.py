"""Pieces that template code puts into a document: paragraphs, tables of real widths, fields, watermarks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from docx.document import Document as DocumentObject
from docx.enum.section import WD_SECTION
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.section import _Footer, _Header

from .wordkit import HEITI

_TWIPS_PER_MM: Final = 1440 / 25.4


@dataclass(frozen=True)
class Cell:
    """A cell of a template row; each line is a paragraph, `style` one for all or one for each."""

    text: str
    style: str | tuple[str, ...] = "Cell"
    span: int = 1
    shade: str = ""


class Writer:
    """Appends template pieces at the end of a document body, in order."""

    def __init__(self, document: DocumentObject) -> None:
        self.document = document
        self._body = document.element.body

    def paragraph(self, text: str = "", style: str = "Normal", *, new_page: bool = False) -> BaseOxmlElement:
        """Append a paragraph; `text` may hold template tags."""
        return self._append(parse_xml(paragraph_xml(text, style, new_page=new_page)))

    def control(self, *tags: str) -> None:
        """Append paragraphs that vanish when rendered: `for x in y`, `endfor`, `if z`, `endif`."""
        for tag in tags:
            self.paragraph(f"{{%p {tag} %}}")

    def raw(self, xml: str) -> BaseOxmlElement:
        """Append a paragraph or table given as XML; `{ns}` stands for the namespaces."""
        return self._append(parse_xml(xml.replace("{ns}", nsdecls("w", "r", "wp", "a", "pic"))))

    def table(
        self,
        widths_mm: Sequence[float],
        rows: Iterable[Row],
        *,
        borders: bool = True,
    ) -> BaseOxmlElement:
        """Append a table of fixed layout with the widths in `tblGrid` and in every cell."""
        widths = [round(one * _TWIPS_PER_MM) for one in widths_mm]
        grid = "".join(f'<w:gridCol w:w="{one}"/>' for one in widths)
        style = "Grid" if borders else "TableNormal"
        body = "".join(row.xml(widths) for row in rows)
        return self._append(
            parse_xml(
                f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="{style}"/>'
                f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:jc w:val="center"/>'
                f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>'
            )
        )

    def end_section(self, bookmark: str, *, last: bool = False) -> None:
        """End a section here; the bookmark lets its footers tell how many pages it has."""
        if not last:
            self.document.add_section(WD_SECTION.NEW_PAGE)
            paragraph = self._body[len(self._body) - 2]
        else:
            paragraph = self.paragraph("", "SectionEnd")
        number = len(self.document.sections) - (not last)
        names = f'{nsdecls("w")} w:id="{number}"'
        if not last:
            paragraph.get_or_add_pPr().insert(0, parse_xml(f'<w:pStyle {nsdecls("w")} w:val="SectionEnd"/>'))
        paragraph.append(parse_xml(f'<w:bookmarkStart {names} w:name="{bookmark}"/>'))
        paragraph.append(parse_xml(f"<w:bookmarkEnd {names}/>"))

    def _append(self, element: BaseOxmlElement) -> BaseOxmlElement:
        self._body.insert(len(self._body) - 1, element)
        return element


@dataclass(frozen=True)
class Row:
    """A row of a template table; `height_mm` is a minimum; `whole` keeps it on one page.

    `control` makes it a row that vanishes when rendered, such as `for x in y`.
    """

    cells: tuple[Cell, ...] = ()
    header: bool = False
    whole: bool = False
    height_mm: float = 0
    control: str = ""

    def xml(self, widths: Sequence[int]) -> str:
        """Return the row; its cells fill all columns."""
        cells = self.cells or (Cell(f"{{%tr {self.control} %}}", span=len(widths)),)
        if sum(cell.span for cell in cells) != len(widths):
            raise ValueError(f"a row of {len(widths)} columns must fill them all")
        properties = (
            f"{'<w:cantSplit/>' if self.whole else ''}"
            f"{self._height()}{'<w:tblHeader/>' if self.header else ''}"
        )
        parts: list[str] = []
        column = 0
        for cell in cells:
            parts.append(cell_xml(cell, sum(widths[column : column + cell.span])))
            column += cell.span
        return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(parts)}</w:tr>"

    def _height(self) -> str:
        if not self.height_mm:
            return ""
        return f'<w:trHeight w:val="{round(self.height_mm * _TWIPS_PER_MM)}" w:hRule="atLeast"/>'


def cell_xml(cell: Cell, width: int) -> str:
    """Return a cell of `width` twips; each line of its text is a paragraph of its own."""
    span = f'<w:gridSpan w:val="{cell.span}"/>' if cell.span > 1 else ""
    shade = f'<w:shd w:val="clear" w:color="auto" w:fill="{cell.shade}"/>' if cell.shade else ""
    lines = cell.text.split("\n")
    styles = (cell.style,) * len(lines) if isinstance(cell.style, str) else cell.style
    paragraphs = "".join(
        paragraph_xml(line, style, namespaces=False) for line, style in zip(lines, styles, strict=True)
    )
    return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{span}{shade}</w:tcPr>{paragraphs}</w:tc>'


def paragraph_xml(text: str, style: str, *, new_page: bool = False, namespaces: bool = True) -> str:
    """Return a paragraph with one run; `^…^` inside the text is raised as a note mark."""
    runs: list[str] = []
    for index, piece in enumerate(text.split("^")):
        if piece:
            properties = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>' if index % 2 else ""
            runs.append(f'<w:r>{properties}<w:t xml:space="preserve">{escape(piece)}</w:t></w:r>')
    page = "<w:pageBreakBefore/>" if new_page else ""
    head = f"<w:p {nsdecls('w')}>" if namespaces else "<w:p>"
    return f'{head}<w:pPr><w:pStyle w:val="{style}"/>{page}</w:pPr>{"".join(runs)}</w:p>'


def field_runs(instruction: str, cached: str) -> str:
    """Return the runs of a complex field with its cached text, without which Word refuses the file."""
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> {escape(instruction)} </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        f'<w:r><w:t xml:space="preserve">{escape(cached)}</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def watermark(text: str, number: int) -> str:
    """Return a run with grey slanting words behind the page, as Word's own watermarks are made."""
    formulas = "".join(f'<v:f eqn="{one}"/>' for one in _WORD_ART)
    style = (
        "position:absolute;margin-left:0;margin-top:0;width:300pt;height:150pt;rotation:315;z-index:-251658752;"
        "mso-position-horizontal:center;mso-position-horizontal-relative:margin;"
        "mso-position-vertical:center;mso-position-vertical-relative:margin"
    )
    return (
        '<w:r><w:pict xmlns:v="urn:schemas-microsoft-com:vml"'
        ' xmlns:o="urn:schemas-microsoft-com:office:office">'
        '<v:shapetype id="_x0000_t136" coordsize="21600,21600" o:spt="136" adj="10800"'
        f' path="m@7,l@8,m@5,21600l@6,21600e"><v:formulas>{formulas}</v:formulas>'
        '<v:path textpathok="t" o:connecttype="custom"/><v:textpath on="t" fitshape="t"/></v:shapetype>'
        f'<v:shape id="watermark{number}" o:spid="_x0000_s{2048 + number}" type="#_x0000_t136"'
        f' style="{style}" fillcolor="#e8e8e8" stroked="f">'
        f'<v:textpath style="font-family:&quot;{HEITI}&quot;;font-size:1pt" string={quoteattr(text)}/>'
        "</v:shape></w:pict></w:r>"
    )


# The formulas of VML's plain-text shape, given by the format.
_WORD_ART: Final = (
    "sum #0 0 10800", "prod #0 2 1", "sum 21600 0 @1", "sum 0 0 @2", "sum 21600 0 @3", "if @0 @3 0",
    "if @0 21600 @1", "if @0 0 @2", "if @0 @4 21600", "mid @5 @6", "mid @8 @5", "mid @7 @8", "mid @6 @7",
    "sum @6 0 @5",
)  # fmt: skip


def write_header_footer(document: DocumentObject, *, first: str, header: str, footer: str) -> None:
    """Set header and footer paragraphs given as XML; the first page has its own header and no footer."""
    section = document.sections[0]
    section.different_first_page_header_footer = True
    for place, xml in (
        (section.first_page_header, first),
        (section.first_page_footer, paragraph_xml("", "Footer")),
        (section.header, header),
        (section.footer, footer),
    ):
        _fill_edge(place, xml)


def write_zones(document: DocumentObject, *zones: tuple[str, str]) -> None:
    """Number the pages of each section from one: number format and footer, a paragraph given as XML."""
    for place, (section, (form, footer)) in enumerate(zip(document.sections, zones, strict=True)):
        section.different_first_page_header_footer = place == 0
        _fill_edge(section.footer, footer)
        columns = next(section._sectPr.iterchildren(qn("w:cols")))  # noqa: SLF001 - python-docx cannot number pages
        columns.addprevious(parse_xml(f'<w:pgNumType {nsdecls("w")} w:fmt="{form}" w:start="1"/>'))


def _fill_edge(place: _Header | _Footer, xml: str) -> None:
    place.is_linked_to_previous = False
    element = place._element  # noqa: SLF001 - python-docx offers no way to give XML
    for child in list(element):
        element.remove(child)
    element.append(parse_xml(xml.replace("{ns}", nsdecls("w", "r"))))
