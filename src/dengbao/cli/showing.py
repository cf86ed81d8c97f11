"""compare, suite, check: what changed, what is asked, and how it is judged."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec
from rich.text import Text

from .. import catalog, checking
from ..compare import compare as compare_results
from ..compare import render
from ..content import Content, find_content
from ..errors import UsageError
from ..model import EvidenceKind, Item, Suite, kind_of
from ..reading import suggest
from ..results import fold_round
from ..rounds import load_round
from ..session import open_session
from . import options
from .chinese import Argument, Command, Group
from .console import console, paragraph, say, verbatim
from .covering import print_coverage
from .values import counted
from .wrapping import pad


@click.command(
    cls=Command,
    help="两轮之间改变了什么（整改前后），逐项逐对象。",
    epilog="dengbao compare my-hospital --from 1 --to 2",
)
@options.directory
@click.option("--from", "before", type=counted, required=True, metavar="轮次", help="整改前")
@click.option("--to", "after", type=counted, required=True, metavar="轮次", help="整改后")
@options.content
def compare(directory: Path, before: int, after: int, content: Path | None) -> int:
    """Print item by item what changed."""
    session = open_session(directory, content)
    first, _ = fold_round(session, load_round(directory, before))
    second, _ = fold_round(session, load_round(directory, after))
    out = console()
    shown = render(
        compare_results(first, second), first=f"第{before}轮", second=f"第{after}轮", width=out.width
    )
    verbatim(out, shown.strip("\n"))
    return 0


@click.group(cls=Group, help="测评项：列出、查看原文与作业指导。", epilog="dengbao suite list")
def suite() -> None:
    """Group of the suite commands."""


@suite.command("list", help="有哪些测评依据。", epilog="dengbao suite list")
@options.content
def suite_list(content: Path | None) -> int:
    """Print every suite."""
    out = console()
    for folder in sorted(find_content(content).suites.iterdir()):
        if (folder / "suite.yaml").is_file():
            one = catalog.load_suite(folder)
            items = sum(len(clause.items) for clause in one.clauses())
            clauses = sum(1 for _ in one.clauses())
            size = f"必测 {len(one.mandatory)}，{len(one.chapters)} 章 {clauses} 条 {items} 项"
            paragraph(out, Text(f"{one.id}  "), f"{one.regulation}  {one.title}（{size}）")
    return 0


@suite.command(
    "show",
    help="查看一套测评项的原文，或其中一项的作业指导：问什么、怎么查、留什么。",
    epilog="dengbao suite show annex3-2023\ndengbao suite show annex3-2023 1.a.3",
)
@click.argument("suite_id", metavar="名称", cls=Argument, help="测评依据，如 annex3-2023")
@click.argument(
    "item_id", metavar="[项]", required=False, cls=Argument, help="测评项，如 1.a.3；不写则列出全部"
)
@options.as_json
@options.content
def suite_show(suite_id: str, item_id: str | None, form: str, content: Path | None) -> int:
    """Print a suite, or one item with its guidance."""
    one = _load(find_content(content), suite_id)
    if form == "json":
        shown: object = one if item_id is None else _find(one, item_id)
        print(msgspec.json.format(msgspec.json.encode(shown), indent=1).decode())
    elif item_id is not None:
        _print_item(_find(one, item_id))
    else:
        _print_suite(one)
    return 0


def _load(rooms: Content, suite_id: str, registry: checking.Registry | None = None) -> Suite:
    known = sorted(one.parent.name for one in rooms.suites.glob("*/suite.yaml"))
    if suite_id not in known:
        raise UsageError(f"没有测评依据“{suite_id}”", cure=suggest(suite_id, known))
    return catalog.load_suite(rooms.suites / suite_id, registry)


def _print_suite(suite: Suite) -> None:
    out = console()
    say(out, f"{suite.regulation} {suite.title}", style="bold")
    say(out, "必须测试项", style="bold")
    for item in suite.mandatory:
        paragraph(out, Text(f"  {pad(item.id, 5)}"), item.text)
    for chapter in suite.chapters:
        say(out, f"{chapter.number}. {chapter.title}", style="bold")
        for clause in chapter.clauses:
            risk = f"［高风险判例 {clause.high_risk.case}］" if clause.high_risk else ""
            paragraph(out, Text(f"  {clause.letter}) "), f"{clause.text} {clause.unit}{risk}")
            for item in clause.items:
                paragraph(out, Text(f"     {pad(item.id, 7)}"), item.text)


def _find(suite: Suite, item_id: str) -> Item:
    for item in suite.items():
        if item.id == item_id:
            return item
    raise UsageError(f"没有测评项“{item_id}”", cure=f"写成 1.a.3；全部见 dengbao suite show {suite.id}")


def _print_item(item: Item) -> None:
    out = console()
    say(out, f"{item.id} {item.text}", style="bold")
    methods, kinds = ("、".join(one.zh for one in some) for some in (item.methods, item.kinds))
    say(out, f"方法：{methods}；对象：{kinds}")
    paragraph(out, Text("检查："), "、".join(one.use for one in item.checks) or "人工")
    if item.anomaly:
        paragraph(out, Text("说明："), item.anomaly)
    out.print()
    paragraph(out, Text("作业指导："), item.by_hand.ask)
    paragraph(out, Text("留存："), "、".join(EvidenceKind(one).zh for one in item.by_hand.keep))
    for step in item.by_hand.how:
        out.print()
        say(out, f"［{step.platform}］", style="bold")
        verbatim(out, step.steps.rstrip())
        if step.expect:
            paragraph(out, Text("  预期："), step.expect)
    if item.advice:
        out.print()
        paragraph(out, Text("整改建议："), item.advice)


@click.group(cls=Group, help="检查：列出、查看判定依据。", epilog="dengbao check list")
def check() -> None:
    """Group of the check commands."""


@check.command(
    "list",
    help="有哪些检查，能判定哪类对象，用到哪些阈值；--coverage 逐项列出由程序还是由人作答，及其原因。",
    epilog="dengbao check list\ndengbao check list --coverage\ndengbao check list --format json",
)
@click.option("--coverage", "covering", is_flag=True, help="测评项 × 对象：自动、半自动、人工，及其原因")
@click.option("--suite", "suite_id", default="annex3-2023", metavar="名称", help="--coverage 用哪套测评依据")
@options.as_json
@options.content
def check_list(covering: bool, suite_id: str, form: str, content: Path | None) -> int:
    """Print every check: kinds of facts and parameters; the facts themselves in JSON."""
    rooms = find_content(content)
    registry = checking.load(rooms.checks)
    if covering:
        print_coverage(_load(rooms, suite_id, registry), registry, form=form)
        return 0
    if form == "json":
        print(json.dumps([_row(one) for one in registry], ensure_ascii=False, indent=1))
        return 0
    out = console()
    width = max((len(one) for one in registry.ids()), default=0)
    for check_id in registry.ids():
        variants = registry.of(check_id)
        kinds = [kind_of(need.facts).partition(".")[0] for one in variants for need in one.needs]
        params = [name for one in variants for name in _params(one)]
        text = " ".join(dict.fromkeys(kinds)) + (f"（{'、'.join(dict.fromkeys(params))}）" if params else "")
        paragraph(out, Text(pad(check_id, width + 2)), text)
    say(out, f"共 {len(registry.ids())} 个检查，{len(list(registry))} 个判定函数")
    return 0


def _params(variant: checking.Variant) -> list[str]:
    return [] if variant.params is None else [one.name for one in msgspec.structs.fields(variant.params)]


def _row(variant: checking.Variant) -> dict[str, object]:
    return {
        "check": variant.check,
        "facts": [kind_of(need.facts) + ("?" if need.optional else "") for need in variant.needs],
        "params": _params(variant),
        "doc": variant.doc.splitlines()[0] if variant.doc else "",
    }


@check.command(
    "show",
    help="查看一个检查：每个判定函数用什么事实、什么阈值、依据哪一条、写在哪个文件。",
    epilog="dengbao check show identity.empty_password",
)
@click.argument("check_id", metavar="检查", cls=Argument, help="如 identity.empty_password")
@options.content
def check_show(check_id: str, content: Path | None) -> int:
    """Print a check with the docstrings of its variants."""
    rooms = find_content(content)
    registry = checking.load(rooms.checks)
    variants = registry.of(check_id)
    if not variants:
        raise UsageError(
            f"没有检查“{check_id}”", cure=suggest(check_id, registry.ids()) + "；全部见 dengbao check list"
        )
    out = console()
    say(out, check_id, style="bold")
    for one in variants:
        out.print()
        say(out, f"{one.function.__name__}", style="bold")
        verbatim(out, f"  文件：{one.source.relative_to(rooms.root)}")
        paragraph(out, Text("  事实："), "、".join(kind_of(need.facts) for need in one.needs))
        paragraph(out, Text("  阈值："), "、".join(_params(one)) or "无")
        verbatim(out, "\n".join(f"  {line.strip()}".rstrip() for line in one.doc.splitlines()))
    return 0
