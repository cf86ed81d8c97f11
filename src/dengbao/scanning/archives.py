"""Opens packed files member by member, in memory only, and stops where somebody packed a trap."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final, cast

import zstandard

from .windows import Readable

_MIB: Final = 1024 * 1024
_RATIO_FREE: Final = 64 * _MIB
_LZMA_MEMORY: Final = 64 * _MIB
_HEAD: Final = 8192
_SKIP: Final = 64 * 1024
_PEEK_TAR: Final = 257
_BLOCK: Final = tarfile.BLOCKSIZE
BROKEN: Final = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, zstandard.ZstdError,
    NotImplementedError, RuntimeError, ValueError, MemoryError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """Bounds of one scan; beyond them a part stays unread and is named so.

    `held_bytes` is the size up to which an archive inside an archive is held in memory.
    """

    text_bytes: int = 64 * 1024 * _MIB
    seconds: float = 3600.0
    depth: int = 5
    members: int = 100_000
    ratio: int = 400
    held_bytes: int = 48 * _MIB


class TooMuch(Exception):
    """A bound is reached; says in Chinese which."""


class Unreadable(Exception):
    """A document whose text cannot be got at; says in Chinese why."""


class Budget:
    """What a scan may still spend; every read of unpacked bytes draws on it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left = limits.text_bytes
        self._members = limits.members
        self._until = time.monotonic() + limits.seconds

    def spend(self, size: int) -> None:
        """Take note of bytes that were read.

        Raises:
            TooMuch: more than the scan may read, or later than it may.

        """
        self._left -= size
        if self._left < 0:
            raise TooMuch("超过本次扫描的数据量上限")
        if time.monotonic() > self._until:
            raise TooMuch("超过本次扫描的时间上限")

    def member(self) -> None:
        """Take note of one more member.

        Raises:
            TooMuch: there are too many.

        """
        self._members -= 1
        if self._members < 0:
            raise TooMuch("压缩包内文件过多")


class Metered:
    """A stream that draws on the budget, can be looked ahead into, and knows what it was packed in."""

    def __init__(self, source: Readable, budget: Budget, packed: Metered | None = None) -> None:
        self._source = source
        self._budget = budget
        self._packed = packed
        self._ahead = b""
        self.taken = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes.

        Raises:
            TooMuch: a bound is reached.

        """
        if size < 0:
            size = _SKIP
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        data = self._source.read(size)
        self._note(len(data))
        return data

    def head(self) -> bytes:
        """Return the first bytes and leave them in place."""
        while len(self._ahead) < _HEAD:
            data = self._source.read(_HEAD - len(self._ahead))
            if not data:
                break
            self._note(len(data))
            self._ahead += data
        return self._ahead

    def whole(self, limit: int) -> bytes | None:
        """Return everything if it is no more than `limit` bytes, else None."""
        parts: list[bytes] = []
        size = 0
        while data := self.read(_SKIP):
            parts.append(data)
            size += len(data)
            if size > limit:
                return None
        return b"".join(parts)

    def _note(self, size: int) -> None:
        self.taken += size
        self._budget.spend(size)
        if self._packed is None or self.taken <= _RATIO_FREE:
            return
        if self.taken > self._budget.limits.ratio * max(1, self._packed.taken):
            raise TooMuch("压缩比异常，疑为压缩炸弹")


def unpacked(stream: Metered, budget: Budget) -> Metered | None:
    """Return what a gz, bz2, xz or zst stream unpacks to; None for other streams."""
    head = stream.head()
    inside: IO[bytes] | Readable
    if head.startswith(b"\x1f\x8b"):
        inside = gzip.GzipFile(fileobj=_File(stream))
    elif head.startswith(b"BZh"):
        inside = bz2.BZ2File(_File(stream))
    elif head.startswith(b"\xfd7zXZ\0"):
        inside = _Xz(stream)
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        inside = _Zst(stream)
    else:
        return None
    return Metered(inside, budget, stream)


class _Xz:
    """xz streams, one behind the other, with a bound on the memory that a header may ask for."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._packed = b""
        self._decoder = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)

    def read(self, size: int, /) -> bytes:
        while not self._decoder.eof or self._begins_another():
            packed = b""
            if self._decoder.needs_input:
                packed, self._packed = self._packed or self._source.read(_SKIP), b""
                if not packed:
                    raise EOFError
            data = self._decoder.decompress(packed, size)
            if data:
                return data
        return b""

    def _begins_another(self) -> bool:
        """Begin the next stream; False where only padding follows."""
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest:
            more = self._source.read(_SKIP)
            if not more:
                return False
            rest = more.lstrip(b"\0")
        self._decoder = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)
        self._packed = rest
        return True


class _Zst:
    """A zst stream that says when it breaks off; fed little by little, for four bytes may hold 128 KiB."""

    _FED: Final = 512

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._decoder = zstandard.ZstdDecompressor(max_window_size=_LZMA_MEMORY)
        self._frame = self._decoder.decompressobj()
        self._packed = b""
        self._data = b""

    def read(self, size: int, /) -> bytes:
        while not self._data:
            self._packed = self._packed or self._source.read(self._FED)
            if not self._packed:
                if self._frame.eof or not self._within:
                    return b""
                raise EOFError
            if self._frame.eof:
                self._frame = self._decoder.decompressobj()
            self._data = self._frame.decompress(self._packed)
            self._within = True
            self._packed = self._frame.unused_data if self._frame.eof else b""
        data, self._data = self._data[:size], self._data[size:]
        return data

    _within = False


class _File(io.RawIOBase):
    """The stream as libraries want it: readable, never seekable."""

    def __init__(self, stream: Metered) -> None:
        self._stream = stream
        self.tail = b""  # the last block that was read

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._stream.read(_SKIP if size is None or size < 0 else size)
        self.tail = data[-_BLOCK:] if len(data) >= _BLOCK else (self.tail + data)[-_BLOCK:]
        return data


def is_tar(head: bytes) -> bool:
    """Tell whether a stream begins with a header of tar."""
    return head[_PEEK_TAR : _PEEK_TAR + 5] == b"ustar"


def is_zip(head: bytes) -> bool:
    """Tell whether a stream begins like a zip file, also an empty one."""
    return head[:4] in (b"PK\3\4", b"PK\5\6")


def tar_members(stream: Metered, budget: Budget) -> Iterator[tuple[str, Metered]]:
    """Yield the files of a tar stream in order.

    Raises:
        TooMuch: a bound is reached.
        tarfile.TarError: the archive is damaged.

    """
    source = _File(stream)
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for info in archive:
            budget.member()
            if info.isreg() and (inside := archive.extractfile(info)) is not None:
                yield info.name, Metered(inside, budget)
            setattr(archive, "members", [])  # noqa: B010 - it would keep every header; typeshed does not know it
        # The library ends without a word at the first empty block, and where the file is cut between members.
        while rest := cast("Readable", archive.fileobj).read(_SKIP):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("more behind the end")
        if source.tail.strip(b"\0"):
            raise tarfile.ReadError("no end")


def zip_members(file: IO[bytes], size: int, budget: Budget) -> Iterator[tuple[str, Metered | None]]:
    """Yield the files of a zip; None for one that is encrypted.

    Raises:
        TooMuch: a bound is reached.
        zipfile.BadZipFile: the archive is damaged.

    """
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            budget.member()
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield info.filename, None
                continue
            # The directory's sizes are the packer's own word; what is read is measured.
            whole = Metered(io.BytesIO(), budget)
            whole.taken = max(1, min(info.compress_size, size))
            with archive.open(info) as inside:
                yield info.filename, Metered(inside, budget, whole)
