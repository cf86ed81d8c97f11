"""Cuts a stream of any encoding into windows of UTF-8 that overlap enough for every decision."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from .judge import AFTER, BEFORE

SIZE: Final = 2 * 1024 * 1024
_PIECE: Final = 256 * 1024
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MIN_WIDE_SHARE: Final = 0.2
_LOWER: Final = bytes(range(256)).lower()
_NO_ASCII: Final = bytes(range(128, 256))


class Readable(Protocol):
    """Anything bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; empty at the end."""


def lower_ascii(data: bytes) -> bytes:
    """Return the ASCII of `data` in lower case, with all else left out where there is anything else.

    What is not in it is not in `data`, and in Chinese text it is short.
    """
    return data.lower() if data.isascii() else data.translate(_LOWER, _NO_ASCII)


@dataclass(frozen=True)
class Window:
    """Bytes of UTF-8; hits that begin in `low` ≤ start < `high` belong to this window and to no other.

    `base` is the offset of the first byte, `line` the number of the line in which `low` lies.
    """

    data: bytes
    low: int
    high: int
    base: int
    line: int
    last: bool

    @cached_property
    def small(self) -> bytes:
        """Return `lower_ascii` of the window."""
        return lower_ascii(self.data)

    @cached_property
    def lower(self) -> bytes:
        """Return the window in lower case, as far as it is ASCII."""
        return self.small if len(self.small) == len(self.data) else self.data.lower()

    @property
    def line_ends(self) -> int:
        """Return how many lines end between `low` and `high`."""
        return self.data.count(b"\n", self.low, self.high)


class Decoder:
    """Turns UTF-8, GB 18030 and UTF-16 into UTF-8, deciding at the first bytes that are not ASCII."""

    def __init__(self) -> None:
        self.encoding = ""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = False

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """Return `data` in UTF-8, without a mark; bytes that are in no encoding stay as they are."""
        if not self._begun and data:
            self._begun = True
            data = self._mark(data)
        if not self.encoding and not data.isascii():
            self._decide(_guess(data))
        if self._decoder is None:
            return data
        return self._decoder.decode(data, final).encode("utf-8", "replace")

    def _mark(self, data: bytes) -> bytes:
        for mark, encoding in _MARKS:
            if data.startswith(mark):
                self._decide(encoding)
                return data[len(mark) :]
        head = data[:4096]
        for encoding, first in (("utf-16-be", 0), ("utf-16-le", 1)):
            if head[first::2].count(0) > _MIN_WIDE_SHARE * len(head) / 2 > 2 * head[1 - first :: 2].count(0):
                self._decide(encoding)
        return data

    def _decide(self, encoding: str) -> None:
        self.encoding = encoding
        if encoding not in ("utf-8", "binary"):
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")


def _guess(data: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            decoder.decode(data)
        except UnicodeDecodeError:
            continue
        return encoding
    # One bad byte must not turn a whole dump of either encoding into noise: the one that fails later.
    return max(("utf-8", "gb18030"), key=lambda one: _good_share(data, one))


def _good_share(data: bytes, encoding: str) -> int:
    return -data[:_PIECE].decode(encoding, "replace").count("\ufffd")


def windows(source: Readable, decoder: Decoder, size: int = SIZE) -> Iterator[Window]:
    """Yield the windows of a stream; cut behind the end of a line wherever one ends in time.

    A decision looks `BEFORE` and `AFTER` bytes around: both are always there, but at the ends.
    """
    back = rest = b""
    base = 0
    line = 1
    ended = False
    while not ended:
        low = len(back)
        data, ended = _fill(source, decoder, (back, rest), size)
        high = len(data) if ended else _cut(data, low)
        window = Window(data, low, high, base, line, ended)
        yield window
        line += window.line_ends
        keep = max(0, high - BEFORE)
        back, rest = data[keep:high], data[high:]
        base += keep


def _fill(source: Readable, decoder: Decoder, had: tuple[bytes, bytes], size: int) -> tuple[bytes, bool]:
    parts = list(had)
    have = len(had[1])
    while have < size + 2 * AFTER:
        piece = source.read(_PIECE)
        data = decoder.feed(piece, final=not piece)
        parts.append(data)
        have += len(data)
        if not piece:
            return b"".join(parts), True
    return b"".join(parts), False


def _cut(data: bytes, low: int) -> int:
    end = len(data) - AFTER
    line_end = data.rfind(b"\n", low, end)
    return line_end + 1 if line_end >= 0 else end
