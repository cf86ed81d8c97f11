"""1.a.4, second half: must passwords be changed regularly?"""

from __future__ import annotations

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement, WebAsset
from dengbao.probes.database.facts import DatabaseAccounts, DatabasePasswords, DatabasePolicy
from dengbao.probes.host.facts import HostAccounts, HostPassword, HostPasswords, HostPolicy
from dengbao.probes.web.facts import WebSession
from dengbao.probes.web.facts_access import WebUsers
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity, WindowsPolicy

from .. import app_ageing, app_users, databases, db_accounts, win_policy, windows
from ..host_ageing import ageing_notes
from ..hosts import PASSWORDS, POLICY, Seat, ask, local_only, seats, told
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "口令有效期设置的截图或配置，须由管理员提供"


class AgeingParams(Params):
    """Days after which a password must be changed at the latest."""

    password_max_age_days: int


@check("identity.password_ageing")
def host_passwords_age(
    accounts: HostAccounts, passwords: HostPasswords, policy: HostPolicy, params: AgeingParams
) -> Judgement:
    """Judge each account's own ageing and, apart from it, login.defs, which binds new accounts only.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    usable = [one for one in seats(accounts, passwords) if one.password.state == "set"]
    criteria = (
        _existing(usable, params.password_max_age_days),
        _new(policy, params.password_max_age_days),
        *local_only(accounts),
    )
    notes = ageing_notes(usable, passwords.today_day, params.password_max_age_days)
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}{notes}。")


def _limit(password: HostPassword) -> int | None:
    """Return after how many days the password must be changed, None for never.

    An empty date of the last change switches ageing off, whatever the maximum says.
    """
    days = password.max_days
    if days is None or days < 0 or days >= 99999 or password.last_change_day is None:
        return None
    return days


def _existing(usable: list[Seat], wanted: int) -> Criterion:
    bad = []
    for one in usable:
        days = _limit(one.password)
        if days is None or days > wanted:
            bad.append(f"{one.name}（{'永不过期' if days is None else f'{days} 天'}）")
    seen = (
        f"设有口令的可登录账户 {len(usable)} 个，"
        + (f"其中 {listing(bad)} 的更换周期超过 {wanted} 天" if bad else f"更换周期均不超过 {wanted} 天")
        if usable
        else "没有以口令登录的账户"
    )
    return ask("accounts", f"现有账户是否均须在 {wanted} 天内更换口令", not bad, seen, PASSWORDS)


def _new(policy: HostPolicy, wanted: int) -> Criterion:
    text = (policy.login_defs or {}).get("PASS_MAX_DAYS", "")
    number = int(text) if text.lstrip("-").isdecimal() else None
    met = number is not None and 0 < number <= wanted
    seen = f"PASS_MAX_DAYS 为 {text}" if text else "未设置 PASS_MAX_DAYS（新建账户口令永不过期）"
    return ask("new_accounts", f"新建账户是否须在 {wanted} 天内更换口令", met, f"login.defs {seen}", POLICY)


@check("identity.password_ageing", half="PostgreSQL 不记录口令修改时间，须提供更换记录")
def database_passwords_expire(
    asset: DatabaseAsset,
    accounts: DatabaseAccounts,
    passwords: DatabasePasswords | None,
    policy: DatabasePolicy | None,
    params: AgeingParams,
) -> Judgement:
    """Judge that passwords end in time; 0 days and no end date both mean never.

    PostgreSQL knows an end date but not when a password was set.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = db_accounts.ageing(asset.platform, accounts, passwords, policy, params.password_max_age_days)
    dated = asset.platform in databases.LIKE_POSTGRES
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL if dated else Coverage.FULL,
        remainder="PostgreSQL 不记录口令修改时间，须提供口令定期更换的制度与更换记录" if dated else "",
    )


@check("identity.password_ageing")
def windows_passwords_age(
    policy: WindowsPolicy, accounts: WindowsAccounts, identity: WindowsIdentity, params: AgeingParams
) -> Judgement:
    """Judge the policy, where -1 and 0 mean never, and each account, which may be free of it.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = win_policy.ageing(policy, accounts, identity, params.password_max_age_days)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))


@check("identity.password_ageing", half=WEB_LEFT)
def web_passwords_age(
    users: WebUsers, session: WebSession | None, asset: WebAsset, params: AgeingParams
) -> Judgement:
    """Judge by when passwords were changed and used: one that let somebody in while overdue is not enforced.

    Young passwords alone prove no rule, an application may be new; people add the setting.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = (
        app_ageing.changed_in_time(users, asset, session, params.password_max_age_days),
        *app_users.whole(users),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{app_users.source(users)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=app_users.list_proofs(users, criteria),
    )
