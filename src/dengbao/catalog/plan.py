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
    planner = _Planner(Lookup(registry, offers))
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
        for spec in planner.lookup.probes(asset)
        if (asset.id, spec.name) in planner.needed
    )
    return Plan(suite=suite.id, suite_sha256=suite.sha256, cases=cases, probes=probes)


def variant_for(registry: Registry, check: str, asset: Asset, *, offers: Offers = probes_for) -> Variant:
    """Return the one variant of a check that can judge this asset.

    Raises:
        ContentError: no such check, none fits, or more than one fits.

    """
    return Lookup(registry, offers).variant(check, asset)


@dataclass
class _Alike:
    """What is known of all assets that the same probes look at; `needed` are probes by check."""

    probes: tuple[ProbeSpec, ...]
    kinds: frozenset[str]
    variants: dict[str, Variant | None] = field(default_factory=dict)
    needed: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Lookup:
    """Which probes look at an asset and which function judges it, found once for all assets alike."""

    registry: Registry
    offers: Offers = probes_for
    _alike: dict[tuple[tuple[str, ...], frozenset[str]], _Alike] = field(default_factory=dict)
    _assets: dict[str, _Alike] = field(default_factory=dict)

    def probes(self, asset: Asset) -> tuple[ProbeSpec, ...]:
        """Return the probes that can look at an asset."""
        return self._of(asset).probes

    def fitting(self, check: str, asset: Asset) -> Variant | None:
        """Return the function that can judge this asset, None if there is none.

        Raises:
            ContentError: no such check, or more than one fits.

        """
        alike = self._of(asset)
        if check not in alike.variants:
            alike.variants[check] = fitting(self.registry, check, alike.kinds)
        return alike.variants[check]

    def variant(self, check: str, asset: Asset) -> Variant:
        """Return the one function of a check that can judge this asset.

        Raises:
            ContentError: no such check, none fits, or more than one fits.

        """
        found = self.fitting(check, asset)
        if found is None:
            raise ContentError(
                f"检查 {check} 没有适用于测评对象 {asset.id}（{asset.kind.zh}）的判定函数",
                where=_place_of(self.registry, check),
                cure="为该类对象补写判定函数，或从 kinds 中去掉该类对象",
            )
        return found

    def needed(self, check: str, asset: Asset) -> tuple[str, ...]:
        """Return the names of the probes that bring what a check asks of this asset; none where none fits."""
        alike = self._of(asset)
        if check not in alike.needed:
            variant = self.fitting(check, asset)
            wanted = {kind_of(need.facts) for need in variant.needs} if variant else set()
            specs = (one for one in alike.probes if wanted.intersection(one.fact_kinds))
            alike.needed[check] = tuple(one.name for one in specs)
        return alike.needed[check]

    def _of(self, asset: Asset) -> _Alike:
        known = self._assets.get(asset.id)
        if known is None:
            probes = self.offers(asset)
            alike = _Alike(probes, offered(probes))
            known = self._alike.setdefault((tuple(one.name for one in probes), alike.kinds), alike)
            self._assets[asset.id] = known
        return known


@dataclass
class _Planner:
    """Makes cases, and notes which probes they need."""

    lookup: Lookup
    needed: set[tuple[str, str]] = field(default_factory=set)

    def cases(self, item: Item, asset: Asset) -> Iterator[Case]:
        found = False
        for use in item.checks:
            if self.lookup.fitting(use.use, asset) is not None:
                found = True
                self.needed.update((asset.id, one) for one in self.lookup.needed(use.use, asset))
                yield Case(item=item.id, asset=asset.id, check=use.use)
        if not found and (asset.kind is Kind.SYSTEM or Kind.SYSTEM not in item.kinds):
            yield Case(item=item.id, asset=asset.id)


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
