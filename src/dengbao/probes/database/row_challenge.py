"""Challenges the digests of rows: alters one row past the application, looks who notices, rolls back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

import sqlalchemy
from msgspec import structs

from ...errors import NotSupported, ProbeError
from ...model import Asset, DatabaseAsset, Level, RowIntegrity
from ..base import Context, Observed, Purpose
from .connect import open_mysql, open_postgres
from .recipe import holds, require_algorithm, stored
from .row_altering import allow_writing, alter
from .row_facts import DatabaseRowChallenge, RowChallenge
from .row_reading import STATES, rows_of, schema_of, select_of
from .row_tables import count_of, why_not
from .rows import key_of
from .session import Session
from .sqlite import open_for_rollback

_CLAUSE: Final = "6.b.3"
_PURPOSE: Final = Purpose(Level.INTRUDE, "在事务中改动一行后回滚，看校验值能否发现", _CLAUSE)
_OPEN: Final = {
    "postgresql": open_postgres, "kingbase": open_postgres, "mariadb": open_mysql, "mysql": open_mysql,
    "sqlite": open_for_rollback,
}  # fmt: skip


async def probe(asset: Asset, context: Context) -> Observed:
    """Alter one covered column of one row of each table that may be, read it back, roll back, look again.

    Sends: one login for each account declared; for each table the questions of `database.rows` and one
        UPDATE of one row, at most four where rules of the table forbid the value.
    Changes: nothing that stays: never committed, and a killed process leaves the server to roll back. Waits
        for locks a second at most. A sequence that a trigger draws from moves on.
    Level: intrude.

    Raises:
        NotSupported: a platform without a reader here.
        NotDeclared, OutOfScope, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: nothing was seen.

    """
    if not isinstance(asset, DatabaseAsset):
        raise NotSupported("不是数据库测评对象")
    return await asyncio.to_thread(_look, asset, context)


def _open(asset: DatabaseAsset, context: Context) -> AbstractContextManager[Session]:
    opened = _OPEN.get(asset.platform)
    if opened is None:
        raise NotSupported(f"暂不能读取数据库平台“{asset.platform or '（未填）'}”", cure="以人工佐证补充")
    return opened(asset, context)


def _look(asset: DatabaseAsset, context: Context) -> Observed:
    chosen = sorted((one for one in asset.integrity if one.alter), key=lambda one: one.account)
    tables: list[RowChallenge] = []
    for account, recipes in groupby(chosen, key=lambda one: one.account):
        as_one = structs.replace(asset, account=account or asset.account)
        with _open(as_one, context) as session:
            allow_writing(session)
            tables += [_table(session, as_one, one, context) for one in recipes]
            context.keep(f"database-row-challenge-{account or 'own'}.txt", session.transcript.data())
    return Observed((DatabaseRowChallenge(tables=tuple(tables)),))


def _table(session: Session, asset: DatabaseAsset, recipe: RowIntegrity, context: Context) -> RowChallenge:
    require_algorithm(recipe)
    schema = schema_of(session, asset, recipe)
    found = RowChallenge(
        table=recipe.table, digest=recipe.digest, algorithm=recipe.algorithm, keyed=bool(recipe.key),
        schema=schema,
    )  # fmt: skip
    try:
        key = key_of(recipe, asset, context)
        why, triggers = why_not(session, schema, recipe.table)
        found = structs.replace(found, triggers=triggers)
        if why:
            return structs.replace(found, state=why)
        rows, _whole = rows_of(session, recipe, schema)
    except ProbeError as error:
        return structs.replace(found, state=STATES.get(error.reason, "failed"))
    row = next((one for one in rows if holds(recipe, one, key)), None)
    if row is None or count_of(session, _same(recipe, schema, row)) != 1:
        return structs.replace(found, state="no_row")
    context.announce(_PURPOSE, f"UPDATE {found.label}（一行，随即回滚）")
    return _challenged(session, recipe, row, key, structs.replace(found, at=datetime.now(UTC)))


def _same(
    recipe: RowIntegrity, schema: str, row: Mapping[str, object]
) -> sqlalchemy.Select[tuple[object, ...]]:
    return select_of(recipe, schema).where(sqlalchemy.column(recipe.row) == row[recipe.row])


def _challenged(
    session: Session, recipe: RowIntegrity, row: Mapping[str, object], key: str, found: RowChallenge
) -> RowChallenge:
    seen = alter(session, recipe, found.schema, row)
    now = structs.replace(found, state=seen.state, column=seen.column)
    if seen.row is not None:
        reverted = seen.row[seen.column] == row[seen.column]
        digests = [stored(one[recipe.digest], recipe) for one in (row, seen.row)]
        now = structs.replace(
            now,
            state="reverted" if reverted else "altered",
            holds=holds(recipe, seen.row, key),
            resigned=digests[0] != digests[1],
        )
    return structs.replace(now, restored=_restored(session, recipe, row, found.schema))


def _restored(session: Session, recipe: RowIntegrity, row: Mapping[str, object], schema: str) -> bool | None:
    """Tell whether the row stands as it did, seen by a new transaction; None where it could not be seen."""
    try:
        rows = session.ask(_same(recipe, schema, row), limit=2, quiet=True)
    except ProbeError:
        return None
    return rows == [dict(row)]
