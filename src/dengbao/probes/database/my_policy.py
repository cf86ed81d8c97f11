"""Reads MariaDB's and MySQL's settings: password rules, time-outs, network, audit, storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ...model import DatabaseAsset
from .facts import (
    AuditChannel,
    ComplexityModule,
    DatabaseAccess,
    DatabaseAudit,
    DatabasePolicy,
    DatabaseStorage,
    FailureModule,
    Setting,
)
from .my_accounts import is_mariadb, variables
from .pg_access import is_remote
from .session import Session, text, words

_PLUGINS: Final = (
    "SELECT PLUGIN_NAME AS name, PLUGIN_STATUS AS status, PLUGIN_TYPE AS type FROM information_schema.PLUGINS"
    " WHERE PLUGIN_TYPE IN ('PASSWORD VALIDATION', 'VALIDATE PASSWORD', 'AUDIT', 'AUTHENTICATION',"
    " 'ENCRYPTION', 'KEYRING') OR LOWER(PLUGIN_NAME) IN ('connection_control', 'simple_password_check')"
    " ORDER BY 1 LIMIT 500"
)
_CURRENT_USER: Final = "SELECT CURRENT_USER() AS usr"
_NO_LIMIT: Final = 4_294_967_295
_POLICY: Final = (
    "validate_password", "simple_password_check", "cracklib_password_check", "password_", "strict_password",
    "default_password_lifetime", "disconnect_on_expired_password", "max_password_errors",
    "max_connect_errors", "connection_control", "component_connection_control", "wait_timeout",
    "interactive_timeout", "secure_auth", "old_passwords", "default_authentication_plugin",
    "authentication_policy",
)  # fmt: skip
_AUDIT: Final = (
    "general_log", "log_output", "server_audit", "audit_log", "log_bin", "binlog_format", "log_error",
    "log_warnings", "sql_log_off", "slow_query_log", "log_timestamps",
)  # fmt: skip
_STORAGE: Final = (
    "innodb_checksum_algorithm", "innodb_encrypt", "aria_encrypt_tables", "aria_page_checksum", "encrypt_",
    "binlog_encryption", "default_table_encryption", "innodb_redo_log_encrypt", "innodb_undo_log_encrypt",
    "binlog_checksum", "innodb_file_per_table",
)  # fmt: skip
_ENCRYPTION: Final = (
    "innodb_encrypt_tables", "innodb_encrypt_log", "aria_encrypt_tables", "encrypt_binlog",
    "binlog_encryption", "default_table_encryption", "innodb_redo_log_encrypt", "innodb_undo_log_encrypt",
)  # fmt: skip
_ALL_EVENTS: Final = ("connect", "failed_login", "ddl", "dcl", "write", "read")
_NARROWING: Final = ("include_commands", "exclude_commands", "include_databases", "exclude_databases")
_EVENTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "CONNECT": ("connect", "failed_login"),
    "QUERY": ("ddl", "dcl", "write", "read"),
    "TABLE": ("write", "read"),
    "QUERY_DDL": ("ddl",),
    "QUERY_DCL": ("dcl",),
    "QUERY_DML": ("write", "read"),
    "QUERY_DML_NO_SELECT": ("write",),
}


def _pick(known: Mapping[str, str], prefixes: tuple[str, ...]) -> tuple[Setting, ...]:
    return tuple(
        Setting(name=name, value=value) for name, value in known.items() if name.startswith(prefixes)
    )


def _noted(session: Session, known: Mapping[str, str], prefixes: tuple[str, ...]) -> tuple[Setting, ...]:
    """Return the settings with these prefixes and write them down."""
    found = _pick(known, prefixes)
    session.transcript.answer({"name": one.name, "value": one.value} for one in found)
    return found


def _number(known: Mapping[str, str], *names: str) -> int | None:
    value = next((known[one] for one in names if one in known), "")
    return int(value) if value.lstrip("-").isdecimal() else None


def active_plugins(session: Session) -> frozenset[str]:
    """Return the names of plugins that are active, in lower case; asked once."""
    return session.once("my_plugins", lambda: _ask_plugins(session))


def _ask_plugins(session: Session) -> frozenset[str]:
    rows = session.ask(_PLUGINS)
    return frozenset(text(one, "name").lower() for one in rows if text(one, "status").upper() == "ACTIVE")


def policy(session: Session, asset: DatabaseAsset) -> DatabasePolicy:
    """Return password rules, reactions to failed logins, and idle time-outs."""
    del asset
    known = variables(session)
    plugins = active_plugins(session)
    return DatabasePolicy(
        complexity=tuple(_complexity(known, plugins)),
        failures=tuple(_failures(known, plugins)),
        default_lifetime_days=_number(known, "default_password_lifetime"),
        idle_timeouts=tuple(
            Setting(name=one, value=known[one])
            for one in ("wait_timeout", "interactive_timeout")
            if one in known
        ),
        settings=_noted(session, known, _POLICY),
    )


def _complexity(known: Mapping[str, str], plugins: frozenset[str]) -> Iterable[ComplexityModule]:
    # A component's variables carry a dot and exist only while it is installed; a plugin's carry none.
    for mark, there in (("_", "validate_password" in plugins), (".", "validate_password.policy" in known)):
        if there:
            yield _validate_password(known, f"validate_password{mark}")
    takes_hashes = {"ON": False, "OFF": True}.get(known.get("strict_password_validation", ""))
    if "simple_password_check" in plugins:
        each_case = _number(known, "simple_password_check_letters_same_case")
        yield ComplexityModule(
            module="simple_password_check",
            min_length=_number(known, "simple_password_check_minimal_length"),
            min_upper=each_case,
            min_lower=each_case,
            min_digits=_number(known, "simple_password_check_digits"),
            min_special=_number(known, "simple_password_check_other_characters"),
            takes_hashes=takes_hashes,
        )
    if "cracklib_password_check" in plugins:
        yield ComplexityModule(module="cracklib_password_check", takes_hashes=takes_hashes)


def _validate_password(known: Mapping[str, str], prefix: str) -> ComplexityModule:
    classes = known.get(f"{prefix}policy", "").upper() in ("1", "2", "MEDIUM", "STRONG")
    case = _number(known, f"{prefix}mixed_case_count") if classes else 0
    return ComplexityModule(
        module="validate_password",
        min_length=_number(known, f"{prefix}length"),
        min_upper=case,
        min_lower=case,
        min_digits=_number(known, f"{prefix}number_count") if classes else 0,
        min_special=_number(known, f"{prefix}special_char_count") if classes else 0,
        takes_hashes=True,
    )


def _failures(known: Mapping[str, str], plugins: frozenset[str]) -> Iterable[FailureModule]:
    errors = _number(known, "max_password_errors")
    if errors is not None and errors < _NO_LIMIT:
        yield FailureModule(module="max_password_errors", effect="lock", attempts=errors, duration_s=-1)
    for prefix in ("connection_control", "component_connection_control."):
        mark = "_" if prefix == "connection_control" else ""
        threshold = _number(known, f"{prefix}{mark}failed_connections_threshold")
        delay_ms = _number(known, f"{prefix}{mark}min_connection_delay")
        if threshold and ("connection_control" in plugins or not mark):
            yield FailureModule(
                module="connection_control", effect="delay", attempts=threshold,
                duration_s=None if delay_ms is None else -(-delay_ms // 1000),
            )  # fmt: skip


def access(session: Session, asset: DatabaseAsset) -> DatabaseAccess:
    """Return listening addresses and TLS; from where an account may come stands in its host pattern."""
    del asset
    known = variables(session)
    _noted(
        session, known, ("bind_address", "mysqlx_bind_address", "skip_networking", "have_ssl", "tls_version",
                         "require_secure", "skip_grant_tables", "port", "local_infile", "secure_file_priv"),
    )  # fmt: skip
    listens = (
        ()
        if known.get("skip_networking") == "ON"
        else (
            *(words(known.get("bind_address", "")) or ("*",)),
            # MySQL's second protocol has an address of its own, and the same accounts.
            *words(known.get("mysqlx_bind_address", "")),
        )
    )
    return DatabaseAccess(
        listens=listens,
        remote=is_remote(listens),
        tls_enabled=_tls_enabled(session, known),
        tls_versions=words(known["tls_version"]) if "tls_version" in known else None,
        tls_required=known.get("require_secure_transport", "OFF") == "ON",
        authentication_off=_authentication_off(session, known),
    )


def _tls_enabled(session: Session, known: Mapping[str, str]) -> bool | None:
    told = {"YES": True, "DISABLED": False, "NO": False}.get(known.get("have_ssl", ""))
    if told is not None:
        return told
    # MySQL 8.4 and later have no such variable; an encrypted session proves it, an open one nothing.
    rows = session.ask("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    return True if any(text(one, "Value") for one in rows) else None


def _authentication_off(session: Session, known: Mapping[str, str]) -> bool:
    if known.get("skip_grant_tables") == "ON":
        return True
    user = text(session.one(_CURRENT_USER), "usr")
    return user.startswith("skip-grants user") or user in ("@", "")


def audit(session: Session, asset: DatabaseAsset) -> DatabaseAudit:
    """Return the general log and the audit plugins."""
    del asset
    known = variables(session)
    plugins = active_plugins(session)
    channels = [_general_log(known)]
    if "server_audit" in plugins:
        channels.append(_server_audit(known))
    if "audit_log" in plugins:
        channels.append(_audit_log(known))
    return DatabaseAudit(channels=tuple(channels), settings=_noted(session, known, _AUDIT))


def _general_log(known: Mapping[str, str]) -> AuditChannel:
    sinks = tuple(one for one in words(known.get("log_output", "")) if one.upper() != "NONE")
    on = known.get("general_log") in ("ON", "1")
    return AuditChannel(
        name="general_log",
        active=on and bool(sinks),
        events=_ALL_EVENTS,
        # It notes what was sent, before the server knows how it ends.
        fields=("time", "user", "source", "type", "object"),
        sink="、".join(sinks).lower() if sinks else "none",
    )


def _server_audit(known: Mapping[str, str]) -> AuditChannel:
    wanted = words(known.get("server_audit_events", "").upper())
    events = {event for one in wanted for event in _EVENTS_OF.get(one, ())} if wanted else set(_ALL_EVENTS)
    only = words(known.get("server_audit_incl_users", ""))
    return AuditChannel(
        name="server_audit",
        active=known.get("server_audit_logging") in ("ON", "1"),
        events=tuple(one for one in _ALL_EVENTS if one in events),
        fields=("time", "user", "source", "type", "result", "object"),
        only_users=only,
        except_users=() if only else words(known.get("server_audit_excl_users", "")),
        sink=known.get("server_audit_output_type", ""),
    )


def _audit_log(known: Mapping[str, str]) -> AuditChannel:
    """Return the enterprise plugin; where it runs or may run with filters, what it records is unknown.

    `audit_log_filter_id` is there where filters can be: without one for an account nothing of it is
    recorded, whatever `audit_log_policy` says.
    """
    rule = known.get("audit_log_policy", "").upper()
    events = {"ALL": _ALL_EVENTS, "LOGINS": ("connect", "failed_login"), "QUERIES": _ALL_EVENTS[2:]}
    off = rule == "NONE" or known.get("audit_log_disable") == "ON"
    narrowed = "audit_log_filter_id" in known or any(known.get(f"audit_log_{one}") for one in _NARROWING)
    # Each of the two takes away from what the policy says.
    for one in ("connection", "statement"):
        narrowed |= known.get(f"audit_log_{one}_policy", "ALL") != "ALL"
    return AuditChannel(
        name="audit_log",
        active=False if off else (True if rule in events and not narrowed else None),
        events=() if narrowed else events.get(rule, ()),
        fields=("time", "user", "source", "type", "result", "object"),
        only_users=words(known.get("audit_log_include_accounts", "")),
        except_users=words(known.get("audit_log_exclude_accounts", "")),
        sink="file",
    )


def storage(session: Session, asset: DatabaseAsset) -> DatabaseStorage:
    """Return page checksums and what the server encrypts on disk."""
    del asset
    known = variables(session)
    algorithm = known.get("innodb_checksum_algorithm", "")
    encrypted = tuple(one for one in _ENCRYPTION if known.get(one, "OFF").upper() in ("ON", "FORCE", "1"))
    return DatabaseStorage(
        page_checksums=(algorithm not in ("none", "strict_none")) if algorithm else None,
        algorithm=algorithm,
        encrypted=encrypted,
        encryption_known=is_mariadb(session) or "default_table_encryption" in known,
        settings=_noted(session, known, _STORAGE),
    )
