"""The pages of a PDF as pictures, drawn when they are looked at."""

from __future__ import annotations

import subprocess
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from ..engines import find_engines
from ..errors import UsageError

_KEPT: Final = 24
_DPI: Final = "84"
_LIMIT_S: Final = 60
_CURE: Final = "apt install poppler-utils；或下载 PDF 后查看"


class SheetsShown:
    """Draws pages by `pdftoppm` and keeps the last ones in memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, pdf: Path, page: int) -> bytes:
        """Return a page, counted from 1, as PNG.

        Raises:
            UsageError: no such page, or the program that draws is missing.

        """
        key = (str(pdf), pdf.stat().st_mtime_ns, page)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        drawn = _draw(pdf, page)
        with self._lock:
            self._kept[key] = drawn
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return drawn


def count_pages(pdf: Path) -> int:
    """Return how many pages a PDF of our own has, 0 where that cannot be told."""
    done = _run("pdfinfo", str(pdf))
    found = [line for line in done.decode("utf-8", "replace").splitlines() if line.startswith("Pages:")]
    return int(found[0].split()[1]) if found else 0


def _draw(pdf: Path, page: int) -> bytes:
    drawn = _run("pdftoppm", "-png", "-r", _DPI, "-f", str(page), "-l", str(page), str(pdf))
    if not drawn:
        raise UsageError(f"没有第 {page} 页", cure="重新生成预览")
    return drawn


def _run(program: str, *arguments: str) -> bytes:
    beside = find_engines().get("pdftotext", "")
    command = Path(beside).with_name(program) if beside else Path(program)
    try:
        done = subprocess.run([str(command), *arguments], capture_output=True, timeout=_LIMIT_S, check=False)
    except FileNotFoundError as exc:
        raise UsageError(f"缺少 {program}，不能显示页面", cure=_CURE) from exc
    except subprocess.TimeoutExpired as exc:
        raise UsageError(f"{program} {_LIMIT_S} 秒内未完成", cure="稍后重试；或下载 PDF 后查看") from exc
    return done.stdout
