"""init, doctor, plan, run, judge."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import click
from rich.table import Table

from .. import doctor as doctor_room
from ..content import find_content
from ..errors import UsageError
from ..model import Plan, Record, Verdict
from ..results import code_of, fold_round
from ..rounds import load_round
from ..runner import Difference, judge_again
from ..runner import run as run_room
from ..session import Session, only_items, open_session
from . import options
from .chinese import Command
from .console import Watcher, console, word
from .tables import clause_table, counts_line

WEIGHT_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}


@click.command(cls=Command, help="新建项目目录，写入带注释的 engagement.yaml")
@options.directory
@options.content
def init(directory: Path, content: Path | None) -> int:
    """Write the starter engagement into a new folder; an existing one is left alone."""
    target = directory / "engagement.yaml"
    if target.exists():
        raise UsageError(
            "已有 engagement.yaml，不覆盖", where=str(target), cure="换一个目录，或直接编辑该文件"
        )
    source = find_content(content).templates / "engagement" / "engagement.yaml"
    (directory / "evidence").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    out = console()
    out.print(f"已写入 {target}", markup=False)
    out.print("下一步：按注释填写，然后", markup=False)
    out.print(f"  dengbao doctor {directory}   看看哪些会被拒绝、还缺什么", markup=False)
    out.print(f"  dengbao run {directory}      开始检测", markup=False)
    return 0


@click.command(cls=Command, help="检测前自查：授权、地址、口令、检测程序，不连接任何测评对象")
@options.directory
@options.content
def doctor(directory: Path, content: Path | None) -> int:
    """Print what will be refused or is lacking; exit 2 where something is wrong."""
    session = open_session(directory, content)
    findings = doctor_room.examine(session)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "对象", "情况", "处理"):
        table.add_column(heading, overflow="fold")
    for one in findings:
        colour = WEIGHT_COLOURS[one.weight.value]
        table.add_row(f"[{colour}]{one.weight.zh}[/]", one.subject, one.message, one.cure)
    out = console()
    out.print(table)
    counted = Counter(one.weight for one in findings)
    errors, warnings = counted[doctor_room.Weight.ERROR], counted[doctor_room.Weight.WARNING]
    planned = f"计划 {len(session.plan.cases)} 个用例、{len(session.plan.probes)} 次采集"
    out.print(f"{planned}；错误 {errors}，注意 {warnings}")
    return 2 if errors else 0


@click.command(cls=Command, help="列出全部用例：测评项 × 测评对象 × 检查")
@options.directory
@options.content
@click.option("--item", "items", multiple=True, metavar="项", help="只看这些项：1、1.a 或 1.a.3")
def plan(directory: Path, content: Path | None, items: tuple[str, ...]) -> int:
    """Print the plan."""
    session = open_session(directory, content)
    part = only_items(session, session.plan, items)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("测评项", "测评对象", "方式"):
        table.add_column(heading, overflow="fold")
    for case in part.cases:
        table.add_row(case.item, case.asset, case.check or "人工")
    out = console()
    out.print(table)
    automatic = sum(1 for one in part.cases if one.check)
    manual = len(part.cases) - automatic
    out.print(f"共 {len(part.cases)} 个用例：自动 {automatic}，人工 {manual}；采集 {len(part.probes)} 次")
    return 0


@click.command(cls=Command, help="运行检测；中断后再次执行即从断点继续")
@options.directory
@options.content
@click.option("--item", "items", multiple=True, metavar="项", help="只测这些项：1、1.a 或 1.a.3，可多次给出")
@click.option("--new-round", is_flag=True, help="不接着未完成的一轮，开始新的一轮（复测）")
@click.option("--operator", default="", metavar="姓名", help="测试人员姓名，写入记录")
def run(directory: Path, content: Path | None, items: tuple[str, ...], new_round: bool, operator: str) -> int:
    """Fetch, judge, reconcile; print the result by clause."""
    out = console()
    session = open_session(directory, content)
    total = len(only_items(session, session.plan, items).probes)
    watcher = Watcher(console(stderr=True), total)

    def judging(part: Plan) -> None:
        console(stderr=True).print(f"采集完成，正在判定 {len(part.cases)} 个用例…")

    with watcher.shown():
        finished = run_room(
            directory, content=content, items=items, new_round=new_round, operator=operator,
            watch=watcher, judging=judging,
        )  # fmt: skip
    result, _evidence = fold_round(session, finished.round)
    out.print(clause_table(result))
    out.print(counts_line(result))
    _say_findings(session, finished.round.number)
    for line in _next_steps(directory, finished.round.info.ended_at is not None):
        out.print(line, markup=False)
    return code_of(result)


def _say_findings(session: Session, number: int) -> None:
    records = [
        one for one in _records(session, number) if one.verdict in (Verdict.NONCONFORM, Verdict.PARTIAL)
    ]
    out = console()
    if records:
        out.print("\n不符合与部分符合：", style="bold")
    for one in records:
        out.print(f"  {word(one.status, one.verdict)} ", end="")
        out.print(f"{one.item} {one.asset}：{one.statement}", markup=False)


def _records(session: Session, number: int) -> list[Record]:
    return list(load_round(session.directory, number).records().values())


def _next_steps(directory: Path, ended: bool) -> list[str]:
    if not ended:
        return [f"\n本轮尚有用例未测：dengbao run {directory}"]
    return [
        "\n下一步：",
        f"  dengbao status {directory}         查看缺什么",
        f"  dengbao evidence add {directory}   补充佐证",
        f"  dengbao report {directory}         出报告",
    ]


@click.command(cls=Command, help="断开网络，用已采集的事实重新判定，并与结果记录逐条比对")
@options.directory
@options.content
@options.round_number
def judge(directory: Path, content: Path | None, number: int | None) -> int:
    """Judge again; exit 4 where a record would be another."""
    chosen, differences = judge_again(directory, number, content=content)
    out = console()
    damaged = chosen.store().damaged()
    for error in damaged:
        out.print(f"[bold red]损坏[/] {error}")
    for one in differences:
        out.print(_difference(one), markup=False)
    if differences or damaged:
        out.print(
            f"第 {chosen.number} 轮：{len(differences)} 条结果与记录不同，{len(damaged)} 个事实文件损坏"
        )
        return 4
    out.print(f"第 {chosen.number} 轮：{len(chosen.plan.cases)} 个用例重新判定，结果与记录完全一致")
    return 0


def _difference(one: Difference) -> str:
    def said(record: Record | None) -> str:
        return "无记录" if record is None else f"{(record.verdict or record.status).zh} {record.statement}"

    return f"{one.case}\n  记录：{said(one.recorded)}\n  重判：{said(one.again)}"
