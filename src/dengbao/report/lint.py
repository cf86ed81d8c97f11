"""The structure of a .docx: faults that make Word refuse or mangle a file while LibreOffice says nothing.

It sees structure only. Whether a page looks right has to be looked at.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ..errors import ReportError
from .package import REPORT_MAX_BYTES, Package, resolve, xml_parser
from .render import WP
from .toc import paragraph_text, w

_RELS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONSHIP: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_TAGS: Final = re.compile(
    r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|｛｛.*?｝｝|｛%.*?%｝|[｛{][｛{%％]|[%％}｝][}｝]"
)
_STORIES: Final = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes)\.xml$")


@dataclass(frozen=True)
class Finding:
    """A fault: permanent `code`, Chinese `message`, the member it is in; not `serious` is a warning."""

    code: str
    message: str
    where: str
    serious: bool = True

    def __str__(self) -> str:
        """Return place and message."""
        return f"{self.where}：{self.message}"


def lint_docx(docx: bytes, *, printed: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Return the structural faults of a .docx; `printed` holds data that may look like template tags."""
    doubles = _double_members(docx)
    if doubles:
        return doubles
    try:
        package = Package.open(docx, max_bytes=REPORT_MAX_BYTES)
    except ReportError as exc:
        return (Finding("not_docx", exc.message, "文件"),)
    return lint_package(package, printed=printed)


def lint_package(package: Package, *, printed: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Return the same of a .docx that was opened already; members that are double were refused then."""
    return (*structure(package), *_leftover_tags(package, "\n".join(printed)))


def structure(package: Package) -> Iterator[Finding]:
    """Yield the faults that do not depend on what is printed."""
    yield from _broken_targets(package)
    for name in _stories(package):
        try:
            root = etree.fromstring(package.members[name], xml_parser())
        except etree.XMLSyntaxError as exc:
            yield Finding("not_xml", f"不是合法的 XML：{exc.msg}", name)
            continue
        for look in _LOOKS:
            yield from (Finding(code, message, name) for code, message in look(root))
        yield from (Finding("dangling_relation", text, name) for text in _dangling(root, package, name))


def _stories(package: Package) -> list[str]:
    return [name for name in package.members if _STORIES.match(name)]


def _leftover_tags(package: Package, printed: str) -> Iterator[Finding]:
    for name in _stories(package):
        try:
            root = etree.fromstring(package.members[name], xml_parser())
        except etree.XMLSyntaxError:  # told already
            continue
        yield from (Finding("leftover_tag", text, name) for text in _leftovers(root, printed))


def _double_members(docx: bytes) -> tuple[Finding, ...]:
    try:
        with zipfile.ZipFile(io.BytesIO(docx)) as archive:
            names = Counter(archive.namelist())
    except zipfile.BadZipFile:
        return (Finding("not_docx", "不是有效的 .docx 文件", "文件"),)
    return tuple(Finding("double_member", "部件重名", one) for one, count in names.items() if count > 1)


def _relations(package: Package, part: str) -> dict[str, etree._Element]:
    folder, _, name = part.rpartition("/")
    data = package.members.get(f"{folder}/_rels/{name}.rels")
    if data is None:
        return {}
    return {one.get("Id", ""): one for one in etree.fromstring(data, xml_parser()).iter(_RELATIONSHIP)}


def _broken_targets(package: Package) -> Iterator[Finding]:
    for name in _stories(package):
        for key, relation in _relations(package, name).items():
            target = relation.get("Target", "")
            if relation.get("TargetMode") != "External" and resolve(name, target) not in package.members:
                yield Finding("dangling_relation", f"关系 {key} 指向不存在的部件 {target}", name)


def _dangling(root: etree._Element, package: Package, part: str) -> Iterator[str]:
    known = _relations(package, part)
    for element in root.iter():
        for name, value in element.attrib.items():
            if str(name).startswith(f"{{{_RELS}}}") and str(value) not in known:
                yield f"引用了不存在的关系 {value!s}"


Look = Callable[[etree._Element], Iterator[tuple[str, str]]]  # noqa: SLF001 - the stubs name it so


def _cells_without_end(root: etree._Element) -> Iterator[tuple[str, str]]:
    for cell in root.iter(w("tc")):
        children = [one for one in cell if one.tag != w("tcPr")]
        if not children or children[-1].tag != w("p"):
            yield "cell_end", "单元格不以段落结尾"


def _tables(root: etree._Element) -> Iterator[tuple[str, str]]:
    for table in root.iter(w("tbl")):
        rows = table.findall(w("tr"))
        if not rows:
            yield "empty_table", "表格没有行"
            continue
        grid = [int(one.get(w("w"), "0")) for one in table.findall(f"{w('tblGrid')}/{w('gridCol')}")]
        for row in rows:
            yield from _row(row, grid)


def _row(row: etree._Element, grid: list[int]) -> Iterator[tuple[str, str]]:
    cells = row.findall(w("tc"))
    if not cells:
        yield "empty_row", "表格行没有单元格"
        return
    spans = [_number(cell, "gridSpan", "val", 1) for cell in cells]
    if sum(spans) != len(grid):
        yield "row_columns", f"行占 {sum(spans)} 列，表格有 {len(grid)} 列"
        return
    column = 0
    for cell, span in zip(cells, spans, strict=True):
        wanted = sum(grid[column : column + span])
        given = _number(cell, "tcW", "w", wanted)
        if abs(given - wanted) > 2:
            yield "cell_width", f"单元格宽 {given}，表格网格为 {wanted}"
        column += span


def _number(cell: etree._Element, name: str, attribute: str, default: int) -> int:
    found = cell.find(f"{w('tcPr')}/{w(name)}")
    return default if found is None else int(found.get(w(attribute), str(default)))


def _double_ids(root: etree._Element) -> Iterator[tuple[str, str]]:
    for code, tag, key, words in (
        ("double_drawing_id", f"{{{WP}}}docPr", "id", "图形编号"),
        ("double_bookmark_id", w("bookmarkStart"), w("id"), "书签编号"),
        ("double_bookmark_name", w("bookmarkStart"), w("name"), "书签名"),
    ):
        counted = Counter(str(one.get(key)) for one in root.iter(tag))
        for value, count in counted.items():
            if count > 1:
                yield code, f"{words} {value} 重复 {count} 次"


def _fields(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Follow complex fields through the text; each needs begin, separate, a cached text and end."""
    open_: list[list[object]] = []  # instruction, separated, cached
    for element in root.iter(w("fldChar"), w("instrText"), w("t")):
        if element.tag == w("instrText") and open_:
            open_[-1][0] = f"{open_[-1][0]}{element.text or ''}"
        elif element.tag == w("t") and open_ and (element.text or ""):
            for one in open_:
                one[2] = one[2] or one[1]
        elif element.tag == w("fldChar"):
            yield from _field_mark(element.get(w("fldCharType"), ""), open_)
    for one in open_:
        yield "field_open", f"域 {str(one[0]).strip()} 没有结束"


def _field_mark(kind: str, open_: list[list[object]]) -> Iterator[tuple[str, str]]:
    if kind == "begin":
        open_.append(["", False, False])
    elif not open_:
        yield "field_open", "域没有开始"
    elif kind == "separate":
        open_[-1][1] = True
    elif kind == "end":
        instruction, separated, cached = open_.pop()
        name = str(instruction).strip()
        if not (separated and cached):
            yield "field_uncached", f"域 {name} 没有缓存值，Word 会报“无法读取的内容”"
        if name.split()[:1] == ["SECTIONPAGES"]:
            yield "field_unsupported", "SECTIONPAGES 在 LibreOffice 中不更新，改用 PAGEREF"


def _leftovers(root: etree._Element, printed: str) -> Iterator[str]:
    for paragraph in root.iter(w("p")):
        for match in _TAGS.finditer(paragraph_text(paragraph)):
            if match.group() not in printed:
                yield f"残留模板标签 {match.group()[:60]}"


def _references(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the references to marks that are nowhere: when fields are updated, an error stands there."""
    known = {one.get(w("name")) for one in root.iter(w("bookmarkStart"))}
    for element in root.iter(w("instrText")):
        words = (element.text or "").split()
        if len(words) > 1 and words[0] == "REF" and words[1] not in known:
            yield "dangling_reference", f"交叉引用 {words[1]} 没有对应的书签"


_LOOKS: Final[tuple[Look, ...]] = (_cells_without_end, _tables, _double_ids, _fields, _references)
