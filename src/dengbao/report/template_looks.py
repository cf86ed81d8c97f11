"""Styles and faces that a template names: which of them are nowhere to be found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lxml import etree

from .fonts import CHAINS, installed_families, write_config
from .lint import Finding
from .package import DOCUMENT, STYLES, Package, xml_parser
from .render import text_parts
from .toc import w

_WRITTEN: Final = ("TOC1", "TOC2")  # by the program, when it fills the contents
_SLOTS: Final = ("ascii", "hAnsi", "eastAsia", "cs")


def missing_styles(package: Package) -> Iterator[Finding]:
    """Yield the styles that are used and not defined: Word prints such text as plain running text."""
    root = etree.fromstring(package.members[STYLES], xml_parser())
    known = {style.get(w("styleId")) for style in root.iter(w("style"))}
    for name in text_parts(package):
        part = etree.fromstring(package.members[name], xml_parser())
        used = {str(one.get(w("val"))) for one in part.iter(w("pStyle"), w("rStyle"), w("tblStyle"))}
        if name == DOCUMENT:
            used.update(_WRITTEN)
        for one in sorted(used - known):
            yield Finding("unknown_style", f"用到的样式 {one} 没有定义，将按正文排版", name, serious=False)


def absent_faces(template: bytes, *, where: str = "模板") -> tuple[Finding, ...]:
    """Return a warning for each face that is neither official nor installed here.

    Where fontconfig is not to be had (Windows), nothing is known and nothing is said.

    Raises:
        ReportError: not a .docx.

    """
    package = Package.open(template, where=where)
    with tempfile.TemporaryDirectory(prefix="dengbao-fonts-") as folder:
        installed = installed_families(write_config(Path(folder)))
    if not installed:
        return ()
    return tuple(
        Finding("font_absent", f"字体“{face}”本机没有安装，预览将以别的字体代替", part, serious=False)
        for face, part in _faces(package).items()
        if face not in CHAINS and face not in installed
    )


def _faces(package: Package) -> dict[str, str]:
    """Return face → the first part that names it."""
    found: dict[str, str] = {}
    for name in (*text_parts(package), STYLES):
        root = etree.fromstring(package.members[name], xml_parser())
        for fonts in root.iter(w("rFonts")):
            for slot in _SLOTS:
                if face := fonts.get(w(slot)):
                    found.setdefault(face, name)
    return found
