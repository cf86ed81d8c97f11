"""What forms have that reports have not: official text from a file, boxes, page numbers outside.

A builder takes the official lines in order and says how each is laid out; it can neither skip nor change one,
and what it puts into a line replaces a placeholder that the official form has there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from docx.document import Document as DocumentObject
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement

from .fonts import SYMBOLS
from .layouts import GONGWEN, GONGWEN_PAGE
from .package import Package, Properties
from .wordkit import new_document, to_bytes
from .wordparts import Cell, Row, Writer, field_runs

_BOX: Final = re.compile(r"(\{\{ box\.\w+ \}\})")


class Official:
    """The lines of one official form, taken one after the other."""

    def __init__(self, path: Path) -> None:
        """Read the lines; a tab parts the cells of a row."""
        self._path = path
        self._lines = path.read_text(encoding="utf-8").splitlines()
        self._next = 0

    def take(self, begin: str = "", tag: str = "") -> str:
        """Return the next line, which must begin with `begin`, with `tag` behind it."""
        line = self._lines[self._next]
        if not line.startswith(begin):
            raise ValueError(f"{self._path.name} line {self._next + 1} does not begin with {begin}: {line}")
        self._next += 1
        return line + tag

    def swapped(self, begin: str, *swaps: tuple[str, str]) -> str:
        """Return the next line with each placeholder, which it must hold once, given way to a tag."""
        line = self.take(begin)
        for old, new in swaps:
            if line.count(old) != 1:
                raise ValueError(f"{self._path.name}: {old} stands {line.count(old)} times in: {line}")
            line = line.replace(old, new)
        return line

    def cells(self, *tags: str) -> tuple[str, ...]:
        """Return the next line's cells, each with a tag behind it."""
        parts = self.take().split("\t")
        if len(parts) != len(tags):
            raise ValueError(f"{self._path.name}: {len(parts)} cells, {len(tags)} tags")
        return tuple(part + tag for part, tag in zip(parts, tags, strict=True))

    @property
    def rest(self) -> int:
        """Return how many lines are left."""
        return len(self._lines) - self._next

    @property
    def following(self) -> str:
        """Return the next line without taking it, nothing at the end."""
        return self._lines[self._next] if self.rest else ""

    def finish(self) -> None:
        """Check that no line is left."""
        if self.rest:
            raise ValueError(f"{self._path.name}: {self.rest} lines left, the next: {self.following}")


def heading(out: Writer, official: Official, titles: int, *, style: str = "Title") -> None:
    """Append 附件… and the title's lines."""
    out.paragraph(official.take("附件"), "Annex")
    for _ in range(titles):
        out.paragraph(official.take(), style)


def row(*cells: str, style: str = "Cell", height_mm: float = 8.0, columns: int = 2) -> Row:
    """Return a row of two cells, the second over all columns left, or of one over all `columns`."""
    spans = (columns,) if len(cells) == 1 else (1, columns - 1)
    parts = tuple(Cell(one, style, span=span) for one, span in zip(cells, spans, strict=True))
    return Row(parts, whole=True, height_mm=height_mm)


def give_boxes_a_face(document: DocumentObject) -> None:
    """Put every `{{ box.… }}` into a run of its own, in a face that has both □ and ☑."""
    for run in list(document.element.body.iter(qn("w:r"))):
        text = run.find(qn("w:t"))
        pieces: Sequence[str] = _BOX.split(text.text or "") if text is not None else ()
        if len(pieces) < 2:
            continue
        for piece in filter(None, pieces):
            run.addprevious(_run(piece))
        parent = run.getparent()
        if parent is not None:
            parent.remove(run)


def _run(text: str) -> BaseOxmlElement:
    fonts = " ".join(f'w:{slot}="{SYMBOLS}"' for slot in ("ascii", "eastAsia", "hAnsi", "cs"))
    face = f"<w:rPr><w:rFonts {fonts}/></w:rPr>" if _BOX.fullmatch(text) else ""
    return parse_xml(f'<w:r {nsdecls("w")}>{face}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>')


def write_page_numbers(document: DocumentObject) -> None:
    """Set page numbers as GB/T 9704 has them: 四号 between dashes, odd pages right, even pages left."""
    document.settings.odd_and_even_pages_header_footer = True
    section = document.sections[0]
    for place, style in ((section.footer, "FooterOdd"), (section.even_page_footer, "FooterEven")):
        place.is_linked_to_previous = False
        element = place._element  # noqa: SLF001 - python-docx offers no way to give XML
        for child in list(element):
            element.remove(child)
        element.append(
            parse_xml(
                f'<w:p {nsdecls("w")}><w:pPr><w:pStyle w:val="{style}"/></w:pPr>'
                f'<w:r><w:t xml:space="preserve">— </w:t></w:r>{field_runs("PAGE", "1")}'
                '<w:r><w:t xml:space="preserve"> —</w:t></w:r></w:p>'
            )
        )


def build_form(
    text: Path, lay_out: Callable[[Writer, Official], None], *, title: str, edition: str, made_at: datetime
) -> bytes:
    """Return the template of one form; `lay_out` has to use up every line of the official text."""
    document = new_document(GONGWEN, GONGWEN_PAGE)
    official = Official(text)
    lay_out(Writer(document), official)
    official.finish()
    give_boxes_a_face(document)
    write_page_numbers(document)
    package = Package.open(to_bytes(document))
    package.set_properties(Properties(title=title, subject=edition, author="dengbao", made_at=made_at))
    return package.write()
