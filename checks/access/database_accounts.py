"""2.b.2 and 2.c.2 of databases: default passwords, and accounts that nobody needs."""

from __future__ import annotations

from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import (
    DatabaseAccount,
    DatabaseAccounts,
    DatabasePasswords,
    PasswordState,
    StoredPassword,
)

from .. import databases, db_access
from ..hosts import ask

# Products that come without a password for their first account, so that any password was set by somebody.
_COME_BARE: Final = frozenset({"postgresql", "mariadb", "mysql", "redis", "sqlserver"})


@check("access.default_password")
def database_default_passwords_were_changed(
    asset: DatabaseAsset, accounts: DatabaseAccounts, passwords: DatabasePasswords
) -> Judgement:
    """Judge that default accounts have neither no password nor their own name as one.

    Some products come without a password, so a set one is a changed one. Whether it is the account's name
    the server compares where its hash allows that; Oracle itself lists accounts with a shipped password.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    stored = databases.stored(passwords)
    found = db_access.defaults(accounts)
    states = {one.label: _changed(asset.platform, stored.get((one.name, one.host))) for one in found}
    bad = [one for one in found if states[one.label] is False]
    unclear = [one for one in found if states[one.label] is None]
    criteria = (_criterion(found, bad, unclear), *databases.whole(accounts))
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="安装程序、集成商或应用软件预置的数据库账户，其口令是否已修改，须对照产品手册核查",
    )


def _changed(platform: str, password: StoredPassword | None) -> bool | None:
    if password is None or password.state is PasswordState.UNKNOWN:
        return None
    if password.state is PasswordState.EMPTY or password.is_name or password.default:
        return False
    if password.default is False:
        return True
    if password.state is PasswordState.NONE or platform in _COME_BARE:
        return True
    return None


def _criterion(
    found: tuple[DatabaseAccount, ...], bad: list[DatabaseAccount], unclear: list[DatabaseAccount]
) -> Criterion:
    question = "默认账户的默认口令是否已修改"
    if not found:
        return ask("changed", question, True, "没有可登录的默认账户", databases.PASSWORDS, decisive=True)
    seen = (
        f"可登录的默认账户：{databases.labels(found)}，其中口令为空、为出厂口令或与账户名相同的：{databases.labels(bad)}"
    )
    if unclear:
        seen += f"；口令未能确认的：{databases.labels(unclear)}"
    met = False if bad else None if unclear else True
    return ask("changed", question, met, seen, databases.PASSWORDS, decisive=True)


@check("access.stale_disabled")
def database_unneeded_accounts_are_disabled(asset: DatabaseAsset, accounts: DatabaseAccounts) -> Judgement:
    """Judge that accounts outside the roster, and expired ones, can no longer log in.

    These products do not record when an account was last used.

    Source: GB/T 22239-2019 8.1.4.2 c).
    """
    criteria = db_access.stale(accounts, asset.roster)
    closed = [one for one in accounts.accounts if one.can_login is False and not (one.system or one.is_role)]
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, f"；已停用、不可登录的账户：{databases.labels(closed)}"),
        coverage=Coverage.PARTIAL,
        remainder="数据库不记录账户的最近登录时间，长期未用的账户是否停用须结合审计日志与人员台账核查",
    )
