"""Compares package versions as the package managers do; the rules are those of the library `univers`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from univers.versions import DebianVersion, InvalidVersion, RpmVersion, Version

_KINDS: Final[Mapping[str, type[Version]]] = {"dpkg": DebianVersion, "rpm": RpmVersion}
_LONGEST: Final = 200


@lru_cache(maxsize=100_000)
def _parsed(manager: str, text: str) -> Version | None:
    if not text or len(text) > _LONGEST:
        return None
    try:
        return _KINDS[manager](text)
    except (InvalidVersion, ValueError, TypeError):
        return None


def compare(manager: str, one: str, other: str) -> int | None:
    """Return -1, 0 or 1 as `one` is older than, like or newer than `other`; None where nobody can tell."""
    left, right = _parsed(manager, one), _parsed(manager, other)
    if left is None or right is None:
        return None
    return (left > right) - (left < right)


def affects(manager: str, version: str, introduced: str, fixed: str, last: str) -> bool | None:
    """Tell whether a version lies in a span of affected versions; None where that cannot be told."""
    low = 1 if introduced in ("", "0") else compare(manager, version, introduced)
    if fixed:
        high = compare(manager, version, fixed)
        inside = None if high is None else high < 0
    elif last:
        high = compare(manager, version, last)
        inside = None if high is None else high <= 0
    else:
        inside = True
    if low is not None and low < 0:
        return False
    return None if low is None and inside else inside
