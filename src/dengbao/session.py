"""What every door needs before it can do anything: content, suite, checks, engagement, plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from . import catalog, checking
from .content import Content, find_content
from .errors import UsageError
from .model import Asset, Case, Engagement, ParamValue, Plan, Suite, kind_of


@dataclass(frozen=True)
class Session:
    """One engagement with the content it is tested by; nothing has been contacted."""

    directory: Path
    content: Content
    suite: Suite
    registry: checking.Registry
    engagement: Engagement

    @cached_property
    def plan(self) -> Plan:
        """Return every case in official order."""
        return catalog.make_plan(self.suite, self.engagement, self.registry)

    @cached_property
    def profile(self) -> Mapping[str, ParamValue]:
        """Return the thresholds by name."""
        return {name: one.value for name, one in self.suite.profile.items()}

    @cached_property
    def uses(self) -> Mapping[tuple[str, str], Mapping[str, ParamValue]]:
        """Return (item, check) → the parameters given in the suite by `with:`."""
        return {(item.id, use.use): use.with_ for item in self.suite.items() for use in item.checks}

    def asset(self, asset_id: str) -> Asset:
        """Return an asset of the engagement."""
        found = self._assets.get(asset_id)
        if found is None:
            raise UsageError(f"没有测评对象 {asset_id}", where="engagement.yaml")
        return found

    def variant(self, case: Case) -> checking.Variant:
        """Return the function that judges a case."""
        return self.lookup.variant(case.check, self.asset(case.asset))

    @cached_property
    def lookup(self) -> catalog.Lookup:
        """Return what finds probes and functions for assets."""
        return catalog.Lookup(self.registry)

    @cached_property
    def _assets(self) -> Mapping[str, Asset]:
        return {one.id: one for one in self.engagement.assets}

    def probes_of_cases(self) -> dict[str, tuple[str, ...]]:
        """Return case id → names of the probes whose facts it needs."""
        known: dict[tuple[str, str], tuple[str, ...]] = {}
        found: dict[str, tuple[str, ...]] = {}
        for case in self.plan.cases:
            if case.check:
                key = (case.asset, case.check)
                if key not in known:
                    known[key] = self._probes_of(case)
                found[case.id] = known[key]
        return found

    def _probes_of(self, case: Case) -> tuple[str, ...]:
        asset = self.asset(case.asset)
        probes = self.lookup.probes(asset)
        wanted = (kind_of(need.facts) for need in self.variant(case).needs)
        first = (next((one.name for one in probes if kind in one.fact_kinds), "") for kind in wanted)
        return tuple(dict.fromkeys(name for name in first if name))


def open_session(directory: Path, content_folder: Path | None = None) -> Session:
    """Load everything an engagement folder names.

    Raises:
        UsageError, ContentError: with file, line and cure.

    """
    content = find_content(content_folder)
    registry = checking.load(content.checks)
    engagement = catalog.load_engagement(directory)
    suite = catalog.load_suite(content.suites / engagement.suite, registry)
    return Session(directory, content, suite, registry, engagement)


def reopen(session: Session) -> Session:
    """Return the session with `engagement.yaml` as it stands now, suite and checks as they were read.

    Raises:
        UsageError, ContentError: with file, line and cure.

    """
    engagement = catalog.load_engagement(session.directory)
    if engagement.suite != session.engagement.suite:
        return open_session(session.directory, session.content.root)
    return Session(session.directory, session.content, session.suite, session.registry, engagement)


def only_items(session: Session, plan: Plan, items: Iterable[str]) -> Plan:
    """Return the part of a plan whose items begin with one of `items` (`1`, `1.a`, `1.a.3`); all if none.

    Raises:
        UsageError: one of them names no item.

    """
    wanted = tuple(items)
    if not wanted:
        return plan
    strangers = [one for one in wanted if not any(_belongs(case, one) for case in plan.cases)]
    if strangers:
        raise UsageError(
            f"没有与 {'、'.join(strangers)} 相符的测评项",
            cure="写成 1、1.a 或 1.a.3；用 dengbao plan 查看全部",
        )
    chosen = {case.id for case in plan.cases if any(_belongs(case, one) for one in wanted)}
    return only_cases(session, plan, chosen)


def _belongs(case: Case, item: str) -> bool:
    return case.item == item or case.item.startswith(f"{item}.")


def only_cases(session: Session, plan: Plan, chosen: set[str]) -> Plan:
    """Return the part of a plan with these cases and the probes they need."""
    probes = session.probes_of_cases()
    cases = tuple(one for one in plan.cases if one.id in chosen)
    needed = {(case.asset, probe) for case in cases for probe in probes.get(case.id, ())}
    return msgspec.structs.replace(
        plan, cases=cases, probes=tuple(one for one in plan.probes if (one.asset, one.probe) in needed)
    )
