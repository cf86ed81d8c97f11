"""Unpacks bodies as they come, within bounds that hold for a whole capture however it was made.

Source: RFC 1950, 1951, 1952; RFC 7932 §9.1; RFC 8878 §3.1.1; RFC 9110 §8.4; RFC 9659 (windows of zstd).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import brotli
import zstandard

_PIECE: Final = 256 << 10  # handed on at a time
_MAX_UNPACKED: Final = 4 << 20  # of one body; what is beyond it was not seen
_FREE: Final = 64 << 20  # unpacked of a capture, however small what was packed is …
_PER_BYTE: Final = 32  # … and so many more for each packed byte: texts reach twenty, bombs a thousand
_MAX_HELD: Final = 32 << 20  # of the memory of all unpackers together
_HEADS: Final = 1_000_000  # of HTTP/2, taken apart in a capture: two minutes at most
_ZLIB_BYTES: Final = 48 << 10
_BROTLI_BITS: Final = 24
_ZSTD_WINDOW: Final = 8 << 20
_FLUSH: Final = 8  # bytes that end a message and give nothing
_ZSTD_STEP: Final = 64  # packed bytes at a time: no more than 22 blocks, of which each gives 128 KiB


class Purse:
    """What unpacking may still cost of a capture, in bytes handed on, heads, and memory held at a time."""

    def __init__(self) -> None:
        self._left = _FREE
        self._heads = _HEADS
        self._held = 0

    def head(self) -> bool:
        """Take one head; False when there were too many."""
        self._heads -= 1
        return self._heads >= 0

    def earn(self, packed: int) -> None:
        """Allow more for packed bytes that were read."""
        self._left += packed * _PER_BYTE

    def spend(self, size: int) -> bool:
        """Take from what is left; False when it is used up."""
        self._left -= size
        return self._left > 0

    def hold(self, size: int) -> bool:
        """Reserve memory; False when there is none."""
        if self._held + size > _MAX_HELD:
            return False
        self._held += size
        return True

    def release(self, size: int) -> None:
        """Give memory back."""
        self._held -= size


class _Machine(Protocol):
    """What takes one coding apart."""

    @property
    def ended(self) -> bool:
        """Tell whether the packed stream came to its end."""
        ...

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """Yield what the bytes hold, no more than a few pieces ahead; ValueError where they are broken."""
        ...


class _Zlib:
    def __init__(self, bits: int) -> None:
        self._machine = zlib.decompressobj(bits)

    @property
    def ended(self) -> bool:
        return self._machine.eof

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        if self._machine.eof:
            raise ValueError
        try:
            while packed:
                yield self._machine.decompress(packed, _PIECE)
                packed = self._machine.unconsumed_tail
        except zlib.error:
            raise ValueError from None


class _Brotli:
    def __init__(self) -> None:
        self._machine = brotli.Decompressor()

    @property
    def ended(self) -> bool:
        return bool(self._machine.is_finished())

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        try:
            yield self._machine.process(packed, output_buffer_limit=_PIECE)
            while not self._machine.can_accept_more_data():
                yield self._machine.process(b"", output_buffer_limit=_PIECE)
        except brotli.error:
            raise ValueError from None


class _Zstd:
    def __init__(self) -> None:
        self._machine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    @property
    def ended(self) -> bool:
        return bool(self._machine.eof)

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        try:
            for at in range(0, len(packed), _ZSTD_STEP):
                if self._machine.eof:
                    raise ValueError
                yield self._machine.decompress(packed[at : at + _ZSTD_STEP])
        except zstandard.ZstdError:
            raise ValueError from None


def _brotli_window(first: int) -> int:
    """Return the memory that the first byte of a stream asks for; 0 where it is none of RFC 7932."""
    if not first & 1:
        bits = 16
    elif first & 0x0E:
        bits = 17 + (first >> 1 & 7)
    else:
        bits = {0: 17, 1: 0}.get(first >> 4 & 7, 8 + (first >> 4 & 7))
    return (1 << bits) + (64 << 10) if 0 < bits <= _BROTLI_BITS else 0


def _is_zlib(first: int) -> bool:
    return first & 0x8F == 0x08  # some servers send deflate without the header of zlib


_Made = tuple[Callable[[], _Machine], int]
_CODINGS: Final[dict[str, Callable[[int], _Made]]] = {
    "gzip": lambda _first: (lambda: _Zlib(31), _ZLIB_BYTES),
    "x-gzip": lambda _first: (lambda: _Zlib(31), _ZLIB_BYTES),
    "deflate": lambda first: (lambda: _Zlib(15 if _is_zlib(first) else -15), _ZLIB_BYTES),
    "raw": lambda _first: (lambda: _Zlib(-15), _ZLIB_BYTES),  # of WebSocket
    "br": lambda first: (_Brotli, _brotli_window(first)),
    "zstd": lambda _first: (_Zstd, _ZSTD_WINDOW),
}


class Unpacker:
    """Takes one packed body; `unseen` counts its packed bytes that were not unpacked."""

    def __init__(self, coding: str, purse: Purse) -> None:
        self._coding = coding
        self._purse = purse
        self._machine: _Machine | None = None
        self._stopped = coding not in _CODINGS
        self._unpacked = 0
        self._silent = 0  # packed bytes since the last that gave anything
        self.cost = 0
        self.unseen = 0

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Yield what the next bytes hold, in pieces, until a bound is met."""
        if not packed:
            return
        if self._stopped or not self._begun(packed[0]):
            self.unseen += len(packed)
            return
        self._purse.earn(len(packed))
        self._silent += len(packed)
        try:
            for piece in self._machine.pieces(packed) if self._machine is not None else ():
                self._unpacked += len(piece)
                if piece:
                    self._silent = 0
                    yield piece
                if not self._purse.spend(len(piece)) or self._unpacked >= _MAX_UNPACKED:
                    self._stop(len(packed))
                    return
        except ValueError:
            self._stop(len(packed))

    def _begun(self, first: int) -> bool:
        if self._machine is None:
            make, cost = _CODINGS[self._coding](first)
            if not cost or not self._purse.hold(cost):
                self._stopped = True
                return False
            self._machine, self.cost = make(), cost
        return True

    def renew(self) -> None:
        """Let the bound of one body begin anew, where one unpacker serves many messages."""
        self._unpacked = 0

    def _stop(self, unseen: int) -> None:
        self.unseen += unseen
        self._silent = 0
        self.close()

    def close(self) -> None:
        """Give the memory back; of a stream that broke off, what gave nothing was not unpacked."""
        if self._machine is not None and not self._machine.ended and self._silent > _FLUSH:
            self.unseen += self._silent
        self._purse.release(self.cost)
        self._machine, self.cost = None, 0
        self._stopped = True
