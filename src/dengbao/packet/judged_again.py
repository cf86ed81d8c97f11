"""Judges every round of a packet again from its raw facts, with the verifier's own checks and no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import DengbaoError
from ..evidence import examine
from ..evidence.admissibility import Gravity as EvidenceGravity
from ..model import Record, Seal
from ..report.wording import beijing
from ..results import fold_round
from ..rounds import Round, load_round, round_numbers
from ..runner import Difference, judge_again
from ..session import Session, open_session
from .custody import read_custody
from .findings import Finding, Gravity, broken
from .layout import CUSTODY
from .qr import counts_of


def examine_rounds(folder: Path, seal: Seal, content: Path | None = None) -> Iterator[Finding]:
    """Yield what differs between what was sealed and what its raw facts give; `folder` is the payload.

    Nothing in the folder is executed: the checks are those of this installation, and so is the suite.
    """
    try:
        read_custody(folder / CUSTODY)
    except DengbaoError as exc:
        yield broken(CUSTODY, exc.message, cure=exc.cure)
    try:
        session = open_session(folder, content)
        rounds = [load_round(folder, number) for number in round_numbers(folder)]
    except DengbaoError as exc:
        yield broken("data", f"无法读取项目：{exc.message}", cure=exc.cure)
        return
    if session.suite.sha256 != seal.suite_sha256:
        yield Finding(
            place="data/suites", gravity=Gravity.OPEN,
            message=f"本机的测评项 {session.suite.id} 与封存时所用的不是同一版本，未能重新判定",
            cure=f"换用 dengbao {seal.tool_version}，或以 --content 指明当时的 suites、checks、templates",
        )  # fmt: skip
        return
    for one in rounds:
        yield from _round(folder, one, content)
    yield from _evidence(session, seal)
    yield from _seal(session, rounds, seal)


def _round(folder: Path, one: Round, content: Path | None) -> Iterator[Finding]:
    place = f"data/runs/round-{one.number}"
    for fault in one.store().damaged():
        yield broken(place, f"{fault.where}：{fault.message}")
    try:
        _, differences = judge_again(folder, one.number, content=content)
    except DengbaoError as exc:
        yield Finding(
            place=place, gravity=Gravity.OPEN, message=f"未能重新判定：{exc.message}", cure=exc.cure
        )
        return
    for each in differences:
        yield broken(f"{place}/records.jsonl", _told(each), items=(each.case.split("@")[0],))


def _told(one: Difference) -> str:
    return f"{one.case}：封存的结果为“{_said(one.recorded)}”，由事实重新判定为“{_said(one.again)}”"


def _said(record: Record | None) -> str:
    if record is None:
        return "无记录"
    label = record.verdict.zh if record.verdict is not None else record.status.zh
    return f"{label}：{record.statement}"


def _evidence(session: Session, seal: Seal) -> Iterator[Finding]:
    day = beijing(seal.sealed_at).date()
    for one in examine(session.directory, session.suite, session.engagement, day):
        for each in one.findings:
            if each.gravity is not EvidenceGravity.NOTE:
                items = one.record.items if one.record is not None else ()
                yield broken(f"data/evidence/{each.evidence or each.where}", each.message, items=items)


def _seal(session: Session, rounds: list[Round], seal: Seal) -> Iterator[Finding]:
    chosen = next((one for one in rounds if one.number == seal.round), None)
    if chosen is None:
        yield broken("seal.json", f"封存的是第 {seal.round} 轮，包内却没有这一轮")
        return
    if chosen.store().digest_of_all() != seal.facts_sha256:
        yield broken("seal.json", "事实摘要与包内的事实不符")
    try:
        result, _ = fold_round(session, chosen, today=beijing(seal.sealed_at).date())
    except DengbaoError as exc:
        yield broken(f"data/runs/round-{chosen.number}", f"结果无法汇总：{exc.message}", cure=exc.cure)
        return
    if counts_of(result) != seal.counts:
        yield broken("seal.json", f"各判定的项数与汇总所得不符：封存 {seal.counts}，汇总 {counts_of(result)}")
