"""Criteria on the rights of database accounts."""

from __future__ import annotations

from typing import Final

from dengbao.errors import Reason, Undetermined
from dengbao.model import Criterion
from dengbao.probes.database.facts import (
    DatabaseAccess,
    DatabaseAccount,
    DatabaseAccounts,
    DatabaseGrants,
    DatabaseServer,
)

from . import db_products, hba
from .databases import (
    ACCESS,
    ACCOUNTS,
    GRANTS,
    LIKE_POSTGRES,
    besides_ours,
    from_elsewhere,
    is_ours,
    labels,
    logins,
    others,
    our_note,
    supers,
    whole,
    without_ours,
)
from .db_rights import granted, granted_rights, owns, reach, read_in_full
from .hosts import ask
from .wording import listing

# Server-wide rights of PostgreSQL and MySQL that reach beyond data, into the server or other accounts.
_STRONG: Final = frozenset(
    {
        "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS", "SUPER", "CREATE USER", "GRANT", "FILE",
        "SHUTDOWN", "RELOAD", "PROCESS", "CREATE TABLESPACE", "SYSTEM_USER", "ROLE_ADMIN", "SET_USER_ID",
        "SYSTEM_VARIABLES_ADMIN",
        *db_products.STRONG,
        "pg_execute_server_program", "pg_write_server_files", "pg_read_server_files", "pg_write_all_data",
    }
)  # fmt: skip
_DATA: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER"})
_ALL_DATA: Final = frozenset({"pg_read_all_data", "pg_write_all_data"}) | db_products.ALL_DATA
_GUARDS: Final = frozenset({"CREATEROLE", "CREATE USER", "ROLE_ADMIN"}) | db_products.GUARDS
_AUDITORS: Final = frozenset(
    {
        "pg_monitor",
        "pg_read_all_settings",
        "pg_read_all_stats",
        "AUDIT_ADMIN",
        "AUDIT_ABORT_EXEMPT",
        *db_products.AUDITORS,
        "PROCESS",
    }
)


def assigned(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None = None
) -> tuple[Criterion, ...]:
    """Return whether there are accounts for the work besides the superusers, each with rights of its own."""
    ordinary = others(accounts)
    bare = [
        one
        for one in ordinary
        if not granted(one, grants) and not owns(one, grants) and not reach(one, accounts)
    ]
    return (
        ask(
            "accounts",
            "是否为用户分配了超级用户以外的账户",
            without_ours(bool(ordinary), bool(besides_ours(ordinary, server))),
            f"可登录账户 {len(logins(accounts))} 个，其中超级用户：{labels(supers(accounts))}；"
            f"普通账户：{labels(ordinary)}{our_note(ordinary, server)}",
            ACCOUNTS,
            decisive=True,
        ),
        ask(
            "rights",
            "普通账户是否均已分配权限",
            None if bare and grants.tables == 0 else not bare,
            f"未见任何授权的账户：{labels(bare)}",
            GRANTS,
        ),
        *whole(accounts),
        *read_in_full(grants),
    )


def defaults(accounts: DatabaseAccounts) -> tuple[DatabaseAccount, ...]:
    """Return the accounts with a default name that can log in."""
    return tuple(one for one in logins(accounts) if one.default)


def defaults_from_afar(
    platform: str, accounts: DatabaseAccounts, access: DatabaseAccess | None
) -> tuple[Criterion, ...]:
    """Return whether default accounts can be logged in to from other machines."""
    found = defaults(accounts)
    if platform in db_products.OTHERS:
        return (_defaults_from_afar(found, access),)
    if platform not in LIKE_POSTGRES:
        far = [one for one in found if from_elsewhere(one)]
        seen = f"可从其他主机登录的默认账户：{labels(far)}"
        return (ask("default_local", "默认账户是否限于本机登录", not far, seen, ACCOUNTS),)
    if access is None:
        seen = "访问规则未能读取"
        return (ask("default_local", "默认账户是否限于本机登录", None, seen, ACCESS),)
    rules = [
        rule
        for rule in hba.admitting(access)
        if any(hba.speaks_of(rule, one.name, one.member_of) for one in found)
    ]
    met = access.remote is False or not rules
    seen = f"允许默认账户从其他主机登录的规则：{hba.lines(rules)}"
    if access.remote is False:
        seen = f"服务仅监听本机（{listing(access.listens) or '不监听网络'}）"
    return (ask("default_local", "默认账户是否限于本机登录", met, seen, ACCESS), *hba.certain(access))


def _defaults_from_afar(found: tuple[DatabaseAccount, ...], access: DatabaseAccess | None) -> Criterion:
    question = "默认账户是否限于本机登录"
    if not found:
        return ask("default_local", question, True, "没有可登录的默认账户", ACCOUNTS)
    remote = access.remote if access is not None else None
    seen = {
        True: f"可从其他主机登录的默认账户：{labels(found)}",
        False: f"其他主机不能连接服务，默认账户 {labels(found)} 不能经网络登录",
        None: f"默认账户 {labels(found)} 能否从其他主机登录未能得知",
    }[remote]
    return ask("default_local", question, None if remote is None else not remote, seen, ACCESS)


def renamed(accounts: DatabaseAccounts) -> Criterion:
    """Return whether no account with a default name can be used."""
    found = [one for one in defaults(accounts) if not one.fixed]
    fixed = [one for one in defaults(accounts) if one.fixed]
    closed = [one for one in accounts.accounts if one.default and one.can_login is False]
    seen = f"可登录的默认账户：{labels(found)}"
    if closed:
        seen += f"；已禁用的默认账户：{labels(closed)}"
    if fixed:
        seen += f"；产品不允许重命名、删除的内置账户：{labels(fixed)}"
    return ask("renamed", "默认账户是否已重命名、删除或禁用", not found, seen, ACCOUNTS)


def anonymous(accounts: DatabaseAccounts) -> Criterion:
    """Return whether there is no account without a name."""
    found = [one for one in logins(accounts) if not one.name]
    seen = f"匿名账户：{labels(found)}"
    return ask("anonymous", "是否没有匿名账户", not found, seen, ACCOUNTS, decisive=True)


def stale(
    accounts: DatabaseAccounts, roster: tuple[str, ...], server: DatabaseServer | None = None
) -> tuple[Criterion, ...]:
    """Return whether every account is in the roster, and whether any may be past its time.

    An expired password is not an expired account: its holder may only be late in changing it.

    Raises:
        Undetermined: there is no roster.

    """
    late = [one for one in logins(accounts) if one.password_expired]
    doubt = f"口令已过期而未停用的账户：{labels(late)}，是逾期未更换还是账户已不再使用，须核实"
    if not roster:
        raise Undetermined(
            f"可登录账户 {len(logins(accounts))} 个（{labels(logins(accounts))}），"
            "未登记人员账户名册（roster），不能判断是否多余" + (f"；{doubt}" if late else ""),
            reason=Reason.NOT_DECLARED,
        )
    current = ask(
        "no_expired",
        "是否没有过期账户",
        None if late else True,
        doubt if late else "未见口令已过期的账户",
        ACCOUNTS,
    )
    known = {one.strip().lower() for one in roster}
    unknown = [
        one for one in logins(accounts) if one.name.lower() not in known and one.label.lower() not in known
    ]
    # The account made for the assessment is no surplus as long as that lasts.
    extra = besides_ours(unknown, server)
    seen = f"可登录账户 {len(logins(accounts))} 个，名册 {len(known)} 个；名册以外的账户：{labels(extra)}"
    if len(extra) < len(unknown):
        mine = [one for one in unknown if is_ours(one.name, one.host, server)]
        seen += f"（另有本次测评所用账户 {labels(mine)}，测后应删除）"
    return (
        ask("no_extra", "是否没有多余账户", not extra, seen, ACCOUNTS, decisive=True),
        current,
        *whole(accounts),
    )


def roles(
    platform: str, accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None = None
) -> tuple[Criterion, ...]:
    """Return whether roles were made, given rights and members."""
    if platform == db_products.REDIS:
        return _roles_by_account(accounts, grants, server)
    own = [one for one in accounts.accounts if one.is_role and not one.system and one.name != "PUBLIC"]
    used = [
        one
        for one in own
        if any(grant.grantee == one.name for grant in grants.grants)
        and any(one.name == member.role.partition("@")[0] for member in grants.memberships)
    ]
    return (
        ask(
            "roles",
            "是否划分角色",
            bool(own),
            f"自定义角色：{labels(own)}",
            ACCOUNTS,
            decisive=True,
        ),
        ask(
            "in_use",
            "角色是否已授予权限并分配给账户",
            None if not used and grants.tables == 0 else bool(used),
            f"已授予权限且有成员的角色：{labels(used)}",
            GRANTS,
        ),
        *read_in_full(grants),
    )


def _roles_by_account(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None
) -> tuple[Criterion, ...]:
    """Return whether accounts have different rights where the product knows no roles."""
    usable = logins(accounts)
    kinds = _kinds(usable, grants)
    seen = (
        f"Redis 没有角色，以账户区分权限；可登录账户 {len(usable)} 个"
        f"（{labels(usable)}），权限 {len(kinds)} 种{our_note(usable, server)}"
    )
    theirs = len(_kinds(besides_ours(usable, server), grants)) > 1
    met = without_ours(
        len(kinds) > 1 and bool(others(accounts)), theirs and bool(besides_ours(others(accounts), server))
    )
    return (ask("roles", "是否按账户划分不同权限", met, seen, ACCOUNTS, decisive=True), *whole(accounts))


def _kinds(
    accounts: tuple[DatabaseAccount, ...], grants: DatabaseGrants
) -> frozenset[tuple[frozenset[str], frozenset[tuple[str, ...]]]]:
    return frozenset((frozenset(one.rights), granted_rights(one, grants)) for one in accounts)


def separated(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None = None
) -> tuple[Criterion, ...]:
    """Return whether managing accounts and auditing are in other hands than the superusers'."""
    ordinary = others(accounts)
    guards = [one for one in ordinary if reach(one, accounts) & _GUARDS or _keeps(one, "sso")]
    auditors = [
        one
        for one in ordinary
        if one not in guards
        and (reach(one, accounts) & _AUDITORS or _reads_catalogue(one, grants) or _keeps(one, "sao"))
    ]
    return (
        ask(
            "security",
            "账户与权限管理是否与系统管理分离",
            without_ours(bool(guards), bool(besides_ours(guards, server))),
            f"超级用户：{labels(supers(accounts))}；其外可管理账户的账户：{labels(guards)}"
            f"{our_note(guards, server)}",
            ACCOUNTS,
        ),
        ask(
            "audit",
            "审计查看是否与系统管理分离",
            without_ours(bool(auditors), bool(besides_ours(auditors, server))),
            f"其外可查看运行与审计信息的账户：{labels(auditors)}{our_note(auditors, server)}",
            ACCOUNTS,
        ),
        *whole(accounts),
    )


def _keeps(account: DatabaseAccount, name: str) -> bool:
    """Tell whether this is the product's own security (`sso`) or audit administrator (`sao`) of 金仓."""
    return account.fixed and account.name == name


def _reads_catalogue(account: DatabaseAccount, grants: DatabaseGrants) -> bool:
    return any(
        one.level in ("database", "table")
        and one.object.partition(".")[0] == "mysql"
        and "SELECT" in one.rights
        for one in granted(account, grants)
    )


def least(accounts: DatabaseAccounts, most: int) -> tuple[Criterion, ...]:
    """Return whether superusers are few and others hold no server-wide rights they could harm with."""
    top = sorted({one.name for one in supers(accounts)})
    held = {one.label: reach(one, accounts) for one in others(accounts)}
    strong = [one for one in others(accounts) if held[one.label] & (_STRONG - _GUARDS - {"PROCESS"})]
    broad = [
        one
        for one in others(accounts)
        if held[one.label] & (_DATA if one.host else _ALL_DATA) and one not in strong
    ]
    details = (
        listing(f"{one.label}（{'、'.join(sorted(held[one.label] & _STRONG))}）" for one in strong) or "无"
    )
    return (
        ask(
            "supers",
            f"超级用户是否不多于 {most} 个",
            len(top) <= most,
            f"可登录的超级用户 {len(top)} 个：{listing(top) or '无'}（要求不多于 {most} 个）",
            ACCOUNTS,
        ),
        ask(
            "no_strong",
            "其他账户是否没有服务器级高权限",
            not strong,
            f"有服务器级高权限的其他账户：{details}",
            ACCOUNTS,
        ),
        ask(
            "no_broad",
            "其他账户是否没有全局数据权限",
            not broad,
            f"有全局数据权限的其他账户：{labels(broad)}",
            ACCOUNTS,
        ),
        *whole(accounts),
    )
