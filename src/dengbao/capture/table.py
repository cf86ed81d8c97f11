"""Sorts the packets of a capture into flows, of which only so many are followed at a time."""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from .conversation import Conversation, Datagrams
from .files import Frame
from .findings import Flow, Speech
from .packets import FIN, RST, SYN, TCP, Unread, decode, endpoints, reverse
from .streams import WINDOW_BYTES, Direction
from .unpacking import Purse

MOST_FLOWS: Final = 2048  # followed at a time; beyond it those silent longest are closed
_FLUSH_BYTES: Final = 8 << 20  # payload after which everything held is handed on
_MOST_AHEAD: Final = 16 << 20
_PIECE_BYTES: Final = 128  # what a piece of payload takes besides its bytes, however short it is
_MOST_STATE: Final = 48 << 20  # of all flows together; the heaviest are closed, and begin anew unrecognised
_SAME_NS: Final = 2_000_000  # one packet seen at two points of one machine is not seen later than this
_ACK: Final = 0x10
_PLAIN_IP: Final = b"\x08\x00\x45"
_TCP_BYTE: Final = bytes([TCP])
_CHANGES: Final = FIN | SYN | RST
_LEAST: Final = 54  # headers of Ethernet, IPv4 and TCP without options
_HEADER: Final = struct.Struct(">H2xH16xI4xBB").unpack_from  # total, fragment; sequence, offset, flags


class _Entry:
    """One flow while it is followed."""

    __slots__ = (
        "beginning", "client", "ended", "first_ns", "first_packet", "heard", "key", "protocol", "server"
    )  # fmt: skip

    def __init__(self, key: bytes, protocol: int, purse: Purse, *, beginning: bool) -> None:
        self.key = key
        self.protocol = protocol
        self.beginning = beginning
        self.client, self.server = Direction(0), Direction(1)
        self.client.peer, self.server.peer = self.server, self.client
        self.first_ns: int | None = None
        self.first_packet = 0
        self.ended = 0  # 1: the client has ended, 2: the server, 3: both
        sides = (self.client, self.server)

        def packet_at(side: int, place: int) -> int:
            return sides[side].packet_at(place)

        self.heard: Conversation | Datagrams = (
            Conversation(packet_at, beginning=beginning, purse=purse)
            if protocol == TCP
            else Datagrams(packet_at, int.from_bytes(key[-2:], "big"))
        )
        for one in sides:
            one.listener = self.heard

    @property
    def ahead_bytes(self) -> int:
        return self.client.ahead_cost + self.server.ahead_cost

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept for the flow."""
        return self.heard.weight + self.client.weight + self.server.weight

    @property
    def last_number(self) -> int:
        return max(self.client.last_number, self.server.last_number)


class Table:
    """Takes frames and hands on each flow once it is over; memory does not grow with the capture."""

    def __init__(self, hand_on: Callable[[Flow], None]) -> None:
        self._hand_on = hand_on
        self._directions: dict[bytes, tuple[Direction, _Entry]] = {}
        self._since_flush = 0
        self._datagrams: dict[bytes, int] = {}
        self._purse = Purse()
        self.unread: Counter[Unread] = Counter()
        self.repeated = 0

    def take_all(self, source: Iterable[Frame], watch: Callable[[], None]) -> None:
        """Take every frame; `watch` is called now and then.

        Nine of ten frames carry the next bytes of a known TCP flow over Ethernet and IPv4: these go the short
        way, a call for each of whose steps would cost a third of the time. `take` gives the same.
        """
        known_at, take = self._directions.get, self.take
        for frame in source:
            number, time_ns, link, data, cut = frame
            if not number & 0xFFFF:
                watch()
            if link == 1 and not cut and data[12:15] == _PLAIN_IP and data[23:24] == _TCP_BYTE:
                known = known_at(data[26:38])
                if known is not None and self._goes_on(known, number, time_ns, data):
                    continue
            take(frame)

    def _goes_on(
        self, known: tuple[Direction, _Entry], number: int, time_ns: int | None, data: bytes
    ) -> bool:
        """Take a segment that carries the next bytes of its direction, or none; False if it does not."""
        direction, entry = known
        size = len(data)
        if size < _LEAST:
            return False
        total, fragment, seq, offset, flags = _HEADER(data, 16)
        begin, end = 34 + ((offset >> 4) << 2), 14 + total
        fits = 54 <= begin <= end <= size and not (flags & _CHANGES or fragment & 0x3FFF)
        if not fits or entry.protocol != TCP or not entry.first_packet:
            return False
        if begin < end:
            if direction.expected != seq or direction.ahead:
                return False
            if direction.peer.chunks:
                direction.peer.flush()
            direction.take(data[begin:end], number)
            self._since_flush += end - begin + _PIECE_BYTES
            if direction.total - direction.handed >= WINDOW_BYTES:
                direction.flush()
            if self._since_flush >= _FLUSH_BYTES:
                self._flush()
        direction.packets += 1
        direction.last_number, direction.last_ns = number, time_ns
        return True

    def take(self, frame: Frame) -> None:
        """Take one frame, whatever it is."""
        number, time_ns, link, data, cut = frame
        segment = decode(link, data, cut)
        if type(segment) is not tuple:
            self.unread[segment] += 1  # type: ignore[index]  # a segment is the only tuple
            return
        key, protocol, seq, flags, payload, missing = segment
        known = self._directions.get(key)
        if known is None or known[1].protocol != protocol:
            known = self._open(key, protocol, flags)
        direction, entry = known
        if protocol != TCP:
            self._datagram(entry, direction, frame, payload)
            return
        if flags & SYN:
            direction, entry = self._synchronise(key, direction, entry, seq, flags)
            seq += 1
        direction.packets += 1
        direction.last_number = number
        direction.last_ns = time_ns
        if not entry.first_packet:
            entry.first_packet, entry.first_ns = number, time_ns
        if payload or missing:
            peer = direction.peer
            if peer.chunks:
                peer.flush()
            direction.feed(seq & 0xFFFFFFFF, payload, number, missing)
            self._since_flush += len(payload) + _PIECE_BYTES
            if self._since_flush >= _FLUSH_BYTES:
                self._flush()
        if flags & (RST | FIN):
            entry.ended |= 3 if flags & RST else direction.side + 1

    def _open(self, key: bytes, protocol: int, flags: int) -> tuple[Direction, _Entry]:
        if len(self._directions) >= 2 * MOST_FLOWS:
            self._make_room()
        stale = self._directions.get(key)
        if stale is not None:
            self._close(stale[1])
        begins = protocol == TCP and bool(flags & SYN)
        answers = begins and bool(flags & _ACK)
        source, target = int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big")
        from_server = answers if begins else source < target
        other = reverse(key)
        entry = _Entry(other if from_server else key, protocol, self._purse, beginning=begins)
        mine, its = (entry.server, entry.client) if from_server else (entry.client, entry.server)
        self._directions[other] = its, entry
        self._directions[key] = mine, entry
        return mine, entry

    def _synchronise(
        self, key: bytes, direction: Direction, entry: _Entry, seq: int, flags: int
    ) -> tuple[Direction, _Entry]:
        """Begin at a SYN; one with another number than before begins another connection."""
        expected = (seq + 1) & 0xFFFFFFFF
        used = direction.total or direction.peer.total
        if not flags & _ACK and used and direction.expected != expected and not self._is_old(direction, seq):
            self._close(entry)
            direction, entry = self._open(key, TCP, flags)
        if direction.expected < 0:
            direction.expected = expected
        return direction, entry

    @staticmethod
    def _is_old(direction: Direction, seq: int) -> bool:
        """Tell whether a SYN is the one that began this connection, seen again."""
        return direction.expected >= 0 and (seq + 1 + direction.total) & 0xFFFFFFFF == direction.expected

    def _datagram(self, entry: _Entry, direction: Direction, frame: Frame, payload: bytes) -> None:
        number, time_ns = frame[:2]
        if entry.first_packet == 0:
            entry.first_packet, entry.first_ns = number, time_ns
        direction.packets += 1
        direction.last_number, direction.last_ns = number, time_ns
        if not payload:
            return
        if self._is_repeated(entry, direction, frame, payload):
            self.repeated += 1
            return
        entry.heard.data(direction.side, payload, direction.total)
        direction.total += len(payload)

    def _is_repeated(self, entry: _Entry, direction: Direction, frame: Frame, payload: bytes) -> bool:
        """Tell whether the capture shows one datagram twice, as on loopback or on all interfaces."""
        if frame[1] is None:
            return False
        del direction
        # the same IP header and payload: a datagram that is sent again has another identification
        digest = hashlib.blake2b(frame[3][-len(payload) - 28 :], digest_size=8, key=entry.key[:60]).digest()
        before = self._datagrams.get(digest)
        if len(self._datagrams) > 4096:
            self._datagrams.clear()
        self._datagrams[digest] = frame[1]
        return before is not None and abs(frame[1] - before) <= _SAME_NS

    # ---- bounds ----------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Hand on all that is held, and bound what is kept of all flows together."""
        self._since_flush = 0
        for direction, _ in list(self._directions.values()):
            direction.flush()
        entries = self._entries()
        if sum(one.ahead_bytes for one in entries) > _MOST_AHEAD:
            for one in entries:
                one.client.give_up()
                one.server.give_up()
        weights = sorted(((one.weight, place) for place, one in enumerate(entries)), reverse=True)
        total = sum(weight for weight, _ in weights)
        for weight, place in weights:
            if total <= _MOST_STATE:
                return
            self._close(entries[place])
            total -= weight

    def _entries(self) -> list[_Entry]:
        return list({id(entry): entry for _, entry in self._directions.values()}.values())

    def _make_room(self) -> None:
        entries = self._entries()
        entries.sort(key=lambda one: (one.ended != 3, one.last_number))
        for entry in entries[: max(len(entries) // 8, 1)]:
            self._close(entry)

    def finish(self) -> None:
        """Close every flow that is still open."""
        for _, entry in list(self._directions.values()):
            if entry.key in self._directions:
                self._close(entry)

    def _close(self, entry: _Entry) -> None:
        for key in (entry.key, reverse(entry.key)):
            known = self._directions.get(key)
            if known is not None and known[1] is entry:
                del self._directions[key]
        for one in (entry.client, entry.server):
            one.finish()
        entry.heard.finish()
        self._hand_on(_flow(entry))


def _flow(entry: _Entry) -> Flow:
    client, client_port, server, server_port = endpoints(entry.key)
    heard, sides = entry.heard, (entry.client, entry.server)
    is_tcp = isinstance(heard, Conversation)
    times = [one.last_ns for one in sides if one.last_ns is not None]
    carried = any(one.captured for one in sides)
    return Flow(
        protocol="tcp" if is_tcp else "udp",
        client=client, client_port=client_port, server=server, server_port=server_port,
        beginning_seen=entry.beginning, packets=sum(one.packets for one in sides),
        client_bytes=entry.client.captured, server_bytes=entry.server.captured,
        lost_bytes=sum(one.lost for one in sides),
        unseen_bytes=heard.unseen if isinstance(heard, Conversation) else 0,
        first_packet=entry.first_packet, first_ns=entry.first_ns, last_ns=max(times, default=None),
        speaks=heard.speaks if carried else Speech.NOTHING,
        upgraded_from=heard.upgraded_from if isinstance(heard, Conversation) else None,
        crypto=(
            heard.records.crypto() if isinstance(heard, Conversation) and heard.records is not None else None
        ),
        channel=heard.channel,
        sampled_bytes=heard.ledger.seen.sampled,
        findings=heard.ledger.findings(), findings_left_out=heard.ledger.left_out,
    )  # fmt: skip
