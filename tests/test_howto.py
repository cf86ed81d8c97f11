"""The example of the how-to is a check that loads, and its scenarios give the verdicts of their names."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from dengbao import checking
from dengbao.model import HostAsset
from dengbao.probes.registry import facts_types
from tests.checks.scenarios import Loaded, Scenario, choose

TEXT = (Path(__file__).parents[1] / "docs" / "howto-write-a-check.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|yaml)\n(.*?)```", TEXT, re.DOTALL)
CODE = next(text for language, text in BLOCKS if language == "python")
SCENARIOS = {
    match[1]: text
    for language, text in BLOCKS
    if (match := re.match(r"# tests/checks/\S*/(\S+)\.yaml", text))
}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario_of_the_howto_gives_the_verdict_of_its_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "checks" / "identity"
    folder.mkdir(parents=True)
    for place in (folder, folder.parent):
        (place / "__init__.py").write_text('"""Checks."""\n', encoding="utf-8")
    (folder / "banner.py").write_text(CODE, encoding="utf-8")
    registry = checking.load(folder.parent)
    scenario = msgspec.convert(yaml.safe_load(SCENARIOS[name]), Scenario)
    kinds = facts_types()
    facts = {str(one["fact"]): msgspec.convert(one, kinds[str(one["fact"])]) for one in scenario.facts}
    asset = HostAsset(id="a", name="服务器", address="127.0.0.1:22")
    situation, _, verdict = name.rpartition(".")
    loaded = Loaded("identity.banner", situation, verdict, scenario, asset, facts)
    outcome = loaded.run(choose(registry, loaded))
    assert (outcome.verdict or outcome.status).value == verdict
    assert scenario.says in outcome.statement


def test_howto_shows_both_kinds_of_scenario() -> None:
    assert sorted(SCENARIOS) == ["host_shown.conform", "no_permission_host.undetermined"]
