"""Attempts that leave a trace: an empty password, and the default accounts everybody knows."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from ...errors import Interrupted, NotDeclared, ProbeError
from ...model import Asset, Level, WebAsset
from ..base import Context, Observed, Purpose
from .browser import Browser, opened
from .entering import Entered, Looked, as_web, completed, enter, look
from .facts import ControlSeen, DefaultTry, LoginSeen, WebDefaultAccounts, WebEmptyPassword
from .leaving import leave
from .login import declared, prepare, submit, turn
from .neighbours import people, require_first
from .pages import Compare, references
from .second import asks_code

MAX_PROBLEMS: Final = 2
_EMPTY: Final = Purpose(Level.INTRUDE, "以空口令登录一次", "1.a.3")
_DEFAULT: Final = Purpose(Level.INTRUDE, "以常见默认账户各登录一次", "2.b.2")


@dataclass
class Attempts:
    """Sends attempts as strangers, each noted before it is sent."""

    browser: Browser
    web: WebAsset
    context: Context
    compare: Compare
    before: Looked
    purpose: Purpose

    async def once(self, key: str, username: str, password: str) -> LoginSeen:
        """Return what one attempt brings, or brought when an earlier run sent it.

        Raises:
            Interrupted: an earlier run was cut off after sending it.
            ProbeError: the login page could not be opened; nothing was sent.

        """
        visitor = self.browser.fork().intruding(self.purpose)
        prepared = await prepare(visitor, declared(self.web))
        noted = self.context.ledger.begin(key)
        if noted is not None:
            return _noted(noted)
        attempt = await submit(visitor, prepared, username, password)
        if asks_code(self.web, attempt.chain):
            attempt = replace(attempt, seen=msgspec.structs.replace(attempt.seen, code_asked=True))
        seen = await completed(visitor, attempt, self.before, self.compare)
        self.context.ledger.end(key, msgspec.json.encode(seen).decode())
        if seen.accepted:
            await leave(visitor, self.web)
        return seen

    async def wrong(self) -> LoginSeen:
        """Return what a name that cannot exist brings."""
        return await self.once("control", f"dengbao-{secrets.token_hex(6)}", secrets.token_urlsafe(12))


def _noted(text: str) -> LoginSeen:
    try:
        return msgspec.json.decode(text, type=LoginSeen)
    except msgspec.DecodeError:
        return LoginSeen(problem="上次检测留下的结果无法读取，不再重发")


async def empty_password(asset: Asset, context: Context) -> Observed:
    """Try the declared account's name with an empty password, once.

    Sends: one login with the right password (it shows that the attempt would work), one with an empty
        password; if that seems to work, one with a name and password that cannot exist.
    Changes: one failed login of the declared account is counted; access log entries.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear, Interrupted and what a visit raises.

    """
    web = as_web(asset)
    login = declared(web)
    account = context.account(web, login.account)
    require_first(web, context, account)
    async with turn(web), opened(web, context, probe="web.empty_password") as browser:
        entered = await enter(browser, web, context)
        await leave(entered.visitor, web, entered.during.chains.values())
        attempts = Attempts(browser, web, context, entered.compare, entered.before, _EMPTY)
        seen = await attempts.once(f"empty/{account.username}", account.username, "")
        wrong = await attempts.wrong() if _needs_control(seen) else None
    control = ControlSeen(right=entered.login, wrong=wrong)
    return Observed(
        facts=(WebEmptyPassword(account=login.account, control=control, attempt=seen),), privilege="未登录"
    )


def _needs_control(seen: LoginSeen) -> bool:
    """Tell whether an accepted attempt rests on markers alone, which may match any answer."""
    return seen.accepted is True and seen.page_reached is not True


async def default_accounts(asset: Asset, context: Context) -> Observed:
    """Try each default account of the profile, once.

    Sends: one login with the declared account, if there is one; one login for each entry of
        `web_default_accounts`, at most one for a name, none for names of declared people; if one
        seems to work, one with a name and password that cannot exist. Stops at the first sign of a lock,
        a captcha or a second unanswered attempt.
    Changes: failed logins are counted where such accounts exist; access log entries.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    declared(web)
    require_first(web, context)
    entries = context.profile.get("web_default_accounts")
    if not isinstance(entries, tuple) or not entries:
        raise NotDeclared("默认账户表为空", cure="在 profile 的 web_default_accounts 中登记“用户名:口令”")
    async with turn(web), opened(web, context, probe="web.default_accounts") as browser:
        right, compare, before = await _control(browser, web, context)
        attempts = Attempts(browser, web, context, compare, before, _DEFAULT)
        tries = await _try_all(attempts, entries)
        needed = any(one.attempt is not None and _needs_control(one.attempt) for one in tries)
        wrong = await attempts.wrong() if needed else None
    return Observed(
        facts=(WebDefaultAccounts(control=ControlSeen(right=right, wrong=wrong), tries=tries),),
        privilege="未登录",
    )


async def _control(
    browser: Browser, web: WebAsset, context: Context
) -> tuple[LoginSeen | None, Compare, Looked]:
    """Show that the login as declared works; without an account only the failure marker can show it."""
    try:
        entered: Entered = await enter(browser, web, context)
    except NotDeclared:
        if declared(web).account:
            raise
        compare = await references(browser.fork(), web)
        before = await look(browser.fork(), web.protected, compare)
        return None, compare, before
    await leave(entered.visitor, web, entered.during.chains.values())
    return entered.login, entered.compare, entered.before


async def _try_all(attempts: Attempts, entries: tuple[str, ...]) -> tuple[DefaultTry, ...]:
    known = people(attempts.web, attempts.context)
    sent: set[str] = set()
    stop = ""
    tries: list[DefaultTry] = []
    for number, entry in enumerate(entries, 1):
        username, colon, password = entry.partition(":")
        why = stop or _why_not(username.strip() if colon else "", known, sent)
        if why:
            tries.append(DefaultTry(username=username, entry=number, skipped=why))
            continue
        sent.add(username.strip().casefold())
        digest = hashlib.sha256(password.encode()).hexdigest()[:8]
        try:
            seen = await attempts.once(f"default/{username}/{digest}", username, password)
        except Interrupted:
            why = "上次检测在发送后中断，不再重发"
            tries.append(DefaultTry(username=username, entry=number, skipped=why))
            continue
        except ProbeError as exc:
            if not any(one.attempt for one in tries):
                raise
            stop = exc.message  # what was tried before stays known
            tries.append(DefaultTry(username=username, entry=number, skipped=stop))
            continue
        tries.append(DefaultTry(username=username, entry=number, attempt=seen))
        stop = _why_stop(tries)
    return tuple(tries)


def _why_not(username: str, known: frozenset[str], sent: set[str]) -> str:
    if not username:
        return "条目写法不对，应为“用户名:口令”"
    if username.casefold() in known:
        return "该用户名是登记的在用账户，为避免锁定未尝试"
    if username.casefold() in sent:
        return "每个账户只尝试一次，该用户名已以另一口令尝试"
    return ""


def _why_stop(tries: list[DefaultTry]) -> str:
    done = [one.attempt for one in tries if one.attempt is not None]
    if done[-1].locked_words:
        return "应用提示锁定或尝试过于频繁，已停止"
    if done[-1].captcha_words:
        return "应用要求验证码，已停止"
    if sum(bool(one.problem) for one in done) >= MAX_PROBLEMS:
        return "应用多次未应答，已停止"
    return ""
