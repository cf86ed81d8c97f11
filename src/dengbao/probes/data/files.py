"""Scans the declared files of an asset where they lie; keeps counts and masked samples, never a value."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

from ...errors import NoPermission, NotDeclared, OutOfScope, Unreachable
from ...model import Asset, DataPlace
from ...scanning import Finding, Limits, Report, Stopped, Total, best_engine, scan_paths, workers_for
from ..base import Context, Observed
from .facts import DataScan, Found, FoundAt, ScannedPlace, UnreadPart

_SCAN_S: Final = 840.0
_MOST_PLACES: Final = 20
_MOST_UNREAD: Final = 50
_SAMPLES: Final = 2
_SAY_BYTES: Final = 256 * 1024 * 1024


async def probe(asset: Asset, context: Context) -> Observed:
    """Return what the declared places of an asset hold.

    Files are read as streams and unpacked in memory; links are not followed. Places on hosts: `remote.py`.

    Sends: nothing.
    Changes: nothing but the time of last access, where the mount keeps one.
    Level: observe; outside the engagement's folder `scope.local` must be true.

    Raises:
        NotDeclared: no place is declared.
        OutOfScope: a place is not the engagement's and this machine is not in scope.
        Unreachable, NoPermission: a place is not there or may not be read.

    """
    where = f"engagement.yaml 测评对象 {asset.id} data"
    if not asset.data:
        raise NotDeclared("未登记数据文件", where=where, cure="在 data 中登记转储、日志、导出或上传目录")
    roots = [await asyncio.to_thread(checked, one, context, where) for one in asset.data]
    stop = threading.Event()
    try:
        facts = await asyncio.to_thread(_scan, asset.data, roots, context, stop)
    finally:
        stop.set()
    context.keep("data-scan.txt", transcript(facts).encode())
    return Observed(facts=(facts,))


def checked(place: DataPlace, context: Context, where: str) -> Path:
    """Return the real file or folder after looking at whether it may be read at all."""
    try:
        root = ((context.folder or Path()) / place.path).resolve()
    except (OSError, RuntimeError, ValueError) as exc:
        raise Unreachable(f"无法查看 {place.path}", where=where, cure="核对 path") from exc
    inside = context.folder is not None and root.is_relative_to(context.folder.resolve())
    if not inside and not context.guard.scope.local:
        raise OutOfScope(
            f"{root} 不在项目目录内，且未授权读取本机",
            where=where,
            cure="把数据副本放入项目目录，或确认授权后设 scope.local: true",
        )
    try:
        if root.is_dir():
            next(root.iterdir(), None)
        elif root.is_file():
            root.open("rb").close()
        else:
            root.stat()
            raise NotDeclared(f"{root} 不是文件或目录", where=where, cure="核对 path")
    except PermissionError as exc:
        raise NoPermission(
            f"无权读取 {root}", where=where, cure="授予运行账户读取权限，或换用有权账户"
        ) from exc
    except OSError as exc:
        raise Unreachable(f"没有 {root}", where=where, cure="核对 path；远端目录先以只读方式挂载") from exc
    return root


def _scan(
    places: tuple[DataPlace, ...], roots: list[Path], context: Context, stop: threading.Event
) -> DataScan:
    ends_at = time.monotonic() + _SCAN_S
    found = tuple(
        scan_here(place, root, context, stop, ends_at - time.monotonic())
        for place, root in zip(places, roots, strict=True)
    )
    return DataScan(places=found, engine=best_engine().name)


def scan_here(
    place: DataPlace, root: Path, context: Context, stop: threading.Event, seconds: float
) -> ScannedPlace:
    """Return what a place of this machine holds.

    Raises:
        Stopped: `stop` was set meanwhile.

    """
    said = 0

    def progress(file: str, walked: int) -> None:
        nonlocal said
        if stop.is_set():
            raise Stopped
        if walked - said >= _SAY_BYTES:
            said = walked
            context.say(f"已扫描 {walked / 1e6:.0f} MB：{file}")

    report = scan_paths(
        (root,),
        limits=Limits(seconds=max(0.0, seconds)),
        regions=place.regions,
        marker=place.marker,
        workers=workers_for((root,)),
        progress=progress,
    )
    return scanned(place, report)


def scanned(place: DataPlace, report: Report) -> ScannedPlace:
    """Return what a report says of a place."""
    of_kind: defaultdict[str, list[Finding]] = defaultdict(list)
    for one in report.findings:
        of_kind[one.kind].append(one)
    return ScannedPlace(
        path=place.path,
        what=place.what,
        origin=place.origin,
        regions=place.regions,
        files=report.files,
        text_bytes=report.text_bytes,
        found=tuple(_found(one, of_kind[one.kind]) for one in report.totals),
        unread=tuple(
            UnreadPart(file=one.file, member=one.member, reason=one.reason)
            for one in report.unread[:_MOST_UNREAD]
        ),
        unread_count=len(report.unread),
        outside_regions=report.outside if place.regions else None,
        alike_held=report.alike_held,
        alike_failed=report.alike_failed,
        host=place.host,
        document=place.document,
        marker=place.marker,
        unmarked=report.unmarked if place.marker else None,
    )


def _found(total: Total, findings: list[Finding]) -> Found:
    most = sorted(findings, key=lambda one: -one.count)[:_MOST_PLACES]
    return Found(
        kind=total.kind.value,
        count=total.count,
        distinct=total.distinct,
        exact=total.exact,
        at=tuple(
            FoundAt(
                file=one.file, member=one.member, table=one.table, column=one.column, count=one.count,
                samples=tuple(sample.masked for sample in one.samples[:_SAMPLES]),
            )
            for one in most
        ),
        at_count=len(findings),
        in_columns=sum(one.count for one in findings if one.column),
    )  # fmt: skip


def transcript(scan: DataScan) -> str:
    """Return what was seen, line by line."""
    lines = [f"engine={scan.engine}"]
    for place in scan.places:
        lines.append(f"{place.path} files={place.files} text_bytes={place.text_bytes}")
        for kind in place.found:
            sign = "" if kind.exact else "~"
            lines.append(f"  {kind.kind} count={kind.count} distinct={sign}{kind.distinct}")
            lines += [
                f"    {one.count} {one.file} {one.member} {one.table}.{one.column} {' '.join(one.samples)}"
                for one in kind.at
            ]
        lines += [f"  unread {one.file} {one.member}: {one.reason}" for one in place.unread]
    return "\n".join(lines) + "\n"
