"""status: what stands where, and what is to be done next, grouped so that one person can act on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ..errors import DengbaoError, UsageError
from ..evidence import Examined, damage
from ..model import CaseResult, Engagement, ItemResult, Status, SuiteResult, Verdict
from ..packet.stage import Progress, progress_of
from ..results import code_of, fold_to_show
from ..rounds import Round, load_round
from ..session import open_session
from ..undoing import owed_in, settled_by_hand
from . import options
from .chinese import Command
from .console import console, paragraph, say, verbatim, word
from .proving import damage_json, evidence_counts, print_damage, print_evidence
from .staging import next_steps, print_stage, stage_json
from .tables import all_items, clause_table, counts_line, mandatory_line
from .wrapping import pad, shorten

_BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
_FAILED: Final = "未能取得所需信息："  # the heading above it says so
_ASSETS_WIDTH: Final = 24
_DAMAGED: Final = 4


@click.command(
    cls=Command,
    help="各项到了哪一步：判定、原因、缺什么，末尾是合计与下一步。\n\n"
    "无法判定的按原因归并，待补证的每项一行；加 --item 看一项的全部细节。\n\n"
    "佐证损坏、盖章记录不可读的，指明是哪一个，其余照常列出，退出码为 4。",
    epilog="dengbao status my-hospital\n"
    "dengbao status my-hospital --item 1.a.4\n"
    "dengbao status my-hospital --round 1 --format json",
)
@options.directory
@options.items
@options.round_number
@options.as_json
@options.content
def status(
    directory: Path, items: tuple[str, ...], number: int | None, form: str, content: Path | None
) -> int:
    """Print how a round stands, with manual evidence."""
    session = open_session(directory, content)
    chosen = load_round(directory, number)
    result, examined = fold_to_show(session, chosen)
    damaged = damage(examined)
    code = _DAMAGED if damaged else code_of(result)
    if form == "json":
        stage = stage_json(directory, session.engagement)
        plain = {**status_json(result, chosen.number), **_evidence_json(examined), "stage": stage}
        print(json.dumps(plain, ensure_ascii=False, indent=1))
        return _DAMAGED if stage["name"] is None else code
    out = console()
    if items:
        print_details(out, _chosen(result, items))
        print_damage(out, damaged)
        return code
    ended = "" if chosen.info.ended_at else "（尚有用例未测）"
    say(out, f"{chosen.engagement.institution.name} 第 {chosen.number} 轮{ended}", style="bold")
    print_overview(out, result)
    print_findings(out, result, full=False)
    print_causes(out, result)
    print_awaiting(out, result, session.suite.id)
    print_not_run(out, result)
    print_owed(out, directory)
    print_evidence(out, examined)
    print_damage(out, damaged)
    progress = _progress(out, directory, session.engagement)
    out.print()
    out.print(counts_line(result))
    print_next_steps(out, directory, chosen, result, progress)
    return _DAMAGED if progress is None else code


def _progress(out: Console, directory: Path, engagement: Engagement) -> Progress | None:
    """Print how far the packet has come; None where that cannot be told, which is said, too."""
    try:
        progress = progress_of(directory, engagement)
    except DengbaoError as exc:
        say(out, "\n阶段：不能确定", style="bold red")
        paragraph(out, Text("  "), str(exc))
        return None
    print_stage(out, progress)
    return progress


def _evidence_json(examined: Sequence[Examined]) -> dict[str, object]:
    return {"evidence": evidence_counts(examined), "damaged": damage_json(damage(examined))}


def print_owed(out: Console, directory: Path) -> None:
    """Print what the tests changed on assets and could not take back, and how to go on."""
    owed = owed_in(directory)
    if owed:
        say(out, "\n检测所作、尚未恢复的改动", style="bold red")
    for one in owed:
        paragraph(out, Text(f"  {one.asset}  "), one.what)
        verbatim(out, f"    编号 {one.key}")
    if owed:
        say(out, f"再次执行 dengbao run {directory} 会先恢复这些改动；仍不成的，按上述说明人工恢复，然后")
        verbatim(out, f"  dengbao settle {directory} 编号 --by 姓名/单位 --how 如何恢复、如何核实")
    print_settled(out, directory)


def print_settled(out: Console, directory: Path) -> None:
    """Print what people took back by hand: who, when, how."""
    settled = settled_by_hand(directory)
    if settled:
        say(out, "\n检测所作、已由人工恢复的改动", style="bold")
    for one in settled:
        if one.hand is not None:
            who = f"{one.hand.by.name}（{one.hand.by.org}）{one.hand.at:%Y-%m-%d %H:%M}"
            paragraph(out, Text(f"  {one.asset}  "), f"{one.what}；{who}：{one.hand.how}")


def print_overview(out: Console, result: SuiteResult) -> None:
    """Print the mandatory items in a line and the clauses in a table."""
    if result.mandatory:
        out.print(mandatory_line(result))
    out.print(clause_table(result, out.width))


def _chosen(result: SuiteResult, wanted: Iterable[str]) -> list[ItemResult]:
    found: list[ItemResult] = []
    for one in wanted:
        fitting = [item for item in all_items(result) if f"{item.item.id}.".startswith(f"{one}.")]
        if not fitting:
            raise UsageError(f"没有与 {one} 相符的测评项", cure="写成 1、1.a 或 1.a.3")
        found += (item for item in fitting if item not in found)
    return found


# ---- lists ---------------------------------------------------------------------------------------


def _cases(result: SuiteResult, status: Status) -> Iterator[CaseResult]:
    for item in all_items(result):
        yield from (case for case in item.cases if case.status is status)


def _heading(out: Console, text: str) -> None:
    out.print()
    say(out, text, style="bold")


def _line(out: Console, lead: Text, text: str, *, full: bool) -> None:
    """Print one entry of a list: whole, or on a terminal only as much as fits on its line."""
    if full or not out.is_terminal:
        paragraph(out, lead, text, indent=4)
    else:
        paragraph(out, lead, shorten(text, max(10, out.width - lead.cell_len)))


def print_findings(out: Console, result: SuiteResult, *, full: bool) -> None:
    """Print every case that is 不符合 or 部分符合 with what was seen."""
    bad = [case for case in _cases(result, Status.JUDGED) if case.verdict in _BAD]
    if bad:
        _heading(out, f"不符合与部分符合（{len(bad)} 处）")
    for case in bad:
        lead = Text.assemble("  ", word(case.status, case.verdict), f" {case.item} {case.asset} ")
        _line(out, lead, said_of(case), full=full)


def said_of(case: CaseResult) -> str:
    """Return what makes a case 不符合 or 部分符合: what programs and people saw."""
    seen = [one.statement for one in case.records if one.verdict in _BAD]
    seen += [f"{one.statement}（{one.id}）" for one in case.evidence if one.verdict in _BAD]
    return " ".join(seen)


def print_causes(out: Console, result: SuiteResult) -> None:
    """Print why cases are 无法判定, each cause once with all it concerns: mending it settles them all."""
    causes: dict[str, tuple[list[str], list[str]]] = {}
    for case in _cases(result, Status.UNDETERMINED):
        for record in case.records:
            if record.status is Status.UNDETERMINED:
                assets, items = causes.setdefault(record.statement.removeprefix(_FAILED), ([], []))
                assets.append(case.asset)
                items.append(case.item)
    if causes:
        _heading(out, f"无法判定的原因（{len(causes)} 种）")
    for cause, (assets, items) in sorted(causes.items(), key=lambda one: -len(one[1][1])):
        paragraph(out, Text(f"  {_joined(assets)} "), cause, indent=4)
        paragraph(out, Text("    涉及 "), _joined(items), style="magenta")


def print_awaiting(out: Console, result: SuiteResult, suite: str) -> None:
    """Print one line for each item that people must supply something for."""
    rows: list[tuple[str, str, str]] = []
    for item in all_items(result):
        cases = [case for case in item.cases if case.status is Status.AWAITING_EVIDENCE]
        if cases:
            rows.append((item.item.id, _joined(case.asset for case in cases), "；".join(_wants(cases))))
    if rows:
        _heading(out, f"须补佐证（涉及 {len(rows)} 项；作业指导：dengbao suite show {suite} 项号）")
    width = min(_ASSETS_WIDTH, max((cell_len(assets) for _, assets, _ in rows), default=0))
    for item_id, assets, wants in rows:
        _line(out, Text(f"  {pad(item_id, 7)}{pad(assets, width)}  "), wants, full=False)


def _wants(cases: Iterable[CaseResult]) -> Iterable[str]:
    return dict.fromkeys(text for case in cases for text in case.lacks)


def print_not_run(out: Console, result: SuiteResult) -> None:
    """Print what was not run, an item a line."""
    cases = list(_cases(result, Status.NOT_RUN))
    if cases:
        _heading(out, "未测")
    for item_id in dict.fromkeys(case.item for case in cases):
        assets = _joined(case.asset for case in cases if case.item == item_id)
        say(out, f"  {pad(item_id, 7)}{assets}")


def print_next_steps(
    out: Console, directory: Path, chosen: Round, result: SuiteResult, progress: Progress | None = None
) -> None:
    """Print the commands that lead on from here, most urgent first; `progress` tells of the packet."""
    statuses = {case.status for item in all_items(result) for case in item.cases}
    steps: list[tuple[str, str]] = []
    if chosen.info.ended_at is None:
        steps.append((f"dengbao run {directory}", "本轮尚有用例未测，继续"))
    if Status.UNDETERMINED in statuses:
        steps.append((f"dengbao run {directory} --new-round", "排除上述原因后复测"))
    if Status.AWAITING_EVIDENCE in statuses:
        steps.append((f"dengbao evidence add {directory} …", "补充佐证"))
    if statuses - {Status.JUDGED}:
        steps.append((f"dengbao status {directory} --item 1.a.4", "看一项的细节"))
    complete = chosen.info.ended_at is not None and statuses == {Status.JUDGED}
    if progress is None:
        steps.append((f"dengbao report {directory}", "出报告"))
    else:
        steps += next_steps(directory, progress, complete=complete)
    out.print()
    say(out, "下一步：")
    width = max(cell_len(command) for command, _ in steps)
    for command, why in steps:
        verbatim(out, f"  {pad(command, width)}  {why}")


def _joined(words: Iterable[str]) -> str:
    return "、".join(dict.fromkeys(words))


# ---- one item ------------------------------------------------------------------------------------


def print_details(out: Console, items: Iterable[ItemResult]) -> None:
    """Print all that is known of some items: what programs and people saw, and what is lacking."""
    for item in items:
        _heading(out, f"{item.item.id} {item.item.text}")
        for case in item.cases:
            out.print(Text.assemble("  ", case.asset, " ", word(case.status, case.verdict)))
            _print_case(out, case)


def _print_case(out: Console, case: CaseResult) -> None:
    for record in case.records:
        if record.check:
            zh = (record.verdict or record.status).zh
            paragraph(out, Text(f"    {record.check} {zh} "), record.statement, indent=6)
    for one in case.evidence:
        paragraph(out, Text(f"    {one.id} {one.verdict.zh} "), one.statement, indent=6)
    if case.override:
        paragraph(out, Text("    推翻自动判定的理由 "), case.override, indent=6)
    if case.declared is not None:
        paragraph(out, Text("    声明不适用 "), case.declared.why, indent=6)
    if case.status is Status.AWAITING_EVIDENCE:
        for lack in case.lacks:
            paragraph(out, Text("    还缺 "), lack, indent=6)


# ---- for programs --------------------------------------------------------------------------------


def status_json(result: SuiteResult, number: int) -> dict[str, object]:
    """Return the shape of DESIGN §6: items, clauses, counts."""
    items = all_items(result)
    counts: dict[str, int] = {}
    for one in items:
        key = (one.verdict or one.status).value
        counts[key] = counts.get(key, 0) + 1
    suite = next((record.suite for one in items for case in one.cases for record in case.records), "")
    return {
        "suite": suite,
        "round": number,
        "items": {one.item.id: _item_json(one) for one in items},
        "clauses": {
            one.clause.id: {"status": one.status.value, "verdict": one.verdict and one.verdict.value}
            for one in result.clauses
        },
        "counts": counts,
    }


def _item_json(one: ItemResult) -> dict[str, object]:
    return {
        "status": one.status.value,
        "verdict": one.verdict and one.verdict.value,
        "assets": {
            case.asset: {
                "status": case.status.value,
                "verdict": case.verdict and case.verdict.value,
                "source": source_of(case),
                "lacks": list(case.lacks),
            }
            for case in one.cases
        },
    }


def source_of(case: CaseResult) -> str:
    """Return where a case's verdict comes from: automatic, manual, both, override or none."""
    if case.override:
        return "override"
    automatic = any(one.check for one in case.records)
    if automatic and case.evidence:
        return "both"
    if automatic:
        return "automatic"
    return "manual" if case.evidence else "none"
