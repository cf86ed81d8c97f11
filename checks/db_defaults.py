"""Criteria on the passwords that default accounts of databases come with."""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import (
    DatabaseAccount,
    DatabaseAccounts,
    DatabasePasswords,
    PasswordState,
    StoredPassword,
)

from . import databases, db_access
from .hosts import ask

# Products that come without a password for their first account, so that any password was set by somebody.
_COME_BARE: Final = frozenset({"postgresql", "mariadb", "mysql", "redis", "sqlserver"})


def changed(platform: str, accounts: DatabaseAccounts, passwords: DatabasePasswords) -> tuple[Criterion, ...]:
    """Return whether no default account has no password, its own name or a shipped one as such."""
    stored = databases.stored(passwords)
    found = db_access.defaults(accounts)
    states = {one.label: _changed(platform, stored.get((one.name, one.host))) for one in found}
    bad = [one for one in found if states[one.label] is False]
    unclear = [one for one in found if states[one.label] is None]
    return (_criterion(found, bad, unclear), *databases.whole(accounts))


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
    weak = f"口令为空、为出厂口令或与账户名相同的：{databases.labels(bad)}"
    seen = f"可登录的默认账户：{databases.labels(found)}，其中{weak}"
    if unclear:
        seen += f"；口令未能确认的：{databases.labels(unclear)}"
    met = False if bad else None if unclear else True
    return ask("changed", question, met, seen, databases.PASSWORDS, decisive=True)
