"""Logs in again and again at one application, each time as a new visitor, and tells what came back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from ...errors import NotSupported, ProbeError
from ...model import Account, WebAsset
from ..base import Context, Purpose
from .browser import Browser, Chain
from .entering import Looked, completed, look
from .facts import LoginSeen
from .login import Attempt, declared, prepare, submit
from .pages import Compare, references
from .refusals import count, note, recall
from .second import asks_code, take_second_step


@dataclass(frozen=True)
class Knock:
    """One login: what was seen, the visitor afterwards, the login page and what followed."""

    seen: LoginSeen
    visitor: Browser
    page: Chain | None = None
    chain: Chain | None = None
    error: ProbeError | None = None


@dataclass(frozen=True)
class Door:
    """What is needed to log in several times and to tell whether it worked."""

    browser: Browser
    web: WebAsset
    context: Context
    compare: Compare
    before: Looked

    async def knock(
        self,
        account: Account,
        password: str,
        *,
        purpose: Purpose | None = None,
        second: bool = True,
        own: bool = True,
    ) -> Knock:
        """Log in once; without `second` the login stops where a code is asked for.

        Sends: the login page, one login, perhaps a code, two protected pages.

        Without `purpose` the password is the account's own, unless `own` says that it may not be: one that
        was refused in this run is not sent again.

        Raises:
            LoginRefused: the account's own password was refused before.
            ProbeError: the login page could not be opened; nothing was sent.

        """
        own = own and purpose is None
        if own:
            recall(self.web, self.context, account)
        visitor = self.browser.fork()
        if purpose is not None:
            visitor = visitor.intruding(purpose)
        if not declared(self.web).page:
            await visitor.visit("")
        prepared = await prepare(visitor, declared(self.web))
        attempt = await submit(visitor, prepared, account.username, password)
        if attempt.error is None:
            attempt = await self._second(visitor, account, attempt, second=second)
        seen = await completed(visitor, attempt, self.before, self.compare)
        count(self.web, self.context, account, seen)
        if own:
            note(self.web, self.context, account, seen)
        return Knock(seen, visitor, prepared.page, attempt.chain, attempt.error)

    async def _second(self, visitor: Browser, account: Account, attempt: Attempt, *, second: bool) -> Attempt:
        if not asks_code(self.web, attempt.chain):
            return attempt
        if not second:
            return replace(attempt, seen=msgspec.structs.replace(attempt.seen, code_asked=True))
        try:
            return await take_second_step(visitor, self.web, self.context, account, attempt)
        except ProbeError as exc:
            return Attempt(LoginSeen(problem=exc.message), error=exc)


async def door_of(browser: Browser, web: WebAsset, context: Context) -> Door:
    """Look at the login page, an unknown path and the protected pages as a stranger.

    Raises:
        NotDeclared: how one logs in is not declared.
        NotSupported: sessions are imported, so that nobody logs in; and what a visit raises.

    """
    if declared(web).style == "session":
        raise NotSupported("会话由人工导入，不能以用户名、口令登录", cure="登记登录方式，或以人工佐证补充")
    compare = await references(browser.fork(), web)
    before = await look(browser.fork(), web.protected, compare)
    return Door(browser, web, context, replace(compare, strangers=before.seen), before)


def telling_path(before: Looked) -> str:
    """Return a protected page that strangers are not shown, empty if there is none."""
    found = [
        path for path, one in before.seen.items() if one.answered and not one.reached and not one.failing
    ]
    return found[0] if found else ""
