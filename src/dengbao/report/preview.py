"""Variants of a finished .docx that only LibreOffice sees: light for counting pages, marked for print."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Final

from lxml import etree
from PIL import Image

from .package import xml_parser
from .toc import w

PREVIEW: Final = "预览稿（字体替换，分页以 Word 为准）"


def light(docx: bytes) -> bytes:
    """Return the document with every picture replaced by one pixel; extents, and so pages, stay."""
    pixels = {kind: _pixel(kind) for kind in ("PNG", "JPEG", "GIF")}

    def swap(name: str, data: bytes) -> bytes:
        if not name.startswith("word/media/"):
            return data
        suffix = name.rpartition(".")[2].lower()
        return pixels.get({"jpg": "JPEG", "jpeg": "JPEG"}.get(suffix, suffix.upper()), data)

    return _rewrite(docx, swap)


def mark_preview(docx: bytes) -> bytes:
    """Return the document with the words 预览稿 in every footer."""

    def mark(name: str, data: bytes) -> bytes:
        if not (name.startswith("word/footer") and name.endswith(".xml")):
            return data
        root = etree.fromstring(data, xml_parser())
        paragraphs = list(root.iter(w("p")))
        if paragraphs:
            run = etree.SubElement(paragraphs[-1], w("r"))
            etree.SubElement(run, w("t")).text = f"　{PREVIEW}"
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)

    return _rewrite(docx, mark)


def _pixel(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB" if kind != "GIF" else "P", (1, 1)).save(out, kind)
    return out.getvalue()


def _rewrite(docx: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for info in source.infolist():
            target.writestr(info.filename, change(info.filename, source.read(info)))
    return out.getvalue()
