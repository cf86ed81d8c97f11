"""A session that began before its password was changed, looked at just before the change and just after."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ProbeError
from .browser import Browser, Chain
from .entering import Unclear
from .facts import Replay
from .knocking import Door, telling_path
from .pages import describe, like, unanswered


@dataclass
class Earlier:
    """Another session of the account; nobody logs in between its two looks: only the change can end it."""

    door: Door
    visitor: Browser
    before: Chain | None = None
    after: Chain | None = None

    async def look(self) -> None:
        """Ask for a page that shows whether the session is alive."""
        self.before, self.after = await self._visit(), None

    async def look_again(self) -> None:
        """Ask for the same page after the change."""
        self.after = await self._visit()

    async def _visit(self) -> Chain | None:
        path = telling_path(self.door.before)
        try:
            return await self.visitor.visit(path) if path else None
        except ProbeError:
            return None

    def replay(self) -> Replay | None:
        """Return how the session was received, None where it was not alive just before."""
        path, door = telling_path(self.door.before), self.door
        if not path or self.before is None or self.after is None:
            return None
        before = describe(path, self.before, door.compare)
        if before.reached is not True:
            return None
        first = door.before.chains.get(path)
        return Replay(
            by="earlier", before=before, after=describe(path, self.after, door.compare),
            stranger=door.before.seen.get(path) or unanswered(path, Unclear("未访问")),
            like_before_percent=like(self.after, self.before),
            like_stranger_percent=like(self.after, first) if first is not None else None,
        )  # fmt: skip
