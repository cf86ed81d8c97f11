"""The local store of known holes: one SQLite file, built anew by each import, only read afterwards."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from ..errors import Damaged, NotDeclared, StoreError
from .entries import Batch, DataSource

FILE_NAME: Final = "vulnerabilities.sqlite"
_APPLICATION: Final = 0x44425653
_VERSION: Final = 1
_BATCH: Final = 20_000
_SCHEMA: Final = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE source (number INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE distribution (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE coverage (source INTEGER, distribution INTEGER, entries INTEGER,
  PRIMARY KEY (source, distribution));
CREATE TABLE severity (id TEXT PRIMARY KEY, level INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE hole (distribution INTEGER, package TEXT, id TEXT, introduced TEXT, fixed TEXT, last TEXT,
  source INTEGER, PRIMARY KEY (distribution, package, id, introduced, fixed, last, source)) WITHOUT ROWID;
"""


class Known(msgspec.Struct, frozen=True):
    """An entry as asked back, with its level and the number of its source."""

    id: str
    introduced: str
    fixed: str
    last: str
    level: int
    source: int


class Builder:
    """Fills a new store beside the old one; `finish` puts it in the old one's place."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._temporary.unlink(missing_ok=True)
        self._db = sqlite3.connect(self._temporary, isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        self._distributions: dict[str, int] = {}
        self._rows: list[tuple[int, str, str, str, str, str, int]] = []
        self._counts: dict[tuple[int, int], int] = {}
        self._sources = 0

    def begin_source(self) -> int:
        """Return the number of a new source."""
        self._sources += 1
        return self._sources

    def add(self, source: int, batch: Batch) -> int:
        """Take the sound entries of a batch and return how many those are."""
        sound = [one for one in batch.entries if one.sound]
        for one in sound:
            where = self._number(one.distribution)
            self._rows.append((where, one.package, one.id, one.introduced, one.fixed, one.last, source))
            self._counts[source, where] = self._counts.get((source, where), 0) + 1
        ids = {one.id for one in sound}
        graded = [(name, level) for name, level in batch.levels.items() if level and name in ids]
        if graded:
            self._db.executemany(
                "INSERT INTO severity VALUES (?, ?)"
                " ON CONFLICT (id) DO UPDATE SET level = max(level, excluded.level)",
                graded,
            )
        if len(self._rows) >= _BATCH:
            self._flush()
        return len(sound)

    def end_source(self, number: int, source: DataSource) -> None:
        """Note where the entries came from."""
        self._db.execute("INSERT INTO source VALUES (?, ?)", (number, msgspec.json.encode(source)))

    def finish(self) -> None:
        """Write everything and replace the old store."""
        self._flush()
        rows = [(source, where, count) for (source, where), count in self._counts.items()]
        self._db.executemany("INSERT INTO coverage VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")
        self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
        self._db.execute(f"PRAGMA user_version = {_VERSION}")
        self._db.close()
        self._temporary.replace(self.path)

    def abandon(self) -> None:
        """Leave the old store as it was."""
        self._db.close()
        self._temporary.unlink(missing_ok=True)

    def _number(self, distribution: str) -> int:
        if distribution not in self._distributions:
            number = len(self._distributions) + 1
            self._distributions[distribution] = number
            self._db.execute("INSERT INTO distribution VALUES (?, ?)", (number, distribution))
        return self._distributions[distribution]

    def _flush(self) -> None:
        self._db.executemany("INSERT OR IGNORE INTO hole VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows)
        self._rows.clear()


class Store:
    """An open store; close it after use, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        """Open the store.

        Raises:
            NotDeclared: there is none.
            Damaged: the file is not one of ours.

        """
        if not path.is_file():
            raise NotDeclared(
                "没有漏洞数据",
                where=str(path),
                cure="用 dengbao vulns import 导入；见 howto-vulnerability-data",
            )
        self.path = path
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        with self._honest():
            found = [
                self._db.execute(f"PRAGMA {one}").fetchone()[0] for one in ("application_id", "user_version")
            ]
            if found != [_APPLICATION, _VERSION]:
                raise sqlite3.DatabaseError("foreign")

    def __enter__(self) -> Store:
        """Return the store itself."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close it."""
        self._db.close()

    @contextlib.contextmanager
    def _honest(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.DecodeError, UnicodeDecodeError) as exc:
            self._db.close()
            raise Damaged(
                "漏洞数据文件已损坏，或不是本程序写的",
                where=str(self.path),
                cure="重新运行 dengbao vulns import",
            ) from exc

    def sources(self) -> dict[int, DataSource]:
        """Return every source by its number."""
        with self._honest():
            rows = self._db.execute("SELECT number, value FROM source ORDER BY number").fetchall()
            return {int(number): msgspec.json.decode(value, type=DataSource) for number, value in rows}

    def coverage(self) -> dict[str, dict[int, int]]:
        """Return distribution → source number → how many entries it has."""
        found: dict[str, dict[int, int]] = {}
        with self._honest():
            for name, source, entries in self._db.execute(
                "SELECT name, source, entries FROM coverage"
                " JOIN distribution ON number = distribution ORDER BY name"
            ):
                found.setdefault(str(name), {})[int(source)] = int(entries)
        return found

    def about(self, distribution: str, package: str) -> tuple[Known, ...]:
        """Return everything known of a package of a distribution."""
        with self._honest():
            rows = self._db.execute(
                "SELECT hole.id, introduced, fixed, last, coalesce(level, 0), source FROM hole"
                " LEFT JOIN severity ON severity.id = hole.id WHERE package = ?"
                " AND distribution = (SELECT number FROM distribution WHERE name = ?)",
                (package, distribution),
            ).fetchall()
            return tuple(Known(str(a), str(b), str(c), str(d), int(e), int(f)) for a, b, c, d, e, f in rows)


def build(path: Path) -> Builder:
    """Return a builder for a store at `path`.

    Raises:
        StoreError: nothing can be written there.

    """
    try:
        return Builder(path)
    except (sqlite3.Error, OSError) as exc:
        raise StoreError("漏洞数据无法写入", where=str(path), cure="检查权限与磁盘空间") from exc
