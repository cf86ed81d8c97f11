"""The views, one module each; a view is in the navigation when it has a `Place` here."""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from ..shown import Place
from . import (
    again,
    comparing,
    declaring,
    engagement,
    files,
    item,
    item_draft,
    item_file,
    lock,
    overview,
    papers,
    papers_seal,
    redact,
    review,
    run,
    sheet,
    start,
    table,
)

PLACES: Final = (
    Place("总览", "/", "o"),
    Place("逐项", "/item", "i"),
    Place("表格", "/table", "t"),
    Place("检测", "/run", "r"),
    Place("复核", "/review", "v"),
    Place("文书", "/papers", "p"),
    Place("项目", "/engagement", "e"),
)
ROUTES: Final[tuple[Route, ...]] = (
    *start.ROUTES,
    *lock.ROUTES,
    *overview.ROUTES,
    *comparing.ROUTES,
    *item.ROUTES,
    *item_draft.ROUTES,
    *item_file.ROUTES,
    *files.ROUTES,
    *redact.ROUTES,
    *table.ROUTES,
    *declaring.ROUTES,
    *sheet.ROUTES,
    *run.ROUTES,
    *again.ROUTES,
    *review.ROUTES,
    *papers.ROUTES,
    *papers_seal.ROUTES,
    *engagement.ROUTES,
)
