"""Reads a table of a declared database that belongs to an application: users, or its log."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import sqlalchemy

from ...errors import NotDeclared, NotSupported
from ...model import AssetBase, DatabaseAsset, TableRef
from ..base import Context
from ..database.connect import open_mysql, open_postgres
from ..database.sqlite import open_file
from .rows import MAX_ROWS, Row, json_row

_DOORS: Final = {
    "postgresql": open_postgres, "kingbase": open_postgres, "mariadb": open_mysql, "mysql": open_mysql,
    "sqlite": open_file,
}  # fmt: skip


async def table_rows(asset: AssetBase, context: Context, table: TableRef, newest: str = "") -> list[Row]:
    """Read a declared table of a declared database, at most 2000 rows, read only.

    `newest` is the meaning of a column to sort by, largest first. Values never get into the transcript.
    Sends: one login of the database's account, one SELECT.

    Raises:
        NotDeclared, NotSupported, and what the database probes raise.

    """
    database = context.other(asset, table.database)
    if not isinstance(database, DatabaseAsset):
        raise NotDeclared(f"“{table.database}”不是数据库", cure="改正 table.database")
    return await asyncio.to_thread(_read, database, context, table, newest)


def _read(database: DatabaseAsset, context: Context, table: TableRef, newest: str) -> list[Row]:
    door = _DOORS.get(database.platform)
    if door is None or database.collected:
        raise NotSupported(f"不能直接读取数据库平台“{database.platform}”的表", cure="改为登记页面或接口")
    if not table.columns:
        raise NotDeclared("表未登记列的含义", cure="写 columns: {username: 列名, …}")
    schema = table.schema or ("public" if database.platform in ("postgresql", "kingbase") else None)
    columns: dict[str, sqlalchemy.ColumnClause[str]] = {
        meaning: sqlalchemy.column(name) for meaning, name in table.columns.items()
    }
    source = sqlalchemy.table(table.table, *columns.values(), schema=schema or None)
    question = sqlalchemy.select(*(one.label(meaning) for meaning, one in columns.items())).select_from(
        source
    )
    if newest in columns:
        question = question.order_by(columns[newest].desc())
    bounded = cast("sqlalchemy.Select[Any]", question.limit(MAX_ROWS))
    with door(database, context) as session:
        found = session.ask(bounded, limit=MAX_ROWS, quiet=True)
        context.keep("table.txt", session.transcript.data())
    return [json_row(one, {meaning: meaning for meaning in columns}) for one in found]
