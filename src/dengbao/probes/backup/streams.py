"""Bytes that are read once, in order, within a budget; and what can come to light on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .formats import HEAD_BYTES

CHUNK: Final = 1024 * 1024
_RATIO_FROM_BYTES: Final = 64 * 1024 * 1024  # below this, packing tells nothing about intent
_RATIO_MAX: Final = 250


class Damaged(Exception):  # an answer about the file, not an error of the probe
    """Reading showed that the file cannot be restored; the text is Chinese."""


class Undecided(Exception):
    """Reading stopped before the file could be judged; `cause` as in `BackupReading`."""

    def __init__(self, note: str, cause: str = "limit") -> None:
        super().__init__(note)
        self.note = note
        self.cause = cause


@dataclass(frozen=True)
class Limits:
    """How much of one file is read, and how long; `spool_bytes` bounds temporary copies."""

    file_s: float = 50.0
    raw_bytes: int = 4 * 1024**3
    unpacked_bytes: int = 12 * 1024**3
    spool_bytes: int = 1024**3
    members: int = 100_000
    depth: int = 4


@dataclass
class Budget:
    """What one file may still cost; `stop` ends it from another thread."""

    limits: Limits
    ends_at: float
    stop: threading.Event = field(default_factory=threading.Event)
    raw: int = 0
    unpacked: int = 0
    members: int = 0

    def is_over(self) -> bool:
        """Tell whether the time is up."""
        return self.stop.is_set() or time.monotonic() > self.ends_at

    def check(self) -> None:
        """Stop where time is up.

        Raises:
            Undecided: time is up.

        """
        if self.is_over():
            raise Undecided("超过试读时间上限，未读完")

    def spend_raw(self, count: int) -> None:
        """Count bytes read from the disk."""
        self.raw += count
        self.check()
        if self.raw > self.limits.raw_bytes:
            raise Undecided(f"文件超过试读上限 {size_zh(self.limits.raw_bytes)}，未读完")

    def spend_unpacked(self, count: int) -> None:
        """Count bytes that came out of packing; refuses what grows beyond all measure."""
        self.unpacked += count
        self.check()
        if self.unpacked > self.limits.unpacked_bytes:
            raise Undecided(f"解压后超过上限 {size_zh(self.limits.unpacked_bytes)}，未读完")
        if self.unpacked > _RATIO_FROM_BYTES and self.unpacked > _RATIO_MAX * max(self.raw, 1):
            raise Undecided(f"解压膨胀超过 {_RATIO_MAX} 倍，疑似压缩炸弹，已停止")

    def spend_member(self) -> None:
        """Count one file inside an archive."""
        self.members += 1
        self.check()
        if self.members > self.limits.members:
            raise Undecided(f"压缩包内文件超过 {self.limits.members} 个，未读完")


class Stream:
    """Bytes from `pull`, which returns at most as many as asked for and nothing only at the end."""

    def __init__(self, pull: Callable[[int], bytes], spend: Callable[[int], None]) -> None:
        self._pull = pull
        self._spend = spend
        self._ready = b""
        self._at = 0  # what lies before it was handed out; slicing it off each time would copy it all

    def head(self) -> bytes:
        """Return the first bytes that are still to be read, without reading them."""
        while len(self._ready) - self._at < HEAD_BYTES:
            more = self._fetch()
            if not more:
                break
            self._ready, self._at = self._ready[self._at :] + more, 0
        return self._ready[self._at : self._at + HEAD_BYTES]

    def read(self, count: int = CHUNK) -> bytes:
        """Return at most `count` bytes, nothing only at the end."""
        if self._at >= len(self._ready):
            self._ready, self._at = self._fetch(), 0
        out = self._ready[self._at : self._at + count]
        self._at += len(out)
        return out

    def exactly(self, count: int) -> bytes:
        """Return `count` bytes, fewer only at the end; for small counts."""
        parts: list[bytes] = []
        while count > 0:
            part = self.read(count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def drain(self) -> int:
        """Read to the end; return how many bytes came."""
        total = 0
        while part := self.read():
            total += len(part)
        return total

    def _fetch(self) -> bytes:
        data = self._pull(CHUNK)
        self._spend(len(data))
        return data


def size_zh(count: int) -> str:
    """Return a size as people read it."""
    size = float(count)
    for unit in ("字节", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:g} {unit}" if unit == "字节" or size == int(size) else f"{size:.1f} {unit}"
