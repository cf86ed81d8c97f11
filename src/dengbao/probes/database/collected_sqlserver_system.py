"""Reads how SQL Server keeps records, what is switched on in it, and its copies elsewhere.

Not tried with a real SQL Server; the shapes are those of its documentation. Who is not `sysadmin` sees
only a part of logins, rights and audits, without being told so: from such a file nothing is concluded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ...errors import NoPermission, NotSupported
from .collected_roles import settings, whole, yes
from .collected_sql import Row, SqlFile
from .collected_sqlserver_audit import audit
from .system_facts import (
    Component,
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
    LogPlace,
    ParameterRight,
    Replica,
)

_GRANTED: Final = frozenset({"GRANT", "GRANT_WITH_GRANT_OPTION"})
_AUDITORS: Final = frozenset({"ALTER ANY SERVER AUDIT"})
# These stop the server; settings reach C2 mode and the default trace, but no audit.
_STOPPERS: Final = frozenset({"SHUTDOWN"})
_SETTINGS: Final = frozenset({"ALTER SETTINGS"})
_STOPPING_ROLES: Final = frozenset({"serveradmin"})
_REACHING_OUT: Final = (
    "xp_cmdshell", "Ole Automation Procedures", "Ad Hoc Distributed Queries", "external scripts enabled",
)  # fmt: skip
_AUDIT: Final = "服务器审核 "
_UNLIMITED: Final = 2**31 - 1
_SAMPLES: Final = re.compile(r"(AdventureWorks|WideWorldImporters)\w*|pubs|Northwind", re.IGNORECASE)
_SYSTEM: Final = frozenset({"master", "tempdb", "msdb", "model"})


def require_sysadmin(file: SqlFile) -> None:
    """Raise where the account that ran the script saw only a part.

    Raises:
        NoPermission: it is no `sysadmin`.

    """
    if yes(file.rows("server")[0]["sysadmin"]) is not True:
        raise NoPermission(
            "运行采集脚本的账户不是 sysadmin，登录名、权限与审核只列出其可见的部分",
            cure="由 sysadmin 运行采集脚本",
        )


def logs(file: SqlFile) -> DatabaseLogs:
    """Return where audits write, and who else may change or stop them; files are out of reach of SQL."""
    require_sysadmin(file)
    rights = [one for one in file.rows("server_rights") if one["state"] in _GRANTED]
    auditors = tuple(_right(one) for one in rights if one["right"] in _AUDITORS)
    audited = any(one.active for one in audit(file).channels if one.name.startswith(_AUDIT))
    reaching = _STOPPERS if audited else _STOPPERS | _SETTINGS
    stoppers = tuple(_right(one) for one in rights if one["right"] in reaching)
    roles = {one["role"] for one in file.rows("server_roles")} & _STOPPING_ROLES
    return DatabaseLogs(
        places=tuple(_places(file)),
        parameter_rights=(
            *auditors,
            *stoppers,
            *(ParameterRight(account=one, setting="审核", right=one) for one in sorted(roles)),
            *_by_database(file),
        ),
        record_rights=auditors,
        settings=settings(file.pairs("settings"), "c2 audit mode", "default trace enabled"),
        clock_s=int(file.begun.timestamp()),
    )


def _right(row: Row) -> ParameterRight:
    everyone = row["grantee"] in ("public", "guest")
    return ParameterRight(
        account="PUBLIC" if everyone else row["grantee"], setting="审核", right=row["right"]
    )


def _by_database(file: SqlFile) -> Iterable[ParameterRight]:
    """Yield who may change the audit specifications of the database, where one is in use."""
    if not any(yes(one["enabled"]) for one in file.some("db_audit_actions")):
        return
    behind = {one["name"]: one["login"] or one["name"] for one in file.rows("db_users")}
    for one in file.rows("db_roles"):
        if one["role"] == "db_owner" and one["member"]:
            yield ParameterRight(
                account=behind.get(one["member"], one["member"]), setting="库级审核规范", right="db_owner"
            )
    for one in file.rows("db_rights"):
        named = one["right"] in ("ALTER ANY DATABASE AUDIT", "CONTROL") and one["class"] == "DATABASE"
        if named and one["state"] in _GRANTED:
            yield _right({**one, "grantee": behind.get(one["grantee"], one["grantee"])})


def _places(file: SqlFile) -> Iterable[LogPlace]:
    channels = {one.name: one for one in audit(file).channels}
    for one in file.rows("audits"):
        name = f"{_AUDIT}{one['name']}"
        if channels[name].active is not False:
            yield _place(name, one)
    for one in file.some("traces"):
        if yes(one["default"]) and one["status"] == "1":
            yield LogPlace(
                channel="默认跟踪（default trace）", kind="file", overwrites=True, keeps_bytes=_bytes(one)
            )


def _place(name: str, row: Row) -> LogPlace:
    if row["type"].upper() != "FILE":
        return LogPlace(channel=name, kind="eventlog")
    files = whole(row["files"])
    if files is None:
        return LogPlace(channel=name, kind="file")
    rolls = 0 < files < _UNLIMITED
    return LogPlace(channel=name, kind="file", overwrites=rolls, keeps_bytes=_bytes(row) if rolls else None)


def _bytes(row: Row) -> int | None:
    size, files = whole(row["max_mb"]), whole(row["files"])
    return size * files * 1024 * 1024 if size and files else None


def components(file: SqlFile) -> DatabaseComponents:
    """Return features that reach out of the database, servers linked to, and the databases."""
    values = file.pairs("settings")
    if not {one.lower() for one in _REACHING_OUT[:3]} <= set(values):
        raise NotSupported("xp_cmdshell 等功能是否启用未能读取（sys.configurations）")
    features = [
        Component(name=one, kind="feature", trusted=False)
        for one in _REACHING_OUT
        if yes(values.get(one.lower(), ""))
    ]
    links = [
        Component(name=one["name"], kind="link", version=one["product"])
        for one in file.some("linked_servers")
    ]
    names = tuple(one["name"] for one in file.rows("databases"))
    return DatabaseComponents(
        components=(*features, *links),
        databases=names,
        databases_complete=yes(file.rows("server")[0]["sysadmin"]) is True and not file.cut("databases"),
        samples=tuple(one for one in names if _SAMPLES.fullmatch(one)),
    )


def labels(_file: SqlFile) -> DatabaseLabels:
    """Return that the product has no mandatory access control; its classification is a note on columns."""
    return DatabaseLabels(offered=False)


def replication(file: SqlFile) -> DatabaseReplication:
    """Return whether the database looked at keeps its log for restores, and the replicas of its group."""
    name = file.rows("server")[0]["database"].lower()
    models = [one["recovery"].upper() for one in file.rows("databases") if one["name"].lower() == name]
    rows = file.rows("replicas") if file.has("replicas") else None
    return DatabaseReplication(
        changes_logged=models[0] in ("FULL", "BULK_LOGGED") if models else None,
        log_format=models[0] if models else "",
        archived_age_s=_log_backup(file, name),
        replicas=None
        if rows is None
        else tuple(
            Replica(
                name=one["name"],
                state="，".join(filter(None, (one["role"], one["state"], one["connected"]))),
                synchronous=one["mode"].upper() == "SYNCHRONOUS_COMMIT",
            )
            for one in rows
            if one["role"].upper() != "PRIMARY"
        ),
    )


def _log_backup(file: SqlFile, database: str) -> int | None:
    hours = [
        whole(one["age_hours"])
        for one in file.some("backups")
        if one["type"] == "L" and one["database"].lower() == database
    ]
    return None if not hours or hours[0] is None else hours[0] * 3600


def residue(file: SqlFile) -> DatabaseResidue:
    """Return which audits and traces keep statements; the server writes `******` for passwords in them.

    All business databases encrypted as a whole leave nothing readable in files. Common criteria
    compliance overwrites memory, not files.
    """
    require_sysadmin(file)
    values: Mapping[str, str] = file.pairs("settings")
    rows = [
        one
        for one in file.rows("databases")
        if one["state"] == "ONLINE" and one["name"].lower() not in _SYSTEM
    ]
    encrypted = bool(rows) and all(yes(one["encrypted"]) for one in rows)
    return DatabaseResidue(
        statement_logs=tuple(one.name for one in audit(file).channels if one.active),
        rewriting=True,
        encrypted=(f"业务库 {len(rows)} 个，全部加密（TDE）",) if encrypted else (),
        settings=settings(values, "common criteria compliance enabled"),
        settings_known=file.has("traces"),
    )
