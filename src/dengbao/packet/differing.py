"""Tells two values apart field by field, in words that people can read; nothing personal stays in clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from ..model.recheck import FactChange
from ..redact import Redactor

MAX_CHANGES: Final = 40
_WIDTH: Final = 120
_NAMES: Final = ("id", "name", "username", "user", "path", "url", "port", "address", "key", "title", "table")
# They differ in every run and mean nothing by themselves; they are counted, not printed.
_TIMES: Final = ("_at", "_ms", "elapsed_s", "duration_s", "took_s")
_ABSENT: Final = "（无）"


def differences(
    fact: str, before: object, after: object, redactor: Redactor
) -> tuple[tuple[FactChange, ...], int]:
    """Return what differs, at most `MAX_CHANGES`, and how many more there are, mere times among them."""
    told: list[FactChange] = []
    more = 0
    for place, old, new in _walk("", before, after):
        if len(told) >= MAX_CHANGES or place.endswith(_TIMES):
            more += 1
        else:
            words = (_shown(one, redactor) for one in (old, new))
            told.append(FactChange(fact=fact, place=place or "全部", before=next(words), after=next(words)))
    return tuple(told), more


class _Absent:
    """Stands for what is not there, which is something else than None."""


_NOTHING: Final = _Absent()


def _walk(place: str, before: object, after: object) -> Iterator[tuple[str, object, object]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _pairs(place, dict(before), dict(after))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(place, before, after)
    elif type(before) is not type(after) or before != after:
        yield place, before, after


def _pairs(
    place: str, before: Mapping[object, object], after: Mapping[object, object]
) -> Iterator[tuple[str, object, object]]:
    for key in dict.fromkeys((*before, *after)):
        here = f"{place}.{key}" if place else str(key)
        yield from _walk(here, before.get(key, _NOTHING), after.get(key, _NOTHING))


def _lists(
    place: str, before: Sequence[object], after: Sequence[object]
) -> Iterator[tuple[str, object, object]]:
    """Compare entries by their names where they have any, else by what they are: an order means little."""
    named = _by_name(before), _by_name(after)
    if named[0] is not None and named[1] is not None:
        for key in dict.fromkeys((*named[0], *named[1])):
            yield from _walk(f"{place}[{key}]", named[0].get(key, _NOTHING), named[1].get(key, _NOTHING))
        return
    old, new = list(before), list(after)
    for one in before:
        if one in new:
            new.remove(one)
            old.remove(one)
    if old or new:
        yield place, old or _NOTHING, new or _NOTHING
    elif before != after:
        yield place, list(before), list(after)


def _by_name(entries: Sequence[object]) -> dict[str, object] | None:
    for name in _NAMES:
        found = {str(one[name]): one for one in entries if isinstance(one, Mapping) and name in one}
        if len(found) == len(entries):
            return dict(found)
    return None


def _shown(value: object, redactor: Redactor) -> str:
    if isinstance(value, _Absent):
        return _ABSENT
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    clean = " ".join(redactor.text(text).split())
    return clean if len(clean) <= _WIDTH else clean[:_WIDTH] + "…"
