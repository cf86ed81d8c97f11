"""Pictures of a workbook with the cells they belong to: Excel's floating ones and those WPS puts in cells.

WPS writes `=DISPIMG("ID_…",1)` into the cell and the picture into `xl/cellimages.xml`, a part that other
programs drop when they save; it is read here from the container itself. Neither Excel nor WPS was at hand:
the shapes of both are made after what others have written of them; no file that WPS saved itself was read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from .container import Container

CELL_IMAGES: Final = "xl/cellimages.xml"
_DISPIMG: Final = re.compile(r'=\s*(?:_xlfn\.)?DISPIMG\(\s*"([^"]{1,80})"\s*,\s*\d+\s*\)', re.IGNORECASE)
_XDR: Final = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_BLIP: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}blip"
_EMBED: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}embed"
_ANCHORS: Final = tuple(f"{_XDR}{one}" for one in ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor"))


@dataclass(frozen=True)
class Picture:
    """A picture's bytes and the name it has inside the workbook."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Floating:
    """A picture that lies over the sheet; row and column, from 1, of the cell its corner is in, or 0."""

    row: int
    column: int
    picture: Picture


def in_cell_id(formula: str) -> str:
    """Return the id in a formula that stands for a WPS picture, empty for any other formula."""
    found = _DISPIMG.fullmatch(formula.strip())
    return found[1] if found else ""


def in_cell_pictures(container: Container) -> Mapping[str, Picture]:
    """Return id → picture of those WPS put into cells.

    Raises:
        EvidenceError: the part is damaged.

    """
    if CELL_IMAGES not in container.names:
        return {}
    found: dict[str, Picture] = {}
    for one in container.tree(CELL_IMAGES).iter(f"{_XDR}pic"):
        named = one.find(f"{_XDR}nvPicPr/{_XDR}cNvPr")
        for picture in _pictures(container, CELL_IMAGES, one):
            if named is not None:
                found[named.get("name", "")] = picture
    return found


def floating_pictures(container: Container, sheet_part: str) -> Iterator[Floating]:
    """Yield the pictures that lie over a sheet.

    Raises:
        EvidenceError: a drawing is damaged.

    """
    for relation in container.relations(sheet_part).values():
        if relation.kind != "drawing":
            continue
        for anchor in container.tree(relation.target).iter(*_ANCHORS):
            row, column = _corner(anchor)
            for picture in _pictures(container, relation.target, anchor):
                yield Floating(row, column, picture)


def _corner(anchor: etree._Element) -> tuple[int, int]:
    row = anchor.findtext(f"{_XDR}from/{_XDR}row", "").strip()
    column = anchor.findtext(f"{_XDR}from/{_XDR}col", "").strip()
    if not (row.isascii() and row.isdecimal() and column.isascii() and column.isdecimal()):
        return 0, 0
    return int(row) + 1, int(column) + 1


def _pictures(container: Container, part: str, element: etree._Element) -> Iterator[Picture]:
    relations = container.relations(part)
    for blip in element.iter(_BLIP):
        relation = relations.get(blip.get(_EMBED, ""))
        if relation is not None:
            yield Picture(posixpath.basename(relation.target), container.read(relation.target))
