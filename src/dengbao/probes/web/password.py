"""Changes the password of a declared account: weak ones that must be refused, a strong one, and back.

Every change is owed before it is sent. The passwords are derived from the account's own and the debt's key,
so that a later run can find out which one is in force and set the old one again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...errors import Interrupted, LoginRefused, NotDeclared, ProbeError
from ...model import Account, Asset, Level, PasswordChange, WebAsset
from ..base import Context, Observed, Purpose
from .browser import Browser, Limits, opened
from .calls import Reply, perform
from .earlier import Earlier
from .entering import Unclear, as_web
from .facts import Replay
from .facts_identity import PasswordTry, WebPasswordChange
from .knocking import Door, Knock, door_of
from .leaving import leave
from .login import turn
from .refusals import bar, note, recall, unbar
from .temporary import derived

MAX_HISTORY: Final = 5
LIMITS: Final = Limits(all_s=500.0)
_CHANGE: Final = Purpose(Level.INTRUDE, "修改测试账户口令，验证复杂度要求，随后改回", "1.a.4")
_BACK: Final = Purpose(Level.INTRUDE, "将测试账户口令改回原口令", "1.a.4")
_STRONG: Final = "strong/"
_LOST: Final = "lost"
MAX_UNDOS: Final = 50
MAX_CUT_OFF: Final = 2


@dataclass
class Changing:
    """The account whose password is changed; `current` is the key of the one in force, empty: its own."""

    door: Door
    context: Context
    call: PasswordChange
    account: Account
    own: str
    least: int
    classes: int
    current: str = ""

    def text(self, key: str) -> str:
        """Return the password that a key stands for; the empty key stands for the account's own."""
        many = max(self.least + 4, 12)
        kinds = ("a", "A", "1", "!")[: max(self.classes - 1, 1)]
        made = {
            "": self.own,
            "same": self.own,
            "single": derived(self.own, key, length=many, sets=("a",)),
            "short": derived(self.own, key, length=max(self.least - 1, 4)),
            "classes": derived(self.own, key, length=many, sets=kinds),
            "username": f"{self.account.username}Aa1!",
        }
        return made.get(key) or derived(self.own, key)

    async def enter(self, key: str) -> Knock:
        """Log in with the password of a key.

        Raises:
            ProbeError: nothing was sent, or no answer came.

        """
        knock = await self.door.knock(self.account, self.text(key), own=False)
        if knock.error is not None:
            raise knock.error
        return knock

    async def change(self, visitor: Browser, key: str, purpose: Purpose = _CHANGE) -> Reply:
        """Send one change from the password in force to that of `key`."""
        values = {
            "old": self.text(self.current), "new": self.text(key), "username": self.account.username,
        }  # fmt: skip
        return await perform(visitor.intruding(purpose), self.call, values)

    async def first_of(self, *keys: str) -> str | None:
        """Return the first of the keys whose password is in force, None where none is."""
        for key in keys:
            if (await self.enter(key)).seen.accepted:
                return key
        return None

    async def in_force(self, new: str, reply: Reply, *, likely: bool) -> str | None:
        """Return whether the new password or the one from before is in force, None where neither is.

        What the answer said decides which is tried first, so that a wrong one is sent only where it misled;
        `likely` is believed where it said nothing.
        """
        changed = reply.done if reply.done is not None else likely and not reply.refused_by_status
        both = (new, self.current) if changed else (self.current, new)
        return await self.first_of(*both)

    async def find_current(self, keys: tuple[str, ...]) -> bool:
        """Find out which password is in force: the account's own, or one of the two newest of `keys`.

        A second one of ours is owed only after the own one was seen to be out of force: the first of the two
        that come into question is right, or the second.

        Sends: at most three logins, nearly always two.
        """
        newest = keys[::-1][:2]
        between = bool(newest) and _number(newest[0]) > 1
        found = await self.first_of(*((*newest[::-1], "") if between else ("", *newest)))
        self.current = found or ""
        return found is not None

    async def set_back(self) -> bool:
        """Make the account's own password the one in force again; tell whether it is.

        Where the application refuses it as an earlier one, other passwords come in between.
        """
        ledger = self.context.ledger
        begun = max(_number(self.current), 1)
        for number in range(begun + 1, begun + MAX_HISTORY + 3):
            if not self.current:
                return True
            if not await self._change_to(""):
                return False
            if not self.current:
                return True
            key, before = f"{_STRONG}{number}", self.current
            ledger.owe(key, f"账户 {self.account.id} 的口令改为临时口令")
            if not await self._change_to(key):
                return False
            ledger.settle(before if self.current == key else key)
        return False

    async def _change_to(self, key: str) -> bool:
        """Change the password and find out which one is in force; tell whether one of the two is."""
        knock = await self.enter(self.current)
        if not knock.seen.accepted:
            return False
        reply = await self.change(knock.visitor, key, _BACK)
        found = await self.in_force(key, reply, likely=True)
        if found is None:
            return False
        self.current = found
        return True


def _number(key: str) -> int:
    """Return how many strong passwords there were with this one, 0 of other keys."""
    head, _, number = key.partition("/")
    return int(number) if f"{head}/" == _STRONG and number.isdecimal() else 0


def _prepare(web: WebAsset, context: Context, door: Door) -> Changing:
    app = web.app
    if app is None or app.password_change is None:
        raise NotDeclared("未登记口令修改", cure="在 app.password_change 中登记账户与请求")
    call = app.password_change
    account = context.account(web, call.account)
    least, classes = context.profile.get("password_min_length"), context.profile.get("password_classes")
    return Changing(
        door, context, call, account, context.password(web, account),
        least if isinstance(least, int) else 8, classes if isinstance(classes, int) else 4,
    )  # fmt: skip


async def probe(asset: Asset, context: Context) -> Observed:
    """Offer weak passwords, then a strong one, and set the old one again.

    Sends: logins with the right password; at most five changes with weak passwords, each only where those
        before were refused; one with a strong one; changes back (more where a history is declared).
    Changes: the password of the declared account, which is set back; its sessions may end.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    async with turn(web), opened(web, context, probe="web.password_change", limits=LIMITS) as browser:
        changing = _prepare(web, context, await door_of(browser, web, context))
        if changing.call.history > MAX_HISTORY:
            raise NotDeclared(
                f"改回原口令须改密 {changing.call.history + 1} 次，未开始",
                cure=f"将测试账户的口令历史设为不多于 {MAX_HISTORY} 次，否则以人工佐证补充",
            )
        recall(web, context, changing.account)
        first = await changing.enter("")
        note(web, context, changing.account, first.seen)
        if first.seen.accepted is not True:
            raise LoginRefused(f"账户 {changing.account.id} 以正确口令未能登录", cure="核对账户与口令")
        tries, earlier = await _offer(changing)
        back = await changing.set_back()
        if not back:
            bar(web, context, changing.account)
        if back:
            for one in context.ledger.debts():
                context.ledger.settle(one.key)
        await _leave(changing)
    facts = WebPasswordChange(
        account=changing.account.id, method=changing.call.method, path=changing.call.path,
        tries=tries, set_back=back, earlier_session=earlier,
    )  # fmt: skip
    return Observed((facts,), privilege=f"账户 {changing.account.id}")


async def _leave(changing: Changing) -> None:
    try:
        knock = await changing.enter("")
    except ProbeError:
        return
    if knock.seen.accepted:
        await leave(knock.visitor, changing.door.web)


async def _offer(changing: Changing) -> tuple[tuple[PasswordTry, ...], Replay | None]:
    """Offer weak passwords until one is accepted, and last the strong one; return how they were received."""
    tries: list[PasswordTry] = []
    earlier = Earlier(changing.door, (await changing.enter("")).visitor)
    for kind in ("single", "short", "classes", "same", "username", "strong"):
        one = await _try(changing, kind, f"{_STRONG}1" if kind == "strong" else kind, earlier)
        tries.append(one)
        if one.accepted and kind != "same":
            return tuple(tries), earlier.replay()  # it is set back at once
        if kind == "same":  # that may have ended it
            earlier = Earlier(changing.door, (await changing.enter("")).visitor)
    return tuple(tries), None


async def _try(changing: Changing, kind: str, key: str, earlier: Earlier) -> PasswordTry:
    """Offer one password, and find out by logging in which one is in force."""
    text = changing.text(key)
    shown = PasswordTry(kind=kind, chars=len(text), classes=_classes(text))
    knock = await changing.enter("")
    if not knock.seen.accepted:
        raise Unclear(f"账户 {changing.account.id} 不再能以原口令登录", cure="人工核对该账户口令")
    changing.context.ledger.owe(key, f"账户 {changing.account.id} 的口令可能改为临时口令")
    await earlier.look()
    reply = await changing.change(knock.visitor, key)
    await earlier.look_again()
    if kind == "same":
        accepted = reply.done if reply.done is not None else (False if reply.refused_by_status else None)
    else:
        accepted = await _in_force(changing, key, reply)
    if accepted is False or kind == "same":
        changing.context.ledger.settle(key)
    return PasswordTry(
        kind=kind, chars=shown.chars, classes=shown.classes, status=reply.status, told=reply.done,
        accepted=accepted,
    )  # fmt: skip


async def _in_force(changing: Changing, key: str, reply: Reply) -> bool:
    """Tell whether a password that was offered is the one in force now.

    Raises:
        Unclear: neither it nor the old one opens the account; the debt stands.

    """
    found = await changing.in_force(key, reply, likely=False)
    if found is None:
        bar(changing.door.web, changing.context, changing.account)
        raise Unclear(
            f"账户 {changing.account.id} 改密后新旧口令均未能登录", cure="由管理员核对并重置该账户口令"
        )
    changing.current = found
    return found == key


def _classes(text: str) -> int:
    return sum(
        any(test(one) for one in text)
        for test in (str.isupper, str.islower, str.isdecimal, lambda one: not one.isalnum())
    )


def _lost(changing: Changing) -> Unclear:
    bar(changing.door.web, changing.context, changing.account)
    return Unclear(
        f"账户 {changing.account.id} 的原口令和临时口令均不能登录", cure="由管理员核对并重置该账户口令"
    )


def _next_attempt(changing: Changing) -> str:
    """Return the ledger's key of the next attempt to find the password in force.

    An attempt sends at most two wrong passwords before a right one: after two that were cut off, or one that
    found none, nobody tries again by program, so that the account is not locked.

    Raises:
        Unclear: no further attempt may be made.

    """
    cut_off = 0
    for number in range(1, MAX_UNDOS + 1):
        key = f"undo/{number}"
        try:
            noted = changing.context.ledger.begin(key)
        except Interrupted:
            cut_off += 1
            if cut_off >= MAX_CUT_OFF:
                raise _lost(changing) from None
            continue
        if noted == _LOST:
            raise _lost(changing)
        if noted is None:
            return key
        cut_off = 0
    raise _lost(changing)


async def undo(asset: Asset, context: Context) -> None:
    """Set the old password again after a run that was cut off.

    Sends: at most three logins to find out which password is in force, then the changes back.
    Changes: the password of the declared account becomes what it was.
    Level: intrude.

    Raises:
        Unclear: neither the old password nor one of ours is in force; and what a visit raises.

    """
    web = as_web(asset)
    async with turn(web), opened(web, context, probe="web.password_change-undo", limits=LIMITS) as browser:
        changing = _prepare(web, context, await door_of(browser, web, context))
        attempt = _next_attempt(changing)
        keys = tuple(one.key for one in context.ledger.debts())
        if not await changing.find_current(keys):
            context.ledger.end(attempt, _LOST)
            raise _lost(changing)
        context.ledger.end(attempt, "found")
        if not await changing.set_back():
            bar(web, context, changing.account)
            raise Unclear(f"账户 {changing.account.id} 未能改回原口令", cure="由管理员重置该账户口令")
    unbar(web, context, changing.account)
    for one in context.ledger.debts():
        context.ledger.settle(one.key)
