"""The QR code of the 签章页: ties stamped paper to the file it was printed from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Final

import segno

from ..packet.qr import counts_of, marker
from .inputs import ReportInput
from .pictures import Picture
from .plain import Plain

WIDTH_MM: Final = 33.0
_DOTS: Final = 6  # pixels for each module: 600 dpi at this width
_QUIET: Final = 4  # modules of white around, as the standard wants


def mark_row(given: ReportInput, content_sha256: str) -> dict[str, Plain]:
    """Return text and picture key of the code that tells this digest."""
    made = given.mark or marker(given.engagement.report_number, counts_of(given.result))
    text = made(content_sha256)
    return {"text": text, "picture": hashlib.sha256(text.encode()).hexdigest()}


def mark_text(data: Mapping[str, Plain]) -> str:
    """Return the code's text in the data of a report."""
    row = data.get("mark")
    return str(row["text"]) if isinstance(row, dict) else ""


def mark_pictures(data: Mapping[str, Plain]) -> dict[str, Picture]:
    """Return the code's picture under the key by which a template asks for it."""
    row = data.get("mark")
    return {str(row["picture"]): qr_picture(str(row["text"]))} if isinstance(row, dict) else {}


def qr_picture(text: str) -> Picture:
    """Return a QR code (model 2, some 15 % of it may be spoilt) as a black and white PNG."""
    code = segno.make_qr(text, error="m", encoding="utf-8", boost_error=False)
    out = io.BytesIO()
    code.save(out, kind="png", scale=_DOTS, border=_QUIET)
    data = out.getvalue()
    width, height = code.symbol_size(scale=_DOTS, border=_QUIET)
    size = int(width), int(height)
    return Picture(hashlib.sha256(data).hexdigest(), data, "image/png", *size, width_mm=WIDTH_MM)
