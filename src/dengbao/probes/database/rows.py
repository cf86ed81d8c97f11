"""Recomputes the digests that rows carry; every value is forgotten at once, only counts are told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from ...errors import NotSupported, ProbeError
from ...model import Asset, DatabaseAsset, RowIntegrity
from ..base import Context, Observed
from .connect import open_mysql, open_postgres
from .recipe import holds, require_algorithm, stored
from .row_facts import DatabaseRows, RowDigests
from .row_reading import LIMIT, STATES, has_all_but_digest, rows_of, schema_of
from .session import Session
from .sqlite import open_file

_OPEN: Final = {
    "postgresql": open_postgres, "kingbase": open_postgres, "mariadb": open_mysql, "mysql": open_mysql,
    "sqlite": open_file,
}  # fmt: skip


async def probe(asset: Asset, context: Context) -> Observed:
    """Recompute the digests of rows from both ends of every declared table.

    Sends: one login with the account given and two bounded questions for each table. SQLite: opens the
        file for reading.
    Changes: nothing; the session is read only. Values and keys are neither kept nor told.
    Level: login.

    Raises:
        NotSupported: a platform without a reader here.
        NotDeclared, OutOfScope, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: nothing was seen.

    """
    if not isinstance(asset, DatabaseAsset):
        raise NotSupported("不是数据库测评对象")
    return await asyncio.to_thread(_look, asset, context)


def open_session(asset: DatabaseAsset, context: Context) -> AbstractContextManager[Session]:
    """Return the read-only session that the asset's platform is asked in.

    Raises:
        NotSupported: a platform without a reader here.

    """
    opened = _OPEN.get(asset.platform)
    if opened is None:
        raise NotSupported(f"暂不能读取数据库平台“{asset.platform or '（未填）'}”", cure="以人工佐证补充")
    return opened(asset, context)


def _look(asset: DatabaseAsset, context: Context) -> Observed:
    with open_session(asset, context) as session:
        tables = tuple(_table(session, asset, one, context) for one in asset.integrity)
        context.keep("database-rows.txt", session.transcript.data())
    declared = {one.table for one in asset.integrity}
    others = dict.fromkeys(one.table for one in asset.sensitive if one.table not in declared)
    return Observed((DatabaseRows(tables=tables, limit=LIMIT, undeclared=tuple(others)),))


def _table(session: Session, asset: DatabaseAsset, recipe: RowIntegrity, context: Context) -> RowDigests:
    require_algorithm(recipe)
    schema = schema_of(session, asset, recipe)
    found = RowDigests(
        table=recipe.table, digest=recipe.digest, algorithm=recipe.algorithm, keyed=bool(recipe.key),
        over=recipe.over, schema=schema, uncovered=_uncovered(asset, recipe), at=datetime.now(UTC),
    )  # fmt: skip
    try:
        key = key_of(recipe, asset, context)
        rows, whole = rows_of(session, recipe, schema)
    except ProbeError as error:
        state = STATES.get(error.reason, "failed")
        if state == "not_found" and has_all_but_digest(session, recipe, schema):
            state = "no_column"
        return structs.replace(found, state=state)
    told = _counted(found, recipe, rows, key)
    session.transcript.note(
        f"{told.label} 读取 {told.rows} 行：校验值相符 {told.matching}，"
        f"缺失 {told.missing}，不符 {told.wrong}"
    )
    return structs.replace(told, whole=whole)


def key_of(recipe: RowIntegrity, asset: DatabaseAsset, context: Context) -> str:
    """Return the key of a digest, empty where it needs none; it never gets into a transcript."""
    if not recipe.key:
        return ""
    return context.secrets.resolve(recipe.key, label=f"{asset.id}/{recipe.table}")


def _uncovered(asset: DatabaseAsset, recipe: RowIntegrity) -> tuple[str, ...]:
    """Return columns that must be covered and are not; a column of the digest's own table only."""
    sensitive = [
        one.column
        for one in asset.sensitive
        if one.table == recipe.table and (one.schema or recipe.schema) == (recipe.schema or one.schema)
    ]
    asked = dict.fromkeys((*sensitive, *recipe.important))
    return tuple(one for one in asked if one not in recipe.over)


def _counted(
    found: RowDigests, recipe: RowIntegrity, rows: Sequence[Mapping[str, object]], key: str
) -> RowDigests:
    given = [stored(one[recipe.digest], recipe) for one in rows]
    missing = sum(one is None for one in given)
    matching = sum(holds(recipe, one, key) for one in rows)
    present = [(digest, row) for digest, row in zip(given, rows, strict=True) if digest is not None]
    contents = {repr([row[name] for name in recipe.over]) for _digest, row in present}
    return structs.replace(
        found,
        rows=len(rows),
        matching=matching,
        missing=missing,
        wrong=len(rows) - matching - missing,
        alike=len({digest for digest, _row in present}) == 1 if len(contents) > 1 else None,
    )
