"""现场核查记录表 as it is handed out: a line for each case, with what is known of it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from . import evidence as evidence_room
from .evidence.remarks import grouped
from .evidence.standing import thread_of
from .model import CaseResult, Evidence, ItemResult, Standing, SuiteResult
from .results import fold_round
from .rounds import load_round, round_numbers
from .session import Session
from .sheets import Line, Table, write_workbook
from .sheets.layout import digest
from .verdict import fold


@dataclass(frozen=True)
class Paper:
    """A filed record, and where it stands after review."""

    record: Evidence
    standing: Standing

    @property
    def told(self) -> str:
        """Return the word for what keeps it from counting, empty where nothing does."""
        return self.standing.zh if self.standing in (Standing.RETURNED, Standing.WITHDRAWN) else ""


@dataclass(frozen=True)
class Known:
    """How an engagement stands: its results and all its evidence, also what does not count."""

    result: SuiteResult
    papers: tuple[Paper, ...]

    @cached_property
    def papers_of(self) -> dict[tuple[str, str], tuple[Paper, ...]]:
        """Return what was filed, by item and asset."""
        found: dict[tuple[str, str], list[Paper]] = {}
        for one in self.papers:
            for item in one.record.items:
                found.setdefault((item, one.record.asset), []).append(one)
        return {key: tuple(some) for key, some in found.items()}


def known_of(session: Session, now: datetime) -> Known:
    """Return how an engagement stands, read anew.

    Raises:
        EvidenceError, StoreError: what was filed or recorded is damaged.

    """
    remarks = grouped(evidence_room.load_remarks(session.directory))
    papers = (
        Paper(one, thread_of(one, remarks.get(one.id, ())).standing)
        for one in evidence_room.load_all(session.directory)
    )
    return Known(_results(session, now), tuple(papers))


def workbook_of(session: Session, tables: Sequence[Table], now: datetime) -> bytes:
    """Return the tables as a workbook."""
    name = session.engagement.institution.name
    title = (
        f"{name} 现场核查记录表（{session.suite.title} {session.suite.edition}），{now:%Y-%m-%d %H:%M} 导出"
    )
    return write_workbook(tables, title=title)


def make_tables(session: Session, known: Known) -> tuple[Table, ...]:
    """Return the lines of every 测评对象 as they stand now, in the order of the engagement."""
    lines: dict[str, list[Line]] = {}
    points = dict(_points(session))
    for item, case, papers in cases_of(known):
        lines.setdefault(case.asset, []).append(_line(points, item, case, papers))
    return tuple(
        Table(one.id, one.name or one.id, f"{one.name}（{one.id}，{one.kind.zh}）", tuple(lines[one.id]))
        for one in session.engagement.assets
        if one.id in lines
    )


def lines_of(
    session: Session, known: Known, wanted: Iterable[str]
) -> dict[str, tuple[Line, CaseResult, tuple[Paper, ...]]]:
    """Return the lines of some cases by their ids, as they stand now, with what was filed for them.

    Those of no case are not there.
    """
    points = dict(_points(session))
    cases = {(item, asset) for item, _, asset in (one.partition("@") for one in wanted)}
    return {
        (line := _line(points, item, case, papers)).id: (line, case, papers)
        for item, case, papers in cases_of(known, cases)
    }


def _line(
    points: Mapping[str, tuple[str, str]], item: ItemResult, case: CaseResult, papers: tuple[Paper, ...]
) -> Line:
    point, clause = points[item.item.id]
    return Line(
        item=item.item.id, asset=case.asset, point=point, clause=clause, text=item.item.text,
        automatic=_automatic(case), filed=_filed(papers), method=item.item.methods[0],
        state=_state(case, papers),
    )  # fmt: skip


def _points(session: Session) -> Iterator[tuple[str, tuple[str, str]]]:
    for one in session.suite.mandatory:
        yield one.id, ("必测项", one.text)
    for chapter in session.suite.chapters:
        for clause in chapter.clauses:
            for item in clause.items:
                yield item.id, (chapter.title, clause.text)


def cases_of(
    known: Known, wanted: Container[tuple[str, str]] | None = None
) -> Iterator[tuple[ItemResult, CaseResult, tuple[Paper, ...]]]:
    """Yield every case, or only those that are `wanted`, with its item and what was filed for it.

    They come in official order.
    """
    papers = known.papers_of
    result = known.result
    for item in (*result.mandatory, *(each for clause in result.clauses for each in clause.items)):
        for case in item.cases:
            if wanted is None or (case.item, case.asset) in wanted:
                yield item, case, papers.get((case.item, case.asset), ())


def _results(session: Session, now: datetime) -> SuiteResult:
    if round_numbers(session.directory):
        return fold_round(session, load_round(session.directory), today=now.date())[0]
    admitted = evidence_room.admissible(session.directory, session.suite, session.engagement, now.date())
    return fold(session.suite, session.plan.cases, (), admitted, session.engagement.not_applicable)


def _automatic(case: CaseResult) -> str:
    told = [
        f"【{one.verdict.zh if one.verdict else one.status.zh}】{one.statement}"
        for one in case.records
        if one.check
    ]
    # Names of checks are for programs; that nothing was tested yet is for people.
    lacks = ("尚未检测" if one.startswith("尚未检测") else f"待补：{one}" for one in case.lacks)
    return "\n".join(dict.fromkeys((*told, *lacks)))


def _filed(papers: Iterable[Paper]) -> str:
    return "\n".join(
        f"{one.id}【{each.told or one.verdict.zh}】{one.collected_by.name}：{one.statement}"
        for each in papers
        for one in (each.record,)
    )


def _state(case: CaseResult, papers: Sequence[Paper]) -> str:
    records = [(one.check, one.status, one.verdict, one.statement, one.remainder) for one in case.records]
    filed = [(one.record.id, one.record.verdict, one.record.statement) for one in papers]
    spoken = sorted(f"{one.record.id} {one.told}" for one in papers if one.told)
    # Added only where there is something, so that sheets that were handed out before still fit.
    more = (spoken,) if spoken else ()
    return digest((sorted(map(str, records)), sorted(filed), str(case.declared), *more))
