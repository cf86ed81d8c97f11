"""What database checks share: which accounts people can use, and what they may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import (
    DatabaseAccount,
    DatabaseAccounts,
    DatabasePasswords,
    DatabasePolicy,
    DatabaseServer,
    StoredPassword,
)

from .hosts import ask, told
from .wording import listing

ACCOUNTS: Final = "database.accounts"
PASSWORDS: Final = "database.passwords"
POLICY: Final = "database.policy"
ACCESS: Final = "database.access"
GRANTS: Final = "database.grants"
AUDIT: Final = "database.audit"

# Products with PostgreSQL's rules, roles and dates.
LIKE_POSTGRES: Final = frozenset({"postgresql", "kingbase"})
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1", "127.0.0.1/255.255.255.255", "127.0.0.1/8"})
# Modules that neither check passwords nor react to failed logins.
_HARMLESS: Final = frozenset(
    {
        "", "auto_explain", "pg_stat_statements", "pgaudit", "pg_cron", "pg_prewarm", "timescaledb", "citus",
        "pg_hint_plan", "pg_wait_sampling", "pg_stat_kcache", "pg_qualstats", "repmgr", "pglogical",
        "auth_delay", "credcheck", "passwordcheck", "identity_pwdexp", "sys_audlog", "sysaudit", "sepapower",
        "pg_partman_bgw", "anon", "pgpool_recovery", "plpgsql",
    }
)  # fmt: skip


def logins(accounts: DatabaseAccounts) -> tuple[DatabaseAccount, ...]:
    """Return the accounts that can log in, or of which that is not known; never the product's own."""
    return tuple(
        one for one in accounts.accounts if one.can_login is not False and not one.system and not one.is_role
    )


def is_super(account: DatabaseAccount, accounts: DatabaseAccounts) -> bool:
    """Tell whether an account has a superuser's rights, by itself or through a role."""
    roles = {one.name for one in accounts.accounts if one.superuser}
    return bool(account.superuser) or any(_role_name(one) in roles for one in account.member_of)


def _role_name(role: str) -> str:
    return role.partition("@")[0]


def supers(accounts: DatabaseAccounts) -> tuple[DatabaseAccount, ...]:
    """Return the superusers that can log in."""
    return tuple(one for one in logins(accounts) if is_super(one, accounts))


def others(accounts: DatabaseAccounts) -> tuple[DatabaseAccount, ...]:
    """Return the accounts that can log in and are no superusers."""
    return tuple(one for one in logins(accounts) if not is_super(one, accounts))


def besides_ours(
    found: Iterable[DatabaseAccount], server: DatabaseServer | None
) -> tuple[DatabaseAccount, ...]:
    """Return the accounts without the one we looked with: it proves nothing of how others are dealt with."""
    return tuple(one for one in found if not is_ours(one.name, one.host, server))


def is_ours(name: str, host: str, server: DatabaseServer | None) -> bool:
    """Tell whether an account is the one we looked with."""
    return server is not None and bool(name) and server.user in (name, f"{name}@{host}")


def without_ours(found: bool, others_too: bool) -> bool | None:
    """Return what is proven where only our own account may be what was found: then nothing."""
    return True if others_too else None if found else False


def our_note(found: Iterable[DatabaseAccount], server: DatabaseServer | None) -> str:
    """Return a remark where our own account is among those that were found."""
    mine = [one for one in found if is_ours(one.name, one.host, server)]
    return f"（{labels(mine)} 为本次测评所用账户，不作依据）" if mine else ""


def sentence(criteria: Iterable[Criterion], more: str = "") -> str:
    """Return what was measured, criterion by criterion, as the statement of a record."""
    return f"经核查，{told(criteria)}{more}。"


def labels(accounts: Iterable[DatabaseAccount]) -> str:
    """Return the accounts' names for a statement, 「无」 for none."""
    return listing(one.label for one in accounts) or "无"


def from_elsewhere(account: DatabaseAccount) -> bool:
    """Tell whether a MySQL host pattern admits other machines."""
    return account.host.lower() not in _LOCAL_HOSTS


def from_anywhere(account: DatabaseAccount) -> bool:
    """Tell whether a MySQL host pattern admits every machine, however it is written."""
    host = account.host
    masked = host.partition("/")
    return not host or not host.strip("%_.") or masked[2] in ("0.0.0.0", "0")  # noqa: S104 - a mask


def whole(accounts: DatabaseAccounts) -> tuple[Criterion, ...]:
    """Return an open criterion where there were more accounts than were read; else none."""
    if not accounts.truncated:
        return ()
    seen = f"账户过多，仅读取前 {len(accounts.accounts)} 个"
    return (ask("whole", "是否已读取全部账户", None, seen, ACCOUNTS),)


def stored(passwords: DatabasePasswords) -> Mapping[tuple[str, str], StoredPassword]:
    """Return the stored passwords by name and host."""
    return {(one.name, one.host): one for one in passwords.passwords}


def unknown_modules(policy: DatabasePolicy) -> tuple[str, ...]:
    """Return loaded modules of which it is not known what they do at a login."""
    names = [
        part.strip().strip("\"'").rsplit("/", 1)[-1].removesuffix(".so")
        for one in policy.settings
        if one.name in ("shared_preload_libraries", "session_preload_libraries")
        for part in one.value.split(",")
    ]
    return tuple(one for one in names if one not in _HARMLESS)


def module_note(policy: DatabasePolicy) -> str:
    """Return what is not known about loaded modules, empty where all is."""
    if not policy.modules_known:
        return f"账户无权查看已加载的模块（{listing(policy.hidden)}）"
    other = unknown_modules(policy)
    return f"已加载用途不明的模块 {listing(other)}" if other else ""
