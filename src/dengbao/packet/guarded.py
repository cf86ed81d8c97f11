"""The door behind which strangers' files are read: what they break becomes a finding, never a pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..errors import DengbaoError
from .findings import Finding, Gravity

ASK: Final = "向封存人重新索取原件"


def guarded(place: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; whatever a hostile file breaks becomes one of `place`, and never makes it hold."""
    try:
        yield from findings
    except DengbaoError as exc:
        yield left(place, f"未能核验完：{exc.message}")
    except Exception as exc:  # noqa: BLE001 - a door: what comes in here was written by strangers
        yield left(place, f"内容异常，未能核验完（{type(exc).__name__}）")


def left(place: str, message: str) -> Finding:
    """Return that something could not be told."""
    return Finding(place=place, gravity=Gravity.OPEN, message=message, cure=ASK)
