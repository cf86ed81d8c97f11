"""Passwords and names of ours that can be made again after a crash, and are never stored."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

SETS: Final = ("abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "!@#-_")
"""One set for each class of characters: small, large, digit, sign; none that look alike."""
_NAMED: Final = {"a": SETS[0], "A": SETS[1], "1": SETS[2], "!": SETS[3], "a1": SETS[0] + SETS[2]}


def derived(secret: str, key: str, *, length: int = 16, sets: tuple[str, ...] = ("a", "A", "1", "!")) -> str:
    """Return a text of `length` characters with at least one of each set, the same for secret and key.

    `sets` are `a` (small letters), `A`, `1`, `!` or `a1`. Nobody finds the secret by it.
    """
    chosen = [_NAMED[one] for one in sets]
    stream = _numbers(secret, key)
    text = [
        chosen[place % len(chosen)][next(stream) % len(chosen[place % len(chosen)])]
        for place in range(length)
    ]
    for place in range(length - 1, 0, -1):  # so that the classes do not stand in order
        other = next(stream) % (place + 1)
        text[place], text[other] = text[other], text[place]
    return "".join(text)


def _numbers(secret: str, key: str) -> Iterator[int]:
    count = 0
    while True:
        block = hmac.new(secret.encode(), f"dengbao/{key}/{count}".encode(), hashlib.sha256).digest()
        yield from (int.from_bytes(block[place : place + 2]) for place in range(0, len(block), 2))
        count += 1
