"""Fills the contents with page numbers that were seen, and prints the PDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ..errors import ReportError
from .office import CURE, Layout, Office, open_office
from .package import Package
from .preview import light, mark_preview
from .toc import Contents

NO_OFFICE: Final = "本机无 LibreOffice 或 pdftotext，未计算目录页码；在 Word 或 WPS 中右键目录“更新域”即可。"
NOT_CERTAIN: Final = "未能确定目录页码；在 Word 或 WPS 中右键目录“更新域”即可。"
FALLBACK: Final = "页码按替换字体排版计算；正式打印前请在 Word 或 WPS 中右键目录“更新域”核对。"
NO_SIGNS: Final = "本机没有能显示 ␛ 等控制字符标记的字体，PDF 中显示为方框；Word 文档不受影响。"
_PASSES: Final = 3

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A finished .docx; `contents` maps headings to pages, empty where they are not known."""

    docx: bytes
    contents: Mapping[str, int]
    notes: tuple[str, ...] = ()
    pdf: bytes | None = None
    total: int = 0


def typeset(
    package: Package, programs: Mapping[str, str] | None, say: Say, *, pdf: bool, signs: bool
) -> Made:
    """Return the document with its contents filled; without LibreOffice every page is a dash.

    `signs` tells that the text holds signs for control characters.
    """
    contents = Contents(package)
    if programs is None:
        contents.write({}, NO_OFFICE)
        return Made(package.write(), {}, (NO_OFFICE, *((f"未生成 PDF：{CURE}",) if pdf else ())))
    with open_office(programs) as office:
        replaced = office.replaced_fonts()
        made = _find_pages(package, contents, office, FALLBACK if replaced else "", say)
        if pdf:
            say("生成 PDF")
            made = _print(made, office, preview=bool(replaced))
            if signs and office.lacks_signs():
                made = replace(made, notes=(*made.notes, NO_SIGNS))
    return replace(made, notes=(*made.notes, *_font_note(replaced)))


def _font_note(replaced: Mapping[str, str]) -> tuple[str, ...]:
    """Return one line on all faces that others stand in for, or nothing."""
    by_face: dict[str, list[str]] = {}
    for name, other in replaced.items():
        by_face.setdefault(other, []).append(name)
    told = "；".join(f"{'、'.join(names)} → {face}" for face, names in by_face.items())
    return (f"预览字体替换：{told}",) if told else ()


def _find_pages(package: Package, contents: Contents, office: Office, note: str, say: Say) -> Made:
    """Typeset until a pass finds every heading where the pass before had found it."""
    known = Layout(0, {})
    reason: tuple[str, ...] = ()
    try:
        for number in range(1, _PASSES + 1):
            contents.write(known.pages, note, known.total)
            docx = package.write()
            say(f"排版第 {number} 遍")
            layout = office.layout(office.pdf(light(docx)), contents.headings)
            if layout is None:
                break
            if layout == known:
                pages = {one.text: layout.pages[one.bookmark] for one in contents.headings}
                return Made(docx, pages, total=layout.total)
            known = layout
    except ReportError as exc:
        reason = (exc.message,)
    contents.write({}, NOT_CERTAIN)
    return Made(package.write(), {}, (NOT_CERTAIN, *reason))


def _print(made: Made, office: Office, *, preview: bool) -> Made:
    try:
        printed = office.pdf(mark_preview(made.docx) if preview else made.docx)
    except ReportError as exc:
        return replace(made, notes=(*made.notes, f"未生成 PDF：{exc.message}"))
    return replace(made, pdf=printed.read_bytes())
