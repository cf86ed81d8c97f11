"""The lock while sealed: what it is, and how to go on in spite of it."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...packet.lock import unlock
from ..locking import own_path
from ..visit import Visit, act, look


def show(visit: Visit) -> Response:
    """Show which packet locks the engagement, or that none does."""
    return visit.page(
        "locked.html", current=visit.lock, back=own_path(visit.asked("back") or "/"), refused=False
    )


def do_unlock(visit: Visit) -> Response:
    """Note who goes on with a sealed engagement and why, and return to where they came from."""
    by = visit.someone()
    current = unlock(visit.desk.directory, by, visit.filled.text("why", "理由", most=500, needed=True))
    return visit.go(
        own_path(visit.filled.raw("back")),
        f"{by.name} 已解除锁定（封存包 {current.packet[:16]}…），记入经手记录；改动之后须重新封存、盖章",
    )


ROUTES: Final[tuple[Route, ...]] = (
    look("/sealed", show),
    act("/sealed/unlock", do_unlock, even_sealed=True),
)
