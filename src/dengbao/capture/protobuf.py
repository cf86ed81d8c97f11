"""Takes texts out of messages of Protocol Buffers, whose fields have numbers and no names.

Source: Protocol Buffers documentation, Encoding.
"""

from __future__ import annotations

import re
from typing import Final

_DEEPEST: Final = 8
_MOST_VARINT: Final = 10
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f]")
_FIXED: Final = {1: 8, 5: 4}


def texts(message: bytes) -> list[bytes]:
    """Return what stands in fields of a length of their own, inner messages taken apart.

    Raises:
        ValueError: it is no such message.

    """
    return _walk(message, 0)


def _walk(message: bytes, depth: int) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 0:
            _, at = _varint(message, at)
        elif wire in _FIXED:
            at += _FIXED[wire]
        elif wire == 2:
            size, at = _varint(message, at)
            found += _inner(message[at : at + size], depth)
            at += size
        else:
            raise ValueError
    if at > len(message):
        raise ValueError
    return found


def _inner(part: bytes, depth: int) -> list[bytes]:
    if depth < _DEEPEST and _CONTROL.search(part):  # a tag or a length, which texts seldom hold
        try:
            return _walk(part, depth + 1)
        except ValueError:
            pass
    return [part]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, one in enumerate(message[at : at + _MOST_VARINT]):
        value |= (one & 0x7F) << 7 * place
        if one < 0x80:
            return value, at + place + 1
    raise ValueError
