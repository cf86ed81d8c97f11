"""Describes answers as facts, against the two pages everything is compared with."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx
import msgspec

from ...errors import ProbeError
from ...model import WebAsset, WebLogin
from .browser import Browser, Chain, clean_url
from .facts import UNLIKE_PERCENT, PageSeen
from .firewall import blocking_words
from .reading import Document, alike_percent

UNKNOWN_PATH = "（不存在的随机路径）"
LONG_CHARS: Final = 500
"""A page with this much text is more than a notice that a session has ended."""


@dataclass(frozen=True)
class Compare:
    """What pages are compared with: the login page, a path that does not exist, what strangers were told."""

    login: Chain | None = None
    unknown: Chain | None = None
    login_addresses: tuple[httpx.URL, ...] = ()
    strangers: Mapping[str, PageSeen] = field(default_factory=dict)

    @property
    def common(self) -> frozenset[str]:
        """Return the texts that anybody sees."""
        seen = [one.last.document.texts for one in (self.login, self.unknown) if one is not None]
        return frozenset().union(*seen)


def _place(url: httpx.URL) -> tuple[str, str, str]:
    """Return what makes two addresses one page: host, path, and the fragment that some scripts route by."""
    return url.host.casefold(), url.path.rstrip("/"), url.fragment if url.fragment.startswith("/") else ""


def _same_page(url: httpx.URL, declared: httpx.URL) -> bool:
    """Tell whether an address is a declared one; it may carry more parameters, but none may differ."""
    given = dict(declared.params)
    return _place(url) == _place(declared) and all(url.params.get(key) == one for key, one in given.items())


def login_addresses(browser: Browser, login: WebLogin | None) -> tuple[httpx.URL, ...]:
    """Return the declared login page and the address logins are sent to."""
    if login is None:
        return ()
    return tuple(browser.resolve(one) for one in (login.page, login.path) if one)


async def unknown_path(browser: Browser) -> Chain | ProbeError:
    """Return how a path that does not exist is answered."""
    try:
        return await browser.visit(f"dengbao-{secrets.token_hex(6)}")
    except ProbeError as exc:
        return exc


def describe(path: str, chain: Chain, compare: Compare) -> PageSeen:
    """Return the facts of one visited address."""
    first, last = chain.first, chain.last
    document = last.document
    # What a firewall says instead of the application tells neither that a login is needed nor that it is not.
    unknown = None if blocking_words(chain, compare.common) else compare.unknown
    seen = PageSeen(
        path=path,
        status=first.status,
        final_status=last.status,
        redirects=tuple(clean_url(one.url) for one in chain.answers[1:]),
        moved=(_place(first.url), first.url.query) != (_place(last.url), last.url.query),
        stopped=chain.stopped,
        media_type=last.media_type,
        size_bytes=len(last.body),
        text_chars=document.text_chars,
        scripts=document.scripts,
        password_field=any(one.has_password for one in document.forms),
        at_login_page=any(_same_page(last.url, one) for one in compare.login_addresses),
        login_words=document.login_words,
        json=document.is_json,
        json_code=document.json_code,
        json_error=document.json_error,
        like_login_page_percent=like(chain, compare.login) if compare.login else None,
        like_unknown_path_percent=like(chain, unknown) if unknown else None,
        unknown_status=unknown.last.status if unknown else None,
        cache_control=last.headers.get("cache-control"),
        pragma=last.headers.get("pragma"),
        at=datetime.now(UTC),
    )
    stranger = compare.strangers.get(path)
    if stranger is None or not _unlike_stranger(seen, stranger):
        return seen
    return msgspec.structs.replace(seen, unlike_stranger=True)


def _unlike_stranger(seen: PageSeen, stranger: PageSeen) -> bool:
    """Tell whether a page is shown in place and at length, where strangers are sent away by status.

    Such a page may ask for a password (to change it) or hold a dialogue for expired sessions, and is the
    page all the same.
    """
    sent_away = stranger.login_demanded is True and (stranger.moved or stranger.status in {401, 403})
    in_place = seen.status == seen.final_status == 200 and not seen.moved and not seen.json
    likes = (seen.like_login_page_percent, seen.like_unknown_path_percent)
    unlike = all(one is not None and one < UNLIKE_PERCENT for one in likes)
    return bool(sent_away and in_place and unlike and (seen.text_chars or 0) >= LONG_CHARS)


def like(chain: Chain, other: Chain) -> int | None:
    """Return how much text two answers share, in percent."""
    one, two = chain.last, other.last
    return alike_percent(one.document, two.document, same_bytes=one.body == two.body)


def unanswered(path: str, error: ProbeError) -> PageSeen:
    """Return the facts of an address that gave no answer."""
    return PageSeen(path=path, problem=error.message, reason=error.reason, at=datetime.now(UTC))


async def look_at(browser: Browser, path: str, compare: Compare) -> tuple[PageSeen, Chain | None]:
    """Visit one declared path; a failure becomes part of the fact."""
    try:
        chain = await browser.visit(path)
    except ProbeError as exc:
        return unanswered(path, exc), None
    return describe(path, chain, compare), chain


def own_texts(document: Document, compare: Compare) -> frozenset[str]:
    """Return the texts of a page that neither the login page nor an unknown path shows."""
    return document.texts - compare.common


def shown_percent(own: frozenset[str], answers: Iterable[Document]) -> int | None:
    """Return which share of a page's own texts other answers show; None where it has none."""
    if not own:
        return None
    shown = frozenset().union(*(one.texts for one in answers))
    return round(100 * len(own & shown) / len(own))


async def references(browser: Browser, asset: WebAsset) -> Compare:
    """Look at the login page and at an unknown path, each as a stranger.

    Raises:
        ProbeError: the application gives no answer at all.

    """
    addresses = login_addresses(browser, asset.login)
    unknown = await unknown_path(browser.fork())
    login: Chain | ProbeError | None = None
    if asset.login is not None and (asset.login.page or asset.login.style == "form"):
        try:
            login = await browser.visit(asset.login.page or asset.login.path)
        except ProbeError as exc:
            login = exc
    if isinstance(unknown, ProbeError) and not isinstance(login, Chain):
        raise unknown
    return Compare(
        login if isinstance(login, Chain) else None,
        unknown if isinstance(unknown, Chain) else None,
        addresses,
    )
