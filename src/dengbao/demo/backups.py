"""Writes the backups of the hospital's database: stale and damaged before 整改, complete after."""

from __future__ import annotations

import gzip
import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from .measures import Measures

EVERY_H: Final = 24.0
KEEP: Final = 7


def write(
    database: Path, folder: Path, measures: Measures, *, now_s: float | None = None
) -> tuple[Path, ...]:
    """Replace the files of `folder` by the backups of this state; return them, newest first.

    Each is a gzip file of the whole database, one per day; `backups_damaged` of them, the newest
    first, are cut off in the middle, as when a disk ran full.
    """
    now = time.time() if now_s is None else now_s
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.glob("his-*.db.gz"):
        old.unlink()
    packed = gzip.compress(_snapshot(database, folder), mtime=0)
    written = []
    for number in range(measures.backups_kept):
        made_s = now - (measures.backups_newest_age_h + number * EVERY_H) * 3600
        stamp = datetime.fromtimestamp(made_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = folder / f"his-{stamp}.db.gz"
        path.write_bytes(packed[: len(packed) // 2] if number < measures.backups_damaged else packed)
        path.chmod(0o600)
        os.utime(path, (made_s, made_s))
        written.append(path)
    return tuple(written)


def _snapshot(database: Path, folder: Path) -> bytes:
    copy = folder / ".snapshot.db"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    data = copy.read_bytes()
    copy.unlink()
    return data
