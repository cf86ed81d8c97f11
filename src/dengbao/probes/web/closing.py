"""Disables and removes a user of ours, and tries to log in as it each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from ...errors import NotDeclared, ProbeError
from ...model import Account, Asset, Call, Level, UserAdmin, WebAsset
from ..base import Context, Observed, Purpose
from .browser import Browser, Chain, opened
from .calls import perform
from .entering import as_web
from .facts import Replay
from .facts_closing import ClosingStep, WebClosing
from .knocking import Door, Knock, telling_path
from .leaving import leave
from .login import turn
from .managing import LIMITS, Managing, Task, begin, declared_parts, manage, take_back
from .pages import describe, like
from .userlist import states_of

TASK: Final = Task("closing", "2.c.2", "新建测试用户，停用、删除后再登录，验证停用的账户不能登录")
_ENTER: Final = Purpose(Level.INTRUDE, "以检测时新建的测试用户登录", "2.c.2")
_DISABLE: Final = Purpose(Level.INTRUDE, "停用检测时新建的测试用户", "2.c.2")


async def probe(asset: Asset, context: Context) -> Observed:
    """Create a user, log in as it, disable it, log in again; remove it, and log in once more.

    Sends: at most three logins of the administering account; one request each that creates, disables and
        removes a user; at most four logins of that user, each with its right password; the list of users,
        a protected page.
    Changes: a user of ours comes into being, is disabled and removed.
    Level: intrude.

    Raises:
        NotDeclared, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    admin, create, remove = declared_parts(web)
    disable = admin.disable
    if disable is None:
        raise NotDeclared(
            "未登记停用用户的请求", where=f"engagement.yaml 测评对象 {web.id} app.users",
            cure="在 app.users.disable 中登记",
        )  # fmt: skip
    async with turn(web), opened(web, context, probe="web.closing", limits=LIMITS) as browser:
        managing, door = await manage(browser, web, context, TASK)
        await begin(managing)
        closing = Closing(web, managing, door)
        try:
            created = (await managing.create(create, "new")).created
            closing.seen = WebClosing(created=created)
            if created:
                await closing.disabled(disable)
        finally:
            await closing.remove(remove)
        for visitor in (*closing.earlier, managing.visitor):
            await leave(visitor, web)
    return Observed((closing.seen,), privilege=f"账户 {managing.account.id}")


@dataclass
class Closing:
    """The steps, in order, and what was seen of them so far."""

    web: WebAsset
    managing: Managing
    door: Door
    seen: WebClosing = field(default_factory=WebClosing)
    earlier: list[Browser] = field(default_factory=list)

    async def enter(self) -> Knock:
        """Log in as the user with its right password."""
        user = Account(id="-", username=self.managing.name("new"))
        return await self.door.knock(user, self.managing.password("new"), purpose=_ENTER, second=False)

    async def disabled(self, call: Call) -> None:
        """Log in twice, disable the user, and log in again."""
        first = await self.enter()
        if first.seen.accepted is not True:
            self._note(before=first.seen)
            return
        second = await self.enter()
        # As one session was alive at the second login, so one is at the third.
        await leave(first.visitor, self.web)
        self._note(before=second.seen)
        if second.seen.accepted is not True:
            return
        path = telling_path(self.door.before)
        page = await self._page(second.visitor, path)
        reply = await perform(self.managing.visitor.intruding(_DISABLE), call, self._values())
        shown = await self._enabled(self.managing.admin)
        step = ClosingStep(
            request=f"{call.method} {call.path}", status=reply.status, told=reply.done, shown=shown
        )
        after = await self._page(second.visitor, path)
        third = await self.enter()
        if third.seen.accepted:
            await leave(third.visitor, self.web)
        self._note(disabling=step, disabled=third.seen, session=self._replay(path, page, after))
        await self._control()

    def _note(self, **found: object) -> None:
        self.seen = msgspec.structs.replace(self.seen, **found)

    def _values(self) -> dict[str, str]:
        values = {"username": self.managing.name("new")}
        found = self.managing.ids.get("new")
        return {**values, "created": found} if found else values

    async def _page(self, visitor: Browser, path: str) -> Chain | None:
        try:
            return await visitor.visit(path) if path else None
        except ProbeError:
            return None

    def _replay(self, path: str, before: Chain | None, after: Chain | None) -> Replay | None:
        if before is None or after is None:
            return None
        first = self.door.before.chains.get(path)
        return Replay(
            by="old", stranger=self.door.before.seen[path],
            before=describe(path, before, self.door.compare), after=describe(path, after, self.door.compare),
            like_before_percent=like(after, before),
            like_stranger_percent=like(after, first) if first is not None else None,
        )  # fmt: skip

    async def _enabled(self, admin: UserAdmin) -> bool | None:
        """Return what the list says of the user's state, None where no column tells."""
        if not admin.usernames:
            return None
        try:
            chain = await self.managing.visitor.visit(admin.list_path)
        except ProbeError:
            return None
        return states_of(chain, admin.usernames).get(self.managing.name("new"))

    async def _control(self) -> None:
        """Log in as the administering account: whoever is refused now is not refused for asking too often.

        The new session is used from here on, since it may have ended the older one.
        """
        account = self.managing.account
        knock = await self.door.knock(account, self.managing.secret)
        self._note(control=knock.seen)
        if knock.seen.accepted:
            # Left at the end alone: with one token for all sessions, leaving one ends them all.
            self.earlier.append(self.managing.visitor)
            self.managing.visitor = knock.visitor

    async def remove(self, call: Call) -> None:
        """Remove the user and, where it could log in before, log in once more."""
        if not self.managing.owed():
            return
        gone = await self.managing.clear(call)
        self._note(removing=ClosingStep(request=f"{call.method} {call.path}", shown=False if gone else None))
        before = self.seen.before
        if not gone or before is None or before.accepted is not True:
            return
        last = await self.enter()
        if last.seen.accepted:
            await leave(last.visitor, self.web)
        self._note(removed=last.seen)
        if self.seen.control is not None and self.seen.control.accepted:
            await self._control()


async def undo(asset: Asset, context: Context) -> None:
    """Remove the user that an earlier run created and did not remove.

    Sends: one login of the administering account, the list of users, one request that removes.
    Changes: a user of ours is removed.
    Level: intrude.

    Raises:
        Unclear: it is still there, or may be; and what a visit raises.

    """
    await take_back(asset, context, TASK)
