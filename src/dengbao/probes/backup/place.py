"""Tells on which machine a backup folder lies; for folders that are declared to be off-site."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

from ...errors import NotDeclared, NotSupported, OutOfScope
from ...model import Asset, BackupAsset, HostAsset
from ...scope import split_host_ports
from ..base import Context, Observed
from .facts import BackupPlace

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "ceph", "glusterfs", "fuse.glusterfs"}
)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the machine that a backup folder lies on.

    Sends: nothing; reads this machine's table of mounts, or the address that its host declares.
    Changes: nothing.
    Level: observe; outside the engagement's folder `scope.local` must be true.

    Raises:
        NotDeclared: the host is not one of the engagement.
        OutOfScope: this machine is not in scope.
        NotSupported: this machine has no table of mounts.

    """
    if not isinstance(asset, BackupAsset):
        raise NotSupported("不是备份类测评对象", where=asset.id)
    if asset.host:
        host = context.other(asset, asset.host)
        if not isinstance(host, HostAsset):
            raise NotDeclared(f"{asset.host} 不是服务器", where=f"测评对象 {asset.id}")
        machine = "" if host.address == "local" else split_host_ports(host.address)[0]
        return Observed(facts=(BackupPlace(machine=machine),))
    folder = (context.folder or Path()) / asset.path
    inside = context.folder is not None and folder.resolve().is_relative_to(context.folder.resolve())
    if not inside and not context.guard.scope.local:
        raise OutOfScope(
            "未授权读取本机", where=f"测评对象 {asset.id}", cure="确认授权后设 scope.local: true"
        )
    return Observed(facts=(await asyncio.to_thread(_mounted, folder),))


def _mounted(folder: Path) -> BackupPlace:
    try:
        text = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as exc:
        raise NotSupported("本机没有可读的挂载表", cure="以人工佐证补充备份场地") from exc
    return place_of(text, folder.resolve())


def place_of(mounts: str, folder: Path) -> BackupPlace:
    """Return where a folder lies by a table of mounts in the manner of /proc/self/mountinfo."""
    best, kind, source = "", "", ""
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        fields, rest = head.split(), tail.split()
        if len(fields) < 5 or len(rest) < 2:
            continue
        point = _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4])
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind, source = point, rest[0], rest[1]
    if kind not in _NETWORK:
        return BackupPlace(machine="", filesystem=kind)
    return BackupPlace(machine=_machine(source), filesystem=kind, mounted=True)


def _machine(source: str) -> str:
    """Return the server of `server:/path`, `//server/share` or `user@server:path`."""
    if source.startswith("//"):
        return source[2:].partition("/")[0]
    host = source.partition(":/")[0] if ":/" in source else source.rpartition(":")[0]
    return host.rpartition("@")[2].strip("[]")
