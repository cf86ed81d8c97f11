"""The members of a .docx in memory: read with bounds, given pictures, written byte for byte the same."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from ..errors import ReportError

DOCUMENT: Final = "word/document.xml"
STYLES: Final = "word/styles.xml"
_TYPES: Final = "[Content_Types].xml"
_RELS: Final = "word/_rels/document.xml.rels"
_CORE: Final = "docProps/core.xml"
_PACKAGE_RELS: Final = "_rels/.rels"
_CORE_RELATION: Final = (
    "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
)
_CORE_TYPE: Final = "application/vnd.openxmlformats-package.core-properties+xml"
_IMAGE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
_TYPES_NS: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELS_NS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
TEMPLATE_MAX_BYTES: Final = 64 * 1024 * 1024
REPORT_MAX_BYTES: Final = 2 * 1024 * 1024 * 1024
_MAX_MEMBERS: Final = 10_000
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif"}


def xml_parser() -> etree.XMLParser:
    """Return a parser that repairs nothing, expands no entity and fetches nothing."""
    return etree.XMLParser(recover=False, resolve_entities=False, no_network=True, huge_tree=True)


@dataclass(frozen=True)
class Properties:
    """What the file says of itself; times are written in UTC."""

    title: str
    subject: str
    author: str
    made_at: datetime

    def xml(self) -> bytes:
        """Return `docProps/core.xml`."""
        stamp = self.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        author = escape(self.author)
        text = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            "<cp:coreProperties"
            ' xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
            ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
            ' xmlns:dcmitype="http://purl.org/dc/dcmitype/"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f"<dc:title>{escape(self.title)}</dc:title><dc:subject>{escape(self.subject)}</dc:subject>"
            f"<dc:creator>{author}</dc:creator><cp:keywords></cp:keywords><dc:description></dc:description>"
            f"<cp:lastModifiedBy>{author}</cp:lastModifiedBy><cp:revision>1</cp:revision>"
            f'<dcterms:created xsi:type="dcterms:W3CDTF">{stamp}</dcterms:created>'
            f'<dcterms:modified xsi:type="dcterms:W3CDTF">{stamp}</dcterms:modified>'
            "<dc:language>zh-CN</dc:language></cp:coreProperties>"
        )
        return text.encode()


class Package:
    """A .docx taken apart; pictures are registered once per content, in constant time."""

    def __init__(self, members: Mapping[str, bytes]) -> None:
        self.members = dict(members)
        self._pictures: dict[str, str] = {}
        self._new: list[tuple[str, str, str]] = []

    @classmethod
    def open(cls, data: bytes, *, where: str = "", max_bytes: int = TEMPLATE_MAX_BYTES) -> Package:
        """Read a .docx.

        Raises:
            ReportError: not a .docx, too large, or members that are double.

        """
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _refuse_bombs(archive.infolist(), max_bytes, where)
                members = {one.filename: archive.read(one) for one in archive.infolist()}
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, NotImplementedError) as exc:
            raise ReportError(
                "不是有效的 .docx 文件", where=where, cure="用 Word 另存为 .docx 后重试"
            ) from exc
        if any(one not in members for one in (DOCUMENT, STYLES, _TYPES, _RELS, _PACKAGE_RELS)):
            raise ReportError("不是 Word 文档", where=where, cure="用 Word 另存为 .docx 后重试")
        return cls(members)

    def add_picture(self, digest: str, data: bytes, content_type: str) -> str:
        """Return the relationship id of a picture; the same `digest` gets the same one."""
        known = self._pictures.get(digest)
        if known is not None:
            return known
        extension = _EXTENSIONS[content_type]
        number = len(self._pictures) + 1
        key, name = f"rIdPic{number}", f"media/evidence{number}.{extension}"
        self._pictures[digest] = key
        self.members[f"word/{name}"] = data
        self._new.append((key, name, extension))
        return key

    def set_properties(self, properties: Properties) -> None:
        """Replace the core properties; where the template has none they are declared."""
        if _CORE not in self.members:
            relation = {"Id": "rIdCore", "Type": _CORE_RELATION, "Target": _CORE}
            override = {"PartName": f"/{_CORE}", "ContentType": _CORE_TYPE}
            self._append(_PACKAGE_RELS, f"{{{_RELS_NS}}}Relationship", relation)
            self._append(_TYPES, f"{{{_TYPES_NS}}}Override", override)
        self.members[_CORE] = properties.xml()

    def attach(self, name: str, data: bytes, relation: str) -> None:
        """Add a part beside the document, with a relation of that type from it."""
        self.members[name] = data
        target = posixpath.relpath(name, posixpath.dirname(DOCUMENT))
        key = f"rId{posixpath.basename(name).partition('.')[0].capitalize()}"
        self._append(_RELS, f"{{{_RELS_NS}}}Relationship", {"Id": key, "Type": relation, "Target": target})

    def declare(self, name: str, content_type: str) -> None:
        """Name the content type of a part that its extension does not tell."""
        override = {"PartName": f"/{name}", "ContentType": content_type}
        self._append(_TYPES, f"{{{_TYPES_NS}}}Override", override)

    def parts(self, prefix: str) -> list[str]:
        """Return the names of members such as `word/header1.xml` that begin with `prefix`."""
        return sorted(one for one in self.members if one.startswith(prefix) and one.endswith(".xml"))

    def write(self) -> bytes:
        """Return the .docx; equal members give equal bytes."""
        self._register()
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name in sorted(self.members, key=lambda one: (one != _TYPES, one != _PACKAGE_RELS, one)):
                info = zipfile.ZipInfo(name, _EPOCH)
                info.create_system = 0
                # Pictures are compressed already; deflating them again costs most of the time of saving.
                stored = name.startswith("word/media/")
                info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                archive.writestr(info, self.members[name])
        return out.getvalue()

    def _append(self, name: str, tag: str, attributes: dict[str, str]) -> None:
        root = etree.fromstring(self.members[name], xml_parser())
        etree.SubElement(root, tag, attributes)
        self.members[name] = _to_bytes(root)

    def _register(self) -> None:
        if not self._new:
            return
        rels = etree.fromstring(self.members[_RELS], xml_parser())
        types = etree.fromstring(self.members[_TYPES], xml_parser())
        known = {one.get("Extension", "").lower() for one in types.iter(f"{{{_TYPES_NS}}}Default")}
        for key, name, extension in self._new:
            etree.SubElement(rels, f"{{{_RELS_NS}}}Relationship", Id=key, Type=_IMAGE, Target=name)
            if extension not in known:
                known.add(extension)
                default = etree.Element(f"{{{_TYPES_NS}}}Default")
                default.set("Extension", extension)
                default.set("ContentType", f"image/{extension}")
                types.insert(0, default)
        self._new.clear()
        self.members[_RELS] = _to_bytes(rels)
        self.members[_TYPES] = _to_bytes(types)


def _to_bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _refuse_bombs(members: Iterable[zipfile.ZipInfo], max_bytes: int, where: str) -> None:
    listed = list(members)
    names = [one.filename for one in listed]
    if len(names) != len(set(names)):
        raise ReportError("文档内有重名部件", where=where, cure="用 Word 另存为 .docx 后重试")
    if len(listed) > _MAX_MEMBERS or sum(one.file_size for one in listed) > max_bytes:
        raise ReportError("文档解压后过大", where=where, cure="确认模板来源，去掉其中的大图")


def resolve(base: str, target: str) -> str:
    """Return the member that a relationship of the part `base` points to."""
    if target.startswith("/"):
        return target.lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), target))
