"""Walks through tar and zip archives member by member, each read to its end."""

from __future__ import annotations

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final

from .findings import Finding
from .formats import BLOCK
from .listing import shown
from .streams import Budget, Damaged, Stream, Undecided, size_zh

Look = Callable[[Stream], Finding]

_ZEROS: Final = bytes(BLOCK)
_PAX_MAX_BYTES: Final = 1024 * 1024
_PAX_SIZE: Final = re.compile(rb"^\d+ size=(\d+)$", re.MULTILINE)
_PAX_TYPES: Final = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_SPARSE_MORE_AT: Final = 482  # in a header of type S: whether a block with more of the map follows
_SPARSE_BLOCK_MORE_AT: Final = 504
_END_OF_DIRECTORY: Final = b"PK\5\6"
_END_OF_DIRECTORY_64: Final = b"PK\6\6"
_END_SEARCHED_BYTES: Final = 22 + 65535 + 20 + 56
_DIRECTORY_MAX_BYTES: Final = 64 * 1024 * 1024
_ENCRYPTED_FLAG: Final = 1
_NAME_CHARS: Final = 80


@dataclass
class _Tally:
    """What the members of one archive showed; a member without checks of its own is merely read."""

    files: int = 0
    checked: int = 0
    limited: list[str] = field(default_factory=list)

    def add(self, name: str, found: Finding) -> None:
        self.files += 1
        self.checked += found.intact is True
        if found.cause == "limit":
            self.limited.append(f"其中 {_short(name)}：{found.note}")

    def finding(self, kind: str, how: str) -> Finding:
        if not self.files:
            raise Damaged(f"{kind} 压缩包内没有文件")
        if self.limited:
            return Finding((kind,), None, self.limited[0], "limit")
        inner = f"，其中 {self.checked} 个数据库或压缩文件逐一核对无误" if self.checked else ""
        return Finding((kind,), True, f"{kind} 包内 {self.files} 个文件读至结尾，{how}{inner}")


def look_at_tar(stream: Stream, budget: Budget, look: Look) -> Finding:
    """Read every header and every member of a tar archive up to its end mark.

    Headers are read here and not by `tarfile`, which takes a damaged one for the end.

    Raises:
        Damaged: a header's sum is wrong, or the archive breaks off.

    """
    tally = _Tally()
    size: int | None = None
    while (block := stream.exactly(BLOCK)) != _ZEROS:
        if not block:
            note = "tar 没有结束标记，可能在文件之间被截断"
            return Finding(("tar",), None, note, "format")
        info = _header(block, tally.files)
        if info.type in _PAX_TYPES:
            size = _pax_size(stream, info.size)
            continue
        if _has_data(info):
            _member(stream, budget, info, block, tally, look if info.isreg() else None, size)
        size = None
    stream.drain()
    return tally.finding("tar", "结构完整")


def _header(block: bytes, number: int) -> tarfile.TarInfo:
    if len(block) < BLOCK:
        raise Damaged("tar 在文件头处中断，文件被截断")
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError as exc:
        raise Damaged(f"tar 第 {number + 1} 个文件头损坏") from exc
    if info.size < 0:
        raise Damaged(f"tar 第 {number + 1} 个文件头损坏")
    return info


def _has_data(info: tarfile.TarInfo) -> bool:
    return info.isreg() or info.type not in tarfile.SUPPORTED_TYPES or info.type in tarfile.GNU_TYPES


def _pax_size(stream: Stream, size: int) -> int | None:
    if size > _PAX_MAX_BYTES:
        raise Undecided("tar 扩展文件头过大，未读完")
    data = stream.exactly(size)
    _padding(stream, size)
    found = _PAX_SIZE.search(data)
    return int(found.group(1)) if found else None


def _member(
    stream: Stream,
    budget: Budget,
    info: tarfile.TarInfo,
    block: bytes,
    tally: _Tally,
    look: Look | None,
    pax_size: int | None,
) -> None:
    budget.spend_member()
    if info.type == tarfile.GNUTYPE_SPARSE:
        look = None  # what is stored are pieces, not the file
        more = block[_SPARSE_MORE_AT]
        while more:
            more = stream.exactly(BLOCK).ljust(BLOCK, b"\0")[_SPARSE_BLOCK_MORE_AT]
    size = info.size if pax_size is None else pax_size
    left = size

    def pull(count: int) -> bytes:
        nonlocal left
        if not left:
            return b""
        data = stream.read(min(count, left))
        if not data:
            raise Damaged(f"tar 在 {_short(info.name)} 处中断，文件被截断")
        left -= len(data)
        return data

    inside = Stream(pull, lambda _count: budget.check())
    if info.isreg():
        tally.add(info.name, _named(info.name, inside, look))
    inside.drain()
    _padding(stream, size)


def _padding(stream: Stream, size: int) -> None:
    missing = -size % BLOCK
    if len(stream.exactly(missing)) < missing:
        raise Damaged("tar 文件被截断")


def _named(name: str, inside: Stream, look: Look | None) -> Finding:
    if look is None or not inside.head():
        return Finding((), None, "", "format")
    try:
        return look(inside)
    except Damaged as exc:
        raise Damaged(f"其中 {_short(name)}：{exc}") from exc


def _short(name: str) -> str:
    text = shown(name)
    return text if len(text) <= _NAME_CHARS else text[:_NAME_CHARS] + "…"


def look_at_zip(file: IO[bytes], budget: Budget, look: Look) -> Finding:
    """Read every member of a zip archive against its checksum.

    Raises:
        Damaged: no directory, or a member that cannot be read or does not agree with its sum.
        Undecided: encrypted, packed in a way we cannot read, or too much of it.

    """
    _refuse_large_directory(file)
    tally = _Tally()
    with _zip_errors(), zipfile.ZipFile(file) as archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        locked = sum(1 for one in members if one.flag_bits & _ENCRYPTED_FLAG)
        if locked:
            raise Undecided(f"zip 内 {len(members)} 个文件中 {locked} 个已加密，无法试读", cause="encrypted")
        for info in members:
            budget.spend_member()
            budget.spend_raw(info.compress_size)
            with archive.open(info) as opened:
                inside = Stream(opened.read, budget.spend_unpacked)
                tally.add(info.filename, _named(info.filename, inside, look))
                inside.drain()
    return tally.finding("zip", "校验一致")


def _refuse_large_directory(file: IO[bytes]) -> None:
    """Look at the directory's size before `zipfile` reads it into memory as a whole."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _END_SEARCHED_BYTES))
    tail = file.read(_END_SEARCHED_BYTES)
    file.seek(0)
    claims = [
        int.from_bytes(tail[at + offset : at + offset + width], "little")
        for mark, offset, width in ((_END_OF_DIRECTORY, 12, 4), (_END_OF_DIRECTORY_64, 40, 8))
        if (at := tail.rfind(mark)) >= 0
    ]
    claimed = claims[-1] if claims else 0
    if min(claimed, end) > _DIRECTORY_MAX_BYTES:
        raise Undecided(f"zip 目录超过 {size_zh(_DIRECTORY_MAX_BYTES)}，未读")


@contextmanager
def _zip_errors() -> Iterator[None]:
    try:
        yield
    except zipfile.BadZipFile as exc:
        if "Overlapped" in str(exc):
            raise Undecided("zip 内文件相互重叠，疑似压缩炸弹，已停止") from exc
        raise Damaged("zip 目录缺失、损坏或文件校验不符") from exc
    except (zlib.error, lzma.LZMAError, EOFError, struct.error) as exc:
        raise Damaged("zip 内文件损坏或被截断") from exc
    except OSError as exc:
        if exc.errno is None:  # how bz2 says that data are invalid
            raise Damaged("zip 内文件损坏") from exc
        raise
    except (NotImplementedError, RuntimeError, ValueError) as exc:
        raise Undecided("zip 的压缩方式或目录写法本工具不能读", cause="format") from exc
