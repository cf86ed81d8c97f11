"""A declared password that an application refused is not sent again in the run, by whatever probe."""

from __future__ import annotations

from ...errors import LoginRefused
from ...model import Account, WebAsset
from ..base import Context
from .browser import asset_url, origin
from .facts import LoginSeen


def recall(web: WebAsset, context: Context, account: Account) -> None:
    """See to it that the account's own password was not refused before.

    Raises:
        LoginRefused: it was.

    """
    context.logins.recall(*_key(web, account))


def note(web: WebAsset, context: Context, account: Account, seen: LoginSeen) -> None:
    """Keep in mind that the account's own password was refused; a failing server says nothing of it."""
    if seen.accepted is False and seen.status is not None and seen.status < 500 and seen.status != 429:
        bar(web, context, account)


def count(web: WebAsset, context: Context, account: Account, seen: LoginSeen) -> None:
    """Note that a session of the account may have begun."""
    if seen.accepted is not False:
        context.logins.count(*_key(web, account))


def counted(web: WebAsset, context: Context, account: Account) -> int:
    """Return how many sessions of the account may have begun in this run."""
    return context.logins.counted(*_key(web, account))


def leave_note(web: WebAsset, context: Context, account: Account, text: str) -> None:
    """Keep what was last tried with an account, for the probe that goes on from there."""
    context.logins.note(*_key(web, account), text)


def take_note(web: WebAsset, context: Context, account: Account, within_s: float) -> str:
    """Return what was last tried with an account not longer ago, empty where that is not known."""
    return context.logins.take_note(*_key(web, account), within_s)


def bar(web: WebAsset, context: Context, account: Account) -> None:
    """Let no probe of the run log in with the account; one that may be locked is none of that kind."""
    if not account.sacrificial:
        refusal = LoginRefused(f"账户 {account.id} 登录曾被拒绝", cure="核对账户、口令与账户状态")
        context.logins.remember(*_key(web, account), refusal)


def unbar(web: WebAsset, context: Context, account: Account) -> None:
    """Let probes log in with the account again."""
    context.logins.forget(*_key(web, account))


def _key(web: WebAsset, account: Account) -> tuple[str, str]:
    scheme, host, port = origin(asset_url(web))
    return f"{scheme}://{host}:{port}", account.username.strip().casefold()
