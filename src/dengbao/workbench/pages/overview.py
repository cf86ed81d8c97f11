"""Overview: where the engagement stands, chapter by chapter and asset by asset, and what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...model import Asset, CaseResult, ItemResult
from ..desk import State
from ..shown import tone
from ..visit import Visit, look

# What is worst or most in need of a hand is what a cell of the grid shows.
_GRAVEST: Final = (
    "nonconform", "partial", "undetermined", "not_run", "awaiting_evidence", "conform", "not_applicable",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A chapter on an asset: how many cases of each tone, and the gravest of them."""

    counts: Counter[str]

    @property
    def tone(self) -> str:
        """Return the gravest tone, empty where nothing is planned."""
        return next((one for one in _GRAVEST if self.counts[one]), "")


@dataclass(frozen=True)
class Row:
    """A chapter over all assets."""

    title: str
    number: int
    cells: tuple[tuple[Asset, Cell], ...]


def show(visit: Visit) -> Response:
    """Show the grid, the counts and the next step."""
    state = visit.desk.state()
    return visit.page("overview.html", state=state, rows=grid(state), counts=counted(state.items.values()))


def grid(state: State) -> tuple[Row, ...]:
    """Return the mandatory items and each chapter as rows, the assets as columns."""
    parts = [("必须测试项", 0, state.result.mandatory)]
    by_clause = {one.clause.id: one.items for one in state.result.clauses}
    for chapter in state.session.suite.chapters:
        items = tuple(item for clause in chapter.clauses for item in by_clause.get(clause.id, ()))
        parts.append((chapter.title, chapter.number, items))
    return tuple(Row(title, number, _cells(state, items)) for title, number, items in parts)


def _cells(state: State, items: Iterable[ItemResult]) -> tuple[tuple[Asset, Cell], ...]:
    counts: dict[str, Counter[str]] = {one: Counter() for one in state.assets}
    for case in (case for item in items for case in item.cases):
        counts[case.asset][_tone(case)] += 1
    return tuple((asset, Cell(counts[one])) for one, asset in state.assets.items())


def counted(items: Iterable[ItemResult]) -> Counter[str]:
    """Return how many items have each tone."""
    return Counter(tone(one.status, one.verdict) for one in items)


def _tone(case: CaseResult) -> str:
    return tone(case.status, case.verdict)


ROUTES: Final[tuple[Route, ...]] = (look("/", show),)
