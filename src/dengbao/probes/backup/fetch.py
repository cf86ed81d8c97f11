"""Brings the newest backup of a host here, to be restored: bounded in bytes, disk and time."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ...errors import NoPermission
from ...model import BackupAsset
from ..base import Context
from ..host.visit import Visit
from .facts import BackupFile, BackupFiles
from .folder import candidates
from .listing import Entry
from .remote import Pull, cat, listing_of, on_host, read_listing
from .streams import Budget, Limits, Stream, Undecided, size_zh

_FETCH_S: Final = 240.0
_MOST_BYTES: Final = 4 * 1024**3
_DISK_SHARE: Final = 4  # the restored database needs several times the room of its backup


@dataclass(frozen=True)
class Fetched:
    """What lies on the host, and a copy of the newest file; `why` says why there is none of it."""

    files: BackupFiles
    entries: tuple[Entry, ...]
    sha256: str = ""
    why: Undecided | None = None

    def newest(self) -> tuple[Entry, BackupFile] | None:
        """Return the newest file that may be a backup."""
        return next(iter(candidates(self.files, self.entries)), None)


async def fetch_newest(asset: BackupAsset, context: Context, folder: Path, stop: threading.Event) -> Fetched:
    """Return the files of the host, the newest of them copied into `folder`.

    Raises:
        NoPermission: the account may not read the file.
        ProbeError: as `remote.on_host` and `remote.read_listing`.

    """
    async with on_host(asset, context, probe="backup.restore") as place:
        told, data, _privilege = await listing_of(place, asset)
        context.keep("backup-restore-host.txt", data)
        found = Fetched(*read_listing(told, asset))
        newest = found.newest()
        if newest is None:
            return found
        entry = newest[0]
        context.say(f"正在取回 {entry.name}（{size_zh(entry.size_bytes)}）")
        copy = folder / "fetched"
        try:
            digest = await _copied(place, entry, copy, stop)
        except Undecided as exc:
            if exc.cause == "no_permission":
                raise NoPermission(
                    f"账户 {place.account} 无权读取备份文件 {entry.name}",
                    where=f"engagement.yaml 测评对象 {asset.id}", cure="为该账户配置 sudo 或读取权限",
                ) from exc  # fmt: skip
            return replace(found, why=exc)
    entries = tuple(replace(one, path=str(copy)) if one is entry else one for one in found.entries)
    return replace(found, entries=entries, sha256=digest)


async def _copied(place: Visit, entry: Entry, copy: Path, stop: threading.Event) -> str:
    most = min(_MOST_BYTES, shutil.disk_usage(copy.parent).free // _DISK_SHARE)
    if entry.size_bytes > most:
        raise Undecided(f"备份 {size_zh(entry.size_bytes)}，超过可取回到测评机的上限 {size_zh(most)}，未取回")
    budget = Budget(Limits(raw_bytes=most), time.monotonic() + _FETCH_S, stop)
    shell = await cat(place, entry.path, entry.size_bytes)
    try:
        pull = Pull(shell, entry, asyncio.get_running_loop())
        return await asyncio.to_thread(_write, Stream(pull, budget.spend_raw), copy)
    finally:
        await shell.close()


def _write(stream: Stream, copy: Path) -> str:
    digest = hashlib.sha256()
    try:
        with copy.open("xb") as out:
            while part := stream.read():
                digest.update(part)
                out.write(part)
    except OSError as exc:
        raise Undecided("本机没有足够的临时空间，未取回备份") from exc
    return digest.hexdigest()
