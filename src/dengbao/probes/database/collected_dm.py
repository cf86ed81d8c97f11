"""Reads 达梦 DM8 from the output of `collect-dm.sql`; its audit rules only where an auditor ran it too.

Not tried with a real 达梦; the shapes are those of its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...errors import NotSupported
from .collected_roles import grants_of, rights_of, roles_of, settings, whole
from .collected_sql import Row, SqlFile
from .facts import (
    AuditChannel,
    ComplexityModule,
    DatabaseAccess,
    DatabaseAccount,
    DatabaseAccounts,
    DatabaseAudit,
    DatabaseGrants,
    DatabasePasswords,
    DatabasePolicy,
    DatabaseServer,
    DatabaseStorage,
    LoginMethod,
    PasswordState,
    Setting,
    StoredPassword,
)

_DEFAULTS: Final = frozenset({"SYSDBA", "SYSAUDITOR", "SYSSSO", "SYSDBO"})
_ROLES: Final = frozenset({"DBA", "RESOURCE", "PUBLIC", "VTI", "SOI", "SVI", "BACKUP"})
_OWN_ROLES: Final = ("DB_AUDIT_", "DB_POLICY_", "DB_OBJECT_", "SYS_")
# Bits of PWD_POLICY; those above are of editions whose meaning is not known here.
_LENGTH, _UPPER, _DIGIT, _SPECIAL, _KNOWN = 2, 4, 8, 16, 31
_DEFAULT_MIN_LENGTH: Final = 9
# Under what name a profile keeps what the account's own limit is called in the file.
_RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "failed": ("FAILED_LOGIN_ATTEMPS", "FAILED_LOGIN_ATTEMPTS"),
    "lock_minutes": ("PASSWORD_LOCK_TIME",),
    "life_days": ("PASSWORD_LIFE_TIME",),
    "idle_minutes": ("CONNECT_IDLE_TIME", "CONN_IDLE_TIME"),
}


def server(file: SqlFile) -> DatabaseServer:
    """Return what the script was run against and by whom."""
    row = file.rows("server")[0]
    return DatabaseServer(
        product="dm", version=row["version"], database=row["instance"], user=row["user"],
        superuser=row["user"] == "SYSDBA" or None,
    )  # fmt: skip


class Limits:
    """The limits of accounts: their own, or those of their profile where the edition has profiles."""

    def __init__(self, file: SqlFile) -> None:
        self._own = {one["name"]: one for one in file.rows("limits")}
        self._profile = {one["name"]: one["profile"] for one in file.some("user_profiles")}
        self._limits = {
            (one["profile"], one["resource"].upper()): one["limit"] for one in file.some("profiles")
        }

    def get(self, name: str, what: str) -> int | None:
        """Return a limit, 0 for unlimited, None where it is not told."""
        profile = self._profile.get(name, "")
        for resource in _RESOURCES[what] if profile else ():
            text = self._limits.get((profile, resource), "")
            if text and text.upper() != "DEFAULT":
                return 0 if text.upper() == "UNLIMITED" else whole(text)
        row = self._own.get(name)
        return None if row is None else whole(row[what])

    def state(self, name: str) -> PasswordState:
        """Return whether a password is stored."""
        row = self._own.get(name)
        return PasswordState.SET if row is not None and row["state"] == "set" else PasswordState.UNKNOWN


def accounts(file: SqlFile) -> DatabaseAccounts:
    """Return accounts and roles; where failures are not recorded at login they lock nobody."""
    values = file.pairs("parameters") if file.has("parameters") else {}
    limits = Limits(file) if file.has("limits") else None
    roles = roles_of(file.rows("role_members"))
    rights = rights_of(file.rows("system_rights"))
    allowed = _addresses(file)
    unrecorded = values.get("fast_login") == "1"
    found = [
        _account(one, limits, roles.get(one["name"], frozenset()), rights, allowed, unrecorded=unrecorded)
        for one in file.rows("users")
    ]
    found += [
        DatabaseAccount(
            name=one["name"], is_role=True, can_login=False, superuser=one["name"] == "DBA",
            system=one["name"] in _ROLES or one["name"].startswith(_OWN_ROLES),
        )
        for one in file.some("roles")
    ]  # fmt: skip
    return DatabaseAccounts(
        accounts=tuple(found), truncated=file.cut("users", "limits", "role_members", "system_rights")
    )


def _addresses(file: SqlFile) -> Mapping[str, tuple[str, ...]] | None:
    """Return from where accounts may come, None where nobody is limited: most editions cannot do that."""
    found = {
        one["name"]: tuple(part.strip('" ') for part in one["allow"].split(",") if part.strip('" '))
        for one in file.some("addresses")
    }
    return found if any(found.values()) else None


def _account(
    row: Row,
    limits: Limits | None,
    mine: frozenset[str],
    rights: Mapping[str, frozenset[str]],
    allowed: Mapping[str, tuple[str, ...]] | None,
    *,
    unrecorded: bool,
) -> DatabaseAccount:
    name = row["name"]
    inner = name == "SYS"  # nobody can log in as SYS
    minutes = limits.get(name, "lock_minutes") if limits is not None else None
    failed = limits.get(name, "failed") if limits is not None else None
    days = whole(row["expires_days"])
    return DatabaseAccount(
        name=name,
        can_login=not inner and "LOCK" not in row["status"].upper(),
        locked="LOCK" in row["status"].upper(),
        superuser=name == "SYSDBA" or "DBA" in mine,
        system=inner,
        default=name in _DEFAULTS,
        fixed=name in _DEFAULTS,
        rights=tuple(sorted(set(rights.get(name, ())).union(*(rights.get(one, ()) for one in mine)))),
        member_of=tuple(sorted(mine)),
        valid_for_days=days,
        password_expired=None if days is None else days < 0,
        failed_attempts=0 if unrecorded else failed,
        lock_s=None if minutes is None else minutes * 60 or -1,
        sources=None if allowed is None else allowed.get(name, ()),
    )


def passwords(file: SqlFile) -> DatabasePasswords:
    """Return states and lifetimes; by which algorithm a password is stored is not told by SQL."""
    limits = Limits(file)
    return DatabasePasswords(
        passwords=tuple(
            StoredPassword(
                name=one["name"],
                state=limits.state(one["name"]),
                methods=(LoginMethod(plugin="dm", state=limits.state(one["name"])),),
                lifetime_days=limits.get(one["name"], "life_days"),
            )
            for one in file.rows("users")
        )
    )


def policy(file: SqlFile) -> DatabasePolicy:
    """Return the rules of PWD_POLICY, and the idle limits of accounts that can be used."""
    values = file.pairs("parameters")
    limits = Limits(file)
    groups: dict[int, list[str]] = {}
    for one in file.rows("users"):
        if one["name"] == "SYS" or "LOCK" in one["status"].upper():
            continue
        minutes = limits.get(one["name"], "idle_minutes")
        if minutes is None:
            raise NotSupported(f"账户 {one['name']} 的空闲时限（CONN_IDLE_TIME）未能读取")
        groups.setdefault(minutes * 60, []).append(one["name"])
    return DatabasePolicy(
        complexity=_complexity(values),
        idle_timeouts=tuple(
            Setting(name="CONN_IDLE_TIME", value=str(seconds), account=_names(names))
            for seconds, names in sorted(groups.items())
        ),
        settings=settings(values, "pwd_policy", "pwd_min_len", "compatible_mode", "fast_login"),
    )


def _names(names: list[str]) -> str:
    head = "、".join(names[:4])
    return f"{head}等{len(names)}个账户" if len(names) > len(names[:4]) else head


def _complexity(values: Mapping[str, str]) -> tuple[ComplexityModule, ...]:
    """Return what the bits of PWD_POLICY demand; in SQL-92 mode the server takes it for 0.

    No bit demands small letters.
    """
    bits = whole(values.get("pwd_policy", ""))
    if bits is None:
        raise NotSupported("PWD_POLICY 未能读取，不知道口令策略")
    if values.get("compatible_mode") == "1" or not bits & ~1:
        return ()
    length = whole(values.get("pwd_min_len", "")) or _DEFAULT_MIN_LENGTH
    return (
        ComplexityModule(
            module=f"PWD_POLICY={bits}", min_length=length if bits & _LENGTH else 0,
            min_upper=int(bool(bits & _UPPER)), min_lower=0 if bits <= _KNOWN else None,
            min_digits=int(bool(bits & _DIGIT)), min_special=int(bool(bits & _SPECIAL)),
        ),
    )  # fmt: skip


def access(file: SqlFile) -> DatabaseAccess:
    """Return what the parameters tell of encryption; what values other than 0 force is not known."""
    values = file.pairs("parameters")
    mode = values.get("enable_encrypt", "")
    off = mode == "0" and not values.get("comm_encrypt_name", "")
    remote = values.get("enable_remote_osauth", "")
    return DatabaseAccess(
        tls_enabled=False if off else (True if whole(mode) else None),
        tls_required=False if off else None,
        authentication_off=remote == "1" if remote else None,
        settings=settings(
            values, "enable_encrypt", "comm_encrypt_name", "enable_local_osauth", "enable_remote_osauth"
        ),
    )


def grants(file: SqlFile) -> DatabaseGrants:
    """Return object grants outside the product's own schemas."""
    return grants_of(file, file.rows("server")[0]["instance"])


def audit(file: SqlFile) -> DatabaseAudit:
    """Return whether auditing is switched on; what its numbered rules record is left to a person.

    Switched on without any rule, the server notes only its own start and stop.
    """
    values = file.pairs("parameters")
    mode = whole(values.get("enable_audit", ""))
    rules = len(file.rows("audit_rules")) if file.has("audit_rules") else None
    told = "审计规则未能读取，须以 SYSAUDITOR 查看" if rules is None else f"审计规则 {rules} 条"
    active: bool | None = None
    if mode == 0:
        active = False
    elif mode and rules == 0:
        active = True
    name = f"达梦审计（ENABLE_AUDIT={'未知' if mode is None else mode}，{told}）"
    return DatabaseAudit(
        channels=(AuditChannel(name=name, active=active, sink="file"),),
        settings=settings(values, "enable_audit", "audit_file_full_mode", "audit_space_limit"),
    )


def storage(file: SqlFile) -> DatabaseStorage:
    """Return that page checks, set when the database was made, are not told by SQL."""
    return DatabaseStorage(
        page_checksums=None, encryption_known=False, settings=settings(file.pairs("parameters"), "page_check")
    )
