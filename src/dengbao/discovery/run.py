"""One discovery from address to draft: scope, visitor, walk, YAML."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from ..catalog import load_engagement
from ..engines import find_engines
from ..errors import ProbeError, ProbeIncapable, UsageError
from ..events import EventLog
from ..model import Level, Raw, Scope, WebAsset
from ..probes.base import Context, Debt, Purpose
from ..probes.web.browser import Limits, opened
from ..redact import Redactor
from ..scope import Contact, Guard, unfence
from ..secrets import Secrets
from .draft import draft
from .findings import Found
from .rendered import render, try_by_chromium
from .trying import try_wrong
from .walk import Walk, explore, login_of

EVENTS: Final = "discover-events.jsonl"
LIMITS: Final = Limits(request_s=15.0, all_s=60.0)
_POLITE_PER_S: Final = 20.0


@dataclass(frozen=True)
class Wish:
    """What was asked for: the address, the engagement's folder, Chromium, one wrong login."""

    url: str
    engagement: Path | None = None
    browser: bool = False
    try_wrong: bool = False


class _NoLedger:
    """Stands where probes note attempts: discovery sends one at most and changes nothing."""

    def begin(self, key: str) -> str | None:
        del key
        return None

    def end(self, key: str, outcome: str) -> None:
        del key, outcome

    def owe(self, key: str, what: str) -> None:
        del what
        raise RuntimeError(f"discovery changes nothing: {key}")

    def settle(self, key: str) -> None:
        del key

    def debts(self) -> tuple[Debt, ...]:
        return ()

    def remember(self, key: str, text: str) -> None:
        del key, text

    def recall(self, key: str) -> str | None:
        del key
        return None


def _forgotten(name: str, data: bytes, /) -> Raw:
    """Keep nothing: a draft is no evidence."""
    return Raw(name=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def discover(wish: Wish, say: Callable[[str], None] = lambda _text: None) -> str:
    """Return the YAML draft for an address.

    With an engagement its scope holds, and each contact is noted in the folder's `discover-events.jsonl`;
    without one only the typed host and port may be contacted, at level observe.

    Raises:
        UsageError: the address, the engagement or the combination of options.
        ProbeError: the application gives no answer, or is out of scope.

    """
    start = _start(wish.url)
    scope = _scope(wish, start)
    redactor = Redactor()
    events = EventLog(wish.engagement / EVENTS, redactor) if wish.engagement is not None else None

    def log(contact: Contact) -> None:
        if events is not None:
            events.contact(contact)

    guard = Guard(scope, log=log)

    def announce(purpose: Purpose, request: str, /) -> None:
        guard.require(purpose.level, what=purpose.text)
        say(f"即将发出：{request}（{purpose.text}，“{purpose.level.zh}”级）")
        if events is not None:
            events.note(
                "intrusive", probe="discover", level=purpose.level.value, purpose=purpose.text,
                clause=purpose.clause, request=request,
            )  # fmt: skip

    context = Context(
        guard=guard, secrets=Secrets(redactor), keep=_forgotten, ledger=_NoLedger(), say=say,
        engines=find_engines(), announce=announce,
    )  # fmt: skip
    try:
        guard.fence()
        return draft(asyncio.run(_look(wish, start, context)))
    finally:
        unfence()
        if events is not None:
            events.close()


def _start(url: str) -> httpx.URL:
    try:
        start = httpx.URL(url if "://" in url else f"https://{url}")
    except (httpx.InvalidURL, ValueError) as exc:
        raise UsageError(f"网址写法不对：{url[:200]}", cure="写成 https://主机:端口/路径") from exc
    if start.scheme not in ("http", "https") or not start.host:
        raise UsageError(f"网址写法不对：{url[:200]}", cure="写成 https://主机:端口/路径")
    if start.userinfo:
        raise UsageError("网址中不得含有用户名或口令", cure="删去 @ 之前的部分；账户写入 accounts")
    return start if start.path else start.copy_with(path="/")


def _scope(wish: Wish, start: httpx.URL) -> Scope:
    if wish.engagement is not None:
        return load_engagement(wish.engagement).scope
    if wish.try_wrong:
        raise UsageError(
            "试登一次属“试探”级，须有项目授权", cure="加 --engagement 目录，且其 scope.level 不低于 intrude"
        )
    host = f"[{start.host}]" if ":" in start.host else start.host
    port = start.port or (443 if start.scheme == "https" else 80)
    return Scope(level=Level.OBSERVE, addresses=(f"{host}:{port}",), connections_per_s=_POLITE_PER_S)


async def _look(wish: Wish, start: httpx.URL, context: Context) -> Found:
    found = Found(url=str(start))
    asset = WebAsset(id="discover", name="", url=str(start.copy_with(fragment=None)))
    async with opened(asset, context, probe="discover", limits=LIMITS) as browser:
        context.say(f"以访客身份查看 {start.host}")
        walk = await explore(browser, start, found)
        if wish.browser:
            await _render(walk, start, context)
        if wish.try_wrong:
            await _try(walk, context, by_chromium=wish.browser)
    return found


async def _render(walk: Walk, start: httpx.URL, context: Context) -> None:
    context.say("由 Chromium 打开页面")
    try:
        await render(walk, start, context)
    except ProbeIncapable as exc:
        raise UsageError(exc.message, cure=exc.cure) from exc
    except ProbeError as exc:
        walk.found.notes.append(f"浏览器未能打开页面：{exc.message}")


async def _try(walk: Walk, context: Context, *, by_chromium: bool) -> None:
    login = login_of(walk.found)
    if login is None and by_chromium and walk.found.form is not None:
        try:
            await try_by_chromium(walk, context)
        except ProbeError as exc:
            walk.found.notes.append(f"未试登：{exc.message}")
        return
    if login is None:
        walk.found.notes.append("没有可直接提交的登录表单，未试登")
        return
    try:
        walk.found.tried = await try_wrong(walk.browser, login, context)
    except ProbeError as exc:
        walk.found.notes.append(f"未试登：{exc.message}")
