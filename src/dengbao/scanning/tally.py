"""Counts what was found; values are gone when a window is done."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .kinds import Cell, Kind, Sample, canonical_of, masked

_SAMPLES: Final = 5
_MAX_GROUPS: Final = 5000
_SKETCH: Final = 8192
_DIGEST_BYTES: Final = 8
_OF_REGIONS: Final = (Kind.ID_CARD, Kind.ID_CARD_15)
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
    """What a scan found: findings in order of appearance, totals by kind, and what stayed unread.

    `outside`: how many id numbers do not begin with the regions that were given; 0 where none were.
    `alike_held`, `alike_failed`: of the first numbers with region and date of an id card, how many hold
    their check digit and how many fail it. `unmarked`: how many names lack the marker,
    0 where none was given.
    """

    findings: tuple[Finding, ...]
    totals: tuple[Total, ...]
    unread: tuple[Unread, ...]
    files: int
    members: int
    text_bytes: int
    engine: str
    outside: int = 0
    alike_held: int = 0
    alike_failed: int = 0
    unmarked: int = 0

    @property
    def complete(self) -> bool:
        """Tell whether everything was read."""
        return not self.unread

    def count(self, kind: Kind) -> int:
        """Return how many values of a kind were found."""
        return next((one.count for one in self.totals if one.kind is kind), 0)


class Distinct:
    """Counts distinct values by keyed digests in bounded memory: exact up to 16384, then estimated.

    Source: Bar-Yossef et al., Counting distinct elements in a data stream, 2002 (k minimum values).
    """

    def __init__(self, key: bytes) -> None:
        self._empty = hashlib.blake2b(digest_size=_DIGEST_BYTES, key=key)
        self._known: set[bytes] = set()  # the lowest, and fewer than as many again
        self._bound = b""  # what is not below it is not among the lowest
        self.exact = True

    def add(self, values: Iterable[bytes]) -> None:
        """Count values; only their digests are kept."""
        empty, bound = self._empty.copy, self._bound
        digests = set()
        for value in values:
            keyed = empty()
            keyed.update(value)
            digest = keyed.digest()
            if not bound or digest < bound:
                digests.add(digest)
        self._take(digests)

    def __getstate__(self) -> dict[str, object]:
        """Leave the key behind: what another process counted is only joined."""
        return {"_known": self._known, "exact": self.exact}

    def join(self, other: Distinct) -> None:
        """Take what another one counted under the same key."""
        self.exact = self.exact and other.exact
        self._take(other._known)

    def _take(self, digests: set[bytes]) -> None:
        self._known |= digests
        if len(self._known) > 2 * _SKETCH:
            lowest = sorted(self._known)[:_SKETCH]
            self._known = set(lowest)
            self._bound = lowest[-1]
            self.exact = False

    @property
    def count(self) -> int:
        """Return how many distinct values were added."""
        if self.exact:
            return len(self._known)
        last = sorted(self._known)[_SKETCH - 1]
        return round((_SKETCH - 1) * _ALL / int.from_bytes(last, "big"))


def _offset(one: Sample) -> int:
    return one.offset


@dataclass
class Group:
    """The values of one kind in one place: how many, a few of them masked, in which window the first."""

    first: int = 0
    count: int = 0
    samples: list[Sample] = field(default_factory=list)

    def join(self, other: Group) -> None:
        """Take what another one counted of the same place, and the first of both samples."""
        self.first = min(self.first, other.first)
        self.count += other.count
        self.samples = sorted((*self.samples, *other.samples), key=_offset)[:_SAMPLES]

    @property
    def wanted(self) -> int:
        """Return how many more samples are kept."""
        return _SAMPLES - len(self.samples)


class Tally:
    """Takes hits one by one; holds no value, only counts, digests under `key`, and masked samples."""

    def __init__(self, key: bytes | None = None, regions: tuple[str, ...] = (), marker: str = "") -> None:
        self._key = key or secrets.token_bytes(32)
        self._regions = tuple(one.encode() for one in regions)
        self._marker = marker.encode()
        self._outside = self._unmarked = 0
        self._groups: dict[tuple[Kind, str, str, str, str], Group] = {}
        self._counts: Counter[Kind] = Counter()
        self._distinct: dict[Kind, Distinct] = {}
        self.alike_held = self.alike_failed = 0
        self.unread: list[Unread] = []
        self.files = 0
        self.members = 0
        self.text_bytes = 0

    def add(self, kind: Kind, values: list[bytes]) -> None:
        """Count the values of a kind in one window; those alike are digested once."""
        self._counts[kind] += len(values)
        if kind not in self._distinct:
            self._distinct[kind] = Distinct(self._key)
        if self._regions and kind in _OF_REGIONS:
            self._outside += sum(not one.startswith(self._regions) for one in values)
        if self._marker and kind is Kind.NAME:
            self._unmarked += sum(self._marker not in one for one in values)
        self._distinct[kind].add(canonical_of(kind, values))

    def join(self, other: Tally) -> None:
        """Take what another share of the same scan counted, under the same key."""
        for name, group in other._groups.items():
            self._groups.setdefault(name, Group(group.first)).join(group)
        self._groups = dict(sorted(self._groups.items(), key=lambda one: one[1].first))
        self._counts += other._counts
        for kind, distinct in other._distinct.items():
            self._distinct.setdefault(kind, Distinct(self._key)).join(distinct)
        self.unread += [one for one in other.unread if one not in self.unread]
        self.text_bytes += other.text_bytes
        self._outside += other._outside
        self._unmarked += other._unmarked
        self.alike_held += other.alike_held
        self.alike_failed += other.alike_failed

    def group(self, kind: Kind, file: str, member: str, cell: Cell, window: int) -> Group:
        """Return the group of a kind in one place; beyond the bound, of the whole file."""
        name = (kind, file, member, cell.table, cell.column)
        if name not in self._groups and len(self._groups) >= _MAX_GROUPS:
            name = (kind, file, "", "", "")
        return self._groups.setdefault(name, Group(window))

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
            outside=self._outside,
            unmarked=self._unmarked,
            alike_held=self.alike_held,
            alike_failed=self.alike_failed,
        )


def sample(kind: Kind, value: bytes, *, line: int, offset: int, cell: str) -> Sample:
    """Return a hit as it may be shown."""
    return Sample(line, offset, masked(kind, value), cell)
