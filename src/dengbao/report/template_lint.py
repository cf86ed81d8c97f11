"""Looks over a Word template before anyone relies on it: what it asks for, and three trial fillings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from jinja2 import TemplateError, meta
from lxml import etree

from ..errors import ReportError
from .lint import Finding, lint_docx, structure
from .package import DOCUMENT, STYLES, Package, xml_parser
from .plain import texts
from .readback import check_readback
from .render import environment, patch, render, template_error, text_parts
from .specimen import HOSTILE, specimen
from .template_looks import missing_styles
from .toc import NOTE_STYLE, Contents, paragraph_text, w

_FULL_WIDTH: Final = re.compile(r"[｛{][｛{%％]|[%％}｝][}｝]|\{％")
_HALF_WIDTH: Final = re.compile(r"\{\{|\}\}|\{%|%\}")
_ACTIVE: Final = ("vbaProject", "/embeddings/", "/activeX/", "attachedTemplate")
_TRIALS: Final = (("样例数据", "示例文字", False), ("异常数据", HOSTILE, False), ("空数据", "", True))


def lint_template(template: bytes, *, where: str = "模板") -> tuple[Finding, ...]:
    """Return what is wrong with a template; nothing found means that it can be used."""
    try:
        package = Package.open(template, where=where)
    except ReportError as exc:
        return (Finding("not_docx", exc.message, where),)
    findings = [
        *_dangers(package),
        *_tags(package),
        *_layout(package),
        *_grid(package),
        *missing_styles(package),
    ]
    findings += [one for one in structure(package) if not one.code.startswith(("row_", "cell_width"))]
    if any(one.serious for one in findings):
        return tuple(findings)
    return (*findings, *_trials(template, where))


def _dangers(package: Package) -> Iterator[Finding]:
    for name, data in package.members.items():
        if any(one in name for one in _ACTIVE):
            yield Finding("active_content", "含宏、控件或嵌入对象", name)
        if name.endswith(".rels") and b'TargetMode="External"' in data:
            yield Finding("external", "引用外部文件或网址", name)


def _tags(package: Package) -> Iterator[Finding]:
    known = specimen("示例")[0]
    env = environment(len)
    for name in text_parts(package):
        source = patch(package.members[name])
        yield from (
            Finding("full_width_tag", f"标签用了全角括号：{one}", name) for one in _full_width(package, name)
        )
        try:
            asked = meta.find_undeclared_variables(env.parse(source))
        except TemplateError as exc:
            yield Finding("syntax", template_error(exc, source, name).message, name)
            continue
        for one in sorted(asked - set(known)):
            yield Finding("unknown_name", f"没有名为 {one} 的数据；可用：{'、'.join(known)}", name)


def _full_width(package: Package, name: str) -> Iterator[str]:
    root = etree.fromstring(package.members[name], xml_parser())
    for paragraph in root.iter(w("p")):
        for match in _FULL_WIDTH.finditer(_HALF_WIDTH.sub("", paragraph_text(paragraph))):
            yield match.group()


def _layout(package: Package) -> Iterator[Finding]:
    root = etree.fromstring(package.members[DOCUMENT], xml_parser())
    styles = etree.fromstring(package.members[STYLES], xml_parser())
    exact = {
        str(style.get(w("styleId")))
        for style in styles.iter(w("style"))
        for spacing in style.iter(w("spacing"))
        if spacing.get(w("lineRule")) == "exact"
    }
    for paragraph in root.iter(w("p")):
        if "picture" in paragraph_text(paragraph) and _is_exact(paragraph, exact):
            yield Finding("picture_cropped", "图片所在段落是固定行距，图片会被裁成一条", DOCUMENT)
    contents = Contents(package)
    if not contents.present:
        yield Finding("no_contents", "没有目录域（TOC）", DOCUMENT)
    if not contents.headings:
        yield Finding("no_headings", "没有带大纲级别的标题，目录将为空", DOCUMENT)
    if not any(one.get(w("val")) == NOTE_STYLE for one in root.iter(w("pStyle"))):
        yield Finding("no_contents_note", f"目录后缺少样式为 {NOTE_STYLE} 的段落，无法注明页码来由", DOCUMENT)


def _grid(package: Package) -> Iterator[Finding]:
    """Yield a warning where the document grid would stretch the lines of tables."""
    root = etree.fromstring(package.members[DOCUMENT], xml_parser())
    styles = etree.fromstring(package.members[STYLES], xml_parser())
    free = {
        str(style.get(w("styleId")))
        for style in styles.iter(w("style"))
        for snap in style.iter(w("snapToGrid"))
        if snap.get(w("val")) in ("0", "false", "off")
    }
    if not any(one.get(w("type")) not in (None, "default") for one in root.iter(w("docGrid"))):
        return
    used = {str(style.get(w("val"))) for table in root.iter(w("tbl")) for style in table.iter(w("pStyle"))}
    bound = sorted(used - free)
    if bound:
        words = "文档网格会拉长表格各行，页数大增；在这些样式中去掉“对齐到网格”"
        yield Finding("grid_stretches_tables", f"{words}：{'、'.join(bound)}", DOCUMENT, serious=False)


def _is_exact(paragraph: etree._Element, exact: set[str]) -> bool:
    own = paragraph.find(f"{w('pPr')}/{w('spacing')}")
    if own is not None and own.get(w("lineRule")) is not None:
        return own.get(w("lineRule")) == "exact"
    style = paragraph.find(f"{w('pPr')}/{w('pStyle')}")
    return (style.get(w("val"), "") if style is not None else "Normal") in exact


def _trials(template: bytes, where: str) -> Iterator[Finding]:
    for name, text, empty in _TRIALS:
        data, pictures = specimen(text, empty=empty)
        try:
            package = render(template, data, pictures, where=where)
            Contents(package).write({}, "试填")
            docx = package.write()
            check_readback(docx, data)
        except ReportError as exc:
            yield Finding("trial", f"{name}：{exc.message}", exc.where or where)
            continue
        for one in lint_docx(docx, printed=texts(data)):
            yield Finding(one.code, f"{name}：{one.message}", one.where)
