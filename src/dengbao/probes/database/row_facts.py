"""What the digests that rows carry turned out to be: counts only, never a value."""

from __future__ import annotations

from datetime import datetime

from ...model import Facts, Value


class RowDigests(Value):
    """The recomputed digests of one declared table.

    `state` is `read`, `no_column` (the table has all declared columns but that of the digest), `not_found`,
    `no_permission`, `timed_out`, `no_key` or `failed`. Of `rows` read, `matching` carry the right digest,
    `missing` none and `wrong` another one. `alike`: rows that differ all carry one and the same digest.
    `whole`: these are all rows of the table. `uncovered` are declared sensitive or important columns that the
    digest does not cover. `keyed`: a secret goes into it. `at` is when they were read.
    """

    table: str
    digest: str
    algorithm: str
    keyed: bool
    over: tuple[str, ...]
    schema: str = ""
    state: str = "read"
    rows: int = 0
    matching: int = 0
    missing: int = 0
    wrong: int = 0
    alike: bool | None = None
    whole: bool | None = None
    uncovered: tuple[str, ...] = ()
    at: datetime | None = None

    @property
    def label(self) -> str:
        """Return `schema.table`."""
        return ".".join(one for one in (self.schema, self.table) if one)


class DatabaseRows(Facts, tag="database.rows"):
    """The declared tables, each at most `limit` rows; `undeclared` are tables with sensitive columns only."""

    tables: tuple[RowDigests, ...]
    limit: int
    undeclared: tuple[str, ...] = ()


class RowChallenge(Value):
    """What became of one row that was altered past the application; the change was always rolled back.

    `state` is `altered`, `refused` (a trigger refused it), `reverted` (accepted, but the old value stood
    there), `no_row` (no row with a digest that holds), `not_transactional`, `side_effects` (a trigger might
    write where nothing is rolled back), `no_permission`, `not_found`, `busy`, `no_column` (none that could be
    altered), `no_key` or `failed`. After an alteration: `holds` tells whether the row's digest fits the
    altered row, `resigned` whether the database itself wrote a new digest. `restored`: afterwards the row was
    as before.
    """

    table: str
    digest: str
    algorithm: str
    keyed: bool
    schema: str = ""
    state: str = "failed"
    column: str = ""
    holds: bool | None = None
    resigned: bool | None = None
    restored: bool | None = None
    triggers: tuple[str, ...] = ()
    at: datetime | None = None

    @property
    def label(self) -> str:
        """Return `schema.table`."""
        return ".".join(one for one in (self.schema, self.table) if one)


class DatabaseRowChallenge(Facts, tag="database.row_challenge"):
    """The tables of which one row was to be altered."""

    tables: tuple[RowChallenge, ...]
