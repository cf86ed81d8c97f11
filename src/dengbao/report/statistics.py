"""符合性统计: how many items and clauses of each chapter have which verdict or status; no score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from ..model import ClauseResult, ItemResult, Status, Suite, SuiteResult, Verdict
from .bars import bar_row, legend
from .plain import Plain

_COLUMNS: Final = (
    *((one, None) for one in Verdict),
    *((None, one) for one in (Status.UNDETERMINED, Status.AWAITING_EVIDENCE, Status.NOT_RUN)),
)


def statistics(suite: Suite, result: SuiteResult, *, failures: int, high: int) -> dict[str, Plain]:
    """Return rows per chapter for items and for clauses, their totals, and a sentence on each."""
    by_chapter = _by_chapter(suite, result)
    checks = [_row("必须测试项", result.mandatory)]
    checks += [_row(name, [item for one in clauses for item in one.items]) for name, clauses in by_chapter]
    units = [_row(name, clauses) for name, clauses in by_chapter]
    return {
        "checks": [*checks, _total(checks)],
        "bars": [{**one, **bar_row(one)} for one in checks],
        "legend": legend(),
        "clauses": [*units, _total(units)],
        "sentences": [
            _sentence("安全检查项", "项", _total(checks[1:])),
            _sentence("条款", "条", _total(units)),
            _sentence("必须测试项", "项", checks[0]),
            f"不符合和部分符合的结果共 {failures} 条，其中涉及高风险判例 {high} 条。",
        ],
    }


def _by_chapter(suite: Suite, result: SuiteResult) -> list[tuple[str, list[ClauseResult]]]:
    by_id = {one.clause.id: one for one in result.clauses}
    return [
        (f"{chapter.number}. {chapter.title}", [by_id[one.id] for one in chapter.clauses if one.id in by_id])
        for chapter in suite.chapters
    ]


def _key(verdict: Verdict | None, status: Status | None) -> str:
    return verdict.value if verdict is not None else str(status)


def _row(name: str, results: Iterable[ItemResult] | Iterable[ClauseResult]) -> dict[str, Plain]:
    counted = Counter(
        _key(one.verdict, None) if one.status is Status.JUDGED else _key(None, one.status) for one in results
    )
    row: dict[str, Plain] = {"name": name, "total": counted.total()}
    row.update({_key(*column): counted[_key(*column)] for column in _COLUMNS})
    return row


def _total(rows: Iterable[dict[str, Plain]]) -> dict[str, Plain]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update({key: value for key, value in row.items() if isinstance(value, int)})
    return {"name": "合计", **{key: total[key] for key in ("total", *(_key(*one) for one in _COLUMNS))}}


def _sentence(name: str, unit: str, row: dict[str, Plain]) -> str:
    words = [f"{one.zh} {row[one.value]} {unit}" for one in Verdict]
    open_ = [
        f"{status.zh} {row[status.value]} {unit}"
        for verdict, status in _COLUMNS
        if verdict is None and status is not None and row[status.value]
    ]
    tail = f"；尚未判定：{'、'.join(open_)}" if open_ else ""
    return f"{name}共 {row['total']} {unit}：{'、'.join(words)}{tail}。"
