"""Tells how a .zip differs from the one that sealing writes of the same files.

Sealing writes a zip whose bytes follow from its files alone. So it can be written once more from what was
unpacked, and whatever differs is of the container: a comment, another order, times, extra data, one bit.
"""

from __future__ import annotations

import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .bag import pack

_BLOCK: Final = 1 << 20
_SHOWN: Final = 3
_MOST: Final = 20
_LOCAL: Final = 30
_CENTRAL: Final = 46
# Where each field of a header ends, and what it is (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16).
_LOCAL_FIELDS: Final = (
    (4, "标记"), (6, "所需版本"), (8, "标志位"), (10, "压缩方式"), (14, "时间"), (18, "校验和"),
    (26, "大小"), (28, "文件名长度"), (30, "附加区长度"),
)  # fmt: skip
_CENTRAL_FIELDS: Final = (
    (4, "标记"), (6, "打包程序版本"), (8, "所需版本"), (10, "标志位"), (12, "压缩方式"), (16, "时间"),
    (20, "校验和"), (28, "大小"), (30, "文件名长度"), (32, "附加区长度"), (34, "注释长度"), (36, "卷号"),
    (42, "属性"), (46, "位置"),
)  # fmt: skip
_END_FIELDS: Final = (
    (4, "标记"), (8, "卷号"), (12, "文件个数"), (16, "目录大小"), (20, "目录位置"), (22, "注释长度"),
)  # fmt: skip
_KINDS: Final[tuple[tuple[str, Callable[[zipfile.ZipInfo], object]], ...]] = (
    ("时间", lambda one: one.date_time),
    ("压缩方式", lambda one: one.compress_type),
    ("附加区", lambda one: one.extra),
    ("注释", lambda one: one.comment),
    ("属性", lambda one: (one.external_attr, one.internal_attr)),
    ("打包程序的记号", lambda one: (one.create_system, one.create_version, one.extract_version)),
    ("标志位", lambda one: one.flag_bits),
)


@dataclass(frozen=True)
class _Region:
    begin: int
    end: int
    what: str
    fields: tuple[tuple[int, str], ...] = ()


def unlike_sealed(path: Path, root: Path) -> tuple[str, ...]:
    """Return in Chinese how a zip differs from the one that sealing writes of the files in `root`."""
    with tempfile.TemporaryDirectory(prefix="dengbao-again-") as folder:
        again = Path(folder) / "again.zip"
        with again.open("w+b") as out:
            pack(root, out)
        at = _first_difference(path, again)
        if at is None:
            return ()
        found = [*_structure(path, again)]
        if path.stat().st_size == again.stat().st_size:
            found += _positions(path, again)
        if not found:
            found.append(f"自第 {at} 字节起有多余、缺少或移动的数据")
    return tuple(dict.fromkeys(found))


def _first_difference(one: Path, other: Path) -> int | None:
    """Return at which byte two files begin to differ, None where they do not."""
    at = 0
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            left, right = first.read(_BLOCK), second.read(_BLOCK)
            if left != right:
                pairs = enumerate(zip(left, right, strict=False))
                return at + next((n for n, (a, b) in pairs if a != b), min(len(left), len(right)))
            if not left:
                return None
            at += len(left)


def _structure(path: Path, again: Path) -> Iterator[str]:
    """Yield what the directories of two zips tell otherwise."""
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(again) as sealed:
        if given.comment:
            yield f"带有压缩包注释（{len(given.comment)} 字节）"
        theirs, ours = given.infolist(), sealed.infolist()
        folders = [one.filename for one in theirs if one.is_dir()]
        if folders:
            yield f"多出目录项 {_several(folders)}"
        files = [one for one in theirs if not one.is_dir()]
        if [one.filename for one in files] != [one.filename for one in ours]:
            yield "文件次序不同"
        first = min((one.header_offset for one in theirs), default=0)
        if first:
            yield f"最前面多出 {first} 字节"
        yield from _members(files, {one.filename: one for one in ours})
        yield from _lengths(path, given, again, sealed)


def _members(files: list[zipfile.ZipInfo], ours: dict[str, zipfile.ZipInfo]) -> Iterator[str]:
    for what, told in _KINDS:
        unlike = [
            one.filename for one in files if one.filename in ours and told(one) != told(ours[one.filename])
        ]
        if unlike:
            yield f"{what}不同：{_several(unlike)}"


def _lengths(path: Path, given: zipfile.ZipFile, again: Path, sealed: zipfile.ZipFile) -> Iterator[str]:
    """Tell of bytes between the members, and behind the end, that belong to none of them."""
    taken = sum(_taken(given, one) for one in given.infolist())
    first = min((one.header_offset for one in given.infolist()), default=0)
    if given.start_dir - first > taken:
        yield f"文件之间多出 {given.start_dir - first - taken} 字节"
    tail = path.stat().st_size - given.start_dir - _directory(given) - len(given.comment)
    more = tail - (again.stat().st_size - sealed.start_dir - _directory(sealed))
    if more > 0:
        yield f"末尾多出 {more} 字节"


def _taken(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> int:
    file = archive.fp
    if file is None:
        return 0
    file.seek(one.header_offset)
    head = file.read(_LOCAL)
    name, extra = struct.unpack("<HH", head[26:30]) if len(head) == _LOCAL else (0, 0)
    return _LOCAL + int(name) + int(extra) + one.compress_size


def _directory(archive: zipfile.ZipFile) -> int:
    """Return how long the directory is, without its end record."""
    return sum(
        _CENTRAL + len(one.orig_filename.encode()) + len(one.extra) + len(one.comment)
        for one in archive.infolist()
    )


def _positions(path: Path, again: Path) -> Iterator[str]:
    """Yield which fields of which headers differ between two files of one length."""
    regions = list(_regions(again))
    told: dict[str, None] = {}
    for at in _differences(path, again):
        told[_at(regions, at)] = None
        if len(told) >= _MOST:
            break
    yield from told


def _differences(path: Path, again: Path) -> Iterator[int]:
    at = 0
    with path.open("rb") as first, again.open("rb") as second:
        while left := first.read(_BLOCK):
            right = second.read(_BLOCK)
            if left != right:
                yield from (at + n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)
            at += len(left)


def _at(regions: list[_Region], at: int) -> str:
    """Return what stands at a place of the zip as it was sealed."""
    for one in regions:
        if one.begin <= at < one.end:
            inside = at - one.begin
            field = next((what for end, what in one.fields if inside < end), "文件名" if one.fields else "")
            return f"{one.what}{f'的{field}' if field else ''}被改动（第 {at} 字节）"
    return f"第 {at} 字节被改动"


def _regions(again: Path) -> Iterator[_Region]:
    with zipfile.ZipFile(again) as archive:
        for one in archive.infolist():
            begin = one.header_offset
            data = begin + _taken(archive, one) - one.compress_size
            yield _Region(begin, data, f"{one.filename} 的文件头", _LOCAL_FIELDS)
            yield _Region(data, data + one.compress_size, one.filename)
        at = archive.start_dir
        for one in archive.infolist():
            end = at + _CENTRAL + len(one.orig_filename.encode()) + len(one.extra) + len(one.comment)
            yield _Region(at, end, f"{one.filename} 的目录项", _CENTRAL_FIELDS)
            at = end
        yield _Region(at, again.stat().st_size, "压缩包的目录结束记录", _END_FIELDS)


def _several(names: list[str]) -> str:
    more = f" 等 {len(names)} 个" if len(names) > _SHOWN else ""
    return "、".join(names[:_SHOWN]) + more
