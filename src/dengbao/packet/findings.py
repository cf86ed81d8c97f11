"""What verifying finds: each with its place, what it means, and the items it touches."""

from __future__ import annotations

from enum import StrEnum

from ..model import Value


class Gravity(StrEnum):
    """What a finding means: `BROKEN` was altered, `OPEN` could not be told, `NOTE` is good to know."""

    BROKEN = "broken"
    OPEN = "open"
    NOTE = "note"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed before a finding."""
        return {"broken": "不一致", "open": "未能核验", "note": "提示"}[self.value]


class Finding(Value):
    """One thing to say about a packet.

    `place` is a file of the packet or a place in the report; `items` are the 测评项 that rest on it.
    """

    place: str
    gravity: Gravity
    message: str
    items: tuple[str, ...] = ()
    cure: str = ""


def broken(place: str, message: str, *, items: tuple[str, ...] = (), cure: str = "") -> Finding:
    """Return that something was altered, is missing or does not fit."""
    return Finding(place=place, gravity=Gravity.BROKEN, message=message, items=items, cure=cure)
