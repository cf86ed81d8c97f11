"""Reads SQL Server from the output of `collect-sqlserver.sql`: 2012 to 2022, the server and one database.

Passwords, lockout and ageing are left to Windows where CHECK_POLICY is on: what Windows demands is not
seen here. Not tried with a real SQL Server; the shapes are those of its documentation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from .collected_roles import DATA, roles_of, settings, whole, yes
from .collected_sql import Row, SqlFile
from .collected_sqlserver_audit import audit
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
    FailureModule,
    Grant,
    LoginMethod,
    Membership,
    Owner,
    PasswordState,
    StoredPassword,
)

__all__ = ["access", "accounts", "audit", "grants", "passwords", "policy", "server", "storage"]

_SA_ID: Final = "1"
_SYSTEM_DATABASES: Final = frozenset({"master", "tempdb", "msdb", "model"})
_OWN: Final = ("##", "NT SERVICE\\", "NT AUTHORITY\\")
_HARMLESS: Final = frozenset({"CONNECT SQL", "VIEW ANY DATABASE"})
_GRANTED: Final = frozenset({"GRANT", "GRANT_WITH_GRANT_OPTION"})
_BY_WINDOWS: Final = "CHECK_POLICY（Windows 口令策略）"
_STATES: Final = {"set": PasswordState.SET, "empty": PasswordState.EMPTY}
_PLUGINS: Final = {"S": "sql", "C": "certificate", "K": "key"}
_LEVELS: Final = {"SCHEMA": "schema", "DATABASE": "database"}


def server(file: SqlFile) -> DatabaseServer:
    """Return what the script was run against and by whom."""
    row = file.rows("server")[0]
    version = " ".join(one for one in (row["version"], row["level"], row["edition"]) if one)
    return DatabaseServer(
        product="sqlserver", version=version, database=row["database"], user=row["user"],
        superuser=yes(row["sysadmin"]), looked_at_s=int(file.begun.timestamp()),
    )  # fmt: skip


def _usable(file: SqlFile) -> Mapping[str, bool]:
    """Return for every login whether it can be used.

    SQL logins cannot where the server takes Windows logins only; mapped certificates and keys never can.
    """
    windows_only = yes(file.rows("server")[0]["windows_only"]) is True
    denied = {
        one["grantee"]
        for one in file.some("server_rights")
        if one["right"] == "CONNECT SQL" and one["state"] == "DENY"
    }
    return {
        one["name"]: not (
            yes(one["disabled"]) is True
            or one["type"] in ("C", "K")
            or (one["type"] == "S" and windows_only)
            or one["name"] in denied
        )
        for one in file.rows("logins")
    }


def _logins_of_users(file: SqlFile) -> Mapping[str, str]:
    """Return the login behind each database user; a user without one keeps its own name."""
    return {one["name"]: one["login"] or one["name"] for one in file.some("db_users")}


def accounts(file: SqlFile) -> DatabaseAccounts:
    """Return logins, the roles of server and database, and the guest of the database if it may come in."""
    usable = _usable(file)
    behind = _logins_of_users(file)
    roles = dict(roles_of(file.rows("server_roles")))
    for one in file.some("db_roles"):
        if one["member"]:
            login = behind.get(one["member"], one["member"])
            roles[login] = roles.get(login, frozenset()) | {one["role"]}
    rights: dict[str, set[str]] = defaultdict(set)
    for one in file.rows("server_rights"):
        if one["state"] in _GRANTED and one["right"] not in _HARMLESS:
            rights[one["grantee"]].add(one["right"])
    found = [
        _login(one, usable[one["name"]], roles.get(one["name"], frozenset()), rights[one["name"]])
        for one in file.rows("logins")
    ]
    found += [
        DatabaseAccount(
            name=name, is_role=True, can_login=False, system=fixed,
            superuser=name == "sysadmin" or "CONTROL SERVER" in rights[name],
            rights=tuple(sorted(rights[name])),
        )
        for name, fixed in _roles(file).items()
    ]  # fmt: skip
    return DatabaseAccounts(
        accounts=(*found, *_guest(file)), truncated=file.cut("logins", "server_roles", "server_rights")
    )


def _roles(file: SqlFile) -> Mapping[str, bool]:
    """Return role → whether it is the product's own; `public` cannot be told from a fixed one."""
    found = {one["role"]: True for one in file.rows("server_roles")}
    found.update(
        {one["role"]: yes(one["fixed"]) is True or one["role"] == "public" for one in file.some("db_roles")}
    )
    return found


def _login(row: Row, able: bool, roles: frozenset[str], rights: set[str]) -> DatabaseAccount:
    name = row["name"]
    return DatabaseAccount(
        name=name,
        can_login=able,
        locked=yes(row["locked"]),
        superuser=row["id"] == _SA_ID or "sysadmin" in roles or "CONTROL SERVER" in rights,
        # A group of Windows, such as Authenticated Users, lets people in whatever it is called.
        system=name.startswith(_OWN) and row["type"] != "G",
        # The first login keeps its number when it is renamed.
        default=row["id"] == _SA_ID and name.lower() == "sa",
        rights=tuple(sorted(rights)),
        member_of=tuple(sorted(roles)),
        valid_for_days=whole(row["expires_days"]) if yes(row["expiration"]) else None,
        password_expired=yes(row["expired"]),
        takes_password=row["type"] == "S",
    )


def _guest(file: SqlFile) -> tuple[DatabaseAccount, ...]:
    """Return the guest of the database looked at where it may connect; system databases need theirs."""
    if file.rows("server")[0]["database"].lower() in _SYSTEM_DATABASES:
        return ()
    admitted = any(
        one["grantee"] == "guest" and one["right"] == "CONNECT" and one["state"] in _GRANTED
        for one in file.some("db_rights")
    )
    return (DatabaseAccount(name="guest", can_login=True, default=True, superuser=False),) if admitted else ()


def passwords(file: SqlFile) -> DatabasePasswords:
    """Return how passwords are stored; those of Windows accounts are kept, and judged, elsewhere."""
    own = [_password(one) for one in file.rows("logins")]
    guests = [StoredPassword(name=one.name, state=PasswordState.NONE) for one in _guest(file)]
    return DatabasePasswords(passwords=(*own, *guests))


def _password(row: Row) -> StoredPassword:
    state = _STATES.get(row["state"], PasswordState.UNKNOWN)
    age, left = whole(row["age_days"]), whole(row["expires_days"])
    life: int | None = None
    if row["type"] == "S" and yes(row["expiration"]) is False:
        life = 0
    elif age is not None and left is not None and left > 0:
        life = age + left
    scheme, plugin = row["scheme"], _PLUGINS.get(row["type"], "windows")
    return StoredPassword(
        name=row["name"], state=state, scheme=scheme,
        methods=(LoginMethod(plugin=plugin, state=state, scheme=scheme),),
        lifetime_days=life, age_days=age, is_name=yes(row["is_name"]),
    )  # fmt: skip


def policy(file: SqlFile) -> DatabasePolicy:
    """Return for which logins Windows checks passwords and counts failures; what it demands is not known."""
    usable = _usable(file)
    sql = [
        one
        for one in file.rows("logins")
        if one["type"] == "S" and usable[one["name"]] and not one["name"].startswith(_OWN)
    ]
    checked = tuple(one["name"] for one in sql if yes(one["policy"]))
    free = tuple(one["name"] for one in sql if not yes(one["policy"]))
    by_windows = bool(checked) or not sql
    return DatabasePolicy(
        complexity=(ComplexityModule(module=_BY_WINDOWS, only=checked, exempt=free),) if by_windows else (),
        failures=(FailureModule(module="Windows 账户锁定策略", effect="lock", exempt=free, enabled=None),)
        if by_windows
        else (),
        # Neither of these ends a session that is idle.
        settings=settings(
            file.pairs("settings"), "remote login timeout (s)", "remote query timeout (s)", "user connections"
        ),
    )


def access(file: SqlFile) -> DatabaseAccess:
    """Return where the server listens, whether it forces encryption, and which open connections have it."""
    values = file.pairs("settings")
    registry = {one["name"].lower(): one["value"] for one in file.some("registry")}
    listens = tuple(
        dict.fromkeys(
            one["address"]
            for one in file.some("listeners")
            if one["type"] == "TSQL" and one["state"] == "ONLINE"
        )
    )
    tcp = [one for one in file.some("connections") if one["transport"].upper() == "TCP"]
    counts = [(yes(one["encrypted"]), whole(one["count"]) or 0) for one in tcp]
    seen = file.has("connections")
    return DatabaseAccess(
        listens=listens,
        remote=not all(one.startswith("127.") or one == "::1" for one in listens) if listens else None,
        # Without a certificate of its own the server makes one; the login itself is always encrypted.
        tls_enabled=True,
        tls_required=yes(registry.get("forceencryption", "")),
        authentication_off=False,
        sessions=sum(count for _, count in counts) if seen else None,
        plain_sessions=sum(count for safe, count in counts if safe is False) if seen else None,
        settings=settings(
            values, "remote admin connections", "remote access", "contained database authentication"
        ),
    )


def grants(file: SqlFile) -> DatabaseGrants:
    """Return what was granted in the database looked at, by the logins behind its users."""
    behind = _logins_of_users(file)
    database = file.rows("server")[0]["database"]
    members = [one for one in file.rows("db_roles") if one["member"]]
    tables = [(one["schema"], whole(one["tables"]) or 0) for one in file.rows("db_tables")]
    return DatabaseGrants(
        databases=(database,),
        tables=sum(count for _, count in tables),
        grants=tuple(_grant(one, behind, database) for one in file.rows("db_rights") if _counts(one)),
        memberships=tuple(
            Membership(role=one["role"], member=behind.get(one["member"], one["member"])) for one in members
        ),
        owners=tuple(Owner(name=behind.get(name, name), tables=count) for name, count in tables),
        row_security=tuple(one["name"] for one in file.some("row_security") if yes(one["enabled"])),
        truncated=file.cut("db_rights", "db_roles", "db_tables"),
    )


def _counts(row: Row) -> bool:
    return row["state"] in _GRANTED and row["right"] != "CONNECT"


def _grant(row: Row, behind: Mapping[str, str], database: str) -> Grant:
    name = ".".join(one for one in (row["schema"], row["object"], row["column"]) if one)
    level = _LEVELS.get(row["class"], "column" if row["column"] else "table")
    everyone = row["grantee"] in ("public", "guest")
    return Grant(
        grantee="PUBLIC" if everyone else behind.get(row["grantee"], row["grantee"]),
        level=level if row["right"] in DATA or level in ("schema", "database") else "table",
        object=name or database,
        rights=(row["right"],),
        grantable=row["state"] == "GRANT_WITH_GRANT_OPTION",
    )


def storage(file: SqlFile) -> DatabaseStorage:
    """Return page checksums of all databases that are on, and which are encrypted as a whole."""
    rows = [one for one in file.rows("databases") if one["state"] == "ONLINE" and one["name"] != "tempdb"]
    modes = sorted({one["page_verify"] for one in rows})
    columns = file.some("encrypted_columns")
    count = whole(columns[0]["count"]) if columns else None
    return DatabaseStorage(
        page_checksums=modes == ["CHECKSUM"] if modes else None,
        algorithm="、".join(modes),
        encrypted=(
            *(f"{one['name']}（TDE）" for one in rows if yes(one["encrypted"])),
            *((f"加密列 {count} 个",) if count else ()),
        ),
    )
