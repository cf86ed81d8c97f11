"""One item as a screen: where it stands in the order, and how it stands on each asset."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from ...catalog.guidance import guidance_for
from ...errors import UsageError
from ...evidence import Examined
from ...model import Asset, CaseResult, Chapter, Clause, Guidance, Item, Record, Status, Verdict
from ..desk import State
from ..ground import Ground

_BAD = (Verdict.NONCONFORM, Verdict.PARTIAL)


def address(item: str, asset: str = "") -> str:
    """Return where an item is shown, with an asset in focus."""
    return f"/item/{quote(item)}?asset={quote(asset)}#a-{quote(asset)}" if asset else f"/item/{quote(item)}"


@dataclass(frozen=True)
class Seat:
    """An item on one asset: what programs said, what was filed, whether something is typed and not filed."""

    item: Item
    asset: Asset
    case: CaseResult
    filed: tuple[Examined, ...]
    drafted: bool = False

    @property
    def address(self) -> str:
        """Return where the item is shown with this asset in focus."""
        return address(self.item.id, self.asset.id)

    @property
    def base(self) -> str:
        """Return the beginning of the addresses of what is done here."""
        return f"/item/{quote(self.item.id)}/{quote(self.asset.id)}"

    @property
    def records(self) -> tuple[Record, ...]:
        """Return what programs recorded, without what only a person can answer."""
        return tuple(one for one in self.case.records if one.check)

    @property
    def open(self) -> bool:
        """Tell whether there is no verdict yet."""
        return self.case.status is not Status.JUDGED

    @property
    def failed(self) -> bool:
        """Tell whether programs said 不符合 or 部分符合, which evidence overrules only with a reason."""
        return any(one.verdict in _BAD for one in self.records)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Return what is still to be supplied, without what the records below say themselves."""
        said = {text for one in self.records for text in (one.statement, one.remainder)}
        return tuple(one for one in self.case.lacks if one not in said)

    @cached_property
    def guidance(self) -> tuple[tuple[Guidance, ...], tuple[Guidance, ...]]:
        """Return the guidance for this asset's platform, and the rest."""
        return guidance_for(self.item, self.asset)

    @cached_property
    def phrases(self) -> tuple[tuple[str, str], ...]:
        """Return where it comes from → text that a statement may be built of, each once."""
        found: dict[str, str] = {}
        for source, text in self._phrases():
            found.setdefault(" ".join(text.split()), source)
        return tuple((source, text) for text, source in found.items() if text)

    def _phrases(self) -> Iterator[tuple[str, str]]:
        for record in self.records:
            yield "自动结果", record.statement
        for record in self.records:
            for one in record.criteria:
                yield "测得", one.measured
        for step in self.guidance[0]:
            yield "预期", step.expect
        if self.item.advice:
            yield "整改", self.item.advice


@dataclass(frozen=True)
class Screen:
    """An item in the order of the regulation."""

    state: State
    item: Item
    seats: tuple[Seat, ...]
    here: Seat

    @property
    def clause(self) -> Clause | None:
        """Return the item's clause; a mandatory item has none."""
        return self.state.clause_of.get(self.item.id)

    @property
    def chapter(self) -> Chapter | None:
        """Return the item's chapter; a mandatory item has none."""
        clause = self.clause
        chapters = self.state.session.suite.chapters
        return next((one for one in chapters if clause is not None and clause in one.clauses), None)

    @property
    def position(self) -> int:
        """Return which of all items it is, from 1."""
        return self.state.order.index(self.item.id) + 1

    @property
    def total(self) -> int:
        """Return how many items there are."""
        return len(self.state.order)

    @property
    def others(self) -> tuple[Seat, ...]:
        """Return the assets that are not in focus."""
        return tuple(one for one in self.seats if one is not self.here)

    def neighbour(self, step: int) -> str:
        """Return the address of the item before or after, on the same asset where it is asked there too."""
        at = self.position - 1 + step
        if not 0 <= at < self.total:
            return ""
        item = self.state.order[at]
        there = self.state.case(item, self.here.asset.id) is not None
        return address(item, self.here.asset.id if there else "")

    def beside(self, step: int) -> str:
        """Return the address of the asset before or after, empty at the ends."""
        at = self.seats.index(self.here) + step
        return self.seats[at].address if 0 <= at < len(self.seats) else ""

    @cached_property
    def unfinished(self) -> str:
        """Return the address of the next case without a verdict, empty where all have one."""
        return next_open(self.state, self.item.id, self.here.asset.id)


def next_open(state: State, item: str = "", asset: str = "") -> str:
    """Return the address of the first case without a verdict behind a place, begun again at the front."""
    cases = [one for id_ in state.order for one in state.items[id_].cases]
    at = next((n for n, one in enumerate(cases) if (one.item, one.asset) == (item, asset)), -1)
    around = (*cases[at + 1 :], *cases[: max(at, 0)])
    found = next((one for one in around if one.status is not Status.JUDGED), None)
    return address(found.item, found.asset) if found is not None else ""


def screen_of(state: State, item_id: str, asset_id: str, drafted: frozenset[str] = frozenset()) -> Screen:
    """Return an item's screen; without a known asset the first that has no verdict is in focus.

    Raises:
        UsageError: no such item, or it is asked of no asset.

    """
    item = state.item(item_id)
    if item is None:
        raise _no_item(item_id)
    seats = tuple(seat_of(state, item, one, one.asset in drafted) for one in state.items[item_id].cases)
    if not seats:
        raise UsageError(f"测评项 {item_id} 没有测评对象", cure="在 engagement.yaml 登记测评对象")
    asked = next((one for one in seats if one.asset.id == asset_id), None)
    return Screen(state, item, seats, asked or next((one for one in seats if one.open), seats[0]))


def _no_item(item_id: str) -> UsageError:
    return UsageError(f"没有测评项“{item_id[:20]}”", cure="从表格进入，或按 g 后输入编号，如 1.a.3")


def seat_on(ground: Ground, item_id: str, asset_id: str) -> Seat:
    """Return an item on an asset as programs alone left it: what was filed is neither there nor looked at.

    Raises:
        UsageError: no such item, or it is not asked of that asset.

    """
    item, asset = ground.items.get(item_id), ground.assets.get(asset_id)
    if item is None:
        raise _no_item(item_id)
    case = ground.case(item_id, asset_id)
    if case is None or asset is None:
        raise UsageError(f"测评项 {item_id} 不针对测评对象“{asset_id[:40]}”", cure="从测评项页面进入")
    return Seat(item, asset, case, ())


def seat_of(state: State, item: Item, case: CaseResult, drafted: bool = False) -> Seat:
    """Return an item on an asset."""
    engagement = state.round.engagement if state.round is not None else state.session.engagement
    asset = state.assets.get(case.asset) or engagement.asset(case.asset)
    if asset is None:
        raise UsageError(
            f"没有测评对象 {case.asset}", where="engagement.yaml", cure="恢复该测评对象，或重新检测"
        )
    return Seat(item, asset, case, state.evidence_of.get((item.id, case.asset), ()), drafted)


def find_item(state: State, told: str) -> str:
    """Return the item that a person means by `1.a.3`, `1a3`, `1.a` or `1`: the first that fits.

    Raises:
        UsageError: none does.

    """
    wanted = _plain(told)
    plain = {_plain(one): one for one in state.order}
    if wanted in plain:
        return plain[wanted]
    begins = f"{told.strip().rstrip('.')}."
    found = next((one for one in state.order if one.startswith(begins)), None)
    found = found or next((one for id_, one in plain.items() if wanted and id_.startswith(wanted)), None)
    if found is None:
        raise UsageError(f"没有测评项“{told[:20]}”", cure="写成 1.a.3、1.a 或 1")
    return found


def _plain(told: str) -> str:
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", told).casefold())
