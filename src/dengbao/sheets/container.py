"""Opens an .xlsx that came from elsewhere: every part bounded, nothing active, nothing outside.

What is checked is what is read: the file is taken into memory once. Nothing is ever written to it.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from lxml import etree

from ..errors import EvidenceError
from ..evidence.attached import MAX_FILE_BYTES, read_blocks

MAX_MEMBERS: Final = 4000
MAX_XML_BYTES: Final = 32 * 1024 * 1024
MAX_XML_TOTAL_BYTES: Final = 96 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 512 * 1024 * 1024
_RATIO: Final = 200
_RATIO_FROM: Final = 4 * 1024 * 1024
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCODING: Final = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([^"']*)["']""")
# What no reader takes for XML; whatever else a part is called, it is looked at as XML.
_BINARY: Final = re.compile(r"(?i)\.(?:png|jpe?g|gif|bmp|tiff?|webp|emf|wmf|wdp|svg|bin)$|/$")
_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONSHIP: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_AGAIN: Final = "在 Excel、WPS 中另存为 .xlsx 后重试"
# What a member's name tells: something that runs, or that draws from elsewhere.
_ACTIVE: Final = (
    ("vbaproject", "含有宏"), ("macrosheets/", "含有宏表"), ("dialogsheets/", "含有对话框表"),
    ("activex/", "含有 ActiveX 控件"), ("externallinks/", "含有指向其他工作簿的外部链接"),
    ("connections.xml", "含有外部数据连接"), ("querytables/", "含有外部数据查询"),
    ("embeddings/", "含有嵌入对象"), ("customui/", "含有自定义界面"),
    ("workbook.bin", "是二进制工作簿（.xlsb）"),
)  # fmt: skip


@dataclass(frozen=True)
class Relation:
    """What a part refers to: kind (last word of its type) and the other part's name."""

    kind: str
    target: str


class Container:
    """The parts of a workbook that has been found harmless."""

    def __init__(self, path: Path, data: bytes, archive: zipfile.ZipFile) -> None:
        self.path = path
        self.data = data
        self._archive = archive
        self._relations: dict[str, dict[str, Relation]] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of all parts."""
        return frozenset(self._archive.namelist())

    def read(self, name: str) -> bytes:
        """Return a part.

        Raises:
            EvidenceError: it is not there or damaged.

        """
        try:
            return self._archive.read(name)
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as exc:
            raise refusal(self.path, f"缺少部件或已损坏（{name[:80]}）", _AGAIN) from exc

    def tree(self, name: str) -> etree._Element:
        """Return an XML part.

        Raises:
            EvidenceError: it is not there, damaged, or not XML.

        """
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            return etree.fromstring(self.read(name), parser)
        except etree.XMLSyntaxError as exc:
            raise refusal(self.path, f"部件不是有效的 XML（{name[:80]}）", _AGAIN) from exc

    def relations(self, part: str) -> Mapping[str, Relation]:
        """Return id → what `part` refers to inside the workbook; nothing where it refers to nothing."""
        if part not in self._relations:
            self._relations[part] = self._read_relations(part)
        return self._relations[part]

    def _read_relations(self, part: str) -> dict[str, Relation]:
        folder, _, base = part.rpartition("/")
        name = f"{folder}/_rels/{base}.rels"
        if name not in self.names:
            return {}
        found: dict[str, Relation] = {}
        for one in self.tree(name).iter(_RELATIONSHIP):
            if one.get("TargetMode") != "External":
                target = one.get("Target", "")
                whole = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
                kind = one.get("Type", "").rpartition("/")[2]
                found[one.get("Id", "")] = Relation(kind, posixpath.normpath(whole))
        return found


def refusal(path: Path, message: str, cure: str) -> EvidenceError:
    """Return the error that refuses a whole file."""
    return EvidenceError(message, where=str(path), cure=cure)


def open_container(path: Path) -> Container:
    """Return a workbook's parts once nothing in it is active, outside or without bound.

    Raises:
        EvidenceError: not an .xlsx, encrypted, damaged, too big, or with macros, links or entities.

    """
    data = _bytes(path)
    _refuse_kind(path, data)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as exc:
        raise refusal(path, "不是有效的 .xlsx，或已残缺", _AGAIN) from exc
    container = Container(path, data, archive)
    for fault in _faults(archive):
        raise refusal(path, fault, _AGAIN)
    if _WORKBOOK not in container.names or "[Content_Types].xml" not in container.names:
        raise refusal(path, "是 zip，但不是 Excel 工作簿", "用 dengbao evidence export-xlsx 导出的表填写")
    for name in sorted(container.names):
        if not _BINARY.search(name):
            _refuse_xml(path, name, container.read(name))
    if b"macroenabled" in container.read("[Content_Types].xml").lower():
        raise refusal(path, "是带宏的工作簿", _AGAIN)
    for name in sorted(one for one in container.names if one.lower().endswith(".rels")):
        _refuse_outside(container, name)
    return container


def _bytes(path: Path) -> bytes:
    parts: list[bytes] = []
    size = 0
    for block in read_blocks(path):
        size += len(block)
        if size > MAX_FILE_BYTES:
            raise refusal(
                path, f"文件超过 {MAX_FILE_BYTES // 1024 // 1024} MB", "压缩图片，或分成几个文件填写"
            )
        parts.append(block)
    return b"".join(parts)


def _refuse_kind(path: Path, data: bytes) -> None:
    suffix = path.suffix.lower()
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise refusal(path, "工作簿已加密（设有打开密码），无法读取", "取消打开密码后另存为 .xlsx")
        raise refusal(path, "是旧格式 .xls，不能读取", _AGAIN)
    if suffix in (".xls", ".et"):
        raise refusal(path, f"是 {suffix} 格式，不能读取", _AGAIN)
    if suffix in (".xlsm", ".xltm", ".xlam"):
        raise refusal(path, f"是带宏的工作簿（{suffix}），不接受", _AGAIN)
    if suffix != ".xlsx":
        raise refusal(path, "不是 .xlsx 文件", "用 dengbao evidence export-xlsx 导出的表填写")


def _faults(archive: zipfile.ZipFile) -> Iterator[str]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        yield f"内含部件超过 {MAX_MEMBERS} 个"
    seen: set[str] = set()
    for one in members:
        if fault := _member_fault(one, seen):
            yield f"{fault}（{one.filename[:80]}）"
        seen.add(one.filename.casefold())
    if sum(one.file_size for one in members) > MAX_TOTAL_BYTES:
        yield "解开后过大，疑为压缩炸弹"
    if sum(one.file_size for one in members if not _is_media(one)) > MAX_XML_TOTAL_BYTES:
        yield "解开后过大，疑为压缩炸弹"


def _is_media(one: zipfile.ZipInfo) -> bool:
    return _BINARY.search(one.filename) is not None


def _member_fault(one: zipfile.ZipInfo, seen: set[str]) -> str:
    name = one.filename.lower()
    for word, message in _ACTIVE:
        if word in name:
            return message
    steep = one.file_size > _RATIO_FROM and one.file_size > _RATIO * max(1, one.compress_size)
    reasons = (
        (one.filename.casefold() in seen, "部件重名"),
        (
            one.orig_filename != one.filename or ".." in name.split("/") or name.startswith("/"),
            "部件名不合规则",
        ),
        (bool(one.flag_bits & 0x1), "部件已加密"),
        (not _is_media(one) and one.file_size > MAX_XML_BYTES, "部件过大，疑为压缩炸弹"),
        (steep, "压缩比异常，疑为压缩炸弹"),
    )
    return next((why for met, why in reasons if met), "")


def _refuse_xml(path: Path, name: str, data: bytes) -> None:
    # A parser obeys the declared encoding, so another one could hide what is searched for here.
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf")[:300])
    other = declared is not None and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii")
    if other or b"\x00" in data[:4096]:
        raise refusal(path, f"部件不是 UTF-8 编码（{name[:80]}）", _AGAIN)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise refusal(path, f"部件含有 XML 实体或 DTD（{name[:80]}），不接受", _AGAIN)


def _refuse_outside(container: Container, name: str) -> None:
    for one in container.tree(name).iter(_RELATIONSHIP):
        # A spreadsheet makes a hyperlink of every address that is typed; it is followed by a click only.
        if one.get("TargetMode") == "External" and not one.get("Type", "").endswith("/hyperlink"):
            raise refusal(
                container.path,
                f"含有外部链接（{one.get('Target', '')[:80]}）",
                "断开链接，图片改为插入本身",
            )
