"""Restores the newest backup into a throw-away database of this machine and counts what came out."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Final

import msgspec

from ...errors import NotSupported, ProbeIncapable
from ...model import Asset, BackupAsset, DatabaseAsset
from ..base import Context, Observed
from . import pg_folder
from .facts import BackupFile, BackupFiles, BackupRestore, RestoredTable, RestoreError
from .fetch import fetch_newest
from .folder import candidates, listed
from .formats import dialect_of, recognise, source_of
from .listing import Entry
from .reading import PACKED, open_to_read
from .restore_mariadb import MariaTrial
from .restore_postgres import PostgresTrial
from .restore_sqlite import SqliteTrial
from .streams import Budget, Damaged, Limits, Stream, Undecided
from .throwaway import Bounds, Throwaway, private_folder, sweep, throwaway
from .trial import Trial
from .unpack import Unpacker

_RESTORE_S: Final = 540.0
_DISK_BYTES: Final = 16 * 1024**3
_LIMITS: Final = Limits(file_s=_RESTORE_S, spool_bytes=_DISK_BYTES)
_TABLES_KEPT: Final = 20_000
_ERRORS_KEPT: Final = 100
_CURES: Final = {"postgres": "apt install postgresql", "mariadbd": "apt install mariadb-server"}
_TOC: Final = b"toc.dat\0"


async def probe(asset: Asset, context: Context) -> Observed:
    """Restore the newest backup on this machine and count the rows of its tables.

    Sends: nothing over the network for a folder of this machine; for one on a host, one SSH login with the
        host's own account, and the newest file read through the connection, at most 4 GiB and 240 seconds.
        A PostgreSQL or MariaDB of our own runs for a while on a Unix socket in a private temporary folder, as
        an unprivileged user, without network.
    Changes: nothing on the asset but a time of last access; temporary folders are removed at the end, or by
        the next run.
    Level: login; outside the engagement's folder `scope.local` must be true.

    Raises:
        OutOfScope, NotDeclared, Unreachable, NoPermission: the folder or the file cannot be read.
        NotAuthorised, TimedOut, LoginRefused, ProtocolMismatch: no connection to the host.
        ProbeIncapable: this machine has no such database program.

    """
    if not isinstance(asset, BackupAsset):
        raise NotSupported("不是备份类测评对象", where=asset.id)
    other = context.other(asset, asset.database) if asset.database else None
    platform = other.platform if isinstance(other, DatabaseAsset) else ""
    stop = threading.Event()
    job = _Job(
        platform, context.engines, context.say, Bounds(time.monotonic() + _RESTORE_S, _DISK_BYTES, stop)
    )
    try:
        facts = await (_of_host if asset.host else _of_here)(asset, context, job)
    finally:
        stop.set()
    context.keep("backup-restore.txt", _transcript(facts).encode())
    return Observed(facts=(facts,))


async def _of_here(asset: BackupAsset, context: Context, job: _Job) -> BackupRestore:
    files, entries = await listed(asset, context, job.bounds.stop)
    return await asyncio.to_thread(_restore_newest, files, entries, job)


async def _of_host(asset: BackupAsset, context: Context, job: _Job) -> BackupRestore:
    """Restore a copy that is fetched for it and gone afterwards."""
    begun_at, begun = datetime.now(UTC), time.monotonic()
    sweep()
    with private_folder() as folder:
        found = await fetch_newest(asset, context, folder, job.bounds.stop)
        newest = found.newest()
        if found.why is not None and newest is not None:
            took_s = time.monotonic() - begun
            return _facts(newest[1], _Progress(), "stopped", found.why.note, begun_at, took_s)
        facts = await asyncio.to_thread(_restore_newest, found.files, found.entries, job)
    return msgspec.structs.replace(facts, sha256=found.sha256)


@dataclass(frozen=True)
class _Job:
    """What a restore is given: the declared platform, the programs, a voice and its bounds."""

    platform: str
    engines: Mapping[str, str]
    say: Callable[[str], None]
    bounds: Bounds

    def program(self, name: str) -> str:
        found = self.engines.get(name, "")
        if not found:
            raise ProbeIncapable(f"本机缺少 {name}，不能试恢复", cure=f"{_CURES[name]}，或人工恢复并举证")
        return found


@dataclass
class _Progress:
    """What is known of a restore while it goes on."""

    layers: list[str] = field(default_factory=list)
    trial: Trial | None = None
    tables: dict[str, int] = field(default_factory=dict)
    source: str = ""


def _restore_newest(files: BackupFiles, entries: tuple[Entry, ...], job: _Job) -> BackupRestore:
    begun_at, begun = datetime.now(UTC), time.monotonic()
    chosen = candidates(files, entries)
    if not chosen:
        return BackupRestore(file="", outcome="none", note="备份目录没有可供恢复的文件", begun_at=begun_at)
    entry, file = chosen[0]
    job.say(f"正在恢复 {entry.name}")
    done = _Progress()
    budget = Budget(_LIMITS, job.bounds.ends_at, job.bounds.stop)
    outcome, note = "restored", ""
    try:
        _restore(entry, done, job, budget)
    except Damaged as exc:
        outcome, note = "damaged", str(exc)
    except Undecided as exc:
        outcome, note = ("unsupported" if exc.cause in ("format", "encrypted") else "stopped"), exc.note
    except OSError as exc:
        outcome, note = "stopped", f"读取出错（{exc.strerror or exc}）"
    return _facts(file, done, outcome, note, begun_at, time.monotonic() - begun)


def _restore(entry: Entry, done: _Progress, job: _Job, budget: Budget) -> None:
    with ExitStack() as stack:
        if entry.folder:
            place = stack.enter_context(throwaway(job.bounds))
            _restore_folder(entry, place, done, job, budget)
            return
        file = stack.enter_context(open_to_read(entry.path))
        place = stack.enter_context(throwaway(job.bounds))
        kind, stream = _innermost(file, done, budget, stack)
        done.source = source_of(stream.head())
        trial = done.trial = _trial(kind, stream.head(), place, job)
        _tried(trial, done, place, lambda: _fill(trial, kind, stream, place, budget))


def _tried(trial: Trial, done: _Progress, place: Throwaway, fill: Callable[[], None]) -> None:
    try:
        trial.begin()
        fill()
        done.source = trial.source or done.source
        done.tables = dict(trial.count())
        place.check()
    finally:
        trial.end()


def _restore_folder(entry: Entry, place: Throwaway, done: _Progress, job: _Job, budget: Budget) -> None:
    """Restore a dump that is a folder; it is copied, since who restores may not read the original."""
    done.layers.append(pg_folder.KIND)
    copy = place.make("archive")
    pg_folder.copy_folder(entry.path, copy, open_to_read, budget, place.check)
    for one in copy.iterdir():
        place.give(one)
    trial = PostgresTrial(place, job.program("postgres"))
    done.trial = trial
    _tried(trial, done, place, lambda: trial.feed_archive(copy, budget))


def _innermost(file: IO[bytes], done: _Progress, budget: Budget, stack: ExitStack) -> tuple[str, Stream]:
    """Return what lies inside all packing."""
    stream = Stream(file.read, budget.spend_raw)
    kind = recognise(stream.head())
    if kind == "zip":
        file.seek(0)
        done.layers.append(kind)
        stream = Stream(_only_member(file, stack).read, budget.spend_unpacked)
        kind = recognise(stream.head())
    while kind in PACKED and len(done.layers) < budget.limits.depth:
        done.layers.append(kind)
        stream = Stream(Unpacker(stream, kind), budget.spend_unpacked)
        kind = recognise(stream.head())
    done.layers.append(kind)
    if kind == "empty":
        raise Damaged("备份内没有内容")
    return kind, stream


def _only_member(file: IO[bytes], stack: ExitStack) -> IO[bytes]:
    try:
        archive = stack.enter_context(zipfile.ZipFile(file))
        members = [one for one in archive.infolist() if not one.is_dir()]
        if len(members) != 1 or members[0].flag_bits & 1:
            raise Undecided("zip 内不是单一未加密的文件，未试恢复", cause="format")
        return stack.enter_context(archive.open(members[0]))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as exc:
        raise Damaged("zip 目录缺失或损坏") from exc


def _trial(kind: str, head: bytes, place: Throwaway, job: _Job) -> Trial:
    """Return the database that this content is restored into.

    Raises:
        Undecided: a format that we cannot restore.

    """
    if kind == "sqlite":
        return SqliteTrial(place)
    if kind == "pg_dump" or (kind == "tar" and head.startswith(_TOC)):
        return PostgresTrial(place, job.program("postgres"))
    if kind == "encrypted":
        raise Undecided("文件已加密，未试恢复", cause="encrypted")
    if kind != "sql":
        raise Undecided("该备份格式不能由本工具试恢复", cause="format")
    product = dialect_of(head) or {"mysql": "mariadb"}.get(job.platform, job.platform)
    if product == "postgresql":
        return PostgresTrial(place, job.program("postgres"))
    if product == "mariadb":
        return MariaTrial(place, job.program("mariadbd"))
    if product == "sqlite":
        return SqliteTrial(place)
    raise Undecided("不知 SQL 文本出自何种数据库，未试恢复；可在 database 引用其数据库", cause="format")


def _fill(trial: Trial, kind: str, stream: Stream, place: Throwaway, budget: Budget) -> None:
    if isinstance(trial, SqliteTrial) and kind == "sqlite":
        trial.take(stream, budget)
    elif isinstance(trial, PostgresTrial) and kind != "sql":
        archive = place.folder / "archive"
        with archive.open("wb") as out:
            shutil.copyfileobj(_Reader(stream, place), out)
        place.give(archive)
        trial.feed_archive(archive, budget)
    else:
        trial.feed(stream, budget)
        stream.drain()


class _Reader:
    """A stream in the manner of a file."""

    def __init__(self, stream: Stream, place: Throwaway) -> None:
        self._stream = stream
        self._place = place

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; stops where time or disk is up."""
        self._place.check()
        return self._stream.read(size if size > 0 else 65536)


def _facts(
    file: BackupFile, done: _Progress, outcome: str, note: str, begun_at: datetime, duration_s: float
) -> BackupRestore:
    trial = done.trial
    errors = sorted(trial.errors.items(), key=lambda one: -one[1])[:_ERRORS_KEPT] if trial else []
    tables = sorted(done.tables.items())[:_TABLES_KEPT]
    engine = f"{trial.product} {trial.version}".strip() if trial else ""
    return BackupRestore(
        file=file.name, outcome=outcome, note=note, begun_at=begun_at, size_bytes=file.size_bytes,
        modified_at=file.modified_at, layers=tuple(done.layers), product=trial.product if trial else "",
        engine=engine, source=done.source, comparable=_comparable(done.source, engine),
        duration_s=round(duration_s, 1),
        tables=tuple(RestoredTable(name=name, rows=rows) for name, rows in tables),
        errors=tuple(RestoreError(statement=what, code=code, count=count) for (what, code), count in errors),
        refused=tuple(sorted(trial.refused)) if trial else (), left_out=trial.left_out if trial else 0,
    )  # fmt: skip


def _comparable(source: str, engine: str) -> bool | None:
    """Tell whether what the source wrote is the engine's own language; None where the source is not told."""
    if engine.startswith("sqlite"):
        return True
    if not source or not engine:
        return None
    theirs, ours = (_product_and_major(one) for one in (source, engine))
    return theirs[0] == ours[0] and theirs[1] <= ours[1]


def _product_and_major(text: str) -> tuple[str, tuple[int, ...]]:
    product, _, version = text.partition(" ")
    numbers = [int(one) for one in re.findall(r"\d+", version.removeprefix("5.5.5-"))]
    return product, tuple(numbers[: 1 if product == "postgresql" else 2])


def _transcript(facts: BackupRestore) -> str:
    lines = [
        f"{facts.begun_at.isoformat()} {facts.file} {facts.outcome} {facts.duration_s:g}s",
        f"{facts.source or '?'} -> {facts.engine or '?'} {facts.note}",
        *((f"sha256 {facts.sha256}",) if facts.sha256 else ()),
        *(f"error {one.count} x {one.statement} {one.code}" for one in facts.errors),
        *(f"refused {one}" for one in facts.refused),
        *(f"{one.rows:>12} {one.name}" for one in facts.tables),
    ]
    return "\n".join(lines) + "\n"
