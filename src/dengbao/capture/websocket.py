"""Hears WebSocket in clear: messages of both sides, unmasked, put together and unpacked.

Source: RFC 6455 §5; RFC 7692 §7 (permessage-deflate).
"""

from __future__ import annotations

from typing import Final

from .content import Ledger, Scanner
from .unpacking import Purse, Unpacker

_TEXT, _BINARY, _CLOSE = 1, 2, 8
_MAX_CONTROL: Final = 125
_END_OF_MESSAGE: Final = b"\0\0\xff\xff"  # which the sender leaves out
_KNOWN: Final = frozenset((0, _TEXT, _BINARY, _CLOSE, 9, 10))


class _Side:
    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.head = b""  # of a frame that has not all come
        self.left = 0  # of the payload of the present frame
        self.mask = b""
        self.phase = 0
        self.final = True
        self.control = False
        self.text = self.packed = self.strange = False  # of the present message
        self.lost = False
        self.unpacker: Unpacker | None = None


class WebSocket:
    """Hears one upgraded connection; `unseen` counts what was not decoded, binary messages among it."""

    def __init__(self, ledger: Ledger, purse: Purse, extensions: str = "") -> None:
        self._purse = purse
        self._sides = tuple(_Side(Scanner(ledger, side, "message")) for side in (0, 1))
        offered = [one.strip().lower() for one in extensions.replace(",", ";").split(";")]
        self._deflates = offered[:1] == ["permessage-deflate"]
        self._forgets = ("client_no_context_takeover" in offered, "server_no_context_takeover" in offered)
        self._unseen = 0

    def data(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        one, here = self._sides[side], 0
        data, at = one.head + data, at - len(one.head)
        one.head = b""
        while here < len(data):
            if one.lost:
                self._unseen += len(data) - here
                return
            if one.left == 0:
                size = self._begin(one, data, here)
                if size == 0:
                    one.head = data[here:]
                    return
                here += size
            piece = data[here : here + one.left]
            self._take(one, side, piece, at + here)
            here += len(piece)

    def _begin(self, one: _Side, data: bytes, here: int) -> int:
        """Read the head of a frame; return its length, 0 while not all of it has come."""
        if len(data) - here < 2:
            return 0
        first, second = data[here], data[here + 1]
        wide = {126: 2, 127: 8}.get(second & 0x7F, 0)
        size = 2 + wide + (4 if second & 0x80 else 0)
        if len(data) - here < size:
            return 0
        length = int.from_bytes(data[here + 2 : here + 2 + wide], "big") if wide else second & 0x7F
        code = first & 0x0F
        one.control = code >= _CLOSE
        if code not in _KNOWN or (one.control and length > _MAX_CONTROL) or length >> 62:
            one.lost = True
            return size
        one.left, one.phase = length, 0
        one.mask = data[here + size - 4 : here + size] if second & 0x80 else b""
        if not one.control:
            self._begin_message(one, first, code)
        if length == 0:
            self._end(one, 0)
        return size

    def _begin_message(self, one: _Side, first: int, code: int) -> None:
        one.final = bool(first & 0x80)
        if code:
            one.text = code == _TEXT
            one.packed = bool(first & 0x40)
            one.strange = bool(first & 0x30) or (one.packed and not self._deflates)

    def _take(self, one: _Side, side: int, piece: bytes, at: int) -> None:
        if not piece:
            return
        one.left -= len(piece)
        if not one.control:
            if not one.text or one.strange:
                self._unseen += len(piece)
            if not one.strange:
                self._look(one, _unmasked(piece, one.mask, one.phase), at)
        one.phase = (one.phase + len(piece)) % 4
        if one.left == 0:
            self._end(one, at + len(piece), side)

    def _look(self, one: _Side, plain: bytes, at: int) -> None:
        if not one.packed:
            one.scanner.feed(plain, at)
            return
        if one.unpacker is None:
            one.unpacker = Unpacker("raw", self._purse)
        for part in one.unpacker.feed(plain):
            one.scanner.feed(part, at)

    def _end(self, one: _Side, at: int, side: int = 0) -> None:
        """End a frame, and the message with its last one."""
        if one.control or not one.final:
            return
        if one.packed and one.unpacker is not None:
            missed = one.unpacker.unseen
            for part in one.unpacker.feed(_END_OF_MESSAGE):
                one.scanner.feed(part, at)
            one.unpacker.unseen = missed  # these four were never sent
            one.unpacker.renew()
            if self._forgets[side]:
                self._drop(one)
        one.scanner.finish()

    def _drop(self, one: _Side) -> None:
        if one.unpacker is not None:
            one.unpacker.close()
            self._unseen += one.unpacker.unseen
            one.unpacker = None

    def gap(self, side: int, size: int) -> None:
        """Pass over lost bytes: inside a frame they are counted, else nobody knows where the next begins."""
        one = self._sides[side]
        one.scanner.finish()
        if one.left > size and not one.head:
            one.left -= size
            one.phase = (one.phase + size) % 4
            if one.packed and not one.control and one.unpacker is not None:
                one.unpacker.close()  # and what follows on this side counts as not decoded
            return
        self._unseen += len(one.head)
        one.lost, one.head = True, b""

    def finish(self) -> None:
        """Look through what was kept back."""
        for one in self._sides:
            one.scanner.finish()
            self._drop(one)

    @property
    def unseen(self) -> int:
        """Return how many bytes were not decoded."""
        return self._unseen + sum(one.unpacker.unseen for one in self._sides if one.unpacker is not None)

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        packed = sum(one.unpacker.cost for one in self._sides if one.unpacker is not None)
        return 2048 + packed + sum(one.scanner.weight + len(one.head) for one in self._sides)


def _unmasked(piece: bytes, mask: bytes, phase: int) -> bytes:
    if not mask:
        return piece
    size = len(piece)
    turned = mask[phase:] + mask[:phase]
    stream = (turned * (size // 4 + 1))[:size]
    number = int.from_bytes(piece, "little") ^ int.from_bytes(stream, "little")
    return number.to_bytes(size, "little")
