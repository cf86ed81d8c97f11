"""Samples the declared sensitive columns; each value is classified at once and forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy
from msgspec import structs
from sqlalchemy import exc as sa_exc

from ...errors import NoPermission, NotDeclared, NotSupported, ProbeError, Reason
from ...model import DatabaseAsset, SensitiveColumn
from ...pii import StoredAs, classify
from .facts import ColumnSample, DatabaseSensitive
from .hashes import hashes_of, repeats
from .session import Session

LIMIT: Final = 200
_MAX_VALUE_CHARS: Final = 512
_STATES: Final = {
    Reason.NO_PERMISSION: "no_permission",
    Reason.NOT_SUPPORTED: "not_found",
    Reason.TIMED_OUT: "timed_out",
}


def sensitive(session: Session, asset: DatabaseAsset) -> DatabaseSensitive:
    """Return, for each declared column, how many sampled values are stored in which way.

    Raises:
        NotDeclared: no column is declared.
        NoPermission: none of them may be read.

    """
    if not asset.sensitive:
        raise NotDeclared(
            "未登记敏感数据列", where=f"测评对象 {asset.id}", cure="在 sensitive 中登记表、列与内容类别"
        )
    columns = tuple(_sample(session, asset, one) for one in asset.sensitive)
    if all(one.state == "no_permission" for one in columns):
        names = "、".join(one.label for one in columns)
        raise NoPermission(
            f"账户无权读取已登记的敏感数据列：{names}", cure="授予测评账户这些列的 SELECT 权限"
        )
    return DatabaseSensitive(columns=columns, limit=LIMIT)


def _sample(session: Session, asset: DatabaseAsset, column: SensitiveColumn) -> ColumnSample:
    schema = column.schema or _default_schema(session, asset)
    table = sqlalchemy.table(column.table, sqlalchemy.column(column.column), schema=schema or None)
    label = ".".join(one for one in (schema, column.table, column.column) if one)
    try:
        values = _values(session, table, column, label)
    except ProbeError as error:
        state = _STATES.get(error.reason, "failed")
        return _result(column, schema, state, Counter())
    plain = [_plain(one) for one in values]
    counts = Counter(classify(one, column.holds) for one in plain)
    # Both ends of a small table may overlap, so only one of them shows what stands in several rows.
    hashes = hashes_of(plain) if column.holds == "password" else ()
    repeated = repeats(plain[:LIMIT]) if column.holds == "password" else None
    session.transcript.note(
        f"{label} 抽样 {counts.total()} 行：" + "，".join(f"{kind.value}={counts[kind]}" for kind in StoredAs)
    )
    return structs.replace(_result(column, schema, "read", counts), hashes=hashes, repeated=repeated)


def _result(column: SensitiveColumn, schema: str, state: str, counts: Counter[StoredAs]) -> ColumnSample:
    return ColumnSample(
        table=column.table,
        column=column.column,
        holds=column.holds,
        schema=schema,
        state=state,
        rows=counts.total(),
        clear=counts[StoredAs.CLEAR],
        masked=counts[StoredAs.MASKED],
        cipher_or_hash=counts[StoredAs.CIPHER_OR_HASH],
        empty=counts[StoredAs.EMPTY],
        other=counts[StoredAs.OTHER],
    )


def _default_schema(session: Session, asset: DatabaseAsset) -> str:
    dialect = session.connection.dialect.name
    return {"postgresql": "public", "mysql": asset.database, "sqlite": "main"}.get(dialect, "")


def _values(
    session: Session, table: sqlalchemy.TableClause, column: SensitiveColumn, label: str
) -> Iterable[object]:
    """Return values from the beginning and, by the primary key, from the end of the table.

    Old rows may be readable and new ones not, or the reverse: one end alone would not show it.
    """
    query = sqlalchemy.select(_bounded(session, table.c[column.column]).label("v")).select_from(table)
    session.transcript.note(f"{label}：值仅在内存中归类，不留存")
    first = session.ask(query.limit(LIMIT), limit=LIMIT, quiet=True)
    values = [one["v"] for one in first]
    key = _primary_key(session, table) if len(first) == LIMIT else ()
    return [*values, *_newest(session, query, key)] if key else values


def _newest(session: Session, query: sqlalchemy.Select[Any], key: tuple[str, ...]) -> list[object]:
    """Return values from the end of the table; none where the account may not sort by its key."""
    order: list[Any] = [sqlalchemy.column(one).desc() for one in key]
    try:
        rows = session.ask(query.order_by(*order).limit(LIMIT), limit=LIMIT, quiet=True)
    except ProbeError:
        return []
    return [one["v"] for one in rows]


def _bounded(session: Session, column: sqlalchemy.ColumnClause[object]) -> sqlalchemy.ColumnElement[object]:
    """Return the first characters of a column of any type; nobody wants whole pictures."""
    if session.connection.dialect.name == "sqlite":
        return sqlalchemy.func.substr(column, 1, _MAX_VALUE_CHARS)
    if session.connection.dialect.name == "postgresql":
        return sqlalchemy.func.left(sqlalchemy.cast(column, sqlalchemy.Text), _MAX_VALUE_CHARS)
    return sqlalchemy.func.left(column, _MAX_VALUE_CHARS)


def _primary_key(session: Session, table: sqlalchemy.TableClause) -> tuple[str, ...]:
    try:
        with session.connection.begin():
            found = sqlalchemy.inspect(session.connection).get_pk_constraint(table.name, schema=table.schema)
    except (sa_exc.SQLAlchemyError, NotSupported, OSError):
        return ()
    return tuple(found["constrained_columns"])


def _plain(value: object) -> str | bytes | None:
    if value is None or isinstance(value, str | bytes):
        return value
    return bytes(value) if isinstance(value, bytearray | memoryview) else str(value)
