"""What stock tools report of a host is in our facts, or is left out for a written reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dengbao.catalog import load_suite
from dengbao.probes.registry import facts_types
from tools import compare_stock

TOOLS = compare_stock.tools()
ITEMS = {one.id for one in load_suite(Path(__file__).parents[1] / "suites" / "annex3-2023").items()}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda one: one.tool)
def test_everything_a_tool_reported_is_mapped_once(tool: compare_stock.Tool) -> None:
    mapped = Counter(test for group in tool.groups for test in group.tests)
    assert set(compare_stock.reported(tool.tool)) - set(mapped) == set()
    assert [one for one, count in mapped.items() if count > 1] == []


@pytest.mark.parametrize("tool", TOOLS, ids=lambda one: one.tool)
def test_every_group_names_facts_or_a_reason(tool: compare_stock.Tool) -> None:
    kinds = set(facts_types())
    for group in tool.groups:
        assert group.facts or group.why, group.what
        assert set(group.facts) <= kinds, group.what
        assert set(group.items) <= ITEMS, group.what


@pytest.mark.parametrize("name", ["lynis", "oscap"])
def test_what_a_tool_reported_of_a_host_was_brought_by_our_probe_in_the_same_run(name: str) -> None:
    brought = set(compare_stock.reported("dengbao"))
    tool = next(one for one in TOOLS if one.tool == name)
    seen = set(compare_stock.reported(name))
    hosts = {
        fact
        for group in tool.groups
        if seen.intersection(group.tests)
        for fact in group.facts
        if fact.startswith("host.")
    }
    assert hosts
    assert hosts - brought == set()


def test_page_is_up_to_date() -> None:
    assert compare_stock.PAGE.read_text(encoding="utf-8") == compare_stock.page()
