"""Before and after: what became better or worse from one round to another, case by case."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...compare import Change, Direction, compare
from ...errors import UsageError
from ...evidence import counted
from ...model import SuiteResult
from ...results import fold_with, refuse_other_suite
from ...rounds import load_round
from ..desk import State
from ..visit import Visit, look
from .overview import rounds_of

_MOST: Final = 300
# What must not be overlooked comes first.
_ORDER: Final = (Direction.WORSE, Direction.IMPROVED, Direction.CHANGED)


def show(visit: Visit) -> Response:
    """Show what moved between two rounds; without any named, between the last two."""
    state = visit.desk.state()
    numbers = [one.round for one in rounds_of(state)]
    first, second = _number(visit, "from", numbers[1:]), _number(visit, "to", numbers)
    only = next((one for one in Direction if one.value == visit.asked("only")), None)
    changes = changes_of(state, first, second) if first and second and first != second else ()
    moved = [one for one in changes if one.direction is only or (only is None and one.direction in _ORDER)]
    moved.sort(key=lambda one: _ORDER.index(one.direction) if one.direction in _ORDER else len(_ORDER))
    return visit.page(
        "compare.html", state=state, numbers=numbers, first=first, second=second, only=only,
        changes=moved[:_MOST], left=max(0, len(moved) - _MOST), total=len(changes),
        counts=Counter(one.direction for one in changes), directions=Direction,
    )  # fmt: skip


def _number(visit: Visit, name: str, numbers: list[int]) -> int:
    told = visit.asked(name)
    if not told:
        return numbers[0] if numbers else 0
    known = {str(one.round): one.round for one in rounds_of(visit.desk.state())}
    if told not in known:
        raise UsageError(f"没有第 {told[:10]} 轮", cure="在总览“各轮检测”中选择")
    return known[told]


@functools.lru_cache(maxsize=2)
def changes_of(state: State, first: int, second: int) -> tuple[Change, ...]:
    """Return every case of either round with how it moved."""
    return compare(_folded(state, first), _folded(state, second))


def _folded(state: State, number: int) -> SuiteResult:
    if state.round is not None and number == state.round.number:
        return state.result
    chosen = load_round(state.session.directory, number)
    refuse_other_suite(state.session, chosen)
    return fold_with(state.session, chosen, counted(state.examined))[0]


ROUTES: Final[tuple[Route, ...]] = (look("/compare", show),)
