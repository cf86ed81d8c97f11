"""Counts what was found; values are gone when a window is done."""

from __future__ import annotations

import hashlib
import heapq
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from .kinds import Cell, Hit, Kind, Sample, canonical, masked

_SAMPLES: Final = 5
_MAX_GROUPS: Final = 5000
_SKETCH: Final = 8192
_DIGEST_BYTES: Final = 8
_ALL: Final = 1 << (8 * _DIGEST_BYTES)


@dataclass(frozen=True)
class Finding:
    """How many values of a kind stand in one place: a member of a file, and a column where known."""

    kind: Kind
    file: str
    member: str
    table: str
    column: str
    count: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Total:
    """All values of a kind; `distinct` is exact while `exact`, else within about two percent."""

    kind: Kind
    count: int
    distinct: int
    exact: bool


@dataclass(frozen=True)
class Unread:
    """What was not looked at, and why; whoever judges must not take it for clean."""

    file: str
    member: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What a scan found: findings in order of appearance, totals by kind, and what stayed unread."""

    findings: tuple[Finding, ...]
    totals: tuple[Total, ...]
    unread: tuple[Unread, ...]
    files: int
    members: int
    text_bytes: int
    engine: str

    @property
    def complete(self) -> bool:
        """Tell whether everything was read."""
        return not self.unread

    def count(self, kind: Kind) -> int:
        """Return how many values of a kind were found."""
        return next((one.count for one in self.totals if one.kind is kind), 0)


class Distinct:
    """Counts distinct values by keyed digests in bounded memory: exact up to 8192, then estimated.

    Source: Bar-Yossef et al., Counting distinct elements in a data stream, 2002 (k minimum values).
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._lowest: list[int] = []  # a heap of negated digests
        self._known: set[int] = set()
        self.exact = True

    def add(self, value: bytes) -> None:
        """Count a value; only its digest is kept."""
        digest = hashlib.blake2b(value, digest_size=_DIGEST_BYTES, key=self._key).digest()
        number = int.from_bytes(digest, "big")
        if number in self._known:
            return
        if len(self._lowest) < _SKETCH:
            heapq.heappush(self._lowest, -number)
        elif number < -self._lowest[0]:
            self._known.discard(-heapq.heappushpop(self._lowest, -number))
            self.exact = False
        else:
            self.exact = False
            return
        self._known.add(number)

    @property
    def count(self) -> int:
        """Return how many distinct values were added."""
        if self.exact:
            return len(self._known)
        return round((_SKETCH - 1) * _ALL / -self._lowest[0])


@dataclass
class _Group:
    count: int = 0
    samples: list[Sample] = field(default_factory=list)


class Tally:
    """Takes hits one by one; holds no value, only counts, digests under `key`, and masked samples."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._groups: dict[tuple[Kind, str, str, str, str], _Group] = {}
        self._counts: Counter[Kind] = Counter()
        self._distinct: dict[Kind, Distinct] = {}
        self.unread: list[Unread] = []
        self.files = 0
        self.members = 0
        self.text_bytes = 0

    def add(self, hit: Hit, value: bytes, file: str, member: str, cell: Cell) -> _Group:
        """Count a hit, and return its group, which may want a sample."""
        kind = hit.kind
        self._counts[kind] += 1
        if kind not in self._distinct:
            self._distinct[kind] = Distinct(self._key)
        self._distinct[kind].add(canonical(kind, value))
        name = (kind, file, member, cell.table, cell.column)
        if name not in self._groups and len(self._groups) >= _MAX_GROUPS:
            name = (kind, file, "", "", "")
        group = self._groups.setdefault(name, _Group())
        group.count += 1
        return group

    def report(self, engine: str) -> Report:
        """Return what was counted."""
        return Report(
            findings=tuple(
                Finding(*name, count=group.count, samples=tuple(group.samples))
                for name, group in self._groups.items()
            ),
            totals=tuple(
                Total(kind, self._counts[kind], self._distinct[kind].count, self._distinct[kind].exact)
                for kind in Kind
                if self._counts[kind]
            ),
            unread=tuple(self.unread),
            files=self.files,
            members=self.members,
            text_bytes=self.text_bytes,
            engine=engine,
        )


def wants_sample(group: _Group) -> bool:
    """Tell whether another sample is kept."""
    return len(group.samples) < _SAMPLES


def sample(hit: Hit, value: bytes, *, line: int, offset: int, cell: str) -> Sample:
    """Return a hit as it may be shown."""
    return Sample(line, offset, masked(hit.kind, value), cell)
