"""status, compare, suite, check: what stands where, and what there is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from rich.table import Table

from .. import catalog, checking
from ..compare import compare as compare_results
from ..compare import render
from ..content import find_content
from ..errors import UsageError
from ..model import CaseResult, EvidenceKind, Item, ItemResult, Status, Suite, SuiteResult, kind_of
from ..results import code_of, fold_round
from ..rounds import load_round
from ..session import open_session
from . import options
from .chinese import Command, Group
from .console import console, word
from .tables import all_items, clause_table, counts_line


@click.command(cls=Command, help="各项的状态：判定、缺什么、下一步")
@options.directory
@options.content
@options.round_number
@options.as_json
def status(directory: Path, content: Path | None, number: int | None, form: str) -> int:
    """Print how the newest round stands, with manual evidence."""
    session = open_session(directory, content)
    chosen = load_round(directory, number)
    result, _evidence = fold_round(session, chosen)
    if form == "json":
        print(json.dumps(status_json(result, chosen.number), ensure_ascii=False, indent=1))
        return code_of(result)
    out = console()
    out.print(f"{session.engagement.institution.name} 第 {chosen.number} 轮", style="bold")
    out.print(clause_table(result))
    out.print(counts_line(result))
    lacking = [case for item in all_items(result) for case in item.cases if case.status is not Status.JUDGED]
    if lacking:
        out.print("\n尚未判定：", style="bold")
    for case in lacking:
        out.print(f"  {word(case.status, case.verdict)} ", end="")
        out.print(f"{case.item} {case.asset}：{'；'.join(case.lacks) or '见记录'}", markup=False)
    return code_of(result)


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


@click.command(cls=Command, help="两轮之间改变了什么（整改前后）")
@options.directory
@options.content
@click.option("--from", "before", type=click.IntRange(1), required=True, metavar="轮次", help="整改前")
@click.option("--to", "after", type=click.IntRange(1), required=True, metavar="轮次", help="整改后")
def compare(directory: Path, content: Path | None, before: int, after: int) -> int:
    """Print item by item what changed."""
    session = open_session(directory, content)
    first, _ = fold_round(session, load_round(directory, before))
    second, _ = fold_round(session, load_round(directory, after))
    console().print(render(compare_results(first, second)), markup=False)
    return 0


@click.group(cls=Group, help="测评项：列出、查看")
def suite() -> None:
    """Group of the suite commands."""


@suite.command("list", help="有哪些测评依据")
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
            out.print(f"{one.id}  {one.regulation}  {one.title}（{size}）", markup=False)
    return 0


@suite.command("show", help="查看一套测评项，或其中一项的作业指导")
@click.argument("suite_id", metavar="名称")
@click.argument("item_id", metavar="[项]", required=False)
@options.content
@options.as_json
def suite_show(suite_id: str, item_id: str | None, content: Path | None, form: str) -> int:
    """Print a suite, or one item with its guidance."""
    folder = find_content(content).suites / suite_id
    if not (folder / "suite.yaml").is_file():
        raise UsageError(f"没有测评依据“{suite_id}”", where=str(folder), cure="用 dengbao suite list 查看")
    one = catalog.load_suite(folder)
    if form == "json":
        shown: object = one if item_id is None else _find(one, item_id)
        print(msgspec.json.format(msgspec.json.encode(shown), indent=1).decode())
        return 0
    if item_id is not None:
        _print_item(_find(one, item_id))
        return 0
    out = console()
    out.print(f"{one.regulation} {one.title}", style="bold", markup=False)
    out.print("必须测试项", style="bold")
    for item in one.mandatory:
        out.print(f"  {item.id} {item.text}", markup=False)
    for chapter in one.chapters:
        out.print(f"{chapter.number}. {chapter.title}", style="bold", markup=False)
        for clause in chapter.clauses:
            risk = f"［高风险判例 {clause.high_risk.case}］" if clause.high_risk else ""
            out.print(f"  {clause.letter}) {clause.text} {clause.unit}{risk}", markup=False)
            for item in clause.items:
                out.print(f"     {item.id} {item.text}", markup=False)
    return 0


def _find(one: Suite, item_id: str) -> Item:
    for item in one.items():
        if item.id == item_id:
            return item
    raise UsageError(f"没有测评项“{item_id}”", cure="写成 1.a.3；用 dengbao suite show 查看全部")


def _print_item(item: Item) -> None:
    out = console()
    out.print(f"{item.id} {item.text}", style="bold", markup=False)
    out.print(
        f"方法：{'、'.join(one.zh for one in item.methods)}；对象：{'、'.join(one.zh for one in item.kinds)}"
    )
    out.print(f"检查：{'、'.join(one.use for one in item.checks) or '人工'}")
    if item.anomaly:
        out.print(f"说明：{item.anomaly}", markup=False)
    out.print(f"\n作业指导：{item.by_hand.ask}", markup=False)
    out.print(f"留存：{'、'.join(EvidenceKind(one).zh for one in item.by_hand.keep)}", markup=False)
    for step in item.by_hand.how:
        out.print(f"\n［{step.platform}］", style="bold", markup=False)
        out.print(step.steps, markup=False)
        if step.expect:
            out.print(f"  预期：{step.expect}", markup=False)
    if item.advice:
        out.print(f"\n整改建议：{item.advice}", markup=False)


@click.group(cls=Group, help="检查：列出、查看")
def check() -> None:
    """Group of the check commands."""


@check.command("list", help="有哪些检查，用什么事实判定")
@options.content
@options.as_json
def check_list(content: Path | None, form: str) -> int:
    """Print every check and its variants."""
    registry = checking.load(find_content(content).checks)
    rows = [
        {
            "check": one.check,
            "facts": [kind_of(need.facts) + ("?" if need.optional else "") for need in one.needs],
            "params": []
            if one.params is None
            else [field.name for field in msgspec.structs.fields(one.params)],
            "doc": one.doc.splitlines()[0] if one.doc else "",
        }
        for one in registry
    ]
    if form == "json":
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("检查", "事实", "参数"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(str(row["check"]), _joined(row, "facts"), _joined(row, "params"))
    out = console()
    out.print(table)
    out.print(f"共 {len(registry.ids())} 个检查，{len(rows)} 个判定函数")
    return 0


def _joined(row: Mapping[str, object], key: str) -> str:
    value = row[key]
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


@check.command("show", help="查看一个检查：依据、参数、判定函数所在")
@click.argument("check_id", metavar="检查")
@options.content
def check_show(check_id: str, content: Path | None) -> int:
    """Print a check with the docstrings of its variants."""
    room = find_content(content)
    registry = checking.load(room.checks)
    variants = registry.of(check_id)
    if not variants:
        raise UsageError(f"没有检查“{check_id}”", cure="用 dengbao check list 查看")
    out = console()
    out.print(check_id, style="bold")
    for one in variants:
        facts = "、".join(kind_of(need.facts) for need in one.needs)
        out.print(
            f"\n{one.function.__name__}（{one.source.relative_to(room.root)}）事实：{facts}", markup=False
        )
        out.print(one.doc, markup=False)
    return 0
