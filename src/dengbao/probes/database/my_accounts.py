"""Reads MariaDB's and MySQL's server, accounts and stored passwords; a hash never leaves the server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy

from ...errors import NoPermission, NotSupported
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
from .my_methods import can_use, methods_of, takes_password
from .pg_accounts import builder_of, roles_of
from .session import MAX_ROWS, Row, Session, flag, number, text

_SERVER: Final = (
    "SELECT VERSION() AS version, @@version_comment AS comment, @@version_compile_os AS os,"
    " DATABASE() AS db, CURRENT_USER() AS usr"
)
_OWN_TLS: Final = "SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_version', 'Ssl_cipher')"
_COLUMNS: Final = (
    "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = 'user' ORDER BY ORDINAL_POSITION"
)
# Only what tells the kind of a hash is selected: its prefix or its length.
_STORED: Final = (
    "CASE WHEN {0} IS NULL OR {0} = '' THEN 'empty' WHEN {0} = 'invalid' THEN 'invalid'"
    " WHEN LEFT({0}, 3) = '$A$' THEN LEFT({0}, 7) WHEN LEFT({0}, 3) = '$5$' THEN '$5$'"
    " WHEN LEFT({0}, 1) = '*' THEN CONCAT('*', LENGTH({0})) ELSE CONCAT('length ', LENGTH({0})) END"
)
# Compared by the server: a native hash of the account's own name.
_IS_NAME: Final = (
    "CASE WHEN LEFT({0}, 1) = '*' AND LENGTH({0}) = 41"
    " THEN {0} = CONCAT('*', UPPER(SHA1(UNHEX(SHA1(User))))) END"
)
# What MySQL 8 keeps beside an account; the further factors are told by their plugins' names only.
_ATTRIBUTES: Final[Mapping[str, str]] = {
    "locking": "$.Password_locking",
    "restrictions": "$.Restrictions",
    "factors": "$.multi_factor_authentication[*].plugin",
}
_GLOBAL_PRIV: Final = (
    "SELECT Host AS host, User AS user, REGEXP_REPLACE(Priv,"
    ' \'"authentication_string"[ ]*:[ ]*"([*]?)[^"]{16,}"\','
    ' \'"authentication_string":"\\\\1…"\') AS priv FROM mysql.global_priv'
    " ORDER BY User, Host LIMIT 5001"
)
_MARIADB_ROLES: Final = (
    "SELECT Role AS role, CONCAT(User, '@', Host) AS member, Admin_option AS admin FROM mysql.roles_mapping"
    " ORDER BY 1, 2 LIMIT 5000"
)
_MYSQL_ROLES: Final = (
    "SELECT CONCAT(FROM_USER, '@', FROM_HOST) AS role, CONCAT(TO_USER, '@', TO_HOST) AS member,"
    " WITH_ADMIN_OPTION AS admin FROM mysql.role_edges ORDER BY 1, 2 LIMIT 5000"
)
_DYNAMIC: Final = (
    "SELECT USER AS user, HOST AS host, PRIV AS priv FROM mysql.global_grants ORDER BY 1, 2, 3 LIMIT 5000"
)
_SYSTEM: Final = frozenset({"mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys"})
_CURE: Final = "由管理员执行 GRANT SELECT ON mysql.* TO 测评账户"


@dataclass(frozen=True)
class RawAccount:
    """One row of the grant tables, whatever the product."""

    row: Row
    methods: tuple[LoginMethod, ...]
    locked: bool | None
    is_role: bool
    lifetime_days: int | None
    age_days: int | None
    member_of: tuple[str, ...]
    dynamic: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Return name and host."""
        return text(self.row, "User"), text(self.row, "Host")


def server(session: Session, asset: DatabaseAsset) -> DatabaseServer:
    """Return product, version and the state of our own session."""
    found = session.one(_SERVER)
    status = {text(one, "Variable_name"): text(one, "Value") for one in session.ask(_OWN_TLS)}
    cipher = status.get("Ssl_cipher", "")
    return DatabaseServer(
        product=product_of(found),
        version=text(found, "version"),
        builder=_builder(found),
        looked_at_s=int(time.time()),
        database=text(found, "db"),
        user=text(found, "usr"),
        encrypted=bool(cipher),
        tls_version=status.get("Ssl_version", ""),
        tls_cipher=cipher,
        certificate_checked=bool(cipher and asset.ca_file),
    )


def _builder(row: Row) -> str:
    """Return who built the server; one built from source is taken for a distribution's."""
    told = " ".join(text(row, one) for one in ("version", "comment", "os"))
    if found := builder_of(told):
        return found
    if "source distribution" in told.lower():
        return "source"
    return _other_maker(told.lower(), text(row, "comment"))


def _other_maker(told: str, comment: str) -> str:
    """Return who made a server that only speaks as these do: its versions are counted otherwise."""
    if "mariadb" in told:
        return "MariaDB Enterprise" if "enterprise" in told else ""
    return "" if comment.lower().startswith("mysql") else " ".join(comment.split()[:2])


def product_of(row: Row) -> str:
    """Return `mariadb` or `mysql` from what the server calls itself."""
    return "mariadb" if "mariadb" in (text(row, "version") + text(row, "comment")).lower() else "mysql"


def variables(session: Session) -> dict[str, str]:
    """Return every global variable by its name in lower case; asked once."""
    return session.once("my_variables", lambda: _ask_variables(session))


def _ask_variables(session: Session) -> dict[str, str]:
    rows = session.ask("SHOW GLOBAL VARIABLES", quiet=True)
    return {text(one, "Variable_name").lower(): text(one, "Value") for one in rows}


def raw_accounts(session: Session) -> tuple[RawAccount, ...]:
    """Return the rows of the grant tables; asked once.

    Raises:
        NoPermission: the account may not read them.

    """
    return session.once("my_accounts", lambda: _ask_accounts(session))


def _ask_accounts(session: Session) -> tuple[RawAccount, ...]:
    columns = [text(one, "name") for one in session.ask(_COLUMNS, quiet=True)]
    if not columns:
        raise NoPermission("账户无权读取 mysql.user", cure=_CURE)
    try:
        rows = session.ask(_select_users(columns), limit=MAX_ROWS)
        details = _details(session)
        named = roles_of([(text(one, "role"), text(one, "member")) for one in ask_roles(session)])
        inside = _with_mandatory(rows, named, variables(session).get("mandatory_roles", ""))
        dynamic = _dynamic(session)
    except NoPermission as error:
        raise NoPermission(f"账户无权读取授权表（{error.message}）", cure=_CURE) from error
    default = number(variables(session), "default_password_lifetime")
    roles = {role for found in inside.values() for role in found}
    return tuple(_raw(one, details, inside, roles, dynamic, default) for one in rows)


def _with_mandatory(
    rows: Iterable[Row], inside: Mapping[str, tuple[str, ...]], told: str
) -> Mapping[str, tuple[str, ...]]:
    """Return who is in which role, with those that MySQL gives to everybody without a grant."""
    names = [one.strip() for one in told.replace("`", "").replace("'", "").split(",")]
    everyone = [one if "@" in one else f"{one}@%" for one in names if one]
    if not everyone:
        return inside
    more = {*everyone, *(role for one in everyone for role in inside.get(one, ()))}
    found = dict(inside)
    for row in rows:
        label = f"{text(row, 'User')}@{text(row, 'Host')}"
        found[label] = tuple(sorted({*inside.get(label, ()), *more} - {label}))
    return found


def _select_users(columns: Iterable[str]) -> sqlalchemy.Select[Any]:
    """Return the question for those columns of mysql.user that this version has."""
    known = {one.lower(): one for one in columns}
    plain = [
        name
        for low, name in known.items()
        if low in ("host", "user", "plugin", "ssl_type", "is_role", "password_expired", "account_locked",
                   "password_lifetime")
        or low.endswith("_priv")
    ]  # fmt: skip
    chosen: list[Any] = [sqlalchemy.column(one) for one in plain]
    chosen.append(sqlalchemy.literal_column("UNIX_TIMESTAMP()").label("now_s"))
    stored = [known[one] for one in ("authentication_string", "password") if one in known]
    chosen += [
        sqlalchemy.literal_column(_STORED.format(f"`{one}`")).label(f"kept_{place}")
        for place, one in enumerate(stored)
    ]
    if stored and "plugin" in known:
        chosen.append(sqlalchemy.literal_column(_IS_NAME.format(f"`{stored[0]}`")).label("is_name"))
    if "password_last_changed" in known:
        age = "TIMESTAMPDIFF(DAY, password_last_changed, NOW())"
        chosen.append(sqlalchemy.literal_column(age).label("age_days"))
    if "user_attributes" in known:
        for name, path in _ATTRIBUTES.items():
            value = f"JSON_EXTRACT(User_attributes, '{path}')"
            chosen.append(sqlalchemy.literal_column(value).label(name))
    table = sqlalchemy.table("user", schema="mysql")
    return (
        sqlalchemy.select(*chosen)
        .select_from(table)
        .order_by(sqlalchemy.column("User"), sqlalchemy.column("Host"))
        .limit(sqlalchemy.literal_column("5000"))
    )


def _details(session: Session) -> dict[tuple[str, str], Mapping[str, object]]:
    """Return MariaDB's own description of each account, which alone knows all its login methods."""
    if not is_mariadb(session):
        return {}
    try:
        rows = session.ask(_GLOBAL_PRIV, limit=MAX_ROWS)
    except NotSupported:
        return {}  # before 10.4 there is no such table, and one method only
    return {(text(one, "user"), text(one, "host")): _json(text(one, "priv")) for one in rows}


def is_mariadb(session: Session) -> bool:
    """Tell whether the server is a MariaDB."""
    return "mariadb" in variables(session).get("version", "").lower()


def _json(value: str) -> Mapping[str, object]:
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def ask_roles(session: Session) -> list[dict[str, object]]:
    """Return pairs of role and member, each as `name@host`; products without roles have none."""
    try:
        if is_mariadb(session):
            found = session.ask(_MARIADB_ROLES)
            return [{**one, "role": text(one, "role") + "@"} for one in found]
        return session.ask(_MYSQL_ROLES)
    except NotSupported:
        return []


def _dynamic(session: Session) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    if is_mariadb(session):
        return found
    try:
        rows = session.ask(_DYNAMIC)
    except NotSupported:
        return found
    for one in rows:
        found.setdefault((text(one, "user"), text(one, "host")), []).append(text(one, "priv"))
    return found


def _raw(
    row: Row,
    details: Mapping[tuple[str, str], Mapping[str, object]],
    inside: Mapping[str, tuple[str, ...]],
    roles: set[str],
    dynamic: Mapping[tuple[str, str], list[str]],
    default: int | None,
) -> RawAccount:
    key = text(row, "User"), text(row, "Host")
    label = f"{key[0]}@{key[1]}"
    detail = details.get(key, {})
    locked = _locked(row, detail)
    lifetime = number(detail, "password_lifetime")
    if lifetime is None or lifetime < 0:
        lifetime = number(row, "password_lifetime")
    return RawAccount(
        row=row,
        methods=tuple(methods_of(row, detail)),
        locked=locked,
        is_role=bool(flag(row, "is_role")) or (bool(locked) and label in roles),
        lifetime_days=default if lifetime is None else lifetime,
        age_days=_age_days(row, detail),
        member_of=tuple(one.removesuffix("@") for one in inside.get(label, ())),
        dynamic=tuple(dynamic.get(key, ())),
    )


def _locked(row: Row, detail: Row) -> bool | None:
    if "account_locked" in row:
        return flag(row, "account_locked")
    return bool(detail.get("account_locked")) if detail else None


def _age_days(row: Row, detail: Row) -> int | None:
    changed = number(detail, "password_last_changed")
    now = number(row, "now_s")
    if changed and now:
        return max(0, (now - changed) // 86400)
    return number(row, "age_days")


def accounts(session: Session, asset: DatabaseAsset) -> DatabaseAccounts:
    """Return all accounts and roles."""
    del asset
    found = raw_accounts(session)
    return DatabaseAccounts(accounts=tuple(_account(one) for one in found), truncated=len(found) >= MAX_ROWS)


def _account(raw: RawAccount) -> DatabaseAccount:
    row = raw.row
    name, host = raw.key
    rights = tuple(
        one.removesuffix("_priv").replace("_", " ").upper()
        for one in row
        if one.endswith("_priv") and flag(row, one)
    )
    locking = _json(text(row, "locking"))
    days = number(locking, "password_lock_time_days")
    usable = any(can_use(one) for one in raw.methods)
    return DatabaseAccount(
        name=name,
        host=host,
        can_login=not raw.is_role and not raw.locked and usable,
        is_role=raw.is_role,
        locked=raw.locked,
        superuser="SUPER" in rights or {"CREATE USER", "GRANT"} <= set(rights),
        system=name in _SYSTEM,
        default=name == "root",
        takes_password=takes_password(raw.methods),
        client_certificate=text(row, "ssl_type").upper() in ("X509", "SPECIFIED"),
        rights=rights + raw.dynamic,
        member_of=raw.member_of,
        tls_required=bool(text(row, "ssl_type")),
        password_expired=_expired(raw),
        failed_attempts=number(locking, "failed_login_attempts"),
        lock_s=None if days is None else (days * 86400 if days >= 0 else -1),
    )


def _expired(raw: RawAccount) -> bool | None:
    """Tell whether the password outlived its time; None where it must be changed, perhaps as a new one."""
    # Only passwords that are kept here grow old; a socket, a ticket or PAM knows no such time.
    kept = any(one.state is PasswordState.SET for one in raw.methods)
    if kept and raw.lifetime_days and raw.age_days is not None and raw.age_days > raw.lifetime_days:
        return True
    return None if flag(raw.row, "password_expired") else False


def passwords(session: Session, asset: DatabaseAsset) -> DatabasePasswords:
    """Return what is stored as the password of every account that is not a role."""
    del asset
    return DatabasePasswords(
        passwords=tuple(_password(one) for one in raw_accounts(session) if not one.is_role)
    )


def _password(raw: RawAccount) -> StoredPassword:
    states = {one.state for one in raw.methods}
    order = (PasswordState.EMPTY, PasswordState.UNKNOWN, PasswordState.SET, PasswordState.NONE)
    name, host = raw.key
    return StoredPassword(
        name=name,
        host=host,
        state=next((one for one in order if one in states), PasswordState.UNKNOWN),
        scheme="、".join(dict.fromkeys(one.scheme for one in raw.methods if one.scheme)),
        methods=raw.methods,
        lifetime_days=raw.lifetime_days,
        age_days=raw.age_days,
        is_name=flag(raw.row, "is_name"),
        more_factors=_more_factors(raw.row),
    )


def _more_factors(row: Row) -> tuple[str, ...]:
    """Return the plugins of the second and third factor."""
    try:
        found = json.loads(text(row, "factors") or "[]")
    except ValueError:
        return ()
    return tuple(str(one) for one in found) if isinstance(found, list) else ()
