"""Reads a capture from end to end and answers for each declared flow whether it was encrypted.

Memory is bounded whatever the size: flows are summed up as they end.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from ..errors import Damaged, NoPermission, UsageError
from ..model.base import Value
from .files import Extent, Source, frames
from .findings import Channel, Flow
from .table import Table

MOST_KEPT: Final = 10_000  # flows named one by one; those with findings or in clear come first
_MOST_FINDINGS: Final = 20_000  # named one by one in all flows; beyond it a few of each flow
_FEW: Final = 2
_CURE: Final = "请写作“地址:端口”，IPv6 地址加方括号，端口不限时写“地址”"


class Declared(Value, kw_only=True):
    """A flow as the engagement declares it: `client` and `server` are `address:port` or `address`."""

    name: str
    client: str = ""
    server: str


class Answer(Value, kw_only=True):
    """What was seen of one declared flow, counted over its connections; `packets` are first packets."""

    name: str
    channel: Channel
    encrypted: int = 0
    clear: int = 0
    cannot_tell: int = 0
    silent: int = 0
    bytes: int = 0
    lost_bytes: int = 0
    unseen_bytes: int = 0
    findings: int = 0
    clear_packets: tuple[int, ...] = ()


class Survey(Value, kw_only=True):
    """What one capture showed; `broken` says in Chinese where it could not be read further."""

    frames: int
    bytes: int
    broken: str = ""
    flows: tuple[Flow, ...] = ()
    flows_left_out: int = 0
    declared: tuple[Answer, ...] = ()
    unread: tuple[tuple[str, int], ...] = ()
    repeated: int = 0


class _Tally:
    def __init__(self, declared: Declared) -> None:
        self.name = declared.name
        self._client = _endpoint(declared.client, declared.name) if declared.client else ("", 0)
        self._server = _endpoint(declared.server, declared.name)
        self._counts = dict.fromkeys(Channel, 0)
        self._bytes = self._lost = self._unseen = self._findings = 0
        self._packets: list[int] = []

    def add(self, flow: Flow) -> None:
        client, server = (flow.client, flow.client_port), (flow.server, flow.server_port)
        straight = _fits(self._client, client) and _fits(self._server, server)
        # who is the client is a guess where the beginning was not seen
        if not straight and not (_fits(self._client, server) and _fits(self._server, client)):
            return
        self._counts[flow.channel] += 1
        self._bytes += flow.client_bytes + flow.server_bytes
        self._lost += flow.lost_bytes
        self._unseen += flow.unseen_bytes
        self._findings += sum(one.count for one in flow.findings)
        if flow.channel is Channel.CLEAR and len(self._packets) < 5:
            self._packets.append(flow.first_packet)

    def answer(self) -> Answer:
        counts = self._counts
        if counts[Channel.CLEAR]:
            channel = Channel.CLEAR
        elif counts[Channel.CANNOT_TELL]:
            channel = Channel.CANNOT_TELL
        else:
            channel = Channel.ENCRYPTED if counts[Channel.ENCRYPTED] else Channel.NOT_SEEN
        return Answer(
            name=self.name, channel=channel, encrypted=counts[Channel.ENCRYPTED],
            clear=counts[Channel.CLEAR], cannot_tell=counts[Channel.CANNOT_TELL],
            silent=counts[Channel.NOT_SEEN], bytes=self._bytes, lost_bytes=self._lost,
            unseen_bytes=self._unseen, findings=self._findings, clear_packets=tuple(self._packets),
        )  # fmt: skip


class _Sink:
    def __init__(self, declared: Iterable[Declared]) -> None:
        self._tallies = [_Tally(one) for one in declared]
        self._telling: list[Flow] = []
        self._others: list[Flow] = []
        self._left_out = self._named = 0

    def __call__(self, flow: Flow) -> None:
        for one in self._tallies:
            one.add(flow)
        self._named += len(flow.findings)
        if self._named > _MOST_FINDINGS and len(flow.findings) > _FEW:
            left = sum(one.count for one in flow.findings[_FEW:])
            flow = replace(
                flow, findings=flow.findings[:_FEW], findings_left_out=flow.findings_left_out + left
            )
        kept = self._telling if flow.findings or flow.channel is Channel.CLEAR else self._others
        if len(self._telling) + len(self._others) < MOST_KEPT:
            kept.append(flow)
            return
        self._left_out += 1
        if kept is self._telling and self._others:
            self._others.pop()
            kept.append(flow)

    def survey(self, extent: Extent, table: Table) -> Survey:
        flows = sorted((*self._telling, *self._others), key=lambda one: one.first_packet)
        return Survey(
            frames=extent.frames, bytes=extent.bytes, broken=extent.broken, flows=tuple(flows),
            flows_left_out=self._left_out, declared=tuple(one.answer() for one in self._tallies),
            unread=tuple(sorted((kind.value, count) for kind, count in table.unread.items())),
            repeated=table.repeated,
        )  # fmt: skip


def survey(
    source: Source, declared: Iterable[Declared] = (), *, watch: Callable[[Extent], None] | None = None
) -> Survey:
    """Read a capture from an open file or pipe to its end.

    `watch` is told now and then how far it has come.

    Raises:
        Damaged: it is not a capture at all. One that breaks off is read up to there.
        UsageError: an address of a declared flow cannot be read.

    """
    sink = _Sink(declared)
    table, extent = Table(sink), Extent()

    def tell() -> None:
        if watch is not None:
            watch(extent)

    table.take_all(frames(source, extent), tell)
    table.finish()
    return sink.survey(extent, table)


def survey_file(
    path: Path, declared: Iterable[Declared] = (), *, watch: Callable[[Extent], None] | None = None
) -> Survey:
    """Read a capture file of any size.

    Raises:
        Damaged: there is no such file, or it is not a capture.
        NoPermission: it may not be read.
        UsageError: an address of a declared flow cannot be read.

    """
    try:
        with path.open("rb", buffering=0) as source:
            return survey(source, declared, watch=watch)
    except PermissionError:
        raise NoPermission("没有读取抓包文件的权限", where=str(path), cure="请授予读权限后重试") from None
    except OSError as problem:
        raise Damaged(
            f"抓包文件无法读取：{problem.strerror}", where=str(path), cure="请核对路径与磁盘"
        ) from None
    except Damaged as problem:
        problem.where = f"{path} {problem.where}"
        raise


def _endpoint(text: str, name: str) -> tuple[str, int]:
    """Return address and port of `address:port`, `[v6]:port` or `address`; 0 for a port that is not named."""
    host, port = text.strip(), ""
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    try:
        address = str(ipaddress.ip_address(host))
        number = int(port) if port else 0
    except ValueError:
        raise UsageError(f"“{text}”不是地址与端口", where=name, cure=_CURE) from None
    if not 0 <= number <= 65535:
        raise UsageError(f"“{text}”的端口超出范围", where=name, cure=_CURE)
    return address, number


def _fits(declared: tuple[str, int], seen: tuple[str, int]) -> bool:
    return declared[0] in {"", seen[0]} and declared[1] in {0, seen[1]}
