"""Reads the scenario files that lie beside the tests: facts in, expected verdict in the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import yaml

from dengbao.checking import Registry, Variant
from dengbao.errors import Reason
from dengbao.judging import Outcome, apply
from dengbao.model import Asset, Facts, Missing, ParamValue, Value
from dengbao.probes.registry import facts_types

FOLDER = Path(__file__).parent
# Thousands of files: the safe loader in C, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ASSETS = {
    "web": {"url": "https://his.test"},
    "tls": {"address": "127.0.0.1:443"},
    "host": {"address": "127.0.0.1:22"},
    "database": {"address": "127.0.0.1:5432", "platform": "postgresql"},
    "backup": {"path": "backup"},
    "system": {},
}


class Scenario(Value):
    """One situation; `asset` must name its kind, everything else has a default."""

    asset: dict[str, object]
    facts: tuple[dict[str, object], ...] = ()
    missing: tuple[Missing, ...] = ()
    params: dict[str, ParamValue] = msgspec.field(default_factory=dict)
    reason: Reason | None = None
    says: str = ""


@dataclass(frozen=True)
class Loaded:
    """A scenario with the check it belongs to."""

    check: str
    name: str
    expected: str
    scenario: Scenario
    asset: Asset
    facts: dict[str, Facts]

    def run(self, variant: Variant) -> Outcome:
        """Apply the check."""
        lacks = {one.fact: one for one in self.scenario.missing}
        return apply(variant, asset=self.asset, facts=self.facts, missing=lacks, params=self.scenario.params)


def paths() -> list[Path]:
    """Return every `<chapter>/<question>/<situation>.<verdict>.yaml`."""
    return sorted(FOLDER.glob("*/*/*.yaml"))


def called(path: Path) -> str:
    """Return what a scenario is called among the tests, without reading it."""
    situation, verdict = path.stem.rsplit(".", 1)
    return f"{path.parts[-3]}.{path.parts[-2]}-{situation}-{verdict}"


_kinds = cache(facts_types)


@cache  # the tests of a scenario and those of all of them share it; nobody changes one
def load(path: Path) -> Loaded:
    """Read one scenario."""
    situation, verdict = path.stem.rsplit(".", 1)
    raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe one
    scenario = msgspec.convert(raw, Scenario)
    base: dict[str, object] = {"id": "a", "name": "测评对象", **_ASSETS[str(scenario.asset["kind"])]}
    asset: Asset = msgspec.convert({**base, **scenario.asset}, Asset)
    facts = {str(one["fact"]): msgspec.convert(one, _kinds()[str(one["fact"])]) for one in scenario.facts}
    return Loaded(f"{path.parts[-3]}.{path.parts[-2]}", situation, verdict, scenario, asset, facts)


def load_all() -> Iterator[Loaded]:
    """Yield every scenario."""
    return map(load, paths())


def choose(registry: Registry, loaded: Loaded) -> Variant:
    """Return the variant that takes the facts named in the scenario, present or missing."""
    named = set(loaded.facts) | {one.fact for one in loaded.scenario.missing}
    fitting = [
        one
        for one in registry.of(loaded.check)
        if {str(need.facts.__struct_config__.tag) for need in one.needs if not need.optional} <= named
    ]
    assert len(fitting) == 1, f"{loaded.check}/{loaded.name}: {len(fitting)} variants fit {sorted(named)}"
    return fitting[0]
