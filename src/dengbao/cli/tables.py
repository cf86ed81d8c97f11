"""Tables that several commands print."""

from __future__ import annotations

from collections import Counter

from rich.table import Table

from ..model import ClauseResult, ItemResult, Status, SuiteResult, Verdict
from .console import COLOURS, word


def all_items(result: SuiteResult) -> list[ItemResult]:
    """Return the mandatory items and all others, in official order."""
    return [*result.mandatory, *(item for clause in result.clauses for item in clause.items)]


def clause_table(result: SuiteResult) -> Table:
    """Return one row a clause: verdict, and how its items stand."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("条款", no_wrap=True)
    table.add_column("符合情况", no_wrap=True)
    table.add_column("各项", overflow="fold")
    # Unbounded, the longest text would squeeze the other columns away: they give way first.
    table.add_column("要求", overflow="ellipsis", no_wrap=True, max_width=36)
    for one in result.clauses:
        table.add_row(one.clause.id, word(one.status, one.verdict), _items(one), one.clause.text)
    return table


def _items(clause: ClauseResult) -> str:
    return " ".join(
        f"{one.item.id.rpartition('.')[2]}:{word(one.status, one.verdict)}" for one in clause.items
    )


def counts_line(result: SuiteResult) -> str:
    """Return how many items stand how, as rich markup."""
    counted = Counter((one.verdict or one.status).value for one in all_items(result))
    words: dict[str, str] = {
        **{one.value: one.zh for one in Verdict},
        **{one.value: one.zh for one in Status},
    }
    parts = [f"[{COLOURS[key]}]{words[key]} {counted[key]}[/]" for key in COLOURS if counted[key]]
    return f"{len(all_items(result))} 项：" + "，".join(parts)
