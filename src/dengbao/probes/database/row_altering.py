"""Alters one column of one row inside a transaction that can only be rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import sqlalchemy
from sqlalchemy import exc as sa_exc

from ...errors import ProtocolMismatch
from ...model import RowIntegrity
from .row_reading import select_of, table_of
from .session import Session

_MOST_COLUMNS: Final = 4
# What the products say when a trigger refused; other refusals are the table's own rules.
_BY_TRIGGER: Final[frozenset[object]] = frozenset({"P0001", "P0000", 1644, "SQLITE_CONSTRAINT_TRIGGER"})
_NO_RIGHT: Final[frozenset[object]] = frozenset({"42501", 1142, 1143, 1044, "SQLITE_READONLY", "SQLITE_PERM"})
_LOCKED: Final[frozenset[object]] = frozenset({"55P03", "57014", "40P01", 1205, 1213, 3572, "SQLITE_BUSY"})
_RULES: Final[frozenset[object]] = frozenset({1451, 1452, 1062, 1406, 1264, 3819, 4025, 1265, 1292, 1366})


@dataclass(frozen=True)
class Altered:
    """What came back: `state` as in `RowChallenge`, and the row as it stood inside the transaction."""

    state: str
    column: str = ""
    row: Mapping[str, object] | None = None


def alter(session: Session, recipe: RowIntegrity, schema: str, row: Mapping[str, object]) -> Altered:
    """Alter one covered column of `row`, read it back, roll back; another where one is ruled out."""
    for column, value in _candidates(recipe, row):
        found = _try(session, recipe, schema, row, column, value)
        if found is not None:
            return found
    return Altered("no_column")


def _candidates(recipe: RowIntegrity, row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield covered columns with another value of the same kind and length; sensitive text comes first."""
    names = sorted((one for one in recipe.over if one != recipe.row), key=lambda one: _order(row[one]))
    pairs = ((one, other_value(row[one])) for one in names)
    yield from [pair for pair in pairs if pair[1] is not None][:_MOST_COLUMNS]


def _order(value: object) -> int:
    return 0 if isinstance(value, str) else 1


def other_value(value: object) -> object | None:
    """Return another value of the same type and length, None where we know of none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal | float):
        return value + 1 if value < 1 else value - 1
    if isinstance(value, date):
        return value - timedelta(days=1)
    if isinstance(value, str) and value.strip():
        text = value.rstrip()
        return text[:-1] + ("1" if text[-1] != "1" else "2") + value[len(text) :]
    return None


def _try(
    session: Session, recipe: RowIntegrity, schema: str, row: Mapping[str, object], column: str, value: object
) -> Altered | None:
    """Return what became of one alteration, None where a rule of the table forbids just this value.

    Nothing in here commits: the transaction ends in `rollback` on every way out, and a lost connection or a
    killed process leaves the server to roll back.
    """
    table = table_of(recipe, schema)
    same = sqlalchemy.column(recipe.row) == row[recipe.row]
    change = sqlalchemy.update(table).where(same).values({column: value})
    back = select_of(recipe, schema).where(same)
    session.transcript.note(f"改动 {recipe.table} 一行的 {column}，随即回滚")
    connection = session.connection
    transaction = connection.begin()
    try:
        for one in _BEGIN[connection.dialect.name]:
            connection.exec_driver_sql(one)
        if connection.execute(change).rowcount != 1:
            return Altered("busy", column)  # gone meanwhile, or the key is none
        rows = [dict(one) for one in connection.execute(back).mappings().fetchmany(2)]
    except (sa_exc.SQLAlchemyError, OSError) as error:
        state = _refusal(error)
        session.transcript.note(f"{column}：{state or '表的约束不允许该值'}")
        return Altered(state, column) if state else None
    finally:
        _undo(session, transaction)
    session.transcript.note("已回滚")
    return Altered("altered", column, rows[0]) if len(rows) == 1 else Altered("failed", column)


def _undo(session: Session, transaction: sqlalchemy.RootTransaction) -> None:
    """Roll back; where even that fails the connection is cut, and the server rolls back by itself."""
    try:
        transaction.rollback()
    except (sa_exc.SQLAlchemyError, OSError):
        session.connection.invalidate()
        session.dead = ProtocolMismatch("回滚时连接中断，服务器将自行回滚", cure="核对该行与改动前一致")


_BEGIN: Final[Mapping[str, tuple[str, ...]]] = {
    "postgresql": (
        "SET TRANSACTION READ WRITE",
        "SET LOCAL lock_timeout = '1s'",
        "SET LOCAL statement_timeout = '5s'",
        "SET LOCAL idle_in_transaction_session_timeout = '10s'",
    ),
    "mysql": (),
    "sqlite": ("BEGIN IMMEDIATE",),
}


def allow_writing(session: Session) -> None:
    """Let the next transactions of the session write, for a second at most while others hold the row.

    PostgreSQL is told in each transaction, SQLite by how the file was opened.
    """
    if session.connection.dialect.name == "mysql":
        for one in ("SET SESSION innodb_lock_wait_timeout=1", "SET SESSION TRANSACTION READ WRITE"):
            session.connection.exec_driver_sql(one)
        session.connection.rollback()  # of nothing: settings of the session stay


def _refusal(error: Exception) -> str:
    """Return the state for a refusal, empty for a rule about the value; never the server's words."""
    cause: Any = getattr(error, "orig", None) or error
    number = next(iter(getattr(cause, "args", ())), None)
    name = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    told: object = number if isinstance(number, int) else name
    for known, state in ((_BY_TRIGGER, "refused"), (_NO_RIGHT, "no_permission"), (_LOCKED, "busy")):
        if told in known:
            return state
    if told in _RULES or (
        isinstance(told, str) and told.startswith(("22", "23", "428C9", "SQLITE_CONSTRAINT"))
    ):
        return ""
    return "failed"
