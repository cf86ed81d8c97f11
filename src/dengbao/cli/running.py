"""init, doctor, plan, run, judge."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import click
from rich.cells import cell_len
from rich.text import Text

from .. import doctor as doctor_room
from .. import restraint as restraint_room
from ..content import find_content
from ..doctor import Weight
from ..errors import UsageError
from ..model import Level, Plan, Record
from ..packet.lock import refuse_when_locked
from ..probes.registry import probes_for
from ..results import code_of, fold_round
from ..runner import Difference, judge_again
from ..runner import run as run_room
from ..secrets import MOST_ANSWERS_BYTES, read_answers
from ..session import Session, only_items, open_session
from ..steering import Stopped
from . import options
from .chinese import Argument, Command
from .console import Watcher, console, paragraph, say, verbatim
from .standing import print_causes, print_findings, print_next_steps, print_overview
from .tables import counts_line
from .values import choice, folder
from .wrapping import pad

_SUBJECT_WIDTH: Final = 16
_FIELDS: Final = {
    "criteria": "判据", "params": "参数", "facts": "事实摘要", "coverage": "覆盖程度",
    "remainder": "尚缺的佐证", "reason": "原因", "suite_sha256": "测评依据",
}  # fmt: skip
WEIGHT_COLOURS: Final = {
    Weight.OK: "green",
    Weight.NOTE: "cyan",
    Weight.WARNING: "yellow",
    Weight.ERROR: "bold red",
}


@click.command(
    cls=Command,
    help="新建项目目录，写入带注释的 engagement.yaml；已有的不覆盖。",
    epilog="dengbao init my-hospital",
)
@click.argument("directory", metavar="目录", cls=Argument, type=folder, help="新项目的目录，不存在则新建")
@options.content
def init(directory: Path, content: Path | None) -> int:
    """Write the starter engagement into a new folder; an existing one is left alone."""
    target = directory / "engagement.yaml"
    if target.exists() or target.is_symlink():
        raise UsageError(
            "已有 engagement.yaml，不覆盖", where=str(target), cure="换一个目录，或直接编辑该文件"
        )
    source = find_content(content).templates / "engagement" / "engagement.yaml"
    (directory / "evidence").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    out = console()
    verbatim(out, f"已写入 {target}")
    say(out, "下一步：按文件中的注释填写，然后")
    verbatim(out, f"  dengbao doctor {directory}   自查：哪些会被拒绝、还缺什么")
    verbatim(out, f"  dengbao run {directory}      开始检测")
    return 0


@click.command(
    cls=Command,
    help="检测前自查：授权、地址、口令、文件、检测程序；不连接任何测评对象（只解析主机名）。\n\n"
    "有“错误”时退出码为 2，相应对象将无法检测。",
    epilog="dengbao doctor my-hospital",
)
@options.directory
@options.content
def doctor(directory: Path, content: Path | None) -> int:
    """Print what will be refused or is lacking; exit 2 where something is wrong."""
    session = open_session(directory, content)
    findings = doctor_room.examine(session)
    out = console()
    order = list(Weight)
    width = min(_SUBJECT_WIDTH, max(cell_len(one.subject) for one in findings))
    for one in sorted(findings, key=lambda one: order.index(one.weight)):  # the gravest stands last
        lead = Text.assemble((one.weight.zh, WEIGHT_COLOURS[one.weight]), f"  {pad(one.subject, width)}  ")
        paragraph(out, lead, one.message, indent=6)
        if one.cure and one.weight is not Weight.OK:
            paragraph(out, Text("      处理："), one.cure)
    counted = Counter(one.weight for one in findings)
    planned = f"计划 {len(session.plan.cases)} 个用例、{len(session.plan.probes)} 次采集"
    say(out, f"\n{planned}；错误 {counted[Weight.ERROR]}，注意 {counted[Weight.WARNING]}")
    return 2 if counted[Weight.ERROR] else 0


@click.command(
    cls=Command,
    help="列出计划：每项由哪个检查在哪些对象上判定，哪些须人工，以及将对每个对象做哪些采集。\n\n"
    "不连接任何测评对象。",
    epilog="dengbao plan my-hospital\ndengbao plan my-hospital --item 1.a",
)
@options.directory
@options.items
@options.content
def plan(directory: Path, items: tuple[str, ...], content: Path | None) -> int:
    """Print the plan."""
    session = open_session(directory, content)
    part = only_items(session, session.plan, items)
    out = console()
    rows: dict[tuple[str, str], list[str]] = {}
    for case in part.cases:
        rows.setdefault((case.item, case.check or "人工"), []).append(case.asset)
    for (item, check), assets in rows.items():
        paragraph(out, Text(f"{pad(item, 7)}{pad(check, 32)}"), "、".join(assets))
    _print_probes(session, part)
    automatic = sum(1 for one in part.cases if one.check)
    counts = f"共 {len(part.cases)} 个用例：自动 {automatic}，人工 {len(part.cases) - automatic}"
    say(out, f"\n{counts}；采集 {len(part.probes)} 次")
    return 0


def _print_probes(session: Session, part: Plan) -> None:
    out = console()
    if part.probes:
        out.print()
        say(out, "将对测评对象做的采集：", style="bold")
    for asset_id in dict.fromkeys(one.asset for one in part.probes):
        wanted = {one.probe for one in part.probes if one.asset == asset_id}
        specs = [spec for spec in probes_for(session.asset(asset_id)) if spec.name in wanted]
        told = "；".join(f"{one.title}（{one.level.zh}级）" for one in specs)
        paragraph(out, Text(f"  {asset_id}  "), told, indent=4)


@click.command(
    cls=Command,
    help="运行检测：采集事实，断开网络后判定，逐条记录。\n\n"
    "中断后再次执行即从断点继续，已完成的采集不再连接；一轮结束后再次执行即为新的一轮（复测）。\n\n"
    "新建文件 runs/.pause 即暂停（正在进行的采集做完为止），删去即继续；新建 runs/.stop 即停止。\n\n"
    "--level、--without 不作的采集，有关项记“无法判定（未授权）”；"
    "本轮尚未判定的，再次执行时不再排除即补作，已判定的须开始新的一轮。",
    epilog="dengbao run my-hospital --operator 张三\n"
    "dengbao run my-hospital --item 1.a --item 8\n"
    "dengbao run my-hospital --level login\n"
    "dengbao run my-hospital --without web.lockout --without host.stop_audit@his-host\n"
    "dengbao run my-hospital --new-round",
)
@options.directory
@options.items
@click.option("--new-round", is_flag=True, help="不接着未完成的一轮，开始新的一轮（复测）")
@click.option("--operator", default="", metavar="姓名", help="测试人员姓名，写入记录")
@click.option(
    "--assist", is_flag=True, help="遇验证码时打开浏览器窗口，由人工登录一次；会话只在本次运行的内存中沿用"
)
@click.option(
    "--level", type=choice({one.value: one for one in Level}), metavar="级别",
    help="本次最高到哪一级：observe 观察、login 登录、intrude 侵入性测试、disrupt 破坏性测试；不能高于授权",
)  # fmt: skip
@click.option(
    "--without", multiple=True, metavar="采集[@对象]",
    help="本次不作这一采集（名称见 plan），可限于一个测评对象，可多次给出",
)  # fmt: skip
@click.option(
    "--answers", is_flag=True,
    help='从标准输入读取 prompt: 口令，不再询问：一个 JSON 对象 {"对象/用户名": "口令"}，供工作台等程序调用',
)  # fmt: skip
@options.content
def run(
    directory: Path, items: tuple[str, ...], new_round: bool, operator: str, assist: bool,
    level: Level | None, without: tuple[str, ...], answers: bool, content: Path | None,
) -> int:  # fmt: skip
    """Fetch, judge, reconcile; print the result by clause."""
    refuse_when_locked(directory)
    session = open_session(directory, content)
    restraint = restraint_room.read(level, without, session.plan)
    given = read_answers(sys.stdin.buffer.read(MOST_ANSWERS_BYTES)) if answers else None
    watcher = Watcher(console(stderr=True), len(only_items(session, session.plan, items).probes))

    def judging(part: Plan) -> None:
        watcher.finish(f"采集完成，正在判定 {len(part.cases)} 个用例…")

    try:
        with watcher.shown():
            finished = run_room(
                directory, content=content, items=items, new_round=new_round, operator=operator,
                watch=watcher, judging=judging, assist=assist, restraint=restraint, answers=given,
            )  # fmt: skip
    except Stopped as exc:
        say(console(stderr=True), f"{exc.message}。{exc.cure}。")
        return exc.exit_code
    result, _evidence = fold_round(session, finished.round)
    out = console()
    print_overview(out, result)
    print_findings(out, result, full=True)
    print_causes(out, result)
    out.print()
    out.print(counts_line(result))
    print_next_steps(out, directory, finished.round, result)
    return code_of(result)


@click.command(
    cls=Command,
    help="断开网络，用已采集的事实重新判定，并与结果记录逐条比对；记录本身不改。\n\n"
    "有不同、或有事实文件损坏时退出码为 4。",
    epilog="dengbao judge my-hospital\ndengbao judge my-hospital --round 1",
)
@options.directory
@options.round_number
@options.content
def judge(directory: Path, number: int | None, content: Path | None) -> int:
    """Judge again; exit 4 where a record would be another."""
    chosen, differences = judge_again(directory, number, content=content)
    out = console()
    damaged = chosen.store().damaged()
    for error in damaged:
        paragraph(out, Text("损坏 ", style="bold red"), str(error), indent=5)
    for one in differences:
        say(out, one.case)
        before, after = _told(one.recorded), _told(one.again)
        paragraph(out, Text("  记录："), before)
        if after == before:
            say(out, f"  重判：文字相同，不同在{_differs(one)}")
        else:
            paragraph(out, Text("  重判："), after)
    if not (differences or damaged):
        say(out, f"第 {chosen.number} 轮：{len(chosen.records())} 条结果重新判定，与记录完全一致")
        return 0
    say(out, f"第 {chosen.number} 轮：{len(differences)} 条结果与记录不同，{len(damaged)} 个事实文件损坏")
    if differences and open_session(directory, content).suite.sha256 != chosen.info.suite_sha256:
        say(out, "提示：该轮之后 suites 已改动，差异可能由此而来")
    return 4


def _told(record: Record | None) -> str:
    return "无记录" if record is None else f"{(record.verdict or record.status).zh} {record.statement}"


def _differs(one: Difference) -> str:
    names = [zh for name, zh in _FIELDS.items() if getattr(one.recorded, name) != getattr(one.again, name)]
    return "、".join(names) or "其他字段"
