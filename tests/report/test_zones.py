"""Pages are counted in zones: what a footer and the contents show, given on which sheet things stand."""

from __future__ import annotations

import pytest

from dengbao.report.zones import Numbering, Zone

ZONES = (
    Zone("upperRoman", restarts=True, first="", bookmarks={"front"}),
    Zone(restarts=True, first="body", bookmarks={"body", "late", "end"}),
    Zone(restarts=True, first="annex", bookmarks={"annex", "last"}),
)
PAGES = {"front": 4, "body": 6, "late": 15, "annex": 20}


def test_each_zone_counts_from_one() -> None:
    numbering = Numbering(ZONES, PAGES, 25)
    assert [numbering.shown(one) for one in PAGES] == ["IV", "1", "10", "1"]
    assert [numbering.last(one) for one in ("front", "end", "last")] == ["V", "14", "6"]


def test_what_is_not_certain_is_not_shown() -> None:
    numbering = Numbering(ZONES, {"front": 2, "late": 15}, 25)
    assert [numbering.shown(one) for one in ("front", "late", "annex")] == ["II", "", ""]
    assert [numbering.last(one) for one in ("front", "end", "last", "other")] == ["", "", "", ""]
    assert Numbering(ZONES, PAGES, 0).last("last") == ""


def test_a_document_of_one_section_counts_sheets() -> None:
    numbering = Numbering((Zone(bookmarks={"a"}),), {"a": 7}, 9)
    assert (numbering.shown("a"), numbering.last("a")) == ("7", "9")


@pytest.mark.parametrize(
    ("form", "shown"), [("lowerRoman", "xxiv"), ("decimal", "24"), ("chineseCounting", "")]
)
def test_forms_that_are_not_known_give_no_number(form: str, shown: str) -> None:
    assert Numbering((Zone(form, bookmarks={"a"}),), {"a": 24}, 30).shown("a") == shown
