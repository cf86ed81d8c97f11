"""Every check gives the verdict written in the name of each of its scenario files."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from dengbao import checking
from dengbao.model import Coverage

from .scenarios import called, choose, load, load_all, paths

REGISTRY = checking.load(Path(__file__).parents[2] / "checks")
# An assessor's opening, and something seen: a number, a name, a quotation, or that there is none.
OPENING = re.compile(r"经(核查|测试验证)，")
SEEN = re.compile(r"\d|[A-Za-z_]{2,}|“|：无|未|没有|为空")


# Read in the test: every process of the tests collects them all, and one of them runs them.
@pytest.mark.parametrize("path", paths(), ids=called)
def test_scenario_gives_the_verdict_of_its_name(path: Path) -> None:
    loaded = load(path)
    outcome = loaded.run(choose(REGISTRY, loaded))
    got = outcome.verdict.value if outcome.verdict else outcome.status.value
    assert got == loaded.expected, outcome.statement
    if loaded.scenario.reason is not None:
        assert outcome.reason is loaded.scenario.reason
    assert loaded.scenario.says in outcome.statement
    if outcome.verdict is not None:
        assert OPENING.match(outcome.statement)
        assert SEEN.search(outcome.statement)


def test_every_variant_has_all_four_situations() -> None:
    """Conform, nonconform, cannot tell, no permission: for each function, not only each check."""
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for loaded in load_all():
        name = choose(REGISTRY, loaded).function.__name__
        kind = "no_permission" if loaded.name.startswith("no_permission") else loaded.expected
        seen[loaded.check, name].add(kind)
    wanted = {"conform", "nonconform", "undetermined", "no_permission"}
    lacking = {
        f"{one.check}:{one.function.__name__}": sorted(wanted - seen[one.check, one.function.__name__])
        for one in REGISTRY
        if not wanted <= seen[one.check, one.function.__name__]
    }
    assert not lacking


def test_what_leaves_something_to_people_says_so() -> None:
    """`half` of the decorator is what `check list --coverage` shows: it must tell the truth."""
    partial: set[tuple[str, str]] = set()
    for loaded in load_all():
        variant = choose(REGISTRY, loaded)
        if loaded.run(variant).coverage is Coverage.PARTIAL:
            partial.add((loaded.check, variant.function.__name__))
    said = {(one.check, one.function.__name__) for one in REGISTRY if one.half}
    assert partial - said == set(), "returns Coverage.PARTIAL, but has no half="
    assert said - partial == set(), "has half=, but no scenario with Coverage.PARTIAL"


def test_every_check_names_its_source_clause() -> None:
    silent = [f"{one.check}:{one.function.__name__}" for one in REGISTRY if "Source:" not in one.doc]
    assert not silent
