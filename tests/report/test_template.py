"""The shipped template is what its code builds, with official fonts and without foreign leftovers."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree

from dengbao.report.layouts import BAOGAO
from dengbao.report.plain import Plain
from dengbao.report.specimen import specimen
from dengbao.report.toc import w
from tests.report.example import ROOT

FOLDER = ROOT / "templates" / "annex3-2023"


# Cells in which words, paths and times in Latin letters stand: LibreOffice would tear them as Chinese.
UNTORN = {"Cell", "CellCenter", "Small", "SmallCenter", "Ids"}


def members(docx: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def build_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_annex3_template", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as Python does for a script
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


@pytest.fixture(scope="module")
def shipped() -> dict[str, bytes]:
    return members((FOLDER / "report.docx").read_bytes())


def test_the_committed_template_is_what_its_code_builds(shipped: dict[str, bytes]) -> None:
    built = members(build_script(FOLDER / "build.py").build())
    assert built.keys() == shipped.keys()
    assert [name for name in built if built[name] != shipped[name]] == [], (
        "run templates/annex3-2023/build.py"
    )


def test_every_style_names_all_four_font_slots_and_the_language(shipped: dict[str, bytes]) -> None:
    root = etree.fromstring(shipped["word/styles.xml"])
    fonts = list(root.iter(w("rFonts")))
    assert len(fonts) == len(BAOGAO) + 1  # and the document's defaults
    for one in fonts:
        assert all(one.get(w(slot)) for slot in ("ascii", "hAnsi", "eastAsia", "cs"))
        assert not any("heme" in str(name) for name in one.attrib)
    for style in root.iter(w("style")):
        for one in style.iter(w("lang")):
            latin = "en-US" if style.get(w("styleId")) in UNTORN else "zh-CN"
            assert (one.get(w("val")), one.get(w("eastAsia"))) == (latin, "zh-CN")
    used = {one.get(w("eastAsia")) for one in fonts}
    assert used == {"仿宋_GB2312", "楷体_GB2312", "黑体", "宋体", "方正小标宋简体"}
    named = {one.get(w("name")) for one in etree.fromstring(shipped["word/fontTable.xml"]).iter(w("font"))}
    assert used <= named


def test_nothing_of_the_library_is_left(shipped: dict[str, bytes]) -> None:
    everything = b"".join(shipped.values())
    for word in (
        b"python-docx",
        b"MS Mincho",
        b"MS Gothic",
        b"themeFont",
        b"asciiTheme",
        b"Cambria",
        b"Calibri",
    ):
        assert word not in everything
    assert not [name for name in shipped if re.search(r"theme|thumbnail|customXml|stylesWithEffects", name)]


def test_no_style_follows_the_document_grid_and_pictures_are_single_spaced(shipped: dict[str, bytes]) -> None:
    root = etree.fromstring(shipped["word/styles.xml"])
    for style in root.iter(w("style")):
        if style.get(w("styleId")) == "TableNormal":
            continue
        snap = style.find(f"{w('pPr')}/{w('snapToGrid')}")
        assert snap is not None
        assert snap.get(w("val")) == "0"
    by_id = {style.get(w("styleId")): style for style in root.iter(w("style"))}
    spacing = by_id["Picture"].find(f"{w('pPr')}/{w('spacing')}")
    assert spacing is not None
    assert spacing.get(w("lineRule")) == "auto"
    document = etree.fromstring(shipped["word/document.xml"])
    assert all(one.get(w("type")) is None for one in document.iter(w("docGrid")))


def test_tables_give_their_widths_in_grid_and_cells(shipped: dict[str, bytes]) -> None:
    document = etree.fromstring(shipped["word/document.xml"])
    tables = list(document.iter(w("tbl")))
    assert len(tables) >= 10
    for table in tables:
        grid = [int(one.get(w("w"), "0")) for one in table.iter(w("gridCol"))]
        assert sum(grid) <= 156 / 25.4 * 1440 + len(grid)
        for row in table.iter(w("tr")):
            assert sum(int(one.get(w("w"), "0")) for one in row.iter(w("tcW"))) == sum(grid)


def test_the_statement_has_most_of_the_width_of_a_table_of_results(shipped: dict[str, bytes]) -> None:
    document = etree.fromstring(shipped["word/document.xml"])
    heads = ["检查项", "测评对象", "结果记录", "判定", "证据"]
    found = [
        [int(one.get(w("w"), "0")) for one in table.iter(w("gridCol"))]
        for table in document.iter(w("tbl"))
        if ["".join(map(str, cell.itertext())) for cell in next(table.iter(w("tr"))).iter(w("tc"))] == heads
    ]
    assert len(found) == 2
    for grid in found:
        assert grid[2] >= 0.52 * sum(grid)
        assert [round(one / sum(grid), 2) for one in grid] == pytest.approx(
            [0.10, 0.15, 0.53, 0.13, 0.10], abs=0.01
        )


def test_the_four_stamp_boxes_have_room_for_a_seal(shipped: dict[str, bytes]) -> None:
    document = etree.fromstring(shipped["word/document.xml"])
    table = next(one for one in document.iter(w("tbl")) if "盖章" in "".join(map(str, one.itertext())))
    rows = table.findall(w("tr"))
    assert [len(row.findall(w("tc"))) for row in rows] == [2, 2]
    for row in rows:
        height = row.find(f"{w('trPr')}/{w('trHeight')}")
        assert height is not None
        assert int(height.get(w("val"), "0")) / 1440 * 25.4 >= 70
        assert row.find(f"{w('trPr')}/{w('cantSplit')}") is not None


def test_no_field_waits_for_word_to_update_it(shipped: dict[str, bytes]) -> None:
    assert b"updateFields" not in shipped["word/settings.xml"]
    assert b"dirty" not in b"".join(shipped.values())


# Source: ECMA-376 Part 1, 17.15.1.78, CT_Settings: a sequence, which Word refuses to read in another order.
SETTINGS = (
    "zoom", "defaultTabStop", "evenAndOddHeaders", "characterSpacingControl", "compat",
    "doNotAutoCompressPictures",
)  # fmt: skip


@pytest.mark.parametrize("path", sorted(FOLDER.parent.glob("*/*.docx")), ids=lambda one: one.stem)
def test_settings_are_in_order_and_keep_word_from_drawing_pictures_anew(path: Path) -> None:
    root = etree.fromstring(members(path.read_bytes())["word/settings.xml"])
    told = [etree.QName(one).localname for one in root]
    assert told == [one for one in SETTINGS if one in told]
    assert told[-1] == "doNotAutoCompressPictures"
    assert not root[-1].attrib, "on"


def test_the_readme_names_all_data_a_template_may_print() -> None:
    words = set(re.findall(r"`(\w+)`", (FOLDER / "README.md").read_text(encoding="utf-8")))
    assert names(specimen("示例")[0]) - {"picture"} <= words


def names(value: Plain) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for one in value.values() for name in names(one)}
    return {name for one in value for name in names(one)} if isinstance(value, list) else set()
