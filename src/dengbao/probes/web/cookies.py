"""A cookie jar of our own: attributes are kept as written, and a session can be set aside and replayed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from .facts import CookieSeen

MAX_COOKIES: Final = 50
MAX_COOKIE_CHARS: Final = 4096  # browsers drop longer ones, so no application can rest on them


@dataclass(frozen=True)
class Cookie:
    """One cookie as it was set."""

    name: str
    value: str = field(repr=False)
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: str
    lifetime_s: int | None
    set_at: str

    def goes_to(self, url: httpx.URL) -> bool:
        """Tell whether a browser would send the cookie to this address."""
        host = url.host.casefold()
        inside = host == self.domain or (not self.host_only and host.endswith(f".{self.domain}"))
        base = self.path.rstrip("/")
        below = url.path == self.path or url.path.startswith(f"{base}/")
        return inside and below and (not self.secure or url.scheme == "https")

    def seen(self, carries_session: bool | None = None) -> CookieSeen:
        """Return the fact, without the value."""
        return CookieSeen(
            name=self.name, secure=self.secure, http_only=self.http_only, same_site=self.same_site,
            path=self.path, domain="" if self.host_only else self.domain, lifetime_s=self.lifetime_s,
            set_at=self.set_at, carries_session=carries_session,
        )  # fmt: skip


def parse_set_cookie(text: str, url: httpx.URL, set_at: str) -> Cookie | None:
    """Return the cookie of one Set-Cookie header, or None where a browser would ignore it."""
    first, *rest = text.split(";")
    name, equals, value = (one.strip() for one in first.partition("="))
    if not equals or not name or len(name) + len(value) > MAX_COOKIE_CHARS or _unsendable(name + value):
        return None
    attributes: dict[str, str] = {}
    for part in rest:
        key, _, given = part.partition("=")
        attributes[key.strip().casefold()] = given.strip()
    host = url.host.casefold()
    domain = attributes.get("domain", "").lstrip(".").casefold()
    if domain and host != domain and not host.endswith(f".{domain}"):
        return None
    secure = "secure" in attributes
    if secure and url.scheme != "https":
        return None  # browsers refuse these over plain HTTP
    path = attributes.get("path", "")
    return Cookie(
        name=name, value=value, domain=domain or host, host_only=not domain,
        path=path if path.startswith("/") else _default_path(url), secure=secure,
        http_only="httponly" in attributes, same_site=attributes.get("samesite", ""),
        lifetime_s=_lifetime_s(attributes), set_at=set_at,
    )  # fmt: skip


def _unsendable(text: str) -> bool:
    return any(not 0x20 <= ord(one) < 0x7F for one in text)


def _default_path(url: httpx.URL) -> str:
    return url.path.rpartition("/")[0] or "/"


def _lifetime_s(attributes: dict[str, str]) -> int | None:
    """Return the seconds the browser keeps the cookie, 0 or less to delete it, None for a session cookie."""
    age = attributes.get("max-age", "")
    if age.removeprefix("-").isdecimal() and len(age) < 15:
        return int(age)
    try:
        expires = parsedate_to_datetime(attributes["expires"])
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    zoned = expires if expires.tzinfo else expires.replace(tzinfo=UTC)
    return int((zoned - datetime.now(UTC)).total_seconds())


@dataclass
class Jar:
    """The cookies of one visitor; `stage` is noted on each that is set from now on."""

    stage: str = "page"
    cookies: dict[tuple[str, str, str], Cookie] = field(default_factory=dict)
    cleared: list[str] = field(default_factory=list)

    def take(self, headers: Iterable[str], url: httpx.URL) -> None:
        """Remember what Set-Cookie headers say; `cleared` collects the names they delete."""
        for text in headers:
            cookie = parse_set_cookie(text, url, self.stage)
            if cookie is None:
                continue
            key = (cookie.domain, cookie.path, cookie.name)
            if (cookie.lifetime_s is not None and cookie.lifetime_s <= 0) or not cookie.value:
                self.cookies.pop(key, None)
                self.cleared.append(cookie.name)
            elif key in self.cookies or len(self.cookies) < MAX_COOKIES:
                self.cookies[key] = cookie

    def header(self, url: httpx.URL) -> str:
        """Return the Cookie header for an address, empty where no cookie goes there."""
        fitting = [one for one in self.cookies.values() if one.goes_to(url)]
        fitting.sort(key=lambda one: -len(one.path))
        return "; ".join(f"{one.name}={one.value}" for one in fitting)

    def copy(self, *, without: str = "") -> Jar:
        """Return a jar of the same cookies, except those named `without`."""
        kept = {key: one for key, one in self.cookies.items() if one.name != without}
        return Jar(self.stage, kept)

    def value(self, name: str) -> str:
        """Return the value of a cookie by name, empty where there is none."""
        return next((one.value for one in self.cookies.values() if one.name == name), "")

    def values(self) -> dict[str, set[str]]:
        """Return all values by name."""
        found: dict[str, set[str]] = {}
        for one in self.cookies.values():
            found.setdefault(one.name, set()).add(one.value)
        return found
