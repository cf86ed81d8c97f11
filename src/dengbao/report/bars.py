"""Bars of the 符合性统计: how a chapter's items were judged, told apart by hatching, readable without colour.

No letter is drawn inside a picture, so that no face is needed; labels are the text of the table around.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import Final

from PIL import Image, ImageDraw

from ..model import Status, Verdict
from .mark import mark_pictures
from .pictures import Picture
from .plain import Plain

_WIDTH_PX: Final = 620
_HEIGHT_PX: Final = 36
_WIDTH_MM: Final = 70.0
_SWATCH_PX: Final = 60
_STEP: Final = 9  # pixels between hatching lines: 1 mm on paper
# What stays without a verdict shares one pattern: the table beside says which of them it is.
OPEN: Final = (Status.UNDETERMINED, Status.AWAITING_EVIDENCE, Status.NOT_RUN)
_PARTS: Final = (*(one.value for one in Verdict), "open")
_NAMES: Final = (*(one.zh for one in Verdict), "尚无判定")


def bar_row(counts: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return the key of the bar of a row of the statistics, and how many in it have no verdict."""
    told = {one.value: _count(counts, one.value) for one in Verdict}
    told["open"] = sum(_count(counts, one.value) for one in OPEN)
    return {"bar": "bar-" + "-".join(str(told[one]) for one in _PARTS), "open": told["open"]}


def _count(counts: Mapping[str, Plain], name: str) -> int:
    value = counts.get(name, 0)
    return value if isinstance(value, int) else 0


def legend() -> list[Plain]:
    """Return pattern and meaning of each part of a bar, as swatches for a template."""
    return [
        {"name": name, "bar": "bar-" + "-".join("1" if one == part else "0" for one in _PARTS) + "-swatch"}
        for part, name in zip(_PARTS, _NAMES, strict=True)
    ]


def drawn_pictures(data: Mapping[str, Plain]) -> dict[str, Picture]:
    """Return every picture of a report that is drawn and no evidence, by the key a template asks for."""
    found = mark_pictures(data)
    found.update((key, bar_picture(key)) for key in dict.fromkeys(_keys(data.get("summary"))))
    return found


def _keys(value: Plain) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _keys(one)
    elif isinstance(value, dict):
        if "bar" in value:
            yield str(value["bar"])
        for one in value.values():
            yield from _keys(one)


def bar_picture(key: str) -> Picture:
    """Return the bar that a key such as `bar-3-1-0-0-2` tells."""
    words = key.split("-")
    swatch = words[-1] == "swatch"
    counts = [int(one) for one in words[1 : 1 + len(_PARTS)]]
    width = _SWATCH_PX if swatch else _WIDTH_PX
    image = Image.new("L", (width, _HEIGHT_PX), 255)
    total, begun, left = sum(counts), 0, 0
    for part, count in zip(_PARTS, counts, strict=True):
        begun += count
        right = round(begun * (width - 1) / total) if total else 0
        if right > left:
            image.paste(_segment(part, right - left + 1), (left, 0))
        left = right
    out = io.BytesIO()
    image.save(out, "PNG")
    data = out.getvalue()
    return Picture(
        hashlib.sha256(key.encode()).hexdigest(), data, "image/png", width, _HEIGHT_PX,
        width_mm=_WIDTH_MM * width / _WIDTH_PX,
    )  # fmt: skip


def _segment(part: str, width: int) -> Image.Image:
    image = Image.new("L", (width, _HEIGHT_PX), 255)
    draw = ImageDraw.Draw(image)
    bottom = _HEIGHT_PX - 1
    if part == Verdict.NONCONFORM.value:
        draw.rectangle((0, 0, width, bottom), fill=0)
    elif part == Verdict.PARTIAL.value:
        for x in range(-_HEIGHT_PX, width, _STEP):
            draw.line((x, bottom, x + bottom, 0), fill=0, width=3)
    elif part == Verdict.NOT_APPLICABLE.value:
        for y in range(_STEP, bottom, _STEP):
            draw.line((0, y, width, y), fill=0, width=2)
    elif part == "open":
        for x in range(_STEP, width, _STEP):
            for y in range(_STEP, bottom, _STEP):
                draw.rectangle((x - 1, y - 1, x + 1, y + 1), fill=0)
    draw.rectangle((0, 0, width - 1, bottom), outline=0, width=2)
    return image
