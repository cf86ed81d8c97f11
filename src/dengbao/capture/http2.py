"""Hears HTTP/2 in clear (h2c): heads of both sides, and the bodies of its streams.

Each frame is walked as it comes; what is under a bound that was met, or behind bytes that are not in the
capture, counts as not decoded and is looked through as it stands.
Source: RFC 9113 §4, §6; RFC 7541 (by `hpack`); RFC 8441.
"""

from __future__ import annotations

from typing import Final

from hpack import Decoder, HPACKError

from .bodies import Body, GrpcBody, body_of, is_grpc
from .content import Ledger, Scanner
from .heads import Heads
from .unpacking import Purse

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _PROMISE, _CONTINUATION = 0, 1, 3, 5, 9
_KNOWN: Final = frozenset((*range(10), 0x0A, 0x0C, 0x10))  # ALTSVC, ORIGIN, PRIORITY_UPDATE besides
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 1, 4, 8, 0x20
_HEAD: Final = 9
_MAX_OTHER: Final = 64 << 10  # of a frame that carries no data
_MAX_BLOCK: Final = 64 << 10  # of the fields of one head, packed
_MAX_LIST: Final = 64 << 10  # and unpacked
_MAX_TABLE: Final = 64 << 10  # of what one side may refer to; browsers ask for so much
_MAX_STREAMS: Final = 64  # whose bodies are followed at a time on each side
_TABLE_COST: Final = 4  # a byte of the table takes so many as Python keeps it

_Fields = list[tuple[str, str]]


class _Side:
    def __init__(self, ledger: Ledger, side: int) -> None:
        self.number = side
        self.buffer = b""
        self.preface = side == 0
        self.kind = self.flags = self.stream = -1
        self.left = 0  # of the payload of a frame that is not kept
        self.padding = 0
        self.block = b""
        self.opened = 0  # the stream, whether it ends and is promised, of a head that is not complete
        self.ends = self.promised = False
        self.decoder: Decoder | None = Decoder(max_header_list_size=_MAX_LIST)
        self.decoder.max_allowed_table_size = _MAX_TABLE
        self.streams: dict[int, Body | GrpcBody] = {}
        self.stray = Scanner(ledger, side, "body")
        self.lost = False

    @property
    def weight(self) -> int:
        table = self.decoder.header_table_size * _TABLE_COST if self.decoder is not None else 0
        kept = len(self.buffer) + len(self.block) + self.stray.weight
        return 4096 + table + kept + sum(one.weight for one in self.streams.values())


class Http2:
    """Hears both sides of one connection; `unseen` counts bytes that were not decoded."""

    def __init__(self, ledger: Ledger, purse: Purse) -> None:
        self._ledger = ledger
        self._purse = purse
        self._heads = Heads(ledger)
        self._sides = (_Side(ledger, 0), _Side(ledger, 1))
        self._unseen = 0
        self.is_grpc = False

    # ---- frames ----------------------------------------------------------------------------------

    def data(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        one, here = self._sides[side], 0
        data, at = one.buffer + data, at - len(one.buffer)
        one.buffer = b""
        while here < len(data) and not one.lost:
            if one.left:
                piece = data[here : here + one.left]
                one.left -= len(piece)
                self._pass(one, piece, at + here)
                here += len(piece)
                continue
            taken = self._begin(one, data, here, at)
            here += taken
            if not taken and not one.lost:
                one.buffer = data[here:]
                return
        if one.lost:
            self._stray(one, data[here:], at + here)

    def _begin(self, one: _Side, data: bytes, here: int, at: int) -> int:
        """Read the head of a frame, with its payload where it carries no data; 0 while not all has come."""
        if one.preface:
            return self._preface(one, data, here)
        if len(data) - here < _HEAD:
            return 0
        size = int.from_bytes(data[here : here + 3], "big")
        one.kind, one.flags = data[here + 3], data[here + 4]
        one.stream = int.from_bytes(data[here + 5 : here + _HEAD], "big") & 0x7FFFFFFF
        if one.kind == _DATA:
            return self._begin_data(one, data[here + _HEAD : here + _HEAD + 1], size)
        if size > _MAX_OTHER:
            self._lose(one)
            return 0
        if len(data) - here < _HEAD + size:
            return 0
        self._frame(one, data[here + _HEAD : here + _HEAD + size], at + here)
        return _HEAD + size

    def _begin_data(self, one: _Side, first: bytes, size: int) -> int:
        pads = bool(one.flags & _PADDED) and size > 0
        if pads and not first:
            return 0
        one.left = size - pads
        one.padding = min(first[0], one.left) if pads else 0
        if one.left == 0:
            self._ended(one)
        return _HEAD + pads

    def _preface(self, one: _Side, data: bytes, here: int) -> int:
        begin = data[here : here + len(PREFACE)]
        if not PREFACE.startswith(begin):
            self._lose(one)
            return 0
        if len(begin) < len(PREFACE):
            return 0
        one.preface = False
        return len(PREFACE)

    def _pass(self, one: _Side, piece: bytes, at: int) -> None:
        """Take a piece of the payload of a DATA frame."""
        data = piece[: max(len(piece) + one.left - one.padding, 0)]
        body = one.streams.get(one.stream)
        if body is None:
            self._stray(one, data, at)
        elif data:
            body.feed(data, at)
        if one.left == 0:
            self._ended(one)

    def _ended(self, one: _Side) -> None:
        if one.flags & _END_STREAM:
            self._close(one, one.stream)

    def _close(self, one: _Side, stream: int) -> None:
        body = one.streams.pop(stream, None)
        if body is not None:
            body.finish()
            self._unseen += body.unseen

    def _stray(self, one: _Side, data: bytes, at: int) -> None:
        """Look through bytes of which it is not known what they are; none of them counts as decoded."""
        self._unseen += len(data)
        one.stray.feed(data, at)

    def _lose(self, one: _Side) -> None:
        one.lost, one.decoder = True, None
        for stream in list(one.streams):
            self._close(one, stream)

    # ---- heads -----------------------------------------------------------------------------------

    def _frame(self, one: _Side, payload: bytes, at: int) -> None:
        if one.kind in {_HEADERS, _PROMISE}:
            one.block, one.opened = self._fragment(one, payload), one.stream
            one.promised = one.kind == _PROMISE
            one.ends = not one.promised and bool(one.flags & _END_STREAM)
        elif one.kind == _CONTINUATION:
            one.block += payload
        elif one.kind == _RESET:
            for side in self._sides:
                self._close(side, one.stream)
            return
        else:
            self._unseen += 0 if one.kind in _KNOWN else len(payload)
            return
        if len(one.block) > _MAX_BLOCK:
            self._unseen += len(one.block)
            one.block, one.decoder = b"", None
        if one.flags & _END_HEADERS:
            block, one.block = one.block, b""
            self._head(one, block, at)

    @staticmethod
    def _fragment(one: _Side, payload: bytes) -> bytes:
        padding = payload[0] if one.flags & _PADDED and payload else 0
        begin = 1 if one.flags & _PADDED else 0
        if one.kind == _PROMISE:
            begin += 4
        elif one.flags & _PRIORITY:
            begin += 5
        return payload[begin : max(len(payload) - padding, begin)]

    def _head(self, one: _Side, block: bytes, at: int) -> None:
        fields = self._unpacked(one, block)
        if fields is None:
            self._unseen += len(block)
            one.stray.feed(block, at)
            one.decoder = None  # its table is not that of the sender any more
            if not one.ends:
                return
        else:
            self._read(one, fields, at)
        if one.ends:
            self._close(one, one.opened)

    def _unpacked(self, one: _Side, block: bytes) -> _Fields | None:
        if one.decoder is None or not self._purse.head():
            return None
        try:
            found = one.decoder.decode(block, raw=True)
        except (HPACKError, ValueError, IndexError, UnicodeError):
            return None
        return [(_str(field[0]).lower(), _str(field[1])) for field in found]

    def _read(self, one: _Side, fields: _Fields, at: int) -> None:
        """Take a head, or the trailers of a body that is known."""
        known = dict(fields)
        side = one.number
        self._heads.target(known.get(":path", ""), side, at)
        self._heads.fields(fields, side, at)
        if one.promised or one.ends or one.opened in one.streams:
            return
        if known.get(":method") == "CONNECT" or known.get(":status", "").startswith("1"):
            return  # a tunnel, whose bytes are not of HTTP; or an answer before the answer
        self.is_grpc = self.is_grpc or is_grpc(known.get("content-type", "").lower())
        if len(one.streams) >= _MAX_STREAMS:
            self._close(one, next(iter(one.streams)))
        one.streams[one.opened] = body_of(self._ledger, one.number, known, self._purse)

    # ---- the whole -------------------------------------------------------------------------------

    def gap(self, side: int, size: int) -> None:
        """Pass over lost bytes: inside one DATA frame they are counted, else the side is lost."""
        one = self._sides[side]
        one.stray.finish()
        if one.left > size:
            one.left -= size
            body = one.streams.get(one.stream)
            if body is not None:
                body.gap()
            return
        self._unseen += len(one.buffer)
        one.buffer, one.left = b"", 0
        self._lose(one)

    def finish(self) -> None:
        """Look through what was kept back."""
        for one in self._sides:
            one.stray.finish()
            self._unseen += len(one.buffer) + len(one.block)
            one.buffer = one.block = b""
            for stream in list(one.streams):
                self._close(one, stream)

    @property
    def unseen(self) -> int:
        """Return how many bytes were not decoded."""
        return self._unseen + sum(one.unseen for side in self._sides for one in side.streams.values())

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        return 1024 + sum(one.weight for one in self._sides)


def _str(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
