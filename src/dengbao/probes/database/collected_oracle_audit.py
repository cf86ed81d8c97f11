"""Reads which audit channels of Oracle run: traditional, of SYS, unified; in mixed mode all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .collected_roles import settings, yes
from .collected_sql import Row, SqlFile
from .facts import AuditChannel, DatabaseAudit

_FIELDS: Final = ("time", "user", "source", "type", "result", "object")
# For each kind of event the sets of options that record it: any one set is enough, all of it is needed.
_NEEDS: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "ddl": (frozenset({"TABLE"}), frozenset({"CREATE TABLE", "ALTER TABLE", "DROP TABLE"})),
    "dcl": (
        frozenset({"USER", "SYSTEM GRANT"}),
        frozenset({"CREATE USER", "ALTER USER", "DROP USER", "GRANT", "REVOKE"}),
        frozenset({"CREATE USER", "ALTER USER", "DROP USER", "GRANT ANY PRIVILEGE", "GRANT ANY ROLE"}),
        frozenset({"CREATE USER", "ALTER USER", "DROP USER", "SYSTEM GRANT"}),
    ),
    "write": (
        frozenset({"INSERT", "UPDATE", "DELETE"}),
        frozenset({"INSERT TABLE", "UPDATE TABLE", "DELETE TABLE"}),
    ),
    "read": (frozenset({"SELECT"}), frozenset({"SELECT TABLE"})),
}
_LOGON: Final = frozenset({"CREATE SESSION", "LOGON", "SESSION"})
_EVERYTHING: Final = frozenset({"ALL", "ALL STATEMENTS"})


def audit(file: SqlFile) -> DatabaseAudit:
    """Return every channel; in pure unified mode the traditional ones are off whatever they are set to."""
    values = file.pairs("parameters")
    pure = any(yes(one["value"]) for one in file.some("unified_mode"))
    return DatabaseAudit(
        channels=(
            *_traditional(file, values, pure=pure),
            *_of_sys(values, pure=pure),
            *_unified(file, pure=pure),
        ),
        settings=settings(values, "audit_trail", "audit_sys_operations", "audit_syslog_level"),
    )


def _traditional(file: SqlFile, values: Mapping[str, str], *, pure: bool) -> list[AuditChannel]:
    trail = values.get("audit_trail", "")
    on = None if not trail else trail.upper() not in ("NONE", "FALSE") and not pure
    name = f"传统审计（audit_trail={trail or '未知'}）"
    if not on:
        return [AuditChannel(name=name, active=on)]
    if not file.has("audit_statements"):
        return [AuditChannel(name=name, active=None)]
    rows = [*file.rows("audit_statements"), *file.some("audit_privileges")]
    groups: dict[str, list[Row]] = {"": []}
    for one in rows:
        groups.setdefault(one["user"], []).append(one)
    return [
        AuditChannel(
            name=name if not user else f"{name}：仅 {user}", active=True, events=_events(some, _recorded),
            fields=_FIELDS, only_users=(user,) if user else (), sink=trail,
        )
        for user, some in groups.items()
    ]  # fmt: skip


def _of_sys(values: Mapping[str, str], *, pure: bool) -> list[AuditChannel]:
    on = yes(values.get("audit_sys_operations", ""))
    return [
        AuditChannel(
            name="SYS 操作审计（audit_sys_operations）",
            active=False if pure else on,
            # What else of SYS it records says nothing of other accounts.
            events=("connect",),
            fields=_FIELDS,
            only_users=("SYS",),
            sink="os",
        )
    ]


def _unified(file: SqlFile, *, pure: bool) -> list[AuditChannel]:
    """Return one channel for policies of all users, and one for each narrower set of users."""
    if not file.has("unified_enabled") and not file.has("unified_enabled_121"):
        return []
    name = "统一审计" if pure else "统一审计（混合模式）"
    options: dict[str, set[str]] = {}
    for one in file.some("unified_options"):
        options.setdefault(one["policy"], set()).add(one["option"].upper())
    groups: dict[tuple[str, str], list[Row]] = {}
    for one in file.some("unified_enabled", "unified_enabled_121"):
        entity = one["entity"].upper()
        kind = "except" if one["option"].upper().startswith("EXCEPT") else "by"
        key = ("", "") if entity in ("ALL USERS", "") and kind == "by" else (kind, one["entity"])
        groups.setdefault(key, []).extend(
            {"option": option, "success": one["success"], "failure": one["failure"]}
            for option in sorted(options.get(one["policy"], ()))
        )
    if not groups:
        return [AuditChannel(name=name, active=False)]
    known = file.has("unified_options")
    return [
        AuditChannel(
            name=name if not who else f"{name}：{'不含' if kind == 'except' else '仅'} {who}",
            active=True if known else None, events=_events(some, _noted), fields=_FIELDS,
            only_users=(who,) if kind == "by" else (), except_users=(who,) if kind == "except" else (),
            sink="UNIFIED_AUDIT_TRAIL",
        )
        for (kind, who), some in groups.items()
    ]  # fmt: skip


def _recorded(text: str) -> bool:
    """Tell whether a traditional option records: `BY ACCESS`, `BY SESSION`, else `NOT SET`."""
    return text.upper().startswith("BY")


def _noted(text: str) -> bool:
    return yes(text) is True


def _events(rows: Iterable[Row], told: Callable[[str], bool]) -> tuple[str, ...]:
    some = tuple(rows)
    done = {one["option"].upper() for one in some if told(one["success"])}
    failed = {one["option"].upper() for one in some if told(one["failure"])}
    found = ["connect"] if done & (_LOGON | _EVERYTHING) else []
    found += ["failed_login"] if failed & (_LOGON | _EVERYTHING) else []
    found += [
        event for event, sets in _NEEDS.items() if done & _EVERYTHING or any(one <= done for one in sets)
    ]
    return tuple(found)
