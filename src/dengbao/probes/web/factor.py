"""Whether a second factor is asked for, can be left out by going on without it, and is looked at."""

from __future__ import annotations

from typing import Final

import msgspec

from ...errors import Interrupted, LoginRefused, ProbeError
from ...model import Account, Asset, Level, SecondFactor
from ..base import Context, Observed, Purpose
from .browser import Browser, Limits, opened
from .calls import perform
from .entering import Unclear, as_web, look
from .facts import LoginSeen, PageSeen
from .facts_identity import WebSecondFactor
from .knocking import Door, Knock, door_of
from .leaving import leave
from .login import declared, turn
from .neighbours import require_first
from .second import asks_code

MAX_PAGES: Final = 5
LIMITS: Final = Limits(all_s=300.0)
WRONG_CODE: Final = "000000"
_SKIP: Final = Purpose(Level.INTRUDE, "仅凭口令、不经第二因素访问受保护页面", "1.d.1")
_WRONG: Final = Purpose(Level.INTRUDE, "以错误的第二因素登录一次", "1.d.1")


async def probe(asset: Asset, context: Context) -> Observed:
    """Log in with the password alone, go on without the second factor, send a wrong code once.

    Sends: one login that stops where the code is asked for, protected pages after it (at most five); one more
        with a wrong code; one whole login.
    Changes: one failed second step of the declared account is counted; sessions begin and end.
    Level: intrude.

    Raises:
        NotDeclared, NotSupported, LoginRefused, Interrupted and what a visit raises.

    """
    web = as_web(asset)
    login = declared(web)
    account = context.account(web, login.account)
    password = context.password(web, account)
    factor = web.app.second_factor if web.app else None
    async with turn(web), opened(web, context, probe="web.second_factor", limits=LIMITS) as browser:
        door = await door_of(browser, web, context)
        first = await door.knock(account, password, second=False)
        if first.error is not None:
            raise first.error
        prompted = asks_code(web, first.chain)
        if not prompted and first.seen.accepted is not True:
            raise LoginRefused(f"账户 {account.id} 以正确口令未能登录", cure="核对账户、口令与第二因素的登记")
        facts = WebSecondFactor(
            account=account.id, factor=factor.factor if factor else "", prompted=prompted, first=first.seen,
        )  # fmt: skip
        if prompted:
            facts = await _second(door, facts, first, factor, account, password)
        await leave(first.visitor, web)
    return Observed((facts,), privilege=f"账户 {account.id}")


async def _second(
    door: Door,
    facts: WebSecondFactor,
    first: Knock,
    factor: SecondFactor | None,
    account: Account,
    password: str,
) -> WebSecondFactor:
    paths = [path for path, one in door.before.seen.items() if one.answered and not one.reached][:MAX_PAGES]
    skipping = await look(first.visitor.intruding(_SKIP), paths, door.compare)
    facts = msgspec.structs.replace(
        facts, before=_of(door.before.seen, paths), skipped=_of(skipping.seen, paths)
    )
    wrong = await _wrong(door, factor, account, password)
    right = await door.knock(account, password)
    if right.seen.accepted:
        await leave(right.visitor, door.web)
    return msgspec.structs.replace(facts, wrong=wrong, right=right.seen)


def _of(seen: dict[str, PageSeen], paths: list[str]) -> tuple[PageSeen, ...]:
    return tuple(seen[path] for path in paths if path in seen)


async def _wrong(
    door: Door, factor: SecondFactor | None, account: Account, password: str
) -> LoginSeen | None:
    """Return what a login with a wrong code brings, None where nothing can be sent; never sent twice."""
    if factor is None or factor.step is None or factor.factor != "totp":
        return None
    try:
        require_first(door.web, door.context, account)
    except Unclear as exc:
        return LoginSeen(problem=exc.message)
    try:
        noted = door.context.ledger.begin("wrong-code")
    except Interrupted:
        return LoginSeen(problem="上次检测在发送后中断，不再重发")
    if noted is not None:
        return msgspec.json.decode(noted, type=LoginSeen)
    knock = await door.knock(account, password, second=False)
    seen = await _with_code(door, knock, factor, account)
    door.context.ledger.end("wrong-code", msgspec.json.encode(seen).decode())
    return seen


async def _with_code(door: Door, knock: Knock, factor: SecondFactor, account: Account) -> LoginSeen:
    if factor.step is None or not asks_code(door.web, knock.chain):
        return LoginSeen(problem="未再次要求第二因素")
    visitor: Browser = knock.visitor.intruding(_WRONG)
    step = factor.step
    if not step.page and knock.chain is not None:
        # The form stands on the page that the login led to.
        step = msgspec.structs.replace(step, page=str(knock.chain.last.url))
    try:
        reply = await perform(visitor, step, {"code": WRONG_CODE, "username": account.username})
        after = await look(visitor, list(door.before.seen)[:MAX_PAGES], door.compare)
    except ProbeError as exc:
        return LoginSeen(problem=exc.message)
    told = [one.reached for path, one in after.seen.items() if _tells(door.before.seen[path])]
    reached = True if True in told else (None if None in told or not told else False)
    again = reply.chain.last.document.password_form is not None
    return LoginSeen(
        status=reply.status, page_reached=reached, form_again=again,
    )  # fmt: skip


def _tells(stranger: PageSeen) -> bool:
    return stranger.answered and not stranger.reached and not stranger.failing
