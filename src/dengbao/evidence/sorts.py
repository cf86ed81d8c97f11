"""What a file is by its content: never by the name or the type that somebody gave it."""

from __future__ import annotations

import codecs
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final

from PIL import Image

from ..errors import EvidenceError
from .aside import Request, aside, is_big
from .attached import BROKEN, FORMATS, JPEGS, MAX_EDGE, MAX_PIXELS
from .unfolding import Bomb, refuse_gzip_bomb, refuse_zip_bomb

_ORIENTATION: Final = 0x0112
_ON_ITS_SIDE: Final = (5, 6, 7, 8)
_HEAD_BYTES: Final = 4096
_BLOCK: Final = 1 << 20


class Sort(StrEnum):
    """What a file is; HTML, SVG and scripts are text like any other."""

    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tiff"
    WEBP = "webp"
    PDF = "pdf"
    OFD = "ofd"
    DOCX = "docx"
    XLSX = "xlsx"
    PPTX = "pptx"
    DOC = "doc"
    XLS = "xls"
    PPT = "ppt"
    PCAP = "pcap"
    PCAPNG = "pcapng"
    ZIP = "zip"
    GZIP = "gzip"
    TEXT = "text"
    OTHER = "other"

    @property
    def suffix(self) -> str:
        """Return the ending a file of this sort is stored with."""
        return _SUFFIX.get(self, f".{self.value}")

    @property
    def is_picture(self) -> bool:
        """Tell whether it can be shown and redacted."""
        return self in _PICTURES

    @property
    def zh(self) -> str:
        """Return the Chinese words printed in a list of files."""
        return _ZH[self]


_SUFFIX: Final = {
    Sort.JPEG: ".jpg", Sort.TIFF: ".tif", Sort.GZIP: ".gz", Sort.TEXT: ".txt", Sort.OTHER: ".bin",
}  # fmt: skip
_PICTURES: Final = frozenset({Sort.PNG, Sort.JPEG, Sort.GIF, Sort.BMP, Sort.TIFF, Sort.WEBP})
_ZH: Final = {
    Sort.PNG: "PNG 图片", Sort.JPEG: "JPEG 图片", Sort.GIF: "GIF 图片", Sort.BMP: "BMP 图片",
    Sort.TIFF: "TIFF 图片", Sort.WEBP: "WebP 图片", Sort.PDF: "PDF 文档", Sort.OFD: "OFD 版式文档",
    Sort.DOCX: "Word 文档", Sort.XLSX: "Excel 表格", Sort.PPTX: "PowerPoint 文稿",
    Sort.DOC: "Word 97-2003 文档", Sort.XLS: "Excel 97-2003 表格", Sort.PPT: "PowerPoint 97-2003 文稿",
    Sort.PCAP: "抓包", Sort.PCAPNG: "抓包", Sort.ZIP: "ZIP 压缩包", Sort.GZIP: "GZIP 压缩文件",
    Sort.TEXT: "文本", Sort.OTHER: "其他文件",
}  # fmt: skip
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", Sort.PNG), (b"\xff\xd8\xff", Sort.JPEG), (b"GIF87a", Sort.GIF),
    (b"GIF89a", Sort.GIF), (b"II*\0", Sort.TIFF), (b"MM\0*", Sort.TIFF), (b"%PDF-", Sort.PDF),
    (b"\xd4\xc3\xb2\xa1", Sort.PCAP), (b"\xa1\xb2\xc3\xd4", Sort.PCAP), (b"\x4d\x3c\xb2\xa1", Sort.PCAP),
    (b"\xa1\xb2\x3c\x4d", Sort.PCAP),
)  # fmt: skip
_GZIP: Final = b"\x1f\x8b\x08"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS: Final = (
    ("WordDocument", Sort.DOC), ("Workbook", Sort.XLS), ("Book", Sort.XLS), ("PowerPoint Document", Sort.PPT),
)  # fmt: skip
_PARTS: Final = (
    ("word/document.xml", Sort.DOCX), ("xl/workbook.xml", Sort.XLSX), ("ppt/presentation.xml", Sort.PPTX),
)  # fmt: skip
_FORMAT_SORTS: Final = {
    "PNG": Sort.PNG, "JPEG": Sort.JPEG, "MPO": Sort.JPEG, "GIF": Sort.GIF, "BMP": Sort.BMP, "TIFF": Sort.TIFF,
    "WEBP": Sort.WEBP,
}  # fmt: skip
_PICTURE_CURE: Final = "重新截图或导出为 PNG、JPEG 后再上传"
_SMALLER: Final = "裁剪或缩小后再上传"
_BOMB_CURE: Final = "只附有关的文件，或先解开再分别上传"
# Control characters that no text file has; escape sequences of terminals are text.
_NOT_TEXT: Final = bytes(one for one in range(32) if one not in b"\t\n\r\f\b\x1b")


@dataclass(frozen=True)
class Known:
    """A file's sort; `width` and `height` in pixels as people see it, 0 for what is not a picture."""

    sort: Sort
    width: int = 0
    height: int = 0


def sort_of(file: BinaryIO) -> Known:
    """Return what a seekable file is.

    Raises:
        EvidenceError: a picture that is broken or too big, or an archive that unfolds beyond all measure.

    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    sort = _by_magic(head)
    if sort is not None and sort.is_picture:
        return _picture(file)
    try:
        return Known(sort or _by_structure(file, head))
    except Bomb as exc:
        raise EvidenceError(f"疑似压缩炸弹，已拒绝（{exc}）", cure=_BOMB_CURE) from exc


def _by_magic(head: bytes) -> Sort | None:
    for magic, sort in _MAGIC:
        if head.startswith(magic):
            return sort
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Sort.WEBP
    if head.startswith(b"BM") and len(head) > 26 and _is_bitmap(head):
        return Sort.BMP
    if head.startswith(b"\n\r\r\n") and head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
        return Sort.PCAPNG
    return None


def _is_bitmap(head: bytes) -> bool:
    """Two letters are no proof: the sizes of a bitmap's headers must be ones that exist."""
    pixels_at, header = struct.unpack_from("<II", head, 10)
    return header in (12, 40, 52, 56, 64, 108, 124) and 26 <= pixels_at <= 4096


def _by_structure(file: BinaryIO, head: bytes) -> Sort:
    if head.startswith(_GZIP):
        refuse_gzip_bomb(file)
        return Sort.GZIP
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(file)
    if head.startswith(_OLE):
        return _ole(file)
    return Sort.TEXT if _is_text(file, head) else Sort.OTHER


def _zip(file: BinaryIO) -> Sort:
    try:
        names = refuse_zip_bomb(file)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError) as exc:
        raise EvidenceError("ZIP 或 Office 文件已损坏", cure="重新导出该文件后再上传") from exc
    if "[Content_Types].xml" in names:
        macros = any(one.endswith("vbaProject.bin") for one in names)
        found = next((sort for part, sort in _PARTS if part in names), Sort.ZIP)
        return Sort.ZIP if macros else found
    return Sort.OFD if "OFD.xml" in names else Sort.ZIP


def _ole(file: BinaryIO) -> Sort:
    """Look for the stream that tells Word from Excel: its name stands in UTF-16 in the file's directory."""
    wanted = [(f"{name}\0".encode("utf-16-le"), sort) for name, sort in _OLE_STREAMS]
    tail = b""
    for block in _blocks(file):
        window = tail + block
        for name, sort in wanted:
            if name in window:
                return sort
        tail = window[-64:]
    return Sort.OTHER


def _picture(file: BinaryIO) -> Known:
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd sizes and broken EXIF: both are judged by our own bounds
        try:
            with Image.open(file, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS or max(width, height) > MAX_EDGE:
                    raise EvidenceError(f"图片尺寸过大（{width}×{height} 像素）", cure=_SMALLER)
                sort = _FORMAT_SORTS[str(image.format)]
                turned = orientation(image)
                if image.format == "PNG":
                    image.verify()  # every chunk's checksum, without unfolding the pixels
                elif is_big(image, pixels=0 if image.format in JPEGS else None):
                    return _known_aside(file)
                else:
                    image.draft("L", (width // 8, height // 8))  # JPEG only: an eighth of the work
                    image.load()
        except Image.DecompressionBombError as exc:
            raise EvidenceError("图片尺寸过大", cure=_SMALLER) from exc
        except BROKEN as exc:
            raise EvidenceError("图片已损坏，或不是它所称的图片", cure=_PICTURE_CURE) from exc
    return Known(sort, height, width) if turned in _ON_ITS_SIDE else Known(sort, width, height)


def _known_aside(file: BinaryIO) -> Known:
    found = aside(Request(do="known", path=os.fspath(file.name)))
    return Known(Sort(found.sort), found.width, found.height)


def orientation(image: Image.Image) -> int:
    """Return how a picture was held, 1 for upright; a PNG always is, whatever a note in it says."""
    if image.format == "PNG":  # Pillow would unfold all pixels to look for it
        return 1
    try:
        told = image.getexif().get(_ORIENTATION, 1)
    except BROKEN:
        return 1
    return told if isinstance(told, int) and 1 <= told <= 8 else 1


def _is_text(file: BinaryIO, head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # what PowerShell's `>` writes
        return _decodes(file, "utf-16", binary=b"")
    return any(_decodes(file, one, binary=_NOT_TEXT) for one in ("utf-8", "gb18030"))


def _decodes(file: BinaryIO, encoding: str, *, binary: bytes) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _blocks(file):
            if len(block.translate(None, binary)) < len(block):
                return False
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(_BLOCK):
        yield block
