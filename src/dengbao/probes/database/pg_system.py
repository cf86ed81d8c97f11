"""Reads what is installed into PostgreSQL, its security labels, and its copies elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import ProbeError
from ...model import DatabaseAsset
from .facts import Setting
from .pg_policy import loaded_modules, settings
from .session import Session, flag, number, text
from .system_facts import (
    Component,
    DatabaseComponents,
    DatabaseLabels,
    DatabaseReplication,
    LabelCount,
    Replica,
    Slot,
)

_COMPONENTS: Final = """
SELECT extname AS name, 'extension' AS kind, extversion AS version, NULL::boolean AS trusted
FROM pg_extension
UNION ALL
SELECT lanname, 'language', '', lanpltrusted FROM pg_language WHERE lanname NOT IN ('internal', 'c', 'sql')
ORDER BY 2, 1 LIMIT 1000
"""
_DATABASES: Final = "SELECT datname AS name FROM pg_database WHERE NOT datistemplate ORDER BY 1 LIMIT 1000"
_LABELS: Final = (
    "SELECT provider, objtype AS kind, count(*) AS number FROM pg_seclabels"
    " GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 500"
)
_STANDBY: Final = "SELECT pg_is_in_recovery() AS standby"
_ARCHIVER: Final = """
SELECT floor(extract(epoch FROM now() - last_archived_time))::bigint AS archived_age_s, failed_count,
  floor(extract(epoch FROM now() - last_failed_time))::bigint AS failed_age_s
FROM pg_stat_archiver
"""
_REPLICAS: Final = """
SELECT application_name AS name, client_addr::text AS address, state, sync_state,
  (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
    - replay_lsn)::bigint AS lag_bytes, ceil(extract(epoch FROM replay_lag))::bigint AS lag_s
FROM pg_stat_replication ORDER BY 1, 2 LIMIT 200
"""
_SLOTS: Final = "SELECT slot_name AS name, active FROM pg_replication_slots ORDER BY 1 LIMIT 200"
# The connection string would hold a password; the receiver tells the address without.
_SOURCE: Final = """
SELECT r.sender_host AS source, r.status,
  ceil(extract(epoch FROM now() - pg_last_xact_replay_timestamp()))::bigint AS lag_s
FROM pg_stat_wal_receiver r LIMIT 1
"""
_REPLICATION: Final = (
    "wal_level", "archive_mode", "archive_timeout", "max_wal_senders", "synchronous_standby_names",
    "synchronous_commit", "hot_standby", "wal_keep_size",
)  # fmt: skip
_ENGINES: Final = ("sepgsql", "sysmac")


def components(session: Session, asset: DatabaseAsset) -> DatabaseComponents:
    """Return extensions and languages of the connected database, and all databases."""
    found = tuple(
        Component(
            name=text(one, "name"), kind=text(one, "kind"), version=text(one, "version"),
            trusted=flag(one, "trusted"),
        )
        for one in session.ask(_COMPONENTS)
    )  # fmt: skip
    return DatabaseComponents(
        components=found,
        databases=tuple(text(one, "name") for one in session.ask(_DATABASES)),
        databases_complete=True,
        looked_in=asset.database or "postgres",
    )


def labels(session: Session, asset: DatabaseAsset) -> DatabaseLabels:
    """Return the labels set in the connected database, and the module that enforces them."""
    del asset
    known = settings(session)
    loaded = loaded_modules(known) | {name.partition(".")[0] for name in known if "." in name}
    engine: str | None = next((one for one in _ENGINES if one in loaded), "")
    found = tuple(
        LabelCount(provider=text(one, "provider"), kind=text(one, "kind"), count=number(one, "number") or 0)
        for one in session.ask(_LABELS)
    )
    if not engine and found and "shared_preload_libraries" not in known:
        engine = None
    return DatabaseLabels(
        offered=True,
        engine=engine,
        enforced=_enforced(known) if engine == "sepgsql" else None,
        labels=found,
        settings=tuple(
            Setting(name=name, value=value)
            for name, value in known.items()
            if name.startswith(tuple(f"{one}." for one in _ENGINES))
        ),
    )


def _enforced(known: Mapping[str, str]) -> bool | None:
    return {"off": True, "on": False}.get(known.get("sepgsql.permissive", ""))


def replication(session: Session, asset: DatabaseAsset) -> DatabaseReplication:
    """Return the state of WAL, its archive, and the servers that copy from here."""
    del asset
    known = settings(session)
    standby = flag(session.one(_STANDBY), "standby")
    archived = _try_one(session, _ARCHIVER)
    source = _try_one(session, _SOURCE) if standby else {}
    program = _program(known)
    return DatabaseReplication(
        changes_logged=None if "wal_level" not in known else known["wal_level"] in ("replica", "logical"),
        archiving=_archiving(known, program),
        archive_program=program or "",
        archived_age_s=number(archived, "archived_age_s"),
        archive_failures=number(archived, "failed_count"),
        archive_failed_age_s=number(archived, "failed_age_s"),
        log_format=known.get("wal_level", ""),
        standby=standby,
        source=(text(source, "source") or None) if standby else ("" if standby is False else None),
        source_running=text(source, "status") == "streaming" if text(source, "status") else None,
        source_lag_s=number(source, "lag_s"),
        replicas=_replicas(session),
        slots=_slots(session),
        settings=tuple(Setting(name=one, value=known[one]) for one in _REPLICATION if one in known),
    )


def _try_one(session: Session, sql: str) -> dict[str, object]:
    try:
        return session.one(sql)
    except ProbeError:
        return {}


def _program(known: Mapping[str, str]) -> str | None:
    """Return the first word of the archive command or the library; its arguments may hold secrets."""
    if "archive_command" not in known and "archive_library" not in known:
        return None
    library = known.get("archive_library", "")
    command = known.get("archive_command", "").removeprefix("(disabled)").split()
    return library or (command[0].strip("\"'").rsplit("/", 1)[-1] if command else "")


def _archiving(known: Mapping[str, str], program: str | None) -> bool | None:
    mode = known.get("archive_mode")
    if mode is None:
        return None
    if mode == "off" or known.get("archive_command", "") == "(disabled)":
        return False
    return None if program is None else bool(program)


def _replicas(session: Session) -> tuple[Replica, ...] | None:
    try:
        rows = session.ask(_REPLICAS)
    except ProbeError:
        return None
    if any(one.get("state") is None for one in rows):
        return None  # somebody copies, but who and how far is hidden from us
    return tuple(
        Replica(
            name=text(one, "name"),
            address=text(one, "address"),
            state=text(one, "state"),
            synchronous={"sync": True, "quorum": True}.get(text(one, "sync_state"), False),
            lag_bytes=number(one, "lag_bytes"),
            lag_s=number(one, "lag_s"),
        )
        for one in rows
    )


def _slots(session: Session) -> tuple[Slot, ...] | None:
    try:
        rows = session.ask(_SLOTS)
    except ProbeError:
        return None
    return tuple(Slot(name=text(one, "name"), active=flag(one, "active")) for one in rows)
