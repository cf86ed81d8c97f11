"""Table: all cases, chosen by what the address asks for, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from ..desk import State
from ..rows import Filter, Row, people_of, rows_of, tones_of
from ..visit import Visit, look

PAGE: Final = 100
_FIELDS: Final = ("chapter", "asset", "tone", "who", "high", "q")
TONES: Final = (
    ("bad", "不符合与部分符合"), ("open", "尚未判定"), ("nonconform", "不符合"), ("partial", "部分符合"),
    ("conform", "符合"), ("not_applicable", "不适用"), ("awaiting_evidence", "待补证"),
    ("undetermined", "无法判定"), ("not_run", "未测"),
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """What one page of the table shows, and the addresses of the pages around it."""

    chosen: tuple[Row, ...]
    number: int
    filter: Filter

    @property
    def pages(self) -> int:
        """Return how many pages there are, at least one."""
        return max(1, -(-len(self.chosen) // PAGE))

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return the rows of this page."""
        return self.chosen[(self.number - 1) * PAGE : self.number * PAGE]

    @property
    def first(self) -> int:
        """Return the number of the first row, 1 the first of all."""
        return (self.number - 1) * PAGE + 1

    @property
    def query(self) -> str:
        """Return the filter as a form carries it."""
        return urlencode(self.filter.query())

    def address(self, number: int) -> str:
        """Return the address of another page, empty where there is no such page."""
        if not 1 <= number <= self.pages:
            return ""
        query = self.filter.query() | ({"page": str(number)} if number > 1 else {})
        return f"/table?{urlencode(query)}" if query else "/table"


def show(visit: Visit) -> Response:
    """Show the cases that the address asks for: the whole page, or for htmx the body of the table."""
    state = visit.desk.state()
    sheet = sheet_of(visit, state)
    counts = tones_of(sheet.chosen)
    if visit.is_part:
        return visit.page("table_rows.html", sheet=sheet, counts=counts)
    collected, reviewed = people_of(rows_of(state))
    return visit.page(
        "table.html", state=state, sheet=sheet, counts=counts, filter=sheet.filter, tones=TONES,
        collected=collected, reviewed=reviewed, chapters=_chapters(state),
    )  # fmt: skip


def sheet_of(visit: Visit, state: State) -> Sheet:
    """Return the page that the address asks for; a page beyond the last is the last."""
    wanted = filter_of(visit)
    chosen = wanted.choose(rows_of(state))
    told = visit.asked("page")
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 6 else 1
    return Sheet(chosen, max(1, min(number, -(-len(chosen) // PAGE))), wanted)


def filter_of(visit: Visit) -> Filter:
    """Return the filter that the address asks for."""
    return filter_from({name: visit.asked(name) for name in _FIELDS})


def filter_from(fields: Mapping[str, str]) -> Filter:
    """Return the filter that the fields of an address name."""
    return Filter(
        chapter=fields.get("chapter", ""), asset=fields.get("asset", ""), tone=fields.get("tone", ""),
        high_risk=fields.get("high") == "1", who=fields.get("who", ""), words=fields.get("q", "").strip(),
    )  # fmt: skip


def _chapters(state: State) -> tuple[tuple[str, str], ...]:
    first = (("0", "必须测试项"),) if state.session.suite.mandatory else ()
    return (*first, *((str(one.number), f"{one.number} {one.title}") for one in state.session.suite.chapters))


ROUTES: Final[tuple[Route, ...]] = (look("/table", show),)
