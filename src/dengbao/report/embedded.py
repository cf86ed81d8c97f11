"""The printed data inside the .docx itself, so that a report that comes alone can be held against it.

A custom XML part, which Word and LibreOffice keep when they save the document: the canonical JSON of all that
was printed. The SHA-256 of its text is the content digest on the 签章页, which the QR code there signs.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ..errors import ReportError
from .package import Package, xml_parser
from .plain import Plain, canonical

_NAMESPACE: Final = "urn:dengbao:report:1"
_ROOT: Final = f"{{{_NAMESPACE}}}report"
_DATA: Final = f"{{{_NAMESPACE}}}data"
_ITEM: Final = "http://schemas.openxmlformats.org/officeDocument/2006/customXml"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PROPERTIES_TYPE: Final = "application/vnd.openxmlformats-officedocument.customXmlProperties+xml"
_RELS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_HEAD: Final = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_LIMIT_BYTES: Final = 256 * 1024 * 1024
_ADDED: Final = ("content_sha256", "content_prefix")


@dataclass(frozen=True)
class Embedded:
    """What a report carries of itself; nothing is believed of it yet.

    `text` is the data's canonical JSON, `content_sha256` its digest computed anew; `suite` names the edition,
    `template_sha256` the template that was filled, `mark` is the text of the QR code.
    """

    suite: str
    template_sha256: str
    mark: str
    text: str

    @property
    def content_sha256(self) -> str:
        """Return the digest of the data as they stand."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def data(self) -> dict[str, Plain]:
        """Return what a template may print, with the digest and the code.

        Raises:
            ReportError: not the data of a report.

        """
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError) as exc:
            raise _damaged() from exc
        if not isinstance(found, dict) or not isinstance(found.get("report"), dict):
            raise _damaged()
        sha256 = self.content_sha256
        found["report"] |= {"content_sha256": sha256, "content_prefix": sha256[:16]}
        found["mark"] = {"text": self.mark, "picture": hashlib.sha256(self.mark.encode()).hexdigest()}
        return found


def _damaged() -> ReportError:
    return ReportError("报告所载数据已损坏", cure="向出具人索取原件，或凭封存包核验（--packet）")


def carried(data: Mapping[str, Plain], suite: str, template: bytes) -> Embedded:
    """Return what a report made of `data` carries: all of it but the digest and the code that tells it."""
    report, mark = data["report"], data.get("mark")
    if not isinstance(report, dict):
        raise TypeError("report data is a mapping")
    kept = {key: value for key, value in data.items() if key != "mark"}
    kept["report"] = {key: value for key, value in report.items() if key not in _ADDED}
    return Embedded(
        suite=suite,
        template_sha256=hashlib.sha256(template).hexdigest(),
        mark=str(mark["text"]) if isinstance(mark, dict) else "",
        text=canonical(kept),
    )


def embed(package: Package, carried_data: Embedded) -> None:
    """Put the data into the document; the same data give the same bytes."""
    root = etree.fromstring(f'<report xmlns="{_NAMESPACE}"/>')
    root.set("suite", carried_data.suite)
    root.set("template", carried_data.template_sha256)
    root.set("mark", carried_data.mark)
    etree.SubElement(root, _DATA).text = carried_data.text
    name = _free(package)
    number = name.removeprefix("customXml/item").removesuffix(".xml")
    properties = f"customXml/itemProps{number}.xml"
    package.attach(name, _HEAD + etree.tostring(root), f"{_OFFICE}/customXml")
    package.members[properties] = _properties(carried_data)
    package.members[f"customXml/_rels/item{number}.xml.rels"] = _relation(f"itemProps{number}.xml")
    package.declare(properties, _PROPERTIES_TYPE)


def _free(package: Package) -> str:
    """Return a name for the part that no part of the template bears."""
    number = 1
    while f"customXml/item{number}.xml" in package.members:
        number += 1
    return f"customXml/item{number}.xml"


def _properties(one: Embedded) -> bytes:
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{_NAMESPACE}:{one.content_sha256}")).upper()
    return (
        _HEAD
        + (
            f'<ds:datastoreItem ds:itemID="{{{identity}}}" xmlns:ds="{_ITEM}"><ds:schemaRefs>'
            f'<ds:schemaRef ds:uri="{_NAMESPACE}"/></ds:schemaRefs></ds:datastoreItem>'
        ).encode()
    )


def _relation(target: str) -> bytes:
    return (
        _HEAD
        + (
            f'<Relationships xmlns="{_RELS}"><Relationship Id="rId1" Type="{_OFFICE}/customXmlProps"'
            f' Target="{target}"/></Relationships>'
        ).encode()
    )


def read_embedded(package: Package) -> Embedded | None:
    """Return what a document carries, None where it carries nothing; nothing of it is verified.

    Raises:
        ReportError: it carries several, or what it carries cannot be read.

    """
    found = list(_parts(package))
    if len(found) > 1:
        raise ReportError("报告内有多份所载数据", cure="向出具人索取原件")
    if not found:
        return None
    [root] = found
    data = root.findall(_DATA)
    if len(data) != 1 or len(data[0]):
        raise _damaged()
    return Embedded(
        suite=root.get("suite", ""), template_sha256=root.get("template", ""), mark=root.get("mark", ""),
        text=data[0].text or "",
    )  # fmt: skip


def _parts(package: Package) -> Iterator[etree._Element]:
    for name in package.parts("customXml/"):
        data = package.members[name]
        if len(data) > _LIMIT_BYTES or _NAMESPACE.encode() not in data:
            continue
        try:
            root = etree.fromstring(data, xml_parser())
        except etree.XMLSyntaxError as exc:
            raise _damaged() from exc
        if root.tag == _ROOT:
            yield root
