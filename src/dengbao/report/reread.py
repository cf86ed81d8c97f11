"""Reads a .docx as a reader of the paper sees it: lines and pictures in order, and what hides from the eye.

Word, WPS and LibreOffice write the same document in different XML. What must stay is what is seen: the
words of each paragraph in order, the pixels of each picture, and that none of it is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from .package import DOCUMENT, REPORT_MAX_BYTES, STYLES, Package, resolve, xml_parser
from .pictures import pixel_digest
from .toc import w
from .visibility import Looks, number

_R: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_A: Final = "http://schemas.openxmlformats.org/drawingml/2006/main"
_WP: Final = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
_MC: Final = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_V: Final = "urn:schemas-microsoft-com:vml"
_RELS: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_SPACES: Final = re.compile(r"[ \t\u00a0\u3000]+")
# Fields whose results each program computes for itself; what they print is not compared.
_COMPUTED: Final = re.compile(r"\b(?:PAGE|NUMPAGES|SECTIONPAGES|PAGEREF)\b")
_HARMLESS: Final = re.compile(r"PAGE|NUMPAGES|SECTIONPAGES|PAGEREF|TOC|REF|SEQ|HYPERLINK|\\\\\S*|[\d\"].*")
_WPS: Final = "http://schemas.microsoft.com/office/word/2010/wordprocessingShape"
_ODD_ELEMENTS: Final = {
    w("del"): "含修订（删除）标记",
    w("ins"): "含修订（插入）标记",
    w("moveFrom"): "含修订（移动）标记",
    w("altChunk"): "含外来内容",
    w("subDoc"): "含外来内容",
    w("object"): "含嵌入对象",
    w("dataBinding"): "含绑定到别处数据的内容控件",
    f"{{{_WPS}}}wsp": "含图形或文本框",
    f"{{{_V}}}shape": "含图形或文本框",
    f"{{{_V}}}rect": "含图形或文本框",
    f"{{{_V}}}textbox": "含图形或文本框",
    f"{{{_WP}}}anchor": "含浮动图片或图形",
}
_LEAST_PICTURE_EMU: Final = 360_000  # 1 cm


@dataclass(frozen=True)
class Line:
    """One paragraph as it is read; `hidden` is what of its text nobody sees.

    `row` and `box` count the rows and the cells of all tables in the document; -1 outside of tables.
    """

    text: str
    hidden: str = ""
    struck: str = ""
    part: str = DOCUMENT
    row: int = -1
    box: int = -1

    @property
    def cell(self) -> bool:
        """Tell whether it stands in a table."""
        return self.row >= 0


@dataclass(frozen=True)
class Drawn:
    """A picture as it is seen: digest over its pixels, and after how many lines of text it stands.

    `side_emu` is its shorter side, -1 where that is not told.
    """

    pixels: str
    after: int
    side_emu: int = -1
    cropped: bool = False

    @property
    def small(self) -> bool:
        """Tell whether it is too small for a screenshot to be read."""
        return 0 <= self.side_emu < _LEAST_PICTURE_EMU


@dataclass(frozen=True)
class Sheet:
    """A document as it is read; `odd` says in Chinese what has no place in a report.

    `edges` are the texts of headers and footers, without what programs compute.
    """

    lines: tuple[Line, ...]
    pictures: tuple[Drawn, ...]
    odd: tuple[str, ...] = ()
    edges: frozenset[str] = frozenset()

    def rows(self) -> list[list[str]]:
        """Return what is seen in the cells of each row of the tables, rows without a word left out."""
        found: dict[int, dict[int, list[str]]] = {}
        for one in self.lines:
            if one.cell and one.text:
                found.setdefault(one.row, {}).setdefault(one.box, []).append(one.text)
        return [["\n".join(cell) for cell in cells.values()] for cells in found.values()]


@dataclass
class _Reading:
    """What is gathered while one document is read."""

    package: Package
    looks: Looks
    lines: list[Line] = field(default_factory=list)
    pictures: list[Drawn] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    rows: dict[etree._Element, int] = field(default_factory=dict)
    boxes: dict[etree._Element, int] = field(default_factory=dict)


def read_sheet(docx: bytes, *, where: str = "") -> Sheet:
    """Return what a reader of the document sees.

    Raises:
        ReportError: not a .docx, or too large.

    """
    package = Package.open(docx, where=where, max_bytes=REPORT_MAX_BYTES)
    looks = Looks(package.members[STYLES])
    body, edges = _Reading(package, looks), _Reading(package, looks)
    body.odd += _odd_members(package)
    for name in (DOCUMENT, *_notes(package)):
        _part(body, name)
    for name in (*package.parts("word/header"), *package.parts("word/footer")):
        _part(edges, name)
    odd = tuple(dict.fromkeys(body.odd))
    return Sheet(
        tuple(body.lines), tuple(body.pictures), odd, frozenset(one.text for one in edges.lines if one.text)
    )


def _notes(package: Package) -> list[str]:
    return [
        *package.parts("word/footnotes"),
        *package.parts("word/endnotes"),
        *package.parts("word/comments"),
    ]


def _odd_members(package: Package) -> Iterator[str]:
    for name in package.members:
        low = name.casefold()
        if "vbaproject" in low or low.endswith(".bin") or "/embeddings/" in low or "/activex/" in low:
            yield f"含宏、控件或嵌入对象：{name}"
        if low.endswith("afchunk.mht") or "/afchunk" in low:
            yield f"含外来内容：{name}"
    for name in package.members:
        if name.endswith(".rels"):
            root = etree.fromstring(package.members[name], xml_parser())
            for one in root.iter(_RELS):
                if one.get("TargetMode") == "External" and not str(one.get("Type", "")).endswith(
                    "/hyperlink"
                ):
                    yield f"含外部链接：{one.get('Target', '')[:80]}"


def _part(reading: _Reading, name: str) -> None:
    root = etree.fromstring(reading.package.members[name], xml_parser())
    targets = _targets(reading.package, name)
    for paragraph in root.iter(w("p")):
        if _is_copy(paragraph):
            continue
        _paragraph(reading, paragraph, name, targets)
    reading.odd += _odd_elements(root)


def _odd_elements(root: etree._Element) -> Iterator[str]:
    """Yield what may show something other than the document's own words and pictures."""
    for name, told in _ODD_ELEMENTS.items():
        if next(root.iter(name), None) is not None:
            yield told
    fields = [one.text or "" for one in root.iter(w("instrText"))]
    fields += [one.get(w("instr"), "") for one in root.iter(w("fldSimple"))]
    for one in fields:
        word = one.split()[0].upper() if one.split() else ""
        if word and not _HARMLESS.fullmatch(word):
            yield f"含会自行改变内容的域：{word[:20]}"


def _targets(package: Package, name: str) -> dict[str, str]:
    folder, _, file = name.rpartition("/")
    rels = package.members.get(f"{folder}/_rels/{file}.rels")
    if rels is None:
        return {}
    root = etree.fromstring(rels, xml_parser())
    return {one.get("Id", ""): resolve(name, one.get("Target", "")) for one in root.iter(_RELS)}


def _is_copy(element: etree._Element) -> bool:
    """Tell whether an element stands in a fallback: the same content in an older form."""
    return any(one.tag == f"{{{_MC}}}Fallback" for one in element.iterancestors())


def _paragraph(reading: _Reading, paragraph: etree._Element, part: str, targets: Mapping[str, str]) -> None:
    base = reading.looks.of_paragraph(paragraph)
    seen, hidden, struck = "", "", ""
    skip = _Fields()
    for run in _runs(paragraph):
        skip.step(run)
        text = "" if skip.inside else _text(run)
        look = reading.looks.of_run(run, base)
        if look.unseen:
            hidden += text
        else:
            seen += text
            struck += text if look.strike else ""
        _pictures(reading, run, targets)
    row, box = _cell(reading, paragraph)
    line = Line(in_line(seen), in_line(hidden), in_line(struck), part, row, box)
    if line.text or line.hidden:
        reading.lines.append(line)


def _cell(reading: _Reading, paragraph: etree._Element) -> tuple[int, int]:
    """Return the numbers of row and cell in which a paragraph stands, of the innermost table."""
    cell = next(paragraph.iterancestors(w("tc")), None)
    row = next(cell.iterancestors(w("tr")), None) if cell is not None else None
    if cell is None or row is None:
        return -1, -1
    return reading.rows.setdefault(row, len(reading.rows)), reading.boxes.setdefault(cell, len(reading.boxes))


def in_line(text: str) -> str:
    """Return a text as a line is read: spaces of any kind and number as one, none around it."""
    return _SPACES.sub(" ", text).strip()


@dataclass
class _Fields:
    """Follows complex fields through runs: what stands in a computed one is not read."""

    stack: list[list[str | bool]] = field(default_factory=list)

    def step(self, run: etree._Element) -> None:
        """Take the field characters of a run into account."""
        for one in run:
            if one.tag == w("fldChar"):
                kind = one.get(w("fldCharType"))
                if kind == "begin":
                    self.stack.append(["", False])
                elif kind == "separate" and self.stack:
                    self.stack[-1][1] = True
                elif kind == "end" and self.stack:
                    self.stack.pop()
            elif one.tag == w("instrText") and self.stack:
                self.stack[-1][0] = f"{self.stack[-1][0]}{one.text or ''}"

    @property
    def inside(self) -> bool:
        """Tell whether what comes now is the result of a computed field."""
        return any(one[1] and _COMPUTED.search(str(one[0])) for one in self.stack)


def _runs(paragraph: etree._Element) -> Iterator[etree._Element]:
    """Yield the runs of a paragraph, not those of paragraphs drawn inside it."""
    for run in paragraph.iter(w("r")):
        above = next((one for one in run.iterancestors() if one.tag == w("p")), None)
        simple = next((one for one in run.iterancestors() if one.tag == w("fldSimple")), None)
        if above is paragraph and not _is_copy(run) and not _is_computed(simple):
            yield run


def _is_computed(simple: etree._Element | None) -> bool:
    return simple is not None and bool(_COMPUTED.search(simple.get(w("instr"), "")))


def _text(run: etree._Element) -> str:
    parts: list[str] = []
    for one in run:
        if one.tag == w("t"):
            parts.append(one.text or "")
        elif one.tag in (w("tab"), w("ptab")) or one.tag in (w("br"), w("cr")):
            parts.append(" ")
        elif one.tag == w("noBreakHyphen"):
            parts.append("-")
        elif one.tag == w("sym"):
            parts.append(_symbol(one.get(w("char"), "")))
    return "".join(parts)


def _symbol(code: str) -> str:
    try:
        return chr(int(code, 16))
    except (ValueError, OverflowError):
        return "?"


def _pictures(reading: _Reading, run: etree._Element, targets: Mapping[str, str]) -> None:
    for blip in run.iter(f"{{{_A}}}blip"):
        if _is_copy(blip):
            continue
        target = targets.get(blip.get(f"{{{_R}}}embed", ""), "")
        data = reading.package.members.get(target)
        if data is None:
            reading.odd.append("图片缺失或在文件之外")
            continue
        reading.pictures.append(
            Drawn(pixel_digest(data), len(reading.lines), side_emu=_side(blip), cropped=_cropped(blip))
        )


def _side(blip: etree._Element) -> int:
    for above in blip.iterancestors():
        extent = above.find(f"{{{_WP}}}extent")
        if extent is not None:
            sides = (number(extent.get("cx")) or 0, number(extent.get("cy")) or 0)
            return min(sides)
    return -1


def _cropped(blip: etree._Element) -> bool:
    fill = blip.getparent()
    crop = fill.find(f"{{{_A}}}srcRect") if fill is not None else None
    return crop is not None and any((number(crop.get(side)) or 0) > 500 for side in "ltrb")
