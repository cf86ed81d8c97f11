"""The clauses of a round in a table, and how many items stand how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from ..model import ItemResult, Status, SuiteResult, Verdict
from .console import COLOURS, word


def all_items(result: SuiteResult) -> list[ItemResult]:
    """Return the mandatory items and all others, in official order."""
    return [*result.mandatory, *(item for clause in result.clauses for item in clause.items)]


def mandatory_line(result: SuiteResult) -> Text:
    """Return how the mandatory items stand, in one line."""
    return Text.assemble("必须测试项  ", _items(result.mandatory))


def clause_table(result: SuiteResult, width: int) -> Table:
    """Return one row a clause: verdict, how its items stand, and as much of its text as `width` leaves."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("条款", no_wrap=True)
    table.add_column("符合情况", no_wrap=True)
    table.add_column("各项", max_width=width // 2 + 6)
    table.add_column("要求", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in result.clauses:
        table.add_row(one.clause.id, word(one.status, one.verdict), _items(one.items), Text(one.clause.text))
    return table


def _items(items: Iterable[ItemResult]) -> Text:
    parts = [
        Text.assemble(f"{one.item.id.rpartition('.')[2]}:", word(one.status, one.verdict)) for one in items
    ]
    return Text(" ").join(parts)


def counts_line(result: SuiteResult) -> Text:
    """Return how many items stand how."""
    counted = Counter((one.verdict or one.status).value for one in all_items(result))
    words: dict[str, str] = {
        **{one.value: one.zh for one in Verdict},
        **{one.value: one.zh for one in Status},
    }
    parts = [Text(f"{words[key]} {counted[key]}", style=COLOURS[key]) for key in COLOURS if counted[key]]
    return Text.assemble(f"{len(all_items(result))} 项：", Text("，").join(parts))
