"""Leaves a session alone for as long as waiting is allowed, and keeps another one awake beside it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import msgspec

from ...errors import ProbeError
from ...model import Asset, WebAsset
from ..base import Context, Observed
from .browser import Browser, Chain, Limits, opened
from .entering import PROTECTED_CURE, Entered, Unclear, as_web, enter
from .facts import Replay
from .facts_identity import WebIdle
from .leaving import leave
from .login import declared, turn
from .pages import describe
from .reach import jwt_lifetime_s, replayed
from .refusals import counted
from .session import find_carriers

MAX_WAIT_S: Final = 3600.0
AWAKE_EVERY_S: Final = 45.0
MARGIN_S: Final = 5.0
MAX_OTHERS: Final = 12
LIMITS: Final = Limits(all_s=MAX_WAIT_S + 600)


@dataclass(frozen=True)
class Pair:
    """Two sessions of one account; `idle` is left alone, `awake` is not."""

    first: Entered
    idle: Browser
    awake: Browser
    path: str
    shown: Chain
    names: tuple[str, ...]
    given: str
    begun: float

    @property
    def carried(self) -> str:
        """Return the credential by which the session that is kept awake goes on."""
        return next((self.awake.jar.value(one) for one in self.names), self.awake.token)


async def probe(asset: Asset, context: Context) -> Observed:
    """Measure whether a session that is left alone ends, on the server's side.

    Sends: two logins of the declared account; a protected page with one session every 45 s, with the other
        once at the end; at most as long as `scope.wait_s`, `idle_timeout_max_s` and an hour.
    Changes: two sessions of the declared account begin and end.
    Level: login.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    allowed = context.guard.scope.wait_s
    async with opened(web, context, probe="web.idle", limits=LIMITS) as browser:
        async with turn(web):
            pair, facts = await _pair(browser, web, context, allowed)
        limit = context.profile.get("idle_timeout_max_s")
        wait = min(
            allowed, MAX_WAIT_S, float(limit) + MARGIN_S if isinstance(limit, int | float) else MAX_WAIT_S
        )
        if wait > 0 and facts.concurrent and not facts.shared:
            context.say(f"会话静置 {wait:.0f} 秒后复查")
            account = context.account(web, facts.account)
            begun = counted(web, context, account)
            facts = await _wait(pair, facts, wait)
            others = counted(web, context, account) - begun
            facts = msgspec.structs.replace(facts, others=others)
            if facts.idle is not None and facts.idle.ended and 0 < others <= MAX_OTHERS:
                async with turn(web):
                    crowded = await _crowd(browser, web, context, pair.path, others)
                facts = msgspec.structs.replace(facts, crowded=crowded)
        for visitor in (pair.idle, pair.awake):
            await leave(visitor, web, pair.first.during.chains.values())
    return Observed((facts,), privilege=f"账户 {facts.account}")


async def _pair(browser: Browser, web: WebAsset, context: Context, allowed: float) -> tuple[Pair, WebIdle]:
    first = await enter(browser, web, context)
    path = next(
        (one for one, seen in first.during.seen.items() if _tells(first, one, bool(seen.reached))), ""
    )
    if not path:
        raise Unclear("没有受保护页面在登录前后应答不同，无从测试会话超时", cure=PROTECTED_CURE)
    carriers = await find_carriers(first, path)
    second = await enter(browser, web, context)
    begun = time.monotonic()
    if first.visitor.shared or second.visitor.shared or declared(web).style == "session":
        raise Unclear(
            "会话由人工登录或导入，只有一个，无从对照空闲超时", cure="登记登录方式，或以人工佐证补充"
        )
    concurrent = await _alive(first.visitor, path, first)
    token = first.visitor.token if carriers.kind == "bearer" else ""
    value = next((first.visitor.jar.value(one) for one in carriers.names), token)
    again = next((second.visitor.jar.value(one) for one in carriers.names), second.visitor.token)
    lifetimes = [
        one.lifetime_s
        for one in first.visitor.jar.cookies.values()
        if one.name in carriers.names and one.lifetime_s is not None
    ]
    facts = WebIdle(
        account=web.login.account if web.login else "", carrier=carriers.kind, path=path,
        concurrent=concurrent, wait_allowed_s=allowed,
        cookie_lifetime_s=min(lifetimes) if lifetimes else None, token_lifetime_s=jwt_lifetime_s(value),
        shared=value == again if value else None,
    )  # fmt: skip
    shown = first.during.chains[path]
    return Pair(first, first.visitor, second.visitor, path, shown, carriers.names, again, begun), facts


def _tells(entered: Entered, path: str, reached: bool) -> bool:
    before = entered.before.seen[path]
    return reached and before.answered and not before.reached and not before.failing


async def _alive(visitor: Browser, path: str, entered: Entered) -> bool | None:
    try:
        return describe(path, await visitor.visit(path), entered.compare).reached
    except ProbeError:
        return None


async def _crowd(browser: Browser, web: WebAsset, context: Context, path: str, others: int) -> bool | None:
    """Tell whether a session ends because so many more of its account begin, as they did during the wait."""
    try:
        first = await enter(browser, web, context)
        for _ in range(others):
            one = await enter(browser, web, context)
            await leave(one.visitor, web, one.during.chains.values())
        alive = await _alive(first.visitor, path, first)
        await leave(first.visitor, web, first.during.chains.values())
    except ProbeError:
        return None
    return None if alive is None else not alive


async def _wait(pair: Pair, facts: WebIdle, wait_s: float) -> WebIdle:
    """Sleep with one session and keep the other awake; then ask with both."""
    begun = time.monotonic()
    lived: float | None = None
    while (left := wait_s - (time.monotonic() - begun)) > 0:
        await asyncio.sleep(min(left, AWAKE_EVERY_S, wait_s / 8))
        if await _alive(pair.awake, pair.path, pair.first):
            lived = round(time.monotonic() - pair.begun, 1)
    waited = time.monotonic() - begun
    idle: Replay = await replayed("idle", pair.idle, pair.path, pair.shown, pair.first)
    awake: Replay = await replayed("awake", pair.awake, pair.path, pair.shown, pair.first)
    if awake.ended is False:
        lived = round(time.monotonic() - pair.begun, 1)
    kept = pair.carried == pair.given if pair.given else None
    return msgspec.structs.replace(
        facts, waited_s=round(waited, 1), idle=idle, awake=awake, awake_s=lived, awake_kept=kept
    )
