"""Criteria on what database accounts were granted, and on whom it reaches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dengbao.errors import Reason, Undetermined
from dengbao.model import Criterion
from dengbao.probes.database.facts import (
    DatabaseAccount,
    DatabaseAccounts,
    DatabaseGrants,
    DatabaseServer,
    Grant,
)

from .databases import GRANTS, besides_ours, is_ours, is_super, others, whole
from .hosts import ask
from .wording import listing

_DATA: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "READ", "WRITE"})
_NO_TABLES: Final = "所连接的库（{}）中没有可见的业务表"
_NO_KEYS: Final = "库（{}）中没有键"
_FINE: Final = frozenset({"table", "column", "keys"})
_LEVELS: Final = ("global", "database", "table", "column", "keys")
# PostgreSQL's own roles that reach every table.
_READS_ALL: Final = frozenset({"pg_read_all_data", "pg_write_all_data"})
_USE: Final = _DATA | {"USAGE", "EXECUTE"}
_OWN_DATABASES: Final = frozenset({"mysql", "sys", "performance_schema", "information_schema"})


def reach(account: DatabaseAccount, accounts: DatabaseAccounts) -> frozenset[str]:
    """Return the server-wide rights and roles an account has, and the rights it gets through its roles."""
    found = frozenset(account.rights) | frozenset(account.member_of)
    roles = {one.partition("@")[0] for one in account.member_of}
    if not roles:
        return found
    return found.union(*(one.rights for one in accounts.accounts if one.name in roles and one != account))


def granted(account: DatabaseAccount, grants: DatabaseGrants) -> tuple[Grant, ...]:
    """Return the grants an account has, itself or through its roles; not those everyone has."""
    roles = {one.partition("@")[0] for one in account.member_of}
    return tuple(
        one
        for one in grants.grants
        if (one.grantee, one.host) == (account.name, account.host)
        or (one.grantee in roles and one.host in ("", "%"))
    )


def granted_rights(account: DatabaseAccount, grants: DatabaseGrants) -> frozenset[tuple[str, ...]]:
    """Return what an account was granted as values that can be compared with another's."""
    return frozenset((one.level, one.object, *one.rights) for one in granted(account, grants))


def owns(account: DatabaseAccount, grants: DatabaseGrants) -> int:
    """Return how many tables an account owns, itself or through its roles."""
    names = {account.name, *account.member_of}
    return sum(one.tables for one in grants.owners if one.name in names)


def public(grants: DatabaseGrants, *levels: str) -> tuple[Grant, ...]:
    """Return what everyone, or the anonymous account, was granted on these levels."""
    return tuple(one for one in grants.grants if one.grantee in ("PUBLIC", "") and one.level in levels)


def told(grants: Iterable[Grant]) -> str:
    """Return grants as `SELECT 于 his.patient` for a statement, 「无」 for none."""
    return listing(f"{'、'.join(one.rights[:4])} 于 {one.object}" for one in grants) or "无"


def read_in_full(grants: DatabaseGrants) -> tuple[Criterion, ...]:
    """Return an open criterion where there were more grants than were read; else none."""
    if not grants.truncated:
        return ()
    return (ask("all_grants", "是否已读取全部授权", None, "授权过多，未能全部读取", GRANTS),)


def tables_seen(grants: DatabaseGrants) -> tuple[Criterion, ...]:
    """Return an open criterion where the database looked at has no tables: others were not seen."""
    if grants.tables != 0:
        return ()
    return (ask("tables", "是否已查看业务库", None, _nothing_there(grants), GRANTS),)


def _nothing_there(grants: DatabaseGrants) -> str:
    return (_NO_KEYS if grants.unit == "key" else _NO_TABLES).format(_names(grants))


def _names(grants: DatabaseGrants) -> str:
    return listing(grants.databases) or "无"


def open_databases(grants: DatabaseGrants | None) -> tuple[Criterion, ...]:
    """Return whether everyone, or the anonymous account, was granted data."""
    question = "是否未向所有人授予数据权限"
    if grants is None:
        return (ask("public_data", question, None, "授权未能读取", GRANTS),)
    found = [one for one in public(grants, *_LEVELS) if set(one.rights) & (_DATA | {"ALL"})]
    seen = f"授予所有人或匿名账户的数据权限：{told(found)}"
    return (ask("public_data", question, not found, seen, GRANTS), *tables_seen(grants))


def _of_others(grants: Iterable[Grant], server: DatabaseServer | None) -> list[Grant]:
    """Return grants without those of the account we looked with, which was given rights to look."""
    return [one for one in grants if not is_ours(one.grantee, one.host, server)]


def configured(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None = None
) -> tuple[Criterion, ...]:
    """Return whether rules of who may do what were set up for the tables there are.

    Raises:
        Undetermined: there are no tables to set up rules for.

    """
    _require_tables(grants, "不能判断访问规则")
    every = [one for one in _named(grants) if _on_data(one) and not _is_super_name(one, accounts)]
    found = _of_others(every, server)
    note = "，另有测评所用账户的授权，不作依据" if len(found) < len(every) else ""
    return (
        ask(
            "rules",
            "是否为账户或角色配置了对库、表的访问规则",
            True if found else None if every else _by_ownership(accounts, grants),
            f"库 {_names(grants)} {_count(grants)}，"
            f"授予账户或角色的访问规则 {len(found)} 条（{told(found[:4])}）{note}",
            GRANTS,
            decisive=True,
        ),
        *open_databases(grants),
        *read_in_full(grants),
    )


def _require_tables(grants: DatabaseGrants, so: str) -> None:
    if grants.tables == 0:
        raise Undetermined(f"{_nothing_there(grants)}，{so}")


def _count(grants: DatabaseGrants) -> str:
    if grants.unit == "key":
        return f"键 {grants.tables} 个"
    return "业务表不可见" if grants.tables is None else f"业务表 {grants.tables} 张"


def _named(grants: DatabaseGrants) -> list[Grant]:
    """Return what single accounts and roles were granted, but for the product's own databases."""
    return [
        one
        for one in grants.grants
        if one.grantee not in ("PUBLIC", "") and one.object.partition(".")[0] not in _OWN_DATABASES
    ]


def _on_data(grant: Grant) -> bool:
    """Tell whether a grant is on data, not only on connecting to where they are."""
    return grant.level in _FINE or (grant.level in ("database", "schema") and bool(set(grant.rights) & _USE))


def _by_ownership(accounts: DatabaseAccounts, grants: DatabaseGrants) -> bool | None:
    """Return None where ordinary accounts own tables: only owners get at them, but nobody set that up.

    So it is where no table is visible to us.
    """
    tops = {one.name for one in accounts.accounts if is_super(one, accounts)}
    unclear = grants.tables is None or any(one.name not in tops for one in grants.owners)
    return None if unclear else False


def _is_super_name(grant: Grant, accounts: DatabaseAccounts) -> bool:
    return any(
        is_super(one, accounts)
        for one in accounts.accounts
        if (one.name, one.host) == (grant.grantee, grant.host)
    )


def on_accounts(accounts: DatabaseAccounts, grants: DatabaseGrants | None) -> tuple[Criterion, ...]:
    """Return whether nobody but superusers may write the tables that accounts are kept in.

    Only where accounts lie in the database `mysql`: whoever writes there can give himself every right.
    """
    if not any(one.host for one in accounts.accounts):
        return ()
    question = "其他账户是否不能改写账户表（mysql 库）"
    if grants is None:
        return (ask("account_tables", question, None, "库、表级授权未能读取", GRANTS),)
    found = [
        one
        for one in grants.grants
        if one.level in ("database", "table", "column")
        and _is_like("mysql", one.object.split(".")[0] if one.level != "database" else one.object)
        and set(one.rights) & (_DATA - {"SELECT", "READ"})
        and not _is_super_name(one, accounts)
    ]
    names = dict.fromkeys(one.grantee or "（匿名）" for one in found)
    seen = f"可改写账户表的其他账户：{listing(names) or '无'}"
    return (ask("account_tables", question, not found, seen, GRANTS), *read_in_full(grants))


def _is_like(name: str, pattern: str) -> bool:
    """Tell whether a name matches a pattern of SQL's LIKE, with a backslash before what is meant as it is."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    kinds = {"%": ".*", "_": "."}
    return re.fullmatch("".join(kinds.get(one) or re.escape(one[-1]) for one in parts), name) is not None


def contained(accounts: DatabaseAccounts, grants: DatabaseGrants) -> tuple[Criterion, ...]:
    """Return whether nobody can reach beyond what he was given."""
    data = [one for one in public(grants, *_LEVELS) if set(one.rights) & _DATA]
    makers = [one for one in public(grants, "schema") if "CREATE" in one.rights]
    doors = public(grants, "routine")
    coming = [one for one in public(grants, "default") if set(one.rights) & _DATA]
    passing = [
        one
        for one in grants.grants
        if one.grantable and one.grantee not in ("PUBLIC", "") and not _is_super_name(one, accounts)
    ]
    open_schemas = listing(one.object for one in makers) or "无"
    open_doors = listing(one.object for one in doors) or "无"
    givers = listing(dict.fromkeys(one.grantee for one in passing)) or "无"
    return (
        ask(
            "no_public_data",
            "是否未向所有人授予数据权限",
            not data,
            f"授予所有人或匿名账户的数据权限：{told(data)}",
            GRANTS,
            decisive=True,
        ),
        ask(
            "no_public_create",
            "是否未向所有人授予建对象权限",
            not makers,
            f"所有人可建对象的模式：{open_schemas}",
            GRANTS,
        ),
        ask(
            "no_public_default",
            "新建的表是否未自动授予所有人",
            not coming,
            f"新建的表自动授予所有人：{told(coming)}" if coming else "",
            GRANTS,
        ),
        ask(
            "no_open_door",
            "是否没有所有人可执行的超级用户函数",
            not doors,
            f"所有人可执行、以超级用户身份运行的函数：{open_doors}",
            GRANTS,
        ),
        ask(
            "no_passing_on",
            "普通账户是否不能转授权限",
            not passing,
            f"可转授权限的普通账户：{givers}",
            GRANTS,
        ),
        *tables_seen(grants),
        *read_in_full(grants),
    )


def fine(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None = None
) -> tuple[Criterion, ...]:
    """Return whether subjects are single accounts and objects tables or finer.

    Raises:
        Undetermined: there are no tables.

    """
    _require_tables(grants, "不能判断控制粒度")
    named = _of_others(_named(grants), server)
    small = [one for one in named if one.level in _FINE]
    only_ours = not small and any(one.level in _FINE for one in _named(grants))
    wide = [
        one
        for one in named
        if one.level in ("global", "database")
        and set(one.rights) & _DATA
        and not _is_super_name(one, accounts)
    ]
    fits = True if small or grants.row_security else None if only_ours else _by_ownership(accounts, grants)
    if wide and not fits:
        fits = False
    columns = sum(one.level == "column" for one in small)
    wide_names = listing(dict.fromkeys(one.grantee for one in wide)) or "无"
    return (
        ask(
            "granularity",
            "授权的客体是否达到表级或更细",
            fits,
            f"库 {_names(grants)} {_count(grants)}，表级授权 {len(small) - columns} 条、字段级 {columns} 条、"
            f"启用行级策略的表 {len(grants.row_security)} 张；"
            f"整库或全局的数据授权 {len(wide)} 条（{wide_names}）",
            GRANTS,
            decisive=True,
        ),
        *(_for_all(accounts, grants, wide, server) if fits else ()),
        *read_in_full(grants),
    )


def _for_all(
    accounts: DatabaseAccounts, grants: DatabaseGrants, wide: Iterable[Grant], server: DatabaseServer | None
) -> tuple[Criterion, ...]:
    """Return whether all ordinary accounts are kept to tables; one fine grant tells nothing of the rest."""
    ordinary = besides_ours(others(accounts), server)
    free = [one.grantee for one in wide if set(one.rights) & (_DATA - {"CREATE", "DROP"})]
    free += [one.label for one in ordinary if _READS_ALL & frozenset(one.member_of)]
    owning = [f"{one.label}（{owns(one, grants)} 张）" for one in ordinary if owns(one, grants)]
    question = "普通账户的授权是否均限定到表或更细"
    if free:
        seen = f"授权及于整库或全部表的普通账户：{listing(dict.fromkeys(free))}"
        return (ask("for_all", question, False, seen, GRANTS),)
    if owning:
        seen = f"业务表的属主为普通账户 {listing(owning)}，不受表级授权限定，是否即业务程序所用账户须核实"
        return (ask("for_all", question, None, seen, GRANTS),)
    return ()


def beyond_grants(grants: DatabaseGrants, server: DatabaseServer | None = None) -> str:
    """Return in words which tables no fine grant speaks of, empty where all are spoken of."""
    if grants.unit != "table" or grants.tables is None:
        return ""
    named = {
        ".".join(one.object.split(".")[:2])
        for one in _of_others(_named(grants), server)
        if one.level in ("table", "column")
    }
    left = grants.tables - len(named.union(grants.row_security))
    return f"另有业务表 {left} 张未授予任何普通账户，业务程序以何账户访问，须人工核查" if left > 0 else ""


def personal(
    accounts: DatabaseAccounts, grants: DatabaseGrants, declared: int, server: DatabaseServer | None = None
) -> tuple[Criterion, ...]:
    """Return whether reading the declared columns is kept to some.

    Raises:
        Undetermined: no sensitive column is declared, or none of them was found.

    """
    if not declared:
        raise Undetermined("未登记敏感数据列，不能核查个人信息的访问限制", reason=Reason.NOT_DECLARED)
    if not grants.readers:
        raise Undetermined("登记的敏感数据列均未找到，不能核查个人信息的访问限制")
    everyone = [f"{one.schema}.{one.table}.{one.column}" for one in grants.readers if one.public]
    ordinary = {one.label for one in besides_ours(others(accounts), server)}
    inside = {name for one in grants.readers for name in one.accounts} & ordinary
    found = ask(
        "found",
        "登记的敏感数据列是否均已核查",
        True if len(grants.readers) == declared else None,
        f"登记敏感数据列 {declared} 个，核查 {len(grants.readers)} 个",
        GRANTS,
    )
    return (
        ask(
            "not_public",
            "个人信息是否未向所有人开放",
            not everyone,
            f"所有人可读的敏感列：{listing(everyone) or '无'}",
            GRANTS,
            decisive=True,
        ),
        ask(
            "restricted",
            "是否仅部分账户可读取个人信息",
            _is_restricted(ordinary, inside),
            f"普通账户 {len(ordinary)} 个，其中可读敏感列的：{listing(sorted(inside)) or '无'}",
            GRANTS,
        ),
        found,
        *whole(accounts),
        *read_in_full(grants),
    )


def _is_restricted(ordinary: set[str], inside: set[str]) -> bool | None:
    """Tell whether some ordinary accounts cannot read; one account alone does not decide it."""
    if inside == ordinary and len(ordinary) == 1:
        return None
    return bool(ordinary) and inside != ordinary
