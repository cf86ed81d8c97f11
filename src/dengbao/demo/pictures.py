"""Draws the pictures that stand in for screenshots and scans in the demo's evidence."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

_WIDTH: Final = 1000
_LINE: Final = 44
# Files of several faces hold the simplified Chinese one at this index.
_FONTS: Final = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
)


def draw(title: str, lines: Sequence[str], *, plain: Sequence[str]) -> bytes:
    """Return a PNG that looks like a window with `title` and `lines`.

    On a machine without a Chinese font `plain` (ASCII) is drawn in their place: boxes instead of
    characters would look like damaged evidence.
    """
    font = _chinese_font()
    title, lines = (title, lines) if font else (plain[0], plain[1:])
    used = font or ImageFont.load_default(24)
    picture = Image.new("RGB", (_WIDTH, _LINE * (len(lines) + 3)), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, _WIDTH, _LINE + 12), fill="#14507a")
    pen.text((20, 12), title, font=used, fill="white")
    for number, line in enumerate(lines):
        pen.text((32, _LINE * (number + 2) - 16), line, font=used, fill="#1c2733")
    pen.rectangle((0, 0, _WIDTH - 1, picture.height - 1), outline="#14507a", width=3)
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _chinese_font() -> ImageFont.FreeTypeFont | None:
    found = next(((path, index) for path, index in _FONTS if Path(path).is_file()), None)
    return ImageFont.truetype(found[0], 26, index=found[1]) if found else None
