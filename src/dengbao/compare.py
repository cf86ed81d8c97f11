"""What changed between two rounds, item by item and asset by asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from io import StringIO
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from .model import CaseResult, ItemResult, Status, SuiteResult, Value, Verdict
from .verdict import combine

_GOODNESS: Final[dict[Verdict | None, int]] = {Verdict.NONCONFORM: 0, Verdict.PARTIAL: 1, Verdict.CONFORM: 2}


class Direction(StrEnum):
    """How a case moved from one round to the next.

    Like is compared with like: two verdicts, or, where a case is not judged in one of the rounds,
    what the programs alone said in both. Everything else is a change of status, and nothing more
    may be said of it.
    """

    IMPROVED = "improved"
    WORSE = "worse"
    CHANGED = "changed"
    EQUAL = "equal"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed in the table."""
        return {"improved": "改善", "worse": "变差", "changed": "状态变化", "equal": "未变"}[self.value]


class Standing(Value):
    """Where a case stood at the end of a round.

    `automatic` is what the programs alone said, None where they gave no verdict.
    """

    status: Status
    verdict: Verdict | None = None
    automatic: Verdict | None = None

    @property
    def zh(self) -> str:
        """Return the Chinese words printed in the table."""
        if self.verdict is not None:
            return self.verdict.zh
        return f"{self.status.zh}（程序判定：{self.automatic.zh}）" if self.automatic else self.status.zh


class Change(Value):
    """One item on one asset in two rounds; None where a round did not have the case."""

    item: str
    asset: str
    before: Standing | None
    after: Standing | None

    @property
    def direction(self) -> Direction:
        """Return how the case moved."""
        if self.before is None or self.after is None:
            return Direction.CHANGED
        if self.before.verdict is not None and self.after.verdict is not None:
            return _direction(self.before.verdict, self.after.verdict, same=Direction.EQUAL)
        same = Direction.EQUAL if self.before.status is self.after.status else Direction.CHANGED
        return _direction(self.before.automatic, self.after.automatic, same=same)


def _direction(old: Verdict | None, new: Verdict | None, *, same: Direction) -> Direction:
    if old is new:
        return same
    if old not in _GOODNESS or new not in _GOODNESS:
        return Direction.CHANGED
    return Direction.IMPROVED if _GOODNESS[new] > _GOODNESS[old] else Direction.WORSE


def compare(before: SuiteResult, after: SuiteResult) -> tuple[Change, ...]:
    """Return one change per item and asset of either round, in official order."""
    old, new = _cases(before), _cases(after)
    order = {one: number for number, one in enumerate(_items(before, after))}
    keys = sorted({**old, **new}, key=lambda key: order[key[0]])
    return tuple(
        Change(item=item, asset=asset, before=old.get((item, asset)), after=new.get((item, asset)))
        for item, asset in keys
    )


def _results(result: SuiteResult) -> Iterator[ItemResult]:
    yield from result.mandatory
    for clause in result.clauses:
        yield from clause.items


def _items(*results: SuiteResult) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.item.id for result in results for one in _results(result)))


def _cases(result: SuiteResult) -> dict[tuple[str, str], Standing]:
    return {(one.item, one.asset): standing_of(one) for item in _results(result) for one in item.cases}


def standing_of(case: CaseResult) -> Standing:
    """Return where a case stands."""
    said = [one.verdict for one in case.records if one.verdict is not None]
    return Standing(status=case.status, verdict=case.verdict, automatic=combine(said) if said else None)


def render(
    changes: Iterable[Change], *, first: str = "第1轮", second: str = "第2轮", width: int = 100
) -> str:
    """Return what changed as a plain Chinese table, and below it how many cases moved which way."""
    given = tuple(changes)
    moved = [one for one in given if one.direction is not Direction.EQUAL]
    table = Table("测评项", "测评对象", first, second, "变化", box=box.SIMPLE, pad_edge=False)
    for one in moved:
        table.add_row(one.item, one.asset, _zh(one.before), _zh(one.after), one.direction.zh)
    out = StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False)
    if moved:
        console.print(table)
    counts = Counter(one.direction for one in given)
    parts = "，".join(f"{one.zh}{counts[one]}条" for one in Direction)
    console.print(f"共{len(given)}条：{parts}。", highlight=False)
    return out.getvalue()


def _zh(standing: Standing | None) -> str:
    return standing.zh if standing else "未列入"
