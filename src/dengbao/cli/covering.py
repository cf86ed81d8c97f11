"""The table item × sort of asset: what the program answers, what is left to people, and why."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.table import Table
from rich.text import Text

from ..catalog.coverage import SORTS, Cell, Share, coverage, shares
from ..checking import Registry
from ..model import Suite
from .console import console, paragraph, say

_COLOURS = {Share.AUTOMATIC: "green", Share.HALF: "yellow", Share.BY_HAND: "blue"}


def print_coverage(suite: Suite, registry: Registry, *, form: str) -> None:
    """Print who answers which item on which sort of asset, then why people are still needed."""
    cells = list(coverage(suite, registry))
    if form == "json":
        print(msgspec.json.format(msgspec.json.encode(cells), indent=1).decode())
        return
    out = console()
    say(out, f"{suite.regulation} {suite.title}：各测评项由谁作答", style="bold")
    out.print(_table(suite, cells))
    out.print()
    say(out, "留给人工的，及其原因", style="bold")
    for item in suite.items():
        for sorts, text in _left(cell for cell in cells if cell.item == item.id):
            paragraph(out, Text(f"  {item.id:<6} {sorts}："), text, indent=9)
    out.print()
    for sort, count in shares(cells).items():
        asked = sum(count.values())
        ours = asked - count[Share.BY_HAND]
        parts = "，".join(f"{one.zh} {count[one]}" for one in Share)
        say(out, f"{sort}：{asked} 项，{parts}；自动与半自动占 {100 * ours / asked:.0f}%")


def _table(suite: Suite, cells: Iterable[Cell]) -> Table:
    by_place = {(cell.item, cell.sort): cell.share for cell in cells}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("项", no_wrap=True)
    for sort, _ in SORTS:
        table.add_column(sort, no_wrap=True)
    for item in suite.items():
        shown = (by_place.get((item.id, sort)) for sort, _ in SORTS)
        table.add_row(item.id, *(Text(one.zh, style=_COLOURS[one]) if one else Text("—") for one in shown))
    return table


def _left(cells: Iterable[Cell]) -> Iterable[tuple[str, str]]:
    """Return sorts and text, those with the same text together."""
    texts: dict[tuple[Share, str], list[str]] = {}
    for cell in cells:
        if cell.why:
            texts.setdefault((cell.share, "；".join(cell.why)), []).append(cell.sort)
    return [(f"{'、'.join(sorts)}（{share.zh}）", text) for (share, text), sorts in texts.items()]
