"""现场核查记录表: out, filled in, through LibreOffice, in again; conflicts by cell; hostile files."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sqlite3
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.drawing.image import Image as SheetImage
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

from dengbao import evidence as evidence_room
from dengbao import recording
from dengbao.cli import main
from dengbao.engines import find_engines
from dengbao.errors import DengbaoError, EvidenceError, UsageError
from dengbao.evidence import Draft, Said
from dengbao.model import EvidenceKind, Method, Person, RemarkSort, Review, Verdict
from dengbao.recording_lines import known_of, make_tables
from dengbao.session import Session, open_session
from dengbao.sheets import Line, Table, write_workbook
from dengbao.sheets.cells import MAX_ROWS
from dengbao.sheets.layout import Column, heading, sheet_names

from .runs import DATABASE, HEAD

NOW: Final = datetime.now(UTC).astimezone().replace(microsecond=0)
ZHANG: Final = Person(name="张三", org="测试科技")
SHEET: Final = "业务库"
FIRST_ROW: Final = 4
WPS_ID: Final = "ID_0123456789ABCDEF0123456789ABCDEF"


def png(shade: int = 90) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 30), (shade, 200, 120)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an engagement that was never tested, with its exported workbook; do not change it."""
    folder = tmp_path_factory.mktemp("recording") / "my-hospital"
    (folder / "data").mkdir(parents=True)
    with sqlite3.connect(folder / "data" / "his.db") as connection:
        connection.execute("create table patient (id integer primary key, name text)")
    connection.close()
    (folder / "engagement.yaml").write_text(HEAD + DATABASE, encoding="utf-8")
    recording.export(opened(folder), folder / "table.xlsx", now=NOW)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change."""
    return Path(shutil.copytree(original, tmp_path / "my-hospital"))


def column(one: Column) -> int:
    return list(Column).index(one) + 1


def fill(folder: Path, change: Callable[[Worksheet], object], name: str = "filled.xlsx") -> Path:
    """Return the workbook as a person would save it after `change` on the database's sheet."""
    book = load_workbook(folder / "table.xlsx")
    sheet = book[SHEET]
    assert isinstance(sheet, Worksheet)
    change(sheet)
    book.save(folder / name)
    return folder / name


def write(sheet: Worksheet, row: int, values: Mapping[Column, object]) -> None:
    for one, value in values.items():
        cell = sheet.cell(row, column(one))
        cell.value = value  # type: ignore[assignment]
        if isinstance(value, str) and not value.startswith("=_xlfn"):
            cell.data_type = "s"


def conforming(sheet: Worksheet) -> None:
    write(sheet, FIRST_ROW, {Column.STATEMENT: "经核查，已设口令。", Column.VERDICT: "符合"})


def opened(folder: Path) -> Session:
    """Return the session of a copy of the one engagement; suite and checks are loaded once."""
    return replace(_loaded(), directory=folder)


@cache
def _loaded() -> Session:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "engagement.yaml").write_text(HEAD + DATABASE, encoding="utf-8")
        (Path(folder) / "data").mkdir()
        (Path(folder) / "data" / "his.db").touch()
        return open_session(Path(folder))


def take(folder: Path, path: Path, *, dry_run: bool = False) -> recording.Imported:
    return recording.import_workbook(
        opened(folder), path, by=ZHANG, now=datetime.now(UTC).astimezone(), dry_run=dry_run
    )


def refused(folder: Path, path: Path) -> str:
    """Return all that is said when a workbook is refused; nothing was filed and the file is untouched."""
    before = path.read_bytes()
    with pytest.raises(EvidenceError) as caught:
        take(folder, path)
    assert evidence_room.load_all(folder) == []
    assert not list(evidence_room.folder_of(folder).glob("EV-*"))
    assert path.read_bytes() == before
    return str(caught.value)


def altered(
    path: Path, changes: Mapping[str, Callable[[bytes], bytes] | bytes], name: str = "made.xlsx"
) -> Path:
    """Return a copy of a workbook in which parts were changed or added."""
    target = path.with_name(name)
    left = dict(changes)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for one in source.namelist():
            change = left.pop(one, None)
            data = source.read(one)
            out.writestr(one, change if isinstance(change, bytes) else change(data) if change else data)
        for one, change in left.items():
            assert isinstance(change, bytes)
            out.writestr(one, change)
    return target


def part_of(path: Path, name: str = SHEET) -> str:
    """Return the part a sheet is in."""
    return f"xl/worksheets/sheet{load_workbook(path).sheetnames.index(name) + 1}.xml"


# --- out -------------------------------------------------------------------------------------------------


def test_exported_workbook_has_a_sheet_for_each_asset_with_lists_locks_and_a_frozen_head(
    folder: Path,
) -> None:
    book = load_workbook(folder / "table.xlsx")
    assert book.sheetnames[0] == "说明"
    assert SHEET in book.sheetnames
    sheet = book[SHEET]
    head = [sheet.cell(3, number).value for number in range(1, len(Column) + 1)]
    assert head == [one.value for one in Column]
    assert sheet.freeze_panes == "C4"
    assert sheet.protection.sheet
    assert sheet.cell(4, column(Column.ITEM)).protection.locked
    assert not sheet.cell(4, column(Column.STATEMENT)).protection.locked
    assert sheet.column_dimensions["L"].hidden
    lists = [one.formula1 for one in sheet.data_validations.dataValidation]
    assert lists == ['"符合,部分符合,不符合,不适用"', '"访谈,核查,测试"']
    assert sheet.cell(4, column(Column.ITEM)).alignment.wrap_text


def test_export_never_writes_over_a_file(folder: Path) -> None:
    before = (folder / "table.xlsx").read_bytes()
    with pytest.raises(UsageError, match="文件已存在"):
        recording.export(opened(folder), folder / "table.xlsx", now=NOW)
    assert (folder / "table.xlsx").read_bytes() == before
    first, _ = recording.export(opened(folder), None, now=NOW)
    second, _ = recording.export(opened(folder), None, now=NOW)
    assert first != second


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "=cmd|'/c calc'!A1",
        "_x0041_",
        "12",
        "2026-03-02",
        "𠮷",
        "a\nb",
        "<&>\"'",
        "{{x}}",
    ],
)
def test_text_is_written_as_text_whatever_it_begins_with(text: str, tmp_path: Path) -> None:
    line = Line("1.a.1", "web", "身份鉴别", text, "检查", text, "", Method.EXAMINE, "s")
    data = write_workbook([Table("web", "应用", "应用", (line,))], title="t")
    (tmp_path / "t.xlsx").write_bytes(data)
    cell = load_workbook(tmp_path / "t.xlsx")["应用"].cell(4, column(Column.AUTOMATIC))
    assert cell.data_type == "s"
    assert str(cell.value).replace("_x005F_", "_") == text
    assert cell.quotePrefix == (text[0] in "=+-@")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as archive:
        assert b"<f>" not in b"".join(
            archive.read(one) for one in archive.namelist() if "sheets/sheet" in one
        )


def test_names_of_sheets_are_short_legal_and_unique() -> None:
    names = [
        "应用/后台:[1]*?",
        "应用" * 30,
        "应用" * 30,
        "𠮷" * 20,
        "History",
        "说明",
        "'x'",
        "",
        "Web",
        "web",
    ]
    found = list(sheet_names(names))
    assert len({one.casefold() for one in found}) == len(names)
    assert all(0 < len(one.encode("utf-16-le")) // 2 <= 31 for one in found)
    assert not any(re.search(r"[\[\]:*?/\\]", one) or one[0] == "'" or one[-1] == "'" for one in found)
    assert not {"history", "说明"} & {one.casefold() for one in found}
    book = Workbook()
    for one in found:
        assert book.create_sheet(one).title == one


def test_other_headings_in_use_are_known() -> None:
    assert heading("测评记录") is Column.STATEMENT
    assert heading(" 符合性 结果 ") is Column.VERDICT
    assert heading("证据文件") is Column.PICTURES
    assert heading("备注") is None


# --- in --------------------------------------------------------------------------------------------------


def test_untouched_workbook_files_nothing(folder: Path) -> None:
    done = take(folder, folder / "table.xlsx")
    assert (done.changes, done.known, done.finished) == ((), (), ())


def test_filled_rows_become_evidence_of_a_person_with_the_workbook_as_file(folder: Path) -> None:
    def change(sheet: Worksheet) -> None:
        write(sheet, 4, {Column.STATEMENT: "=经核查，已设口令。", Column.VERDICT: "符合"})
        write(sheet, 5, {Column.STATEMENT: "-未限制", Column.VERDICT: " 部分符合", Column.METHOD: "访谈"})
        write(sheet, 5, {Column.WHEN: datetime(2026, 3, 2, 10, 30)})  # noqa: DTZ001 - as a sheet holds it
        write(
            sheet, 6, {Column.STATEMENT: "@无此功能", Column.VERDICT: "不符合", Column.WHEN: "2026年3月2日"}
        )
        image = SheetImage(io.BytesIO(png()))
        sheet.add_image(image, "J6")

    path = fill(folder, change)
    would = take(folder, path, dry_run=True)
    assert evidence_room.load_all(folder) == []
    done = take(folder, path)
    records = evidence_room.load_all(folder)
    assert (
        [one.id for one in records]
        == [one.filed for one in done.changes]
        == ["EV-0001", "EV-0002", "EV-0003"]
    )
    assert [one.place for one in would.changes] == [f"{SHEET}!F4", f"{SHEET}!F5", f"{SHEET}!F6"]
    first, second, third = records
    assert first.statement == "=经核查，已设口令。"
    assert (first.verdict, first.collected_by, first.kind) == (Verdict.CONFORM, ZHANG, EvidenceKind.DOCUMENT)
    assert (second.method, second.verdict) == (Method.INTERVIEW, Verdict.PARTIAL)
    assert second.collected_at.replace(tzinfo=None) == datetime(2026, 3, 2, 10, 30)  # noqa: DTZ001
    assert third.collected_at.date().isoformat() == "2026-03-02"
    shared = first.files[0].name
    assert [one.name for one in second.files] == [shared]
    assert [one.name for one in third.files] == ["EV-0003.png", shared]
    stored = evidence_room.folder_of(folder)
    assert (stored / shared).read_bytes() == path.read_bytes()
    assert (stored / "EV-0003.png").read_bytes() == png()
    session = opened(folder)
    tomorrow = NOW.date() + timedelta(days=1)
    assert len(evidence_room.admissible(folder, session.suite, session.engagement, tomorrow)) == 3


def test_workbook_is_imported_once(folder: Path) -> None:
    path = fill(folder, conforming)
    assert len(take(folder, path).changes) == 1
    again = take(folder, path)
    assert again.changes == ()
    assert again.known == ((f"{SHEET}!F4", "EV-0001"),)


def test_picture_added_to_a_row_that_was_imported_is_not_passed_over(folder: Path) -> None:
    take(folder, fill(folder, conforming))

    def more(sheet: Worksheet) -> None:
        conforming(sheet)
        sheet.add_image(SheetImage(io.BytesIO(png())), "J4")

    path = fill(folder, more)
    with pytest.raises(EvidenceError, match="E4：冲突"):
        take(folder, path)
    assert len(evidence_room.load_all(folder)) == 1


def test_command_line_shows_the_difference_then_files_and_says_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = str(folder / "new.xlsx")
    assert main(["evidence", "export-xlsx", str(folder), "--out", made]) == 0
    assert main(["evidence", "export-xlsx", str(folder), "--out", made]) == 2
    path = str(fill(folder, conforming))
    words = ["evidence", "import-xlsx", str(folder), path, "--by", "张三/测试科技"]
    capsys.readouterr()
    assert main([*words, "--dry-run"]) == 0
    assert "将入库 1 份，未改动任何文件" in capsys.readouterr().out
    assert evidence_room.load_all(folder) == []
    assert main(words) == 0
    assert "EV-0001  业务库!F4" in capsys.readouterr().out
    assert main(words) == 0
    assert "与已入库的 EV-0001 相同" in capsys.readouterr().out
    bad = fill(folder, lambda sheet: write(sheet, 5, {Column.VERDICT: "符合"}), "bad.xlsx")
    assert main(["evidence", "import-xlsx", str(folder), str(bad), "--by", "张三/测试科技"]) == 4
    assert "业务库!F5：没有填写结果记录" in capsys.readouterr().err


def test_merged_cells_count_for_each_of_their_rows(folder: Path) -> None:
    def change(sheet: Worksheet) -> None:
        conforming(sheet)
        sheet.merge_cells("F4:F6")
        sheet.merge_cells("G4:G6")

    assert len(take(folder, fill(folder, change)).changes) == 3


def test_other_headings_and_a_moved_head_are_read(folder: Path) -> None:
    def change(sheet: Worksheet) -> None:
        conforming(sheet)
        write(sheet, 3, {Column.STATEMENT: "测评记录", Column.VERDICT: "符合性结果"})
        sheet.freeze_panes = None
        sheet.insert_rows(1, 4)

    done = take(folder, fill(folder, change), dry_run=True)
    assert [one.place for one in done.changes] == [f"{SHEET}!F8"]


BAD_ROWS: Final[dict[str, tuple[Mapping[Column, object], str]]] = {
    "unknown verdict": (
        {Column.STATEMENT: "x", Column.VERDICT: "基本符合"},
        "G4：不认识的符合情况“基本符合”",
    ),
    "no verdict": ({Column.STATEMENT: "x"}, "G4：没有填写符合情况"),
    "no statement": ({Column.VERDICT: "符合"}, "F4：没有填写结果记录"),
    "formula": ({Column.STATEMENT: "=_xlfn.CONCAT(A1)", Column.VERDICT: "符合"}, "F4：是公式"),
    "unknown asset": ({Column.ID: "1.a.1@nowhere"}, "L4：测评对象“nowhere”不存在"),
    "unknown item": ({Column.ID: "99.z.9@his-db"}, "L4：测评项“99.z.9”不存在"),
    "no key": ({Column.ID: None}, "F4：此行没有隐藏的 _id"),
    "bad method": ({Column.METHOD: "目测"}, "H4：不认识的核查方式“目测”"),
    "bad time": ({Column.WHEN: "昨天"}, "I4：“昨天”不是时间"),
    "future": ({Column.WHEN: "2999-01-01"}, "I4："),
    "text edited": ({Column.ITEM: "应核查别的；"}, "D4：冲突："),
    "suite changed": ({Column.TEXT: "0" * 64}, "D4：冲突："),
    "record changed": ({Column.STATE: "0" * 64}, "E4：冲突："),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_one_bad_row_keeps_all_from_being_filed_and_is_told_by_its_cell(name: str, folder: Path) -> None:
    values, message = BAD_ROWS[name]

    def change(sheet: Worksheet) -> None:
        whole = {Column.STATEMENT: "经核查，有。", Column.VERDICT: "符合"}
        write(sheet, 5, whole)
        write(sheet, 4, values if name in ("no verdict", "no statement") else {**whole, **values})

    assert message in refused(folder, fill(folder, change))


def test_every_bad_cell_is_told_at_once(folder: Path) -> None:
    def change(sheet: Worksheet) -> None:
        for row in (4, 5, 6):
            write(sheet, row, {Column.STATEMENT: "x", Column.VERDICT: "好"})

    said = refused(folder, fill(folder, change))
    assert all(f"{SHEET}!G{row}" in said for row in (4, 5, 6))


def test_evidence_filed_since_the_export_is_a_conflict(folder: Path, tmp_path: Path) -> None:
    path = fill(folder, conforming)
    session = opened(folder)
    item = str(load_workbook(path)[SHEET].cell(4, 1).value)
    (tmp_path / "a.png").write_bytes(png())
    draft = Draft(
        items=(item,), asset="his-db", method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT, collected_at=NOW,
        collected_by=Person(name="李四", org="测试医院"), statement="经核查，没有。",
        verdict=Verdict.NONCONFORM,
        reviewed=Review(by=ZHANG, at=NOW),
    )  # fmt: skip
    evidence_room.add(folder, draft, [tmp_path / "a.png"], suite=session.suite, engagement=session.engagement)
    with pytest.raises(EvidenceError, match=f"{SHEET}!E4：冲突：{re.escape(item)} 的检测结果或佐证"):
        take(folder, path)
    assert len(evidence_room.load_all(folder)) == 1


def test_what_was_returned_or_withdrawn_since_the_export_is_a_conflict(folder: Path) -> None:
    take(folder, fill(folder, conforming))
    wang = Person(name="王主任", org="测试医院")
    for sort, word in ((RemarkSort.RETURN, "已退回"), (RemarkSort.WITHDRAW, "已撤回")):
        (folder / "table.xlsx").unlink()
        recording.export(opened(folder), folder / "table.xlsx", now=NOW)
        path = fill(folder, conforming)
        assert take(folder, path).known == ((f"{SHEET}!F4", "EV-0001"),)
        evidence_room.remark_on(folder, "EV-0001", Said(sort, wang, "截图不是本系统"))
        rows = [
            one for table in make_tables(opened(folder), known_of(opened(folder), NOW)) for one in table.lines
        ]
        assert any(f"EV-0001【{word}】张三" in one.filed for one in rows)
        path = fill(
            folder, lambda sheet: write(sheet, FIRST_ROW, {Column.VERDICT: "不符合", Column.STATEMENT: "无"})
        )
        with pytest.raises(EvidenceError, match="检测结果或佐证在导出之后已变化"):
            take(folder, path)
    (folder / "table.xlsx").unlink()
    recording.export(opened(folder), folder / "table.xlsx", now=NOW)
    filed = take(folder, fill(folder, conforming))  # a withdrawn record does not stand in a new one's way
    assert [one.filed for one in filed.changes] == ["EV-0002"]


def test_a_filing_that_fails_half_way_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    session = opened(folder)
    (tmp_path / "a.png").write_bytes(png())
    good = Draft(
        items=("1.a.1",), asset="his-db", method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT,
        collected_at=NOW, collected_by=ZHANG, statement="有。", verdict=Verdict.CONFORM,
    )  # fmt: skip
    picture = [tmp_path / "a.png"]
    drafts = [(good, picture), (good, picture), (good, [tmp_path / "missing.png"])]
    with pytest.raises(EvidenceError, match="文件不存在"):
        evidence_room.add_all(
            folder, drafts, folder / "table.xlsx", suite=session.suite, engagement=session.engagement, now=NOW
        )
    assert not list(evidence_room.folder_of(folder).iterdir())


def test_sheet_without_headings_is_told(folder: Path) -> None:
    def change(sheet: Worksheet) -> None:
        conforming(sheet)
        assert sheet.parent is not None
        sheet.parent.create_sheet("别的").append(["随手记"])

    assert "别的!A1：前 10 行没有表头" in refused(folder, fill(folder, change))


# --- pictures --------------------------------------------------------------------------------------------


def wps(folder: Path, *, cell: str = "J4") -> Path:
    """Return the workbook with a picture as WPS puts one into a cell."""

    def change(sheet: Worksheet) -> None:
        conforming(sheet)
        sheet[cell] = f'=_xlfn.DISPIMG("{WPS_ID}",1)'

    path = fill(folder, change)
    images = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<etc:cellImages xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"
 xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"
 xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData"><etc:cellImage><xdr:pic><xdr:nvPicPr>
<xdr:cNvPr id="2" name="{WPS_ID}" descr="图"/><xdr:cNvPicPr/></xdr:nvPicPr><xdr:blipFill>
<a:blip r:embed="rId1"/><a:stretch><a:fillRect/></a:stretch></xdr:blipFill><xdr:spPr/></xdr:pic>
</etc:cellImage></etc:cellImages>"""
    relations = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="media/image1.png"/>
</Relationships>"""
    return altered(
        path,
        {
            "xl/cellimages.xml": images.encode(),
            "xl/_rels/cellimages.xml.rels": relations.encode(),
            "xl/media/image1.png": png(),
        },
    )


def test_picture_that_wps_put_into_a_cell_is_read(folder: Path) -> None:
    take(folder, wps(folder))
    (record,) = evidence_room.load_all(folder)
    assert record.kind is EvidenceKind.SCREENSHOT
    assert (evidence_room.folder_of(folder) / record.files[0].name).read_bytes() == png()


def test_picture_that_wps_put_elsewhere_or_that_was_lost_is_told(folder: Path) -> None:
    assert f"{SHEET}!F5：单元格图片不在“证据”一列" in refused(folder, wps(folder, cell="F5"))
    lost = load_workbook(wps(folder))
    lost.save(folder / "lost.xlsx")
    assert f"{SHEET}!J4：单元格图片已丢失" in refused(folder, folder / "lost.xlsx")


def test_floating_picture_outside_its_column_is_told(folder: Path) -> None:
    def change(sheet: Worksheet) -> None:
        conforming(sheet)
        sheet.add_image(SheetImage(io.BytesIO(png())), "M4")

    assert f"{SHEET}!M4：图片 image1.png 的左上角不在" in refused(folder, fill(folder, change))


def test_picture_that_is_none_is_told_by_its_cell(folder: Path) -> None:
    path = altered(wps(folder), {"xl/media/image1.png": b"no picture"}, "broken.xlsx")
    said = refused(folder, path)
    assert f"{SHEET}!J4：" in said
    assert "不是有效的图片" in said


# --- LibreOffice -----------------------------------------------------------------------------------------


def test_round_trip_through_libreoffice_loses_nothing(folder: Path, tmp_path: Path) -> None:
    texts = ["=经核查，“<a>&b”已设。\n第二行", "-12", "𠮷 {{x}} 0012", "+1"]

    def change(sheet: Worksheet) -> None:
        for row, text in enumerate(texts, 4):
            write(sheet, row, {Column.STATEMENT: text, Column.VERDICT: "符合"})
        write(sheet, 5, {Column.WHEN: datetime(2026, 3, 2, 10, 30)})  # noqa: DTZ001 - as a sheet holds it
        sheet.add_image(SheetImage(io.BytesIO(png(10))), "J4")
        sheet.add_image(SheetImage(io.BytesIO(png(20))), "J5")
        sheet.add_image(SheetImage(io.BytesIO(png(30))), "J5")

    path = fill(folder, change)
    subprocess.run(
        [
            find_engines()["soffice"],
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            "--headless", "--norestore", "--convert-to", "xlsx:Calc MS Excel 2007 XML",
            "--outdir", str(tmp_path / "saved"), str(path),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    saved = tmp_path / "saved" / path.name
    book = load_workbook(saved)
    lists = {one.formula1 for one in book[SHEET].data_validations.dataValidation}
    assert '"符合,部分符合,不符合,不适用"' in lists
    assert book[SHEET].protection.sheet
    assert take(folder, saved, dry_run=True).changes == take(folder, path, dry_run=True).changes
    take(folder, saved)
    records = evidence_room.load_all(folder)
    assert [one.statement for one in records] == texts
    assert records[1].collected_at.replace(tzinfo=None) == datetime(2026, 3, 2, 10, 30)  # noqa: DTZ001
    stored = evidence_room.folder_of(folder)
    names = [file.name for one in records for file in one.files if file.name.endswith(".png")]
    pictures = [(stored / one).read_bytes() for one in names]
    assert sorted(pictures) == sorted([png(10), png(20), png(30)])


# --- hostile files ---------------------------------------------------------------------------------------

RELATION: Final = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="r9" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" '
    b'Target="http://127.0.0.1/x.png" TargetMode="External"/></Relationships>'
)


def bomb() -> bytes:
    return b"<x>" + b" " * (40 * 1024 * 1024) + b"</x>"


def entities(data: bytes) -> bytes:
    return data.replace(b"<workbook", b'<!DOCTYPE x [<!ENTITY a "b">]><workbook', 1)


HOSTILE: Final[dict[str, tuple[Mapping[str, Callable[[bytes], bytes] | bytes], str]]] = {
    "macros": ({"xl/vbaProject.bin": b"x"}, "含有宏"),
    "macro type": (
        {"[Content_Types].xml": lambda data: data.replace(b"sheet.main", b"sheet.macroEnabled.main")}, "带宏",
    ),
    "macro sheet": ({"xl/macrosheets/sheet1.xml": b"<x/>"}, "宏表"),
    "external workbook": ({"xl/externalLinks/externalLink1.xml": b"<x/>"}, "外部链接"),
    "external picture": ({"xl/drawings/_rels/drawing9.xml.rels": RELATION}, "外部链接"),
    "connection": ({"xl/connections.xml": b"<x/>"}, "外部数据连接"),
    "embedded object": ({"xl/embeddings/oleObject1.bin": b"x"}, "嵌入对象"),
    "bomb": ({"xl/bomb.xml": bomb()}, "压缩炸弹"),
    "bomb as picture": ({"xl/media/bomb.png": bytes(40 * 1024 * 1024)}, "压缩炸弹"),
    "entities": ({"xl/workbook.xml": entities}, "XML 实体"),
    "entities in an odd part": ({"xl/odd.dat": b"<!DOCTYPE x><x/>"}, "XML 实体"),
    "other encoding": ({"xl/odd.xml": "<?xml version='1.0'?><x/>".encode("utf-16")}, "UTF-8"),
    "declared encoding": ({"xl/odd.xml": b"<?xml version='1.0' encoding='utf-7'?><x/>"}, "UTF-8"),
    "not XML": ({"xl/workbook.xml": b"<workbook"}, "XML"),
    "slip": ({"../../x.xml": b"<x/>"}, "部件名不合规则"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_workbook_is_refused(name: str, folder: Path) -> None:
    changes, message = HOSTILE[name]
    assert message in refused(folder, altered(fill(folder, conforming), changes))


OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
OTHER_FILES: Final = {
    "old.xls": (OLE + "Workbook".encode("utf-16-le"), "旧格式 .xls"),
    "locked.xlsx": (OLE + "EncryptedPackage".encode("utf-16-le"), "已加密"),
    "text.xlsx": (b"a,b,c", "不是有效的 .xlsx"),
    "html.xls": (b"<html>", "是 .xls 格式"),
    "table.csv": (b"a,b", "不是 .xlsx 文件"),
    "empty.xlsx": (b"", "不是有效的 .xlsx"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_FILES)
def test_file_of_another_kind_is_refused_with_its_cure(name: str, folder: Path) -> None:
    data, message = OTHER_FILES[name]
    (folder / name).write_bytes(data)
    assert message in refused(folder, folder / name)


def test_macro_workbook_by_name_and_zip_that_is_no_workbook_are_refused(folder: Path) -> None:
    shutil.copy(folder / "table.xlsx", folder / "table.xlsm")
    assert "带宏" in refused(folder, folder / "table.xlsm")
    with zipfile.ZipFile(folder / "a.xlsx", "w") as out:
        out.writestr("a.txt", "<a/>")
    assert "不是 Excel 工作簿" in refused(folder, folder / "a.xlsx")


def test_too_many_rows_or_columns_are_refused(folder: Path) -> None:
    deep = fill(folder, lambda sheet: sheet.cell(MAX_ROWS + 1, 1, "x"), "deep.xlsx")
    wide = fill(folder, lambda sheet: sheet.cell(5, 200, "x"), "wide.xlsx")
    assert "超过" in refused(folder, deep)
    assert "超过" in refused(folder, wide)


def test_merge_over_everything_costs_nothing(folder: Path) -> None:
    path = fill(folder, conforming)
    whole = b'</sheetData><mergeCells count="1"><mergeCell ref="P1:XFD1048576"/></mergeCells>'
    made = altered(path, {part_of(path): lambda data: data.replace(b"</sheetData>", whole)})
    assert len(take(folder, made, dry_run=True).changes) == 1


def test_rows_out_of_order_are_refused_and_not_passed_over(folder: Path) -> None:
    path = fill(folder, conforming)
    made = altered(path, {part_of(path): lambda data: data.replace(b'<row r="9"', b'<row r="3"')})
    assert "行次序" in refused(folder, made)


@pytest.mark.parametrize("share", range(1, 20))
def test_workbook_cut_anywhere_is_refused(share: int, folder: Path) -> None:
    data = fill(folder, conforming).read_bytes()
    (folder / "cut.xlsx").write_bytes(data[: len(data) * share // 20])
    assert "cut.xlsx" in refused(folder, folder / "cut.xlsx")


@pytest.mark.parametrize("share", range(20))
def test_flipped_bits_never_end_in_anything_but_an_answer(share: int, folder: Path) -> None:
    data = bytearray(fill(folder, conforming).read_bytes())
    data[(len(data) - 1) * share // 19] ^= 0x10
    (folder / "flipped.xlsx").write_bytes(bytes(data))
    found = 0
    with contextlib.suppress(DengbaoError):
        found = len(take(folder, folder / "flipped.xlsx", dry_run=True).changes)
    assert found <= 1
