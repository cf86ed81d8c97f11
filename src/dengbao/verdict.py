"""The folding rules: checks and evidence → case → item → clause.

Each step is a small pure function. Polarity was settled by checks and by those who filed evidence:
every verdict here speaks of compliance. Nothing that is not judged is ever folded into a verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .errors import Reason, StoreError
from .model import (
    Case,
    CaseResult,
    Clause,
    ClauseResult,
    Coverage,
    Evidence,
    Item,
    ItemResult,
    NotApplicable,
    Record,
    Status,
    Suite,
    SuiteResult,
    Verdict,
)

_GOODNESS: Final = {Verdict.NONCONFORM: 0, Verdict.PARTIAL: 1, Verdict.CONFORM: 2}
_BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
# What hinders most comes first: a look that failed needs a cause found, a look that was never taken
# needs a run, and only when both are done does paper alone help.
_STATUS_ORDER: Final = (Status.UNDETERMINED, Status.NOT_RUN, Status.AWAITING_EVIDENCE, Status.JUDGED)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return 符合 if all are, 不符合 if all are, 部分符合 if they differ; 不适用 drops out.

    Raises:
        ValueError: there is nothing to combine.

    """
    given = set(verdicts)
    if not given:
        raise ValueError("nothing to combine")
    answers = given - {Verdict.NOT_APPLICABLE}
    if not answers:
        return Verdict.NOT_APPLICABLE
    return answers.pop() if len(answers) == 1 else Verdict.PARTIAL


def combine_status(statuses: Iterable[Status]) -> Status:
    """Return the status of the whole: undetermined › not run › awaiting evidence › judged.

    Nothing at all is not run.
    """
    given = set(statuses)
    return next((one for one in _STATUS_ORDER if one in given), Status.NOT_RUN)


def not_better(verdict: Verdict, automatic: Verdict | None) -> Verdict:
    """Return `verdict`, or the automatic 不符合 or 部分符合 where that is worse."""
    if automatic not in _BAD:
        return verdict
    return min(automatic, verdict, key=lambda one: _GOODNESS.get(one, len(_GOODNESS)))


def is_override(evidence: Evidence) -> bool:
    """Tell whether evidence may overrule a program: reason given, and signed by a second person."""
    second = evidence.reviewed
    return (
        bool(evidence.override.strip())
        and second is not None
        and not second.by.same_as(evidence.collected_by)
    )


@dataclass(frozen=True)
class Automatic:
    """What the programs alone said about one item on one asset.

    `lacks_paper` holds what a person must supply before a 符合 of the programs counts.
    """

    verdicts: tuple[Verdict, ...] = ()
    undetermined: tuple[Record, ...] = ()
    not_run: tuple[str, ...] = ()
    lacks_paper: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """Return the verdict of those checks that gave one, or None."""
        return combine(self.verdicts) if self.verdicts else None


def sort_records(item: Item, planned: Iterable[Case], records: Mapping[str, Record]) -> Automatic:
    """Sort the records of one item on one asset by what they leave open; a missing one is not run."""
    verdicts: list[Verdict] = []
    undetermined: list[Record] = []
    not_run: list[str] = []
    paper: list[str] = []
    kept: list[Record] = []
    for case in planned:
        record = records.get(case.id)
        if record is not None:
            kept.append(record)
        if not case.check:
            paper.append(item.by_hand.ask)
        elif record is None or record.status is Status.NOT_RUN:
            not_run.append(case.check)
        elif record.status is Status.UNDETERMINED:
            undetermined.append(record)
        elif record.verdict is None:
            paper.append(record.remainder or item.by_hand.ask)
        else:
            verdicts.append(record.verdict)
            if record.verdict is Verdict.CONFORM and record.coverage is Coverage.PARTIAL:
                paper.append(record.remainder)
    return Automatic(tuple(verdicts), tuple(undetermined), tuple(not_run), tuple(paper), tuple(kept))


def open_status(automatic: Automatic, evidence: Sequence[Evidence], verdict: Verdict | None) -> Status:
    """Return what still hinders a verdict on the case, `JUDGED` where nothing does.

    `verdict` is what programs and evidence together would say. A check that was not run is never
    replaced by paper. A 符合 needs evidence of 符合 for all that the programs left open; any other
    verdict needs evidence only for what they could not determine.
    """
    supplied = any(one.verdict is Verdict.CONFORM for one in evidence)
    wanting = verdict is None or (verdict is Verdict.CONFORM and not supplied)
    left = [Status.JUDGED]
    if automatic.not_run:
        left.append(Status.NOT_RUN)
    if automatic.undetermined and (wanting or not evidence):
        left.append(Status.UNDETERMINED)
    if automatic.lacks_paper and wanting:
        left.append(Status.AWAITING_EVIDENCE)
    return combine_status(left)


def case_verdict(automatic: Automatic, evidence: Sequence[Evidence]) -> Verdict | None:
    """Return what programs and evidence say together, None where neither says anything.

    Evidence can lower what a program said, and never raises an automatic 不符合 or 部分符合,
    unless it is an override: then the overriding evidence stands in place of the programs.
    """
    papers = [one.verdict for one in evidence]
    if automatic.verdict in _BAD and any(is_override(one) for one in evidence):
        return combine(papers)
    answers = [*automatic.verdicts, *papers]
    return not_better(combine(answers), automatic.verdict) if answers else None


def declaration_holds(automatic: Automatic, evidence: Iterable[Evidence]) -> bool:
    """Tell whether a 不适用 declaration takes effect: it hides no 不符合 and no 部分符合."""
    return automatic.verdict not in _BAD and not any(one.verdict in _BAD for one in evidence)


def fold_case(
    item: Item,
    asset: str,
    planned: Iterable[Case],
    records: Mapping[str, Record],
    *,
    evidence: Sequence[Evidence] = (),
    declared: NotApplicable | None = None,
) -> CaseResult:
    """Return one item on one asset, folded from its checks and its admissible evidence.

    `records` is keyed by `Case.id`; `evidence` holds admissible evidence of this item and asset only.
    """
    automatic = sort_records(item, planned, records)
    verdict = case_verdict(automatic, evidence)
    status = open_status(automatic, evidence, verdict)
    if declared is not None and declaration_holds(automatic, evidence):
        status, verdict = Status.JUDGED, Verdict.NOT_APPLICABLE
    judged = status is Status.JUDGED
    reasons = [one.override for one in evidence if is_override(one)]
    overruled = judged and automatic.verdict in _BAD and bool(reasons)
    return CaseResult(
        item=item.id,
        asset=asset,
        status=status,
        verdict=verdict if judged else None,
        reason=_reason(automatic) if status is Status.UNDETERMINED else None,
        records=automatic.records,
        evidence=tuple(evidence),
        automatic=automatic.verdict if overruled else None,
        override="；".join(reasons) if overruled else "",
        lacks=() if judged else _lacks(automatic, evidence),
        declared=declared,
    )


def _reason(automatic: Automatic) -> Reason:
    given = (one.reason for one in automatic.undetermined)
    return next((one for one in given if one is not None), Reason.INCONCLUSIVE)


def _lacks(automatic: Automatic, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    supplied = any(one.verdict is Verdict.CONFORM for one in evidence)
    texts = [f"尚未检测：{one}" for one in automatic.not_run]
    if not supplied:
        texts += [one.statement for one in automatic.undetermined]
        texts += automatic.lacks_paper
    return tuple(dict.fromkeys(one for one in texts if one))


def fold_item(item: Item, cases: Sequence[CaseResult]) -> ItemResult:
    """Return one item over its assets; any case that is not judged leaves the item not judged."""
    status = combine_status(one.status for one in cases)
    verdict = combine(_verdicts(cases)) if status is Status.JUDGED else None
    return ItemResult(item=item, status=status, verdict=verdict, cases=tuple(cases))


def fold_clause(clause: Clause, items: Sequence[ItemResult]) -> ClauseResult:
    """Return one clause over its items (GB/T 28448 单元判定)."""
    status = combine_status(one.status for one in items)
    verdict: Verdict | None = None
    if status is Status.JUDGED:
        verdict = single_item_verdict(items[0]) if len(items) == 1 else combine(_verdicts(items))
    return ClauseResult(clause=clause, status=status, verdict=verdict, items=tuple(items))


def single_item_verdict(item: ItemResult) -> Verdict:
    """Return the verdict of a clause whose only item this is.

    GB/T 28448 knows only 符合 and 不符合 for such a unit on one asset, so 部分符合 of an asset counts
    as 不符合 there; the clause is 部分符合 only where some assets are 符合 and others are not.
    """
    strict = {Verdict.PARTIAL: Verdict.NONCONFORM}
    return combine(strict.get(one, one) for one in _verdicts(item.cases))


def _verdicts(results: Iterable[CaseResult] | Iterable[ItemResult]) -> list[Verdict]:
    return [one.verdict for one in results if one.verdict is not None]


def fold(
    suite: Suite,
    plan_cases: Iterable[Case],
    records: Iterable[Record],
    evidence: Iterable[Evidence] = (),
    not_applicable: Iterable[NotApplicable] = (),
) -> SuiteResult:
    """Return all results of a round in official order.

    `evidence` must be admissible already. Items without a planned case are 未测.

    Raises:
        StoreError: records that no case planned, two records of one case, or a damaged record.

    """
    return Folding(suite, plan_cases, records).fold(evidence, not_applicable)


_Papers = dict[str, tuple[Evidence, ...]]
_Declared = dict[str, NotApplicable]


class Folding:
    """A round that is folded again and again while people file evidence.

    An item is folded anew only where its evidence or a declaration about it changed.
    """

    def __init__(self, suite: Suite, plan_cases: Iterable[Case], records: Iterable[Record]) -> None:
        """Take what does not change any more: plan and records.

        Raises:
            StoreError: records that no case planned, two records of one case, or a damaged record.

        """
        self._suite = suite
        self._planned = _by_item(plan_cases)
        self._records = _index(
            records,
            {case.id for assets in self._planned.values() for some in assets.values() for case in some},
        )
        self._known: dict[str, tuple[_Papers, _Declared, ItemResult]] = {}

    def fold(
        self, evidence: Iterable[Evidence] = (), not_applicable: Iterable[NotApplicable] = ()
    ) -> SuiteResult:
        """Return all results in official order; `evidence` must be admissible already."""
        papers: dict[str, _Papers] = defaultdict(dict)
        for one in evidence:
            for item_id in dict.fromkeys(one.items):
                papers[item_id][one.asset] = (*papers[item_id].get(one.asset, ()), one)
        declared: dict[str, _Declared] = defaultdict(dict)
        for each in not_applicable:
            declared[each.item][each.asset] = each

        def result(item: Item) -> ItemResult:
            return self._item(item, papers.get(item.id, {}), declared.get(item.id, {}))

        return SuiteResult(
            mandatory=tuple(result(item) for item in self._suite.mandatory),
            clauses=tuple(
                fold_clause(clause, [result(item) for item in clause.items])
                for clause in self._suite.clauses()
            ),
        )

    def alone(self, item: Item, asset: str) -> CaseResult | None:
        """Return an item on an asset as programs alone left it, None where it is not planned."""
        planned = self._planned.get(item.id, {}).get(asset)
        return fold_case(item, asset, planned, self._records) if planned else None

    def _item(self, item: Item, papers: _Papers, declared: _Declared) -> ItemResult:
        known = self._known.get(item.id)
        if known is not None and known[:2] == (papers, declared):
            return known[2]
        cases = [
            fold_case(
                item, asset, cases, self._records,
                evidence=papers.get(asset, ()), declared=declared.get(asset),
            )
            for asset, cases in self._planned.get(item.id, {}).items()
        ]  # fmt: skip
        found = fold_item(item, cases)
        self._known[item.id] = (papers, declared, found)
        return found


def _by_item(cases: Iterable[Case]) -> dict[str, dict[str, list[Case]]]:
    found: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        found[case.item][case.asset].append(case)
    return found


def _index(records: Iterable[Record], planned: set[str]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for one in records:
        if one.case not in planned:
            raise StoreError(
                "记录不在本轮计划中", where=one.case, cure="核对 plan.json 与 records.jsonl 是否同一轮"
            )
        if one.case in found:
            raise StoreError(
                "同一用例有两条记录", where=one.case, cure="重新检测本轮，或恢复未改动的 records.jsonl"
            )
        if (one.status is Status.JUDGED) != (one.verdict is not None):
            raise StoreError(
                "记录损坏：状态与判定不一致", where=one.case, cure="重新判定本轮（dengbao judge）"
            )
        found[one.case] = one
    return found
