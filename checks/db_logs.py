"""Criteria on the records of databases: who can change them, how long they stay, who can stop them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import DatabaseAccount, DatabaseAccounts, DatabaseAudit, DatabaseGrants
from dengbao.probes.database.system_facts import DatabaseLogs, LogPlace

from .databases import ACCOUNTS, labels, others, supers, whole
from .db_audit import enabled, running
from .db_rights import granted, reach, read_in_full
from .hosts import ask
from .wording import listing

LOGS: Final = "database.logs"
_DAY_S: Final = 86400
# Whoever writes files or runs programs as the server can do so with its log.
_FILE_WRITERS: Final = frozenset({"pg_write_server_files", "pg_execute_server_program"})
# Besides a superuser's: what lets one stop the server or change what it records.
_STOPPERS: Final = frozenset({"SYSTEM_VARIABLES_ADMIN", "SHUTDOWN"})
_CHANGES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE"})
_KINDS: Final = {
    "file": "文件", "table": "表", "syslog": "系统日志服务（syslog）", "eventlog": "Windows 事件日志",
    "stderr": "标准错误输出", "memory": "内存",
}  # fmt: skip


def _place(one: LogPlace) -> str:
    return f"{one.channel} 写入{_KINDS.get(one.kind, one.kind)}{f' {one.path}' if one.path else ''}"


def told_places(logs: DatabaseLogs) -> str:
    """Return where the records go, for a statement."""
    return listing(_place(one) for one in logs.places) or "未见审计记录的去处"


def protected(
    audit: DatabaseAudit, logs: DatabaseLogs, accounts: DatabaseAccounts | None, grants: DatabaseGrants | None
) -> tuple[Criterion, ...]:
    """Return whether records are closed to others, as files and through the database."""
    first = enabled(audit)
    if not running(audit):
        return (first,)
    return (
        first,
        *(criterion for one in logs.places if one.mode for criterion in _file_mode(one)),
        *_changed_through_sql(logs, accounts, grants),
    )


def _file_mode(one: LogPlace) -> tuple[Criterion, ...]:
    mode = int(one.mode, 8)
    seen = f"{one.channel} 日志文件权限 {one.mode}"
    return (
        ask(
            "changeable",
            "其他系统用户是否不能改写审计记录文件",
            not mode & 0o022,
            seen if not mode & 0o022 else f"{seen}，其他系统用户可改写",
            LOGS,
            decisive=True,
        ),
        ask(
            "readable",
            "其他系统用户是否不能读取审计记录文件",
            not mode & 0o004,
            "" if not mode & 0o004 else "所有系统用户可读取",
            LOGS,
        ),
    )


def _changed_through_sql(
    logs: DatabaseLogs, accounts: DatabaseAccounts | None, grants: DatabaseGrants | None
) -> tuple[Criterion, ...]:
    question = "普通账户是否不能经数据库改写或删除审计记录"
    if accounts is None:
        seen = "账户权限未能读取，不能确认谁可改写审计记录"
        return (ask("by_sql", question, None, seen, ACCOUNTS, decisive=True),)
    tables = [one.path for one in logs.places if one.kind == "table"]
    ordinary = others(accounts)
    bad = [
        one
        for one in ordinary
        if reach(one, accounts) & _FILE_WRITERS or (tables and grants and _changes_own_tables(one, grants))
    ]
    met = False if bad else None if tables and grants is None else True
    seen = f"可经数据库改写审计记录的普通账户：{labels(bad)}；可改写的超级用户：{labels(supers(accounts))}"
    if met is None:
        seen = "审计记录存于表中，表上的授权未能读取"
    more = read_in_full(grants) if grants is not None and tables else ()
    return (ask("by_sql", question, met, seen, ACCOUNTS, decisive=True), *whole(accounts), *more)


def _changes_own_tables(account: DatabaseAccount, grants: DatabaseGrants) -> bool:
    """Tell whether an account may change tables of the product's own database."""
    return any(
        set(one.rights) & _CHANGES
        and (one.level == "global" or one.object.partition(".")[0].lower() in ("mysql", "%"))
        for one in granted(account, grants)
    )


def kept(audit: DatabaseAudit, logs: DatabaseLogs, wanted: int) -> tuple[Criterion, ...]:
    """Return whether records stay long enough: by the oldest there is, else by what the server does."""
    first = enabled(audit)
    if not running(audit):
        return (first,)
    names = {one.name for one in running(audit)}
    # pgaudit writes into the server's own log.
    places = [one for one in logs.places if one.channel in names or "pgaudit" in names]
    found = [_kept(one, logs.clock_s, wanted) for one in places]
    states = [met for met, _ in found]
    met = True if True in states else None if None in states or not states else False
    seen = listing(text for _, text in found) or "审计记录的去处未能确认"
    question = f"审计记录是否保存不少于 {wanted} 天"
    return (first, ask("kept", question, met, f"{seen}（要求不少于 {wanted} 天）", LOGS, decisive=True))


def _kept(one: LogPlace, clock_s: int | None, wanted: int) -> tuple[bool | None, str]:
    where = _place(one)
    age = None if one.oldest_s is None or clock_s is None else max(0, clock_s - one.oldest_s) // _DAY_S
    if one.overwrites and one.keeps_days is not None:
        # A single old file left over from before proves nothing against a cycle that is shorter.
        return one.keeps_days >= wanted, f"{where}，{one.keeps_days} 天后覆盖旧记录"
    if age is not None and age >= wanted:
        return True, f"{where}，最早的记录 {_date(one.oldest_s)}，距今 {age} 天"
    if one.overwrites and one.keeps_bytes is not None:
        size = f"{one.keeps_bytes / 1_000_000:g} MB"
        return None, f"{where}，共 {size} 写满后覆盖最早的记录，可保存多少天取决于业务量"
    if one.overwrites is False:
        since = "" if age is None else f"，最早的记录 {_date(one.oldest_s)}，距今 {age} 天"
        return None, f"{where}，服务器自身不清理{since}，由外部轮转、清理的情况未能确认"
    if one.kind in ("syslog", "eventlog"):
        return None, f"{where}，留存由其决定"
    return None, f"{where}，留存未能确认"


def _date(at_s: int | None) -> str:
    return datetime.fromtimestamp(at_s or 0, UTC).strftime("%Y-%m-%d")


def unstoppable(
    audit: DatabaseAudit, logs: DatabaseLogs, accounts: DatabaseAccounts, grants: DatabaseGrants | None
) -> tuple[Criterion, ...]:
    """Return whether accounts other than superusers cannot switch auditing off."""
    first = enabled(audit)
    if not running(audit):
        return (first,)
    return (first, _switches(logs, accounts, grants), *_unloadable(audit, logs), *whole(accounts))


def _switches(logs: DatabaseLogs, accounts: DatabaseAccounts, grants: DatabaseGrants | None) -> Criterion:
    question = "普通账户是否不能关闭或更改数据库审计"
    ordinary = others(accounts)
    setters = {one.account for one in logs.parameter_rights or ()}
    ways = {one.label: why for one in ordinary if (why := _why(one, accounts, setters, grants))}
    unclear = logs.parameter_rights is None or (grants is None and any(one.host for one in ordinary))
    met = False if ways else None if unclear else True
    told = listing(f"{name}（{why}）" for name, why in ways.items()) or "无"
    seen = f"可关闭审计的普通账户：{told}；可关闭审计的超级用户：{labels(supers(accounts))}"
    if met is None:
        seen += "；参数或系统库上的授权未能全部读取"
    return ask("switches", question, met, seen, LOGS, decisive=True)


def _why(
    account: DatabaseAccount, accounts: DatabaseAccounts, setters: set[str], grants: DatabaseGrants | None
) -> str:
    rights = sorted(reach(account, accounts) & (_STOPPERS | _FILE_WRITERS))
    if setters & {account.name, *account.member_of, "PUBLIC"}:
        rights.append("审计参数的设置权")
    if account.host and grants is not None and _changes_own_tables(account, grants):
        rights.append("改写系统库 mysql")
    return "、".join(rights)


def _unloadable(audit: DatabaseAudit, logs: DatabaseLogs) -> tuple[Criterion, ...]:
    """Return whether the auditing modules in use stay loaded; a server's own log is no module."""
    names = {one.name for one in running(audit)}
    used = [one for one in logs.modules if one.name in names]
    if not used:
        return ()
    loose = [one.name for one in used if one.permanent is False]
    met = False if loose else None if any(one.permanent is None for one in used) else True
    seen = f"审计模块 {listing(one.name for one in used)}"
    seen += " 可在运行中卸载（未以 FORCE_PLUS_PERMANENT 加载）" if loose else " 不可在运行中卸载"
    if met is None:
        seen = f"审计模块 {listing(one.name for one in used)} 能否在运行中卸载未能确认"
    return (ask("permanent", "审计模块是否不可在运行中卸载", met, seen, LOGS),)
