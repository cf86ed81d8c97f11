"""Reads how MariaDB and MySQL keep records, what is installed into them, and their copies elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ...errors import ProbeError
from ...model import DatabaseAsset
from .facts import AuditChannel, Setting
from .my_accounts import is_mariadb, variables
from .my_policy import audit
from .session import Row, Session, flag, number, text, words
from .system_facts import (
    AuditModule,
    Component,
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
    LogPlace,
    Replica,
)

_PLUGINS: Final = (
    "SELECT PLUGIN_NAME AS name, PLUGIN_VERSION AS version, PLUGIN_STATUS AS status,"
    " LOAD_OPTION AS option_ FROM information_schema.PLUGINS WHERE PLUGIN_LIBRARY IS NOT NULL"
    " ORDER BY 1 LIMIT 500"
)
_COMPONENTS: Final = "SELECT component_urn AS name FROM mysql.component ORDER BY 1 LIMIT 500"
_DATABASES: Final = (
    "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME LIMIT 1000"
)
# Which databases are listed depends on these rights of ours.
_OWN_RIGHTS: Final = (
    "SELECT PRIVILEGE_TYPE AS name FROM information_schema.USER_PRIVILEGES"
    " WHERE GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') LIMIT 200"
)
_SEES_ALL: Final = frozenset(
    {"SHOW DATABASES", "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX"}
)
_CLOCK: Final = "SELECT UNIX_TIMESTAMP() AS now_s"
# The log table keeps its rows in order of time; more than the first is not read.
_OLDEST: Final = "SELECT UNIX_TIMESTAMP(event_time) AS oldest_s FROM mysql.general_log LIMIT 1"
_LOGS: Final = (
    "general_log", "log_output", "server_audit_file", "server_audit_output_type", "audit_log_file",
    "audit_log_rotate", "audit_log_max_size", "audit_log_prune", "secure_file_priv", "datadir",
)  # fmt: skip
_REPLICATION: Final = (
    "log_bin", "binlog_format", "binlog_expire_logs_seconds", "expire_logs_days", "sync_binlog", "gtid_mode",
    "gtid_strict_mode", "read_only", "server_id", "rpl_semi_sync_master_enabled",
    "rpl_semi_sync_source_enabled", "binlog_encryption", "encrypt_binlog",
)  # fmt: skip
_RESIDUE: Final = (
    "general_log", "slow_query_log", "log_raw", "innodb_immediate_scrub", "innodb_encrypt_tables", "tmpdir",
    "innodb_tmpdir", "innodb_encryption_threads", "default_table_encryption",
)  # fmt: skip
_DAY_S: Final = 86400


def _pick(known: Mapping[str, str], prefixes: tuple[str, ...]) -> tuple[Setting, ...]:
    return tuple(
        Setting(name=name, value=value) for name, value in known.items() if name.startswith(prefixes)
    )


def _plugins(session: Session) -> list[dict[str, object]]:
    return session.once("my_loaded", lambda: session.ask(_PLUGINS))


def logs(session: Session, asset: DatabaseAsset) -> DatabaseLogs:
    """Return where each running audit channel writes, what the server does with old records."""
    known = variables(session)
    running = [one for one in audit(session, asset).channels if one.active is not False]
    return DatabaseLogs(
        places=tuple(place for one in running for place in _places(session, known, one)),
        modules=tuple(
            AuditModule(
                name=text(one, "name").lower(),
                permanent=text(one, "option_").upper() == "FORCE_PLUS_PERMANENT",
            )
            for one in _plugins(session)
            if text(one, "name").lower() in ("server_audit", "audit_log")
            and text(one, "status").upper() == "ACTIVE"
        ),
        parameter_rights=(),
        settings=_pick(known, _LOGS),
        clock_s=number(session.one(_CLOCK), "now_s"),
    )


def _places(session: Session, known: Mapping[str, str], channel: AuditChannel) -> Iterable[LogPlace]:
    if channel.name == "general_log":
        sinks = words(known.get("log_output", "").upper())
        if "FILE" in sinks:
            # The server never touches it again; what rotates it is outside.
            yield LogPlace(
                channel=channel.name, kind="file", path=known.get("general_log_file", ""), overwrites=False
            )
        if "TABLE" in sinks:
            yield LogPlace(
                channel=channel.name, kind="table", path="mysql.general_log", overwrites=False,
                oldest_s=_oldest(session),
            )  # fmt: skip
    elif channel.name == "server_audit":
        yield _server_audit(known)
    else:
        yield _audit_log(known)


def _oldest(session: Session) -> int | None:
    try:
        return number(session.one(_OLDEST), "oldest_s")
    except ProbeError:
        return None


def _whole(known: Mapping[str, str], name: str) -> int | None:
    value = known.get(name, "").partition(".")[0]
    return int(value) if value.isdecimal() else None


def _server_audit(known: Mapping[str, str]) -> LogPlace:
    if known.get("server_audit_output_type", "").lower() == "syslog":
        return LogPlace(channel="server_audit", kind="syslog")
    size, count = _whole(known, "server_audit_file_rotate_size"), _whole(known, "server_audit_file_rotations")
    turns = None if size is None or count is None else size > 0 and count > 0
    return LogPlace(
        channel="server_audit",
        kind="file",
        path=known.get("server_audit_file_path", ""),
        overwrites=turns,
        keeps_bytes=size * (count + 1) if turns and size is not None and count is not None else None,
    )


def _audit_log(known: Mapping[str, str]) -> LogPlace:
    """Return the enterprise plugin's file; it deletes by age or by size, where it is told to."""
    age_s, size = _whole(known, "audit_log_prune_seconds"), _whole(known, "audit_log_max_size")
    deletes = bool(age_s or size) if age_s is not None or size is not None else None
    return LogPlace(
        channel="audit_log",
        kind="file",
        path=known.get("audit_log_file", ""),
        overwrites=deletes,
        keeps_days=age_s // _DAY_S if age_s and not size else None,
        keeps_bytes=size or None,
    )


def components(session: Session, asset: DatabaseAsset) -> DatabaseComponents:
    """Return plugins and components loaded from files, and the databases we may see."""
    del asset
    found = [
        Component(name=text(one, "name").lower(), kind="plugin", version=text(one, "version"))
        for one in _plugins(session)
        if text(one, "status").upper() == "ACTIVE"
    ]
    try:
        rows = session.ask(_COMPONENTS)
    except ProbeError:
        rows = []  # MariaDB has none; in MySQL they change nothing that a variable would not show
    found += [Component(name=text(one, "name").rpartition("/")[2].lower(), kind="plugin") for one in rows]
    rights = {text(one, "name").upper() for one in session.ask(_OWN_RIGHTS)}
    return DatabaseComponents(
        components=tuple(found),
        databases=tuple(text(one, "name") for one in session.ask(_DATABASES)),
        databases_complete=bool(rights & _SEES_ALL),
    )


def labels(session: Session, asset: DatabaseAsset) -> DatabaseLabels:
    """Return that these products have no security labels."""
    del session, asset
    return DatabaseLabels(offered=False)


def replication(session: Session, asset: DatabaseAsset) -> DatabaseReplication:
    """Return the state of the binary log, and of the servers that copy from here or that this one copies."""
    del asset
    known = variables(session)
    logged = flag(dict(known), "log_bin")
    source = _source(session)
    return DatabaseReplication(
        changes_logged=logged,
        log_format=known.get("binlog_format", "") if logged else "",
        log_kept_s=_kept_s(known) if logged else None,
        standby=None if source is None else bool(source),
        source=None if source is None else _either(source, "Master_Host", "Source_Host"),
        source_running=_running(source) if source else None,
        source_lag_s=_lag(source) if source else None,
        replicas=_replicas(session),
        settings=tuple(Setting(name=one, value=known[one]) for one in _REPLICATION if one in known),
    )


def _kept_s(known: Mapping[str, str]) -> int | None:
    seconds = _whole(known, "binlog_expire_logs_seconds")
    days = known.get("expire_logs_days", "")
    # Of both settings the seconds count where they are not zero.
    if not seconds and days.replace(".", "", 1).isdecimal() and float(days) > 0:
        return int(float(days) * _DAY_S)
    return seconds


def _source(session: Session) -> Row | None:
    """Return the state of copying from another server, empty where this one copies from none."""
    asked = (
        ("SHOW ALL SLAVES STATUS",) if is_mariadb(session) else ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS")
    )
    for one in asked:
        try:
            rows = session.ask(one, quiet=True)
        except ProbeError:
            continue
        return rows[0] if rows else {}
    return None


def _either(row: Row, *names: str) -> str:
    return next((found for one in names if (found := text(row, one))), "")


def _running(row: Row) -> bool:
    threads = (
        _either(row, "Slave_IO_Running", "Replica_IO_Running"),
        _either(row, "Slave_SQL_Running", "Replica_SQL_Running"),
    )
    return all(one.lower() == "yes" for one in threads)


def _lag(row: Row) -> int | None:
    found = number(row, "Seconds_Behind_Master")
    return number(row, "Seconds_Behind_Source") if found is None else found


def _replicas(session: Session) -> tuple[Replica, ...] | None:
    """Return the servers that registered here to copy; what they are behind only they know."""
    for asked in ("SHOW REPLICAS", "SHOW SLAVE HOSTS"):
        try:
            rows = session.ask(asked, quiet=True)
        except ProbeError:
            continue
        return tuple(Replica(name=text(one, "Server_id") or text(one, "Server_Id"), address=text(one, "Host"))
                     for one in rows)  # fmt: skip
    return None


def _all_encrypted(known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the setting by which every table is encrypted: others leave those that were there before."""
    forced = known.get("innodb_encrypt_tables", "").upper() == "FORCE"
    return ("innodb_encrypt_tables=FORCE",) if forced and _whole(known, "innodb_encryption_threads") else ()


def residue(session: Session, asset: DatabaseAsset) -> DatabaseResidue:
    """Return which logs keep statements, whether passwords are taken out, and what becomes of freed space."""
    del asset
    known = variables(session)
    kept = [one for one in ("general_log", "slow_query_log") if known.get(one) in ("ON", "1")]
    if words(known.get("log_output", "").upper()) == ("NONE",):
        kept = []
    scrub = known.get("innodb_immediate_scrub_data_uncompressed")
    return DatabaseResidue(
        statement_logs=tuple(kept),
        # MySQL writes passwords as <secret> unless told otherwise; MariaDB writes what was typed.
        rewriting=False if is_mariadb(session) else {"OFF": True, "ON": False}.get(known.get("log_raw", "")),
        scrubbed=scrub == "ON" if scrub is not None else False,
        encrypted=_all_encrypted(known),
        settings=_pick(known, _RESIDUE),
    )  # fmt: skip
