"""A workbook that waits to be confirmed is read once, and what is filed is what its bytes say."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from dengbao import recording
from dengbao.errors import UsageError
from dengbao.model import Person
from dengbao.sheets.layout import Column
from dengbao.workbench.guard import Visitor
from dengbao.workbench.held import Held, Shelf

from ..test_recording import fill, opened, original, write  # noqa: F401 - a fixture is found by its name

ZHANG = Person(name="张三", org="测试科技")
NOW = datetime.now(UTC).astimezone().replace(microsecond=0)


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:  # noqa: F811
    return Path(shutil.copytree(original, tmp_path / "my-hospital"))


def _table(folder: Path, said: str) -> Path:
    def change(sheet: Worksheet) -> None:
        write(sheet, 4, {Column.STATEMENT: said, Column.VERDICT: "符合"})

    return fill(folder, change)


def _held(shelf: Shelf, visitor: Visitor, path: Path) -> Held:
    with path.open("rb") as stream:
        return shelf.keep(visitor, stream, ZHANG, None, redacted=True)


def test_what_was_read_is_taken_and_other_bytes_are_read_again(folder: Path) -> None:
    path = _table(folder, "经核查，已设。")
    book = recording.read_book(path)
    (row,) = book.filled
    known = replace(book, filled=(replace(row, statement="经核查，原已读到。"),))

    def told(given: recording.Book | None) -> list[str]:
        found = recording.import_workbook(opened(folder), path, by=ZHANG, now=NOW, dry_run=True, book=given)
        return [one.statement for one in found.changes]

    assert told(known) == ["经核查，原已读到。"]
    assert told(None) == ["经核查，已设。"]
    path.unlink()
    path = _table(folder, "经核查，又改了。")
    assert told(known) == ["经核查，又改了。"]


def test_a_workbook_is_read_once_while_it_is_held_and_light(folder: Path) -> None:
    path = _table(folder, "经核查，已设。")
    shelf, visitor = Shelf(), Visitor()
    held = _held(shelf, visitor, path)
    book = shelf.book_of(held)
    assert shelf.book_of(held) is book
    other = _held(shelf, visitor, path)
    assert shelf.book_of(other) is not book
    with pytest.raises(UsageError):
        shelf.find(visitor, held.token)
    shelf = Shelf(light_bytes=-1)
    held = _held(shelf, visitor, path)
    first = shelf.book_of(held)
    assert shelf.book_of(held) is not first
    assert shelf.book_of(held) == first == book
