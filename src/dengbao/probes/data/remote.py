"""Scans the declared files of hosts through their SSH connection; nothing of them is written to disk here."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from ...errors import NotDeclared, ProbeError
from ...model import Asset, DataPlace
from ...scanning import Limits, Scanner, Stopped, best_engine
from ...scanning.kinds import shown_name
from ..base import Context, Observed
from ..host.visit import visit
from .facts import DataScan, ScannedPlace, UnreadPart
from .files import checked, scan_here, scanned, transcript
from .listing import PlaceListing, RemoteFile, read_place, script
from .pulling import Broken, FileShell, Pull

_SCAN_S: Final = 780.0
_FILE_BYTES: Final = 128 * 1024 * 1024
_ALL_BYTES: Final = 2 * 1024**3
_GROWTH_BYTES: Final = 16 * 1024 * 1024  # what a log may gain while we come to it
_SAY_BYTES: Final = 64 * 1024 * 1024
_SHELLS: Final = 3  # after so many that broke off the host is left alone
_STATES: Final = {
    "gone": "读取时已不存在", "link": "读取时已成为符号链接，未跟随", "special": "不是普通文件",
    "denied": "无权读取",
}  # fmt: skip


@dataclass
class _Spent:
    """What the scan of all places may still cost."""

    ends_at: float
    stop: threading.Event = field(default_factory=threading.Event)
    left_bytes: int = _ALL_BYTES


async def probe(asset: Asset, context: Context) -> Observed:
    """Return what the declared places of an asset hold that lie on hosts, and those of this machine beside.

    Files are streamed newest first, at most 128 MiB of each and 2 GiB of all, and scanned in memory; what is
    left out is named. Links are not followed, other file systems not entered. A place that cannot be looked
    at stands as unread beside those that can.

    Sends: to each host one SSH login with its own account, a read-only script, and requests for files.
    Changes: nothing but times of last access, where the mount keeps them.
    Level: login.

    Raises:
        NotDeclared: no place is declared.
        ProbeError: none of the places could be looked at; the first reason.

    """
    where = f"engagement.yaml 测评对象 {asset.id} data"
    if not asset.data:
        raise NotDeclared("未登记数据文件", where=where, cure="在 data 中登记转储、日志、导出或上传目录")
    spent = _Spent(time.monotonic() + _SCAN_S)
    found: dict[int, ScannedPlace | ProbeError] = {}
    privilege = ""
    try:
        for host in dict.fromkeys(one.host for one in asset.data):
            chosen = {number: one for number, one in enumerate(asset.data) if one.host == host}
            if host:
                privilege = await _on_host(asset, host, chosen, context, spent, found) or privilege
            else:
                await _here(chosen, context, spent, found, where)
    finally:
        spent.stop.set()
    errors = [one for one in found.values() if isinstance(one, ProbeError)]
    if len(errors) == len(found):
        raise errors[0]
    facts = DataScan(
        places=tuple(_told(one, found[number]) for number, one in enumerate(asset.data)),
        engine=best_engine().name,
    )
    context.keep("data-scan.txt", transcript(facts).encode())
    return Observed(facts=(facts,), privilege=privilege)


def _told(place: DataPlace, found: ScannedPlace | ProbeError) -> ScannedPlace:
    if isinstance(found, ScannedPlace):
        return found
    return ScannedPlace(
        path=_shown(place), what=place.what, origin=place.origin, regions=place.regions, files=0,
        text_bytes=0, found=(), unread=(UnreadPart(file="", reason=found.message),), unread_count=1,
        host=place.host,
    )  # fmt: skip


def _shown(place: DataPlace) -> str:
    if not place.host:
        return place.path
    return shown_name(f"{place.path.rstrip('/')}/{place.pattern}" if place.pattern else place.path)


async def _here(
    chosen: dict[int, DataPlace],
    context: Context,
    spent: _Spent,
    found: dict[int, ScannedPlace | ProbeError],
    where: str,
) -> None:
    for number, place in chosen.items():
        seconds = spent.ends_at - time.monotonic()
        try:
            root: Path = await asyncio.to_thread(checked, place, context, where)
            found[number] = await asyncio.to_thread(scan_here, place, root, context, spent.stop, seconds)
        except ProbeError as exc:
            found[number] = exc


async def _on_host(
    asset: Asset,
    host: str,
    chosen: dict[int, DataPlace],
    context: Context,
    spent: _Spent,
    found: dict[int, ScannedPlace | ProbeError],
) -> str:
    """Look at the places of one host; return the privilege that was had."""
    where = f"engagement.yaml 测评对象 {asset.id} data"
    try:
        async with visit(
            asset, host, context, probe="data.hosts", what="数据文件",
            instead="把文件副本放入项目目录登记，去掉 host",
        ) as there:  # fmt: skip
            told, data, privilege = await there.run(script(chosen.values()))
            context.keep(f"data-listing-{host}.txt", data)
            files = FileShell(there)
            try:
                for number, (index, place) in enumerate(chosen.items()):
                    try:
                        listing = read_place(told, number, place, where=where)
                    except ProbeError as exc:
                        found[index] = exc
                        continue
                    context.say(f"{host}:{_shown(place)} 共 {len(listing.files)} 个文件")
                    found[index] = await _Reading(place, files, context, spent).scan(listing)
            finally:
                await files.close()
            return privilege
    except ProbeError as exc:
        found.update({index: exc for index in chosen if index not in found})
        return ""


class _Reading:
    """The scan of one place of a host."""

    def __init__(self, place: DataPlace, files: FileShell, context: Context, spent: _Spent) -> None:
        self._place = place
        self._files = files
        self._context = context
        self._spent = spent
        self._said = 0
        self._broken = 0
        self._scanner = Scanner(
            limits=Limits(seconds=max(0.0, spent.ends_at - time.monotonic())),
            regions=place.regions,
            marker=place.marker,
            progress=self._progress,
        )

    def _progress(self, file: str, walked: int) -> None:
        if self._spent.stop.is_set():
            raise Stopped
        if walked - self._said >= _SAY_BYTES:
            self._said = walked
            self._context.say(f"已扫描 {walked / 1e6:.0f} MB：{file}")

    async def scan(self, listing: PlaceListing) -> ScannedPlace:
        """Scan the files in order and return what they hold."""
        for name, why in listing.passed_over:
            self._scanner.leave_out(name, shown_name(why))
        for one in listing.files:
            why = self._refused()
            if why:
                self._scanner.leave_out(one.name, why)
                continue
            try:
                await self._file(one)
            except Broken:
                self._broken += 1
                self._scanner.leave_out(one.name, "主机未及时应答，未读完")
                await self._files.close()
        report = self._scanner.report()
        place = msgspec.structs.replace(self._place, path=_shown(self._place))
        return scanned(place, report)

    def _refused(self) -> str:
        """Return why no further file is read, empty where it may be."""
        if self._spent.left_bytes <= 0:
            return f"超过本次读取上限 {_ALL_BYTES // 1024**3} GiB，未读"
        if time.monotonic() > self._spent.ends_at:
            return "超过本次扫描的时间上限，未读"
        return "主机多次未应答，未读" if self._broken >= _SHELLS else ""

    async def _file(self, one: RemoteFile) -> None:
        most = min(_FILE_BYTES, one.size_bytes + _GROWTH_BYTES, self._spent.left_bytes)
        state = await self._files.begin(one.path, most + 1)
        if state != "ok":
            self._scanner.leave_out(one.name, _STATES.get(state, "无法读取"))
            await self._files.finish()
            return
        pull = Pull(self._files, most, asyncio.get_running_loop(), self._spent.stop)
        await asyncio.to_thread(self._scanner.stream, pull, one.name)
        self._spent.left_bytes -= pull.seen
        if pull.broken:
            self._broken += 1
            await self._files.close()
            return
        await self._files.finish()
        if pull.more:
            self._scanner.leave_out(one.name, f"只读了前 {pull.seen / 1e6:.0f} MB，其余未读")
        elif pull.ended and pull.seen < one.size_bytes:
            self._scanner.leave_out(one.name, "读取时变小，可能正被改写")
