"""All items on several assets, each row in hostile words: through LibreOffice Calc and back without loss."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from dengbao import recording
from dengbao.engines import find_engines
from dengbao.errors import EvidenceError
from dengbao.model import Person
from dengbao.report.plain import visible
from dengbao.session import Session, open_session
from dengbao.sheets.layout import Column

from .report.hostile import WORDS
from .runs import write_engagement
from .test_recording import column, write

NOW = datetime.now(UTC).astimezone().replace(microsecond=0)
ZHANG = Person(name="张三", org="测试科技")
VERDICTS = ("符合", "部分符合", "不符合", "不适用")
FIRST_ROW = 4
# Signs that nobody sees are refused, each by its cell; that is held elsewhere.
FIT = [one for one in WORDS if visible(one) == one]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    urls = {"his-web": "https://127.0.0.1/", "emr-web": "https://127.0.0.2/"}
    return open_session(write_engagement(tmp_path_factory.mktemp("whole") / "my-hospital", urls))


@pytest.fixture(scope="module")
def filled(session: Session) -> Path:
    """Return the exported workbook with every row of every sheet filled in."""
    path = session.directory / "table.xlsx"
    recording.export(session, path, now=NOW)
    book = load_workbook(path)
    words, verdicts = cycle(FIT), cycle(VERDICTS)
    for sheet in tables(book):
        for row in rows(sheet):
            said = f"经核查，{sheet.title} 第 {row} 行：{next(words).strip()}。"
            write(sheet, row, {Column.STATEMENT: said, Column.VERDICT: next(verdicts)})
    target = session.directory / "filled.xlsx"
    book.save(target)
    return target


@pytest.fixture(scope="module")
def saved(session: Session, filled: Path) -> Path:
    """Return what LibreOffice Calc makes of it when it saves it."""
    folder = session.directory / "saved"
    subprocess.run(
        [
            find_engines()["soffice"],
            f"-env:UserInstallation={(session.directory / 'profile').as_uri()}",
            "--headless", "--norestore", "--convert-to", "xlsx:Calc MS Excel 2007 XML",
            "--outdir", str(folder), str(filled),
        ],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    return folder / filled.name


def tables(book: Workbook) -> list[Worksheet]:
    return [one for one in book.worksheets if one.title != "说明"]


def rows(sheet: Worksheet) -> list[int]:
    keys = (sheet.cell(row, column(Column.NUMBER)).value for row in range(FIRST_ROW, sheet.max_row + 1))
    return [row for row, key in enumerate(keys, FIRST_ROW) if key]


def test_no_row_of_no_asset_loses_a_sign(session: Session, filled: Path, saved: Path) -> None:
    before, after = (
        recording.import_workbook(session, one, by=ZHANG, now=NOW, at=NOW, dry_run=True)
        for one in (filled, saved)
    )
    items = {one.id for one in session.suite.items()}
    assert {one.item for one in before.changes} == items
    assert len(items) == 74  # 6 必须测试项 and 68 检查项
    assert len({one.asset for one in before.changes}) >= 4
    assert after.changes == before.changes
    told = "\n".join(one.statement for one in after.changes)
    assert [one for one in FIT if one.strip() not in told] == []


def test_every_conflict_is_told_by_its_cell(session: Session, saved: Path) -> None:
    book = load_workbook(saved)
    spoilt: list[str] = []
    for sheet in tables(book):
        row = rows(sheet)[len(rows(sheet)) // 2]
        write(sheet, row, {Column.ITEM: "应核查别的；"})
        spoilt.append(sheet.cell(row, column(Column.ITEM)).coordinate)
    path = session.directory / "spoilt.xlsx"
    book.save(path)
    with pytest.raises(EvidenceError) as caught:
        recording.import_workbook(session, path, by=ZHANG, now=NOW, at=NOW)
    told = str(caught.value)
    for sheet, cell in zip(tables(book), spoilt, strict=True):
        assert f"{sheet.title}!{cell}：冲突：" in told
    assert told.count("冲突：") == len(spoilt)
    assert not list((session.directory / "evidence").glob("EV-*"))
