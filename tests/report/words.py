"""Small Word templates for tests, and ways to read what came of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from docx import Document
from lxml import etree

from dengbao.report.package import DOCUMENT, Package
from dengbao.report.plain import Plain
from dengbao.report.render import render
from dengbao.report.toc import paragraph_text, w


def template(*paragraphs: str, header: str = "") -> bytes:
    """Return a template made with python-docx, as an office's would come."""
    document = Document()
    for one in paragraphs:
        document.add_paragraph(one)
    if header:
        document.sections[0].header.paragraphs[0].text = header
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def filled(source: bytes, data: Mapping[str, Plain]) -> Package:
    return render(source, data, {}, where="模板.docx")


def lines(package: Package, part: str = DOCUMENT) -> list[str]:
    root = etree.fromstring(package.members[part])
    return [paragraph_text(one) for one in root.iter(w("p"))]


def text_of(docx: bytes, part: str = DOCUMENT) -> str:
    return "\n".join(lines(Package.open(docx, max_bytes=1 << 30), part))


def changed(docx: bytes, part: str, old: str, new: str) -> bytes:
    """Return the file with a text of one member replaced; the text must be there."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == part:
                assert old.encode() in data, old
                data = data.replace(old.encode(), new.encode())
            target.writestr(name, data)
    return out.getvalue()


def added(docx: bytes, part: str, data: bytes) -> bytes:
    """Return the file with one more member."""
    out = io.BytesIO(docx)
    with zipfile.ZipFile(out, "a") as target:
        target.writestr(part, data)
    return out.getvalue()
