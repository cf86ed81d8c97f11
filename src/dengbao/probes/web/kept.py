"""Logs in by Chromium, alone where that is possible, else with a person, whose session is used again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...errors import NotSupported, ProbeError
from ...model import WebAsset, WebLogin
from ..base import Context
from .browser import Browser
from .driving import CaptchaMet, Driven, drive


@dataclass(frozen=True)
class Kept:
    """A session that a person opened, and how the first protected page answered with it."""

    driven: Driven
    mark: tuple[int, str] | None


async def log_in_by_chromium(
    browser: Browser, login: WebLogin, who: tuple[str, str], *, assist: bool
) -> Driven:
    """Log in once; the visitor's jar then holds the session.

    With `assist` a person is asked where a captcha stands in the way, and the session is kept for the run.

    Raises:
        NotSupported: a captcha and nobody to read it.
        ProbeError: what `drive` raises.

    """
    here = browser.here
    if here is None:
        raise NotSupported("此处不能经浏览器登录", cure="以 form 或 json 方式登记登录")
    asset, context = here
    if not (assist and context.sessions.assist):
        return await drive(browser, asset, context, login, who, assist=False)
    async with context.sessions.turn:
        known = context.sessions.kept.get((asset.id, who[0]))
        if isinstance(known, Kept) and await _mark(browser, asset, known.driven) == known.mark:
            return _restored(browser, known)
        try:
            return await drive(browser, asset, context, login, who, assist=False)
        except CaptchaMet:
            return await _ask(browser, asset, context, login, who)


async def _ask(
    browser: Browser, asset: WebAsset, context: Context, login: WebLogin, who: tuple[str, str]
) -> Driven:
    if not context.sessions.may_ask((asset.id, who[0])):
        raise NotSupported("已多次请人工登录，不再请求", cure="为测试账户免除验证码，或以人工佐证补充")
    driven = await drive(browser, asset, context, login, who, assist=True)
    if driven.chain is not None:
        browser.shared = True
        held = replace(driven, jar=driven.jar.copy())
        context.sessions.kept[asset.id, who[0]] = Kept(held, await _mark(browser, asset, held))
    return driven


def _restored(browser: Browser, known: Kept) -> Driven:
    browser.shared = True
    browser.jar.cookies = dict(known.driven.jar.cookies)
    browser.transcript.append("# 沿用本次运行中人工登录的会话")
    return replace(known.driven, jar=browser.jar)


async def _mark(browser: Browser, asset: WebAsset, driven: Driven) -> tuple[int, str] | None:
    """Return status and address of the first protected page with the session, None where there is none."""
    if not asset.protected:
        return None
    visitor = browser.fork(driven.jar.copy(), token=driven.token)
    visitor.token_header = driven.token_header
    try:
        last = (await visitor.visit(asset.protected[0])).last
    except ProbeError:
        return (0, "")
    return last.status, str(last.url.copy_with(query=None))
