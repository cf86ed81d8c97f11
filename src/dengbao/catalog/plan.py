"""Items × assets × checks → the plan of cases, in official order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..checking import Registry, Variant
from ..errors import ContentError, UsageError
from ..model import Asset, Case, Engagement, Item, Kind, Plan, PlannedProbe, Suite, kind_of
from ..probes.base import ProbeSpec
from ..probes.registry import probes_for
from ..reading import suggest

Offers = Callable[[Asset], tuple[ProbeSpec, ...]]


def make_plan(
    suite: Suite, engagement: Engagement, registry: Registry, *, offers: Offers = probes_for
) -> Plan:
    """Return every case of the engagement and the probes whose facts they need.

    An item meets each asset of its kinds; there each check with a fitting variant is a case. Where
    none fits, the item is one case that people answer, unless they answer it for the system as a whole
    anyway; where the engagement has no asset of the item's kinds, it is one, too, so that no item
    vanishes. `offers` tells which probes can look at an asset.

    Raises:
        ContentError: a check that does not exist, or whose variants are not told apart by an asset.
        UsageError: a 不适用 declaration names an item or a case that is not planned.

    """
    planner = _Planner(registry, offers)
    cases = tuple(
        case
        for item in suite.items()
        for asset in engagement.assets_of(item.kinds)
        for case in planner.cases(item, asset)
    )
    _refuse_stray_declarations(suite, engagement, cases)
    probes = tuple(
        PlannedProbe(asset=asset.id, probe=spec.name)
        for asset in engagement.assets
        for spec in planner.probes(asset)
        if (asset.id, spec.name) in planner.needed
    )
    return Plan(suite=suite.id, suite_sha256=suite.sha256, cases=cases, probes=probes)


def variant_for(registry: Registry, check: str, asset: Asset, *, offers: Offers = probes_for) -> Variant:
    """Return the one variant of a check that can judge this asset.

    Raises:
        ContentError: no such check, none fits, or more than one fits.

    """
    found = fitting(registry, check, offered(offers(asset)))
    if found is None:
        raise ContentError(
            f"检查 {check} 没有适用于测评对象 {asset.id}（{asset.kind.zh}）的判定函数",
            where=_place_of(registry, check),
            cure="为该类对象补写判定函数，或从 kinds 中去掉该类对象",
        )
    return found


@dataclass
class _Planner:
    """Looks up probes and variants once for all assets that are alike."""

    registry: Registry
    offers: Offers
    needed: set[tuple[str, str]] = field(default_factory=set)
    _probes: dict[str, tuple[ProbeSpec, ...]] = field(default_factory=dict)
    _variants: dict[tuple[str, frozenset[str]], Variant | None] = field(default_factory=dict)

    def probes(self, asset: Asset) -> tuple[ProbeSpec, ...]:
        if asset.id not in self._probes:
            self._probes[asset.id] = self.offers(asset)
        return self._probes[asset.id]

    def cases(self, item: Item, asset: Asset) -> Iterator[Case]:
        found = False
        for use in item.checks:
            variant = self._variant(use.use, asset)
            if variant is not None:
                found = True
                self._need(variant, asset)
                yield Case(item=item.id, asset=asset.id, check=use.use)
        if not found and (asset.kind is Kind.SYSTEM or Kind.SYSTEM not in item.kinds):
            yield Case(item=item.id, asset=asset.id)

    def _variant(self, check: str, asset: Asset) -> Variant | None:
        key = (check, offered(self.probes(asset)))
        if key not in self._variants:
            self._variants[key] = fitting(self.registry, *key)
        return self._variants[key]

    def _need(self, variant: Variant, asset: Asset) -> None:
        wanted = {kind_of(need.facts) for need in variant.needs}
        for spec in self.probes(asset):
            if wanted.intersection(spec.fact_kinds):
                self.needed.add((asset.id, spec.name))


def offered(probes: tuple[ProbeSpec, ...]) -> frozenset[str]:
    """Return the kinds of facts that these probes bring."""
    return frozenset(kind for spec in probes for kind in spec.fact_kinds)


def fitting(registry: Registry, check: str, kinds: frozenset[str]) -> Variant | None:
    """Return the one variant of a check that needs nothing but these kinds of facts, None if there is none.

    Raises:
        ContentError: no such check, or more than one fits.

    """
    variants = registry.of(check)
    if not variants:
        raise ContentError(f"没有检查“{check}”", where="checks", cure=no_check_cure(check, registry))
    fitting = [
        one for one in variants if {kind_of(need.facts) for need in one.needs if not need.optional} <= kinds
    ]
    if len(fitting) > 1:
        names = "、".join(one.function.__name__ for one in fitting)
        raise ContentError(
            f"检查 {check} 有多个判定函数同时适用：{names}",
            where=_place_of(registry, check),
            cure="让每个函数使用不同的事实，或合并为一个函数",
        )
    return fitting[0] if fitting else None


def no_check_cure(check: str, registry: Registry) -> str:
    """Return what to do about a check that does not exist."""
    return suggest(check, registry.ids()) or "补写该检查，或改正名称"


def _place_of(registry: Registry, check: str) -> str:
    first = registry.of(check)[0]
    return f"{first.source}:{first.function.__code__.co_firstlineno}"


def _refuse_stray_declarations(suite: Suite, engagement: Engagement, cases: tuple[Case, ...]) -> None:
    planned = {(one.item, one.asset) for one in cases}
    items = [one.id for one in suite.items()]
    for number, one in enumerate(engagement.not_applicable, 1):
        where = f"engagement.yaml not_applicable第{number}项"
        if one.item not in items:
            raise UsageError(f"没有测评项“{one.item}”", where=where, cure=suggest(one.item, items))
        if (one.item, one.asset) not in planned:
            raise UsageError(
                f"测评项 {one.item} 本来就不针对测评对象 {one.asset}", where=where, cure="删去这条不适用声明"
            )
