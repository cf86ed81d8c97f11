"""The views, one module each; a view is in the navigation when it has a `Place` here."""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from ..shown import Place
from . import lock, overview, papers, papers_seal, start

PLACES: Final = (
    Place("总览", "/", "o"),
    Place("文书", "/papers", "p"),
)
ROUTES: Final[tuple[Route, ...]] = (
    *start.ROUTES,
    *lock.ROUTES,
    *overview.ROUTES,
    *papers.ROUTES,
    *papers_seal.ROUTES,
)
