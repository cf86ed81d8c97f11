"""The release gate: all that keeps a round from being sealed, told at once with place and cure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from ..catalog.engagements import FILE_NAME
from ..errors import DengbaoError
from ..evidence import examine
from ..model import CaseResult, Person, Status, Verdict
from ..report.gaps import group_gaps
from ..report.inputs import Gap
from ..report.wording import beijing
from ..results import fold_round
from ..rounds import Round, load_round, round_numbers
from ..session import Session
from ..undoing import owed_in
from .alongside import edited_since, named_and_gone
from .custody import read_custody
from .exposure import exposed
from .faults import Fault, Sort, fault_of
from .handwritten import comments, own_paths
from .layout import CUSTODY
from .undrafted import unfiled_drafts


def before_report(session: Session, chosen: Round, at: datetime) -> Iterator[Fault]:
    """Yield what is wrong with what a report would rest on; `at` is the time of sealing."""
    here = f"{session.directory}{os.sep}"
    for one in _before_report(session, chosen, at):
        yield msgspec.structs.replace(one, place=one.place.removeprefix(here))


def _before_report(session: Session, chosen: Round, at: datetime) -> Iterator[Fault]:
    yield from _custody(session.directory)
    yield from _people(session.engagement.people)
    yield from _rounds(session.directory, chosen.number)
    yield from edited_since(chosen.engagement, session.engagement)
    yield from named_and_gone(session, beijing(at).date())
    yield from unfiled_drafts(session.directory, session.suite)
    yield from _evidence(session, chosen, at)
    yield from _proofs(session, chosen, at)
    try:
        for one in owed_in(session.directory):
            yield Fault(
                place=one.asset, message=f"检测所作的改动尚未恢复：{one.what}（编号 {one.key}）",
                cure="再次执行 dengbao run，或人工恢复后 dengbao settle 登记",
            )  # fmt: skip
    except DengbaoError as exc:
        yield from fault_of(exc, "ledger.jsonl")


def with_report(
    session: Session, payload: Mapping[str, Path | bytes], gaps: Iterable[Gap]
) -> Iterator[Fault]:
    """Yield what is incomplete, and what must not leave the house as it stands in the files to be sealed."""
    for group in group_gaps(gaps):
        for entry in group.entries:
            told = f"{'、'.join(entry.assets)} {entry.state}：{'；'.join(entry.needs)}".strip()
            yield Fault(
                place=group.place, message=told, cure="补齐后再封存；dengbao status 逐项列出",
                sort=Sort.INCOMPLETE,
            )  # fmt: skip
    yield from missing_files(payload)
    template = session.content.templates / "engagement" / FILE_NAME
    shipped = template.read_text(encoding="utf-8") if template.is_file() else ""
    text = (session.directory / FILE_NAME).read_text(encoding="utf-8", errors="replace")
    yield from comments(text, shipped)
    yield from own_paths(payload, session.directory)
    there = {name: one for name, one in payload.items() if isinstance(one, bytes) or one.is_file()}
    yield from exposed(there, session.engagement)


def missing_files(payload: Mapping[str, Path | bytes]) -> Iterator[Fault]:
    """Yield the files that are listed and not there."""
    for name, one in sorted(payload.items()):
        if isinstance(one, Path) and not one.is_file():
            yield Fault(place=name, message="应封存的文件不存在", cure="从备份恢复该文件")


def _custody(directory: Path) -> Iterator[Fault]:
    try:
        read_custody(directory / CUSTODY)
    except DengbaoError as exc:
        yield from fault_of(exc, CUSTODY)


def _people(people: tuple[Person, ...]) -> Iterator[Fault]:
    distinct: list[Person] = []
    for one in people:
        if one.name.strip() and not any(one.same_as(known) for known in distinct):
            distinct.append(one)
    if len(distinct) < 2:  # one who tests, one who reviews
        yield Fault(
            place="engagement.yaml 的 people", message=f"测试人员不足两人（登记 {len(distinct)} 人）",
            cure="登记测试与复核至少两人；同名的加注科室以区别",
        )  # fmt: skip


def _rounds(directory: Path, last: int) -> Iterator[Fault]:
    for number in round_numbers(directory):
        if number > last:
            continue
        place = f"runs/round-{number}"
        try:
            one = load_round(directory, number)
            damaged = one.store().damaged()
        except DengbaoError as exc:
            yield from fault_of(exc, place)
            continue
        for each in damaged:
            yield from fault_of(each, place)


def _evidence(session: Session, chosen: Round, at: datetime) -> Iterator[Fault]:
    for one in examine(session.directory, session.suite, chosen.engagement, beijing(at).date()):
        for each in one.findings:
            if each.gravity.is_open:
                place = each.where or each.evidence or "evidence"
                yield Fault(place=place, message=each.message, cure=each.cure)
        if one.record is not None and one.counts and one.record.files and not one.record.redacted:
            yield Fault(
                place=f"evidence/{one.record.id}.yaml", message="未说明附件中的个人信息已遮盖",
                cure="查看附件，遮盖后写 redacted: true",
            )  # fmt: skip


def _proofs(session: Session, chosen: Round, at: datetime) -> Iterator[Fault]:
    try:
        result, _ = fold_round(session, chosen, today=beijing(at).date())
    except DengbaoError as exc:
        yield from fault_of(exc, f"runs/round-{chosen.number}")
        return
    items = (*result.mandatory, *(item for clause in result.clauses for item in clause.items))
    for case in (case for item in items for case in item.cases):
        if case.status is Status.JUDGED and case.verdict is Verdict.CONFORM and not _proven(case):
            yield Fault(
                place=case.item, message=f"{case.asset} 判为符合，却没有事实或佐证",
                cure="补佐证（dengbao evidence add），或重新检测",
            )  # fmt: skip


def _proven(case: CaseResult) -> bool:
    return bool(case.evidence) or any(one.facts for one in case.records if one.verdict is not None)
