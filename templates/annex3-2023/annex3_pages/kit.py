"""What the pages share: heads of tables, and tables with a row for each entry of a list."""

from __future__ import annotations

from typing import Final

from dengbao.report.wordparts import Cell, Row, Writer

SHADE: Final = "E7E6E6"
# Head, width in mm, template text, style.
Column = tuple[str, float, str, str | tuple[str, ...]]


def heads(*texts: str) -> tuple[Cell, ...]:
    """Return the cells of a table's head."""
    return tuple(Cell(one, "Head", shade=SHADE) for one in texts)


def listing(out: Writer, loop: str, *columns: Column) -> None:
    """Append a table with one row for each `one in loop`; no row is torn over two pages."""
    out.table(
        [width for _, width, _, _ in columns],
        (
            Row(heads(*(head for head, _, _, _ in columns)), header=True, whole=True),
            Row(control=f"for one in {loop}"),
            Row(tuple(Cell(text, style) for _, _, text, style in columns), whole=True),
            Row(control="endfor"),
        ),
    )
