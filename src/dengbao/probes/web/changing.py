"""Asks for functions that change data: carried out for real, each owed first and taken back at once."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ...errors import NotDeclared, ProbeError
from ...model import Asset, WebFunction
from ..base import Context, Purpose
from .browser import opened
from .calls import Reply
from .entering import Unclear, as_web
from .facts_access import Asked
from .login import turn
from .parties import LIMITS, PURPOSE, Party, admit, ask_as, described, role_accounts
from .truth import refusing_words


async def carry_out(
    parties: list[Party], function: WebFunction, context: Context, purpose: Purpose
) -> list[Asked]:
    """Ask for a function that has an `undo`: first as one who may, then as everybody who may not.

    Where the one who may cannot do it either, a refusal would prove nothing and nobody else is asked.
    Sends: the request as each party, and the undo of each that was not refused.
    Changes: what the function changes, until the undo.
    """
    able = [one for one in parties if one.present and one.id and one.role in function.roles]
    if function.objects:
        able = [one for one in able if function.objects.get(one.id)]
    if not able:
        return []
    first = able[0]
    change = _Change(function, first, context, purpose)
    cells = [await change.by(first, "own")]
    if cells[0].granted:
        denied = [one for one in parties if one.present and not (one.id and one.role in function.roles)]
        cells += [await change.by(one, "vertical") for one in denied]
    return cells


class _Change:
    """One function with its undo, which is sent as the party that may use it."""

    def __init__(self, function: WebFunction, able: Party, context: Context, purpose: Purpose) -> None:
        self.function = function
        self.able = able
        self.context = context
        self.purpose = purpose

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
        except ProbeError as exc:
            # Nothing tells whether it was sent: the debt stays until the undo has been tried.
            if isinstance(exc, NotDeclared):
                self.context.ledger.settle(key)
            return msgspec.structs.replace(cell, problem=exc.message)
        seen = _told(cell, reply, self.able)
        if seen.done is False:
            self.context.ledger.settle(key)
            return seen
        if not await take_back(self.able, function, values, self.purpose):
            return msgspec.structs.replace(seen, problem="" if seen.done else "未能确认是否执行")
        self.context.ledger.settle(key)
        return seen


def _told(cell: Asked, reply: Reply, able: Party) -> Asked:
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
        done = False
    return msgspec.structs.replace(
        cell, status=reply.status, final_status=last.status, done=done, refusal=tuple(refusal)
    )


async def take_back(able: Party, function: WebFunction, values: dict[str, str], purpose: Purpose) -> bool:
    """Send the undo as the party that may; return whether it said yes, or that there is nothing to undo."""
    if function.undo is None:
        return False
    try:
        reply = await ask_as(able, function.undo, values, able.visitor.intruding(purpose))
    except ProbeError:
        return False
    return (
        reply.done is True or (reply.done is None and reply.status < 400) or reply.status in (404, 409, 410)
    )


async def undo(asset: Asset, context: Context) -> None:
    """Take back what functions changed before a crash.

    Sends: one login with the account that may use the function, and its undo.
    Changes: what was changed becomes what it was.
    Level: intrude.

    Raises:
        NotDeclared, Unclear: a function is no longer declared, or its undo was refused.

    """
    web = as_web(asset)
    app = described(web)
    async with turn(web), opened(web, context, probe="web.matrix.undo", limits=LIMITS) as browser:
        for debt in context.ledger.debts():
            name, account_id, _ = debt.key.split("/", 2)
            function = next((one for one in app.functions if one.id == name), None)
            account = next((one for one in role_accounts(web) if one.id == account_id), None)
            if function is None or account is None:
                raise NotDeclared(f"功能 {name} 或账户 {account_id} 已不在项目中", cure="人工撤销该操作")
            party = await admit(browser, web, context, account)
            if not party.present:
                raise Unclear(f"账户 {account_id} 未能登录：{party.problem}", cure="人工撤销该操作")
            own = function.objects.get(account_id, ())
            values = {"object": own[0]} if own else {}
            if not await take_back(party, function, values, PURPOSE):
                raise Unclear(f"功能“{function.name}”的撤销请求未成功", cure="人工撤销该操作")
            context.ledger.settle(debt.key)
