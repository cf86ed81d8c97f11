"""Enters the application with the declared account, and shows that it did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from ...errors import LoginRefused, NoPermission, NotSupported, ProbeError, Reason
from ...model import Asset, WebAsset, WebLogin
from ..base import Context
from .browser import Browser, Chain
from .facts import LoginSeen, PageSeen
from .facts_sent import WebPasswordSent
from .login import Attempt, Prepared, declared, prepare, submit, with_pages
from .pages import Compare, describe, look_at, references, unanswered, unknown_path
from .refusals import count, note, recall
from .second import take_second_step

MAX_PAGES: Final = 50
PROTECTED_CURE: Final = "在 protected 中登记登录后才能访问的页面或接口"


class Unclear(ProbeError):
    """Everything answered, but the answers do not tell what the probe has to know."""

    reason = Reason.INCONCLUSIVE


@dataclass(frozen=True)
class Looked:
    """Pages by declared path: the fact, and the answers where any came."""

    seen: dict[str, PageSeen]
    chains: dict[str, Chain]


@dataclass(frozen=True)
class Entered:
    """A visitor that is logged in, and everything that was seen on the way in."""

    visitor: Browser
    compare: Compare
    before: Looked
    during: Looked
    login: LoginSeen
    earlier_cookies: dict[str, set[str]]
    session_in_url: bool
    sent: WebPasswordSent


def as_web(asset: Asset) -> WebAsset:
    """Return the asset as what the specification promised."""
    if not isinstance(asset, WebAsset):
        raise TypeError(f"{asset.id} is no web application")
    return asset


async def look(browser: Browser, paths: Iterable[str], compare: Compare) -> Looked:
    """Visit declared paths, at most 50; failures and those beyond are part of the facts."""
    seen: dict[str, PageSeen] = {}
    chains: dict[str, Chain] = {}
    for number, path in enumerate(dict.fromkeys(paths)):
        if number >= MAX_PAGES:
            seen[path] = unanswered(path, Unclear(f"一次至多访问 {MAX_PAGES} 个页面，未访问"))
            continue
        seen[path], chain = await look_at(browser, path, compare)
        if chain is not None:
            chains[path] = chain
    await _doubt_forbidden(browser, compare, seen, chains)
    return Looked(seen, chains)


async def _doubt_forbidden(
    browser: Browser, compare: Compare, seen: dict[str, PageSeen], chains: dict[str, Chain]
) -> None:
    """Ask for an unknown path again where pages were forbidden that such a path was not.

    Where it is answered otherwise by now, something has begun to refuse us whatever we ask for.
    """
    forbidden = [path for path, one in seen.items() if one.final_status == 403]
    if not forbidden or compare.unknown is None or compare.unknown.last.status == 403:
        return
    again = await unknown_path(browser.fork())
    if isinstance(again, ProbeError) or again.last.status != compare.unknown.last.status:
        doubtful = replace(compare, unknown=None)
        seen.update({path: describe(path, chains[path], doubtful) for path in forbidden})


async def enter(browser: Browser, asset: WebAsset, context: Context, who: str = "") -> Entered:
    """Log in with the declared account, or with another one (`who`, its id).

    Sends: the login page, the protected pages before and after, one login with the right password, and
        a code of the account's seed where a second factor is asked for.
    Changes: one session of the declared account begins.
    Level: login.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    login = declared(asset)
    account = context.account(asset, who or login.account)
    password = context.password(asset, account)
    recall(asset, context, account)
    compare = await references(browser.fork(), asset)
    before = await look(browser.fork(), asset.protected, compare)
    compare = replace(compare, strangers=before.seen)
    visitor = browser.fork()
    visitor.jar.stage = "before_login"
    if not login.page:
        await visitor.visit("")  # a browser would have been given its first cookies here
    prepared = await _prepared(visitor, login, context)
    earlier = visitor.jar.values()
    attempt = await submit(visitor, prepared, account.username, password, assist=True)
    for name, values in attempt.earlier.items():
        earlier.setdefault(name, set()).update(values)
    sent = attempt.sent or WebPasswordSent(by="toolkit")
    if attempt.error is None:
        attempt = await take_second_step(visitor, asset, context, account, attempt)
    if attempt.error is not None:
        raise attempt.error
    visitor.token = attempt.token
    during = await look(visitor, asset.protected, compare)
    seen = with_pages(attempt, before.seen, during.seen)
    note(asset, context, account, seen)
    count(asset, context, account, seen)
    _require_accepted(seen, during, before, account.id)
    way = [one for one in (prepared.page, attempt.chain) if one is not None]
    in_url = attempt.in_url or any(
        one.session_in_url for one in (*way, *before.chains.values(), *during.chains.values())
    )
    return Entered(visitor, compare, before, during, seen, earlier, in_url, sent)


async def _prepared(visitor: Browser, login: WebLogin, context: Context) -> Prepared:
    """Prepare the login; where something stands in the way and a person is there, it goes by Chromium."""
    try:
        return await prepare(visitor, login)
    except NotSupported:
        if not context.sessions.assist:
            raise
    chromium = msgspec.structs.replace(login, style="browser", page=login.page or login.path)
    return await prepare(visitor, chromium)


def _require_accepted(seen: LoginSeen, during: Looked, before: Looked, account: str) -> None:
    if seen.accepted:
        return
    if seen.captcha_words:
        raise NotSupported("登录时要求验证码", cure="为测试账户免除验证码，否则以人工佐证补充")
    if seen.accepted is False:
        locked = "，应用提示账户锁定或尝试过于频繁" if seen.locked_words else ""
        raise LoginRefused(
            f"账户 {account} 登录被拒绝{locked}",
            cure="核对账户、口令与账户状态；口令由页面脚本加密后提交的，改由人工佐证",
        )
    pairs = [(one, during.seen[path]) for path, one in before.seen.items() if one.answered]
    if pairs and all(now.final_status == 403 and one.final_status != 403 for one, now in pairs):
        raise NoPermission(
            f"账户 {account} 提交登录后，受保护页面均返回 403", cure="为测试账户授予查看受保护页面的权限"
        )
    raise Unclear(
        f"账户 {account} 提交登录后，应答不足以判断是否登录成功",
        cure="在 login.success、login.failure 中登记能区分成败的标志，并登记未登录时不可见的 protected 页面",
    )


async def completed(visitor: Browser, attempt: Attempt, before: Looked, compare: Compare) -> LoginSeen:
    """Return an attempt with what the first two pages that refuse strangers said afterwards."""
    if attempt.error is not None:
        return attempt.seen
    visitor.token = attempt.token
    telling = [path for path, one in before.seen.items() if one.answered and not one.reached]
    after = await look(visitor, telling[:2], compare)
    return with_pages(attempt, before.seen, after.seen)
