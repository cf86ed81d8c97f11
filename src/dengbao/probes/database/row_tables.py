"""Whether a table rolls back at all, and what a trigger on it might do that does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy

from ...errors import ProbeError
from .session import Session, number, text

_PG_TABLE: Final = (
    "SELECT c.relkind::text AS kind, array(SELECT t.tgname::text FROM pg_catalog.pg_trigger t"
    " WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND (t.tgtype & 16) <> 0"
    " ORDER BY 1) AS triggers FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = :schema AND c.relname = :name"
)
_MY_TABLE: Final = (
    "SELECT t.table_type AS kind, e.transactions AS rolls FROM information_schema.tables t"
    " LEFT JOIN information_schema.engines e ON e.engine = t.engine"
    " WHERE t.table_schema = :schema AND t.table_name = :name"
)
_MY_TRIGGERS: Final = (
    "SELECT trigger_name AS name FROM information_schema.triggers WHERE event_object_schema = :schema"
    " AND event_object_table = :name AND event_manipulation = 'UPDATE' ORDER BY 1"
)
_MY_OTHERS: Final = (
    "SELECT count(*) AS n FROM information_schema.tables t"
    " JOIN information_schema.engines e ON e.engine = t.engine WHERE e.transactions <> 'YES'"
    " AND t.table_type = 'BASE TABLE' AND t.table_schema NOT IN"
    " ('mysql', 'information_schema', 'performance_schema', 'sys')"
)
_LITE_TABLE: Final = "SELECT type AS kind, sql AS made FROM sqlite_master WHERE lower(name) = lower(:name)"
_LITE_TRIGGERS: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(:name) ORDER BY 1"
)


def why_not(session: Session, schema: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Return why the table is left alone, empty where it may be altered, and its triggers on UPDATE.

    Raises:
        NoPermission, TimedOut, NotSupported, ProtocolMismatch: mapped from the driver's error.

    """
    reader = {"postgresql": _postgres, "mysql": _mysql, "sqlite": _sqlite}[session.connection.dialect.name]
    return reader(session, {"schema": schema, "name": name})


def _ask(session: Session, sql: str, given: Mapping[str, str]) -> list[dict[str, object]]:
    known = {key: value for key, value in given.items() if f":{key}" in sql}
    question: Any = sqlalchemy.text(sql).bindparams(**known) if known else sqlalchemy.text(sql)
    return session.ask(question)


def _postgres(session: Session, given: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    found = _ask(session, _PG_TABLE, given)
    if not found:
        return "not_found", ()
    triggers = found[0]["triggers"]
    names = tuple(map(str, triggers)) if isinstance(triggers, list | tuple) else ()
    return ("" if text(found[0], "kind") in ("r", "p") else "not_transactional"), names


def _mysql(session: Session, given: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    found = _ask(session, _MY_TABLE, given)
    if not found:
        return "not_found", ()
    if text(found[0], "kind").upper() != "BASE TABLE" or text(found[0], "rolls").upper() != "YES":
        return "not_transactional", ()
    triggers = tuple(text(one, "name") for one in _ask(session, _MY_TRIGGERS, given))
    # A trigger may write into a table that is not rolled back.
    others = number((_ask(session, _MY_OTHERS, given) or [{}])[0], "n") if triggers else 0
    return ("" if others == 0 else "side_effects"), triggers


def _sqlite(session: Session, given: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    found = [one for one in _ask(session, _LITE_TABLE, given) if text(one, "kind") != "index"]
    if not found:
        return "not_found", ()
    virtual = text(found[0], "made").upper().startswith("CREATE VIRTUAL")
    triggers = tuple(text(one, "name") for one in _ask(session, _LITE_TRIGGERS, given))
    return ("not_transactional" if virtual or text(found[0], "kind") != "table" else ""), triggers


def count_of(session: Session, question: sqlalchemy.Select[Any]) -> int:
    """Return how many rows a question finds, 2 at most; 0 where it fails."""
    try:
        return len(session.ask(question.limit(2), limit=2, quiet=True))
    except ProbeError:
        return 0
