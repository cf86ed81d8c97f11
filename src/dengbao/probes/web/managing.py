"""Creates users of ours as the account that administers them, and removes them again.

A name is derived from the administering account's password, so that it can be found again after a crash; no
user that was there before is ever named. What is created is owed until it is gone for sure: a list that shows
only its first page does not show that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ...errors import NotDeclared, ProbeError
from ...model import Account, Asset, Call, Level, UserAdmin, WebAsset
from ..base import Context, Purpose
from .browser import Browser, Limits, opened
from .calls import Reply, filled, perform, placeholders
from .entering import Unclear, as_web
from .facts_identity import CreateTry
from .knocking import Door, door_of
from .leaving import leave
from .login import turn
from .rows import rows_of
from .temporary import derived
from .userlist import complete

LIMITS: Final = Limits(all_s=300.0)
# Those of a line have one name in other writing, so that a list shows all of them where it shows one.
_FAMILIES: Final = (("new", "same", "case", "space"), ("other",))
KINDS: Final = tuple(kind for family in _FAMILIES for kind in family)


@dataclass(frozen=True)
class Task:
    """What users of ours are created for: their names and debts follow from `key`; `what` is Chinese."""

    key: str
    clause: str
    what: str

    def debt(self, kind: str) -> str:
        """Return the key under which a user is owed."""
        return f"{self.key}/{kind}"

    def purpose(self, what: str = "") -> Purpose:
        """Return the purpose of a request."""
        return Purpose(Level.INTRUDE, what or self.what, self.clause)


@dataclass
class Managing:
    """User administration as the declared account; `ids` are those of users that were created, by kind."""

    context: Context
    task: Task
    admin: UserAdmin
    account: Account
    visitor: Browser
    secret: str = field(repr=False)
    ids: dict[str, str] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """Return the user name for a kind of try; all are of ours."""
        if kind in ("other", "nobody"):
            return f"dbjc{derived(self.secret, f'{self.task.key}/{kind}', length=8, sets=('a1',))}"
        name = f"dbjc{derived(self.secret, self.task.key, length=8, sets=('a1',))}"
        return {"case": name.upper(), "space": f"{name} "}.get(kind, name)

    def password(self, kind: str) -> str:
        """Return the password that a user of ours is given."""
        return derived(self.secret, f"{self.task.key}/{kind}")

    async def rows(self, name: str) -> int | None:
        """Return how often the list, or the search for the name, shows it in whatever case; None without."""
        if not self.admin.find_path:
            return await self._shown(self.admin.list_path, name) if self.admin.list_path else None
        nobody = self.name("nobody")
        # What is searched for may stand in the answer once more.
        echoed = await self._shown(self._search(nobody), nobody)
        shown = await self._shown(self._search(name.strip()), name)
        return None if echoed is None or shown is None else max(0, shown - echoed)

    def _search(self, name: str) -> str:
        return filled(self.admin.find_path, {"username": name}, in_path=True)

    async def _shown(self, path: str, name: str) -> int | None:
        chain = await self.visitor.visit(path)
        if not 200 <= chain.last.status < 300:
            return None
        document = chain.last.document
        pattern = rf"(?<![\w-]){re.escape(name.strip())}(?![\w-])"
        return len(re.findall(pattern, document.source or document.text, re.IGNORECASE))

    async def whole(self) -> bool:
        """Tell whether a name that is not shown does not exist: nothing is left on another page.

        A search shows that by finding the administering account itself.
        """
        if self.admin.find_path:
            return bool(await self.rows(self.account.username))
        chain = await self.visitor.visit(self.admin.list_path)
        if not 200 <= chain.last.status < 300:
            return False
        columns = {"username": self.admin.usernames}
        rows = rows_of(chain, columns) if self.admin.usernames else None
        if rows is None and self.admin.usernames:
            return False
        return complete(chain, len(rows or ())) is True

    async def create(self, call: Call, kind: str) -> CreateTry:
        """Send one request that creates a user, between two looks at the list; it is owed beforehand."""
        name = self.name(kind)
        before = await self.rows(name)
        values = {"username": name, "password": self.password(kind), "role": self.admin.role}
        self.context.ledger.owe(self.task.debt(kind), f"新建测试用户 {name}")
        reply = await perform(self.visitor.intruding(self.task.purpose()), call, values)
        after = await self.rows(name)
        if before is not None and after is not None and after > before:
            # A message that the list shows once ("… already exists") holds the name, too.
            again = await self.rows(name)
            after = after if again is None else min(after, again)
        created = _created(reply.done, before, after)
        if reply.done is None and created is None and before == after and (before or await self.whole()):
            created = False
        found = reply.created(self.admin.created_key) if self.admin.created_key else ""
        if found and (created or reply.done):
            self.ids[kind] = found
        if created is False:
            self.context.ledger.settle(self.task.debt(kind))
        return CreateTry(
            kind=kind, status=reply.status, told=reply.done, rows_before=before, rows_after=after,
            created=created,
        )  # fmt: skip

    async def gone(self) -> bool:
        """Tell whether the list shows no user of ours."""
        return await self.rows(self.name("new")) == 0 and await self.rows(self.name("other")) == 0

    def owed(self) -> tuple[str, ...]:
        """Return the kinds of users that are still to be removed."""
        debts = {one.key for one in self.context.ledger.debts()}
        if self.task.key in debts:  # as rounds of earlier versions noted it, for all of them at once
            return KINDS
        return tuple(kind for kind in KINDS if self.task.debt(kind) in debts)

    async def clear(self, call: Call) -> bool:
        """Remove every user that is owed, settle those that are gone for sure; tell whether all are."""
        gone = True
        for family in _FAMILIES:
            kinds = [one for one in family if one in self.owed()]
            if kinds and await self._cleared(call, kinds):
                for kind in kinds:
                    self.context.ledger.settle(self.task.debt(kind))
            else:
                gone = gone and not kinds
        if gone:
            self.context.ledger.settle(self.task.key)
        return gone

    async def _cleared(self, call: Call, kinds: Sequence[str]) -> bool:
        """Remove the users of one name; tell whether that they are gone is proven.

        Proven is it by a list or search that shows everybody, by having been shown there before, one for
        each that is owed, or by the mark of the removal itself, seen for each.
        """
        name = self.name(kinds[0])
        before = await self.rows(name)
        if before == 0 and await self.whole():
            return True
        marks = [one.done if one is not None else None for one in await self._send_all(call, kinds)]
        if await self.rows(name) != 0:
            return False
        if before is not None and before >= len(kinds):
            return True
        return (len(marks) >= len(kinds) and all(one is True for one in marks)) or await self.whole()

    async def _send_all(self, call: Call, kinds: Sequence[str]) -> list[Reply | None]:
        if "created" not in placeholders((call.path, *call.fields.values())):
            return [await self._send(call, {"username": self.name(kind)}) for kind in kinds]
        ids = [self.ids[kind] for kind in kinds if kind in self.ids]
        ids = list(dict.fromkeys([*ids, *(await self._listed_ids() if len(ids) < len(kinds) else ())]))
        return [await self._send(call, {"created": one, "username": self.name(kinds[0])}) for one in ids]

    async def _send(self, call: Call, values: dict[str, str]) -> Reply | None:
        try:
            purpose = self.task.purpose("删除检测时新建的测试用户")
            return await perform(self.visitor.intruding(purpose), call, values)
        except NotDeclared:
            raise
        except ProbeError:
            return None  # whether they are gone is looked at afterwards

    async def _listed_ids(self) -> list[str]:
        """Return the ids of users of ours from a JSON list: what stands under the last part of its key."""
        key = self.admin.created_key.rpartition(".")[2]
        path = self._search(self.name("new")) if self.admin.find_path else self.admin.list_path
        chain = await self.visitor.visit(path)
        ours = {self.name(kind).strip() for kind in KINDS}
        found: list[str] = []
        stack = [chain.last.document.data] if key else []
        while stack:
            one = stack.pop()
            if isinstance(one, dict):
                names = {text.strip() for text in one.values() if isinstance(text, str)}
                if names & ours and key in one:
                    found.append(str(one[key]))
                stack.extend(one.values())
            elif isinstance(one, list):
                stack.extend(one)
        return found


def _created(told: bool | None, before: int | None, after: int | None) -> bool | None:
    """Tell whether a user came into being: by the list, which must not contradict the answer."""
    if before is None or after is None:
        return told
    if after > before:
        return None if told is False else True
    return False if told is False else None


def declared_parts(web: WebAsset) -> tuple[UserAdmin, Call, Call]:
    """Return user administration with its requests that create and remove.

    Raises:
        NotDeclared: one of them, or the list of users, is not declared.

    """
    admin = web.app.users if web.app else None
    where = f"engagement.yaml 测评对象 {web.id} app.users"
    if admin is None or admin.create is None:
        raise NotDeclared("未登记新建用户的请求", where=where, cure="在 app.users.create 中登记")
    if admin.remove is None:
        raise NotDeclared(
            "未登记删除用户的请求，未新建测试用户", where=where,
            cure="在 app.users.remove 中登记；应用不能删除用户的，以人工佐证补充",
        )  # fmt: skip
    if not admin.list_path:
        raise NotDeclared(
            "未登记用户列表，无从确认新建与删除", where=where, cure="在 app.users.list_path 中登记"
        )
    return admin, admin.create, admin.remove


async def manage(browser: Browser, web: WebAsset, context: Context, task: Task) -> tuple[Managing, Door]:
    """Log in as the administering account; return what is done as it, and the door it came through.

    Raises:
        Unclear: it cannot be told whether the login worked; and what a login raises.

    """
    admin, _, _ = declared_parts(web)
    account = context.account(web, admin.account)
    password = context.password(web, account)
    door = await door_of(browser, web, context)
    knock = await door.knock(account, password)
    if knock.error is not None:
        raise knock.error
    if knock.seen.accepted is not True:
        raise Unclear(f"账户 {account.id} 未能登录", cure="核对账户与口令")
    return Managing(context, task, admin, account, knock.visitor, password), door


async def begin(managing: Managing) -> None:
    """See to it that no user of ours is there before one is created.

    Raises:
        Unclear: one is, or the list cannot be read.

    """
    if not await managing.gone():
        raise Unclear("用户列表中已有检测用的用户名，未新建", cure="删除上次检测遗留的用户后开始新的一轮")


async def take_back(asset: Asset, context: Context, task: Task) -> None:
    """Remove the users that an earlier run created for a task and did not remove.

    Raises:
        Unclear: they are still there, or may be; and what a visit raises.

    """
    web = as_web(asset)
    _, _, remove = declared_parts(web)
    async with turn(web), opened(web, context, probe=f"web.users-{task.key}-undo", limits=LIMITS) as browser:
        managing, _ = await manage(browser, web, context, task)
        gone = await managing.clear(remove)
        await leave(managing.visitor, web)
    if not gone:
        raise Unclear(
            f"未能确认测试用户 {managing.name('new')} 已删除",
            cure="由管理员查找该用户（含大写、带空格的）并删除；登记 find_path 或 remove.done 的可由程序确认",
        )
