"""Asks for functions that change data: carried out for real, each owed first and taken back at once."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ...errors import NotDeclared, OutOfScope, ProbeError
from ...model import Asset, Marker, WebFunction
from ..base import Context, Purpose
from .browser import opened
from .calls import Reply
from .entering import Unclear, as_web
from .facts_access import Asked
from .leaving import leave
from .login import turn
from .parties import LIMITS, PURPOSE, Party, admit, ask_as, described, role_accounts
from .truth import refusing_words


async def carry_out(
    parties: list[Party], function: WebFunction, context: Context, purpose: Purpose
) -> tuple[list[Asked], str]:
    """Ask for a function that has an `undo`: first as one who may, then as everybody who may not.

    Where the one who may cannot do it either, a refusal would prove nothing and nobody else is asked; nor is
    anybody after a change that was not taken back for sure. Return the cells, and in Chinese why it ended.
    Sends: the request as each party, and the undo of each that was not refused.
    Changes: what the function changes, until the undo.
    """
    why = _unsafe(function)
    if why:
        return [], why
    able = [one for one in parties if one.present and one.id and one.role in function.roles]
    if function.objects:
        able = [one for one in able if function.objects.get(one.id)]
    if not able:
        return [], "没有可登录的有权账户"
    first = able[0]
    change = _Change(function, first, context, purpose)
    cells = [await change.by(first, "own")]
    if not cells[0].granted:
        return cells, "有权账户未能执行"
    for one in parties:
        if change.left:
            return cells, "撤销未能确认，未再以其他角色请求，须人工核对"
        if one.present and not (one.id and one.role in function.roles):
            cells.append(await change.by(one, "vertical"))
    return cells, "撤销未能确认，须人工核对" if change.left else ""


def _unsafe(function: WebFunction) -> str:
    """Return in Chinese why a change must not be made: nothing would take it back, or show that it did."""
    if function.undo is None:
        return "会改变数据且未登记撤销请求，未发送"
    if function.undo.done == Marker():
        return "会改变数据，撤销请求未登记成功标志（undo.done），未发送"
    return ""


class _Change:
    """One function with its undo, which is sent as the party that may use it.

    `left`: something may be changed still. `true` is how the one who may was answered.
    """

    def __init__(self, function: WebFunction, able: Party, context: Context, purpose: Purpose) -> None:
        self.function = function
        self.able = able
        self.context = context
        self.purpose = purpose
        self.left = False
        self.true: Reply | None = None

    async def by(self, party: Party, kind: str) -> Asked:
        function, has = self.function, bool(self.function.objects)
        cell = Asked(
            function=function.id, account=party.id, role=party.role, kind=kind,
            request=f"{function.method} {function.path}", owner=self.able.id if has else "",
            at=datetime.now().astimezone(),
        )  # fmt: skip
        values = {"object": function.objects[self.able.id][0]} if has else {}
        key = f"{function.id}/{self.able.id}/{party.id}"
        who = party.role or "未登录者"
        self.context.ledger.owe(key, f"功能“{function.name}”曾以 {who} 身份试行，须撤销")
        try:
            reply = await ask_as(party, function, values, party.visitor.intruding(self.purpose))
        except (NotDeclared, OutOfScope) as exc:
            self.context.ledger.settle(key)  # never sent
            return msgspec.structs.replace(cell, problem=exc.message)
        except ProbeError as exc:
            # Nothing tells whether it was carried out: it is taken back as if it was.
            seen = msgspec.structs.replace(cell, problem=exc.message)
        else:
            seen = _told(cell, reply, self.able, self.true)
            self.true = reply if kind == "own" else self.true
            if seen.done is None:
                seen = msgspec.structs.replace(seen, problem="未能确认是否执行")
        if seen.done is not False and not await take_back(self.able, function, values, self.purpose):
            self.left = True
            return seen
        self.context.ledger.settle(key)
        return seen


def _told(cell: Asked, reply: Reply, able: Party, true: Reply | None) -> Asked:
    """Return the cell by the declared marks; where they say nothing, only a refusal is believed."""
    last = reply.chain.last
    other = able.unknown.last.document if able.unknown is not None else last.document
    words = refusing_words(last.document, other)
    refusal = [f"status {one}" for one in (reply.status,) if 400 <= one < 500 and one not in (408, 429)]
    refusal += [f"words {words}"] if words else []
    login = last.document.password_form is not None or bool(last.document.login_words)
    refusal += ["login"] if login else []
    done = reply.done
    if done is not True and not cell.allowed and refusal:
        # Sent where the one who may was sent, it may have been carried out; only the page behind is closed.
        done = None if true is not None and _led_alike(reply, true) else False
    return msgspec.structs.replace(
        cell, status=reply.status, final_status=last.status, done=done, refusal=tuple(refusal)
    )


def _led_alike(one: Reply, other: Reply) -> bool:
    """Tell whether two first answers lead to the same page."""
    places = [each.chain.first.location.partition("?")[0] for each in (one, other)]
    return bool(places[0]) and places[0] == places[1]


async def take_back(able: Party, function: WebFunction, values: dict[str, str], purpose: Purpose) -> bool:
    """Send the undo as the party that may; tell whether its declared mark says that it was carried out.

    A status proves nothing here: an error may come with 200, and a wrong path with 404.
    """
    if function.undo is None:
        return False
    try:
        reply = await ask_as(able, function.undo, values, able.visitor.intruding(purpose))
    except ProbeError:
        return False
    return reply.done is True


async def undo(asset: Asset, context: Context) -> None:
    """Take back what functions changed before a crash; what cannot be taken back stops nothing else.

    Sends: one login with each account that may use such a function, its undo, and the logout.
    Changes: what was changed becomes what it was.
    Level: intrude.

    Raises:
        Unclear: a function is no longer declared, or its undo did not say that it was carried out.

    """
    web = as_web(asset)
    functions = {one.id: one for one in described(web).functions}
    accounts = {one.id: one for one in role_accounts(web)}
    parties: dict[str, Party] = {}
    left: list[str] = []
    async with turn(web), opened(web, context, probe="web.matrix.undo", limits=LIMITS) as browser:
        for debt in context.ledger.debts():
            name, account_id, _ = debt.key.split("/", 2)
            function, account = functions.get(name), accounts.get(account_id)
            if function is None or account is None:
                left.append(f"功能 {name} 或账户 {account_id} 已不在项目中")
                continue
            if account_id not in parties:
                parties[account_id] = await admit(browser, web, context, account)
            party = parties[account_id]
            if not party.present:
                left.append(f"账户 {account_id} 未能登录：{party.problem}")
                continue
            own = function.objects.get(account_id, ())
            if await take_back(party, function, {"object": own[0]} if own else {}, PURPOSE):
                context.ledger.settle(debt.key)
            else:
                left.append(f"功能“{function.name}”的撤销请求未确认成功")
        for party in parties.values():
            if party.entered is not None:
                await leave(party.visitor, web)
    if left:
        raise Unclear("；".join(dict.fromkeys(left)), cure="人工核对并撤销该操作")
