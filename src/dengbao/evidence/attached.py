"""The files beside evidence records: their names, digests and whether a picture is one."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from cryptography.hazmat.primitives import hashes
from PIL import Image

from ..errors import EvidenceError
from .aside import Request, aside, is_big

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_FILES: Final = 20
MAX_PIXELS: Final = 80_000_000
MAX_EDGE: Final = 20_000
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
JPEGS: Final = ("JPEG", "MPO")  # which can be unfolded smaller than they are
# What Pillow's decoders raise on bytes that are not the picture they claim to be.
BROKEN: Final = (
    OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError, AttributeError, EOFError,
    OverflowError, ZeroDivisionError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RECORD_SUFFIXES: Final = (".yaml", ".yml")
_BLOCK: Final = 1 << 20


class Digest(Protocol):
    """What hashlib and the fallback for SM3 have in common."""

    def update(self, data: bytes, /) -> None:
        """Take in the next bytes."""

    def hexdigest(self) -> str:
        """Return the digest as hex."""


@dataclass(frozen=True)
class Measured:
    """Digests and size of a file, taken in one reading."""

    sha256: str
    sm3: str
    size_bytes: int


def name_fault(name: str) -> str:
    """Return in Chinese why a file's name is refused, or nothing."""
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        return "文件名不得带目录"
    if not _NAME.fullmatch(name):
        return "文件名只能用英文字母、数字、点、- 和 _"
    if name.lower().endswith(_RECORD_SUFFIXES):
        return "附件不得以 .yaml 结尾，会与记录混淆"
    return ""


def stored_suffix(source: Path) -> str:
    """Return the ending a filed copy gets: lower case ASCII, never that of a record."""
    suffix = source.suffix.lower()
    if suffix in _RECORD_SUFFIXES:
        return ".txt"
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ".bin"


def measure(path: Path, *, take: Callable[[bytes], object] | None = None) -> Measured:
    """Return digests and size of a file; `take` is handed its bytes block by block.

    Raises:
        EvidenceError: no such file, a symbolic link, not a regular file, empty, or too big.

    """
    sha256, sm3 = hashlib.sha256(), _sm3()
    size = 0
    for block in read_blocks(path):
        size += len(block)
        if size > MAX_FILE_BYTES:
            raise EvidenceError(
                f"文件超过 {MAX_FILE_BYTES // 1024 // 1024} MB",
                where=str(path),
                cure="截取有关部分，或拆分后入库",
            )
        sha256.update(block)
        sm3.update(block)
        if take is not None:
            take(block)
    if size == 0:
        raise EvidenceError("文件是空的", where=str(path), cure="核对是否选错了文件")
    return Measured(sha256.hexdigest(), sm3.hexdigest(), size)


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a regular file; links are not followed and nothing is waited for.

    Raises:
        EvidenceError: no such file, a symbolic link, not a regular file, or not readable.

    """
    with _regular(path) as file:
        try:
            while block := file.read(_BLOCK):
                yield block
        except OSError as exc:
            raise EvidenceError("文件读到一半出错", where=str(path), cure="检查磁盘") from exc


def _regular(path: Path) -> BinaryIO:
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if path.is_symlink():
            raise EvidenceError("不接受符号链接", where=str(path), cure="换成文件本身")
        descriptor = os.open(path, flags)
    except FileNotFoundError as exc:
        raise EvidenceError("文件不存在", where=str(path), cure="找回原文件，或重新取证入库") from exc
    except (OSError, ValueError) as exc:
        raise EvidenceError("文件无法读取", where=str(path), cure="检查文件名与权限") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise EvidenceError("不是普通文件", where=str(path), cure="换成文件本身")
    return os.fdopen(descriptor, "rb")


def picture_fault(path: Path) -> str:
    """Return in Chinese why a file is not a picture that can be shown, or nothing."""
    with _regular(path) as data, warnings.catch_warnings():
        # Pillow warns of odd sizes and broken EXIF; both are judged here by our own bounds.
        warnings.simplefilter("ignore")
        try:
            with Image.open(data, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS or max(width, height) > MAX_EDGE:
                    return f"图片尺寸过大（{width}×{height}）"
                if image.format != "PNG" and is_big(image, pixels=0 if image.format in JPEGS else None):
                    return _fault_aside(path)
                _decode(image)
        except BROKEN:
            return "不是有效的图片，或已损坏"
    return ""


def _fault_aside(path: Path) -> str:
    try:
        return aside(Request(do="fault", path=str(path))).fault
    except EvidenceError as exc:
        return exc.message


def _decode(image: Image.Image) -> None:
    if image.format == "PNG":
        image.verify()  # checks every chunk's checksum without unpacking the pixels
        return
    image.draft("L", (image.width // 8, image.height // 8))  # JPEG only: an eighth of the work
    image.load()


class _CryptographySm3:
    """SM3 where Python's own OpenSSL was built without it."""

    def __init__(self) -> None:
        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def hexdigest(self) -> str:
        return self._hash.finalize().hex()


def _sm3() -> Digest:
    if "sm3" in hashlib.algorithms_available:
        return hashlib.new("sm3")
    return _CryptographySm3()
