"""Takes gzip, bzip2, xz and zstd apart piece by piece, to the last checksum."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import zstandard

from .streams import CHUNK, Damaged, Stream, Undecided

_XZ_MEMORY_BYTES: Final = 256 * 1024 * 1024
_ZSTD_WINDOW_BYTES: Final = 256 * 1024 * 1024
_ZSTD_PIECE_BYTES: Final = 4096
_MAGIC: Final = {
    "gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "zstd": b"\x28\xb5\x2f\xfd",
}  # fmt: skip
_LONGEST_MAGIC: Final = 6
_PADDING_MAX_BYTES: Final = 16 * 1024 * 1024  # tapes pad to a block, never to this


class _Decoder(Protocol):
    """What the decoders of `bz2` and `lzma` share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decoder in the manner of the other two; checks the sum and the length of each member."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._kept = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._kept and not self.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inner.decompress(self._kept + data, max_length)
        self._kept = self._inner.unconsumed_tail
        return out


class _Zstd:
    """zstandard's decoder in the manner of the others; fed in small pieces, since it knows no bound."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
        self._kept = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._kept and not self.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._kept

    def decompress(self, data: bytes, max_length: int) -> bytes:
        kept, at, out, size = self._kept + data, 0, [], 0
        while at < len(kept) and size < max_length and not self.eof:
            out.append(self._inner.decompress(kept[at : at + _ZSTD_PIECE_BYTES]))
            size += len(out[-1])
            at += _ZSTD_PIECE_BYTES
        self._kept = kept[at:]
        return b"".join(out)


_NEW: Final[dict[str, Callable[[], _Decoder]]] = {
    "gzip": _Gzip,
    "bzip2": bz2.BZ2Decompressor,
    "zstd": _Zstd,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES),
}


class Unpacker:
    """A source of unpacked bytes, at most as many as asked for, through all members of the file."""

    def __init__(self, packed: Stream, kind: str) -> None:
        self._packed = packed
        self._kind = kind
        self._decoder = _NEW[kind]()
        self._ready = b""

    def __call__(self, count: int) -> bytes:
        """Return unpacked bytes, nothing only where every member ended as it should.

        Raises:
            Damaged: cut off, or a checksum does not agree.
            Undecided: bytes that belong to no member follow, or more memory is needed than we give.

        """
        while True:
            if self._decoder.eof and not self._next_member():
                return b""
            hungry = self._decoder.needs_input
            data = self._take() if hungry else b""
            out = self._decode(data, count)
            if out:
                return out
            if hungry and not data and not self._decoder.eof:
                raise Damaged(f"{self._kind} 数据未到结尾，文件被截断")

    def _decode(self, data: bytes, count: int) -> bytes:
        try:
            return self._decoder.decompress(data, count)
        except lzma.LZMAError as exc:
            if "memory" in str(exc).lower():
                raise Undecided("xz 解压所需内存超过上限，未读完") from exc
            raise Damaged("xz 数据损坏，无法解压或校验不符") from exc
        except zstandard.ZstdError as exc:
            if "memory" in str(exc).lower() or "window" in str(exc).lower():
                raise Undecided("zstd 解压所需内存超过上限，未读完") from exc
            raise Damaged("zstd 数据损坏，无法解压或校验不符") from exc
        except (zlib.error, OSError, ValueError, EOFError) as exc:
            raise Damaged(f"{self._kind} 数据损坏，无法解压或校验不符") from exc

    def _take(self) -> bytes:
        if self._ready:
            data, self._ready = self._ready, b""
            return data
        return self._packed.read(CHUNK)

    def _next_member(self) -> bool:
        """Begin the next member; tell whether there is one. Zero bytes between members are padding."""
        rest = (self._decoder.unused_data + self._ready).lstrip(b"\0")
        padding = 0
        while len(rest) < _LONGEST_MAGIC:
            more = self._packed.read(CHUNK)
            if not more:
                break
            padding += len(more)
            if padding > _PADDING_MAX_BYTES:
                raise Undecided(f"{self._kind} 数据之后有大段空白，不是完整写出的文件", cause="format")
            rest = (rest + more).lstrip(b"\0")
        self._ready = rest
        if not rest:
            return False
        if not rest.startswith(_MAGIC[self._kind]):
            raise Undecided(f"{self._kind} 数据之后另有不可识别的内容", cause="format")
        self._decoder = _NEW[self._kind]()
        return True
