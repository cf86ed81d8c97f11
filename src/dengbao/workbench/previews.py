"""Small copies of pictures for looking at, made once and kept in memory within a bound."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from ..errors import EvidenceError
from ..evidence.covering import SMALL, shown

_MOST_KEPT_BYTES: Final = 24 * 1024 * 1024
_GREY: Final = 0xE9
_DARK: Final = 0x7B
Key = tuple[str, int, int, int]


class Previews:
    """The previews that were asked for last; one that cannot be made is a crossed-out sheet."""

    def __init__(self, most_bytes: int = _MOST_KEPT_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Return how much is kept."""
        return sum(map(len, self._kept.values()))

    def of(self, path: Path, edge: int = SMALL) -> bytes:
        """Return a picture's preview as PNG; a file that changed is looked at anew."""
        try:
            told = path.stat()
        except OSError:
            return none_to_show()
        key = (str(path), told.st_mtime_ns, told.st_size, edge)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        try:
            data = shown(path, edge)
        except EvidenceError:
            data = none_to_show()
        with self._lock:
            self._kept[key] = data
            while self.held_bytes > self._most and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return data


@cache
def none_to_show() -> bytes:
    """Return the sheet that stands where no preview can be made."""
    size = (SMALL, SMALL * 2 // 3)
    sheet = Image.new("L", size, _GREY)
    draw = ImageDraw.Draw(sheet)
    draw.line((0, 0, *size), fill=_DARK, width=2)
    draw.line((0, size[1], size[0], 0), fill=_DARK, width=2)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
