"""Contents: bookmarks on headings, entries inside a real TOC field, page numbers only when known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from .package import DOCUMENT, STYLES, Package, xml_parser
from .zones import Numbering, find_zones
from .zones import w as w  # noqa: PLC0414 - whoever reads WordprocessingML takes it from here

UNKNOWN: Final = "—"
NOTE_STYLE: Final = "TocNote"
_XML_SPACE: Final = "{http://www.w3.org/XML/1998/namespace}space"
_LEVELS: Final = 2


@dataclass(frozen=True)
class Heading:
    """A heading that the contents name; `level` counts from 1."""

    level: int
    text: str
    bookmark: str


class Contents:
    """The contents of one rendered package: found once, written as often as page numbers change."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._root = etree.fromstring(package.members[DOCUMENT], xml_parser())
        self.headings = tuple(_mark_headings(self._root, _outline_levels(package.members[STYLES])))
        self._zones = find_zones(self._root)
        self.present = _field_paragraphs(self._root) is not None

    def write(self, pages: Mapping[str, int], note: str, total: int = 0) -> None:
        """Write the entries; `pages` maps bookmarks to sheets, a missing one is printed as a dash.

        `note` stands under the contents. `total` is the number of sheets, 0 where unknown. What is printed
        is the number within the zone that a sheet belongs to.
        """
        numbering = Numbering(self._zones, pages, total)
        found = _field_paragraphs(self._root)
        if found is not None:
            _replace(found, _entries(self.headings, numbering))
        _set_note(self._root, note)
        self._package.members[DOCUMENT] = _bytes(self._root)
        for name in self._package.parts("word/footer"):
            root = etree.fromstring(self._package.members[name], xml_parser())
            _cache_total(root, total, numbering)
            self._package.members[name] = _bytes(root)


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _outline_levels(styles: bytes) -> dict[str, int]:
    root = etree.fromstring(styles, xml_parser())
    levels: dict[str, int] = {}
    for style in root.iter(w("style")):
        outline = style.find(f"{w('pPr')}/{w('outlineLvl')}")
        if outline is not None:
            levels[style.get(w("styleId"), "")] = int(outline.get(w("val"), "9")) + 1
    return levels


def _mark_headings(root: etree._Element, levels: Mapping[str, int]) -> Iterator[Heading]:
    used = [int(one.get(w("id"), "0")) for one in root.iter(w("bookmarkStart"))]
    number = first = max(used, default=0)
    taken = {one.get(w("name")) for one in root.iter(w("bookmarkStart"))}
    for paragraph in root.iter(w("p")):
        style = paragraph.find(f"{w('pPr')}/{w('pStyle')}")
        level = levels.get(style.get(w("val"), ""), 0) if style is not None else 0
        text = paragraph_text(paragraph)
        if not 1 <= level <= _LEVELS or not text.strip():
            continue
        number += 1
        name = f"_Toc{number - first:08d}"
        if name in taken:
            name = f"_Toc{number:08d}d"
        start, end = etree.Element(w("bookmarkStart")), etree.Element(w("bookmarkEnd"))
        start.set(w("id"), str(number))
        start.set(w("name"), name)
        end.set(w("id"), str(number))
        paragraph.insert(1 if paragraph.find(w("pPr")) is not None else 0, start)
        paragraph.append(end)
        yield Heading(level, text, name)


def paragraph_text(paragraph: etree._Element) -> str:
    """Return what a reader sees of a paragraph: texts, tabs, breaks; as Word trims them."""
    parts: list[str] = []
    for one in paragraph.iter(w("t"), w("tab"), w("br")):
        if one.tag == w("t"):
            text = one.text or ""
            parts.append(text if one.get(_XML_SPACE) == "preserve" else text.strip())
        elif one.getparent() is not None and one.getparent().tag == w("r"):  # type: ignore[union-attr] # just asked
            parts.append("\t" if one.tag == w("tab") else "\n")
    return "".join(parts)


def _field_paragraphs(root: etree._Element) -> list[etree._Element] | None:
    for instruction in root.iter(w("instrText")):
        if re.match(r"\s*TOC\b", instruction.text or ""):
            return _field_extent(instruction)
    return None


def _field_extent(instruction: etree._Element) -> list[etree._Element] | None:
    first = next(instruction.iterancestors(w("p")))
    depth = 0
    paragraphs: list[etree._Element] = []
    for paragraph in (first, *first.itersiblings(w("p"))):
        paragraphs.append(paragraph)
        for mark in paragraph.iter(w("fldChar")):
            depth += {"begin": 1, "end": -1}.get(mark.get(w("fldCharType"), ""), 0)
            if depth == 0:
                return paragraphs
    return None


def _replace(old: Sequence[etree._Element], new: Sequence[etree._Element]) -> None:
    parent = old[0].getparent()
    if parent is None:
        raise ValueError("a paragraph without a parent")
    place = parent.index(old[0])
    for one in old:
        parent.remove(one)
    for offset, one in enumerate(new):
        parent.insert(place + offset, one)


def _entries(headings: Sequence[Heading], numbering: Numbering) -> list[etree._Element]:
    paragraphs: list[etree._Element] = []
    for index, heading in enumerate(headings):
        paragraph = _paragraph(f"TOC{heading.level}")
        if index == 0:
            paragraph.extend(_field_start(r'TOC \o "1-2" \h \z \u'))
        page = numbering.shown(heading.bookmark)
        link = etree.SubElement(paragraph, w("hyperlink"))
        link.set(w("anchor"), heading.bookmark)
        link.set(w("history"), "1")
        link.append(_run(heading.text.replace("\n", " ")))
        tab = etree.SubElement(link, w("r"))
        etree.SubElement(tab, w("tab"))
        if not page:  # a PAGEREF here would let a viewer print a number that nobody checked
            link.append(_run(UNKNOWN))
        else:
            link.extend([*_field_start(f"PAGEREF {heading.bookmark} \\h"), _run(page), _mark("end")])
        paragraphs.append(paragraph)
    last = _paragraph("TOC1") if not paragraphs else paragraphs[-1]
    if not paragraphs:
        last.extend([*_field_start(r'TOC \o "1-2" \h \z \u'), _run(UNKNOWN)])
        paragraphs.append(last)
    last.append(_mark("end"))
    return paragraphs


def _paragraph(style: str) -> etree._Element:
    paragraph = etree.Element(w("p"))
    properties = etree.SubElement(paragraph, w("pPr"))
    etree.SubElement(properties, w("pStyle")).set(w("val"), style)
    return paragraph


def _run(text: str) -> etree._Element:
    run = etree.Element(w("r"))
    inner = etree.SubElement(run, w("t"))
    inner.text = text
    inner.set(_XML_SPACE, "preserve")
    return run


def _mark(kind: str) -> etree._Element:
    run = etree.Element(w("r"))
    etree.SubElement(run, w("fldChar")).set(w("fldCharType"), kind)
    return run


def _field_start(instruction: str) -> list[etree._Element]:
    run = etree.Element(w("r"))
    inner = etree.SubElement(run, w("instrText"))
    inner.text = f" {instruction} "
    inner.set(_XML_SPACE, "preserve")
    return [_mark("begin"), run, _mark("separate")]


def _set_note(root: etree._Element, note: str) -> None:
    for style in root.iter(w("pStyle")):
        if style.get(w("val")) != NOTE_STYLE:
            continue
        paragraph = next(style.iterancestors(w("p")))
        for run in paragraph.findall(w("r")):
            paragraph.remove(run)
        paragraph.append(_run(note))
        return


def _cache_total(root: etree._Element, total: int, numbering: Numbering) -> None:
    """Write the numbers of pages, of all or of a zone, into the caches of a footer's fields."""
    for instruction in root.iter(w("instrText")):
        words = (instruction.text or "").split()
        number = ""
        if words[:1] == ["NUMPAGES"]:
            number = str(total) if total else ""
        elif words[:1] == ["PAGEREF"]:
            number = numbering.last(words[1])
        if not number:
            continue
        run = next(instruction.iterancestors(w("r")))
        cached = next(
            (one.find(w("t")) for one in run.itersiblings(w("r")) if one.find(w("t")) is not None), None
        )
        if cached is not None:
            cached.text = number
