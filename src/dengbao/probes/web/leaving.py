"""Where the logout lies, and how a session of ours is ended."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

import httpx

from ...errors import NotDeclared, ProbeError
from ...model import WebAsset
from .browser import Answer, Browser, Chain, origin, referer


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


async def send_logout(visitor: Browser, web: WebAsset, url: httpx.URL, seen: tuple[Chain, ...]) -> Answer:
    """Send the logout with the token that a page of the session holds.

    Raises:
        ProbeError: no answer, or an address in clear where the application is given as https.

    """
    method = web.logout_method.upper()
    visitor.require_encrypted(url)  # its address may carry a token
    fields = _logout_fields(visitor, web, seen, url) if method != "GET" else {}
    headers = {
        "Referer": referer(seen[0].last.url if seen else visitor.base),
        "Origin": f"{url.scheme}://{url.netloc.decode('ascii')}",
    }
    if web.login and fields.get(web.login.csrf_field):
        headers["X-CSRF-Token"] = headers["X-XSRF-TOKEN"] = fields[web.login.csrf_field]
    if fields:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return await visitor.send(
        method, url, content=urlencode(fields).encode(), headers=headers, note="退出登录"
    )


def _logout_fields(
    visitor: Browser, web: WebAsset, seen: tuple[Chain, ...], url: httpx.URL
) -> dict[str, str]:
    """Return the hidden fields of the page's own logout form, or the CSRF token alone."""
    name = web.login.csrf_field if web.login else ""
    for chain in seen:
        document = chain.last.document
        for form in document.forms:
            if form.action and form.action.partition("?")[0].endswith(url.path):
                return form.hidden
        token = document.metas.get(name.casefold(), "") if name else ""
        if token:
            return {name: token}
    kept = visitor.jar.value(name) if name else ""
    return {name: kept} if kept else {}


async def leave(visitor: Browser, web: WebAsset, seen: Iterable[Chain] = ()) -> bool | None:
    """End a session of ours where the engagement says how; a failure changes nothing.

    Tells whether the server took the logout, None where none was sent: there is no address, or other probes
    use the session, too. Without `seen`, one protected page is opened for its token.
    """
    if not web.logout or visitor.shared:
        return None
    try:
        chains = tuple(seen) or tuple([await visitor.visit(path) for path in web.protected[:1]])
        answer = await send_logout(visitor, web, logout_address(visitor, web, chains), chains)
    except ProbeError:
        return None
    return answer.status < 400
