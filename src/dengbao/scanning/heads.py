"""Finds in a window where the statements of a dump begin that say which table follows."""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from .windows import Window

HEADS: Final = (b"insert into", b"\ncopy ", b"create table", b"insert ignore into", b"replace into")
_OLD: Final = re.compile(rb"'\s*+\d{15}(?!\d)")


class Heads(Protocol):
    """What finds statements; whichever does, finds the same."""

    def places(self, window: Window) -> list[int]:
        """Return where between `low` and `high` statements begin, in order."""

    def has_old(self, window: Window) -> bool:
        """Tell whether a text of 15 digits may stand anywhere in the window: old id numbers are rare."""


class PlainHeads:
    """Finds them with the standard library."""

    def places(self, window: Window) -> list[int]:
        """Return where statements begin."""
        small = window.small
        heads = tuple((head, small.count(head)) for head in HEADS)
        found: list[int] = []
        for head, most in heads:
            if most:
                found += _places(head, most, window)
        return sorted(found)

    def has_old(self, window: Window) -> bool:
        """Tell whether a text of 15 digits stands in the window."""
        return _OLD.search(window.data) is not None


def _places(head: bytes, most: int, window: Window) -> list[int]:
    """Return where one of `HEADS` begins that is in the window `most` times or less."""
    for spelled in (head.upper(), head):
        if window.data.count(spelled) == most:  # as dumps are: a copy in lower case is not needed
            return _finds(window.data, spelled, window)
    return _finds(window.lower, head, window)


def _finds(data: bytes, head: bytes, window: Window) -> list[int]:
    line = head[:1] == b"\n"  # belongs to the line before
    found = []
    at = data.find(head, max(0, window.low - line), window.high)
    while at >= 0:
        found.append(at + line)
        at = data.find(head, at + len(head), window.high)
    return found


class FastHeads:
    """Finds them with hyperscan, many times as fast.

    Raises:
        ImportError: hyperscan is not installed.

    """

    def __init__(self) -> None:
        import hyperscan  # noqa: PLC0415 - an optional extra for x86-64

        self._heads: Any = hyperscan.Database()
        self._heads.compile(
            expressions=[head.replace(b"\n", rb"\n") for head in HEADS],
            ids=list(range(len(HEADS))),
            elements=len(HEADS),
            flags=hyperscan.HS_FLAG_CASELESS,
        )
        self._old: Any = hyperscan.Database()
        self._old.compile(
            expressions=[rb"'\s*[0-9]{15}(?:[^0-9]|\z)"],
            ids=[0],
            elements=1,
            flags=hyperscan.HS_FLAG_SINGLEMATCH,
        )

    def places(self, window: Window) -> list[int]:
        """Return where statements begin."""
        found: list[int] = []

        def note(what: int, _start: int, end: int, _flags: int, _context: object) -> None:
            at = end - _LENGTHS[what]
            if window.low <= at and end <= window.high:
                found.append(at)

        self._heads.scan(window.data, match_event_handler=note)
        return sorted(found)

    def has_old(self, window: Window) -> bool:
        """Tell whether a text of 15 digits stands in the window."""
        found: list[int] = []

        def note(what: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.append(what)

        self._old.scan(window.data, match_event_handler=note)
        return bool(found)


_LENGTHS: Final = tuple(len(head.lstrip(b"\n")) for head in HEADS)
