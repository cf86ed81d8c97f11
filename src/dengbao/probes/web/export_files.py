"""Looks whether the file that an export made on the server is still there once fetched, and for whom."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx

from ...errors import NotDeclared, ProbeError
from ...model import Export, Level
from ..base import Purpose
from .browser import Browser, Chain, clean_url
from .calls import Reply
from .facts_persons import FileLeft
from .pages import Compare, describe
from .reading import find_json

PURPOSE: Final = Purpose(Level.INTRUDE, "未登录者请求导出留下的文件", "9.b.1")
MAX_WAIT_S: Final = 600.0
_GONE: Final = (403, 404, 410)


@dataclass(frozen=True)
class Left:
    """A file of an export, and who may ask for it."""

    export: Export
    url: httpx.URL
    visitor: Browser
    stranger: Browser
    compare: Compare


def address_of(export: Export, reply: Reply, visitor: Browser) -> httpx.URL | None:
    """Return where an export's answer says that its file lies; None where it says nothing."""
    last = reply.chain.last
    if export.file_key:
        found = find_json(last.document.data, export.file_key)
        told = found if isinstance(found, str) else ""
    else:
        places = [str(one.url) for one in reply.chain.answers[1:]] + list(last.document.links)
        told = next((one for one in places if export.file_in and export.file_in in one), "")
    try:
        return visitor.resolve(told, last.url) if told else None
    except NotDeclared:
        return None


async def look_for(left: Left, wait_allowed_s: float) -> FileLeft:
    """Fetch the file, wait as long as it may stay, and ask for it again, also as a stranger.

    Sends: the file's address once as a stranger, then twice as the account.
    """
    path, at = clean_url(left.url), datetime.now(UTC)
    keeps = left.export.kept_s
    # The stranger first: a file that goes as soon as it was fetched was open to anybody until then.
    other = await _get(left.stranger.intruding(PURPOSE), left.url)
    first = await _get(left.visitor, left.url)
    status = other.first.status if other else None
    if first is None or not 200 <= first.last.status < 300 or not first.last.body:
        taken = True if other is not None and _is_file(other) else None
        return FileLeft(
            path=path, at=at, fetched=False, kept_s=keeps, stranger=taken, stranger_status=status
        )  # fmt: skip
    begun = time.monotonic()
    wait = min(keeps or 0.0, wait_allowed_s, MAX_WAIT_S)
    if wait > 0:
        await asyncio.sleep(wait)
    waited = round(time.monotonic() - begun, 1)
    again = await _get(left.visitor, left.url)
    return FileLeft(
        path=path, at=at, fetched=True, kept_s=keeps, waited_s=waited,
        still=_same(first, again, left.compare), still_status=again.last.status if again else None,
        stranger=_same(first, other, left.compare), stranger_status=status,
    )  # fmt: skip


async def _get(visitor: Browser, url: httpx.URL) -> Chain | None:
    try:
        return await visitor.visit(url)
    except ProbeError:
        return None


def _is_file(chain: Chain) -> bool:
    return 200 <= chain.last.status < 300 and chain.last.media_type not in (
        "",
        "text/html",
        "application/json",
    )


def _same(first: Chain, again: Chain | None, compare: Compare) -> bool | None:
    """Tell whether an answer is the file again; False where it is refused or gone, None where neither."""
    if again is None:
        return None
    if 200 <= again.last.status < 300 and again.last.body == first.last.body:
        return True
    if again.last.status in _GONE or describe("", again, compare).login_demanded:
        return False
    return None
