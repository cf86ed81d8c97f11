"""What failed logins bring: two that differ in the name, and as many on one account as may lock it.

Only the account that the engagement declares sacrificial is ever given a wrong password here.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import msgspec

from ...errors import Interrupted, NotDeclared, NotSupported, ProbeError
from ...model import Account, Asset, Level, WebAsset
from ..base import Context, Observed, Purpose
from .browser import Limits, opened
from .entering import Unclear, as_web
from .facts import LoginSeen
from .facts_identity import FailureSeen, WebFailures, WebLockout
from .knocking import Door, Knock, door_of
from .leaving import leave
from .login import declared, turn
from .neighbours import people, plain
from .refusals import leave_note, take_note
from .temporary import derived

LIMITS: Final = Limits(all_s=300.0)
MAX_WRONG: Final = 11  # however high the profile sets the number
SAID_CHARS: Final = 120
_FAIL: Final = Purpose(Level.INTRUDE, "以不存在的账户和错误口令各登录一次，比较应答", "1.b.1")
_LOCK: Final = Purpose(Level.DISRUPT, "以可锁定的测试账户连续输错口令，验证锁定", "1.b.2")
_MARGIN_S: Final = 5.0
_GOES_ON_S: Final = 60.0  # failures of longer ago may be counted no more
_CARRIED: Final = ("right/before", "wrong/1")


def sacrificial(web: WebAsset, context: Context) -> Account:
    """Return the account that may be locked.

    Raises:
        NotDeclared: none is declared, or it is the one that other probes log in with.

    """
    found = next((one for one in web.accounts if one.sacrificial and one.secret), None)
    where = f"engagement.yaml 测评对象 {web.id}"
    if found is None:
        raise NotDeclared(
            "未登记可锁定的专用测试账户，不得以其他账户测试登录失败处理", where=where,
            cure="在 accounts 中登记一个专用账户，写 sacrificial: true 及其 secret",
        )  # fmt: skip
    if (
        plain(found) in people(web, context)
        or declared(web).account == found.id
        or _used_by_app(web, found.id)
    ):
        raise NotDeclared(
            f"可锁定账户 {found.id} 同时用于其他检测，未予锁定",
            where=where,
            cure="另建一个专用账户供锁定测试",
        )
    return found


def _used_by_app(web: WebAsset, account: str) -> bool:
    app = web.app
    if app is None:
        return False
    users = (
        app.password_change,
        app.users,
        *app.logs,
        *app.inputs,
        *app.patients,
        *app.exports,
        *app.messages,
    )
    return any(one is not None and one.account == account for one in users)


@dataclass
class Ledgered:
    """Logins with the sacrificial account, each noted before it is sent and never sent twice."""

    door: Door
    account: Account
    purpose: Purpose
    resumed: bool = False
    unknown: int = 0
    carried: bool = False

    async def once(self, key: str, account: Account, password: str) -> LoginSeen:
        """Return what one login brings, or brought when an earlier run sent it.

        Raises:
            Interrupted: an earlier run was cut off after sending it.
            ProbeError: the login page could not be opened; nothing was sent.

        """
        ledger = self.door.context.ledger
        noted = ledger.begin(key)
        if noted is not None:
            self.resumed = self.resumed or not (self.carried and key in _CARRIED)
            return _noted(noted)
        try:
            knock = await self.door.knock(account, password, purpose=self.purpose)
            seen = knock.seen
        except ProbeError as exc:
            # Nothing was sent, but the note stands: it is not tried again in this round.
            seen = LoginSeen(problem=exc.message)
            if isinstance(exc, NotSupported):
                seen = LoginSeen(status=200, captcha_words=("验证码",), problem=exc.message)
            ledger.end(key, msgspec.json.encode(seen).decode())
            return seen
        ledger.end(key, msgspec.json.encode(seen).decode())
        if seen.accepted:
            await leave(knock.visitor, self.door.web)
        return seen


def _noted(text: str) -> LoginSeen:
    try:
        return msgspec.json.decode(text, type=LoginSeen)
    except msgspec.DecodeError:
        return LoginSeen(problem="上次检测留下的结果无法读取，不再重发")


async def failures(asset: Asset, context: Context) -> Observed:
    """Log in with a name that cannot exist, and with the sacrificial account and a wrong password.

    Sends: one login with the sacrificial account's right password, then the two, each once.
    Changes: one failed login of the sacrificial account is counted; access log entries.
    Level: intrude.

    Raises:
        NotDeclared, NotSupported, Unclear, Interrupted and what a visit raises.

    """
    web = as_web(asset)
    victim = sacrificial(web, context)
    password = context.password(web, victim)
    async with turn(web), opened(web, context, probe="web.failures", limits=LIMITS) as browser:
        door = await door_of(browser, web, context)
        right = await door.knock(victim, password)
        if right.error is not None:
            raise right.error
        if right.seen.accepted is not True:
            raise Unclear(f"账户 {victim.id} 以正确口令未能登录，可能已锁定", cure="解锁该账户后开始新的一轮")
        await leave(right.visitor, web)
        wrong_text = derived(password, "failure")
        stranger = Account(id="-", username=f"dengbao-{derived(password, 'nobody', length=10, sets=('a1',))}")
        unknown = await _failure(door, "unknown", stranger, wrong_text)
        wrong = await _failure(door, "wrong", victim, wrong_text)
    facts = WebFailures(account=victim.id, right=right.seen, unknown=unknown, wrong=wrong)
    leave_note(web, context, victim, msgspec.json.encode(facts).decode())
    return Observed((facts,), privilege="未登录")


async def _failure(door: Door, key: str, account: Account, password: str) -> FailureSeen:
    ledger = door.context.ledger
    noted = ledger.begin(key)
    if noted is not None:
        return msgspec.json.decode(noted, type=FailureSeen)
    knock = await door.knock(account, password, purpose=_FAIL)
    said, chars = _said(knock, account.username)
    seen = FailureSeen(login=knock.seen, said=said, chars=chars)
    ledger.end(key, msgspec.json.encode(seen).decode())
    return seen


def _said(knock: Knock, username: str) -> tuple[str, int | None]:
    """Return what an answer says beyond the login page, and how much text it holds, without the name."""
    if knock.chain is None:
        return "", None
    before = knock.page.last.document.texts if knock.page is not None else frozenset()
    document = knock.chain.last.document
    parts = [document.message] if document.is_json else sorted(document.texts - before)
    parts += list(document.alerts)
    said = "；".join(one for one in parts if one).replace(username, "（用户名）")
    text = document.text.replace(username, "")
    return said[:SAID_CHARS], len(text)


async def lockout(asset: Asset, context: Context) -> Observed:
    """Give the sacrificial account as many wrong passwords as the profile allows, then its right one.

    Where its right password and a wrong one were sent just before, it goes on from there: a login in between
    may begin the count anew or not, and then nobody knew how many failures led to the lock.

    Sends: one login with the right password; wrong ones, at most `lockout_max_attempts`; the right one again;
        one login of another account; the right one again after a wait within `scope.wait_s`.
    Changes: the sacrificial account may be locked; access log entries.
    Level: disrupt.

    Raises:
        NotDeclared, NotSupported, Unclear, Interrupted and what a visit raises.

    """
    web = as_web(asset)
    victim = sacrificial(web, context)
    password = context.password(web, victim)
    async with turn(web), opened(web, context, probe="web.lockout", limits=LIMITS) as browser:
        door = await door_of(browser, web, context)
        logins = Ledgered(door, victim, _LOCK)
        logins.carried = _carry(web, context, victim)
        before = await logins.once("right/before", victim, password)
        if before.accepted is not True:
            raise Unclear(f"账户 {victim.id} 以正确口令未能登录，可能已锁定", cure="解锁该账户后开始新的一轮")
        facts = await _fail(logins, before, password, _most(context))
        at = time.monotonic()
        if facts.right_after is not None and facts.right_after.accepted is False:
            other = await _other(door)
            facts = msgspec.structs.replace(facts, other_after=other)
    if logins.carried:
        facts = msgspec.structs.replace(facts, earlier=0, strangers=1)
    facts = msgspec.structs.replace(facts, wait_allowed_s=context.guard.scope.wait_s)
    if facts.right_after is not None and facts.right_after.accepted is False and not logins.resumed:
        facts = await _later(web, context, facts, victim, password, at)
    return Observed((facts,), privilege="未登录")


def _carry(web: WebAsset, context: Context, victim: Account) -> bool:
    """Take over the right and the wrong password that were just sent; tell whether they are or were."""
    ledger = context.ledger
    try:
        noted = ledger.begin("carried")
    except Interrupted:
        return False
    if noted is not None:
        return noted == "yes"
    text = take_note(web, context, victim, _GOES_ON_S)
    just = msgspec.json.decode(text, type=WebFailures) if text else None
    goes_on = just is not None and just.right.accepted is True and _plain_refusal(just.wrong.login)
    if just is not None and goes_on:
        for key, seen in zip(_CARRIED, (just.right, just.wrong.login), strict=True):
            if ledger.begin(key) is None:
                ledger.end(key, msgspec.json.encode(seen).decode())
    ledger.end("carried", "yes" if goes_on else "no")
    return goes_on


def _plain_refusal(seen: LoginSeen) -> bool:
    """Tell whether a wrong password was refused as such, and nothing else stood in the way."""
    odd = seen.locked_words or seen.captcha_words or seen.status is None or seen.status >= 429
    return seen.accepted is False and not odd


def _most(context: Context) -> int:
    given = context.profile.get("lockout_max_attempts")
    return min(given, MAX_WRONG) if isinstance(given, int) and given > 0 else 5


async def _fail(logins: Ledgered, before: LoginSeen, password: str, most: int) -> WebLockout:
    """Send wrong passwords until a lock is spoken of or `most` are sent, and then the right one."""
    victim = logins.account
    wrong: list[LoginSeen] = []
    told_at = captcha_at = None
    for number in range(1, most + 1):
        try:
            seen = await logins.once(f"wrong/{number}", victim, derived(password, f"wrong/{number}"))
        except Interrupted:
            # It was perhaps sent: it counts, and is not sent again.
            logins.resumed = True
            logins.unknown += 1
            seen = LoginSeen(problem="上次运行在该次尝试之后中断，结果未知，不再重发")
        wrong.append(seen)
        if seen.captcha_words:
            captcha_at = number
            break
        if seen.locked_words:
            told_at = number
            break
        if seen.accepted:
            break
    after = None
    if captcha_at is None and not wrong[-1].accepted:
        after = await logins.once("right/after", victim, password)
    return WebLockout(
        account=victim.id, right_before=before, wrong=tuple(wrong), right_after=after, told_at=told_at,
        captcha_at=captcha_at, resumed=logins.resumed, unknown=logins.unknown,
    )  # fmt: skip


async def _other(door: Door) -> LoginSeen | None:
    """Return how the declared account is received from the same address now, None if there is none."""
    login = declared(door.web)
    if not login.account:
        return None
    try:
        account = door.context.account(door.web, login.account)
        knock = await door.knock(account, door.context.password(door.web, account), purpose=_LOCK)
    except ProbeError as exc:
        return LoginSeen(problem=exc.message)
    await leave(knock.visitor, door.web)
    return knock.seen


async def _later(
    web: WebAsset, context: Context, facts: WebLockout, victim: Account, password: str, begun: float
) -> WebLockout:
    """Ask again with the right password when the lock must still hold, as far as waiting is allowed."""
    least = context.profile.get("lockout_min_duration_s")
    wanted = float(least) - _MARGIN_S if isinstance(least, int | float) else 0.0
    wait = min(wanted, context.guard.scope.wait_s)
    if wait <= 0:
        return facts
    context.say(f"账户 {victim.id} 已锁定，{wait:.0f} 秒后复查")
    await asyncio.sleep(max(0.0, wait - (time.monotonic() - begun)))
    async with turn(web), opened(web, context, probe="web.lockout-later", limits=LIMITS) as browser:
        logins = Ledgered(await door_of(browser, web, context), victim, _LOCK)
        waited = time.monotonic() - begun
        later = await logins.once("right/later", victim, password)
    return msgspec.structs.replace(facts, right_later=later, waited_s=round(waited, 1))
