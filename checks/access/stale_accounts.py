"""2.c.1: are there accounts that nobody needs, and does each administrator have one of his own?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, HostAsset, Judgement, WebAsset
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseServer
from dengbao.probes.host.facts import HostAccounts, HostLogins, HostPasswords
from dengbao.probes.web.facts_access import WebUsers
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity

from .. import app_users, databases, db_access, win_accounts, windows
from ..hosts import ACCOUNTS, ask, local_only, told
from ..stale import StaleParams, Usage, outside, usage
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "管理员与账户是否一一对应、有无多人共用，须与管理员逐一核对"
HOST_LEFT = "账户与人员台账是否一一对应、有无多人共用，须与管理员逐一核对"
DATABASE_LEFT = "核查管理员人员与账户对应表，确认一人一账户、无共用"
WINDOWS_LEFT = "账户与人员台账是否一一对应、有无多人共用，须与管理员逐一核对"

_LOGINS = "host.logins"


@check("access.stale_accounts", half=HOST_LEFT)
def host_accounts_are_needed(
    accounts: HostAccounts,
    passwords: HostPasswords,
    logins: HostLogins,
    asset: HostAsset,
    params: StaleParams,
) -> Judgement:
    """Judge that usable accounts are used, and stand on the roster where one is declared.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    found = usage(accounts, passwords, logins, params.inactive_account_days)
    criteria = (
        _idle(found, params.inactive_account_days),
        *_roster(found, asset),
        *local_only(accounts),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，可登录账户 {len(found.usable)} 个"
        f"（{listing(found.usable) or '无'}）；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _idle(found: Usage, days: int) -> Criterion:
    met = False if found.idle else None if found.unknown else True
    if found.idle:
        seen = f"超过 {days} 天未使用的账户：{listing(found.idle)}"
    elif found.unknown:
        seen = f"账户 {listing(found.unknown)} 的登录情况没有记录"
    else:
        seen = f"均在 {days} 天内登录过"
    return ask("idle", "是否没有多余、过期的可用账户", met, seen, _LOGINS)


def _roster(found: Usage, asset: HostAsset) -> tuple[Criterion, ...]:
    if not asset.roster:
        return ()
    extra = outside(asset.roster, found.usable)
    seen = f"不在登记人员账户清单内的账户：{listing(extra) or '无'}"
    return (ask("roster", "可登录账户是否均在登记的账户清单内", not extra, seen, ACCOUNTS),)


@check("access.stale_accounts", half=DATABASE_LEFT)
def database_accounts_are_in_the_roster(
    asset: DatabaseAsset, accounts: DatabaseAccounts, server: DatabaseServer | None
) -> Judgement:
    """Judge that no account is missing from the roster, and none has expired.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    criteria = db_access.stale(accounts, asset.roster, server)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("access.stale_accounts", half=WINDOWS_LEFT)
def windows_accounts_are_needed(
    accounts: WindowsAccounts, identity: WindowsIdentity, asset: HostAsset, params: StaleParams
) -> Judgement:
    """Judge that usable accounts are used, and stand on the roster where one is declared.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    found = win_accounts.use(accounts, identity, params.inactive_account_days)
    criteria = (
        win_accounts.idle(found, params.inactive_account_days),
        *win_accounts.rostered(asset.roster, accounts),
        *windows.domain_accounts(identity),
    )
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria, f"可用账户：{listing(found.usable) or '无'}"),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("access.stale_accounts", half=WEB_LEFT)
def web_accounts_are_needed(users: WebUsers, asset: WebAsset, params: StaleParams) -> Judgement:
    """Judge that usable accounts stand on the roster, and were used lately where the list tells.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    criteria = (
        app_users.rostered(users, asset),
        *app_users.idle(users, params.inactive_account_days),
        *app_users.whole(users),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{app_users.source(users)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=app_users.list_proofs(users, criteria),
    )
