"""Logs in by Chromium as a person would: finds the fields on the drawn page, types, clicks, looks on."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx

from ...errors import NotSupported, ProbeError, ProtocolMismatch, TimedOut, Unreachable
from ...model import WebAsset, WebLogin
from ..base import Context
from .browser import Answer, Browser, Chain
from .chromium import Window, flaw, opened_window
from .cookies import Cookie, Jar
from .exchange import held, reconcile, seed, values
from .reading import MAX_NESTING, nesting
from .recorder import Recorder

if TYPE_CHECKING:
    from playwright.async_api import Frame, Locator, Page

ALL_S: Final = 90.0
ASSISTED_S: Final = 240.0
_OPEN_S: Final = 20.0
_FIND_S: Final = 12.0
_ANSWER_S: Final = 15.0
_QUIET_S: Final = 0.5
_SETTLED_S: Final = 6.0
_LOOK_EVERY_S: Final = 0.1
_TYPED: Final = ("text", "email", "tel", "number", "")
_LOGIN_BUTTON: Final = re.compile(
    r"^\s*(?:登\s*[录陆入]|立即登录|log\s*[io]n|sign\s*in|进入系统)\s*$", re.IGNORECASE
)


class CaptchaMet(NotSupported):
    """A captcha stands in the way; nothing was sent."""


@dataclass(frozen=True)
class Sent:
    """The request by which the page logged in."""

    method: str
    url: str
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Driven:
    """What a login by Chromium brought.

    `page` is the login page as drawn, `earlier` the cookies before the login, `urls` every address that was
    asked for. `error`: what went wrong after the button was pressed.
    """

    page: Answer
    chain: Chain | None
    jar: Jar
    earlier: dict[str, set[str]] = field(repr=False)
    token: str = field(default="", repr=False)
    token_header: str = ""
    urls: tuple[str, ...] = field(default=(), repr=False)
    error: ProbeError | None = None
    sent: Sent | None = None


@dataclass(frozen=True)
class Fields:
    """Where one types on the drawn page."""

    frame: Frame
    username: Locator | None
    password: Locator


async def drive(
    browser: Browser,
    asset: WebAsset,
    context: Context,
    login: WebLogin,
    who: tuple[str, str],
    *,
    assist: bool,
) -> Driven:
    """Log in once through Chromium with name and password, starting with the visitor's cookies.

    Sends: what the page and its scripts send, as far as the guard lets it out; one login.
    Changes: one session begins, or one failed login is counted.
    Level: that of the caller.

    Raises:
        ProbeIncapable: no Chromium.
        NotSupported: no password field, or a captcha and nobody to read it.
        ProtocolMismatch: the page came over plain HTTP although the application is given as https.
        Unreachable, TimedOut, NotDeclared.

    """
    fails = flaw()
    limit_s = ASSISTED_S if assist else ALL_S
    try:
        async with (
            asyncio.timeout(limit_s),
            opened_window(asset, context, probe="web.browser", headed=assist) as window,
        ):
            return await _log_in(browser, window, login, who, context, assist=assist)
    except TimeoutError as exc:
        raise TimedOut(
            f"{limit_s:g} 秒内未能经浏览器登录", cure="检查应用的响应速度；人工登录的请及时完成"
        ) from exc
    except fails as exc:
        told = str(exc).splitlines()[0][:120]
        raise Unreachable(f"浏览器未能完成登录（{told}）", cure="核对 login.path 能否在浏览器中打开") from exc


async def open_page(window: Window, url: httpx.URL) -> None:
    """Open an address and wait until its document is there.

    Raises:
        Unreachable: it does not open; told with what the guard refused, if that was the reason.

    """
    fails = flaw()
    try:
        await window.page.goto(str(url), wait_until="domcontentloaded", timeout=_OPEN_S * 1000)
    except fails as exc:
        refused = "；".join(window.forward.refused.values())
        told = refused or str(exc).splitlines()[0].removeprefix("Page.goto: ")[:120]
        raise Unreachable(f"浏览器未能打开登录页：{told}", cure="核对 login.path 与授权范围") from exc


async def _log_in(
    browser: Browser, window: Window, login: WebLogin, who: tuple[str, str], context: Context, *, assist: bool
) -> Driven:
    username, password = who
    page = window.page
    await seed(window, browser.jar)
    recorder = Recorder(username, password)
    recorder.listen(window.inside)
    await open_page(window, browser.resolve(login.page or login.path))
    fields = await find_fields(page, login, _FIND_S)
    if fields is None:
        raise NotSupported("由浏览器打开的登录页中没有口令输入框", cure="核对 login.path 是否为登录页面")
    if browser.base.scheme == "https":
        window.forward.plain_allowed = False
        if not fields.frame.url.startswith(("https:", "about:", "blob:")):
            raise ProtocolMismatch(
                "登录页转到明文 HTTP，未提交口令", cure="核对登录地址；登录应全程使用 HTTPS"
            )
    drawn = await drawn_page(page, fields.frame)
    captcha = [one for one in drawn.document.captcha if one not in login.fields]
    if captcha and not assist:
        raise CaptchaMet(
            f"登录页要求验证码（{'、'.join(captcha[:3])}）",
            cure="为测试账户免除验证码，或以 dengbao run --assist 由人工登录一次",
        )
    earlier = values(await held(window))
    if assist:  # the person may be quicker than we are
        recorder.stage = "login"
    await _type(fields, login, username, password)
    recorder.stage = "login"
    if assist:
        context.say("请在打开的浏览器窗口中完成登录（验证码等），登录后稍候，窗口会自行关闭")
        await _await_person(page, recorder)
    else:
        await _press(fields)
        await _await_answer(recorder)
    return await _gather(browser, window, recorder, login, drawn, earlier)


async def _gather(
    browser: Browser, window: Window, recorder: Recorder, login: WebLogin, drawn: Answer,
    earlier: dict[str, set[str]],
) -> Driven:  # fmt: skip
    last: Answer | None = None
    cookies: list[Cookie] = []
    with contextlib.suppress(flaw()):  # the person may have closed the window
        last = await drawn_page(window.page, window.page.main_frame)
        cookies = await held(window)
    await recorder.settle()
    for one in recorder.cookies:
        browser.jar.stage = one.stage
        browser.jar.take([one.header], httpx.URL(one.url))
    if cookies or last is not None:
        reconcile(browser.jar, cookies)
    browser.jar.stage = "page"
    answer = recorder.answer
    browser.transcript.append(_told(recorder, window))
    if answer is None or recorder.login is None:
        why = "；".join(window.forward.refused.values()) or "点击登录后，页面没有发出登录请求或没有应答"
        error = NotSupported(
            f"经浏览器登录未得到应答：{why}", cure="核对账户字段与 login.path；或以人工佐证补充"
        )
        return Driven(drawn, None, browser.jar, earlier, error=error)
    token, header = recorder.token(login.token_json_key, login.token_header)
    chain = Chain((answer, last) if last is not None else (answer,))
    asked = recorder.login
    sent = Sent(asked.method, asked.url, asked.headers.get("content-type", ""), asked.post_data_buffer or b"")
    return Driven(drawn, chain, browser.jar, earlier, token, header, tuple(recorder.urls), sent=sent)


def _told(recorder: Recorder, window: Window) -> str:
    lines = [f"# 由 Chromium 登录：{len(recorder.urls)} 个请求"]
    if recorder.login is not None:
        url = recorder.login.url.partition("?")[0].partition("#")[0]
        status = recorder.answer.status if recorder.answer is not None else "无应答"
        lines += [f"> {recorder.login.method} {url}  （由页面提交，值不记录）", f"< {status}"]
    lines += [f"! 未放行 {place}：{why}" for place, why in list(window.forward.refused.items())[:20]]
    return "\n".join(lines)


# ---- on the page ---------------------------------------------------------------------------------


async def find_fields(page: Page, login: WebLogin, within_s: float) -> Fields | None:
    """Return where one types, in whichever frame it is drawn; None where no password field appears."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        for frame in page.frames[:10]:
            password = frame.locator("input[type=password]:visible").first
            if await password.count():
                return Fields(frame, await _name_field(frame, login), password)
        await asyncio.sleep(_LOOK_EVERY_S)
    return None


async def _name_field(frame: Frame, login: WebLogin) -> Locator | None:
    """Return the declared field where it is shown, else the last one typed in before the password."""
    quoted = login.username_field.replace("\\", "").replace('"', "")
    for css in (f'input[name="{quoted}"]:visible', f'input[id="{quoted}"]:visible'):
        if quoted and await frame.locator(css).count():
            return frame.locator(css).first
    found: Locator | None = None
    shown = frame.locator("input:visible")
    for number in range(min(await shown.count(), 20)):
        one = shown.nth(number)
        kind = ((await one.get_attribute("type")) or "").casefold()
        if kind == "password":
            break
        if kind in _TYPED:
            found = one
    return found


async def _type(fields: Fields, login: WebLogin, username: str, password: str) -> None:
    if fields.username is not None:
        await fields.username.fill(username)
    await fields.password.fill(password)
    for name, value in login.fields.items():
        other = fields.frame.locator(f'input[name="{name.replace(chr(34), "")}"]:visible').first
        if await other.count():
            await other.fill(value)


async def _press(fields: Fields) -> None:
    """Press the login's button: the form's own, one called so, or Enter."""
    form = fields.frame.locator("form").filter(has=fields.frame.locator("input[type=password]"))
    places = (
        form.locator("button[type=submit]:visible, input[type=submit]:visible"),
        fields.frame.get_by_role("button", name=_LOGIN_BUTTON),
        form.locator("button:visible"),
        fields.frame.locator("button:visible, a:visible, div:visible, span:visible").filter(
            has_text=_LOGIN_BUTTON
        ),
    )
    for place in places:
        if await place.count():
            await place.last.click(no_wait_after=True, timeout=5_000)
            return
    await fields.password.press("Enter", no_wait_after=True)


async def _await_answer(recorder: Recorder) -> None:
    """Wait for the answer to the login, then until the page is quiet; both bounded."""
    until = time.monotonic() + _ANSWER_S
    while recorder.answer is None and time.monotonic() < until:  # noqa: ASYNC110 - answers set no event
        await asyncio.sleep(_LOOK_EVERY_S)
    until = time.monotonic() + _SETTLED_S
    while recorder.answer and recorder.quiet_s < _QUIET_S and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY_S)


async def _await_person(page: Page, recorder: Recorder) -> None:
    """Wait until the person has logged in: a login was answered and nobody is asked for a password."""
    while not page.is_closed():
        if recorder.answer is not None and recorder.quiet_s >= _QUIET_S * 2:
            asked = [await one.locator("input[type=password]:visible").count() for one in page.frames[:10]]
            if not any(asked):
                return
            if recorder.answer.status != 0 and recorder.quiet_s >= _QUIET_S * 4:
                recorder.forget()  # refused: the next attempt counts
        await asyncio.sleep(_LOOK_EVERY_S)


async def drawn_page(page: Page, frame: Frame) -> Answer:
    """Return a page as it is drawn now.

    Raises:
        ProtocolMismatch: it nests too deeply to be read.

    """
    body = (await frame.content())[:2_000_000].encode("utf-8", "replace")
    if nesting(body) > MAX_NESTING:
        raise ProtocolMismatch("页面标签嵌套过深，无法解析", cure="登记其他页面或接口")
    url = httpx.URL(page.url if page.url.startswith("http") else "http://about.invalid/")
    return Answer("GET", url, 200, httpx.Headers({"content-type": "text/html; charset=utf-8"}), body)
