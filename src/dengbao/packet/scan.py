"""Reads the QR code of the 签章页 from a scan or photograph, and says whether it fits.

Decoding is done by zxing-cpp (extra `scan`); a scan in a PDF is to be saved as a picture first.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from ..errors import UsageError
from ..model import Seal
from .dsse import PublicKey, public_key
from .findings import Finding, Gravity, broken
from .qr import FORMAT, Mark, read_mark, short_key

SUFFIXES: Final = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"))
_FORMATS: Final = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_UNREADABLE: Final = (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)
_CODE_PIXELS: Final = 2000  # a printed code has some 400 by 400
_MAX_PIXELS: Final = 150_000_000  # A4 at 1,200 dpi


def read_scan(path: Path) -> Mark:
    """Return what the code on a picture of the 签章页 says.

    Raises:
        UsageError: no picture, no such code on it or several, or zxing-cpp is not installed.

    """
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            texts = _texts(picture)
    except _UNREADABLE as exc:
        raise UsageError("不是可读的图片", where=str(path), cure="扫描件存为 PNG 或 JPEG 后重试") from exc
    return _only(texts, str(path))


def read_code(pictures: Iterable[bytes], where: str) -> Mark:
    """Return what the code among the pictures of a report says; other pictures are passed over.

    Raises:
        UsageError: no such code or several, or zxing-cpp is not installed.

    """
    texts: set[str] = set()
    for data in pictures:
        with contextlib.suppress(*_UNREADABLE), Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            width, height = picture.size
            if width == height <= _CODE_PIXELS:
                texts |= _texts(picture)
    return _only(texts, where)


def _texts(picture: Image.Image) -> set[str]:
    try:
        import zxingcpp  # noqa: PLC0415 - an extra: only who reads scans needs it
    except ImportError as exc:
        raise UsageError(
            "本机未装二维码识别组件", cure="pip install 'dengbao[scan]'；或用手机扫码，核对编号与摘要"
        ) from exc
    if picture.width * picture.height > _MAX_PIXELS:
        raise UsageError("图片过大", cure="以 300 至 600 dpi 重新扫描")
    found = zxingcpp.read_barcodes(picture.convert("L"))
    return {one.text for one in found if one.text.startswith(f"{FORMAT}*")}


def _only(texts: set[str], where: str) -> Mark:
    if len(texts) != 1:
        raise UsageError(
            "图片上有不同的签章页二维码" if texts else "图片上没有读到签章页的二维码", where=where,
            cure="只扫描签章页，300 dpi 以上，二维码处不要盖章、折叠",
        )  # fmt: skip
    return read_mark(texts.pop())


def examine_mark(
    mark: Mark, place: str, trusted: tuple[PublicKey, ...], seal: Seal | None = None
) -> Iterator[Finding]:
    """Yield what is to be said of a code: who signed it, and how it differs from a seal."""
    yield from _signature(mark, place, trusted, seal)
    if seal is None:
        return
    try:
        sealed = read_mark(seal.mark)
    except UsageError as exc:
        yield broken("seal.json", f"签章页二维码：{exc.message}")
        return
    pairs = (
        ("报告编号", mark.number, sealed.number),
        ("内容摘要", mark.content_sha256, sealed.content_sha256),
        ("各判定项数", told_counts(mark), told_counts(sealed)),
        ("密钥", mark.key, sealed.key),
    )
    for what, found, expected in pairs:
        if found != expected:
            yield broken(place, f"{what}：纸面二维码为“{found}”，封存包为“{expected}”")


def _signature(
    mark: Mark, place: str, trusted: tuple[PublicKey, ...], seal: Seal | None
) -> Iterator[Finding]:
    if not mark.signature:
        yield broken(place, "二维码没有签名：这一页出自草稿或未封存的报告")
        return
    keys = (*trusted, *((public_key(seal.public_key),) if seal is not None else ()))
    if any(mark.is_by(one) for one in keys):
        return
    if any(mark.key == short_key(one.fingerprint) for one in keys):
        yield broken(place, "二维码的签名无效：编号、摘要或项数被改动")
    elif trusted:
        yield broken(place, f"二维码由密钥 SHA256:{mark.key}… 所签，不在 --trust 所指的可信密钥之中")
    else:
        yield Finding(
            place=place, gravity=Gravity.OPEN, message=f"二维码由密钥 SHA256:{mark.key}… 所签，未能核对签名",
            cure="加 --trust 公钥文件，或 --packet 封存包",
        )  # fmt: skip


def told_counts(mark: Mark) -> str:
    """Return the counts in Chinese."""
    words = {"C": "符合", "P": "部分符合", "N": "不符合", "A": "不适用", "U": "其他"}
    return "、".join(f"{words.get(letter, letter)} {count}" for letter, count in mark.counts.items())
