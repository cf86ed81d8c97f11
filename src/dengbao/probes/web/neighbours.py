"""Other assets that are the same application: an account is one account, however often it is declared."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import NotDeclared
from ...model import Account, WebAsset
from ..base import Context
from .browser import asset_url, origin
from .entering import Unclear


def plain(account: Account) -> str:
    """Return a user name as most applications compare it."""
    return account.username.strip().casefold()


def same_application(web: WebAsset, context: Context) -> Iterator[WebAsset]:
    """Yield the other assets of the same origin, in the order of the engagement."""
    here = origin(asset_url(web))
    for one in context.assets.values():
        if not isinstance(one, WebAsset) or one.id == web.id:
            continue
        try:
            there = origin(asset_url(one))
        except NotDeclared:
            continue
        if there == here:
            yield one


def people(web: WebAsset, context: Context) -> frozenset[str]:
    """Return the names of all declared accounts of the application that must not be locked."""
    assets = (web, *same_application(web, context))
    return frozenset(plain(one) for asset in assets for one in asset.accounts if not one.sacrificial)


def require_first(web: WebAsset, context: Context, account: Account | None = None) -> None:
    """See to it that wrong credentials are sent from one asset of an application alone.

    Raises:
        Unclear: an earlier asset of the engagement is the same application (and logs in with the account).

    """
    order = list(context.assets)
    for one in same_application(web, context):
        if one.login is None or (web.id in order and order.index(one.id) > order.index(web.id)):
            continue
        used = one.find_account(one.login.account)
        if account is None or (used is not None and plain(used) == plain(account)):
            raise Unclear(
                f"与测评对象 {one.id} 为同一应用，错误凭据只在该对象中尝试，以免锁定账户",
                cure=f"以测评对象 {one.id} 的结果为准",
            )
