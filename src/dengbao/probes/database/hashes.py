"""Counts how an application stores passwords, by the shapes of the values alone; keeps nothing of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ...hash_shapes import kind_of_hash
from .facts import HashCount


def hashes_of(values: Iterable[str | bytes | None]) -> tuple[HashCount, ...]:
    """Return how many values have which shape."""
    kinds = Counter(kind_of_hash(one) for one in values)
    return tuple(HashCount(kind=name, count=number) for name, number in sorted(kinds.items()))


def repeats(values: Iterable[str | bytes | None]) -> int:
    """Return how many values stand in more than one place; empty ones do not count."""
    seen = Counter(one for one in values if one)
    return sum(number for number in seen.values() if number > 1)
