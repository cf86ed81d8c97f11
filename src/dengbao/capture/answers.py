"""What was seen of each declared flow, summed over its connections."""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec.structs import replace

from ..errors import UsageError
from ..model.base import Value
from .findings import Channel, Finding, Flow, Kind, Speech
from .places import parse_place

_MOST_FINDINGS: Final = 100  # named of one declared flow; further ones are counted
_EXACT: Final = 40  # of one field, beyond which counts are lower bounds


class Declared(Value, kw_only=True):
    """A flow as the engagement declares it: each end is `address:port`, a network, or without a port."""

    name: str
    client: str = ""
    server: str


class Way(Value, kw_only=True):
    """One manner in which connections of a flow were carried, and how many were."""

    channel: Channel
    speaks: Speech
    version: str = ""
    suite: int | None = None
    null_suite: bool = False
    upgraded_from: Speech | None = None
    connections: int = 1


class Thing(Finding, kw_only=True):
    """What lay open in a flow, over all its connections; `at_least` where `count` is a lower bound."""

    at_least: bool = False


class Answer(Value, kw_only=True):
    """What was seen of one declared flow, counted over its connections; `clear_packets` are first packets.

    `one_sided` connections show one direction only. `sampled_bytes` were looked at here and there.
    """

    name: str
    channel: Channel
    encrypted: int = 0
    clear: int = 0
    cannot_tell: int = 0
    silent: int = 0
    packets: int = 0
    bytes: int = 0
    lost_bytes: int = 0
    unseen_bytes: int = 0
    sampled_bytes: int = 0
    one_sided: int = 0
    late: int = 0  # whose beginning is not in the capture
    findings: int = 0
    clear_packets: tuple[int, ...] = ()
    ways: tuple[Way, ...] = ()
    things: tuple[Thing, ...] = ()
    things_left_out: int = 0
    first_ns: int | None = None
    last_ns: int | None = None


class Tally:
    """Sums up the connections that belong to one declared flow."""

    def __init__(self, declared: Declared) -> None:
        if not declared.server.strip():
            raise UsageError("没有写明服务端", where=declared.name, cure="写 server: 地址:端口")
        self._client = parse_place(declared.client, declared.name)
        self._server = parse_place(declared.server, declared.name)
        self._answer = Answer(name=declared.name, channel=Channel.NOT_SEEN)
        self._counts = dict.fromkeys(Channel, 0)
        self._packets: list[int] = []
        self._ways: Counter[Way] = Counter()
        self._things: dict[tuple[Kind, str, str, bool], Thing] = {}

    def add(self, flow: Flow) -> None:
        """Add a connection if it belongs to the flow."""
        if not self._is_meant(flow):
            return
        self._counts[flow.channel] += 1
        if flow.channel is Channel.CLEAR and len(self._packets) < 5:
            self._packets.append(flow.first_packet)
        if flow.channel is not Channel.NOT_SEEN:
            self._ways[_way(flow)] += 1
        left = flow.findings_left_out + sum(self._keep(one, flow) for one in flow.findings)
        one, silent = self._answer, flow.channel is Channel.NOT_SEEN
        self._answer = replace(
            one,
            packets=one.packets + flow.packets,
            bytes=one.bytes + flow.client_bytes + flow.server_bytes,
            lost_bytes=one.lost_bytes + flow.lost_bytes,
            unseen_bytes=one.unseen_bytes + flow.unseen_bytes,
            sampled_bytes=one.sampled_bytes + flow.sampled_bytes,
            one_sided=one.one_sided + (not silent and not (flow.client_bytes and flow.server_bytes)),
            late=one.late + (not silent and not flow.beginning_seen),
            findings=one.findings + flow.findings_left_out + sum(found.count for found in flow.findings),
            things_left_out=one.things_left_out + left,
            first_ns=min((ns for ns in (one.first_ns, flow.first_ns) if ns is not None), default=None),
            last_ns=max((ns for ns in (one.last_ns, flow.last_ns) if ns is not None), default=None),
        )

    def _is_meant(self, flow: Flow) -> bool:
        client, server = (flow.client, flow.client_port), (flow.server, flow.server_port)
        if self._client.holds(*client) and self._server.holds(*server):
            return True
        # who is the client is a guess where the beginning was not seen, or declared the other way round
        may_turn = not flow.beginning_seen or self._client.port != 0
        return may_turn and self._client.holds(*server) and self._server.holds(*client)

    def _keep(self, found: Finding, flow: Flow) -> int:
        """Add a finding; return how many values were only counted."""
        key = (found.kind, found.where, found.field, found.from_client)
        known = self._things.get(key)
        at_least = bool(flow.sampled_bytes) or found.count >= _EXACT
        if known is not None:
            count, at_least = known.count + found.count, at_least or known.at_least
            self._things[key] = replace(known, count=count, at_least=at_least)
        elif len(self._things) < _MOST_FINDINGS:
            self._things[key] = Thing(
                kind=found.kind, where=found.where, field=found.field, packet=found.packet,
                from_client=found.from_client, masked=found.masked, count=found.count, at_least=at_least,
            )  # fmt: skip
        else:
            return found.count
        return 0

    def answer(self) -> Answer:
        """Return what was seen."""
        counts = self._counts
        if counts[Channel.CLEAR]:
            channel = Channel.CLEAR
        elif counts[Channel.CANNOT_TELL]:
            channel = Channel.CANNOT_TELL
        else:
            channel = Channel.ENCRYPTED if counts[Channel.ENCRYPTED] else Channel.NOT_SEEN
        return replace(
            self._answer,
            channel=channel,
            encrypted=counts[Channel.ENCRYPTED],
            clear=counts[Channel.CLEAR],
            cannot_tell=counts[Channel.CANNOT_TELL],
            silent=counts[Channel.NOT_SEEN],
            clear_packets=tuple(self._packets),
            ways=tuple(replace(way, connections=count) for way, count in self._ways.most_common()),
            things=tuple(self._things.values()),
        )


def _way(flow: Flow) -> Way:
    crypto = flow.crypto
    return Way(
        channel=flow.channel,
        speaks=flow.speaks,
        version=crypto.version if crypto else "",
        suite=crypto.suite if crypto else None,
        null_suite=crypto.null_suite if crypto else False,
        upgraded_from=flow.upgraded_from,
    )
