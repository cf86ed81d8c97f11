"""A .docx is read with bounds and written byte for byte the same."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import UTC, datetime

import pytest
from docx import Document
from lxml import etree

from dengbao.errors import ReportError
from dengbao.report.lint import lint_docx
from dengbao.report.package import DOCUMENT, Package, Properties
from tests.report.test_pictures import encoded
from tests.report.words import added, filled, template

PROPERTIES = Properties(
    title="测试报告 <&>", subject="LT-1", author="张三", made_at=datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
)


def test_equal_members_give_equal_bytes() -> None:
    packages = [Package.open(template("甲", "乙")) for _ in range(2)]
    for one in packages:
        one.add_picture("a", encoded("PNG"), "image/png")
        one.set_properties(PROPERTIES)
    assert packages[0].write() == packages[1].write() == packages[0].write()


def test_core_properties_name_the_report_and_never_the_library() -> None:
    package = Package.open(template("甲"))
    package.set_properties(PROPERTIES)
    docx = package.write()
    # Read without python-docx: docxtpl loads docxcompose, which redefines the `cp` prefix for it.
    core = etree.fromstring(zipfile.ZipFile(io.BytesIO(docx)).read("docProps/core.xml"))
    said = {etree.QName(one).localname: one.text for one in core}
    assert said["title"] == "测试报告 <&>"
    assert said["subject"] == "LT-1"
    assert said["creator"] == said["lastModifiedBy"] == "张三"
    assert said["created"] == said["modified"] == "2026-03-02T01:00:00Z"
    assert not said["description"]
    assert lint_docx(docx) == ()
    assert b"python-docx" not in b"".join(package.members.values())


def test_core_properties_are_declared_where_a_template_has_none() -> None:
    package = Package.open(template("甲"))
    del package.members["docProps/core.xml"]
    for name, old in (("_rels/.rels", b"core-properties"), ("[Content_Types].xml", b"core-properties")):
        root = etree.fromstring(package.members[name])
        for one in [one for one in root if old in etree.tostring(one)]:
            root.remove(one)
        package.members[name] = etree.tostring(root)
    package.set_properties(PROPERTIES)
    docx = package.write()
    assert Document(io.BytesIO(docx)).core_properties.title == "测试报告 <&>"


def test_pictures_of_every_kind_are_declared_and_found() -> None:
    package = Package.open(template("甲"))
    for kind in ("PNG", "JPEG", "GIF"):
        package.add_picture(kind, encoded(kind), f"image/{kind.lower()}")
    docx = package.write()
    assert lint_docx(docx) == ()
    types = zipfile.ZipFile(io.BytesIO(docx)).read("[Content_Types].xml")
    assert all(f'Extension="{kind}"'.encode() in types for kind in ("png", "jpeg", "gif"))


def test_registering_pictures_takes_constant_time_each() -> None:
    package = Package.open(template("甲"))

    def register(first: int, count: int) -> float:
        begun = time.perf_counter()
        for number in range(first, first + count):
            package.add_picture(str(number), b"x", "image/png")
        return time.perf_counter() - begun

    register(0, 10)
    early = min(register(10 + 200 * n, 200) for n in range(3))
    register(1000, 20_000)
    late = min(register(30_000 + 200 * n, 200) for n in range(3))
    assert late < early * 20


def test_double_members_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        source = added(template("甲"), DOCUMENT, b"<x/>")
    with pytest.raises(ReportError, match="重名"):
        Package.open(source)


def test_a_zip_bomb_is_refused_unread() -> None:
    source = added(template("甲"), "word/media/x.png", b"")
    out = io.BytesIO(source)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/big.bin", b"\0" * (65 * 1024 * 1024))
    with pytest.raises(ReportError, match="过大"):
        Package.open(out.getvalue())


def test_entities_are_neither_expanded_nor_fetched() -> None:
    package = Package.open(template("甲"))
    package.members[DOCUMENT] = (
        b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body><w:p><w:r><w:t>&x;</w:t></w:r></w:p></w:body></w:document>"
    )
    with pytest.raises(ReportError, match="XML"):
        filled(package.write(), {})
