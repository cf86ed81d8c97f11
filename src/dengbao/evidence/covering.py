"""Shows pictures as bounded copies, and burns boxes into them so that nothing of what lay beneath is left."""

from __future__ import annotations

import io
import math
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image, ImageDraw, ImageFile, ImageOps, JpegImagePlugin

from ..errors import EvidenceError
from ..model import Value
from .aside import Request, aside, is_big
from .attached import BROKEN, FORMATS, JPEGS, MAX_EDGE, MAX_PIXELS
from .sorts import orientation

MOST_BOXES: Final = 100
SMALL: Final = 240
LARGE: Final = 1600
_MOST_SHOWN_BYTES: Final = 128 * 1024 * 1024
_MOST_COVERED_PIXELS: Final = 40_000_000
_MOST_OTHERS_PIXELS: Final = 10_000_000
# Orientations in which the shown picture's x (y) axis runs against the stored one that it is taken from.
_X_AGAINST: Final = frozenset({2, 3, 6, 7})
_Y_AGAINST: Final = frozenset({3, 4, 7, 8})
_QUALITY: Final = 92
_MENDING: Final = "重新截图或导出为 PNG、JPEG 后再上传"
# Pictures unfold to many times their size: one after the other keeps the process small.
_one_at_a_time: Final = threading.Lock()


class Box(Value):
    """A part of a picture as people see it (turned upright), in its pixels from the top left."""

    left: int
    top: int
    width: int
    height: int


def shown(path: Path, edge: int) -> bytes:
    """Return a picture as a PNG whose longer side is at most `edge` pixels, without anything but pixels.

    Raises:
        EvidenceError: it is broken, or too big to be shown.

    """
    with _opened(path) as image:
        whole = image.size
        image.draft("RGB", (edge, edge))  # JPEG only: unfolded in the size that is wanted
        drafted = image.width * image.height if image.size != whole else None
        big = is_big(image, pixels=drafted)
        if not big:
            return _shown(image, edge)
    with tempfile.TemporaryDirectory(prefix="dengbao-picture-") as folder:
        out = Path(folder) / "shown.png"
        aside(Request(do="shown", path=str(path), out=str(out), edge=edge))
        return out.read_bytes()


def _shown(image: ImageFile.ImageFile, edge: int) -> bytes:
    _refuse_huge(image, "不显示预览", "下载后查看", most=_MOST_SHOWN_BYTES // _pixel_bytes(image))
    small = _upright(image)
    small.thumbnail((edge, edge))
    out = io.BytesIO()
    _plain(small).save(out, "PNG")
    return out.getvalue()


def cover(path: Path, boxes: Sequence[Box], out: Path) -> str:
    """Write a picture with boxes burnt in (see `cover_into`) to a file, and return the ending it deserves.

    Raises:
        EvidenceError: as there.

    """
    with _opened(path) as image:
        big = is_big(image)
    if big:
        plain = tuple((one.left, one.top, one.width, one.height) for one in boxes)
        aside(Request(do="cover", path=str(path), out=str(out), boxes=plain))
    else:
        with out.open("wb") as file:
            cover_into(path, boxes, file)
    with out.open("rb") as file:
        return ".jpg" if file.read(2) == b"\xff\xd8" else ".png"


def cover_into(path: Path, boxes: Sequence[Box], out: BinaryIO) -> None:
    """Write a picture as a JPEG or PNG file with the boxes burnt in, black, and with nothing but its pixels.

    No EXIF, no thumbnail, no profile, no text, nothing after its end. Where a picture was compressed with
    loss the boxes grow to the blocks of that, because the pixels of a block tell of each other; a lossy
    WebP's further neighbours may still differ by its rounding.

    Raises:
        EvidenceError: no boxes or too many, one that lies outside, several frames, too big, or broken.

    """
    if not 1 <= len(boxes) <= MOST_BOXES:
        raise EvidenceError(f"遮盖区域应为 1 至 {MOST_BOXES} 个", cure="画出要遮盖的区域后再应用")
    with _opened(path) as image:
        lossy = image.format in JPEGS
        if not lossy and getattr(image, "n_frames", 1) > 1:  # the further pictures of an MPO are left behind
            raise EvidenceError("多帧或多页图片不能遮盖", cure="把要用的一页另存为 PNG 后上传")
        if lossy or image.format == "PNG":
            _refuse_huge(image, "不能遮盖", "裁剪或缩小后再上传", most=_MOST_COVERED_PIXELS)
        else:  # they take a multiple of that while they are unfolded
            _refuse_huge(image, "不能遮盖", "另存为 PNG 或 JPEG 后再上传", most=_MOST_OTHERS_PIXELS)
        blocks = _block(image)
        turned = orientation(image)
        plain = _plain(_upright(image))
        for box in boxes:
            _burn(plain, box, blocks, turned)
        if lossy:
            _as(plain, "RGB").save(out, "JPEG", quality=_QUALITY)
        else:
            plain.save(out, "PNG")


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile.ImageFile]:
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd sizes and broken EXIF
        try:
            with Image.open(path, formats=FORMATS) as image:
                yield image
        except BROKEN as exc:
            raise EvidenceError("图片已损坏", where=path.name, cure=_MENDING) from exc


def _refuse_huge(image: Image.Image, told: str, cure: str, *, most: int) -> None:
    if image.width * image.height > min(most, MAX_PIXELS) or max(image.size) > MAX_EDGE:
        raise EvidenceError(f"图片过大（{image.width}×{image.height} 像素），{told}", cure=cure)


def _pixel_bytes(image: Image.Image) -> int:
    return 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    if orientation(image) > 1:
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _plain(image: Image.Image) -> Image.Image:
    """Return pixels in 8 bits a channel, without the notes that Pillow would write along."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    clear = "A" in image.getbands() or "transparency" in image.info
    plain = _as(image, "RGBA" if clear else "RGB")
    plain.info = {}
    return plain


def _as(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # which would copy all the same


def _burn(image: Image.Image, box: Box, blocks: int, turned: int) -> None:
    left, right = _span(box.left, box.width, image.width)
    top, bottom = _span(box.top, box.height, image.height)
    if blocks > 1:
        left, right = _grown(left, right, image.width, blocks, against=turned in _X_AGAINST)
        top, bottom = _grown(top, bottom, image.height, blocks, against=turned in _Y_AGAINST)
    # The last pixel belongs to the rectangle.
    black = (0, 0, 0, 255)[: len(image.getbands())]
    ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), fill=black)


def _span(start: int, length: int, size: int) -> tuple[int, int]:
    begin, end = max(0, start), min(size, start + length)
    if length < 1 or begin >= end:
        raise EvidenceError("遮盖区域在图片之外，或没有宽高", cure="核对各区域的数值")
    return begin, end


def _grown(begin: int, end: int, size: int, blocks: int, *, against: bool) -> tuple[int, int]:
    """Return a span grown to whole blocks and one pixel, which neighbours' colours are mixed into."""
    if against:
        low, high = _grown(size - end, size - begin, size, blocks, against=False)
        return size - high, size - low
    low, high = begin // blocks * blocks - 1, math.ceil(end / blocks) * blocks + 1
    return max(0, low), min(size, high)


def _block(image: ImageFile.ImageFile) -> int:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return 8 if JpegImagePlugin.get_sampling(image) == 0 else 16
    return 16 if image.format == "WEBP" or "jpeg" in str(image.info.get("compression", "")) else 1
