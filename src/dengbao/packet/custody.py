"""The chained log of an engagement: each line holds the digest of the one before it.

It shows that lines were not changed, taken out or put in afterwards. Without a seal anyone could write the
whole chain anew; from the seal on its last line is signed with everything else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock

from ..errors import StoreError
from ..facts import canonical, digest
from ..files import Journal, read_lines
from ..model import CustodyEntry, Person
from .layout import CUSTODY

_WAIT_S: Final = 10.0


def note(
    directory: Path, act: str, by: Person | None = None, details: Mapping[str, str] | None = None
) -> CustodyEntry:
    """Append what happened to the engagement's log, on the disk when this returns.

    Raises:
        StoreError: the chain is broken already.

    """
    path = directory / CUSTODY
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock"), timeout=_WAIT_S):
        journal = Journal(path)  # cuts off a torn last line first
        try:
            entries, last = _walk(path)
            entry = CustodyEntry(
                number=len(entries) + 1, at=datetime.now(UTC), act=act, by=by,
                details=dict(sorted((details or {}).items())), before=last,
            )  # fmt: skip
            journal.append(canonical(entry), durable=True)
        finally:
            journal.close()
    return entry


def told(
    directory: Path, act: str, by: Person | None = None, details: Mapping[str, str] | None = None
) -> None:
    """Append what happened, where that can be done; what happened stays done where it cannot.

    A chain that is broken already gets no further line: the release gate names the place. Nor does the
    folder of an engagement that may only be read.
    """
    with contextlib.suppress(StoreError, OSError):
        note(directory, act, by, details)


def read_custody(path: Path) -> tuple[CustodyEntry, ...]:
    """Return the entries of a chain that holds; none where there is no file.

    Raises:
        StoreError: damaged, or the chain is broken; the line is named.

    """
    return _walk(path)[0]


def _walk(path: Path) -> tuple[tuple[CustodyEntry, ...], str]:
    entries: list[CustodyEntry] = []
    before = ""
    for number, line in read_lines(path):
        where = f"{path}:{number}"
        cure = "从备份或封存包恢复该文件"
        body = line.rstrip(b"\n")
        try:
            entry = msgspec.json.decode(body, type=CustodyEntry)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise StoreError("经手记录已损坏", where=where, cure=cure) from exc
        if entry.number != number or entry.before != before:
            raise StoreError("经手记录的链在此断开：此行或其前一行被改动、删去或插入", where=where, cure=cure)
        entries.append(entry)
        before = digest(body)
    return tuple(entries), before
