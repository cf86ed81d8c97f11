"""Carries cookies between our jar and Chromium; attributes are believed only as servers wrote them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .chromium import Window
from .cookies import MAX_COOKIES, Cookie, Jar

if TYPE_CHECKING:
    from playwright._impl._api_structures import SetCookieParam
    from playwright.async_api import Cookie as BrowserCookie


async def seed(window: Window, jar: Jar) -> None:
    """Give Chromium the jar's cookies."""
    given: list[SetCookieParam] = [
        {
            "name": one.name, "value": one.value, "path": one.path, "secure": one.secure,
            "domain": one.domain if one.host_only else f".{one.domain}", "httpOnly": one.http_only,
        }
        for one in jar.cookies.values()
    ]  # fmt: skip
    if given:
        await window.inside.add_cookies(given)


async def held(window: Window) -> list[Cookie]:
    """Return Chromium's cookies.

    What Chromium says of SameSite is its own default where the server wrote nothing: it is left out.
    """
    return [_cookie(one) for one in (await window.inside.cookies())[:MAX_COOKIES]]


def _cookie(given: BrowserCookie) -> Cookie:
    domain, expires = given.get("domain", ""), given.get("expires", -1)
    return Cookie(
        name=given.get("name", ""), value=given.get("value", ""), domain=domain.lstrip(".").casefold(),
        host_only=not domain.startswith("."), path=given.get("path", "/"), secure=given.get("secure", False),
        http_only=given.get("httpOnly", False), same_site="",
        lifetime_s=None if expires < 0 else int(expires - time.time()), set_at="page",
    )  # fmt: skip


def values(cookies: list[Cookie]) -> dict[str, set[str]]:
    """Return all values by name."""
    found: dict[str, set[str]] = {}
    for one in cookies:
        found.setdefault(one.name, set()).add(one.value)
    return found


def reconcile(jar: Jar, cookies: list[Cookie]) -> None:
    """Make the jar hold what Chromium holds: what scripts set is added, what they deleted goes."""
    now = {(one.domain, one.path, one.name): one for one in cookies}
    for key in [key for key in jar.cookies if key not in now]:
        del jar.cookies[key]
    for key, one in now.items():
        known = jar.cookies.get(key)
        if known is None or known.value != one.value:
            jar.cookies[key] = one
