"""Frames of pcap and pcapng, from a file of any size or a pipe, a chunk at a time.

Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..errors import Damaged

# number (from 1), nanoseconds since 1970 or None, link type, captured bytes, bytes cut off by the capture
Frame = tuple[int, int | None, int, bytes, int]

CHUNK_BYTES: Final = 1 << 20
_MAX_FRAME: Final = 16 << 20  # beyond any capture length; a damaged length must not take the memory
_MAX_INTERFACES: Final = 4096
_PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
_NO_CAPTURE: Final = "请用 tcpdump -w 或 Wireshark 另存为 pcap、pcapng 后再给出"
_AGAIN: Final = "此处以后的内容没有看；请确认抓包正常结束、文件复制完整，必要时重新抓包"


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        ...


@dataclass
class Extent:
    """How far a capture could be read; `broken` is a Chinese sentence with place and cure, empty if whole."""

    bytes: int = 0
    frames: int = 0
    broken: str = ""


@dataclass(frozen=True)
class _Interface:
    link: int
    snap_bytes: int
    units_per_s: int
    offset_s: int

    def ns(self, ticks: int) -> int:
        return self.offset_s * 10**9 + ticks * 10**9 // self.units_per_s


@dataclass
class _Bytes:
    """A window over the source; `need` slides it on."""

    source: Source
    data: bytes = b""
    at: int = 0
    before: int = field(default=0)  # bytes of the source in front of `data`

    @property
    def place(self) -> int:
        return self.before + self.at

    def need(self, count: int) -> bool:
        """Tell whether `count` bytes lie at `at`, reading on until they do."""
        have = len(self.data) - self.at
        if have >= count:
            return True
        parts = [self.data[self.at :]]
        while have < count:
            more = self.source.read(max(CHUNK_BYTES, count - have))
            if not more:
                break
            parts.append(more)
            have += len(more)
        self.before += self.at
        self.data, self.at = b"".join(parts), 0
        return have >= count

    def left(self) -> int:
        return len(self.data) - self.at


def frames(source: Source, extent: Extent) -> Iterator[Frame]:
    """Yield every frame of the capture; where it breaks off, say so in `extent` and end.

    Raises:
        Damaged: it is not a capture at all.

    """
    window = _Bytes(source)
    window.need(24)
    magic = window.data[:4]
    if magic in _PCAP and window.left() >= 24:
        yield from _pcap(window, extent, *_PCAP[magic])
    elif magic == _SECTION and window.left() >= 24:
        yield from _pcapng(window, extent)
    else:
        raise Damaged(_what_else(window.data), where="第 0 字节", cure=_NO_CAPTURE)
    extent.bytes = window.place + (window.left() if extent.broken else 0)


def _what_else(data: bytes) -> str:
    if not data:
        return "文件是空的"
    if len(data) < 24 and (data[:4] in _PCAP or data[:4] == _SECTION):
        return f"抓包文件只有 {len(data)} 字节，文件头不全"
    if data.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"\xfd7zXZ")):
        return "这是压缩文件，不是抓包文件；请先解压"
    return "不是 pcap 或 pcapng 抓包文件"


def _break(extent: Extent, window: _Bytes, what: str) -> None:
    extent.broken = f"第 {extent.frames} 个包之后（第 {window.place} 字节）{what}。{_AGAIN}"


def _pcap(window: _Bytes, extent: Extent, order: str, scale: int) -> Iterator[Frame]:
    link = int(struct.unpack_from(order + "I", window.data, 20)[0]) & 0x0FFFFFFF
    window.at = 24
    head = struct.Struct(order + "IIII")
    unpack, number = head.unpack_from, 0
    while True:
        data, at = window.data, window.at
        end = len(data) - 16
        while at <= end:  # the frames that lie whole in the window, without a call for each
            seconds, fraction, held, sent = unpack(data, at)
            after = at + 16 + held
            if after > len(data) or held > _MAX_FRAME:
                break
            number += 1
            extent.frames = number
            window.at = after
            yield (
                number, seconds * 1_000_000_000 + fraction * scale, link, data[at + 16 : after],
                sent - held if sent > held else 0,
            )  # fmt: skip
            at = after
        window.at = at
        if not window.need(16):
            if window.left():
                _break(extent, window, f"被截断：包头只剩 {window.left()} 字节")
            return
        held = unpack(window.data, window.at)[2]
        if held > _MAX_FRAME:
            return _break(extent, window, f"包长 {held} 字节不合理，文件已损坏")
        if not window.need(16 + held):
            return _break(extent, window, f"被截断：应有 {held} 字节，只有 {max(window.left() - 16, 0)} 字节")


def _pcapng(window: _Bytes, extent: Extent) -> Iterator[Frame]:
    interfaces: list[_Interface] = []
    order = "<"
    while window.need(12):
        if window.data[window.at : window.at + 4] == _SECTION:
            order = "<" if window.data[window.at + 8 : window.at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, size = struct.unpack_from(order + "II", window.data, window.at)
        if size < 12 or size % 4 or size > _MAX_FRAME:
            return _break(extent, window, f"块长 {size} 字节不合理，文件已损坏")
        if not window.need(size):
            return _break(extent, window, f"被截断：块应有 {size} 字节，只有 {window.left()} 字节")
        body = window.data[window.at + 8 : window.at + size - 4]
        trailer = struct.unpack_from(order + "I", window.data, window.at + size - 4)[0]
        if trailer != size:
            return _break(extent, window, "块尾长度与块首不符，文件已损坏")
        if kind in _READ_BLOCK:
            try:
                frame = _READ_BLOCK[kind](body, order, interfaces)
            except (struct.error, IndexError):
                return _break(extent, window, "块内的长度或接口编号不合理，文件已损坏")
            if frame is not None:
                extent.frames += 1
                yield (extent.frames, *frame)
        window.at += size
    if window.left():
        _break(extent, window, f"被截断：块头只剩 {window.left()} 字节")


_Body = tuple[int | None, int, bytes, int]


def _interface_block(body: bytes, order: str, interfaces: list[_Interface]) -> None:
    link, _, snap = struct.unpack_from(order + "HHI", body)
    units, offset, at = 10**6, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and size == 1:
            exponent = value[0] & 0x7F
            units = 2**exponent if value[0] & 0x80 else 10 ** min(exponent, 18)
        elif code == 14 and size == 8:
            offset = struct.unpack(order + "q", value)[0]
        at += 4 + size + -size % 4
    if len(interfaces) >= _MAX_INTERFACES:
        raise IndexError(len(interfaces))
    interfaces.append(_Interface(link, snap, units, offset))


def _enhanced_block(body: bytes, order: str, interfaces: list[_Interface]) -> _Body:
    which, high, low, held, sent = struct.unpack_from(order + "IIIII", body)
    return _framed(interfaces[which], (high << 32) | low, body, 20, held, sent)


def _old_block(body: bytes, order: str, interfaces: list[_Interface]) -> _Body:
    which, _, high, low, held, sent = struct.unpack_from(order + "HHIIII", body)
    return _framed(interfaces[which], (high << 32) | low, body, 20, held, sent)


def _simple_block(body: bytes, order: str, interfaces: list[_Interface]) -> _Body:
    sent = int(struct.unpack_from(order + "I", body)[0])
    first = interfaces[0]
    held = min(sent, first.snap_bytes or sent)
    return _framed(first, None, body, 4, held, sent)


def _framed(seen: _Interface, ticks: int | None, body: bytes, at: int, held: int, sent: int) -> _Body:
    if at + held > len(body):
        raise IndexError(held)
    time = None if ticks is None else seen.ns(ticks)
    return time, seen.link, body[at : at + held], max(sent - held, 0)


_READ_BLOCK: Final = {1: _interface_block, 2: _old_block, 3: _simple_block, 6: _enhanced_block}
