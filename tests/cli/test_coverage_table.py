"""Who answers which item: the table that `check list --coverage` prints."""

from __future__ import annotations

import json
from pathlib import Path

from dengbao import checking
from dengbao.catalog import load_suite
from dengbao.catalog.coverage import SORTS, Cell, Share, coverage, shares
from dengbao.model import Kind

from .conftest import Call

ROOT = Path(__file__).parents[2]
REGISTRY = checking.load(ROOT / "checks")
SUITE = load_suite(ROOT / "suites" / "annex3-2023", REGISTRY)
CELLS = list(coverage(SUITE, REGISTRY))


def test_every_item_has_a_cell_for_each_sort_it_is_asked_of() -> None:
    asked = [(item.id, sort) for item in SUITE.items() for sort, asset in SORTS if asset.kind in item.kinds]
    assert [(cell.item, cell.sort) for cell in CELLS] == asked
    assert {asset.kind for _, asset in SORTS} == set(Kind)


def test_what_is_left_to_people_has_a_reason() -> None:
    assert not [cell for cell in CELLS if cell.share is not Share.AUTOMATIC and not all(cell.why)]
    assert not [cell for cell in CELLS if cell.share is Share.BY_HAND and (cell.checks or not cell.why)]
    assert not [cell for cell in CELLS if cell.share is not Share.BY_HAND and not cell.checks]


def test_what_no_program_answers_of_an_application_says_why_in_the_suite() -> None:
    left = [cell for cell in CELLS if cell.sort == "应用" and cell.share is Share.BY_HAND]
    reasons = {item.id: item.by_hand.why.get(Kind.WEB, "") for item in SUITE.items()}
    assert left
    assert all(cell.why == (reasons[cell.item],) and reasons[cell.item] for cell in left)


def test_the_shares_add_up() -> None:
    counted = shares(CELLS)
    assert sum(sum(one.values()) for one in counted.values()) == len(CELLS)
    assert counted["系统"][Share.AUTOMATIC] == 0


def test_the_command_prints_every_item_and_the_sums(call: Call) -> None:
    done = call("check", "list", "--coverage")
    assert done.code == 0
    assert all(f"\n{item.id} " in done.out for item in SUITE.items())
    assert "自动与半自动占" in done.out


def test_the_command_prints_json_for_programs(call: Call) -> None:
    done = call("check", "list", "--coverage", "--format", "json")
    cells = [Cell(**{**one, "share": Share(one["share"])}) for one in json.loads(done.out)]
    assert [(one.item, one.sort, one.share) for one in cells] == [
        (one.item, one.sort, one.share) for one in CELLS
    ]


def test_an_unknown_suite_is_answered_with_the_nearest(call: Call) -> None:
    done = call("check", "list", "--coverage", "--suite", "annex3-2022")
    assert done.code == 2
    assert "annex3-2023" in done.err
