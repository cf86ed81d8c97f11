"""Reads the captures of an asset, or listens on an interface, and answers for each declared flow."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from ...capture.files import Extent
from ...capture.live import listen
from ...capture.places import parse_place
from ...capture.survey import Answer, Declared, Survey, survey_file
from ...errors import NotDeclared, NotSupported, OutOfScope, UsageError
from ...model import Asset, DeclaredFlow, Facts, Traffic
from ..base import Context, Observed
from ..tls.suites import suite_name
from .facts import CaptureAdmin, CaptureFlows, Recording, SeenFlow, SeenThing, SeenWay

_LONGEST_S: Final = 600
_MOST_THINGS: Final = 100
_LOOK_S: Final = 0.5


class _Stopped(Exception):  # no error: the run has given up, and its thread must end
    """Nobody waits for the reading any more."""


async def probe(asset: Asset, context: Context) -> Observed:
    """Return what the captures of an asset show of its declared flows.

    Sends: nothing. Reads files of the engagement, or, by tcpdump, the packets on an interface of this machine
        that belong to a declared flow whose server is within the scope, for at most ten minutes.
    Changes: nothing; packets are not stored, the interface does not become promiscuous.
    Level: observe.

    Raises:
        NotDeclared: no flow, no file, or no such file.
        OutOfScope: a file outside the engagement's folder, or a server that is not authorised.
        NotAuthorised: outside the authorised time.
        NoPermission: a file may not be read, or this account may not capture.
        Damaged: a file is no capture.
        ProbeIncapable: no tcpdump.
        NotSupported: not something with traffic.

    """
    traffic = asset.traffic
    if traffic is None:
        raise NotSupported("未申报传输流", where=asset.id)
    stop = threading.Event()
    try:
        seen = await _look(asset, traffic, context, stop)
    except UsageError as problem:
        raise NotDeclared(problem.message, where=f"测评对象 {asset.id} traffic", cure=problem.cure) from None
    finally:
        stop.set()
    context.keep("capture.json", msgspec.json.format(msgspec.json.encode([one for _, one in seen]), indent=1))
    return Observed(facts=tuple(_facts(traffic, seen, context)))


_Seen = list[tuple[Recording, Survey]]


async def _look(asset: Asset, traffic: Traffic, context: Context, stop: threading.Event) -> _Seen:
    declared = [Declared(name=one.name, client=one.client, server=one.server) for one in traffic.flows]
    seen: _Seen = []
    for name in traffic.files:
        path = _inside(asset, name, context)
        seen.append(await asyncio.to_thread(_read, path, name, declared, context.say, stop))
    if traffic.interface:
        seen.append(await _listen(asset, traffic, declared, context))
    if not seen:
        raise NotDeclared("没有抓包来源", where=asset.id, cure="写 traffic.files 或 traffic.interface")
    return seen


# ---- files -----------------------------------------------------------------------------------------------


def _inside(asset: Asset, name: str, context: Context) -> Path:
    where = f"engagement.yaml 测评对象 {asset.id} traffic.files"
    if context.folder is None:
        raise NotDeclared("没有项目目录，无法读取抓包文件", where=where)
    folder = context.folder.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise OutOfScope("抓包文件在项目目录之外", where=where, cure="放入项目目录（如 evidence/）后再引用")
    if not path.is_file():
        raise NotDeclared(f"没有抓包文件 {name}", where=where, cure="核对路径")
    return path


def _read(
    path: Path, name: str, declared: list[Declared], say: Callable[[str], None], stop: threading.Event
) -> tuple[Recording, Survey]:
    size = max(path.stat().st_size, 1)

    def watch(extent: Extent) -> None:
        if stop.is_set():
            raise _Stopped
        say(f"{name}：{extent.frames} 个包，{min(99, extent.bytes * 100 // size)}%")

    survey = survey_file(path, declared, watch=watch)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return _recording(survey, name=name, sha256=digest), survey


# ---- live ------------------------------------------------------------------------------------------------


async def _listen(
    asset: Asset, traffic: Traffic, declared: list[Declared], context: Context
) -> tuple[Recording, Survey]:
    only = await asyncio.to_thread(_filter, asset, traffic.flows, context)
    seconds = min(max(traffic.seconds, 1), _LONGEST_S)
    listening = await asyncio.to_thread(listen, traffic.interface, declared, only=only)
    try:
        for left in range(seconds, 0, -1):
            context.say(f"正在网卡 {traffic.interface} 上抓包，还有 {left} 秒，请登录、查询、结算各做一次")
            await asyncio.sleep(min(1.0, left))
    finally:
        await asyncio.shield(asyncio.to_thread(listening.stop))
    survey = await asyncio.to_thread(listening.result)
    return replace(_recording(survey, name=traffic.interface), live=True, dropped=listening.dropped), survey


def _filter(asset: Asset, flows: tuple[DeclaredFlow, ...], context: Context) -> str:
    """Return the filter of tcpdump that lets packets of declared flows pass; each must be authorised."""
    parts = []
    for one in flows:
        server, client = parse_place(one.server, one.name), parse_place(one.client, one.name)
        if not server.is_one or not server.port:
            raise NotDeclared(
                f"在网卡上抓包时，传输流“{one.name}”的服务端须写明单个地址与端口", where=asset.id,
                cure="写 server: 10.0.0.2:443",
            )  # fmt: skip
        context.guard.admit(server.address, server.port, asset=asset.id, probe="capture")
        text = f"host {server.address} and port {server.port}"
        if client.network is not None:
            text += f" and {'host' if client.is_one else 'net'} {client.address}"
        parts.append(f"({text})")
    return " or ".join(parts)


# ---- facts -----------------------------------------------------------------------------------------------


def _time(ns: int | None) -> datetime | None:
    try:
        return None if not ns else datetime.fromtimestamp(ns / 10**9, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _recording(survey: Survey, *, name: str, sha256: str = "") -> Recording:
    return Recording(
        name=name, sha256=sha256, packets=survey.frames, size_bytes=survey.bytes,
        first=_time(survey.first_ns), last=_time(survey.last_ns), broken=survey.broken,
        unread=dict(survey.unread),
    )  # fmt: skip


def _facts(traffic: Traffic, seen: _Seen, context: Context) -> list[Facts]:
    recordings = tuple(one for one, _ in seen)
    window, now = context.guard.scope.window, datetime.now(UTC)
    begin, end = (window.begin, window.end) if window else (None, None)
    found: list[Facts] = []
    for kind, admin in ((CaptureFlows, False), (CaptureAdmin, True)):
        flows = tuple(
            _flow(one, place, seen) for place, one in enumerate(traffic.flows) if one.admin is admin
        )
        if flows:
            found.append(kind(recordings=recordings, flows=flows, at=now, begin=begin, end=end))
    return found


def _flow(declared: DeclaredFlow, place: int, seen: _Seen) -> SeenFlow:
    answers = [(recording.name, survey.declared[place]) for recording, survey in seen]
    things = [one for name, answer in answers for one in _things(name, answer)]

    ways = tuple(way for _, answer in answers for way in _ways(answer))

    def total(key: str) -> int:
        return sum(int(getattr(answer, key)) for _, answer in answers)

    return SeenFlow(
        name=declared.name, server=declared.server, client=declared.client, purpose=declared.purpose,
        must_be_encrypted=declared.encrypted, encrypted=total("encrypted"), clear=total("clear"),
        cannot_tell=total("cannot_tell"), silent=total("silent"), late=total("late"),
        one_sided=total("one_sided"), packets=total("packets"), size_bytes=total("bytes"),
        lost_bytes=total("lost_bytes"), unseen_bytes=total("unseen_bytes"),
        sampled_bytes=total("sampled_bytes"), ways=ways,
        things=tuple(things[:_MOST_THINGS]),
        things_left_out=total("things_left_out") + sum(one.count for one in things[_MOST_THINGS:]),
    )  # fmt: skip


def _ways(answer: Answer) -> list[SeenWay]:
    return [
        SeenWay(
            channel=one.channel, speaks=one.speaks, connections=one.connections, version=one.version,
            suite=one.suite, suite_name=_suite(one.suite), null_suite=one.null_suite,
            upgraded_from=one.upgraded_from,
        )
        for one in answer.ways
    ]  # fmt: skip


def _things(recording: str, answer: Answer) -> list[SeenThing]:
    return [
        SeenThing(
            kind=one.kind, where=one.where, field=one.field, masked=one.masked, count=one.count,
            recording=recording, packet=one.packet, from_client=one.from_client, at_least=one.at_least,
        )
        for one in answer.things
    ]  # fmt: skip


def _suite(number: int | None) -> str:
    return "" if number is None else suite_name(number)
