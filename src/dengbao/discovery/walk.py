"""Walks through an application as a stranger: GET only, bounded, inside the scope."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import httpx

from ..errors import NotDeclared, ProbeError
from ..model import WebAsset, WebLogin
from ..probes.web.browser import Browser, Chain, origin
from ..probes.web.pages import Compare, describe, unknown_path
from . import words
from .findings import Found
from .forms import login_form

MAX_REQUESTS: Final = 60
MAX_PAGES: Final = 24
MAX_SCRIPTS: Final = 4
MAX_LISTED: Final = 6
_SCRIPT: Final = re.compile(r"""<script[^>]{0,300}?\ssrc\s*=\s*["']?([^"'\s>]{1,300})""", re.IGNORECASE)
_DISALLOW: Final = re.compile(r"^\s*Disallow:\s*(/[^\s*#$]{1,120})\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass
class Walk:
    """One walk: how many requests are left, what was found, the sources that scripts and pages gave."""

    browser: Browser
    found: Found
    left: int = MAX_REQUESTS
    sources: list[str] = field(default_factory=list)
    documented: list[str] = field(default_factory=list)
    login: Chain | None = None

    async def visit(self, url: httpx.URL, *, by: Browser | None = None) -> Chain | None:
        """Return how an address answers a stranger, None where it does not or no request is left."""
        if self.left <= 0:
            return None
        self.left -= 1
        try:
            chain = await (by or self.browser.fork()).visit(url)
        except ProbeError:
            return None
        self.left -= len(chain.answers) - 1
        if chain.stopped:
            note = f"{self.told(chain.last.url)} 之后未跟随：{chain.stopped}"
            if note not in self.found.notes:
                self.found.notes.append(note)
        return chain

    def resolve(self, path: str, base: httpx.URL) -> httpx.URL | None:
        """Return the address of a link of the same origin as the start, or None."""
        try:
            url = self.browser.resolve(path, base)
        except ProbeError:
            return None
        return url if origin(url) == origin(self.browser.base) else None

    def told(self, url: httpx.URL) -> str:
        """Return an address as the draft writes it: path, query and a script's route below one origin."""
        if origin(url) != origin(self.browser.base):
            return str(url)
        route = f"#{url.fragment}" if url.fragment.startswith("/") else ""
        return url.raw_path.decode("ascii", "replace") + route


async def explore(browser: Browser, start: httpx.URL, found: Found) -> Walk:
    """Look at the start, the login page, scripts, interface documents and pages that are linked.

    Sends: at most 60 GET, each as a stranger; nothing whose address says that it does something.
    Changes: access log entries; sessions of strangers.
    Level: observe.

    Raises:
        ProbeError: the start gives no answer at all.

    """
    walk = Walk(browser, found)
    first = await browser.visit(start)
    _settle(walk, start, first)
    visitor = browser.fork()
    await _find_login(walk, start, first, visitor)
    found.title = _title(first, walk.login)
    found.cookies = tuple(_cookies(visitor, browser))
    shown = [one for one in (first, walk.login) if one is not None]
    await _read_scripts(walk, shown)
    _hints(walk, first)
    await _find_openapi(walk)
    await _sort_pages(walk, start, first, shown)
    return walk


def _settle(walk: Walk, start: httpx.URL, first: Chain) -> None:
    """Make the place the first redirects lead to on the same host the asset's own address."""
    last = first.last.url
    here = last if last.host == start.host else start
    folder = start.path if start.path.endswith("/") else start.path.rpartition("/")[0] + "/"
    if here.path.startswith(f"{start.path}/"):
        folder = f"{start.path}/"
    walk.browser.base = here.copy_with(raw_path=folder.encode("ascii", "ignore"), fragment=None)
    walk.found.url = str(walk.browser.base)
    if first.stopped:
        walk.found.notes.append(f"打开网址后未再跟随：{first.stopped}")


def _title(first: Chain, login: Chain | None) -> str:
    """Return how the start calls itself, or where that is an error the login page."""
    titles = [one.last.document.title for one in (first, login) if one is not None and one.last.status == 200]
    return next((one for one in titles if one), "")


def _cookies(visitor: Browser, browser: Browser) -> Iterator[str]:
    seen = {one.name: one for who in (browser, visitor) for one in who.jar.cookies.values()}
    for one in list(seen.values())[:MAX_LISTED]:
        marks = ["HttpOnly"] if one.http_only else []
        marks += ["Secure"] if one.secure else []
        marks += [f"SameSite={one.same_site}" if one.same_site else "无 SameSite"]
        yield f"{one.name}（{'、'.join(marks)}）"


async def _find_login(walk: Walk, start: httpx.URL, first: Chain, visitor: Browser) -> None:
    """Set the login page: the start itself, what it links to, or a common address."""
    tried: set[str] = set()
    linked = [one for one in first.last.document.links if words.is_login(one)]
    places = [walk.resolve(one, first.last.url) for one in linked[:4]]
    places += [walk.resolve(one, walk.browser.base) for one in words.LOGIN_PATHS]
    for url in (start, *places):
        if url is None or str(url) in tried:
            continue
        tried.add(str(url))
        chain = await walk.visit(url, by=visitor)
        if chain is not None and login_form(chain.last.document) is not None:
            await _take_login(walk, chain)
            return
    walk.found.drawn = first.last.document.scripts > 0


async def _take_login(walk: Walk, chain: Chain) -> None:
    bare = words.without_way_back(chain.last.url)
    again = await walk.visit(bare)
    moved = again is None or again.last.url != bare or bare == chain.last.url
    if again is not None and not moved and login_form(again.last.document) is not None:
        chain, again = again, chain
    document = chain.last.document
    found = walk.found
    found.page = walk.told(chain.last.url)
    found.form = login_form(document, again.last.document if again else None)
    found.captcha = document.captcha
    walk.login = chain
    if found.form is not None and found.form.action:
        try:
            _take_action(walk, walk.browser.resolve(found.form.action, chain.last.url))
        except NotDeclared:  # a script's address
            found.form = replace(found.form, action="", named=False)


def _take_action(walk: Walk, target: httpx.URL) -> None:
    target = words.without_way_back(target)
    walk.found.action = walk.told(target)
    if origin(target) != origin(walk.browser.base):
        walk.found.notes.append("登录表单提交到另一地址，核对其是否在授权范围内")
    if target.scheme == "http" and walk.browser.base.scheme == "https":
        walk.found.notes.append("登录表单经明文 HTTP 提交")


async def _read_scripts(walk: Walk, shown: Iterable[Chain]) -> None:
    """Collect the pages' own text and that of a few scripts of the same origin."""
    wanted: dict[str, httpx.URL] = {}
    for chain in shown:
        walk.sources.append(chain.last.document.source)
        for one in _SCRIPT.findall(chain.last.document.source[:200_000])[:30]:
            url = walk.resolve(one, chain.last.url)
            if url is not None:
                wanted[str(url)] = url
    # What an application's own scripts are called: before libraries and chunks.
    ordered = sorted(wanted.values(), key=lambda url: not re.search(r"(?:app|main|index|login)", url.path))
    for url in ordered[:MAX_SCRIPTS]:
        answer = await walk.visit(url)
        if answer is not None and answer.last.status == 200:
            walk.sources.append(answer.last.body.decode("utf-8", "replace"))


def _hints(walk: Walk, first: Chain) -> None:
    found = walk.found
    found.wordings = words.wordings(walk.sources)
    found.token_hints = words.token_hints(walk.sources)
    found.login_paths = words.login_calls(walk.sources)
    links = [*first.last.document.links, *(walk.login.last.document.links if walk.login else ())]
    links += re.findall(r"""["'`](/[\w./-]{0,60})["'`]""", "\n".join(walk.sources)[:500_000])
    for one in links:
        url = walk.resolve(one, first.last.url) if words.is_logout(one) else None
        if url is not None:
            found.logout = walk.told(url)
            break


async def _find_openapi(walk: Walk) -> None:
    for path in words.OPENAPI_PATHS:
        url = walk.resolve(path, walk.browser.base)
        chain = await walk.visit(url) if url is not None else None
        if chain is None or chain.last.status != 200:
            continue
        data = chain.last.document.data
        if isinstance(data, dict) and ("openapi" in data or "swagger" in data) and "paths" in data:
            walk.found.openapi = walk.told(chain.last.url)
            paths = data["paths"]
            if isinstance(paths, dict):
                walk.documented = list(_documented(paths))
            return


def _documented(paths: dict[object, object]) -> Iterator[str]:
    """Yield addresses that an interface document gives for GET."""
    for path, methods in list(paths.items())[:300]:
        if isinstance(path, str) and isinstance(methods, dict) and "get" in methods and path.startswith("/"):
            yield path


async def _sort_pages(walk: Walk, start: httpx.URL, first: Chain, shown: list[Chain]) -> None:
    """Visit what is linked and named, and sort it: asks for a login, or is open to anybody."""
    browser = walk.browser
    unknown = await unknown_path(browser.fork())
    login_url = (walk.login.last.url,) if walk.login else ()
    compare = Compare(walk.login, unknown if isinstance(unknown, Chain) else None, login_url)
    protected: list[str] = []
    public: list[str] = [walk.found.page] if walk.found.page else []
    for url in (start, *await _candidates(walk, first, shown)):
        path = walk.told(url)
        if path in (*protected, *public) or walk.told(words.without_way_back(url)) == walk.found.page:
            continue
        chain = first if url is start else await walk.visit(url)
        if chain is None:
            continue
        seen = describe(path, chain, compare)
        if seen.login_demanded:
            protected.append(path)
        elif seen.reached and not seen.json_error:
            public.append(path)
    walk.found.protected, walk.found.public = tuple(protected[:MAX_LISTED]), tuple(public[:MAX_LISTED])


async def _candidates(walk: Walk, first: Chain, shown: list[Chain]) -> list[httpx.URL]:
    base = first.last.url
    robots_url = walk.resolve("/robots.txt", walk.browser.base)
    robots = await walk.visit(robots_url) if robots_url is not None else None
    named = [*walk.documented, *words.api_paths(walk.sources)]
    if robots is not None and robots.last.status == 200:
        named += _DISALLOW.findall(robots.last.body[:20_000].decode("utf-8", "replace"))
    named += [link for chain in shown for link in chain.last.document.links]
    urls: dict[str, httpx.URL] = {}
    for one in named:
        url = walk.resolve(one, base) if words.may_be_asked(one) else None
        if url is not None and len(urls) < MAX_PAGES:
            bare = url.copy_with(fragment=None)
            if walk.told(bare) != walk.told(base):
                urls[str(bare)] = bare
    return list(urls.values())


def login_of(found: Found) -> WebLogin | None:
    """Return how one would log in by the form that was found, None where scripts are needed for it."""
    form = found.form
    if form is None or not form.named or form.method != "post":
        return None
    fields = dict([form.submit]) if form.submit else {}
    return WebLogin(
        path=found.action or found.page, page=found.page, username_field=form.username,
        password_field=form.password, csrf_field=form.csrf, fields=fields,
    )  # fmt: skip


def asset_of(url: str, ca_file: str = "") -> WebAsset:
    """Return the asset as far as its address tells."""
    return WebAsset(id="web", name="", url=url, ca_file=ca_file)
