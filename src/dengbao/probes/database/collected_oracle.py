"""Reads Oracle from the output of `collect-oracle.sql`: 11g to 19c, traditional and unified auditing.

Not tried with a real Oracle; the shapes are those of its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil
from typing import Final

from ...errors import NotSupported
from .collected_oracle_audit import audit
from .collected_roles import grants_of, rights_of, roles_of, settings, whole, yes
from .collected_sql import Row, SqlFile
from .facts import (
    ComplexityModule,
    DatabaseAccess,
    DatabaseAccount,
    DatabaseAccounts,
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

__all__ = [
    "SHIPPED", "access", "accounts", "audit", "grants", "maintained", "passwords", "policy", "server",
    "storage",
]  # fmt: skip

_SAMPLES: Final = frozenset({"SCOTT", "HR", "OE", "PM", "IX", "SH", "BI", "ADAMS", "BLAKE", "CLARK", "JONES"})
# Accounts that come with 11g, which does not mark its own; later versions do.
SHIPPED: Final = frozenset(
    {
        "SYS", "SYSTEM", "OUTLN", "DBSNMP", "XDB", "WMSYS", "CTXSYS", "MDSYS", "ORDSYS", "ORDDATA",
        "ORDPLUGINS", "OLAPSYS", "EXFSYS", "SYSMAN", "LBACSYS", "DVSYS", "DVF", "ANONYMOUS", "DIP",
        "MDDATA", "MGMT_VIEW", "ORACLE_OCM", "OWBSYS", "OWBSYS_AUDIT", "SI_INFORMTN_SCHEMA",
        "SPATIAL_CSW_ADMIN_USR", "SPATIAL_WFS_ADMIN_USR", "APPQOSSYS", "FLOWS_FILES", "APEX_PUBLIC_USER",
        "XS$NULL", "AUDSYS", "GSMADMIN_INTERNAL", "GSMCATUSER", "GSMUSER", "OJVMSYS",
        "REMOTE_SCHEDULER_AGENT", "SYSBACKUP", "SYSDG", "SYSKM", "SYSRAC", "DBSFWUSER", "GGSYS", "SYS$UMF",
        "GSMROOTUSER",
    }
)  # fmt: skip
_FIXED: Final = frozenset({"SYS", "SYSTEM"})
_OWN_ROLES: Final = re.compile(
    r"CONNECT|RESOURCE|DBA|\w*_CATALOG_ROLE|(EXP|IMP|DATAPUMP)_\w+|AQ_\w+|AUDIT_(ADMIN|VIEWER)|OEM_\w+"
    r"|(CTXAPP|JAVA\w*|OLAP_\w+|XDB\w*|WM_ADMIN_ROLE|SCHEDULER_ADMIN|RECOVERY_CATALOG_OWNER|LOGSTDBY_\w+"
    r"|GATHER_SYSTEM_STATISTICS|HS_ADMIN_\w+|LBAC_DBA|DV_\w+|MGMT_USER|OWB\w*|ORDADMIN|SPATIAL_\w+|CDB_DBA"
    r"|PDB_DBA|OPTIMIZER_\w+|EM_EXPRESS_\w+|APEX_\w+|CAPTURE_ADMIN|GSM\w*|PROVISIONER|XS_\w+|DBFS_ROLE"
    r"|ADM_PARALLEL_EXECUTE_TASK|CWM_USER|EJBCLIENT|DBHADOOP|SODA_APP|GLOBAL_AQ_USER_ROLE|AUTHENTICATEDUSER)"
)
_SCHEMES: Final = (("12C", "pbkdf2-sha512"), ("11G", "sha1-salted"), ("10G", "des-10g"))
_UNLIMITED: Final = "UNLIMITED"
_CHECKED: Final = re.compile(r"(\w+)\s*=>\s*(\d+)")


def server(file: SqlFile) -> DatabaseServer:
    """Return what the script was run against and by whom."""
    row = file.rows("server")[0]
    return DatabaseServer(
        product="oracle", version=row["version"], database=row["database"], user=row["user"],
        superuser=yes(row["sysdba"]), looked_at_s=int(file.begun.timestamp()),
    )  # fmt: skip


class Profiles:
    """Limits by profile; `DEFAULT` inside a profile means the limit of the profile DEFAULT."""

    def __init__(self, file: SqlFile) -> None:
        self._limits = {(one["profile"], one["resource"]): one["limit"] for one in file.rows("profiles")}

    def limit(self, profile: str, resource: str) -> str:
        """Return the limit that applies, empty where it is not told."""
        found = self._limits.get((profile, resource), "")
        return self._limits.get(("DEFAULT", resource), "") if found == "DEFAULT" else found

    def days(self, profile: str, resource: str) -> float | None:
        """Return a limit in days: 0 for unlimited, None where it is not told or no number."""
        text = self.limit(profile, resource)
        if text == _UNLIMITED:
            return 0.0
        try:
            return float(text.replace(",", "."))
        except ValueError:
            return None

    def lock_s(self, profile: str) -> int | None:
        """Return how long failures lock, -1 until an administrator unlocks."""
        if self.limit(profile, "PASSWORD_LOCK_TIME") == _UNLIMITED:
            return -1
        days = self.days(profile, "PASSWORD_LOCK_TIME")
        return None if days is None else round(days * 86400)


def _is_open(row: Row) -> bool:
    """Tell whether an account can be used: a timed lock ends, an expired password can be changed."""
    locked = "LOCKED" in row["status"] and "LOCKED(TIMED)" not in row["status"]
    return not locked and row["method"].upper() != "NONE"


def maintained(file: SqlFile) -> frozenset[str]:
    """Return the accounts that come with the product."""
    if not file.has("users_12c"):
        return SHIPPED
    return _FIXED | {one["name"] for one in file.rows("users_12c") if yes(one["maintained"])}


def accounts(file: SqlFile) -> DatabaseAccounts:
    """Return accounts and roles; limits of the profiles where those could be read."""
    roles = roles_of(file.rows("role_members"))
    rights = rights_of(file.rows("system_rights"))
    owned = maintained(file)
    profiles = Profiles(file) if file.has("profiles") else None
    admins = {one["name"] for one in file.some("password_file") if yes(one["sysdba"])}
    found = [_account(one, roles, rights, owned, profiles, admins) for one in file.rows("users")]
    names = {one["name"]: one.get("maintained", "") for one in file.some("roles_12c", "roles")}
    found += [
        DatabaseAccount(
            name=name, is_role=True, can_login=False, superuser=name == "DBA",
            system=yes(kept) is True if kept else _OWN_ROLES.fullmatch(name) is not None,
            rights=tuple(sorted(rights.get(name, ()))),
        )
        for name, kept in names.items()
    ]  # fmt: skip
    return DatabaseAccounts(
        accounts=tuple(found), truncated=file.cut("users", "role_members", "system_rights")
    )


def _account(
    row: Row,
    roles: Mapping[str, frozenset[str]],
    rights: Mapping[str, frozenset[str]],
    owned: frozenset[str],
    profiles: Profiles | None,
    admins: set[str],
) -> DatabaseAccount:
    name = row["name"]
    mine = roles.get(name, frozenset())
    reach = set(rights.get(name, ())).union(*(rights.get(one, ()) for one in mine))
    able = _is_open(row)
    attempts = None if profiles is None else profiles.days(row["profile"], "FAILED_LOGIN_ATTEMPTS")
    return DatabaseAccount(
        name=name,
        can_login=able,
        locked="LOCKED" in row["status"],
        superuser=name == "SYS" or name in admins or "DBA" in mine,
        system=name in owned and not able,
        default=name in owned or name in _SAMPLES,
        fixed=name in _FIXED,
        rights=tuple(sorted(reach | ({"SYSDBA"} if name in admins else set()))),
        member_of=tuple(sorted(mine)),
        valid_for_days=whole(row["expires_days"]),
        # In the days of grace an account is still used as before.
        password_expired="EXPIRED" in row["status"] and "GRACE" not in row["status"],
        failed_attempts=None if attempts is None else int(attempts),
        lock_s=None if profiles is None else profiles.lock_s(row["profile"]),
        takes_password=True if row["method"].upper() == "PASSWORD" else None,
    )


def passwords(file: SqlFile) -> DatabasePasswords:
    """Return how passwords are stored and how long they may stand; hashes are not in the file."""
    profiles = Profiles(file)
    ages = {one["name"]: whole(one["age_days"]) for one in file.some("password_age")}
    shipped = (
        {one["name"] for one in file.rows("default_passwords")} if file.has("default_passwords") else None
    )
    return DatabasePasswords(
        passwords=tuple(_password(one, profiles, ages, shipped) for one in file.rows("users"))
    )


def _password(
    row: Row, profiles: Profiles, ages: Mapping[str, int | None], shipped: set[str] | None
) -> StoredPassword:
    method = row["method"].upper()
    schemes = [scheme for mark, scheme in _SCHEMES if mark in row["versions"].upper()]
    state = PasswordState.UNKNOWN
    if method == "NONE":
        state = PasswordState.NONE
    elif method == "PASSWORD" and schemes:
        state = PasswordState.SET
    life = profiles.days(row["profile"], "PASSWORD_LIFE_TIME")
    scheme = "、".join(schemes)
    return StoredPassword(
        name=row["name"], state=state, scheme=scheme,
        methods=(LoginMethod(plugin=method.lower(), state=state, scheme=scheme),),
        lifetime_days=None if life is None else ceil(life), age_days=ages.get(row["name"]),
        default=None if shipped is None else row["name"] in shipped,
    )  # fmt: skip


def policy(file: SqlFile) -> DatabasePolicy:
    """Return what the profiles of usable accounts demand, and the idle limits that are enforced."""
    profiles = Profiles(file)
    values = file.pairs("parameters")
    users = [one for one in file.rows("users") if _is_open(one)]
    default = profiles.days("DEFAULT", "PASSWORD_LIFE_TIME")
    return DatabasePolicy(
        complexity=_complexity(file, profiles, users),
        default_lifetime_days=None if default is None else ceil(default),
        idle_timeouts=_idle(profiles, values, sorted({one["profile"] for one in users})),
        settings=settings(values, "resource_limit", "max_idle_time", "sec_max_failed_login_attempts"),
    )


def _complexity(file: SqlFile, profiles: Profiles, users: list[Row]) -> tuple[ComplexityModule, ...]:
    """Return one module per function that checks; accounts whose profile names none are exempt."""
    by_function: dict[str, list[str]] = {}
    for one in users:
        function = profiles.limit(one["profile"], "PASSWORD_VERIFY_FUNCTION")
        by_function.setdefault(function, []).append(one["name"])
    exempt = tuple(by_function.pop("NULL", ()))
    found = [_module(file, name or "（未能读取）", tuple(names)) for name, names in by_function.items()]
    return tuple(
        ComplexityModule(
            module=one.module, min_length=one.min_length, min_upper=one.min_upper, min_lower=one.min_lower,
            min_digits=one.min_digits, min_special=one.min_special, only=one.only,
            exempt=exempt if number == 0 else (),
        )
        for number, one in enumerate(found)
    )  # fmt: skip


def _module(file: SqlFile, name: str, users: tuple[str, ...]) -> ComplexityModule:
    """Return what a function demands as far as its call of `ora_complexity_check` says.

    Administrators edit these functions, so that the name alone tells nothing; what one does by itself,
    beside that call, cannot be read from it.
    """
    lines = [
        one["text"]
        for one in file.some("verify_source")
        if one["name"] == name and not one["text"].lstrip().startswith("--")
    ]
    text = " ".join(lines)
    calls = re.findall(r"ora_complexity_check\s*\(([^)]*)\)?", text, re.IGNORECASE)
    if len(calls) != 1:
        return ComplexityModule(module=name, only=users)
    asked = {key.lower(): int(value) for key, value in _CHECKED.findall(calls[0])}
    return ComplexityModule(
        module=name, only=users, min_length=asked.get("chars"), min_upper=asked.get("upper", 0),
        min_lower=asked.get("lower", 0), min_digits=asked.get("digit", 0),
        min_special=asked.get("special", 0),
    )  # fmt: skip


def _idle(profiles: Profiles, values: Mapping[str, str], used: list[str]) -> tuple[Setting, ...]:
    """Return the idle limit of every profile in use: 0 where limits are not enforced at all.

    `max_idle_time` ends idle sessions of everybody, whatever the profile says.
    """
    server_wide = (whole(values.get("max_idle_time", "")) or 0) * 60
    enforced = yes(values.get("resource_limit", ""))
    found = []
    for profile in used:
        minutes = profiles.days(profile, "IDLE_TIME")
        if enforced is None and not server_wide:
            raise NotSupported("resource_limit 未能读取，不知道 IDLE_TIME 是否生效")
        if minutes is None and enforced and not server_wide:
            raise NotSupported(f"概要文件 {profile} 的 IDLE_TIME 未能读取")
        own = int((minutes or 0) * 60) if enforced else 0
        limits = [one for one in (own, server_wide) if one]
        note = "" if enforced else "，resource_limit 为 FALSE"
        found.append(
            Setting(name="IDLE_TIME", value=str(min(limits, default=0)), account=f"概要文件 {profile}{note}")
        )
    return tuple(found)


def access(file: SqlFile) -> DatabaseAccess:
    """Return what SQL tells of the network side; sqlnet.ora and listener.ora are not seen."""
    values = file.pairs("parameters")
    rows = file.some("sessions")
    return DatabaseAccess(
        authentication_off=yes(values.get("remote_os_authent", "")),
        sessions=whole(rows[0]["sessions"]) if rows else None,
        plain_sessions=(whole(rows[0]["plain"]) or 0) if rows else None,
        settings=settings(
            values, "remote_os_authent", "remote_os_roles", "remote_login_passwordfile", "local_listener"
        ),
    )


def grants(file: SqlFile) -> DatabaseGrants:
    """Return object grants outside the product's own schemas."""
    return grants_of(file, file.rows("server")[0]["database"])


def storage(file: SqlFile) -> DatabaseStorage:
    """Return block checksums and what is encrypted at rest."""
    values = file.pairs("parameters")
    mode = values.get("db_block_checksum", "").upper()
    known = {"TYPICAL": True, "FULL": True, "TRUE": True, "OFF": False, "FALSE": False}
    counts = {one["kind"]: whole(one["count"]) or 0 for one in file.some("encrypted")}
    names = {"tablespace": "表空间", "column": "列"}
    return DatabaseStorage(
        page_checksums=known.get(mode), algorithm=f"db_block_checksum={mode}" if mode else "",
        encrypted=tuple(f"{names[kind]} {count} 个" for kind, count in counts.items() if count),
        encryption_known=file.has("encrypted"),
        settings=settings(values, "db_block_checksum", "db_block_checking"),
    )  # fmt: skip
