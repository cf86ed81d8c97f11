"""Opens a packet that came from elsewhere: nothing is written outside our own folder, nothing without bound.

A zip is unpacked member by member into a private folder that is removed at the end; a folder is read where it
lies. Whatever is wrong is collected as faults, so that all of it can be said at once.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final

from ..errors import StoreError
from .layout import TAG_MANIFEST

MAX_MEMBERS: Final = 50_000
MAX_MEMBER_BYTES: Final = 8 * 1024**3
MAX_TOTAL_BYTES: Final = 32 * 1024**3
_RATIO: Final = 400  # text of records compresses well; a bomb is far beyond
_RATIO_FROM: Final = 4 * 1024 * 1024
_NAME: Final = re.compile(r"[0-9A-Za-z._\-一-鿿]+(?: [0-9A-Za-z._\-一-鿿]+)*")
_RESERVED: Final = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
_MAX_DEPTH: Final = 12
_MAX_NAME: Final = 200
_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class Fault:
    """Something wrong with a packet as a container; `place` is a member's name, `message` Chinese."""

    place: str
    message: str


@dataclass
class Opened:
    """A packet laid out in `root`, with what was wrong while it was opened."""

    root: Path
    faults: list[Fault] = field(default_factory=list)

    def path(self, name: str) -> Path | None:
        """Return a file of the packet, or None where it is no plain file inside it."""
        if fault_of_name(name):
            return None
        place = self.root / name
        try:
            if (
                place.is_symlink()
                or not place.is_file()
                or not place.resolve().is_relative_to(self.root.resolve())
            ):
                return None
        except (OSError, ValueError):
            return None
        return place

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a file's content, or None where it is not there or longer than `limit` bytes."""
        place = self.path(name)
        if place is None:
            return None
        try:
            with place.open("rb") as file:
                data = file.read(limit + 1)
        except OSError:
            return None
        return data if len(data) <= limit else None

    def names(self) -> Iterator[str]:
        """Yield the names of all files, links and odd things of the packet, sorted."""
        yield from sorted(_walk(self.root, ""))


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/")
            else:
                yield name


def fault_of_name(name: str) -> str:
    """Return in Chinese what is wrong with a member's name, empty where nothing is."""
    if not name or len(name) > _MAX_NAME or name.startswith("/") or "\\" in name or ":" in name:
        return "文件名不合规则（绝对路径、盘符、反斜线或过长）"
    parts = name.split("/")
    if len(parts) > _MAX_DEPTH or any(one in ("", ".", "..") for one in parts):
        return "文件名含 .. 或空的目录名，或层数过多"
    if any(not _NAME.fullmatch(one) or one.endswith((".", " ")) for one in parts):
        return "文件名含不允许的字符"
    if any(_RESERVED.fullmatch(one) for one in parts):
        return "文件名是 Windows 的保留名"
    return ""


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a packet, a folder or a .zip, for the length of the block.

    Raises:
        StoreError: there is none, or it is no packet at all.

    """
    if path.is_dir():
        root = path if (path / TAG_MANIFEST).exists() else _only_folder(path)
        yield Opened(root, list(_odd_things(root)))
        return
    if not path.is_file():
        raise StoreError("找不到封存包", where=str(path), cure="核对路径；封存包是 .zip 或解开后的目录")
    with tempfile.TemporaryDirectory(prefix="dengbao-packet-") as folder:
        faults = list(_unpack(path, Path(folder)))
        yield Opened(_only_folder(Path(folder)), faults)


def _only_folder(folder: Path) -> Path:
    found = [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    if len(found) == 1 and (found[0] / TAG_MANIFEST).exists():
        return found[0]
    raise StoreError(
        "这不是封存包：没有 tagmanifest-sha256.txt", where=str(folder), cure="核对文件；用 dengbao seal 封存"
    )


def _odd_things(root: Path) -> Iterator[Fault]:
    for name in sorted(_walk(root, "")):
        mode = (root / name).lstat().st_mode
        if stat.S_ISLNK(mode) or not stat.S_ISREG(mode):
            yield Fault(name, "是链接或特殊文件，不是普通文件")
        elif fault := fault_of_name(name):
            yield Fault(name, fault)


def _unpack(path: Path, folder: Path) -> Iterator[Fault]:
    """Unpack what may be unpacked; yield what was refused and why."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            yield from _members(archive, folder)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        OSError,
        NotImplementedError,
        ValueError,
    ) as exc:
        raise StoreError(
            "不是有效的 .zip，或已残缺", where=str(path), cure="向封存人重新索取；核对文件大小与 sha256"
        ) from exc


def _members(archive: zipfile.ZipFile, folder: Path) -> Iterator[Fault]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise StoreError(f"封存包内文件超过 {MAX_MEMBERS} 个", cure="核对文件来源")
    seen: set[str] = set()
    left = MAX_TOTAL_BYTES
    for one in members:
        if one.is_dir():
            continue
        fault = _refused(one, seen)
        if not fault:
            seen.add(_plain(one.filename))
            fault, used = _write(archive, one, folder, min(MAX_MEMBER_BYTES, left))
            left -= used
        if fault:
            yield Fault(one.filename, fault)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _refused(one: zipfile.ZipInfo, seen: set[str]) -> str:
    """Return why a member is not unpacked, empty where it may be."""
    if fault := fault_of_name(one.filename):
        return fault
    kind = stat.S_IFMT(one.external_attr >> 16)
    parents = {_plain(str(each)) for each in PurePosixPath(one.filename).parents}
    reasons = (
        (one.orig_filename != one.filename, "文件名含不允许的字符"),  # zipfile cuts names at a zero byte
        (_plain(one.filename) in seen or bool(parents & seen), "同名文件重复"),
        (one.create_system == 3 and kind not in (0, stat.S_IFREG), "是链接或特殊文件，不是普通文件"),
        (bool(one.flag_bits & 0x1), "已加密，无法读取"),
        (one.file_size > MAX_MEMBER_BYTES, "文件过大"),
        (
            one.file_size > _RATIO_FROM and one.file_size > _RATIO * max(1, one.compress_size),
            "压缩比异常，疑为压缩炸弹",
        ),
    )
    return next((why for met, why in reasons if met), "")


def _write(archive: zipfile.ZipFile, one: zipfile.ZipInfo, folder: Path, limit: int) -> tuple[str, int]:
    """Unpack one member; return what was wrong, and how many bytes were written."""
    place = folder / one.filename
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(one) as file, place.open("xb") as out:
            size = _bounded_copy(file, out, min(limit, one.file_size))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as exc:
        if place.is_file():
            place.unlink()
        return f"无法解开：{'校验和不符' if 'CRC' in str(exc) else '数据已损坏'}", 0
    if size != one.file_size:
        place.unlink(missing_ok=True)
        return "解开后的大小与目录所记不符", size
    return "", size


def _bounded_copy(file: IO[bytes], out: IO[bytes], limit: int) -> int:
    size = 0
    while block := file.read(min(_BLOCK, limit - size + 1)):
        size += len(block)
        if size > limit:
            break
        out.write(block)
    return size
