"""Judges every round of a packet again from its raw facts, with the verifier's own checks and no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from .. import __version__
from ..catalog import make_plan
from ..errors import DengbaoError
from ..evidence import examine
from ..facts import canonical, digest
from ..model import Record, Seal
from ..papers import for_papers
from ..report.wording import beijing
from ..results import fold_round
from ..rounds import Round, load_round, round_numbers
from ..runner import Difference, judge_again
from ..session import Session, open_session
from .custody import read_custody
from .findings import Finding, Gravity, broken
from .layout import CUSTODY, PAYLOAD
from .qr import counts_of
from .rebuilt import examine_report
from .resting import items_of_line, lines_of, read_record

_LONGEST: Final = 300


def examine_rounds(
    folder: Path,
    seal: Seal,
    content: Path | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Iterator[Finding]:
    """Yield what differs between what was sealed and what its raw facts give; `folder` is the payload.

    Nothing in the folder is executed: the checks are those of this installation, and so is the suite.
    """
    yield from _custody(folder)
    yield from _lines(folder)
    try:
        session = open_session(folder, content)
        rounds = [load_round(folder, number) for number in round_numbers(folder)]
    except DengbaoError as exc:
        yield unreadable(folder, "engagement.yaml", "无法读取项目", exc)
        return
    if not _known_suite(session) or session.suite.sha256 != seal.suite_sha256:
        yield Finding(
            place=f"{PAYLOAD}/suites", gravity=Gravity.OPEN,
            message=f"本机的测评项 {session.suite.id} 与封存时所用的不是同一版本，未能重新判定",
            cure=f"换用 dengbao {seal.tool_version}，或以 --content 指明当时的 suites、checks、templates",
        )  # fmt: skip
        return
    yield from _suite(session)
    yield from _names(session, rounds, seal)
    for one in rounds:
        say(f"由原始事实重新判定第 {one.number} 轮")
        yield from _round(session, one, content)
    yield from _evidence(session, seal)
    yield from _seal(session, rounds, seal, say)


def unreadable(folder: Path, name: str, what: str, exc: DengbaoError) -> Finding:
    """Return that a file of the payload cannot be read; the error's place becomes one in the packet."""
    at = exc.where.replace(f"{folder}/", "") if exc.where.startswith(f"{folder}/") else name
    return broken(f"{PAYLOAD}/{at}", f"{what}：{exc.message}"[:_LONGEST], cure=exc.cure)


def _custody(folder: Path) -> Iterator[Finding]:
    try:
        read_custody(folder / CUSTODY)
    except DengbaoError as exc:
        yield unreadable(folder, CUSTODY, "经手记录", exc)


def _lines(folder: Path) -> Iterator[Finding]:
    """Name each line of records that is none any more: its item would vanish without a word."""
    for path in sorted((folder / "runs").glob("round-*/records.jsonl")):
        rows = list(lines_of(path))
        for number, row in rows:
            if read_record(row) is None and (row or number < len(rows)):
                name = f"{PAYLOAD}/runs/{path.parent.name}/records.jsonl:{number}"
                yield broken(name, "此行不是结果记录", items=items_of_line(row))


def _known_suite(session: Session) -> bool:
    """Tell whether the suite is one of this installation, not one that the packet points to elsewhere."""
    named = session.engagement.suite
    return named in {one.parent.name for one in session.content.suites.glob("*/suite.yaml")}


def _suite(session: Session) -> Iterator[Finding]:
    """Compare the suite that travels along with this installation's: it is there for people to read."""
    own = session.content.suites / session.suite.id
    for path in sorted(own.rglob("*")):
        if path.is_file() and path.suffix in (".yaml", ".md"):
            name = f"suites/{session.suite.id}/{path.relative_to(own).as_posix()}"
            carried = session.directory / name
            if not carried.is_file() or carried.read_bytes() != path.read_bytes():
                yield broken(f"{PAYLOAD}/{name}", "与本机同一版本的测评项不同：条文、用例或阈值被改动")


def _names(session: Session, rounds: list[Round], seal: Seal) -> Iterator[Finding]:
    tested = next((one.engagement for one in rounds if one.number == seal.round), session.engagement)
    told = for_papers(tested, session.engagement)
    pairs = (
        ("机构名称", seal.institution, told.institution.name),
        ("机构编码", seal.code, told.institution.code),
        ("系统名称", seal.system, told.system.name),
        ("报告编号", seal.report_number, told.report_number),
        ("测评依据", seal.suite, session.suite.id),
    )
    for what, sealed, found in pairs:
        if sealed != found:
            yield broken("seal.json", f"{what}：封存记录为“{sealed}”，项目文件为“{found}”")


def _round(session: Session, one: Round, content: Path | None) -> Iterator[Finding]:
    place = f"{PAYLOAD}/runs/round-{one.number}"
    for fault in one.store().damaged():
        yield unreadable(session.directory, f"runs/round-{one.number}", "事实", fault)
    if digest(canonical(one.engagement)) != one.info.engagement_sha256:
        yield broken(f"{place}/engagement.json", "不是开始该轮时的项目（摘要与 run.json 不符）")
    yield from _plan(session, one, place)
    try:
        _, differences = judge_again(session.directory, one.number, content=content)
    except DengbaoError as exc:
        yield Finding(
            place=place, gravity=Gravity.OPEN, message=f"未能重新判定：{exc.message}"[:_LONGEST],
            cure=exc.cure,
        )  # fmt: skip
        return
    for each in differences:
        yield broken(f"{place}/records.jsonl", _told(each), items=(each.case.split("@")[0],))


def _plan(session: Session, one: Round, place: str) -> Iterator[Finding]:
    """Tell whether nothing was left out of a round: what is not planned is not judged."""
    try:
        plan = make_plan(session.suite, one.engagement, session.registry)
    except DengbaoError as exc:
        yield broken(f"{place}/engagement.json", f"无法据以列出用例：{exc.message}")
        return
    planned, due = {case.id: case for case in one.plan.cases}, {case.id: case for case in plan.cases}
    odd = sorted(set(planned) ^ set(due))
    if odd or one.plan.suite_sha256 != plan.suite_sha256:
        items = tuple(dict.fromkeys(case.split("@")[0] for case in odd))
        message = f"用例与项目应有的不同：{'、'.join(odd[:5])}{f' 等 {len(odd)} 个' if len(odd) > 5 else ''}"
        if one.info.tool_version == __version__:
            yield broken(f"{place}/plan.json", message, items=items)
        else:  # another version may have had other checks
            yield Finding(
                place=f"{place}/plan.json", gravity=Gravity.OPEN, message=message, items=items,
                cure=f"换用 dengbao {one.info.tool_version} 核验",
            )  # fmt: skip


def _told(one: Difference) -> str:
    recorded, again = _said(one.recorded), _said(one.again)
    if recorded == again:
        return f"{one.case}：记录的依据（准则、阈值、事实摘要或时间）与由事实重新判定所得的不同"
    return f"{one.case}：封存的结果为“{recorded}”，由事实重新判定为“{again}”"


def _said(record: Record | None) -> str:
    if record is None:
        return "无记录"
    label = record.verdict.zh if record.verdict is not None else record.status.zh
    return f"{label}：{record.statement}"


def _evidence(session: Session, seal: Seal) -> Iterator[Finding]:
    day = beijing(seal.sealed_at).date()
    for one in examine(session.directory, session.suite, session.engagement, day):
        for each in one.findings:
            if each.gravity.is_open:
                items = one.record.items if one.record is not None else ()
                name = f"{each.evidence}.yaml" if each.evidence else Path(each.where).name
                yield broken(f"{PAYLOAD}/evidence/{name}", each.message, items=items)


def _seal(session: Session, rounds: list[Round], seal: Seal, say: Callable[[str], None]) -> Iterator[Finding]:
    chosen = next((one for one in rounds if one.number == seal.round), None)
    if chosen is None:
        yield broken("seal.json", f"封存的是第 {seal.round} 轮，包内却没有这一轮")
        return
    if chosen.store().digest_of_all() != seal.facts_sha256:
        yield broken("seal.json", "事实摘要与包内的事实不符")
    try:
        result, _ = fold_round(session, chosen, today=beijing(seal.sealed_at).date())
    except DengbaoError as exc:
        yield unreadable(session.directory, f"runs/round-{chosen.number}", "结果无法汇总", exc)
        return
    if counts_of(result) != seal.counts:
        yield broken("seal.json", f"各判定的项数与汇总所得不符：封存 {seal.counts}，汇总 {counts_of(result)}")
    say("由包内数据重做报告并比对")
    yield from examine_report(session, chosen, seal)
