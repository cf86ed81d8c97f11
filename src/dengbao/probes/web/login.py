"""Logs in as a browser would: page, hidden fields, CSRF token, form or JSON, one attempt at a time."""

from __future__ import annotations

import asyncio
import base64
import json
import weakref
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

import httpx
import msgspec

from ...errors import NotDeclared, NotSupported, ProbeError, ProtocolMismatch
from ...model import Marker, WebAsset, WebLogin
from .browser import Answer, Browser, Chain, asset_url, clean_url, origin, referer, session_in
from .facts import LoginSeen, PageSeen
from .facts_sent import WebPasswordSent
from .imported import import_session
from .kept import log_in_by_chromium
from .password_sent import by_page
from .reading import Document, Form, captcha_words, find_json, locked_words

_CAPTCHA_CURE: Final = "为测试账户免除验证码（可在 login.fields 中登记固定验证码字段），否则以人工佐证补充"
_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str, int], asyncio.Lock]] = (
    weakref.WeakKeyDictionary()
)


@asynccontextmanager
async def turn(asset: WebAsset) -> AsyncIterator[None]:
    """Hold the application's login for one probe.

    Many applications end an account's older session when it logs in again; two probes at once would
    take that for the effect of a logout.
    """
    locks = _turns.setdefault(asyncio.get_running_loop(), {})
    async with locks.setdefault(origin(asset_url(asset)), asyncio.Lock()):
        yield


def declared(asset: WebAsset) -> WebLogin:
    """Return how one logs in.

    Raises:
        NotDeclared: the engagement does not say.

    """
    if asset.login is None:
        raise NotDeclared(
            "未登记登录方式",
            where=f"engagement.yaml 测评对象 {asset.id}",
            cure="登记 login（path、字段名、账户）",
        )
    return asset.login


@dataclass(frozen=True)
class Prepared:
    """A login request that only lacks name and password."""

    login: WebLogin
    url: httpx.URL
    fields: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    page: Chain | None


@dataclass(frozen=True)
class Attempt:
    """What came back, before protected pages are asked; `error` is what went wrong after sending."""

    seen: LoginSeen
    token: str = field(default="", repr=False)
    error: ProbeError | None = None
    chain: Chain | None = None
    earlier: Mapping[str, set[str]] = field(default_factory=dict, repr=False)
    in_url: bool = False
    sent: WebPasswordSent | None = None


async def prepare(browser: Browser, login: WebLogin) -> Prepared:
    """Open the login page and collect what a browser would send along.

    Raises:
        NotSupported: captcha, or a page without a password field.
        ProtocolMismatch: the password would leave in clear although the application is given as https.
        NotDeclared: the declared CSRF field is nowhere.

    """
    if login.style in ("browser", "session"):
        return Prepared(login, browser.resolve(login.page or login.path), {}, {}, None)
    page = await _login_page(browser, login)
    fields: dict[str, str] = {}
    base = None
    if page is not None:
        document = page.last.document
        form = document.password_form
        base = page.last.url
        _require_usable(login, document, form)
        if login.style == "form" and form is not None:
            fields.update(form.hidden)
    headers: dict[str, str] = {}
    if login.csrf_field and login.csrf_field not in fields:
        token = csrf_token(login.csrf_field, page, browser)
        fields[login.csrf_field] = token
        headers["X-CSRF-Token"] = headers["X-XSRF-TOKEN"] = token
    fields.update(login.fields)
    if base is not None:
        headers["Referer"] = referer(base)
        headers["Origin"] = f"{base.scheme}://{base.netloc.decode('ascii')}"
    url = browser.resolve(login.path, base)
    browser.require_encrypted(url)
    return Prepared(login, url, fields, headers, page)


async def _login_page(browser: Browser, login: WebLogin) -> Chain | None:
    if login.page:
        return await browser.visit(login.page)
    if login.style != "form":
        return None
    chain = await browser.visit(login.path)
    return None if chain.last.status in (404, 405) else chain


def _require_usable(login: WebLogin, document: Document, form: Form | None) -> None:
    if document.captcha and not any(one in login.fields for one in document.captcha):
        raise NotSupported(f"登录页要求验证码（{'、'.join(document.captcha[:3])}）", cure=_CAPTCHA_CURE)
    if login.style == "form" and form is None:
        raise NotSupported(
            "登录页中没有口令输入框，可能由脚本生成",
            cure="改按接口登记（login.style: json），或以人工佐证补充",
        )


def csrf_token(name: str, page: Chain | None, browser: Browser) -> str:
    """Return the token against forged requests: from a field, a meta tag, JSON, or a cookie of that name.

    Raises:
        NotDeclared: it is nowhere.

    """
    found: object = None
    if page is not None:
        document = page.last.document
        inputs = {one.name: one.value for form in document.forms for one in form.fields}
        found = inputs.get(name) or document.metas.get(name.casefold()) or find_json(document.data, name)
    found = found or browser.jar.value(name)
    if not isinstance(found, str) or not found:
        raise NotDeclared(
            f"登录页中没有防伪字段 {name}",
            where="engagement.yaml login.csrf_field",
            cure="核对字段名与 login.page",
        )
    return found


async def submit(
    browser: Browser, prepared: Prepared, username: str, password: str, *, assist: bool = False
) -> Attempt:
    """Send name and password once and follow the answer; an error after sending is part of the fact.

    `assist`: a person may be asked to help where Chromium logs in, if one said to be there.
    """
    login = prepared.login
    if login.style == "session":
        return await _by_import(browser, prepared, password, allowed=assist)
    if login.style == "browser":
        return await _by_chromium(browser, prepared, (username, password), assist=assist)
    values = {**prepared.fields, login.username_field: username, login.password_field: password}
    method, content, told = _packed(login, values, username, password)
    headers = {**prepared.headers, **told}
    browser.jar.stage = "login"
    note = (
        "Authorization: Basic，值不记录" if login.style == "basic" else f"字段 {'、'.join(values)}，值不记录"
    )
    try:
        answer = await browser.send(method, prepared.url, content=content, headers=headers, note=note)
        again = _same_place_again(browser, answer)
        if again is not None:
            answer = await browser.send(method, again, content=content, headers=headers, note=note)
        chain = await browser.follow(answer)
    except ProbeError as exc:
        return Attempt(LoginSeen(problem=exc.message), error=exc)
    finally:
        browser.jar.stage = "page"
    token = _token(login, answer)
    return Attempt(_seen(prepared, answer, chain, token), token, chain=chain)


def _packed(
    login: WebLogin, values: Mapping[str, str], username: str, password: str
) -> tuple[str, bytes, dict[str, str]]:
    """Return method, body and headers of the login; `basic` asks by GET with RFC 7617's header."""
    if login.style == "basic":
        pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        return "GET", b"", {"Authorization": f"Basic {pair}"}
    if login.style == "json":
        return "POST", json.dumps(values, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
    return "POST", urlencode(values).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


async def _by_import(browser: Browser, prepared: Prepared, session: str, *, allowed: bool) -> Attempt:
    """Take up an imported session and see how the login's address answers to it; nothing is tried with it."""
    try:
        if not allowed:
            raise NotSupported("以导入的会话登记，没有可以尝试的登录", cure="登记登录方式，或以人工佐证补充")
        import_session(browser, session)
        browser.shared = True
        chain = await browser.visit(prepared.url)
    except ProbeError as exc:
        return Attempt(LoginSeen(problem=exc.message), error=exc)
    return Attempt(_seen(prepared, chain.first, chain, ""), browser.token, chain=chain)


async def _by_chromium(
    browser: Browser, prepared: Prepared, who: tuple[str, str], *, assist: bool
) -> Attempt:
    if browser.purpose is not None:
        browser.announce(browser.purpose, f"登录 {clean_url(prepared.url)}（由 Chromium 提交）")
    try:
        driven = await log_in_by_chromium(browser, prepared.login, who, assist=assist)
    except ProbeError as exc:
        return Attempt(LoginSeen(problem=exc.message), error=exc)
    if driven.chain is None:
        error = driven.error or ProtocolMismatch("经浏览器登录未得到应答", cure="核对 login.path")
        return Attempt(LoginSeen(problem=error.message), error=error, earlier=driven.earlier)
    browser.token_header = driven.token_header
    drawn = replace(prepared, page=Chain((driven.page,)))
    seen = _seen(drawn, driven.chain.first, driven.chain, driven.token)
    sent = by_page(driven.sent, driven.urls, who, prepared.login.password_field) if driven.sent else None
    return Attempt(
        seen, driven.token, chain=driven.chain, earlier=driven.earlier, in_url=session_in(driven.urls),
        sent=sent,
    )  # fmt: skip


def _same_place_again(browser: Browser, answer: Answer) -> httpx.URL | None:
    """Return where to send the same form again: only within the same origin (a missing slash, mostly)."""
    if answer.status not in (307, 308) or not answer.location:
        return None
    target = browser.resolve(answer.location, answer.url)
    return target if origin(target) == origin(answer.url) else None


def _token(login: WebLogin, answer: Answer) -> str:
    if not login.token_json_key:
        return ""
    found = find_json(answer.document.data, login.token_json_key)
    usable = isinstance(found, str) and found.isascii() and found.isprintable()
    return found if usable and isinstance(found, str) else ""


def _seen(prepared: Prepared, answer: Answer, chain: Chain, token: str) -> LoginSeen:
    login = prepared.login
    said = _said(chain, prepared.page)
    return LoginSeen(
        status=answer.status,
        location=clean_url(answer.location),
        success_marker=matches(login.success, answer, chain),
        failure_marker=matches(login.failure, answer, chain),
        form_again=chain.last.document.password_form is not None,
        token=bool(token) if login.token_json_key else None,
        locked_words=("HTTP 429",) if answer.status == 429 else locked_words(said),
        captcha_words=captcha_words(said),
        at=datetime.now(UTC),
    )


def _said(chain: Chain, page: Chain | None) -> str:
    """Return what the answer says that the login page did not say before."""
    before = page.last.document if page is not None else Document()
    parts: list[str] = []
    for one in chain.answers:
        document = one.document
        parts.extend([document.message] if document.is_json else sorted(document.texts - before.texts))
        parts.extend(set(document.alerts) - set(before.alerts))
    return "\n".join(parts)


def matches(marker: Marker, answer: Answer, chain: Chain) -> bool | None:
    """Tell whether an answer bears a marker; None where the marker is empty.

    Status, location, cookie and JSON are those of the answer to the login itself; text may also stand on
    the page it leads to.
    """
    if marker == Marker():
        return None
    wanted = [
        marker.status is None or answer.status == marker.status,
        not marker.text or any(_says(one.document, marker.text) for one in chain.answers),
        not marker.location or marker.location in answer.location,
        not marker.cookie or any(_sets(one, marker.cookie) for one in answer.headers.get_list("set-cookie")),
        not marker.json_key or _json_matches(marker, answer),
    ]
    return all(wanted)


def _says(document: Document, text: str) -> bool:
    """Tell whether a text stands on a page or in its source, where scripts bring it up."""
    return text in document.text or text in document.source


def _sets(header: str, name: str) -> bool:
    given, _, rest = header.partition("=")
    return given.strip() == name and bool(rest.partition(";")[0].strip())


def _json_matches(marker: Marker, answer: Answer) -> bool:
    found = find_json(answer.document.data, marker.json_key)
    if found is None:
        return False
    text = str(found).casefold() if isinstance(found, bool) else str(found)
    return not marker.json_value or text == marker.json_value


def with_pages(attempt: Attempt, before: Mapping[str, PageSeen], after: Mapping[str, PageSeen]) -> LoginSeen:
    """Return the attempt completed by what protected pages said before and afterwards.

    A page that only now answers 403 is a matter of rights and says nothing about the login.
    """
    pairs = [(before[path], one) for path, one in after.items() if path in before]
    told = [one for one in (_reached(*pair) for pair in pairs) if one is not None]
    reached = any(told) if told else None
    return msgspec.structs.replace(attempt.seen, page_reached=reached)


def _reached(before: PageSeen, after: PageSeen) -> bool | None:
    """Tell whether a page is shown now that was not shown to a stranger; None where it tells nothing."""
    if not before.answered or before.reached or before.failing:
        return None
    if after.reached:
        return True
    same = (before.status, before.final_status) == (after.status, after.final_status)
    refused = before.reached is False and (after.login_demanded or (after.reached is False and same))
    rights = after.final_status == 403 and not same
    return False if refused and not rights else None
