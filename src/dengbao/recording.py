"""现场核查记录表 out and in: lines from the results, evidence from what people filled in.

What comes in is filed like any evidence, by the same rules and under a person's name: it is 人工录入
and never counts as found by a program. All rows are taken or none.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from . import evidence as evidence_room
from .errors import DengbaoError, EvidenceError, UsageError
from .evidence import Draft
from .files import write_whole
from .model import (
    CaseResult,
    Evidence,
    EvidenceKind,
    Person,
    Standing,
    Status,
    Verdict,
)
from .reading import raise_all
from .recording_lines import Known, known_of, lines_of, make_tables, workbook_of
from .session import Session
from .sheets import Fault, Filled, Line, Table, open_container, read_rows
from .sheets.layout import Column, squeezed

_BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
_AGAIN: Final = "重新导出，把填写的内容移到新表后导入"
_OFFICIAL: Final = {
    Column.NUMBER: "item", Column.POINT: "point", Column.CLAUSE: "clause", Column.ITEM: "text",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One row that is, or would be, filed. `before` is what the case was; `note` what to know of it."""

    place: str
    item: str
    asset: str
    before: str
    verdict: Verdict
    statement: str
    pictures: int
    note: str
    filed: str = ""


@dataclass(frozen=True)
class Imported:
    """What an import did, or would do; `known` names rows that were filed before with their numbers.

    `finished` are records that an import before, which was killed, had yet to file; `sha256` is that of the
    workbook that was read.
    """

    changes: tuple[Change, ...]
    known: tuple[tuple[str, str], ...]
    finished: tuple[str, ...] = ()
    sha256: str = ""


def export(session: Session, target: Path | None, *, now: datetime) -> tuple[Path, tuple[Table, ...]]:
    """Write the tables of an engagement to a new workbook; return where, and what is in it.

    Raises:
        UsageError: there is a file of that name already.
        EvidenceError, StoreError: what was filed or recorded is damaged.

    """
    tables = make_tables(session, known_of(session, now))
    path = target or _free_name(session.directory / "out", f"现场核查记录表_{now:%Y%m%d}")
    if path.suffix.lower() != ".xlsx":
        raise UsageError("文件名应以 .xlsx 结尾", where=str(path), cure="改 --out")
    if path.exists():
        raise UsageError(
            "文件已存在，不覆盖（可能有人正在填写）", where=str(path), cure="用 --out 指定别的文件名"
        )
    write_whole(path, workbook_of(session, tables, now))
    return path, tables


def _free_name(folder: Path, stem: str) -> Path:
    path, number = folder / f"{stem}.xlsx", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.xlsx"
    return path


@dataclass(frozen=True)
class Book:
    """A workbook as it was read: its rows, what is wrong with them, and by what its bytes are known again."""

    sha256: str
    filled: tuple[Filled, ...]
    faults: tuple[Fault, ...]

    @property
    def weight_bytes(self) -> int:
        """Return how much its pictures weigh; all the rest is small."""
        return sum(len(picture.data) for one in self.filled for picture in one.pictures)


def read_book(path: Path) -> Book:
    """Return what people filled into a workbook; it takes long, and depends on nothing but its bytes.

    Raises:
        EvidenceError: it cannot be read, or holds what may not be in it.

    """
    return _read_whole(path)[0]


def _read_whole(path: Path) -> tuple[Book, bytes]:
    container = open_container(path)
    filled, faults = read_rows(container)
    sha256 = hashlib.sha256(container.data).hexdigest()
    return Book(sha256, tuple(filled), tuple(faults)), container.data


def import_workbook(
    session: Session,
    path: Path,
    *,
    by: Person,
    now: datetime,
    at: datetime | None = None,
    redacted: bool = False,
    dry_run: bool = False,
    known: Known | None = None,
    book: Book | None = None,
) -> Imported:
    """File every row that was filled in, or none; with `dry_run` only say what would be filed.

    What is filed is held against the engagement as it stands now, which `known` may tell. `book` is the file
    as it was read before: it is read again where its bytes are others by now.

    `at` is when it was seen, for rows that say no time of their own. The user's file is only read; a copy of
    the very bytes that were read is filed with the first record, and the others point at it.

    Raises:
        EvidenceError: a row cannot be taken; all such rows are told, each by its cell, and nothing was filed.

    """
    data = path.read_bytes() if book is not None else b""
    if book is None or hashlib.sha256(data).hexdigest() != book.sha256:
        book, data = _read_whole(path)
    finished = () if dry_run else evidence_room.finish_filing(session.directory)
    with tempfile.TemporaryDirectory(prefix="dengbao-xlsx-") as folder:
        # What was finished just now is known to nobody yet.
        standing = known if known is not None and not finished else known_of(session, now)
        importing = _Importing(session, path, Path(folder), by, now, at, redacted, standing)
        rows, before = importing.sort(book.filled, book.faults)
        raise_all([_error(path, one) for one in importing.faults])
        changes = tuple(one.change for one in rows)
        if rows and not dry_run:
            source = Path(folder) / "workbook.xlsx"
            source.write_bytes(data)
            changes = tuple(_file_all(session, rows, source, now))
    return Imported(changes, before, finished, book.sha256)


def _error(path: Path, fault: Fault) -> DengbaoError:
    return EvidenceError(fault.message, where=f"{path.name} {fault.place}", cure=fault.cure)


@dataclass(frozen=True)
class _Row:
    """A row that may be filed, with its pictures laid out as files."""

    change: Change
    draft: Draft
    sources: tuple[Path, ...]


class _Importing:
    """Holds rows against what is known now, and collects what is wrong with any of them."""

    def __init__(
        self,
        session: Session,
        path: Path,
        folder: Path,
        by: Person,
        now: datetime,
        at: datetime | None,
        redacted: bool,
        known: Known,
    ) -> None:
        self._known = known
        self._session = session
        self._path = path
        self._folder = folder
        self._by = by
        self._now = now
        self._at = at or now
        self._redacted = redacted
        self.faults: list[Fault] = []

    def sort(
        self, filled: Sequence[Filled], faults: Sequence[Fault]
    ) -> tuple[list[_Row], tuple[tuple[str, str], ...]]:
        """Return the rows that may be filed, and those that were filed before."""
        self.faults += faults
        lines = lines_of(self._session, self._known, {one.id for one in filled})
        rows: list[_Row] = []
        known: list[tuple[str, str]] = []
        for one in filled:
            found = lines.get(one.id)
            if found is None:
                self._unknown(one)
                continue
            line, case, papers = found
            there = (each.record for each in papers if each.standing is not Standing.WITHDRAWN)
            same = next((each.id for each in there if self._same(each, one)), "")
            if same:
                known.append((one.places[Column.STATEMENT], same))
            elif not self._conflicts(one, line):
                rows.append(self._row(one, line, case))
        return rows, tuple(known)

    def _same(self, paper: Evidence, one: Filled) -> bool:
        said = (paper.statement, paper.verdict, paper.method) == (one.statement, one.verdict, one.method)
        seen = {each.sha256 for each in paper.files if not each.name.endswith(".xlsx")}
        pictures = {hashlib.sha256(each.data).hexdigest() for each in one.pictures}
        then = one.when is None or one.when.replace(microsecond=0) == paper.collected_at
        return said and seen == pictures and then and paper.collected_by.same_as(self._by)

    def _say(self, one: Filled, column: Column, message: str, cure: str) -> None:
        self.faults.append(Fault(one.places[column], message, cure))

    def _unknown(self, one: Filled) -> None:
        item, _, asset = one.id.partition("@")
        if self._session.engagement.asset(asset) is None:
            message = f"测评对象“{asset[:40]}”不存在"
        elif item not in {each.id for each in self._session.suite.items()}:
            message = f"测评项“{item[:40]}”不存在"
        else:
            message = f"测评项 {item[:40]} 不针对测评对象 {asset[:40]}"
        self._say(one, Column.ID, message, f"核对 engagement.yaml；{_AGAIN}")

    def _conflicts(self, one: Filled, line: Line) -> bool:
        before = len(self.faults)
        if one.text_digest != line.digest:
            self._say(one, Column.ITEM, f"冲突：{line.item} 的测评项文字在导出之后已改动", _AGAIN)
        for column, name in _OFFICIAL.items():
            shown = one.shown.get(column)
            official = str(getattr(line, name))
            if shown is not None and squeezed(shown) != squeezed(official):
                self._say(one, column, f"冲突：{line.item} 的官方文字在表中被改动", f"恢复原文；或{_AGAIN}")
        if one.state != line.state:
            self._say(one, Column.AUTOMATIC, f"冲突：{line.item} 的检测结果或佐证在导出之后已变化", _AGAIN)
        return len(self.faults) > before

    def _row(self, one: Filled, line: Line, case: CaseResult) -> _Row:
        kind = EvidenceKind.SCREENSHOT if one.pictures else EvidenceKind.DOCUMENT
        draft = Draft(
            items=(line.item,), asset=line.asset, method=one.method, kind=kind,
            collected_at=one.when or self._at, collected_by=self._by, statement=one.statement,
            verdict=one.verdict, redacted=self._redacted,
        )  # fmt: skip
        sources = tuple(self._lay_out(one))
        self._ordinary_rules(one, draft, sources)
        change = Change(
            place=one.places[Column.STATEMENT], item=line.item, asset=line.asset, before=_before(case),
            verdict=one.verdict, statement=one.statement, pictures=len(sources),
            note=_note(case, one.verdict),
        )  # fmt: skip
        return _Row(change, draft, sources)

    def _lay_out(self, one: Filled) -> Iterator[Path]:
        number = sum(1 for _ in self._folder.iterdir())
        for picture in one.pictures:
            number += 1
            path = self._folder / f"P{number}{Path(picture.name).suffix.lower()}"
            path.write_bytes(picture.data)
            yield path

    def _ordinary_rules(self, one: Filled, draft: Draft, sources: Sequence[Path]) -> None:
        # The workbook itself is one file more.
        if len(sources) >= evidence_room.MAX_FILES:
            self._say(
                one, Column.PICTURES, f"一行的图片超过 {evidence_room.MAX_FILES - 1} 张", "分成几条佐证"
            )
            return
        record = evidence_room.unfiled(draft, sources, self._now)
        faults = evidence_room.draft_faults(
            record, self._folder, self._session.suite, self._session.engagement, self._now.date()
        )
        for fault in faults:
            column = Column.PICTURES if "附件" in fault.message else Column.STATEMENT
            column = Column.WHEN if "时间" in fault.message else column
            self._say(one, column, fault.message.removeprefix(record.id).strip(), fault.cure)


def _before(case: CaseResult) -> str:
    return case.verdict.zh if case.verdict is not None else case.status.zh


def _note(case: CaseResult, verdict: Verdict) -> str:
    automatic = [one.verdict for one in case.records if one.check and one.verdict in _BAD]
    if automatic and verdict not in _BAD:
        return "自动判定有不符合或部分符合，此条不能抵消；要推翻的用 evidence add --override"
    if verdict is Verdict.NOT_APPLICABLE:
        return "判为不适用，导入后须由第二人复核"
    if any(one.status is Status.NOT_RUN for one in case.records):
        return "尚有未检测的，佐证不能代替"
    return ""


def _file_all(session: Session, rows: Sequence[_Row], source: Path, now: datetime) -> Iterator[Change]:
    filed = evidence_room.add_all(
        session.directory, [(one.draft, one.sources) for one in rows], source,
        suite=session.suite, engagement=session.engagement, now=now, finish=False,
    )  # fmt: skip
    for row, record in zip(rows, filed, strict=True):
        yield replace(row.change, filed=record.id)
