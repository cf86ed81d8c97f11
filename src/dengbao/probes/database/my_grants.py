"""Reads who may do what in MariaDB and MySQL, and adds it up for the declared sensitive columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy

from ...errors import NoPermission
from ...model import DatabaseAsset, SensitiveColumn
from .facts import DatabaseAccount, DatabaseGrants, Grant, Membership, TableReaders
from .my_accounts import accounts, ask_roles, raw_accounts
from .session import MAX_ROWS, Row, Session, flag, number, text, words

_DATABASES: Final = (
    "SELECT TABLE_SCHEMA AS name, COUNT(*) AS tables FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN"
    " ('mysql', 'sys', 'information_schema', 'performance_schema') AND TABLE_TYPE = 'BASE TABLE'"
    " GROUP BY TABLE_SCHEMA ORDER BY 1 LIMIT 1000"
)
_ON_DATABASES: Final = "SELECT * FROM mysql.db ORDER BY User, Host, Db LIMIT 5001"
_ON_TABLES: Final = (
    "SELECT Host, Db, User, Table_name, Table_priv FROM mysql.tables_priv WHERE Table_priv <> ''"
    " ORDER BY User, Host, Db, Table_name LIMIT 5001"
)
_ON_COLUMNS: Final = (
    "SELECT Host, Db, User, Table_name, Column_name, Column_priv FROM mysql.columns_priv"
    " ORDER BY User, Host, Db, Table_name, Column_name LIMIT 5001"
)
_CURE: Final = "由管理员执行 GRANT SELECT ON mysql.* TO 测评账户"
_OWN_SCHEMAS: Final = ("mysql", "sys", "performance_schema")


def grants(session: Session, asset: DatabaseAsset) -> DatabaseGrants:
    """Return global, database, table and column grants, memberships, and readers of declared columns.

    Raises:
        NoPermission: the account may not read the grant tables.

    """
    known = accounts(session, asset).accounts
    try:
        sizes = session.ask(_DATABASES)
        on_databases = session.ask(_ON_DATABASES, limit=MAX_ROWS + 1)
        on_tables = session.ask(_ON_TABLES, limit=MAX_ROWS + 1)
        on_columns = session.ask(_ON_COLUMNS, limit=MAX_ROWS + 1)
        members = ask_roles(session)
    except NoPermission as error:
        raise NoPermission(f"账户无权读取授权表（{error.message}）", cure=_CURE) from error
    found = (
        *_global(known),
        *(_database(one) for one in on_databases if _has_any(one)),
        *(_table(one) for one in on_tables),
        *(_column(one) for one in on_columns),
    )
    system = {one.name for one in known if one.system}
    revokes = tuple(_revoked(session))
    kept = tuple(one for one in found if one.grantee not in system)
    return DatabaseGrants(
        databases=tuple(text(one, "name") for one in sizes),
        # The server counts only tables that we have some right on; none may mean that we have none.
        tables=sum(number(one, "tables") or 0 for one in sizes) or None,
        grants=kept[:MAX_ROWS],
        memberships=tuple(_membership(one) for one in members),
        revokes=revokes,
        readers=tuple(_readers(one.schema or asset.database, one.table, one.column, known, kept, revokes)
                      for one in asset.sensitive if _is_there(session, one, one.schema or asset.database)),
        truncated=len(kept) > MAX_ROWS
        or any(len(one) > MAX_ROWS for one in (on_databases, on_tables, on_columns)),
    )  # fmt: skip


def _global(known: Iterable[DatabaseAccount]) -> Iterable[Grant]:
    for one in known:
        rights = tuple(right for right in one.rights if right != "GRANT")
        if rights and not one.system:
            yield Grant(
                grantee=one.name, host=one.host, level="global", object="*.*", rights=rights,
                grantable="GRANT" in one.rights,
            )  # fmt: skip


def _has_any(row: Row) -> bool:
    return any(one.endswith("_priv") and flag(row, one) for one in row)


def _database(row: Row) -> Grant:
    rights = [
        one.removesuffix("_priv").replace("_", " ").upper()
        for one in row
        if one.endswith("_priv") and flag(row, one)
    ]
    return Grant(
        grantee=text(row, "User"),
        host=text(row, "Host"),
        level="database",
        object=text(row, "Db"),
        rights=tuple(one for one in rights if one != "GRANT"),
        grantable="GRANT" in rights,
    )


def _table(row: Row) -> Grant:
    rights = words(text(row, "Table_priv").upper())
    return Grant(
        grantee=text(row, "User"),
        host=text(row, "Host"),
        level="table",
        object=f"{text(row, 'Db')}.{text(row, 'Table_name')}",
        rights=tuple(one for one in rights if one != "GRANT"),
        grantable="GRANT" in rights,
    )


def _column(row: Row) -> Grant:
    return Grant(
        grantee=text(row, "User"),
        host=text(row, "Host"),
        level="column",
        object=f"{text(row, 'Db')}.{text(row, 'Table_name')}.{text(row, 'Column_name')}",
        rights=words(text(row, "Column_priv").upper()),
    )


def _membership(row: Row) -> Membership:
    name, _, host = text(row, "member").rpartition("@")
    return Membership(
        role=text(row, "role").removesuffix("@"),
        member=name,
        member_host=host,
        admin=bool(flag(row, "admin")),
    )


def _is_there(session: Session, column: SensitiveColumn, schema: str) -> bool:
    """Tell whether we see the declared column; what is misspelt has no readers either."""
    wanted = {"TABLE_SCHEMA": schema, "TABLE_NAME": column.table, "COLUMN_NAME": column.column}
    query: sqlalchemy.Select[tuple[int]] = (
        sqlalchemy.select(sqlalchemy.literal_column("COUNT(*)").label("number"))
        .select_from(sqlalchemy.table("COLUMNS", schema="information_schema"))
        .where(*(sqlalchemy.column(name) == value for name, value in wanted.items()))
    )
    return any(number(one, "number") for one in session.ask(query))


def _readers(
    schema: str,
    table: str,
    column: str,
    known: Iterable[DatabaseAccount],
    found: tuple[Grant, ...],
    revokes: tuple[Grant, ...] = (),
) -> TableReaders:
    """Return who may select the column, by any grant that covers it, own or through a role."""
    covering: Mapping[tuple[str, str], bool] = {
        (one.grantee, one.host): True
        for one in found
        if "SELECT" in one.rights
        and _covers(one, schema, table, column)
        and not _taken_back(one, schema, revokes)
    }
    roles = {name for name, host in covering if not host} | {name for name, host in covering if host == "%"}
    public = "PUBLIC" in roles or any(not name for name, _ in covering)
    readers = [
        one.label
        for one in known
        if one.can_login
        and (
            (one.name, one.host) in covering
            or public
            or {part.partition("@")[0] for part in one.member_of} & roles
        )
    ]
    return TableReaders(schema=schema, table=table, column=column, accounts=tuple(readers), public=public)


def _revoked(session: Session) -> Iterable[Grant]:
    """Yield what partial revokes took back from global grants."""
    for raw in raw_accounts(session):
        try:
            told = json.loads(text(raw.row, "restrictions") or "[]")
        except ValueError:
            continue
        for one in told if isinstance(told, list) else ():
            if isinstance(one, dict) and isinstance(one.get("Privileges"), list):
                yield Grant(
                    grantee=raw.key[0], host=raw.key[1], level="database",
                    object=str(one.get("Database", "")),
                    rights=tuple(str(right).upper() for right in one["Privileges"]),
                )  # fmt: skip


def _taken_back(grant: Grant, schema: str, revokes: tuple[Grant, ...]) -> bool:
    """Tell whether a global grant does not reach a database, as a partial revoke names it."""
    return grant.level == "global" and any(
        (one.grantee, one.host) == (grant.grantee, grant.host)
        and one.object.lower() == schema.lower()
        and "SELECT" in one.rights
        for one in revokes
    )


def _covers(grant: Grant, schema: str, table: str, column: str) -> bool:
    if grant.level == "global":
        return True
    if grant.level == "database":
        return _like(grant.object, schema)
    if grant.level == "table":
        return grant.object.lower() == f"{schema}.{table}".lower()
    return grant.object.lower() == f"{schema}.{table}.{column}".lower()


def _like(pattern: str, name: str) -> bool:
    r"""Tell whether a database name fits a pattern of `%`, `_` and `\_`."""
    expression = ""
    for hit in re.finditer(r"\\(.)|(%)|(_)|(.)", pattern, re.DOTALL):
        literal, many, single, plain = hit.groups()
        expression += ".*" if many else "." if single else re.escape(literal or plain)
    return re.fullmatch(expression, name, re.IGNORECASE | re.DOTALL) is not None
