"""整改情况 as plain data: what moved between the rounds, item by item, and what changed in the facts.

Told as people ask for it: where a case stood in each round, and for every criterion that was answered
otherwise what was measured before and after. What did not move is counted and not listed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..compare import Change, Direction, Standing, standing_of
from ..model import CaseResult, Criterion, Record, RunInfo, Status, SuiteResult, Verdict
from .inputs import PastRound, ReportInput
from .plain import Plain, visible
from .wording import BLANK, listed, moment, places, record_label

MOST_ROWS: Final = 300
MOST_FACTS: Final = 8
_MOST_STEPS: Final = 6
_LONGEST: Final = 100
_SHARED: Final = 12  # items in a row: more would make it higher than the rest of a page
_BLANKS: Final = re.compile(r"[ \t\n]+")
_BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
_BACK_AND_FORTH: Final = "反复"
_GONE: Final = "不再列入"
# What may not be left out where a table is cut short comes first.
_FIRST: Final = (Direction.WORSE.zh, _GONE, _BACK_AND_FORTH, Direction.CHANGED.zh, Direction.IMPROVED.zh)

Key = tuple[str, str]


@dataclass(frozen=True)
class _Told:
    """One item on one asset over the rounds; `cases` has None where a round did not have it."""

    key: Key
    numbers: tuple[int, ...]
    cases: tuple[CaseResult | None, ...]

    @property
    def standings(self) -> tuple[tuple[int, Standing], ...]:
        """Return where the case stood, by the numbers of the rounds that had it."""
        pairs = zip(self.numbers, self.cases, strict=True)
        return tuple((number, standing_of(one)) for number, one in pairs if one is not None)

    @property
    def steps(self) -> tuple[tuple[int, int, Standing], ...]:
        """Return the standings with equal neighbours as one: first round, last round, standing."""
        steps: list[tuple[int, int, Standing]] = []
        for number, one in self.standings:
            if steps and _same(steps[-1][2], one):
                steps[-1] = (steps[-1][0], number, one)
            else:
                steps.append((number, number, one))
        return tuple(steps)

    @property
    def gone(self) -> bool:
        """Tell whether a bad case is no longer asked: mended or only left out, nobody can tell."""
        return self.cases[-1] is None and bool(self.standings) and self.standings[-1][1].verdict in _BAD

    @property
    def moved(self) -> bool:
        """Tell whether there is something to be said of it."""
        return self.gone or (self.cases[-1] is not None and len(self.steps) > 1)

    @property
    def direction(self) -> str:
        """Return in Chinese how it moved from the first round to the last."""
        if self.gone:
            return _GONE
        first, last = self.standings[0][1], self.standings[-1][1]
        found = Change(item=self.key[0], asset=self.key[1], before=first, after=last).direction
        return _BACK_AND_FORTH if found is Direction.EQUAL and self.moved else found.zh


class History:
    """What moved between the rounds of a report; falsy where there is only one."""

    def __init__(self, given: ReportInput) -> None:
        self._given = given
        self._rounds = (*given.history, PastRound(given.run, given.result, _names(given)))
        self._known = tuple(one for one in self._rounds if one.result is not None)
        told = _told(self._known) if len(self._known) > 1 else ()
        self._told = {one.key: one for one in told}
        moved = [one for one in told if one.moved]
        urgent = sorted(moved, key=lambda one: _FIRST.index(one.direction))[:MOST_ROWS]
        chosen = {one.key for one in urgent}
        self._shown = [one for one in moved if one.key in chosen]
        self._left = [one for one in moved if one.key not in chosen]

    def __bool__(self) -> bool:
        """Tell whether there was an earlier round."""
        return bool(self._given.history)

    def hints(self) -> dict[Key, str]:
        """Return what a row of 结果记录 says of the rounds before, by item and asset."""
        shown = {one.key for one in self._shown}
        found: dict[Key, str] = {}
        for one in (*self._shown, *self._left):
            steps = [_step(number, standing) for number, _, standing in one.steps]
            if len(steps) > _MOST_STEPS:
                steps = [steps[0], "……", *steps[2 - _MOST_STEPS :]]
            where = "，见整改情况" if one.key in shown else ""
            found[one.key] = f"（{'，'.join(steps)}{where}）"
        return found

    def data(self, asset: Callable[[str], str]) -> dict[str, Plain]:
        """Return everything a template may print of it; `asset` gives the name of an asset of today."""
        if not self:
            return {"sentences": [], "rounds": [], "rows": [], "more": ""}
        names = {key: name for one in self._rounds for key, name in one.assets.items()}
        return {
            "sentences": list(self._sentences(names)),
            "rounds": [_round(one) for one in self._rounds],
            "rows": list(_rows(self._shown, lambda one: names.get(one, asset(one)))),
            "more": self._more(),
        }

    def _sentences(self, names: Mapping[str, str]) -> Iterator[str]:
        yield (
            f"截至本轮共测试 {len(self._rounds)} 轮，第 {self._rounds[0].run.round} 轮为初测，其后为复测。"
            "此前各轮按当轮检测结果与现仍有效的佐证汇总。"
        )
        for one in self._rounds:
            if one.result is None:
                yield f"第 {one.run.round} 轮所用测试项与本轮不是同一版本，不列入比对。"
        if len(self._known) < 2:
            return
        first, last = self._known[0], self._known[-1]
        yield (
            f"按检查项与测评对象逐一比对第 {first.run.round} 轮至第 {last.run.round} 轮："
            f"{_counted(Counter(one.direction for one in self._told.values() if one.standings))}。"
        )
        bad = [one for one in self._told.values() if one.standings[0][1].verdict in _BAD]
        if bad:
            ends = Counter(_end(one) for one in bad)
            yield f"首次测试为不符合、部分符合的 {len(bad)} 条，现为：{_counted(ends)}。"
        yield from _assets(first, last, names)

    def _more(self) -> str:
        if not self._left:
            return ""
        counts = Counter(one.direction for one in self._left)
        return f"另有 {len(self._left)} 条变化未列出（{_counted(counts)}），以封存包内各轮的记录为准。"


def _names(given: ReportInput) -> dict[str, str]:
    return {one.id: one.name for one in given.engagement.assets}


def _told(rounds: Sequence[PastRound]) -> tuple[_Told, ...]:
    """Return every item on every asset of any round, in official order."""
    cases = [_cases(one.result) for one in rounds if one.result is not None]
    order = {
        item: at for at, item in enumerate(dict.fromkeys(key[0] for one in reversed(cases) for key in one))
    }
    keys = sorted(dict.fromkeys(key for one in reversed(cases) for key in one), key=lambda key: order[key[0]])
    numbers = tuple(one.run.round for one in rounds)
    return tuple(_Told(key, numbers, tuple(one.get(key) for one in cases)) for key in keys)


def _cases(result: SuiteResult) -> dict[Key, CaseResult]:
    items = (*result.mandatory, *(item for clause in result.clauses for item in clause.items))
    return {(item.item.id, case.asset): case for item in items for case in item.cases}


def _same(one: Standing, other: Standing) -> bool:
    return Change(item="", asset="", before=one, after=other).direction is Direction.EQUAL


def _step(number: int, one: Standing) -> str:
    return f"初测{one.zh}" if number == 1 else f"第{number}轮复测{one.zh}"


def _end(one: _Told) -> str:
    if one.cases[-1] is None:
        return _GONE
    last = one.standings[-1][1]
    return last.verdict.zh if last.verdict is not None else last.status.zh


def _counted(counts: Counter[str]) -> str:
    return "、".join(f"{word} {number} 条" for word, number in counts.most_common())


def _assets(first: PastRound, last: PastRound, names: Mapping[str, str]) -> Iterator[str]:
    for told, here, there in (
        ("较首次测试增加的测评对象", last, first), ("首次测试有而本轮不再列入的测评对象", first, last)
    ):  # fmt: skip
        odd = [names[one] for one in here.assets if one not in there.assets]
        if odd:
            more = f" 等 {len(odd)} 个" if len(odd) > 10 else ""
            yield f"{told}：{listed(odd[:10])}{more}。"


def _round(one: PastRound) -> Plain:
    row: dict[str, Plain] = {
        "name": f"第{one.run.round}轮" + ("（初测）" if one.run.round == 1 else "（复测）"),
        "period": _period(one.run),
        "operator": one.run.operator or BLANK,
    }
    columns: tuple[str, ...] = (*(verdict.value for verdict in Verdict), "open")
    if one.result is None:
        return {**row, **dict.fromkeys(columns, BLANK)}
    items = (*one.result.mandatory, *(item for clause in one.result.clauses for item in clause.items))
    counts = Counter("open" if item.verdict is None else item.verdict.value for item in items)
    return {**row, **{name: counts[name] for name in columns}}


def _period(run: RunInfo) -> str:
    return f"{moment(run.begun_at)}\n至 {moment(run.ended_at) if run.ended_at else '未结束'}"


def _rows(told: Sequence[_Told], asset: Callable[[str], str]) -> Iterator[Plain]:
    """Yield a row for each case; some items of one asset that say the very same share one."""
    shared: dict[tuple[str, ...], list[str]] = {}
    for one in told:
        key = (asset(one.key[1]), _standings(one), one.direction, *_facts(one))
        shared.setdefault(key, []).append(one.key[0])
    parts = [
        (key, items[at : at + _SHARED])
        for key, items in shared.items()
        for at in range(0, len(items), _SHARED)
    ]
    for number, (key, part) in enumerate(parts, 1):
        yield {
            "no": number,
            "item": places(part),
            "asset": key[0],
            "standings": key[1],
            "direction": key[2],
            "facts": list(key[3:]),
        }


def _standings(one: _Told) -> str:
    lines = [
        f"第{first}轮：{standing.zh}" if first == last else f"第{first}至{last}轮：{standing.zh}"
        for first, last, standing in one.steps
    ]
    if one.gone:
        lines.append(f"第{one.numbers[-1]}轮：{_GONE}")
    return "\n".join(lines)


def _facts(one: _Told) -> Iterator[str]:
    """Yield what was measured in the rounds, for each criterion that was answered otherwise."""
    present = [(number, case) for number, case in zip(one.numbers, one.cases, strict=True) if case]
    checks = dict.fromkeys(record.check for _, case in present for record in case.records if record.check)
    found: list[_Measured] = []
    for check in checks:
        records = [next((each for each in case.records if each.check == check), None) for _, case in present]
        found += _measured(records)
    found = list(dict.fromkeys(found))  # two checks may have asked the very same
    changed = [each for each in found if each.turned] or [each for each in found if each.differs]
    numbers = [number for number, _ in present]
    for each in changed[:MOST_FACTS]:
        yield f"{_short(each.question)}：{_arrows(numbers, [_short(text) for text in each.texts])}"
    if len(changed) > MOST_FACTS:
        yield f"另有 {len(changed) - MOST_FACTS} 处变化"
    papers = [_papers(case) for _, case in present]
    if len(set(papers)) > 1:
        yield f"人工佐证：{_arrows(numbers, papers)}"
    elif not changed:
        yield "事实未见变化，判定依据的变化见结果记录。"


@dataclass(frozen=True)
class _Measured:
    """One criterion over the rounds: whether it was met, and what was measured."""

    question: str
    mets: tuple[bool | None, ...]
    texts: tuple[str, ...]

    @property
    def turned(self) -> bool:
        """Tell whether its answer changed."""
        return len(set(self.mets)) > 1

    @property
    def differs(self) -> bool:
        """Tell whether what was measured changed."""
        return len(set(self.texts)) > 1


def _measured(records: Sequence[Record | None]) -> Iterator[_Measured]:
    by_name = [{each.name: each for each in one.criteria} if one is not None else {} for one in records]
    for name in dict.fromkeys(key for one in reversed(by_name) for key in one):
        asked = [one.get(name) for one in by_name]
        question = next(each.question for each in reversed(asked) if each is not None)
        texts = tuple(_text(each, record) for each, record in zip(asked, records, strict=True))
        yield _Measured(question, tuple(each.met if each else None for each in asked), texts)


def _text(asked: Criterion | None, record: Record | None) -> str:
    if asked is not None:
        return asked.measured
    if record is None:
        return "未检测"
    return record_label(record) if record.status is not Status.JUDGED else "未测得"


def _papers(case: CaseResult) -> str:
    return listed(f"{one.id}（{one.verdict.zh}）" for one in case.evidence) if case.evidence else "无"


def _arrows(numbers: Sequence[int], texts: Sequence[str]) -> str:
    """Return texts with arrows, equal neighbours once; of more than two rounds with their numbers."""
    told = f"{texts[0]}"
    for before, number, text in zip(texts, numbers[1:], texts[1:], strict=False):
        if text != before:
            told += f" → {text}" + (f"（第{number}轮）" if len(numbers) > 2 else "")
    return told


def _short(text: str) -> str:
    one_line = _BLANKS.sub(" ", visible(text)).strip()
    return one_line if len(one_line) <= _LONGEST else f"{one_line[: _LONGEST - 1]}…"
