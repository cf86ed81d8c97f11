"""As much BSON as a greeting and a refusal need; everything else is stepped over."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Plain = int | float | str | bool | None


def encode(values: Mapping[str, int | str | bool]) -> bytes:
    """Return a document of integers, texts and truth values."""
    parts = [_element(name, value) for name, value in values.items()]
    body = b"".join(parts) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def _element(name: str, value: int | str | bool) -> bytes:
    key = name.encode() + b"\0"
    if isinstance(value, bool):
        return b"\x08" + key + bytes([value])
    if isinstance(value, int):
        return b"\x10" + key + struct.pack("<i", value)
    text = value.encode() + b"\0"
    return b"\x02" + key + struct.pack("<i", len(text)) + text


def reply(data: bytes, opcode: int) -> dict[str, Plain] | None:
    """Return the plain values of the document in an answer of this opcode, None if it is something else."""
    if len(data) < 26:
        return None
    size, _, _, kind = struct.unpack("<iiii", data[:16])
    if kind != opcode or not 26 <= size <= 1 << 20 or data[20] != 0:
        return None
    return decode(data[21:])


def decode(data: bytes) -> dict[str, Plain] | None:
    """Return the plain values of a document as far as it can be read, None if it is none."""
    if len(data) < 5:
        return None
    end = min(int.from_bytes(data[:4], "little", signed=True), len(data))
    found: dict[str, Plain] = {}
    at = 4
    while 4 <= at < end and data[at]:
        kind = data[at]
        name_end = data.find(b"\0", at + 1, end)
        if name_end < 0:
            break
        size = _size(kind, data, name_end + 1)
        if size is None or name_end + 1 + size > end:
            break
        plain = _value(kind, data[name_end + 1 : name_end + 1 + size])
        found[data[at + 1 : name_end].decode("utf-8", "replace")] = plain
        at = name_end + 1 + size
    return found


def _size(kind: int, data: bytes, at: int) -> int | None:
    fixed = {0x01: 8, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x07: 12, 0x13: 16}
    if kind in fixed:
        return fixed[kind]
    length = int.from_bytes(data[at : at + 4], "little", signed=True)
    if length < 0:
        return None
    return {0x02: length + 4, 0x03: length, 0x04: length, 0x05: length + 5}.get(kind)


def _value(kind: int, data: bytes) -> Plain:
    if kind == 0x01:
        return float(struct.unpack("<d", data)[0])
    if kind == 0x08:
        return data != b"\0"
    if kind in (0x10, 0x12):
        return int.from_bytes(data, "little", signed=True)
    if kind == 0x02:
        return data[4:-1].decode("utf-8", "replace")[:200]
    return None
