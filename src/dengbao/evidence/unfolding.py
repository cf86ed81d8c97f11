"""Measures what an archive unfolds to, by what it says and by what it does, without keeping any of it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import BinaryIO, Final

MOST_UNFOLDED_BYTES: Final = 1 << 30
MOST_MEMBERS: Final = 20_000
_RATIO: Final = 200
_SMALL_BYTES: Final = 50 * 1024 * 1024  # harmless whatever the ratio
_DIRECTORY_BYTES: Final = 8 * 1024 * 1024
_TAIL_BYTES: Final = 66_000
_BLOCK: Final = 1 << 16
_ENCRYPTED: Final = 0x1
# The field of the end record that holds the directory's size: mark, offset, struct format.
_END: Final = ((b"PK\x06\x06", 40, "<Q"), (b"PK\x05\x06", 12, "<I"))


class Bomb(Exception):
    """An archive that unfolds beyond measure; the text says in Chinese how far."""


def refuse_zip_bomb(file: BinaryIO) -> frozenset[str]:
    """Return the names in a ZIP file, after its members have been unfolded into nothing.

    Raises:
        Bomb: too many members, too big, or bigger than it says.
        zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError: damaged.

    """
    size = file.seek(0, 2)
    _refuse_large_directory(file, size)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise Bomb(f"{len(members)} 个文件")
        _refuse(sum(one.file_size for one in members), size)
        unfolded = 0
        for one in members:
            if one.compress_type == zipfile.ZIP_DEFLATED and not one.flag_bits & _ENCRYPTED:
                unfolded += _inflated(file, one)
                _refuse(unfolded, size)
        return frozenset(archive.namelist())


def refuse_gzip_bomb(file: BinaryIO) -> None:
    """Unfold a gzip file into nothing; what is damaged is left to who opens it.

    Raises:
        Bomb: it is too big.

    """
    size = file.seek(0, 2)
    file.seek(0)
    unfolded = 0
    inflater = zlib.decompressobj(wbits=31)
    waiting = b""
    try:
        while waiting or (waiting := file.read(_BLOCK)):
            unfolded += len(inflater.decompress(waiting, _BLOCK * 16))
            _refuse(unfolded, size)
            waiting = inflater.unconsumed_tail
            if inflater.eof:
                waiting, inflater = inflater.unused_data, zlib.decompressobj(wbits=31)
    except zlib.error:
        return


def _refuse(unfolded: int, packed: int) -> None:
    if unfolded > MOST_UNFOLDED_BYTES or (unfolded > _SMALL_BYTES and unfolded > packed * _RATIO):
        raise Bomb(f"展开后超过 {min(unfolded, 1 << 50) // 1024 // 1024} MB")


def _refuse_large_directory(file: BinaryIO, size: int) -> None:
    """Look at the directory's size before `zipfile` reads it into memory as a whole."""
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    for mark, offset, shape in _END:
        at = tail.rfind(mark)
        if at >= 0 and len(tail) >= at + offset + 8:
            claimed = int(struct.unpack_from(shape, tail, at + offset)[0])
            if min(claimed, size) > _DIRECTORY_BYTES:
                raise Bomb("目录过大")


def _inflated(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Return how many bytes a member truly unfolds to: readers differ in whether they believe the directory.

    Reading ends soon after it is more than the member says.
    """
    file.seek(member.header_offset)
    header = file.read(30)
    name, extra = struct.unpack_from("<HH", header, 26)
    file.seek(member.header_offset + 30 + name + extra)
    left, unfolded = member.compress_size, 0
    inflater = zlib.decompressobj(wbits=-15)
    while left > 0 and not inflater.eof and (block := file.read(min(left, _BLOCK))):
        left -= len(block)
        while block and not inflater.eof:
            unfolded += len(inflater.decompress(block, _BLOCK * 16))
            if unfolded > member.file_size:
                raise Bomb("实际大小超过其声明")
            block = inflater.unconsumed_tail
    return unfolded
