"""Reads PostgreSQL's server, roles and stored passwords; a hash never leaves the server."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final

from ...model import DatabaseAsset
from .facts import (
    DatabaseAccount,
    DatabaseAccounts,
    DatabasePasswords,
    DatabaseServer,
    LoginMethod,
    PasswordState,
    StoredPassword,
)
from .kingbase import DEFAULT_NAMES, SEPARATED, version_of
from .session import MAX_ROWS, Session, flag, number, text

_SERVER: Final = """
SELECT current_setting('server_version') AS version, version() AS build,
  current_database() AS database, current_user AS usr,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser
"""
_OWN_TLS: Final = "SELECT ssl, version AS tls, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
# 'infinity' means the same as no end at all; dates are compared by the server's own clock.
_ROLES: Final = """
SELECT rolname, oid = 10 AS bootstrap, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication,
  rolbypassrls, CASE WHEN isfinite(rolvaliduntil)
    THEN floor(extract(epoch FROM rolvaliduntil - now()) / 86400)::bigint END AS valid_for_days
FROM pg_roles ORDER BY rolname LIMIT 5001
"""
_MEMBERS: Final = """
SELECT r.rolname AS role, m.rolname AS member, a.admin_option
FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
ORDER BY 1, 2 LIMIT 5000
"""
_PASSWORDS: Final = """
SELECT rolname, rolpassword IS NULL AS absent,
  CASE WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256'
       WHEN rolpassword ~ '^md5[0-9a-f]{32}$' THEN 'md5'
       WHEN upper(rolpassword) LIKE 'SCRAM-SM3$%' THEN 'scram-sm3'
       WHEN rolpassword ~* '^sm3[0-9a-f]{64}$' THEN 'sm3'
       WHEN version() LIKE 'Kingbase%' THEN 'unknown'
       WHEN rolpassword IS NOT NULL THEN 'clear' END AS scheme,
  rolpassword = '' OR rolpassword = 'md5' || md5(rolname) AS blank,
  CASE WHEN rolpassword ~ '^md5[0-9a-f]{32}$' THEN rolpassword = 'md5' || md5(rolname || rolname)
       WHEN rolpassword NOT LIKE 'SCRAM-SHA-256$%' THEN rolpassword = rolname END AS is_name
FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY rolname LIMIT 5000
"""
_RIGHTS: Final[Mapping[str, str]] = {
    "rolsuper": "SUPERUSER",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}
_DEFAULT_NAME: Final = "postgres"


# Distributions that build servers themselves and mend old versions on after their makers stop.
_BUILDERS: Final = re.compile(
    r"debian|ubuntu|red ?hat|centos|rocky|alma|suse|kylin|openeuler|anolis|uos|deepin|fedora", re.IGNORECASE
)


def builder_of(told: str) -> str:
    """Return the distribution that built the server, as its own words show; empty where none is named."""
    hit = _BUILDERS.search(told)
    return hit.group(0) if hit else ""


def _builder(version: str, build: str) -> str:
    """Return who built the server; one that does not call itself PostgreSQL is its own maker's."""
    other = "" if build.startswith("PostgreSQL") else " ".join(build.split()[:1]).strip("(")
    return builder_of(f"{version} {build}") or other


def server(session: Session, asset: DatabaseAsset) -> DatabaseServer:
    """Return product, version and the state of our own session."""
    found = session.one(_SERVER)
    tls = session.one(_OWN_TLS)
    encrypted = flag(tls, "ssl")
    kingbase = version_of(text(found, "build"))
    return DatabaseServer(
        product="kingbase" if kingbase else "postgresql",
        version=kingbase or text(found, "version"),
        builder=_builder(text(found, "version"), text(found, "build")),
        looked_at_s=int(time.time()),
        database=text(found, "database"),
        user=text(found, "usr"),
        superuser=flag(found, "superuser"),
        encrypted=encrypted,
        tls_version=text(tls, "tls"),
        tls_cipher=text(tls, "cipher"),
        certificate_checked=bool(encrypted and asset.ca_file),
    )


def roles_of(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return all roles each member is in, through others too, from pairs of role and member."""
    direct: dict[str, set[str]] = {}
    for role, member in pairs:
        direct.setdefault(member, set()).add(role)
    found: dict[str, tuple[str, ...]] = {}
    for member, roles in direct.items():
        seen: set[str] = set()
        open_ends = list(roles)
        while open_ends:
            role = open_ends.pop()
            if role not in seen:
                seen.add(role)
                open_ends += direct.get(role, ())
        found[member] = tuple(sorted(seen))
    return found


def accounts(session: Session, asset: DatabaseAsset) -> DatabaseAccounts:
    """Return all roles; the catalogue shows them to everyone."""
    kingbase = asset.platform == "kingbase"
    rows = session.ask(_ROLES, limit=MAX_ROWS + 1)
    members = session.ask(_MEMBERS)
    inside = roles_of([(text(one, "role"), text(one, "member")) for one in members])
    return DatabaseAccounts(
        accounts=tuple(_account(one, inside, kingbase=kingbase) for one in rows[:MAX_ROWS]),
        truncated=len(rows) > MAX_ROWS,
    )


def _account(
    row: Mapping[str, object], inside: Mapping[str, tuple[str, ...]], *, kingbase: bool
) -> DatabaseAccount:
    name = text(row, "rolname")
    days = number(row, "valid_for_days")
    can_login = flag(row, "rolcanlogin")
    return DatabaseAccount(
        name=name,
        can_login=can_login,
        is_role=can_login is False,
        superuser=flag(row, "rolsuper"),
        system=name.startswith(("pg_", "sys_") if kingbase else "pg_"),
        default=name in (DEFAULT_NAMES if kingbase else {_DEFAULT_NAME}),
        fixed=kingbase and name in SEPARATED,
        rights=tuple(zh for column, zh in _RIGHTS.items() if flag(row, column)),
        member_of=inside.get(name, ()),
        valid_for_days=days,
        password_expired=days is not None and days < 0,
    )


def passwords(session: Session, asset: DatabaseAsset) -> DatabasePasswords:
    """Return the scheme of every role's password; only those who may read pg_authid see it."""
    del asset
    return DatabasePasswords(passwords=tuple(_password(one) for one in session.ask(_PASSWORDS)))


def _password(row: Mapping[str, object]) -> StoredPassword:
    scheme = text(row, "scheme")
    state = PasswordState.SET
    if flag(row, "absent"):
        state = PasswordState.NONE
    elif flag(row, "blank"):
        state = PasswordState.EMPTY
    return StoredPassword(
        name=text(row, "rolname"),
        state=state,
        scheme=scheme,
        methods=(LoginMethod(plugin="password", state=state, scheme=scheme),),
        is_name=flag(row, "is_name"),
    )
