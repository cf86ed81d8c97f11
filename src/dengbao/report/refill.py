"""Fills the template once more with the data that a report carries: what it must say, line by line."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import Final

from PIL import Image, UnidentifiedImageError

from ..errors import ReportError
from .bars import drawn_pictures
from .package import Package
from .pictures import Picture, pixel_digest
from .plain import Plain
from .render import render
from .typeset import typeset

_FORMATS: Final = ("PNG", "JPEG", "GIF")


def refill(template: bytes, data: Mapping[str, Plain], given: Package) -> bytes:
    """Return the report that the data give; its page numbers are not known.

    Pictures of evidence are taken out of the document `given`, by the digests that the data tell; in the
    place of one that is not there stands a blank.

    Raises:
        ReportError: the data are none that this template can print.

    """
    try:
        pictures = {**dict(figures_in(data, given)), **drawn_pictures(data)}
        package = render(template, data, pictures, where="报告模板")
        return typeset(package, None, lambda _text: None, pdf=False, signs=False).docx
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError) as exc:
        raise ReportError("报告所载数据不是本模板可印的", cure="凭封存包核验（--packet）") from exc


def figures_in(data: Mapping[str, Plain], given: Package) -> Iterator[tuple[str, Picture]]:
    """Yield the key of each picture of evidence that the data tell, and the picture in a document.

    In the place of one that is not in the document stands a blank, which equals no other.
    """
    rows = data.get("figures")
    wanted = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    media = [value for name, value in given.members.items() if name.startswith("word/media/")]
    by_bytes = {hashlib.sha256(one).hexdigest(): one for one in media}
    copies = any(one.get("pixels") for one in wanted)  # decoding is dear: only where bytes cannot tell
    by_pixels = {pixel_digest(one): one for one in media} if copies else {}
    for row in wanted:
        key, pixels = str(row["picture"]), str(row.get("pixels") or "")
        found = by_pixels.get(pixels) if pixels else by_bytes.get(key)
        yield key, _picture(key, found)


def _picture(key: str, data: bytes | None) -> Picture:
    """Return a picture as it is printed; without its bytes one that equals no other."""
    if data is not None:
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                kind = "jpeg" if image.format == "JPEG" else str(image.format).lower()
                return Picture(key, data, f"image/{kind}", image.width, image.height)
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
            pass
    blank = hashlib.sha256(key.encode()).digest()
    out = io.BytesIO()
    Image.frombytes("L", (8, 4), blank).save(out, "PNG")
    return Picture(key, out.getvalue(), "image/png", 8, 4)
