"""Restores a SQLite file or its SQL text into a throw-away file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from .databases import look_at_sqlite
from .sqltext import SQLITE, ClientCommand, Script, verb
from .streams import Budget, Stream, Undecided
from .throwaway import Throwaway
from .trial import Trial

_STEPS_BETWEEN_LOOKS: Final = 10_000
_MAX_VALUE_BYTES: Final = 64 * 1024 * 1024
_TABLES: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY 1 LIMIT 20000"
)
# Other files, other libraries and the inside of the schema are none of a dump's business.
_FORBIDDEN: Final = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
_FORBIDDEN_PRAGMAS: Final = (
    "writable_schema",
    "temp_store_directory",
    "data_store_directory",
    "journal_mode",
)


class SqliteTrial(Trial):
    """A SQLite file of our own; the library is the one of this Python."""

    product = "sqlite"

    def __init__(self, place: Throwaway) -> None:
        super().__init__(place)
        self.version = sqlite3.sqlite_version
        self.path: Path = place.folder / "restored.db"
        self._base: sqlite3.Connection | None = None

    def begin(self) -> None:
        """Do nothing: the file is made by what is fed in."""

    def end(self) -> None:
        """Close the file."""
        if self._base is not None:
            self._base.close()

    def feed(self, stream: Stream, budget: Budget) -> None:
        """Carry out a text dump, statement by statement, whatever fails."""
        base = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._base = base
        base.set_authorizer(_authorize)
        base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        base.set_progress_handler(lambda: int(self.place.why is not None), _STEPS_BETWEEN_LOOKS)
        for one in Script(stream, SQLITE):
            budget.check()
            self.place.check()
            if isinstance(one, ClientCommand):
                self.refused[one.name] += 1
            elif one.startswith(b"."):
                self.refused[".?"] += 1
            else:
                self._execute(base, one)

    def take(self, stream: Stream, budget: Budget) -> None:
        """Copy a whole database file and let SQLite check it.

        Raises:
            Damaged: the check finds errors.
            Undecided: larger than there is room for.

        """
        with self.path.open("wb") as out:
            while part := stream.read():
                self.place.check()
                try:
                    out.write(part)
                except OSError as exc:
                    raise Undecided("本机没有足够的临时空间，未恢复") from exc
        look_at_sqlite(self.path, budget)

    def count(self) -> Iterator[tuple[str, int]]:
        """Yield every table and its rows."""
        self.end()
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as base:
            base.set_progress_handler(lambda: int(self.place.why is not None), _STEPS_BETWEEN_LOOKS)
            for (name,) in base.execute(_TABLES).fetchall():
                quoted = '"' + str(name).replace('"', '""') + '"'
                try:
                    (rows,) = base.execute(f"SELECT count(*) FROM {quoted}").fetchone()  # noqa: S608 - quoted
                except sqlite3.Error as exc:
                    raise self.place.why or Undecided("恢复后的表未能清点") from exc
                yield str(name), int(rows)

    def _execute(self, base: sqlite3.Connection, statement: bytes) -> None:
        try:
            for _row in base.execute(statement.decode("utf-8", "surrogateescape")):
                self.place.check()
        except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as exc:
            if self.place.why is not None:
                raise self.place.why from exc
            self.errors[verb(statement), str(getattr(exc, "sqlite_errorname", "?"))] += 1


def _authorize(action: int, first: str | None, *_rest: str | None) -> int:
    if action in _FORBIDDEN:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _FORBIDDEN_PRAGMAS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
