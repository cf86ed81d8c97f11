"""Reads how 达梦 keeps records, what is switched on in it, its labels, and its copies elsewhere.

Not tried with a real 达梦; the shapes are those of its documentation.
"""

from __future__ import annotations

from typing import Final

from ...errors import NotSupported
from .collected_dm import audit
from .collected_roles import settings, whole, yes
from .collected_sql import SqlFile
from .system_facts import (
    Component,
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
    LabelCount,
    LogPlace,
    ParameterRight,
    Replica,
)

_MIB: Final = 1024 * 1024
# When the space for records is used up: 1 deletes old ones, 2 stops auditing.
_DELETES, _STOPS = "1", "2"
_AUDIT_ROLES: Final = frozenset({"DB_AUDIT_ADMIN", "DB_AUDIT_OPER"})


def logs(file: SqlFile) -> DatabaseLogs:
    """Return the files of records, and the roles that alone may set auditing up and delete its files."""
    values = file.pairs("parameters")
    roles = sorted({one["role"] for one in file.rows("role_members")} & _AUDIT_ROLES)
    rights = tuple(ParameterRight(account=one, setting="审计", right=one) for one in roles)
    mode, space = values.get("audit_file_full_mode", ""), whole(values.get("audit_space_limit", ""))
    overwrites = {_DELETES: bool(space), _STOPS: False}.get(mode)
    return DatabaseLogs(
        places=tuple(
            LogPlace(
                channel=one.name, kind="file", overwrites=overwrites,
                keeps_bytes=space * _MIB if overwrites and space else None,
            )
            for one in audit(file).channels
            if one.active is not False
        ),
        parameter_rights=rights,
        record_rights=rights,
        settings=settings(values, "audit_file_full_mode", "audit_max_file_size", "audit_space_limit"),
        clock_s=int(file.begun.timestamp()),
    )  # fmt: skip


def components(file: SqlFile) -> DatabaseComponents:
    """Return whether functions outside the server may be called, and the maker's sample schemas."""
    called = yes(file.pairs("parameters").get("enable_external_call", ""))
    if called is None:
        raise NotSupported("ENABLE_EXTERNAL_CALL 未能读取，不知道外部函数是否启用")
    return DatabaseComponents(
        components=(Component(name="ENABLE_EXTERNAL_CALL", kind="feature", trusted=False),) if called else (),
        databases=(file.rows("server")[0]["instance"],),
        databases_complete=not file.cut("sample_schemas"),
        samples=tuple(one["name"] for one in file.rows("sample_schemas")),
    )


def labels(file: SqlFile) -> DatabaseLabels:
    """Return how many tables a policy of mandatory control was applied to."""
    policies = whole(file.rows("labels")[0]["policies"]) if file.rows("labels") else None
    if policies == 0:
        return DatabaseLabels(offered=True)
    rows = file.rows("label_tables")
    tables = whole(rows[0]["tables"]) if rows else None
    if policies is None or tables is None:
        raise NotSupported("强制访问控制策略未能读取，须由安全员（SYSSSO）查看")
    count = (LabelCount(provider="强制访问控制策略", kind="表", count=tables),) if tables else ()
    return DatabaseLabels(offered=True, engine=f"强制访问控制策略 {policies} 个", labels=count)


def replication(file: SqlFile) -> DatabaseReplication:
    """Return whether redo is archived, and the archives that lead to other servers."""
    mode = yes(file.rows("server")[0]["arch_mode"])
    rows = file.rows("archive_destinations") if file.has("archive_destinations") else None
    return DatabaseReplication(
        changes_logged=mode,
        archiving=mode,
        replicas=None
        if rows is None
        else tuple(
            Replica(name=one["type"], state=one["status"], synchronous=one["type"].upper() != "ASYNC")
            for one in rows
            if one["type"].upper() in ("REALTIME", "TIMELY", "ASYNC", "SYNC", "MARCH")
        ),
    )


def residue(file: SqlFile) -> DatabaseResidue:
    """Return which logs keep statements, and whether freed space is cleared (ENABLE_OBJ_REUSE).

    Whether passwords are taken out of statements first is not documented.
    """
    values = file.pairs("parameters")
    log, recorded = values.get("svr_log", ""), values.get("enable_audit", "")
    kept = ["SQL 日志（SVR_LOG）"] if log not in ("", "0") else []
    kept += ["审计记录"] if recorded not in ("", "0") else []
    return DatabaseResidue(
        statement_logs=tuple(kept),
        scrubbed=yes(values.get("enable_obj_reuse", "")),
        settings=settings(values, "svr_log", "enable_obj_reuse"),
        settings_known=bool(log and recorded),
    )
