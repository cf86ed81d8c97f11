"""Reads how PostgreSQL keeps its records, and what of secrets and deleted data stays behind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ...errors import NotSupported, ProbeError
from ...model import DatabaseAsset
from .facts import Setting
from .pg_policy import loaded_modules, settings
from .session import Session, number, text, words
from .system_facts import AuditModule, DatabaseLogs, DatabaseResidue, LogPlace, ParameterRight

_CLOCK: Final = "SELECT floor(extract(epoch FROM now()))::bigint AS now_s"
_FILES: Final = (
    "SELECT count(*) AS files, floor(extract(epoch FROM min(modification)))::bigint AS oldest_s"
    " FROM pg_ls_logdir()"
)
# Rights on single settings, since version 15; superusers have them all anyway.
_PARAMETERS: Final = """
SELECT coalesce(g.rolname, 'PUBLIC') AS account, p.parname AS setting, a.privilege_type AS "right"
FROM pg_parameter_acl p, aclexplode(p.paracl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
WHERE p.parname ~ '^(log_|logging_|syslog_|pgaudit|sysaudit|(shared|session)_preload_libraries)'
  AND g.rolsuper IS NOT TRUE ORDER BY 1, 2, 3 LIMIT 1000
"""
_DEAD: Final = "SELECT sum(n_dead_tup)::bigint AS dead FROM pg_stat_user_tables"
_LOGS: Final = (
    "logging_collector", "log_destination", "log_directory", "log_filename", "log_file_mode",
    "log_rotation_age", "log_rotation_size", "log_truncate_on_rotation", "syslog_facility",
    "data_directory_mode",
)  # fmt: skip
_RESIDUE: Final = (
    "log_statement", "log_min_duration_statement", "log_min_error_statement", "autovacuum", "track_counts",
    "temp_tablespaces", "pg_stat_statements.track_utility",
)  # fmt: skip
_COLLECTED: Final = frozenset({"stderr", "csvlog", "jsonlog"})
# strftime letters: those that bring the year make every name a new one.
_WITH_YEAR: Final = frozenset("YyGgFDcxs+C")
_MONTH: Final = frozenset("mbBh")
_WEEKDAY: Final = frozenset("aAuw")
_SILENT: Final = frozenset({"fatal", "panic"})


def logs(session: Session, asset: DatabaseAsset) -> DatabaseLogs:
    """Return where the server log goes, what happens to old files, and who may set what of it."""
    del asset
    known = settings(session)
    return DatabaseLogs(
        places=tuple(_places(session, known)),
        # What is preloaded stays until the server is stopped.
        modules=tuple(
            AuditModule(name=one, permanent=True)
            for one in ("pgaudit", "sysaudit")
            if one in loaded_modules(known)
        ),
        parameter_rights=_parameter_rights(session),
        settings=_pick(known, _LOGS),
        settings_known="log_filename" in known,
        clock_s=number(session.one(_CLOCK), "now_s"),
    )


def _pick(known: Mapping[str, str], names: Iterable[str]) -> tuple[Setting, ...]:
    return tuple(Setting(name=one, value=known[one]) for one in names if one in known)


def _places(session: Session, known: Mapping[str, str]) -> Iterable[LogPlace]:
    sinks = words(known.get("log_destination", ""))
    collected = known.get("logging_collector") == "on"
    if collected and _COLLECTED & set(sinks):
        yield _files(session, known)
    elif "stderr" in sinks:
        yield LogPlace(channel="postgresql_log", kind="stderr")
    for one in ("syslog", "eventlog"):
        if one in sinks:
            yield LogPlace(channel="postgresql_log", kind=one)


def _files(session: Session, known: Mapping[str, str]) -> LogPlace:
    try:
        seen = session.one(_FILES)
    except ProbeError:
        seen = {}  # few may list the folder
    folder, name = known.get("log_directory", ""), known.get("log_filename")
    days = cycle_days(name) if name is not None else None
    return LogPlace(
        channel="postgresql_log",
        kind="file",
        path="/".join(part for part in (folder, name or "") if part),
        mode=known.get("log_file_mode", ""),
        overwrites=_overwrites(known, days),
        keeps_days=days if _overwrites(known, days) else None,
        oldest_s=number(seen, "oldest_s"),
        files=number(seen, "files"),
    )


def _overwrites(known: Mapping[str, str], days: int | None) -> bool | None:
    """Tell whether the server begins an old file anew; it does only when time makes it change files."""
    if known.get("log_truncate_on_rotation") == "off" or known.get("log_rotation_age") == "0":
        return False
    if "log_filename" not in known or "log_truncate_on_rotation" not in known:
        return None
    return days is not None


def cycle_days(filename: str) -> int | None:
    """Return after how many days a name of this pattern comes again, None for never or always the same."""
    letters = set(re.findall(r"%[-_0^#EO]?([A-Za-z+])", filename))
    if not letters or letters & _WITH_YEAR:
        return None
    if "j" in letters or (letters & _MONTH and letters & {"d", "e"}):
        return 365
    if letters & _MONTH:
        return 334  # eleven months pass before a month's name comes again
    if letters & {"d", "e"}:
        return 28
    return 7 if letters & _WEEKDAY else 1


def _parameter_rights(session: Session) -> tuple[ParameterRight, ...] | None:
    try:
        rows = session.ask(_PARAMETERS)
    except NotSupported:
        return ()  # before version 15 only superusers change such settings
    except ProbeError:
        return None
    return tuple(
        ParameterRight(account=text(one, "account"), setting=text(one, "setting"), right=text(one, "right"))
        for one in rows
    )


def residue(session: Session, asset: DatabaseAsset) -> DatabaseResidue:
    """Return which logs keep statements as typed, and whether dead rows are collected."""
    del asset
    known = settings(session)
    try:
        dead = number(session.one(_DEAD), "dead")
    except ProbeError:
        dead = None
    return DatabaseResidue(
        statement_logs=tuple(_statement_logs(known)),
        rewriting=False,
        scrubbed=False,
        vacuum_on=None if "autovacuum" not in known else _vacuums(known),
        dead_rows=dead,
        settings=_pick(known, _RESIDUE),
        settings_known="shared_preload_libraries" in known,
    )


def _vacuums(known: Mapping[str, str]) -> bool:
    # Without the counters the collector does not know where to go.
    return known.get("autovacuum") == "on" and known.get("track_counts", "on") == "on"


def _statement_logs(known: Mapping[str, str]) -> Iterable[str]:
    if known.get("log_statement", "none") in ("ddl", "mod", "all"):
        yield f"log_statement={known['log_statement']}"
    duration = known.get("log_min_duration_statement", "-1")
    if not duration.startswith("-"):
        yield f"log_min_duration_statement={duration}"
    level = known.get("log_min_error_statement", "error")
    if level not in _SILENT:
        yield f"log_min_error_statement={level}（执行失败的语句）"
    if known.get("pg_stat_statements.track_utility") == "on":
        yield "pg_stat_statements.track_utility=on"
