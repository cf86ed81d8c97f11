"""Creates a user of ours, and then others of the same name; removes every one of them.

The name is derived from the administering account's password and the round's debts, so that it can be found
again after a crash; no user that was there before is ever named.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from ...errors import NotDeclared, ProbeError
from ...model import Account, Asset, Call, Level, UserAdmin, WebAsset
from ..base import Context, Observed, Purpose
from .browser import Browser, Limits, opened
from .calls import perform
from .entering import Unclear, as_web
from .facts_identity import CreateTry, WebUniqueness
from .knocking import door_of
from .leaving import leave
from .login import turn
from .reading import find_json
from .temporary import derived

LIMITS: Final = Limits(all_s=300.0)
_CREATE: Final = Purpose(Level.INTRUDE, "新建测试用户，再以相同用户名新建，验证唯一性", "1.a.2")
_REMOVE: Final = Purpose(Level.INTRUDE, "删除检测时新建的测试用户", "1.a.2")
_KINDS: Final = ("new", "same", "case", "space", "other")
_DEBT: Final = "user"


@dataclass
class Managing:
    """User administration as the declared account; `ids` are those of users that were created."""

    context: Context
    admin: UserAdmin
    account: Account
    visitor: Browser
    secret: str = field(repr=False)
    ids: list[str] = field(default_factory=list)

    def name(self, kind: str) -> str:
        """Return the user name for a kind of try; all are of ours."""
        if kind == "other":
            return f"dbjc{derived(self.secret, f'{_DEBT}/other', length=8, sets=('a1',))}"
        name = f"dbjc{derived(self.secret, _DEBT, length=8, sets=('a1',))}"
        return {"case": name.upper(), "space": f"{name} "}.get(kind, name)

    async def rows(self, name: str) -> int | None:
        """Return how often the list shows a name, in whatever case; None without a list."""
        if not self.admin.list_path:
            return None
        chain = await self.visitor.visit(self.admin.list_path)
        if not 200 <= chain.last.status < 300:
            return None
        document = chain.last.document
        pattern = rf"(?<![\w-]){re.escape(name.strip())}(?![\w-])"
        return len(re.findall(pattern, document.source or document.text, re.IGNORECASE))

    async def create(self, call: Call, kind: str) -> CreateTry:
        """Send one request that creates a user, between two looks at the list."""
        before = await self.rows(self.name(kind))
        values = {
            "username": self.name(kind), "password": derived(self.secret, f"{_DEBT}/{kind}"),
            "role": self.admin.role,
        }  # fmt: skip
        reply = await perform(self.visitor.intruding(_CREATE), call, values)
        after = await self.rows(self.name(kind))
        if before is not None and after is not None and after > before:
            # A message that the list shows once ("… already exists") holds the name, too.
            again = await self.rows(self.name(kind))
            after = after if again is None else min(after, again)
        found = reply.created(self.admin.created_key) if self.admin.created_key else ""
        created = _created(reply.done, before, after)
        if found and (created or reply.done):
            self.ids.append(found)
        return CreateTry(
            kind=kind, status=reply.status, told=reply.done, rows_before=before, rows_after=after,
            created=created,
        )  # fmt: skip

    async def remove(self, call: Call) -> bool:
        """Remove every user of ours; tell whether the list shows none of them any more."""
        by_id = "{created}" in call.path or any("{created}" in one for one in call.fields.values())
        if by_id:
            for one in self.ids:
                await self._send(call, {"created": one, "username": self.name("new")})
        else:
            for kind in _KINDS:
                await self._send(call, {"username": self.name(kind)})
        return await self.gone()

    async def gone(self) -> bool:
        """Tell whether the list shows no user of ours."""
        return await self.rows(self.name("new")) == 0 and await self.rows(self.name("other")) == 0

    async def _send(self, call: Call, values: dict[str, str]) -> None:
        try:
            await perform(self.visitor.intruding(_REMOVE), call, values)
        except NotDeclared:
            raise
        except ProbeError:
            return  # whether they are gone is looked at afterwards


def _created(told: bool | None, before: int | None, after: int | None) -> bool | None:
    """Tell whether a user came into being: by the list, which must not contradict the answer."""
    if before is None or after is None:
        return told
    if after > before:
        return None if told is False else True
    return None if told else False


def _parts(web: WebAsset) -> tuple[UserAdmin, Call, Call]:
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


async def _managing(browser: Browser, web: WebAsset, context: Context, admin: UserAdmin) -> Managing:
    account = context.account(web, admin.account)
    password = context.password(web, account)
    knock = await (await door_of(browser, web, context)).knock(account, password)
    if knock.error is not None:
        raise knock.error
    if knock.seen.accepted is not True:
        raise Unclear(f"账户 {account.id} 未能登录", cure="核对账户与口令")
    return Managing(context, admin, account, knock.visitor, password)


async def probe(asset: Asset, context: Context) -> Observed:
    """Create a user, then the same name again, in other case and with a space, and another name; remove all.

    The other name is the control: where it is refused, too, the name was not the reason.

    Sends: one login of the administering account; the list of users; at most five requests that create and as
        many that remove.
    Changes: users of ours come into being and are removed again.
    Level: intrude.

    Raises:
        NotDeclared, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    admin, create, remove = _parts(web)
    async with turn(web), opened(web, context, probe="web.uniqueness", limits=LIMITS) as browser:
        managing = await _managing(browser, web, context, admin)
        names, doubled = await _listed(managing)
        if not await managing.gone():
            raise Unclear("用户列表中已有检测用的用户名，未新建", cure="删除上次检测遗留的用户后开始新的一轮")
        tries: list[CreateTry] = []
        context.ledger.owe(_DEBT, f"新建测试用户 {managing.name('new')}")
        for kind in _KINDS:
            tries.append(await managing.create(create, kind))
            if tries[0].created is not True or (kind == "space" and tries[1].created):
                break  # without a user of that name, or with two of them, the others prove nothing
        gone = await managing.remove(remove)
        if gone and tries[0].told is True and tries[0].created is None:
            raise Unclear(
                "应答称已新建用户，而用户列表未显示", cure="登记显示全部用户的列表，人工核对并删除测试用户"
            )
        if gone:
            context.ledger.settle(_DEBT)
        await leave(managing.visitor, web)
    facts = WebUniqueness(
        method=create.method, path=create.path, tries=tuple(tries), removed=gone, names=names,
        doubled=doubled,
    )  # fmt: skip
    return Observed((facts,), privilege=f"账户 {managing.account.id}")


async def _listed(managing: Managing) -> tuple[int | None, tuple[str, ...] | None]:
    """Return how many names a JSON list holds, and those that stand in it more than once."""
    if not managing.admin.usernames:
        return None, None
    chain = await managing.visitor.visit(managing.admin.list_path)
    names = list(_values(chain.last.document.data, managing.admin.usernames))
    if not names:
        return None, None
    counted = Counter(one.strip().casefold() for one in names)
    return len(counted), tuple(sorted(one for one, count in counted.items() if count > 1))


def _values(data: object, key: str) -> list[str]:
    found: list[str] = []
    stack = [data]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            value = find_json(one, key)
            if isinstance(value, str):
                found.append(value)
            else:
                stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return found


async def undo(asset: Asset, context: Context) -> None:
    """Remove the users that an earlier run created and did not remove.

    Sends: one login of the administering account, the list of users, at most five requests that remove.
    Changes: users of ours are removed.
    Level: intrude.

    Raises:
        Unclear: they are still there; and what a visit raises.

    """
    web = as_web(asset)
    admin, _, remove = _parts(web)
    async with turn(web), opened(web, context, probe="web.uniqueness-undo", limits=LIMITS) as browser:
        managing = await _managing(browser, web, context, admin)
        if not await managing.gone():
            managing.ids.extend(await _ids(managing))
            if not await managing.remove(remove):
                raise Unclear(
                    f"未能删除测试用户 {managing.name('new')}",
                    cure="由管理员删除该用户（含大写、带空格的同名用户）",
                )
        await leave(managing.visitor, web)
    context.ledger.settle(_DEBT)


async def _ids(managing: Managing) -> list[str]:
    """Return the ids of users of ours from a JSON list: what stands under the last part of `created_key`."""
    key = managing.admin.created_key.rpartition(".")[2]
    chain = await managing.visitor.visit(managing.admin.list_path)
    ours = {managing.name(kind).strip() for kind in _KINDS}
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
