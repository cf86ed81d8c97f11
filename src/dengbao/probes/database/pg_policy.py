"""Reads PostgreSQL's settings: password rules, time-outs, audit, storage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ...errors import NoPermission
from ...model import DatabaseAsset
from .facts import (
    AuditChannel,
    ComplexityModule,
    DatabaseAudit,
    DatabasePolicy,
    DatabaseStorage,
    FailureModule,
    Setting,
)
from .session import Session, text, words

_SETTINGS: Final = "SELECT name, setting, boot_val, source FROM pg_settings ORDER BY name LIMIT 5000"
_IN_FILES: Final = "SELECT name, setting FROM pg_file_settings WHERE applied LIMIT 5000"
# Where a setting comes from that holds for the account we log in with, and for no other.
_OUR_OWN: Final = frozenset({"user", "database user"})
_OVERRIDES: Final = """
SELECT coalesce(r.rolname, '') AS account, coalesce(d.datname, '') AS database, unnest(s.setconfig) AS config
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_database d ON d.oid = s.setdatabase
ORDER BY 1, 2, 3 LIMIT 5000
"""
_MODULES: Final = ("shared_preload_libraries", "session_preload_libraries", "local_preload_libraries")
# 金仓's: it gives each password an end date, if it is loaded.
_PWDEXP: Final = "identity_pwdexp"
_POLICY: Final = (
    *_MODULES, "password_encryption", "authentication_timeout", "idle_session_timeout",
    "idle_in_transaction_session_timeout", "tcp_keepalives_idle", "auth_delay.milliseconds",
)  # fmt: skip
_AUDIT: Final = (
    "logging_collector", "log_destination", "log_statement", "log_connections", "log_disconnections",
    "log_line_prefix", "log_min_messages", "log_min_error_statement", "log_directory", "log_file_mode",
    "log_rotation_age", "log_truncate_on_rotation", "syslog_facility",
)  # fmt: skip
# The last four are 金仓's.
_OF_MODULES: Final = re.compile(
    r"(credcheck|pgaudit|passwordcheck|auth_delay|set_user|pg_tde"
    r"|identity_pwdexp|sys_audlog|sysaudit|sysmac)\."
)
# What one may set for single roles or databases, and what that would change.
_OVERRIDABLE: Final = frozenset(
    {
        "idle_session_timeout", "log_statement", "pgaudit.log", "pgaudit.role", "log_min_messages",
        "log_min_error_statement", "password_encryption", "session_preload_libraries",
    }
)  # fmt: skip
_FIELDS_OF_PREFIX: Final[Mapping[str, str]] = {
    "t": "time", "m": "time", "n": "time", "u": "user", "h": "source", "r": "source", "d": "object",
    "a": "source_program",
}  # fmt: skip
_ALL_FIELDS: Final = ("time", "user", "source", "type", "result", "object")
# From the least to the gravest; of what is asked for as `log` the server writes all but at the last two.
_LEVELS: Final = (
    "debug5", "debug4", "debug3", "debug2", "debug1", "info", "notice", "warning", "error", "log", "fatal",
    "panic",
)  # fmt: skip
_SHOWING_ERRORS: Final = frozenset(_LEVELS[:9])
_HIDING_RECORDS: Final = frozenset(_LEVELS[-2:])


_ACCESS: Final = (
    "listen_addresses", "port", "ssl", "ssl_min_protocol_version", "ssl_max_protocol_version", "ssl_ciphers",
    "krb_server_keyfile", "unix_socket_permissions",
)  # fmt: skip
_STORAGE: Final = ("data_checksums", "full_page_writes", "wal_level", "fsync", "server_version_num")


def settings(session: Session) -> dict[str, str]:
    """Return every setting the account may see, by name, as it is for everybody; asked once.

    Raises:
        NoPermission: our account has settings of its own, which hide those of the others.

    """
    return session.once("pg_settings", lambda: _ask_settings(session))


def _ask_settings(session: Session) -> dict[str, str]:
    rows = session.ask(_SETTINGS, quiet=True)
    known = {text(one, "name"): text(one, "setting") for one in rows if one.get("setting") is not None}
    ours = [one for one in rows if text(one, "source") in _OUR_OWN and text(one, "name") in _OVERRIDABLE]
    known.update(_for_everybody(session, ours) if ours else {})
    wanted = {*_POLICY, *_AUDIT, *_ACCESS, *_STORAGE}
    session.transcript.answer(
        {"name": name, "setting": value}
        for name, value in known.items()
        if name in wanted or _OF_MODULES.match(name)
    )
    return known


def _for_everybody(session: Session, ours: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Return what the server's files, else its defaults, say of settings that our account has its own of."""
    names = {text(one, "name"): text(one, "boot_val") for one in ours}
    try:
        rows = session.ask(_IN_FILES, quiet=True)
    except NoPermission as error:
        raise NoPermission(
            f"测评账户自身另设了参数 {'、'.join(names)}，不能得知其他账户的设置",
            cure="由管理员执行 ALTER ROLE 测评账户 RESET ALL 后重测，或换用没有单独设置的账户",
        ) from error
    for row in rows:
        name, value = text(row, "name"), text(row, "setting")
        if name in names:
            names[name] = _milliseconds(value) if name == "idle_session_timeout" else value
    return names


def _milliseconds(value: str) -> str:
    seconds = _override_value("idle_session_timeout", value)
    return str(int(seconds) * 1000) if seconds.isdecimal() else "0"


def policy(session: Session, asset: DatabaseAsset) -> DatabasePolicy:
    """Return password rules, reactions to failed logins, and idle time-outs."""
    del asset
    known = settings(session)
    visible = _MODULES[0] in known
    idle = [
        Setting(name=one, value=_seconds(known[one])) for one in ("idle_session_timeout",) if one in known
    ]
    return DatabasePolicy(
        complexity=tuple(_complexity(known)),
        failures=tuple(_failures(known)),
        default_lifetime_days=_number(known, f"{_PWDEXP}.password_change_interval")
        if _PWDEXP in known.get(_MODULES[0], "")
        else None,
        idle_timeouts=tuple(idle),
        overrides=_overrides(session),
        settings=_pick(known, _POLICY),
        modules_known=visible,
        hidden=() if visible else tuple(one for one in _MODULES if one not in known),
    )


def _seconds(milliseconds: str) -> str:
    return str(-(-int(milliseconds) // 1000))


def _pick(known: Mapping[str, str], names: Iterable[str]) -> tuple[Setting, ...]:
    wanted = set(names)
    return tuple(
        Setting(name=name, value=value)
        for name, value in known.items()
        if name in wanted or _OF_MODULES.match(name)
    )


def _overrides(session: Session) -> tuple[Setting, ...]:
    return session.once("pg_overrides", lambda: tuple(_ask_overrides(session)))


def _ask_overrides(session: Session) -> Iterable[Setting]:
    for row in session.ask(_OVERRIDES):
        name, _, value = text(row, "config").partition("=")
        if name in _OVERRIDABLE:
            yield Setting(
                name=name,
                value=_override_value(name, value),
                account=text(row, "account"),
                database=text(row, "database"),
            )


_UNITS_S: Final[Mapping[str, float]] = {
    "us": 1e-6, "ms": 1e-3, "": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0,
}  # fmt: skip


def _override_value(name: str, value: str) -> str:
    """Return a time-out in seconds; stored overrides keep the unit they were written with."""
    if name != "idle_session_timeout":
        return value
    hit = re.fullmatch(r"\s*(\d+)\s*([a-z]*)\s*", value.strip("'"))
    if hit is None or hit.group(2) not in _UNITS_S:
        return value
    seconds = int(hit.group(1)) * _UNITS_S[hit.group(2)]
    return str(int(-(-seconds // 1)))


def loaded_modules(known: Mapping[str, str]) -> set[str]:
    """Return the modules that are loaded into every session, by file name."""
    names = {
        part.rsplit("/", 1)[-1].removesuffix(".so")
        for one in ("shared_preload_libraries", "session_preload_libraries")
        for part in words(known.get(one, ""))
    }
    # A module's settings are listed only once it is loaded; this shows to everyone.
    return names | {hit.group(1) for name in known if (hit := _OF_MODULES.match(name))}


def _number(known: Mapping[str, str], name: str) -> int | None:
    value = known.get(name, "")
    return int(value) if value.lstrip("-").isdecimal() else None


def _complexity(known: Mapping[str, str]) -> Iterable[ComplexityModule]:
    modules = loaded_modules(known)
    if "passwordcheck.password_length" in known:
        yield from _kingbase_complexity(known)
    elif "passwordcheck" in modules:
        # What it asks for is compiled in; only PostgreSQL 18 has a setting for the length.
        yield ComplexityModule(
            module="passwordcheck", min_length=_number(known, "passwordcheck.min_password_length"),
            takes_hashes=True,
        )  # fmt: skip
    if "credcheck" in modules:
        encrypted = known.get("credcheck.encrypted_password_allowed")
        yield ComplexityModule(
            module="credcheck",
            min_length=_number(known, "credcheck.password_min_length"),
            min_upper=_number(known, "credcheck.password_min_upper"),
            min_lower=_number(known, "credcheck.password_min_lower"),
            min_digits=_number(known, "credcheck.password_min_digit"),
            min_special=_number(known, "credcheck.password_min_special"),
            exempt=words(known.get("credcheck.whitelist", "")),
            takes_hashes=None if encrypted is None else encrypted == "on",
        )


def _kingbase_complexity(known: Mapping[str, str]) -> Iterable[ComplexityModule]:
    """Yield 金仓's module where it is switched on; it asks for letters, whatever their case."""
    if known.get("passwordcheck.enable") == "on":
        yield ComplexityModule(
            module="passwordcheck",
            min_length=_number(known, "passwordcheck.password_length"),
            min_digits=_number(known, "passwordcheck.password_condition_digit"),
            min_special=_number(known, "passwordcheck.password_condition_punct"),
        )


def _failures(known: Mapping[str, str]) -> Iterable[FailureModule]:
    modules = loaded_modules(known)
    attempts = _number(known, "credcheck.max_auth_failure")
    if "credcheck" in modules and attempts:
        yield FailureModule(
            module="credcheck", effect="lock", attempts=attempts, duration_s=-1,
            exempt=words(known.get("credcheck.whitelist_auth_failure", "")),
        )  # fmt: skip
    times = _number(known, "sys_audlog.error_user_connect_times")
    if times:
        minutes = _number(known, "sys_audlog.error_user_connect_interval")
        # 0 minutes: only the security administrator unlocks.
        duration_s = None if minutes is None else minutes * 60 or -1
        yield FailureModule(module="sys_audlog", effect="lock", attempts=times, duration_s=duration_s)
    delay = _number(known, "auth_delay.milliseconds")
    if "auth_delay" in modules and delay:
        yield FailureModule(module="auth_delay", effect="delay", duration_s=-(-delay // 1000))


def audit(session: Session, asset: DatabaseAsset) -> DatabaseAudit:
    """Return the server log and pgaudit."""
    del asset
    known = settings(session)
    overrides = _overrides(session)
    log = _server_log(known)
    channels = [log]
    if "pgaudit" in loaded_modules(known):
        channels.append(_pgaudit(known, log))
    if "sysaudit.enable" in known:
        # Which of its rules are set, only 金仓's audit administrator may see.
        on = None if known["sysaudit.enable"] == "on" else False
        channels.append(AuditChannel(name="sysaudit", active=on, sink="sysaudit"))
    return DatabaseAudit(channels=tuple(channels), overrides=overrides, settings=_pick(known, _AUDIT))


def _server_log(known: Mapping[str, str]) -> AuditChannel:
    events: list[str] = []
    level = known.get("log_min_messages", "warning")
    written = level not in _HIDING_RECORDS
    if written and known.get("log_connections", "off") not in ("off", ""):
        events.append("connect")
    # A refused login is `fatal`, a refused statement an `error`.
    if level != _LEVELS[-1]:
        events.append("failed_login")
    statements = known.get("log_statement", "none") if written else "none"
    events += ["ddl", "dcl"] if statements in ("ddl", "mod", "all") else []
    events += ["write"] if statements in ("mod", "all") else []
    events += ["read"] if statements == "all" else []
    return AuditChannel(
        name="postgresql_log",
        active=_is_kept(known),
        events=tuple(events),
        fields=_fields(known, results=level in _SHOWING_ERRORS),
        sink=known.get("log_destination", "") if _is_kept(known) else "none",
    )


def _is_kept(known: Mapping[str, str]) -> bool | None:
    """Tell whether what is logged is kept: stderr without a collector goes wherever the service's does."""
    sinks = set(words(known.get("log_destination", "")))
    if known.get("logging_collector") == "on" and sinks & {"stderr", "csvlog", "jsonlog"}:
        return True
    if sinks & {"syslog", "eventlog"}:
        return True
    return None if "stderr" in sinks else False


def _fields(known: Mapping[str, str], *, results: bool) -> tuple[str, ...]:
    sinks = set(words(known.get("log_destination", "")))
    if sinks and sinks <= {"csvlog", "jsonlog"}:
        return _ALL_FIELDS
    found = {
        _FIELDS_OF_PREFIX[letter]
        for letter in re.findall(r"%-?\d*([a-zA-Z])", known.get("log_line_prefix", ""))
        if letter in _FIELDS_OF_PREFIX
    }
    if sinks == {"syslog"}:
        found.add("time")
    found |= {"type", "object"}  # every message says what was done, and a statement to what
    found |= {"result"} if results else set()
    return tuple(one for one in _ALL_FIELDS if one in found)


def _pgaudit(known: Mapping[str, str], log: AuditChannel) -> AuditChannel:
    classes: set[str] = set()
    every = {"read", "write", "function", "role", "ddl", "misc", "misc_set"}
    for one in words(known.get("pgaudit.log", "none").lower()):
        wanted = every if one.lstrip("-") == "all" else {one.lstrip("-")}
        classes = classes - wanted if one.startswith("-") else classes | wanted
    names = {"ddl": "ddl", "role": "dcl", "write": "write", "read": "read"}
    return AuditChannel(
        name="pgaudit",
        active=log.active if classes & set(names) and _writes_pgaudit(known) else False,
        events=tuple(event for name, event in names.items() if name in classes),
        fields=log.fields,
        sink=log.sink,
    )


def _writes_pgaudit(known: Mapping[str, str]) -> bool:
    """Tell whether the server log takes what pgaudit sends it at its level."""
    level, least = known.get("pgaudit.log_level", "log"), known.get("log_min_messages", "warning")
    if level == "log":
        return least not in _HIDING_RECORDS
    return level in _LEVELS and least in _SHOWING_ERRORS and _LEVELS.index(level) >= _LEVELS.index(least)


def storage(session: Session, asset: DatabaseAsset) -> DatabaseStorage:
    """Return whether pages carry checksums; encryption is no part of the product itself."""
    del asset
    known = settings(session)
    encrypted = tuple(name for name in ("pg_tde",) if name in loaded_modules(known))
    return DatabaseStorage(
        page_checksums={"on": True, "off": False}.get(known.get("data_checksums", "")),
        algorithm="FNV-1a" if known.get("data_checksums") == "on" else "",
        encrypted=encrypted,
        encryption_known=not encrypted and _MODULES[0] in known,
        settings=_pick(known, _STORAGE),
    )
