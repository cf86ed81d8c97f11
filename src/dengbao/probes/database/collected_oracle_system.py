"""Reads how Oracle keeps records, which options and labels it has, and its copies elsewhere.

Not tried with a real Oracle; the shapes are those of its documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ...errors import NotSupported
from .collected_oracle import SHIPPED, maintained
from .collected_oracle_audit import audit
from .collected_roles import settings, whole, yes
from .collected_sql import SqlFile
from .facts import AuditChannel
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

_DAY_S: Final = 86400
_LABELS: Final = "Oracle Label Security"
_TRADITIONAL: Final = "传统审计"
_UNIFIED: Final = "统一审计"
_CHANGES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "ALTER", "ALL"})
# With these somebody switches auditing off, or takes statements and policies out of it.
_AUDITING: Final = frozenset({"AUDIT SYSTEM", "AUDIT ANY"})


def logs(file: SqlFile) -> DatabaseLogs:
    """Return where each channel writes, and who else may change auditing or its records.

    `ALTER SYSTEM` reaches the traditional trail only, from the next start on.
    """
    values = file.pairs("parameters")
    clock_s = int(file.begun.timestamp())
    channels = [one for one in audit(file).channels if one.active is not False]
    classic = any(one.name.startswith(_TRADITIONAL) for one in channels)
    reaching = _AUDITING | ({"ALTER SYSTEM"} if classic else set())
    rights = [one for one in file.rows("system_rights") if one["right"] in reaching]
    roles = {one["role"] for one in file.rows("role_members")} & {"AUDIT_ADMIN"}
    return DatabaseLogs(
        places=tuple(dict.fromkeys(_place(one, file, values, clock_s) for one in channels)),
        parameter_rights=(
            *(ParameterRight(account=one["grantee"], setting="审计", right=one["right"]) for one in rights),
            *(ParameterRight(account=one, setting="审计", right=one) for one in roles),
        ),
        record_rights=_record_rights(file, values),
        settings=settings(values, "audit_trail", "audit_file_dest", "audit_syslog_level"),
        clock_s=clock_s,
    )


def _record_rights(file: SqlFile, values: Mapping[str, str]) -> tuple[ParameterRight, ...]:
    """Return who may change the tables of records, or call the package that cleans them up."""
    found = [
        ParameterRight(account=one["grantee"], setting=one["object"], right=one["right"])
        for one in file.rows("audit_rights")
        if one["right"].upper() in _CHANGES
    ]
    found += [
        ParameterRight(account=one["grantee"], setting="DBMS_AUDIT_MGMT", right="EXECUTE DBMS_AUDIT_MGMT")
        for one in file.rows("audit_cleaners")
    ]
    if yes(values.get("o7_dictionary_accessibility", "")):
        found += [
            ParameterRight(account=one["grantee"], setting="SYS.AUD$", right=one["right"])
            for one in file.rows("system_rights")
            if one["right"] == "DELETE ANY TABLE"
        ]
    return tuple(found)


def _place(channel: AuditChannel, file: SqlFile, values: Mapping[str, str], clock_s: int) -> LogPlace:
    if channel.name.startswith(_UNIFIED):
        return _table(file, channel, "UNIFIED_AUDIT_TRAIL", "audit_record_unified", clock_s)
    trail = values.get("audit_trail", "").upper()
    if channel.name.startswith(_TRADITIONAL) and trail.startswith("DB"):
        return _table(file, channel, "SYS.AUD$", "audit_record_traditional", clock_s)
    if values.get("audit_syslog_level", ""):
        return LogPlace(channel=channel.name, kind="syslog")
    # The server only writes these files; what takes old ones away is outside.
    cleaned = _cleaned(file, ("OS", "XML", "FILES", "ALL"))
    return LogPlace(
        channel=channel.name, kind="file", path=values.get("audit_file_dest", ""), overwrites=cleaned
    )


def _table(file: SqlFile, channel: AuditChannel, path: str, section: str, clock_s: int) -> LogPlace:
    """Return a table; of its records the script brings the age of one, no matter which."""
    rows = file.some(section)
    age = whole(rows[0]["age_days"]) if rows else None
    words = ("UNIFIED", "ALL") if section.endswith("unified") else ("STANDARD", "DB", "ALL")
    return LogPlace(
        channel=channel.name, kind="table", path=path, overwrites=_cleaned(file, words),
        oldest_s=None if age is None else clock_s - age * _DAY_S,
    )  # fmt: skip


def _cleaned(file: SqlFile, words: Iterable[str]) -> bool | None:
    """Tell whether a job takes old records out of a trail; None where jobs could not be read."""
    if not file.has("audit_cleanup"):
        return None
    return any(
        one["status"].upper() == "ENABLED" and any(word in one["trail"].upper() for word in words)
        for one in file.rows("audit_cleanup")
    )


def components(file: SqlFile) -> DatabaseComponents:
    """Return options of the registry, and libraries of programs that are not the product's own."""
    own = SHIPPED | maintained(file)
    options = [
        Component(name=one["name"], kind="option", version=one["version"])
        for one in file.rows("components")
        if one["status"].upper() not in ("REMOVED", "OPTION OFF")
    ]
    libraries = [
        Component(name=f"{one['owner']}.{one['name']}", kind="library", trusted=False)
        for one in file.rows("libraries")
        if one["owner"] not in own
    ]
    return DatabaseComponents(
        components=(*options, *libraries),
        databases=(file.rows("server")[0]["database"],),
        databases_complete=not file.cut("components", "libraries", "sample_schemas"),
        samples=tuple(one["name"] for one in file.rows("sample_schemas")),
    )


def labels(file: SqlFile) -> DatabaseLabels:
    """Return tables under enabled policies of Label Security; without the option there can be none.

    A policy surely refuses where it was applied with READ_CONTROL to every table under it; other options
    control writing or nothing.
    """
    option = [yes(one["value"]) for one in file.rows("label_option")]
    if None in option or not option:
        raise NotSupported("Oracle Label Security 是否启用未能读取（v$option）")
    if not any(option):
        return DatabaseLabels(offered=True)
    tables = file.rows("label_tables")
    counts = [(one["policy"], whole(one["tables"]) or 0, whole(one["reads"]) or 0) for one in tables]
    refusing = [reads == number for _, number, reads in counts]
    return DatabaseLabels(
        offered=True,
        engine=_LABELS,
        enforced=True if refusing and all(refusing) else None,
        labels=tuple(LabelCount(provider=name, kind="表", count=number) for name, number, _ in counts),
    )


def replication(file: SqlFile) -> DatabaseReplication:
    """Return whether redo is archived, and how many standby servers are served."""
    row = file.rows("server")[0]
    mode = {"ARCHIVELOG": True, "NOARCHIVELOG": False, "MANUAL": True}.get(row["log_mode"].upper())
    places = file.rows("archive_destinations") if file.has("archive_destinations") else None
    role = row["role"].upper()
    return DatabaseReplication(
        changes_logged=mode,
        archiving=None if mode is None else mode and row["log_mode"].upper() != "MANUAL",
        log_format=row["log_mode"],
        standby="STANDBY" in role if role else None,
        source="" if role == "PRIMARY" else None,
        replicas=None
        if places is None
        else tuple(
            Replica(name=f"dest_{one['id']}", state=one["status"])
            for one in places
            if one["target"].upper() in ("STANDBY", "REMOTE")
        ),
    )


def residue(file: SqlFile) -> DatabaseResidue:
    """Return which trails keep statements, and whether all business tablespaces are encrypted.

    Memory and AWR keep statements too, and whether passwords are taken out is not told by any view.
    """
    values = file.pairs("parameters")
    active = [one.name for one in audit(file).channels if one.active]
    kept = [
        f"{one}（EXTENDED）" for one in active if one.startswith(_TRADITIONAL) and "EXTENDED" in one.upper()
    ]
    kept += [f"{one}（SQL_TEXT）" for one in active if one.startswith(_UNIFIED)]
    kept += [one for one in ("enable_ddl_logging", "sql_trace") if yes(values.get(one, ""))]
    spaces = {one["encrypted"].upper(): whole(one["count"]) or 0 for one in file.some("tablespaces")}
    encrypted = spaces.get("YES", 0) > 0 and not spaces.get("NO", 0)
    return DatabaseResidue(
        statement_logs=tuple(dict.fromkeys(kept)),
        encrypted=(f"业务表空间 {spaces['YES']} 个，全部加密（TDE）",) if encrypted else (),
        settings=settings(values, "enable_ddl_logging", "sql_trace"),
        settings_known=False,
    )
