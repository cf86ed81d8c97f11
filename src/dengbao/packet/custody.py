"""The chained log of an engagement: each line holds the digest of the one before it.

It shows that lines were not changed, taken out or put in afterwards. Without a seal anyone could write the
whole chain anew; from the seal on its last line is signed with everything else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock

from ..errors import StoreError
from ..facts import canonical, digest
from ..files import Journal
from ..model import CustodyEntry, Person
from .layout import CUSTODY

_WAIT_S: Final = 10.0
_MOST_KEPT: Final = 8
_MOST_KEPT_BYTES: Final = 16 * 1024 * 1024
_CURE: Final = "从备份或封存包恢复该文件"


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
            walked = _walk(path)
            entry = CustodyEntry(
                number=len(walked.entries) + 1, at=datetime.now(UTC), act=act, by=by,
                details=dict(sorted((details or {}).items())), before=walked.last,
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
    return _walk(path).entries


@dataclass(frozen=True)
class _Walked:
    """Lines that were walked and hold together; `last` is the digest of the last of them."""

    lines: bytes = b""
    entries: tuple[CustodyEntry, ...] = ()
    last: str = ""


_kept: dict[Path, _Walked] = {}


def _walk(path: Path) -> _Walked:
    """Return the chain of a file; lines that are byte by byte those of the last walk are not walked again."""
    data = _whole_lines(path)
    known = _kept.get(path, _Walked())
    if not data.startswith(known.lines):
        known = _Walked()
    entries, last = list(known.entries), known.last
    for line in data[len(known.lines) :].split(b"\n")[:-1]:
        entries.append(_entry(line, last, len(entries) + 1, path))
        last = digest(line)
    walked = _Walked(data, tuple(entries), last)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    if len(data) <= _MOST_KEPT_BYTES:
        _kept[path] = walked
    return walked


def _whole_lines(path: Path) -> bytes:
    """Return the lines of a file without a last one that a kill cut off; nothing where there is no file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as exc:
        raise StoreError(f"无法读取：{exc.strerror}", where=str(path), cure="检查文件权限与磁盘") from exc
    return data[: data.rfind(b"\n") + 1]


def _entry(line: bytes, before: str, number: int, path: Path) -> CustodyEntry:
    where = f"{path}:{number}"
    try:
        entry = msgspec.json.decode(line, type=CustodyEntry)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StoreError("经手记录已损坏", where=where, cure=_CURE) from exc
    if entry.number != number or entry.before != before:
        raise StoreError("经手记录的链在此断开：此行或其前一行被改动、删去或插入", where=where, cure=_CURE)
    return entry
