"""Reads what SQL Server records: server audits with their specifications, C2 mode, the default trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .collected_roles import settings, yes
from .collected_sql import Row, SqlFile
from .facts import AuditChannel, DatabaseAudit

_FIELDS: Final = ("time", "user", "source", "type", "result", "object")
_ALL: Final = ("connect", "failed_login", "ddl", "dcl", "write", "read")
_ACCESS: Final = frozenset({"SCHEMA_OBJECT_ACCESS_GROUP", "BATCH_COMPLETED_GROUP"})
# For each kind of event the sets of action groups that record it: one whole set is enough.
_NEEDS: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "connect": (frozenset({"SUCCESSFUL_LOGIN_GROUP"}),),
    "failed_login": (frozenset({"FAILED_LOGIN_GROUP"}),),
    "ddl": (frozenset({"SCHEMA_OBJECT_CHANGE_GROUP"}), frozenset({"DATABASE_OBJECT_CHANGE_GROUP"})),
    "dcl": (
        frozenset({"SERVER_PRINCIPAL_CHANGE_GROUP", "SERVER_ROLE_MEMBER_CHANGE_GROUP"}),
        frozenset({"SERVER_PRINCIPAL_CHANGE_GROUP", "SERVER_PERMISSION_CHANGE_GROUP"}),
    ),
}


def audit(file: SqlFile) -> DatabaseAudit:
    """Return every channel, on or off; an audit without an enabled specification records nothing."""
    values = file.pairs("settings")
    audits = [_audit(one, file) for one in file.rows("audits")]
    return DatabaseAudit(
        channels=(*audits, *_c2(values), *_default_trace(file)),
        settings=settings(
            values, "c2 audit mode", "common criteria compliance enabled", "default trace enabled"
        ),
    )


def _audit(row: Row, file: SqlFile) -> AuditChannel:
    rows = [*file.rows("audit_actions"), *file.some("db_audit_actions")]
    mine = [one for one in rows if one["audit"] == row["name"] and yes(one["enabled"])]
    running = yes(row["enabled"]) is True and row["status"].upper() in ("STARTED", "")
    return AuditChannel(
        name=f"服务器审核 {row['name']}",
        active=None if running and not row["status"] else running,
        events=_events(mine),
        fields=_FIELDS,
        sink=row["type"],
    )


def _events(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return what actions record; those on one object, or of one principal, do not cover the data."""
    some = tuple(rows)
    groups = {one["action"].upper() for one in some}
    everywhere = {
        one["action"].upper()
        for one in some
        if not one["object"] and one["principal"].lower() in ("public", "dbo", "")
    }
    found = [event for event, sets in _NEEDS.items() if any(one <= groups for one in sets)]
    if groups & _ACCESS or {"INSERT", "UPDATE", "DELETE"} <= everywhere:
        found.append("write")
    if groups & _ACCESS or "SELECT" in everywhere:
        found.append("read")
    return tuple(found)


def _c2(values: Mapping[str, str]) -> tuple[AuditChannel, ...]:
    on = yes(values.get("c2 audit mode", ""))
    return (AuditChannel(name="C2 审核模式", active=on, events=_ALL, fields=_FIELDS, sink="file"),)


def _default_trace(file: SqlFile) -> tuple[AuditChannel, ...]:
    """Return the default trace: five small files that a busy server writes over within days."""
    found = [one for one in file.some("traces") if yes(one["default"])]
    on = any(one["status"] == "1" for one in found) if file.has("traces") else None
    return (
        AuditChannel(
            name="默认跟踪（default trace）", active=on, events=("failed_login", "ddl", "dcl"),
            fields=_FIELDS, sink="file",
        ),
    )  # fmt: skip
