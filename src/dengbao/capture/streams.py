"""Puts the bytes of each direction of a TCP connection in order, within bounded windows.

Source: RFC 9293 §3.4 (sequence numbers wrap at 2**32), §3.10.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Final, Protocol

WINDOW_BYTES: Final = 64 << 10  # handed on at once; larger windows cost memory and win nothing
AHEAD_BYTES: Final = 1 << 20  # out of order and kept; beyond it the missing part is given up
_AHEAD_PIECES: Final = 2048
_PIECE_BYTES: Final = 256  # an entry, its tuple and numbers
_MODULUS: Final = 1 << 32
_HALF: Final = 1 << 31


class Listener(Protocol):
    """Who hears a conversation; `side` is 0 for what the client sends, 1 for the server."""

    def data(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side; `at` is their place in its stream, gaps counted."""
        ...

    def gap(self, side: int, size: int) -> None:
        """Learn that `size` bytes of one side are not in the capture."""
        ...


class Direction:
    """What one side of a connection sends: in order, without repetition, with gaps named.

    Where segments overlap the bytes that were seen first stand.
    """

    __slots__ = (
        "_lowest", "_old_marks", "_old_numbers", "_older_marks", "_older_numbers", "ahead", "ahead_bytes",
        "chunks", "expected", "handed", "last_ns", "last_number", "listener", "lost", "numbers",
        "packets", "peer", "side", "total",
    )  # fmt: skip

    def __init__(self, side: int) -> None:
        self.side = side
        self.listener: Listener | None = None
        self.peer: Direction = self
        self.expected = -1
        self.total = 0  # bytes since the beginning, gaps counted: the place of the next byte
        self.lost = 0
        self.packets = 0
        self.chunks: list[bytes] = []
        self.numbers: list[int] = []  # the packet of each chunk
        self.last_ns: int | None = None
        self.last_number = 0
        self.ahead_bytes = 0
        self.ahead: dict[int, tuple[bytes, int]] = {}  # place → what came too early, and its packet
        self.handed = 0  # up to which place the listener has heard
        self._lowest = 0
        self._old_marks: list[int] = []
        self._old_numbers: list[int] = []
        self._older_marks: list[int] = []
        self._older_numbers: list[int] = []

    def feed(self, seq: int, payload: bytes, number: int, missing: int = 0) -> None:
        """Take one segment of packet `number`; `missing` bytes behind the payload were not captured."""
        if seq != self.expected:
            payload = self._aside(seq, payload, number)
            if not payload:
                return
        if payload:
            self.take(payload, number)
        if missing:
            self._lose(missing)
        if self.ahead and self._lowest <= self.total:
            self._catch_up()
        if self.total - self.handed >= WINDOW_BYTES:
            self.flush()

    def take(self, payload: bytes, number: int) -> None:
        """Take the very next bytes; whoever calls it flushes."""
        size = len(payload)
        self.numbers.append(number)
        self.chunks.append(payload)
        self.total += size
        self.expected = (self.expected + size) & 0xFFFFFFFF

    @property
    def captured(self) -> int:
        """Return how many bytes were in the capture, none counted twice."""
        return self.total - self.lost

    @property
    def ahead_cost(self) -> int:
        """Return about how many bytes of memory hold what came too early."""
        return self.ahead_bytes + len(self.ahead) * _PIECE_BYTES

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept, without what is handed on at the next flush."""
        return 512 + self.ahead_cost + 72 * (len(self._old_marks) + len(self._older_marks))

    def _aside(self, seq: int, payload: bytes, number: int) -> bytes:
        """Return what of a segment that is not the next one is new now; keep what comes too early."""
        if self.expected < 0:
            self.expected = seq
            return payload
        ahead = (seq - self.expected) % _MODULUS
        if ahead >= _HALF:
            return payload[_MODULUS - ahead :]
        place = self.total + ahead
        kept = self.ahead.get(place)
        if kept is not None:
            if len(kept[0]) >= len(payload):
                return b""
            payload = kept[0] + payload[len(kept[0]) :]
            self.ahead_bytes -= len(kept[0])
        self._lowest = min(self._lowest, place) if self.ahead else place
        self.ahead[place] = (payload, number)
        self.ahead_bytes += len(payload)
        while self.ahead_bytes > AHEAD_BYTES or len(self.ahead) > _AHEAD_PIECES:
            self.give_up()
        return b""

    def _catch_up(self) -> None:
        for place in sorted(self.ahead):
            if place > self.total:
                self._lowest = place
                return
            payload, number = self.ahead.pop(place)
            self.ahead_bytes -= len(payload)
            new = payload[self.total - place :]
            if new:
                self.take(new, number)

    def give_up(self) -> None:
        """Call the bytes before the earliest kept segment lost, and go on with it."""
        if not self.ahead:
            return
        self._lose(min(self.ahead) - self.total)
        self._catch_up()
        if self.total - self.handed >= WINDOW_BYTES:
            self.flush()

    def _lose(self, size: int) -> None:
        if size <= 0:
            return
        self.flush()
        self.total += size
        self.handed = self.total
        self.lost += size
        self.expected = (self.expected + size) & 0xFFFFFFFF
        if self.listener is not None:
            self.listener.gap(self.side, size)

    def flush(self) -> None:
        """Hand on what is held."""
        if not self.chunks:
            return
        chunks, at = self.chunks, self.handed
        self._older_marks, self._older_numbers = self._old_marks, self._old_numbers
        self._old_marks, self._old_numbers = list(accumulate(map(len, chunks[:-1]), initial=at)), self.numbers
        self.chunks, self.numbers, self.handed = [], [], self.total
        if self.listener is not None:
            self.listener.data(self.side, chunks[0] if len(chunks) == 1 else b"".join(chunks), at)

    def finish(self) -> None:
        """Hand on all that is there; what is still missing is lost."""
        while self.ahead:
            self.give_up()
        self.flush()

    def packet_at(self, place: int) -> int:
        """Return which packet brought a byte that was handed on; of one long ago, the earliest known."""
        for marks, numbers in (
            (self._old_marks, self._old_numbers), (self._older_marks, self._older_numbers)
        ):  # fmt: skip
            if marks and marks[0] <= place:
                return numbers[bisect_right(marks, place) - 1]
        known = self._older_numbers or self._old_numbers
        return known[0] if known else self.last_number
