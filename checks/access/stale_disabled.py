"""2.c.2: are accounts that nobody needs deleted or disabled?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, DatabaseAsset, HostAsset, Judgement, WebAsset
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseServer
from dengbao.probes.host.facts import HostAccounts, HostLogins, HostPasswords
from dengbao.probes.web.facts_access import WebUsers
from dengbao.probes.web.facts_closing import WebClosing
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity

from .. import app_closing, app_users, databases, db_access, win_accounts, windows
from ..hosts import ask, local_only, told
from ..stale import StaleParams, outside, usage
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "以停用的测试账户登录一次，须被拒绝且已有会话失效"
LEFT = "数据库不记录账户的最近登录时间，长期未用的账户是否停用须结合审计日志与人员台账核查"


@check("access.stale_disabled")
def host_unneeded_accounts_are_disabled(
    accounts: HostAccounts,
    passwords: HostPasswords,
    logins: HostLogins,
    asset: HostAsset,
    params: StaleParams,
) -> Judgement:
    """Judge that idle accounts, and those the roster does not name, can no longer be used.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    found = usage(accounts, passwords, logins, params.inactive_account_days)
    extra = outside(asset.roster, found.usable) if asset.roster else ()
    left = (*found.idle, *(f"{one}（不在登记清单）" for one in extra))
    met = False if left else None if found.unknown else True
    if left:
        seen = f"未停用的多余、过期账户：{listing(left)}"
    elif found.unknown:
        seen = f"账户 {listing(found.unknown)} 的登录情况没有记录，是否多余未能确认"
    else:
        seen = "未见仍可使用的多余、过期账户"
    criteria = (
        ask("disabled", "多余、过期的账户是否已停用", met, seen, "host.passwords", decisive=True),
        *local_only(accounts),
    )
    disabled = listing(found.disabled) or "无"
    return Judgement(
        criteria=criteria, statement=f"经核查，已锁定或到期停用的账户：{disabled}；{told(criteria)}。"
    )


@check("access.stale_disabled")
def windows_unneeded_accounts_are_disabled(
    accounts: WindowsAccounts, identity: WindowsIdentity, asset: HostAsset, params: StaleParams
) -> Judgement:
    """Judge that idle accounts, and those the roster does not name, can no longer be used.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    found = win_accounts.use(accounts, identity, params.inactive_account_days)
    criteria = (
        win_accounts.closed(found, asset.roster, accounts),
        *windows.domain_accounts(identity),
    )
    disabled = f"已禁用或到期的账户：{listing(found.disabled) or '无'}"
    return Judgement(criteria=criteria, statement=windows.sentence(criteria, disabled))


@check("access.stale_disabled", half=LEFT)
def database_unneeded_accounts_are_disabled(
    asset: DatabaseAsset, accounts: DatabaseAccounts, server: DatabaseServer | None
) -> Judgement:
    """Judge that accounts outside the roster, and expired ones, can no longer log in.

    These products do not record when an account was last used.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    criteria = db_access.stale(accounts, asset.roster, server)
    closed = [one for one in accounts.accounts if one.can_login is False and not (one.system or one.is_role)]
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, f"；已停用、不可登录的账户：{databases.labels(closed)}"),
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


@check("access.stale_disabled", half=WEB_LEFT)
def web_unneeded_accounts_are_disabled(
    users: WebUsers, closing: WebClosing | None, asset: WebAsset, params: StaleParams
) -> Judgement:
    """Judge that accounts outside the roster, and idle ones, are disabled, and that disabling holds.

    A user created for it shows that: it could log in, was disabled, and then could not. Without it people
    must try.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    listed = (
        app_users.rostered(users, asset),
        *app_users.idle(users, params.inactive_account_days),
    )
    met = (
        False
        if any(one.met is False for one in listed)
        else None
        if any(one.met is None for one in listed)
        else True
    )
    disabled = ask(
        "disabled", "多余、过期的账户是否已删除或停用", met, told(listed), app_users.FACT, decisive=True
    )
    tried = app_closing.closed(closing) if closing is not None else ()
    left = app_closing.left(closing) if closing is not None else WEB_LEFT
    criteria = (disabled, *app_users.whole(users), *tried)
    opening = "经核查" if closing is None else "经测试验证"
    return Judgement(
        criteria=criteria,
        statement=f"{opening}，{app_users.source(users)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL if left else Coverage.FULL,
        remainder=left,
        proofs=(
            *(app_closing.closing_proofs(closing) if closing is not None else ()),
            *app_users.list_proofs(users, (disabled,)),
        ),
    )
