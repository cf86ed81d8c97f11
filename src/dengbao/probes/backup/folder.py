"""Looks at a folder with backups: lists what lies there and reads the newest files to their end."""

from __future__ import annotations

import asyncio
import errno
import os
import pwd
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ...errors import NoPermission, NotDeclared, NotSupported, OutOfScope, Reason, Unreachable
from ...model import Asset, BackupAsset, Missing, kind_of
from ..base import Context, Observed
from .facts import BackupFile, BackupFiles, BackupIntegrity, BackupReading
from .formats import declared
from .listing import Entry, parts_of, visible_entries, walk
from .reading import kind_of_entry, read_file
from .streams import Budget, Limits

READ_NEWEST: Final = 3
MOST_READ: Final = 31
_LIST_S: Final = 40.0
_READ_S: Final = 150.0
_COMPANIONS: Final = (".md5", ".sha1", ".sha256", ".sha512", ".sm3", ".sum", ".sig", ".asc", ".log")


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the files of a backup folder of this machine, and what reading the newest showed.

    Sends: nothing over the network; lists the folder, reads the newest files within bounds of bytes and time.
    Changes: nothing but the time of last access of a plain SQLite file, where the mount keeps one; a database
        inside packing is copied to a private temporary folder and removed again.
    Level: observe; outside the engagement's folder `scope.local` must be true.

    Raises:
        OutOfScope: the folder is not the engagement's and this machine is not in scope.
        NotDeclared: path, pattern or format cannot be understood.
        Unreachable, NoPermission: the folder is not there or cannot be listed.

    """
    if not isinstance(asset, BackupAsset):
        raise NotSupported("不是备份类测评对象", where=asset.id)
    where = f"engagement.yaml 测评对象 {asset.id}"
    expected = declared(asset.archive)
    if expected is None:
        raise NotDeclared(
            f"不认识备份格式“{asset.archive}”", where=where, cure="archive 写 auto，由文件内容辨认"
        )
    stop = threading.Event()
    try:
        files, entries = await listed(asset, context, stop)
        context.say(f"共 {files.matched} 个备份文件")
        readings = await asyncio.to_thread(_read, asset, files, entries, expected, stop)
    finally:
        stop.set()
    context.keep("backup-files.txt", transcript(files, readings).encode())
    return _observed(files, readings, asset)


async def listed(
    asset: BackupAsset, context: Context, stop: threading.Event
) -> tuple[BackupFiles, tuple[Entry, ...]]:
    """Return what lies in the folder of the asset, newest first; raises as `probe` does."""
    where = f"engagement.yaml 测评对象 {asset.id}"
    parts = parts_of(asset.pattern, where=where)
    folder = await asyncio.to_thread(_checked_folder, asset, context, where)
    return await asyncio.to_thread(_list, asset, folder, parts, stop)


def candidates(files: BackupFiles, entries: tuple[Entry, ...]) -> list[tuple[Entry, BackupFile]]:
    """Return the files that may be backups, newest first: none that only accompanies another."""
    return [(entry, file) for entry, file in zip(entries, files.files, strict=True) if not file.companion]


def _checked_folder(asset: BackupAsset, context: Context, where: str) -> Path:
    """Return the real folder after looking at whether it may be read at all."""
    if not asset.path:
        raise NotDeclared("未填备份目录", where=where, cure="填写 path")
    try:
        folder = ((context.folder or Path()) / asset.path).resolve()
    except (OSError, RuntimeError) as exc:
        raise Unreachable(f"无法查看备份目录 {asset.path}", where=where, cure="核对 path") from exc
    inside = context.folder is not None and folder.is_relative_to(context.folder.resolve())
    if not inside and not context.guard.scope.local:
        raise OutOfScope(
            f"备份目录 {folder} 不在项目目录内，且未授权读取本机",
            where=where,
            cure="把备份副本放入项目目录，或确认授权后设 scope.local: true",
        )
    try:
        os.lstat(folder)
    except PermissionError as exc:
        raise _no_permission(folder, where) from exc
    except OSError as exc:
        raise Unreachable(
            f"没有备份目录 {folder}（{exc.strerror}）",
            where=where,
            cure="核对 path；远端目录先以只读方式挂载",
        ) from exc
    return folder


def _no_permission(folder: Path, where: str) -> NoPermission:
    return NoPermission(
        f"无权查看备份目录 {folder}", where=where, cure="授予运行账户读取该目录的权限，或换用有权账户运行"
    )


def _list(
    asset: BackupAsset, folder: Path, parts: tuple[str, ...], stop: threading.Event
) -> tuple[BackupFiles, tuple[Entry, ...]]:
    where = f"engagement.yaml 测评对象 {asset.id}"
    budget = Budget(Limits(), time.monotonic() + _LIST_S, stop)
    try:
        found = walk(str(folder), parts, budget)
        others = visible_entries(str(folder)) if not found.files else None
    except PermissionError as exc:
        raise _no_permission(folder, where) from exc
    except NotADirectoryError as exc:
        raise NotDeclared(
            f"{folder} 不是目录", where=where, cure="path 写备份所在目录，文件名写在 pattern"
        ) from exc
    except OSError as exc:
        name = errno.errorcode.get(exc.errno or 0, "")
        raise Unreachable(
            f"无法列出备份目录 {folder}（{exc.strerror} {name}）", where=where, cure="检查挂载与磁盘"
        ) from exc
    looked_at = datetime.now(UTC)
    newest = found.newest()
    names = [one.name for one in newest]
    files = tuple(_file(one, names, budget) for one in newest)
    facts = BackupFiles(
        folder=asset.path,
        pattern=asset.pattern,
        looked_at=looked_at,
        matched=len(found.files),
        files=files,
        complete=found.complete,
        skipped=found.passed_over(),
        unread=tuple(sorted(found.unread)),
        other_entries=others,
    )
    return facts, newest


def _file(entry: Entry, names: list[str], budget: Budget) -> BackupFile:
    return BackupFile(
        name=entry.name,
        size_bytes=entry.size_bytes,
        modified_at=entry.modified_at,
        kind="" if budget.is_over() else kind_of_entry(entry),
        companion=companion(entry.name, names),
    )


def companion(name: str, names: list[str]) -> bool:
    """Tell whether a file only accompanies another one, as a checksum or a log does."""
    ending = next((one for one in _COMPANIONS if name.lower().endswith(one)), "")
    if not ending:
        return False
    base = name[: -len(ending)]
    return any(one == base or (one != name and one.startswith(base + ".")) for one in names)


def copies_to_read(asset: BackupAsset) -> int:
    """Return how many of the newest files are read: those the policy says are kept, within reason."""
    keep = asset.policy.keep if asset.policy else 0
    return min(max(READ_NEWEST, keep), MOST_READ)


def _read(
    asset: BackupAsset, files: BackupFiles, entries: tuple[Entry, ...], expected: str, stop: threading.Event
) -> tuple[BackupReading, ...]:
    ends_at = time.monotonic() + _READ_S
    chosen = [entry for entry, _file in candidates(files, entries)][: copies_to_read(asset)]
    return tuple(read_file(one, expected, limits=Limits(), ends_at=ends_at, stop=stop) for one in chosen)


def integrity_of(readings: tuple[BackupReading, ...], asset: BackupAsset) -> BackupIntegrity | Missing:
    """Return what reading showed, or that nothing could be read for want of rights."""
    if readings and all(one.cause == "no_permission" for one in readings):
        return Missing(
            fact=kind_of(BackupIntegrity),
            reason=Reason.NO_PERMISSION,
            message="运行账户无权读取备份文件；处理：授予读取权限，或换用有权账户运行",
        )
    return BackupIntegrity(asked=copies_to_read(asset), readings=readings)


def _observed(files: BackupFiles, readings: tuple[BackupReading, ...], asset: BackupAsset) -> Observed:
    found = integrity_of(readings, asset)
    if isinstance(found, Missing):
        return Observed(facts=(files,), missing=(found,), privilege=_who())
    return Observed(facts=(files, found), privilege=_who())


def _who() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def transcript(files: BackupFiles, readings: tuple[BackupReading, ...]) -> str:
    """Return what was seen, line by line."""
    head = f"{files.looked_at.isoformat()} {files.folder} {files.pattern} matched={files.matched}"
    lines = [
        f"{one.modified_at.isoformat()} {one.size_bytes:>14} {one.kind or '-':9} {one.name}"
        for one in files.files
    ]
    passed = [f"{one.why}: {one.name}" for one in files.skipped]
    read = [
        f"intact={one.intact} read={one.read_bytes} unpacked={one.unpacked_bytes} "
        f"{'>'.join(one.layers) or '-'} {one.name}: {one.note}"
        for one in readings
    ]
    return "\n".join([head, *lines, *passed, *read]) + "\n"
