"""The lock while sealed, for pages: looked up cheaply for every page, held by every form."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.responses import Response

from ..catalog.engagements import FILE_NAME
from ..evidence import evidence_stamps
from ..files import stamp_of, stamps_in
from ..packet.current import OUT, Current
from ..packet.layout import CUSTODY
from ..packet.lock import lock_of
from ..rounds import round_numbers

if TYPE_CHECKING:
    from .visit import Visit

LOCKED: Final = 423


class LockWatch:
    """Knows whether an engagement is locked; looks through its files again only where one changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mutex = threading.Lock()
        self._seen: tuple[object, ...] | None = None
        self._found: Current | None = None
        self._listed: tuple[str, ...] = ()

    def now(self) -> Current | None:
        """Return the packet that locks the engagement, None where it is not locked."""
        packets = {
            name: one for name, one in stamps_in(self._directory / OUT).items() if name.endswith(".zip")
        }
        if not packets:
            return None
        with self._mutex:
            # Taken before anything is read: what changes meanwhile is looked at again the next time.
            seen = (packets, *self._stamps())
            if seen != self._seen:
                self._found, self._seen = lock_of(self._directory), seen
                if self._found is not None:
                    self._listed = tuple(filter(_elsewhere, self._found.listed))
            return self._found

    def _stamps(self) -> Iterator[object]:
        yield stamp_of(self._directory / CUSTODY)
        yield round_numbers(self._directory)
        yield evidence_stamps(self._directory)
        yield stamp_of(self._directory / FILE_NAME)
        yield tuple(stamp_of(self._directory / name) for name in self._listed)


def _elsewhere(name: str) -> bool:
    """Tell whether a file of a packet is none of those that are looked at in any case, or not compared."""
    return name not in (CUSTODY, FILE_NAME) and not name.startswith((f"{OUT}/", "suites/", "evidence/"))


def refuse_when_sealed(visit: Visit) -> Response | None:
    """Return the page that says why nothing may be written and how to go on; None where it may be."""
    current = visit.lock
    if current is None:
        return None
    return visit.page("locked.html", LOCKED, current=current, back=_came_from(visit), refused=True)


def _came_from(visit: Visit) -> str:
    parts = urlsplit(visit.request.headers.get("referer", ""))
    return own_path(parts.path + (f"?{parts.query}" if parts.query else ""))


def own_path(given: str) -> str:
    """Return an address of this page, the overview where it would lead elsewhere."""
    ours = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable()
    return given[:500] if ours else "/"
