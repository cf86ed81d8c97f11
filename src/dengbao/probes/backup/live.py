"""Looks at the database that a backup is taken from: its tables in use, and what becomes of its log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ...errors import NotDeclared, NotSupported, ProbeError
from ...model import Asset, BackupAsset, DatabaseAsset, Facts, Missing
from ..base import Context, Observed, missing
from ..database import my_system, pg_system
from ..database.connect import open_mysql, open_postgres
from ..database.session import Row, Session, flag, number, text
from ..database.sqlite import open_file
from ..database.system_facts import DatabaseReplication
from .facts import BackupLive, BackupLogArchive, LiveTable

_COUNT_S: Final = 45.0
_TABLES_MAX: Final = 5000
_COUNTED_MAX: Final = 1000
# A larger table is not counted: reading it whole would be felt by those who work with it.
_LARGE_ROWS: Final = 1_000_000
_LARGE_BYTES: Final = 256 * 1024 * 1024
_ALL_BYTES: Final = 2 * 1024**3

# Sizes by what the last ANALYZE noted: asking for them now would wait for locks on each table. Tables that
# belong to an extension come back with the extension and stand in no dump.
_PG_TABLES: Final = f"""
SELECT n.nspname AS schema, c.relname AS name, c.reltuples::bigint AS about,
  c.relpages::bigint * current_setting('block_size')::bigint AS bytes,
  has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
    AND NOT row_security_active(c.oid) AS countable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.deptype = 'e')
ORDER BY 4, 1, 2 LIMIT {_TABLES_MAX}
"""  # noqa: S608 - numbers of ours
_MY_TABLES: Final = f"""
SELECT table_name AS name, table_rows AS about, data_length AS bytes, 1 AS countable
FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = DATABASE()
ORDER BY data_length, 1 LIMIT {_TABLES_MAX}
"""  # noqa: S608 - numbers of ours
_MY_RIGHTS: Final = (
    "SELECT 1 AS n FROM information_schema.user_privileges WHERE privilege_type = 'SELECT'"
    " UNION SELECT 1 FROM information_schema.schema_privileges WHERE privilege_type = 'SELECT'"
    " AND DATABASE() LIKE table_schema LIMIT 1"
)
_LITE_TABLES: Final = f"""
SELECT name, NULL AS about, 0 AS bytes, 1 AS countable FROM sqlite_master
WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%'
ORDER BY 1 LIMIT {_TABLES_MAX}
"""  # noqa: S608 - numbers of ours


@dataclass(frozen=True)
class _Product:
    """How one product is opened, asked for its tables, and whether it lists those we may not read."""

    name: str
    opened: Callable[[DatabaseAsset, Context], AbstractContextManager[Session]]
    tables: str
    only: str = ""
    lists_all: str = ""
    log: Callable[[Session, DatabaseAsset], DatabaseReplication] | None = None


_POSTGRES: Final = _Product("postgresql", open_postgres, _PG_TABLES, only="ONLY ", log=pg_system.replication)
_MARIADB: Final = _Product("mariadb", open_mysql, _MY_TABLES, lists_all=_MY_RIGHTS, log=my_system.replication)
_PRODUCTS: Final[Mapping[str, _Product]] = {
    "postgresql": _POSTGRES,
    "mariadb": _MARIADB,
    "mysql": _MARIADB,
    "sqlite": _Product("sqlite", open_file, _LITE_TABLES),
}


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the state of the database's log, and how many rows its tables have that the backup should hold.

    Sends: one login with the database's own account, questions about the log; where a restore is asked for,
        a list of tables and a count of each that is not large, within 45 seconds; of large ones the server's
        own estimate is taken.
    Changes: nothing; the session is read only. The server's log notes the login.
    Level: login.

    Raises:
        NotDeclared: the database is not declared.
        NotSupported: a product without a reader here.
        OutOfScope, NoPermission, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: nothing was seen.

    """
    if not isinstance(asset, BackupAsset):
        raise NotSupported("不是备份类测评对象", where=asset.id)
    base = context.other(asset, asset.database)
    if not isinstance(base, DatabaseAsset):
        raise NotDeclared(
            f"{asset.database} 不是数据库", where=f"测评对象 {asset.id}", cure="database 写数据库的编号"
        )
    product = _PRODUCTS.get(base.platform)
    if product is None or base.collected:
        raise NotSupported(
            f"不能查看数据库 {base.id} 的在用行数与日志归档", cure="以 expect 登记各表应有的行数，或由人比对"
        )
    return await asyncio.to_thread(_look, asset, base, product, context)


def _look(asset: BackupAsset, base: DatabaseAsset, product: _Product, context: Context) -> Observed:
    with product.opened(base, context) as session:
        told = (
            _told(BackupLogArchive, lambda: _log(session, product, base)),
            _told(BackupLive, lambda: _live(session, product, asset, base)),
        )
        context.keep("backup-live.txt", session.transcript.data())
    return Observed(
        facts=tuple(one for one in told if not isinstance(one, Missing)),
        missing=tuple(one for one in told if isinstance(one, Missing)),
    )


def _told(kind: type[Facts], look: Callable[[], Facts]) -> Facts | Missing:
    try:
        return look()
    except ProbeError as exc:
        return missing(kind, exc, exc.reason)


def _log(session: Session, product: _Product, base: DatabaseAsset) -> BackupLogArchive:
    if product.log is None:
        raise NotSupported("该数据库没有可归档的日志")
    seen = product.log(session, base)
    return BackupLogArchive(
        database=base.id, product=product.name, logged=seen.changes_logged, archiving=seen.archiving,
        archived_age_s=seen.archived_age_s, failures=seen.archive_failures,
        failed_age_s=seen.archive_failed_age_s, kept_s=seen.log_kept_s,
    )  # fmt: skip


def _live(session: Session, product: _Product, asset: BackupAsset, base: DatabaseAsset) -> BackupLive:
    if not asset.restore:
        raise NotDeclared(
            "未登记试恢复，不清点在用的表", where=f"测评对象 {asset.id}", cure="写 restore: true"
        )
    if product.name != "sqlite" and not base.database:
        raise NotDeclared(
            f"数据库 {base.id} 未登记库名，不知备份对应哪个库", where=f"测评对象 {base.id}",
            cure="填写 database",
        )  # fmt: skip
    rows = session.ask(product.tables, quiet=True)
    tables = tuple(_count(session, product, rows))
    return BackupLive(
        database=base.id, base=base.database, product=product.name, looked_at=datetime.now(UTC),
        tables=tables, complete=len(rows) < _TABLES_MAX and _lists_all(session, product),
    )  # fmt: skip


def _lists_all(session: Session, product: _Product) -> bool:
    """Tell whether tables that the account may not read would have been listed all the same."""
    return not product.lists_all or bool(session.ask(product.lists_all))


def _count(session: Session, product: _Product, rows: list[dict[str, object]]) -> Iterator[LiveTable]:
    """Yield every table, counted as far as time and size allow, smallest first."""
    ends_at = time.monotonic() + _COUNT_S
    counted, spent = 0, 0
    for row in rows:
        size = number(row, "bytes") or 0
        found: int | None = None
        may = time.monotonic() < ends_at and counted < _COUNTED_MAX and spent + size <= _ALL_BYTES
        if may and session.dead is None and _is_small(row) and flag(row, "countable"):
            found = _exact(session, product, row)
            counted, spent = counted + 1, spent + size
        about = number(row, "about")
        estimate = about if about is not None and about >= 0 else None
        yield LiveTable(
            name=".".join(one for one in (text(row, "schema"), text(row, "name")) if one),
            rows=estimate if found is None else found,
            counted=found is not None,
        )


def _is_small(row: Row) -> bool:
    return (number(row, "about") or 0) <= _LARGE_ROWS and (number(row, "bytes") or 0) <= _LARGE_BYTES


def _exact(session: Session, product: _Product, row: Row) -> int | None:
    quote = session.connection.dialect.identifier_preparer.quote_identifier
    names = [quote(one) for one in (text(row, "schema"), text(row, "name")) if one]
    table = ".".join(names).replace("%%", "%")  # the driver is given no parameters, so nothing is undone
    try:
        found = session.one(f"SELECT count(*) AS n FROM {product.only}{table}")  # noqa: S608 - quoted names
    except ProbeError:
        return None
    return number(found, "n")
