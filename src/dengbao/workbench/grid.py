"""Chapters × assets: how many cases of each word every cell holds, the gravest first."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from .desk import State
from .rows import Row, rows_of

# What is worst or most in need of a hand is what a cell says first.
GRAVEST: Final = (
    "nonconform", "partial", "undetermined", "not_run", "awaiting_evidence", "conform", "not_applicable",
)  # fmt: skip
_SHORT: Final = 10
_MOST_COLUMNS: Final = 8


@dataclass(frozen=True)
class Head:
    """A chapter or an asset: what fits over a column, and its full name."""

    short: str
    full: str


@dataclass(frozen=True)
class Cell:
    """A chapter on an asset; `path` leads to its cases in the table."""

    counts: tuple[tuple[str, int], ...]
    path: str
    name: str

    @property
    def gravest(self) -> tuple[str, int] | None:
        """Return the gravest word and how many cases it has, None where nothing is planned."""
        return self.counts[0] if self.counts else None

    @property
    def others(self) -> tuple[tuple[str, int], ...]:
        """Return the other words with their numbers."""
        return self.counts[1:]


@dataclass(frozen=True)
class Grid:
    """The cells, row by row. Many assets stand below one another, because a page is wide only once."""

    corner: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Head, tuple[Cell, ...]], ...]


@functools.lru_cache(maxsize=1)
def grid_of(state: State) -> Grid:
    """Return the grid; the mandatory items stand before the first chapter."""
    rows = rows_of(state)
    counts: dict[tuple[int, str], Counter[str]] = {}
    for one in rows:
        counts.setdefault((one.chapter, one.asset), Counter())[one.tone] += 1
    chapters = _chapters(rows)
    assets = _heads(state)
    addresses = {one: quote(one, safe="") for one in assets}

    def cell(chapter: int, asset: str) -> Cell:
        found = counts.get((chapter, asset), Counter())
        path = f"/table?chapter={chapter}&asset={addresses[asset]}"
        name = f"{chapters[chapter].full}，{assets[asset].full}"
        return Cell(tuple((one, found[one]) for one in GRAVEST if found[one]), path, name)

    if len(assets) > _MOST_COLUMNS:
        body = tuple((head, tuple(cell(one, asset) for one in chapters)) for asset, head in assets.items())
        return Grid("测评对象", tuple(chapters.values()), body)
    body = tuple((head, tuple(cell(one, asset) for asset in assets)) for one, head in chapters.items())
    return Grid("章", tuple(assets.values()), body)


def _chapters(rows: Iterable[Row]) -> dict[int, Head]:
    titles = {one.chapter: one.chapter_title for one in rows}
    return {one: Head(title, f"{one} {title}" if one else title) for one, title in titles.items()}


def _heads(state: State) -> dict[str, Head]:
    """Return the assets; one with a long name, or with another's, is called by its id."""
    names = Counter(one.name for one in state.assets.values())
    return {
        key: Head(one.name, one.name)
        if one.name and len(one.name) <= _SHORT and names[one.name] == 1
        else Head(key, f"{one.name}（{key}）")
        for key, one in state.assets.items()
    }
