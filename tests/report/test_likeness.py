"""A report that LibreOffice opened and saved is the same; one that was altered is told, and where."""

from __future__ import annotations

import copy
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree
from PIL import Image

from dengbao.engines import find_engines
from dengbao.report import write_report
from dengbao.report.likeness import Unlike, compare_reports, compare_sheets
from dengbao.report.package import DOCUMENT, Package, xml_parser
from dengbao.report.reread import Sheet, read_sheet
from dengbao.report.toc import paragraph_text, w

from .example import example, suite

Root = etree._Element


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("likeness")
    given = example(folder / "evidence", pictures=3)
    return write_report(given, folder / "report.docx", final=True).docx.read_bytes()


def through_office(data: bytes, folder: Path, *forms: str) -> bytes:
    """Open and save a document with real LibreOffice, in one form after the other."""
    source = folder / "in.docx"
    source.write_bytes(data)
    for number, form in enumerate(forms):
        out = folder / f"out{number}"
        command = [
            find_engines()["soffice"], f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless",
            "--convert-to", form, "--outdir", str(out), str(source),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        source = next(out.iterdir())
    return source.read_bytes()


DOCX = "docx:MS Word 2007 XML"


@pytest.fixture(scope="module")
def sheet(made: bytes) -> Sheet:
    return read_sheet(made)


@pytest.fixture(scope="module")
def saved(made: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return through_office(made, tmp_path_factory.mktemp("office"), DOCX)


def test_the_same_file_is_the_same(made: bytes) -> None:
    assert compare_reports(made, made, suite()) == ()


@pytest.mark.parametrize("forms", [(DOCX, DOCX), ("odt", DOCX)], ids=["twice", "through odt"])
def test_no_false_alarm_after_libreoffice_saved_it(
    made: bytes, saved: bytes, tmp_path: Path, forms: tuple[str, ...]
) -> None:
    assert compare_reports(made, saved, suite()) == ()
    assert compare_reports(made, through_office(made, tmp_path, *forms), suite()) == ()


# ---- alterations -----------------------------------------------------------------------------------


def paragraph_with(root: Root, text: str, number: int = 0) -> Root:
    found = [one for one in root.iter(w("p")) if text in paragraph_text(one)]
    assert len(found) > number, text
    return found[number]


def cell_with(root: Root, text: str, number: int = 0) -> Root:
    found = [
        one
        for one in root.iter(w("tc"))
        if "\n".join(paragraph_text(each) for each in one.iter(w("p"))) == text
    ]
    assert len(found) > number, text
    return found[number]


def said(place: Root, old: str, new: str) -> None:
    """Replace words that may be spread over several runs."""
    texts = list(place.iter(w("t")))
    whole = "".join(one.text or "" for one in texts)
    assert old in whole, whole
    texts[0].text = whole.replace(old, new, 1)
    for one in texts[1:]:
        one.text = ""


def look(place: Root, name: str, **values: str) -> None:
    """Give every run below a place a property."""
    for run in place.iter(w("r")):
        properties = run.find(w("rPr"))
        if properties is None:
            properties = etree.Element(w("rPr"))
            run.insert(0, properties)
        for old in properties.findall(w(name)):
            properties.remove(old)
        etree.SubElement(properties, w(name), {w(key): value for key, value in values.items()})


def gone(element: Root) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def row_of(element: Root) -> Root:
    return next(one for one in element.iterancestors() if one.tag == w("tr"))


def new_paragraph(text: str, **look_of_it: dict[str, str]) -> Root:
    paragraph = etree.Element(w("p"))
    run = etree.SubElement(paragraph, w("r"))
    properties = etree.SubElement(run, w("rPr"))
    for name, values in look_of_it.items():
        etree.SubElement(properties, w(name), {w(key): value for key, value in values.items()})
    etree.SubElement(run, w("t")).text = text
    return paragraph


def after(place: Root, what: Root) -> None:
    place.addnext(what)


def swap(one: Root, other: Root) -> None:
    mine, theirs = copy.deepcopy(one), copy.deepcopy(other)
    for old, new in ((one, theirs), (other, mine)):
        parent = old.getparent()
        assert parent is not None
        parent.replace(old, new)


def style(properties: Root, tag: str, **values: str) -> None:
    etree.SubElement(properties, w(tag), {w(key): value for key, value in values.items()})


def first(root: Root, tag: str) -> Root:
    return next(root.iter(tag))


def paragraph_style(place: Root, tag: str, **values: str) -> None:
    properties = place.find(w("pPr"))
    if properties is None:
        properties = etree.Element(w("pPr"))
        place.insert(0, properties)
    for old in properties.findall(w(tag)):
        properties.remove(old)
    style(properties, tag, **values)


def row_style(place: Root, tag: str, **values: str) -> None:
    row = row_of(place)
    properties = row.find(w("trPr"))
    if properties is None:
        properties = etree.Element(w("trPr"))
        row.insert(0, properties)
    for old in properties.findall(w(tag)):
        properties.remove(old)
    style(properties, tag, **values)


A4 = "应核查用户鉴别信息是否具有复杂度要求并定期更换"
LOCK = "应核查信息系统是否配置并启用了限制非法登录功能"
ANONYMOUS = "应核查是否已禁用或限制匿名、默认账户的访问权限"
Change = Callable[[Root], None]


def _digest(root: Root) -> None:
    cell = next(one for one in root.iter(w("p")) if len(paragraph_text(one).strip()) == 64)
    old = paragraph_text(cell).strip()
    said(cell, old, old[:-1] + ("0" if old[-1] != "0" else "1"))


def _count(root: Root) -> None:
    cell = next(one for one in root.iter(w("tc")) if paragraph_text(first(one, w("p"))).strip() == "10")
    said(cell, "10", "11")


def _statement(root: Root) -> None:
    place = next(one for one in root.iter(w("p")) if paragraph_text(one).startswith("经核查"))
    said(place, paragraph_text(place), "经核查，未见异常。")


def _one_character(root: Root) -> None:
    place = [one for one in root.iter(w("p")) if paragraph_text(one).startswith("经核查")][7]
    said(place, "经核查", "经核奋")


def _delete_text(root: Root) -> None:
    place = [one for one in root.iter(w("p")) if paragraph_text(one).startswith("经核查")][3]
    for run in list(place.iter(w("r"))):
        gone(run)


def _double_row(root: Root) -> None:
    row = row_of(cell_with(root, "不符合"))
    row.addnext(copy.deepcopy(row))


def _tracked(root: Root, kind: str) -> None:
    place = paragraph_with(root, LOCK)
    mark = etree.Element(w(kind), {w("id"): "9001", w("author"): "a", w("date"): "2026-01-01T00:00:00Z"})
    run = first(place, w("r"))
    run.addprevious(mark)
    mark.append(run)
    if kind == "del":
        for text in run.iter(w("t")):
            text.tag = w("delText")


def _field(root: Root) -> None:
    place = paragraph_with(root, LOCK)
    field = etree.SubElement(place, w("fldSimple"), {w("instr"): " DATE "})
    run = etree.SubElement(field, w("r"))
    etree.SubElement(run, w("t")).text = ""


def _shrink(root: Root) -> None:
    extent = next(one for one in root.iter() if etree.QName(one).localname == "extent")
    extent.set("cx", "9000")
    extent.set("cy", "9000")


def _box(root: Root) -> None:
    pict = etree.fromstring(
        '<w:pict xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
        ' xmlns:v="urn:schemas-microsoft-com:vml"><v:rect style="position:absolute;width:300pt;height:300pt"'
        ' fillcolor="white"/></w:pict>'
    )
    first(paragraph_with(root, LOCK), w("r")).append(pict)


def _set(tag: str, **values: str) -> Change:
    return lambda root: look(cell_with(root, "不符合"), tag, **values)


def verdict(root: Root, old: str, new: str, number: int = 0) -> None:
    said(cell_with(root, old, number), old, new)


CHANGES: dict[str, tuple[Change, str]] = {
    "a verdict": (lambda root: verdict(root, "不符合", "符合"), "不符合"),
    "a verdict, the other way": (lambda root: verdict(root, "符合", "不符合"), "不符合"),
    "a partial verdict": (lambda root: verdict(root, "部分符合", "符合"), "部分符合"),
    "the last verdict": (lambda root: verdict(root, "符合", "不适用", 40), "不适用"),
    "half of a verdict's word": (lambda root: verdict(root, "不符合", "基本符合", 1), "基本符合"),
    "the institution's name": (
        lambda root: said(paragraph_with(root, "人民医院"), "人民医院", "中医医院"), "中医医院",
    ),
    "a person's name": (lambda root: said(paragraph_with(root, "张三"), "张三", "张二"), "张二"),
    "a stamp's party": (
        lambda root: said(paragraph_with(root, "属地医保局", -1), "属地医保局", "属地医保所"), "医保所",
    ),
    "a digit of the report's number": (
        lambda root: said(paragraph_with(root, "报告编号"), "2", "3"), "报告编号",
    ),
    "a digit of a digest": (_digest, "应为"),
    "a digit of a count": (_count, "应为"),
    "a date": (lambda root: said(paragraph_with(root, "2026年"), "2026年", "2025年"), "2025年"),
    "a sentence of a statement": (_statement, "未见异常"),
    "one character of a statement": (_one_character, "应为"),
    "a clause's text": (
        lambda root: said(paragraph_with(root, A4), "并定期更换", "并更换"), "并更换",
    ),
    "a deleted item": (lambda root: gone(paragraph_with(root, LOCK)), "限制非法登录"),
    "a deleted clause": (
        lambda root: gone(paragraph_with(root, "应对登录的用户分配账户和权限")), "分配账户",
    ),
    "a deleted statement": (_delete_text, "删去"),
    "a deleted section's heading": (
        lambda root: gone(paragraph_with(root, "不符合项与整改建议", 1)), "整改建议",
    ),
    "two items swapped": (
        lambda root: swap(paragraph_with(root, A4), paragraph_with(root, ANONYMOUS)), A4[:8],
    ),
    "an added paragraph": (
        lambda root: after(paragraph_with(root, LOCK), new_paragraph("经复测已整改。")), "已整改",
    ),
    "an added row": (_double_row, "添入"),
    "a hidden paragraph": (lambda root: look(paragraph_with(root, LOCK), "vanish"), "隐藏"),
    "a hidden verdict": (_set("vanish"), "隐藏"),
    "white letters": (_set("color", val="FFFFFF"), "不可见"),
    "letters of one point": (_set("sz", val="2"), "不可见"),
    "black on black": (_set("highlight", val="black"), "不可见"),
    "black shade": (_set("shd", val="clear", fill="000000"), "不可见"),
    "letters squeezed to nothing": (_set("w", val="1"), "不可见"),
    "letters lifted off the page": (_set("position", val="2000"), "不可见"),
    "struck out": (_set("strike"), "删除线"),
    "moved beside the page": (
        lambda root: paragraph_style(paragraph_with(root, LOCK), "ind", left="20000"), "不可见",
    ),
    "a hidden row": (lambda root: row_style(cell_with(root, "不符合"), "hidden"), "隐藏"),
    "a row without height": (
        lambda root: row_style(cell_with(root, "不符合"), "trHeight", val="20", hRule="exact"), "隐藏",
    ),
    "an added hidden paragraph": (
        lambda root: after(paragraph_with(root, LOCK), new_paragraph("同意接入", vanish={})), "不可见",
    ),
    "an added white paragraph": (
        lambda root: after(paragraph_with(root, LOCK), new_paragraph("同意", color={"val": "FFFFFF"})),
        "不可见",
    ),
    "a tracked deletion": (lambda root: _tracked(root, "del"), "修订"),
    "a tracked insertion": (lambda root: _tracked(root, "ins"), "修订"),
    "a field that changes by itself": (_field, "DATE"),
    "a zero-width character": (
        lambda root: said(cell_with(root, "不符合"), "不符合", "不\u200b符合"), "应为",
    ),
    "a letter that looks alike": (
        lambda root: said(paragraph_with(root, "HIS"), "HIS", "НIS"), "应为",
    ),
    "a picture deleted": (lambda root: gone(first(root, w("drawing"))), "图片"),
    "two pictures swapped": (lambda root: swap(*list(root.iter(w("drawing")))[:2]), "图片"),
    "a picture shrunk": (_shrink, "缩"),
    "a text box over the page": (_box, "文本框"),
}  # fmt: skip


def altered(data: bytes, change: Change) -> bytes:
    package = Package.open(data)
    root = etree.fromstring(package.members[DOCUMENT], xml_parser())
    change(root)
    package.members[DOCUMENT] = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return package.write()


@pytest.mark.parametrize("name", CHANGES)
def test_an_alteration_is_found_and_named(sheet: Sheet, saved: bytes, name: str) -> None:
    change, told = CHANGES[name]
    found = compare_sheets(sheet, read_sheet(altered(saved, change)), suite())
    assert found, name
    assert any(told in one.message for one in found), found[:5]


def test_a_change_is_named_by_its_item(sheet: Sheet, saved: bytes) -> None:
    """结果记录 stands below all items of a clause: the row says which of them."""

    def spoil(root: Root) -> None:
        statement = paragraph_with(root, "his-db 共有 12 个可登录账户，identity.empty_password")
        said(cell_with(row_of(statement), "符合"), "符合", "不适用")

    found = compare_sheets(sheet, read_sheet(altered(saved, spoil)), suite())
    assert found == (Unlike("1.a.3", "应为“符合”，文件中是“不适用”"),)


SHAPES = {"签章页二维码": (1, 1), "图 ": (1366, 768), "统计图": (620, 36)}


@pytest.mark.parametrize("place", SHAPES)
def test_a_swapped_file_of_a_picture_is_found(made: bytes, saved: bytes, place: str) -> None:
    package = Package.open(saved)
    width, height = SHAPES[place]
    media = sorted(one for one in package.members if one.startswith("word/media/"))
    sizes = {one: Image.open(io.BytesIO(package.members[one])).size for one in media}
    name = next(one for one, size in sizes.items() if size[0] * height == size[1] * width)
    out = io.BytesIO()
    with Image.open(io.BytesIO(package.members[name])) as picture:
        other = picture.convert("RGB")
        other.putpixel((3, 3), (1, 2, 3))
        other.save(out, "PNG")
    package.members[name] = out.getvalue()
    found = compare_reports(made, package.write(), suite())
    assert {one.message for one in found} == {"图片被替换、删去或调换"}
    assert all(one.place.startswith(place) for one in found)


def test_a_picture_saved_in_another_form_is_the_same(made: bytes, saved: bytes) -> None:
    package = Package.open(saved)
    name = next(one for one in package.members if one.startswith("word/media/") and one.endswith("png"))
    out = io.BytesIO()
    with Image.open(io.BytesIO(package.members[name])) as picture:
        picture.save(out, "PNG", compress_level=1)
    package.members[name] = out.getvalue()
    assert compare_reports(made, package.write(), suite()) == ()


@pytest.mark.parametrize(
    ("member", "told"),
    [
        ("word/vbaProject.bin", "宏"),
        ("word/embeddings/oleObject1.bin", "嵌入对象"),
        ("word/activeX/a.xml", "控件"),
    ],
)
def test_what_has_no_place_in_a_report_is_named(made: bytes, member: str, told: str) -> None:
    package = Package.open(made)
    package.members[member] = b"<x/>"
    assert any(told in one.message for one in compare_reports(made, package.write(), suite()))


def test_a_header_with_another_number_is_found(made: bytes, saved: bytes) -> None:
    package = Package.open(saved)
    for name in package.parts("word/header"):
        package.members[name] = package.members[name].replace("测试报告".encode(), "验收报告".encode())
    found = compare_reports(made, package.write(), suite())
    assert {one.place for one in found} == {"页眉页脚"}


def test_libreoffice_is_there() -> None:
    assert shutil.which(find_engines()["soffice"])
