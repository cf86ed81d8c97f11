"""Where the logout lies, and how a session of ours is ended."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from ...errors import NotDeclared, ProbeError
from ...model import WebAsset
from .browser import Browser, Chain, origin


def logout_address(visitor: Browser, web: WebAsset, seen: Iterable[Chain] = ()) -> httpx.URL:
    """Return the declared address, with what a link to it on a page of the session adds to its query.

    Many applications refuse a logout without the token that only their own link carries.

    Raises:
        NotDeclared: the declared address is none.

    """
    url = visitor.resolve(web.logout)
    if web.logout_method.upper() != "GET":
        return url
    for chain in seen:
        for link in chain.last.document.links:
            try:
                target = visitor.resolve(link, chain.last.url)
            except NotDeclared:
                continue
            if _continues(target, url):
                return target
    return url


def _continues(target: httpx.URL, url: httpx.URL) -> bool:
    """Tell whether a link is the declared address, perhaps with more parameters."""
    given = dict(url.params)
    same = origin(target) == origin(url) and target.path == url.path
    return same and all(target.params.get(key) == one for key, one in given.items())


async def leave(visitor: Browser, web: WebAsset, seen: Iterable[Chain] = ()) -> None:
    """End a session of ours where the engagement says how; a failure changes nothing.

    One that other probes use, too, is left alone.
    """
    if not web.logout or visitor.shared:
        return
    try:
        url = logout_address(visitor, web, seen)
        await visitor.send(web.logout_method.upper(), url, note="退出登录")
    except ProbeError:
        return
