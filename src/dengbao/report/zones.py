"""Page-number zones: front matter in roman numerals, body and appendix each counted from one.

LibreOffice does not know `SECTIONPAGES`, so a footer tells how many pages its zone has by `PAGEREF` of a
bookmark at the zone's end; what a contents entry or such a field shows is worked out here from sheets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_ROMAN: Final = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
_MOST_ROMAN: Final = 39  # a front matter is shorter; beyond it no letter is to be had here


def w(name: str) -> str:
    """Return a name of WordprocessingML in lxml's notation."""
    return f"{{{W}}}{name}"


@dataclass
class Zone:
    """A section; `first` is the bookmark of the text it begins with, empty where that has none."""

    form: str = "decimal"
    restarts: bool = False
    first: str | None = None
    bookmarks: set[str] = field(default_factory=set)


def find_zones(root: etree._Element) -> tuple[Zone, ...]:
    """Return the sections of a document in order; headings must have their bookmarks already."""
    zones = [Zone()]
    for paragraph in root.iter(w("p")):
        names = [one.get(w("name"), "") for one in paragraph.iter(w("bookmarkStart"))]
        zones[-1].bookmarks.update(names)
        if zones[-1].first is None and "".join(one.text or "" for one in paragraph.iter(w("t"))).strip():
            zones[-1].first = names[0] if names else ""
        ends = paragraph.find(f"{w('pPr')}/{w('sectPr')}")
        if ends is not None:
            _number(zones[-1], ends)
            zones.append(Zone())
    last = root.find(f"{w('body')}/{w('sectPr')}")
    if last is not None:
        _number(zones[-1], last)
    return tuple(zones)


def _number(zone: Zone, section: etree._Element) -> None:
    kind = section.find(w("pgNumType"))
    if kind is not None:
        zone.form = kind.get(w("fmt"), "decimal")
        zone.restarts = kind.get(w("start")) == "1"


class Numbering:
    """What is printed as the number of a page, given on which sheet each bookmark stands."""

    def __init__(self, zones: Sequence[Zone], pages: Mapping[str, int], total: int) -> None:
        self._pages = pages
        self._total = total
        self._zone_of = {name: place for place, zone in enumerate(zones) for name in zone.bookmarks}
        self._forms = [one.form for one in zones]
        self._restarts = [place == 0 or one.restarts for place, one in enumerate(zones)]
        self._ones: list[int | None] = []
        for place, zone in enumerate(zones):
            if place == 0:
                self._ones.append(1)
            elif zone.restarts:
                self._ones.append(pages.get(zone.first or ""))
            else:
                self._ones.append(self._ones[-1])

    def shown(self, bookmark: str) -> str:
        """Return the number printed on the page of a bookmark, empty where it is not certain."""
        page, place = self._pages.get(bookmark), self._zone_of.get(bookmark, 0)
        one = self._ones[place]
        return "" if page is None or one is None else _written(page - one + 1, self._forms[place])

    def last(self, bookmark: str) -> str:
        """Return the number of the last page of the zone that a bookmark ends, empty where unknown."""
        place = self._zone_of.get(bookmark)
        one = self._ones[place] if place is not None else None
        if place is None or one is None or not self._total:
            return ""
        later = (at for at in range(place + 1, len(self._ones)) if self._restarts[at])
        following = next(later, None)
        end = self._total + 1 if following is None else self._ones[following]
        return "" if end is None else _written(end - one, self._forms[place])


def _written(number: int, form: str) -> str:
    if form == "decimal":
        return str(number)
    if form not in ("upperRoman", "lowerRoman") or not 0 < number <= _MOST_ROMAN:
        return ""
    letters = ""
    for value, letter in _ROMAN:
        letters += letter * (number // value)
        number %= value
    return letters if form == "upperRoman" else letters.lower()
