"""Evidence files for printing: digests checked, pictures opened with bounds, never trusted.

A picture is embedded byte for byte wherever Word can show it as it is; only what Word cannot show
rightly (rotated by EXIF, TIFF, WebP, BMP, far beyond print resolution) is printed from a copy.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ..errors import EvidenceError
from ..model import Evidence, EvidenceFile

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_PIXELS: Final = 80_000_000
MAX_EDGE: Final = 20_000
_MOST_COMPARED_PIXELS: Final = 200_000_000
_PRINT_EDGE: Final = 4000
_PRINT_BYTES: Final = 12 * 1024 * 1024
_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
_FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
_AS_IS: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "GIF": "image/gif"}
_ORIENTATION: Final = 0x0112
_REFILE: Final = "重新导出该图片，再用 dengbao evidence add 重新入库"


@dataclass(frozen=True)
class Picture:
    """A picture ready to be embedded; `altered` says in Chinese how the printed copy differs.

    `width_mm` is how wide it is printed, 0 for as wide as its pixels and the page allow.
    """

    sha256: str
    data: bytes
    content_type: str
    width_px: int
    height_px: int
    altered: str = ""
    width_mm: float = 0


@dataclass(frozen=True)
class Figure:
    """A picture of the report with its number and where it comes from."""

    number: int
    evidence: Evidence
    file: EvidenceFile
    picture: Picture


def load_figures(evidence: tuple[Evidence, ...], folder: Path) -> tuple[Figure, ...]:
    """Check every evidence file against its digest and return the pictures among them, numbered.

    Raises:
        EvidenceError: a file is missing, altered, not the picture it should be, or a bomb.

    """
    figures: list[Figure] = []
    known: dict[str, Picture] = {}
    for one in evidence:
        for file in one.files:
            picture = _load(one, file, folder, known)
            if picture is not None:
                figures.append(Figure(len(figures) + 1, one, file, picture))
    return tuple(figures)


def _load(one: Evidence, file: EvidenceFile, folder: Path, known: dict[str, Picture]) -> Picture | None:
    where = f"{one.id} {file.name}"
    is_picture = Path(file.name).suffix.lower() in _SUFFIXES
    data = _read(folder, file, where, keep=is_picture)
    if not is_picture:
        return None
    if file.sha256 not in known:
        known[file.sha256] = prepare(data, file.sha256, where=where)
    return known[file.sha256]


def _read(folder: Path, file: EvidenceFile, where: str, *, keep: bool) -> bytes:
    if Path(file.name).name != file.name or file.name in ("", ".", ".."):
        raise EvidenceError("证据文件名不能带目录", where=where, cure="将文件放入 evidence 目录后重新入库")
    path = folder / file.name
    digest = hashlib.sha256()
    try:
        if keep and path.stat().st_size > MAX_FILE_BYTES:
            raise EvidenceError(
                f"图片超过 {MAX_FILE_BYTES // 1024 // 1024} MB，不能印入报告", where=where, cure=_REFILE
            )
        kept: list[bytes] = []
        with path.open("rb") as source:
            while block := source.read(1 << 20):
                digest.update(block)
                if keep:
                    kept.append(block)
    except FileNotFoundError as exc:
        raise EvidenceError("证据文件不存在", where=where, cure="找回原文件，或重新取证入库") from exc
    except OSError as exc:
        raise EvidenceError(
            f"证据文件无法读取：{exc.strerror}", where=where, cure="检查文件权限与磁盘"
        ) from exc
    if digest.hexdigest() != file.sha256.lower():
        raise EvidenceError(
            "证据文件与登记的 SHA-256 不一致，可能被改动",
            where=where,
            cure="恢复入库时的原文件，或作为新证据重新入库",
        )
    return b"".join(kept)


def prepare(data: bytes, digest: str, *, where: str) -> Picture:
    """Return the picture for embedding.

    Raises:
        EvidenceError: it cannot be decoded, or would unfold to too many pixels.

    """
    with _quiet(where):
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            kind, (width, height) = str(image.format), image.size
            _refuse_bomb(width, height, where)
            turned = _turned(image)
            _decode(image)
        needs_copy = (
            turned or kind not in _AS_IS or max(width, height) > _PRINT_EDGE or len(data) > _PRINT_BYTES
        )
        if needs_copy:
            return _copy(data, digest, turned=turned, shown=kind in _AS_IS)
    return Picture(digest, data, _AS_IS[kind], width, height)


@contextlib.contextmanager
def _quiet(where: str) -> Iterator[None]:
    # Pillow warns of broken EXIF and of odd sizes; neither is for the operator's eyes.
    broken = "图片已损坏或不是所称的格式，无法印入报告"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (Image.DecompressionBombError, MemoryError) as exc:
            raise EvidenceError(_bomb(0, 0), where=where, cure=_REFILE) from exc
        except UnidentifiedImageError as exc:
            raise EvidenceError(broken, where=where, cure=_REFILE) from exc
        except (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, EOFError) as exc:
            raise EvidenceError(f"{broken}：{exc}", where=where, cure=_REFILE) from exc


def _refuse_bomb(width: int, height: int, where: str) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_EDGE:
        raise EvidenceError(_bomb(width, height), where=where, cure=_REFILE)


def _bomb(width: int, height: int) -> str:
    size = f"{width}×{height} 像素，" if width else ""
    return (
        f"图片{size}展开后过大（上限 {MAX_PIXELS // 10_000} 万像素、单边 {MAX_EDGE}），疑似解压炸弹，已拒绝"
    )


def _turned(image: ImageFile.ImageFile) -> bool:
    if image.format == "PNG":  # Pillow would unfold all pixels to look for an orientation that PNGs lack
        return False
    try:
        return image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except (SyntaxError, ValueError, OSError, KeyError, TypeError):  # broken EXIF says nothing
        return False


def _decode(image: ImageFile.ImageFile) -> None:
    if image.format == "PNG":
        image.verify()  # every chunk's checksum, without unfolding the pixels
        return
    image.draft("RGB", (image.width // 8, image.height // 8))
    image.load()


def pixel_digest(data: bytes) -> str:
    """Return a digest over a picture's pixels, or over its bytes where it is none that can be read."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > _MOST_COMPARED_PIXELS:
                return hashlib.sha256(data).hexdigest()
            shown = picture.convert("RGBA")
            told = f"{shown.width}x{shown.height}:".encode()
            return hashlib.sha256(told + shown.tobytes()).hexdigest()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return hashlib.sha256(data).hexdigest()


def _copy(data: bytes, digest: str, *, turned: bool, shown: bool) -> Picture:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as source:
        size = source.size
        image = ImageOps.exif_transpose(source) if turned else source.copy()
    image.thumbnail((_PRINT_EDGE, _PRINT_EDGE))
    out = io.BytesIO()
    photo = source.format in ("JPEG", "MPO")
    if photo:
        image.convert("RGB").save(out, "JPEG", quality=92)
    else:
        image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB").save(
            out, "PNG"
        )
    altered = [
        "按拍摄方向转正" if turned else "",
        "" if shown else "转换格式",
        "缩小" if max(size) > _PRINT_EDGE else "",
    ]
    words = "、".join(one for one in altered if one) or "重新压缩"
    kind = "image/jpeg" if photo else "image/png"
    return Picture(digest, out.getvalue(), kind, *image.size, altered=f"打印件已{words}，原件以摘要为准")
