"""How rows of a database carry a digest of themselves."""

from __future__ import annotations

from .base import Value


class RowIntegrity(Value):
    """校验列: `digest` holds a digest over the columns `over` of the same row, made by the application.

    `algorithm`, `joiner`, `named`, `sorted_columns` and `encoding` mean what they mean in `Signature`: names
    and values as `name=value` unless not `named`, joined; a plain hash gets the key appended. `null` stands
    for NULL. `key` is a reference like an account's secret, empty where the digest needs none. `row` is the
    primary key. `important` are further columns that must be covered, besides the declared sensitive ones of
    the table. `alter`: one row may be altered for a moment, inside a transaction that is rolled back, as
    `account` (empty: the database's own); only on a test database.
    """

    table: str
    row: str
    digest: str
    algorithm: str
    over: tuple[str, ...]
    key: str = ""
    schema: str = ""
    joiner: str = "&"
    named: bool = True
    sorted_columns: bool = False
    encoding: str = "hex"
    null: str = ""
    important: tuple[str, ...] = ()
    alter: bool = False
    account: str = ""
