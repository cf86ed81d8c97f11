"""Which rows of a declared table are read, and how: bounded, typed by the driver, quiet."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy
from sqlalchemy import exc as sa_exc

from ...errors import NotSupported, Reason
from ...model import DatabaseAsset, RowIntegrity
from .session import Session

LIMIT: Final = 1000
STATES: Final = {
    Reason.NO_PERMISSION: "no_permission",
    Reason.NOT_SUPPORTED: "not_found",
    Reason.TIMED_OUT: "timed_out",
    Reason.NOT_DECLARED: "no_key",
}


def schema_of(session: Session, asset: DatabaseAsset, recipe: RowIntegrity) -> str:
    """Return the schema a table is looked for in."""
    usual = {"postgresql": "public", "mysql": asset.database, "sqlite": "main"}
    return recipe.schema or usual.get(session.connection.dialect.name, "")


def columns_of(recipe: RowIntegrity) -> tuple[str, ...]:
    """Return the columns to read, each once."""
    return tuple(dict.fromkeys((recipe.row, *recipe.over, recipe.digest)))


def select_of(recipe: RowIntegrity, schema: str) -> sqlalchemy.Select[Any]:
    """Return the question for the declared columns of the table."""
    wanted: list[Any] = [sqlalchemy.column(one) for one in columns_of(recipe)]
    return sqlalchemy.select(*wanted).select_from(table_of(recipe, schema))


def table_of(recipe: RowIntegrity, schema: str) -> sqlalchemy.TableClause:
    """Return the table with its columns."""
    columns: list[Any] = [sqlalchemy.column(one) for one in columns_of(recipe)]
    return sqlalchemy.table(recipe.table, *columns, schema=schema or None)


def rows_of(session: Session, recipe: RowIntegrity, schema: str) -> tuple[list[dict[str, object]], bool]:
    """Return rows from both ends of the table in the order of its key, and whether these are all.

    Raises:
        NoPermission, TimedOut, NotSupported, ProtocolMismatch: the table could not be read.

    """
    half = LIMIT // 2
    query = select_of(recipe, schema)
    key: sqlalchemy.ColumnClause[object] = sqlalchemy.column(recipe.row)
    first = session.ask(query.order_by(key).limit(half), limit=half, quiet=True)
    if len(first) < half:
        return first, True
    last = session.ask(query.order_by(key.desc()).limit(half), limit=half, quiet=True)
    seen = {repr(one[recipe.row]) for one in first}
    fresh = [one for one in last if repr(one[recipe.row]) not in seen]
    return [*first, *fresh], len(fresh) < len(last)


def has_all_but_digest(session: Session, recipe: RowIntegrity, schema: str) -> bool:
    """Tell whether the table has every declared column except that of the digest."""
    try:
        with session.connection.begin():
            found = sqlalchemy.inspect(session.connection).get_columns(recipe.table, schema=schema or None)
    except (sa_exc.SQLAlchemyError, NotSupported, OSError):
        return False
    names = {str(one["name"]).lower() for one in found}
    wanted = {one.lower() for one in (recipe.row, *recipe.over)}
    return wanted <= names and recipe.digest.lower() not in names
