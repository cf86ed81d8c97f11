"""Opens the application in Chromium: the login page as scripts draw it, the interfaces they ask."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import httpx
import msgspec

from ..errors import ProbeError, TimedOut
from ..model import WebAsset, WebLogin
from ..probes.base import Context
from ..probes.web.browser import clean_url
from ..probes.web.chromium import Window, flaw, opened_window
from ..probes.web.driving import Driven, Fields, Sent, drawn_page, drive, find_fields, open_page
from . import words
from .findings import LoginCall, LoginForm, Tried
from .forms import login_form
from .trying import PURPOSE, codes, nobody
from .walk import MAX_LISTED, Walk

if TYPE_CHECKING:
    from playwright.async_api import Locator, Response

ALL_S: Final = 60.0
_DRAWN_S: Final = 8.0
_ROUTES: Final = ("#/login", "/login")
_LOGIN: Final = WebLogin(path="/")


async def render(walk: Walk, start: httpx.URL, context: Context) -> None:
    """Complete what was found by what Chromium draws; nothing is typed and nothing pressed.

    Sends: what the page and its scripts send on being opened, as far as the guard lets it out.
    Changes: access log entries; sessions of strangers.
    Level: observe.

    Raises:
        ProbeIncapable: no Chromium, no Playwright.
        Unreachable, TimedOut: the page does not open.

    """
    fails = flaw()
    asset = WebAsset(id="discover", name="", url=str(walk.browser.base))
    try:
        async with asyncio.timeout(ALL_S), opened_window(asset, context, probe="discover") as window:
            asked: list[Response] = []
            wanted: set[str] = set()  # Chromium itself asks its maker's servers: that is not the page's doing
            window.inside.on("response", lambda one: asked.append(one))  # noqa: PLW0108 - it wants a function
            window.inside.on("request", lambda one: wanted.add(httpx.URL(one.url).host))
            await _find(walk, window, start)
            _sort(walk, asked[:200])
            refused = [one for one in window.forward.refused.items() if one[0].rpartition(":")[0] in wanted]
            for place, why in refused[:3]:
                walk.found.notes.append(f"页面还请求了 {place}，未放行：{why}")
    except TimeoutError as exc:
        raise TimedOut(f"{ALL_S:g} 秒内浏览器未能画出页面", cure="检查应用的响应速度") from exc
    except fails as exc:
        walk.found.notes.append(f"浏览器未能看完页面：{str(exc).splitlines()[0][:80]}")


async def _find(walk: Walk, window: Window, start: httpx.URL) -> None:
    places = [start, *(one for one in (walk.resolve(route, start) for route in _ROUTES) if one is not None)]
    for url in places:
        await open_page(window, url)
        fields = await find_fields(window.page, _LOGIN, _DRAWN_S if url is start else _DRAWN_S / 4)
        if fields is None:
            continue
        drawn = await drawn_page(window.page, fields.frame)
        found = walk.found
        found.rendered, found.page = True, walk.told(drawn.url)
        found.form = login_form(drawn.document) or await _as_drawn(fields)
        found.captcha = drawn.document.captcha
        found.title = drawn.document.title or found.title
        return


async def _as_drawn(fields: Fields) -> LoginForm:
    """Return the form of what is visible, where the page holds other password fields unseen."""
    names = [""] if fields.username is None else [await _name(fields.username)]
    return LoginForm("", "", names[0], await _name(fields.password), named=False)


async def _name(field: Locator) -> str:
    return await field.get_attribute("name") or await field.get_attribute("id") or ""


def _sort(walk: Walk, asked: list[Response]) -> None:
    """Take the interfaces that scripts asked: refused ones are protected, answered ones are public."""
    protected, public = list(walk.found.protected), list(walk.found.public)
    for one in asked:
        url = httpx.URL(one.url)
        path = walk.told(url.copy_with(fragment=None))
        own = url.host == walk.browser.base.host and one.request.method == "GET"
        if not own or one.request.resource_type not in ("xhr", "fetch") or not words.may_be_asked(path):
            continue
        if one.status == 401 and words.is_login(path) and words.sends_basic(walk.sources):
            walk.found.basic = path
        elif one.status in (401, 403) and path not in protected:
            protected.append(path)
    walk.found.protected = tuple(dict.fromkeys(protected))[:MAX_LISTED]
    walk.found.public = tuple(dict.fromkeys(public))[:MAX_LISTED]


async def try_by_chromium(walk: Walk, context: Context) -> None:
    """Send one login with a name that cannot exist through the page, and learn what it sends.

    Sends: what the page sends; one login with a wrong name and password.
    Changes: one failed login in the application's log.
    Level: intrude; announced before it is sent.

    Raises:
        NotAuthorised: the engagement does not allow it.
        ProbeError: the page does not open, or a captcha stands in the way; nothing was sent.

    """
    context.guard.require(PURPOSE.level, what=PURPOSE.text)
    asset = WebAsset(id="discover", name="", url=str(walk.browser.base))
    login = msgspec.structs.replace(_LOGIN, path=walk.found.page or "/", style="browser")
    who = nobody()
    context.announce(PURPOSE, f"登录 {clean_url(walk.found.page or '/')}（由 Chromium 提交）")
    driven = await drive(walk.browser.fork(), asset, context, login, who, assist=False)
    walk.found.tried = _tried(driven)
    walk.found.call = _call(walk, driven.sent, who)
    if walk.found.call is None and driven.sent is not None:
        walk.found.notes.append("口令由页面脚本编码或加密后提交，以浏览器登录")


def _tried(driven: Driven) -> Tried:
    if driven.chain is None:
        error: ProbeError | None = driven.error
        return Tried(problem=error.message if error is not None else "未得到应答")
    first, last = driven.chain.first, driven.chain.last.document
    if first.document.is_json:
        key, value = codes(first.document.data)
        return Tried(first.status, "", (first.document.message,), key, value)
    return Tried(first.status, "", tuple(sorted(last.texts - driven.page.document.texts))[:20])


def _call(walk: Walk, sent: Sent | None, who: tuple[str, str]) -> LoginCall | None:
    """Return the login's own request where it carries name and password as they were typed."""
    if sent is None or sent.method != "POST":
        return None
    style = "json" if "json" in sent.content_type else "form"
    values = _values(sent.body, style)
    names = {value: name for name, value in values.items()}
    if who[0] not in names or who[1] not in names:
        return None
    username, password = names[who[0]], names[who[1]]
    others = tuple(one for one in values if one not in (username, password))
    return LoginCall(walk.told(httpx.URL(sent.url)), style, username, password, others)


def _values(body: bytes, style: str) -> dict[str, str]:
    if style == "form":
        return dict(parse_qsl(body[:20_000].decode("utf-8", "replace"), keep_blank_values=True))
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in data.items()} if isinstance(data, dict) else {}
