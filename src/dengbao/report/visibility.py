"""What of a document's text a reader would not see, whatever way it was hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from .package import xml_parser
from .toc import w

SMALLEST_HALF_POINTS: Final = 8  # 4 pt: below it nobody reads on paper
_PALE: Final = 0xE0
_DARK: Final = 0x50
_NARROWEST_PERCENT: Final = 20
_TIGHTEST: Final = -60  # twentieths of a point between letters
_RAISED_HALF_POINTS: Final = 80
_OFF_PAGE_TWIPS: Final = 9000
_LEAST_ROW_TWIPS: Final = 120
_COLOUR: Final = re.compile("[0-9A-Fa-f]{6}")
_DARK_NAMES: Final = ("black", "darkBlue", "darkRed", "darkMagenta", "darkGreen", "darkCyan")


@dataclass(frozen=True)
class Look:
    """How text looks; None where nothing is said. `odd_place` tells that it is squeezed or moved away."""

    vanish: bool | None = None
    strike: bool | None = None
    colour: str | None = None
    size: int | None = None
    behind: str | None = None
    odd_place: bool | None = None

    def over(self, other: Look) -> Look:
        """Return this look on top of another."""
        return Look(
            vanish=other.vanish if self.vanish is None else self.vanish,
            strike=other.strike if self.strike is None else self.strike,
            colour=self.colour or other.colour,
            size=self.size or other.size,
            behind=self.behind or other.behind,
            odd_place=other.odd_place if self.odd_place is None else self.odd_place,
        )

    @property
    def unseen(self) -> bool:
        """Tell whether a reader would not see text of this look."""
        tiny = self.size is not None and self.size < SMALLEST_HALF_POINTS
        if self.behind is not None and _dark(self.behind):
            return not _pale(self.colour)
        return bool(self.vanish) or bool(self.odd_place) or tiny or _pale(self.colour)


def _channels(colour: str | None) -> tuple[int, ...] | None:
    if colour is None or not _COLOUR.fullmatch(colour):
        return None
    return tuple(int(colour[at : at + 2], 16) for at in (0, 2, 4))


def _pale(colour: str | None) -> bool:
    channels = _channels(colour)
    return channels is not None and min(channels) >= _PALE


def _dark(colour: str) -> bool:
    channels = _channels(colour)
    return colour in _DARK_NAMES or (channels is not None and max(channels) <= _DARK)


def look_of(properties: etree._Element | None) -> Look:
    """Return what run properties (`w:rPr`) say."""
    if properties is None:
        return Look()
    colour, size = _value(properties, "color"), number(_value(properties, "sz"))
    return Look(
        vanish=_either(properties, "vanish", "specVanish"),
        strike=_either(properties, "strike", "dstrike"),
        colour=colour,
        size=size,
        behind=_value(properties, "highlight") or fill_of(properties),
        odd_place=_odd_place(properties),
    )


def fill_of(properties: etree._Element | None) -> str | None:
    """Return the colour that properties of a run or cell put behind their text."""
    shade = properties.find(w("shd")) if properties is not None else None
    return shade.get(w("fill")) if shade is not None else None


def _odd_place(properties: etree._Element) -> bool | None:
    scale, spacing = number(_value(properties, "w")), number(_value(properties, "spacing"))
    raised = number(_value(properties, "position"))
    said = [one for one in (scale, spacing, raised) if one is not None]
    if not said:
        return None
    return (
        (scale is not None and scale < _NARROWEST_PERCENT)
        or (spacing is not None and spacing < _TIGHTEST)
        or (raised is not None and abs(raised) > _RAISED_HALF_POINTS)
    )


def is_off_page(paragraph: etree._Element) -> bool:
    """Tell whether a paragraph is moved beside the page, or stands in a row that is hidden or too low."""
    indent = paragraph.find(f"{w('pPr')}/{w('ind')}")
    if indent is not None:
        sides = (
            number(indent.get(w(one))) or 0
            for one in ("left", "start", "right", "end", "firstLine", "hanging")
        )
        if any(abs(one) > _OFF_PAGE_TWIPS for one in sides):
            return True
    row = next((one for one in paragraph.iterancestors() if one.tag == w("tr")), None)
    properties = row.find(w("trPr")) if row is not None else None
    if properties is None:
        return False
    height = properties.find(w("trHeight"))
    low = (
        height is not None
        and height.get(w("hRule")) == "exact"
        and (number(height.get(w("val"))) or 0) < _LEAST_ROW_TWIPS
    )
    return low or bool(_either(properties, "hidden"))


def cell_fill(paragraph: etree._Element) -> str | None:
    """Return the colour of the cell a paragraph stands in."""
    cell = next((one for one in paragraph.iterancestors() if one.tag == w("tc")), None)
    return fill_of(cell.find(w("tcPr"))) if cell is not None else None


def _value(properties: etree._Element, name: str) -> str | None:
    found = properties.find(w(name))
    return found.get(w("val")) if found is not None else None


def number(text: str | None) -> int | None:
    """Return a number as XML gives it, None where it is none."""
    try:
        return round(float(text)) if text else None
    except (ValueError, OverflowError):
        return None


def _either(properties: etree._Element, *names: str) -> bool | None:
    said = [one for name in names if (one := properties.find(w(name))) is not None]
    if not said:
        return None
    return any(one.get(w("val"), "true") not in ("0", "false", "off", "none") for one in said)


class Looks:
    """The looks that a document's styles give."""

    def __init__(self, styles: bytes) -> None:
        root = etree.fromstring(styles, xml_parser())
        own: dict[str, tuple[Look, str]] = {}
        for style in root.iter(w("style")):
            key = style.get(w("styleId"), "")
            own[key] = (look_of(style.find(w("rPr"))), _value(style, "basedOn") or "")
        self._base = look_of(root.find(f"{w('docDefaults')}/{w('rPrDefault')}/{w('rPr')}"))
        self._styles: Mapping[str, Look] = {name: _chained(own, name) for name in own}

    def of_paragraph(self, paragraph: etree._Element) -> Look:
        """Return the look of a paragraph's text where its runs say nothing."""
        properties = paragraph.find(w("pPr"))
        name = _value(properties, "pStyle") if properties is not None else None
        own = self._styles.get(name or "", Look()).over(self._base)
        if is_off_page(paragraph):
            return Look(odd_place=True).over(own)
        behind = cell_fill(paragraph)
        return own.over(Look(behind=behind)) if behind is not None else own

    def of_run(self, run: etree._Element, paragraph: Look) -> Look:
        """Return the look of a run of a paragraph."""
        properties = run.find(w("rPr"))
        name = _value(properties, "rStyle") if properties is not None else None
        return look_of(properties).over(self._styles.get(name or "", Look())).over(paragraph)


def _chained(own: Mapping[str, tuple[Look, str]], name: str) -> Look:
    look = Look()
    for _ in range(20):  # a chain of styles may be a ring
        if name not in own:
            break
        look, name = look.over(own[name][0]), own[name][1]
    return look
