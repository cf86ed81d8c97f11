"""Everybody who asks: a visitor for each declared role account, and one who is not logged in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ...errors import NotDeclared, ProbeError
from ...model import Account, Application, Call, Level, WebAsset
from ..base import Context, Purpose
from .browser import Browser, Chain, Limits
from .calls import Reply, perform
from .entering import Entered, enter
from .login import declared
from .pages import references, unknown_path
from .truth import Truth

MAX_ACCOUNTS: Final = 8
LIMITS: Final = Limits(all_s=600.0)
PURPOSE: Final = Purpose(Level.INTRUDE, "以各角色账户请求未授权的功能与他人的对象", "2.e.3")


def described(asset: WebAsset) -> Application:
    """Return the description of the application.

    Raises:
        NotDeclared: there is none.

    """
    if asset.app is None:
        raise NotDeclared(
            "未登记应用的功能", where=f"测评对象 {asset.id}", cure="登记 app.functions 及其角色"
        )
    return asset.app


@dataclass
class Party:
    """Who asks; the stranger has no account. `problem` is Chinese: why it could not log in.

    `shown` are the answers it gets anyway: its home page, declared pages, functions it may use.
    """

    account: Account | None
    visitor: Browser
    unknown: Chain | None = None
    entered: Entered | None = None
    problem: str = ""
    alive: bool | None = None
    proven: list[tuple[Call, dict[str, str], Truth]] = field(default_factory=list)
    home: Chain | None = None
    shown: list[Chain] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Return the account's id, empty for the stranger."""
        return self.account.id if self.account is not None else ""

    @property
    def role(self) -> str:
        """Return the account's role."""
        return self.account.role if self.account is not None else ""

    @property
    def present(self) -> bool:
        """Tell whether it can ask at all."""
        return not self.problem


def role_accounts(asset: WebAsset) -> tuple[Account, ...]:
    """Return the accounts that stand for a role: with a secret, and none that may be locked by now."""
    found = [one for one in asset.accounts if one.role and one.secret and not one.sacrificial]
    return tuple(found[:MAX_ACCOUNTS])


async def admit(browser: Browser, asset: WebAsset, context: Context, account: Account) -> Party:
    """Log in once as an account; a refusal becomes part of what is told of it.

    Sends: one login with the right password, at most one per run where it was refused; an unknown path.
    """
    declared(asset)
    party = Party(account, browser.fork())
    try:
        async with context.logins.turn_async(asset, account):
            party.entered = await enter(browser, asset, context, who=account.id)
    except ProbeError as exc:
        party.problem = exc.message
        return party
    party.visitor = party.entered.visitor
    found = await unknown_path(party.visitor)
    party.unknown = found if isinstance(found, Chain) else None
    return party


async def stranger(browser: Browser, asset: WebAsset) -> Party:
    """Return somebody who is not logged in, and what an unknown path and the login page say to him.

    Raises:
        ProbeError: the application gives no answer at all.

    """
    compare = await references(browser.fork(), asset)
    return Party(None, browser.fork(), unknown=compare.unknown)


async def ask_as(party: Party, call: Call, values: dict[str, str], visitor: Browser) -> Reply:
    """Send a described request as a party, with a token of its own where the form's page is closed to it.

    Raises:
        ProbeError: no answer, or no token to be had.

    """
    if not call.csrf_field or party.entered is None:
        return await perform(visitor, call, values)
    try:
        return await perform(visitor, call, values)
    except ProbeError:
        token = _token(party, call.csrf_field)
        if not token:
            raise
        return await perform(visitor, _bare(call), values, extra={call.csrf_field: token})


async def look_around(party: Party) -> None:
    """Note what a party sees anyway: its home page, and the declared pages it was shown."""
    try:
        party.home = await party.visitor.visit("")
        party.shown.append(party.home)
    except ProbeError:
        party.home = None
    if party.entered is not None:
        party.shown += party.entered.during.chains.values()
    if party.unknown is not None:
        party.shown.append(party.unknown)


async def shut_out_by_now(party: Party) -> bool:
    """Tell whether by now a party is refused its own home page, too: then not this function was refused."""
    if party.home is None:
        return False
    try:
        again = await party.visitor.visit(party.home.first.url)
    except ProbeError:
        return True
    return again.last.status != party.home.last.status


def _bare(call: Call) -> Call:
    return Call(
        path=call.path, method=call.method, style=call.style, fields=call.fields, done=call.done,
        refused=call.refused,
    )  # fmt: skip


def _token(party: Party, name: str) -> str:
    """Return the session's token against forged requests from any page the party may see."""
    chains = list(party.entered.during.chains.values()) if party.entered is not None else []
    chains += [truth.chain for _, _, truth in party.proven]
    for chain in chains:
        document = chain.last.document
        for form in document.forms:
            for one in form.fields:
                if one.name == name and one.value:
                    return one.value
        if document.metas.get(name.casefold()):
            return document.metas[name.casefold()]
    return party.visitor.jar.value(name)
