"""Sessions that a person opened for the run; they live in this process alone and are written nowhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

MAX_ASKED: Final = 3


@dataclass
class Sessions:
    """What `run --assist` needs: whether somebody is there, what was kept, how often each was asked.

    Keys are asset id and username. `turn` lets one window be open at a time.
    """

    assist: bool = False
    kept: dict[tuple[str, str], object] = field(default_factory=dict, repr=False)
    asked: dict[tuple[str, str], int] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def may_ask(self, key: tuple[str, str]) -> bool:
        """Tell whether the person may be asked once more for this account, and count it."""
        count = self.asked.get(key, 0)
        self.asked[key] = count + 1
        return self.assist and count < MAX_ASKED
