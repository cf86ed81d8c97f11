"""Folded results as plain data: chapters, clauses, 结果记录, 不符合项, statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..model import (
    CaseResult,
    Clause,
    ClauseResult,
    Engagement,
    Evidence,
    FactRef,
    Item,
    ItemResult,
    NotApplicable,
    Record,
    Status,
    Suite,
    SuiteResult,
    Verdict,
)
from .crossrefs import cited
from .plain import Plain
from .wording import (
    BLANK,
    case_label,
    day,
    exchange,
    label,
    listed,
    person,
    places,
    record_label,
    split_label,
)

Row = dict[str, Plain]
_BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
MOST_PROOFS: Final = 8
DEFAULT_ADVICE: Final = "按本条要求整改，整改后复测。"


@dataclass(frozen=True)
class Numbers:
    """The numbers things carry in this report: facts `(asset, kind, sha256)`, figures, notes."""

    facts: Mapping[tuple[str, str, str], str]
    figures: Mapping[str, tuple[int, ...]]
    notes: Mapping[str, int]


def number_facts(result: SuiteResult) -> dict[tuple[str, str, str], str]:
    """Return stored facts in the order in which the report first rests on them → `F-001` and so on."""
    found: dict[tuple[str, str, str], str] = {}
    for case in _all_cases(result):
        for record in case.records:
            for ref in record.facts:
                found.setdefault((case.asset, ref.fact, ref.sha256), f"F-{len(found) + 1:03d}")
    return found


def number_notes(suite: Suite) -> dict[str, int]:
    """Return the id of every clause and item whose text has an anomaly → number of its note."""
    noted: list[str] = [one.id for one in suite.mandatory if one.anomaly]
    for clause in suite.clauses():
        noted += [clause.id] if clause.anomaly else []
        noted += [one.id for one in clause.items if one.anomaly]
    return {one: number for number, one in enumerate(noted, 1)}


def _all_cases(result: SuiteResult) -> Iterator[CaseResult]:
    for item in result.mandatory:
        yield from item.cases
    for clause in result.clauses:
        for item in clause.items:
            yield from item.cases


class ResultWriter:
    """Turns results into rows; holds what every row needs to look up.

    `hints` says of a case, by item and asset, how it stood in the rounds before.
    """

    def __init__(
        self,
        engagement: Engagement,
        numbers: Numbers,
        origins: Mapping[tuple[str, str, str], str] | None = None,
        hints: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self._names = {one.id: one.name for one in engagement.assets}
        self._numbers = numbers
        self._origins = origins or {}
        self._hints = hints or {}

    def asset(self, asset_id: str) -> str:
        """Return the asset's name, or its id where the engagement does not know it."""
        return self._names.get(asset_id, asset_id)

    def mandatory(self, items: Iterable[ItemResult]) -> list[Plain]:
        """Return the 必须测试项 in official order."""
        return [self._check(item, f"{index}") for index, item in enumerate(items, 1)]

    def chapters(self, suite: Suite, result: SuiteResult) -> list[Plain]:
        """Return chapters → clauses → items → cases in official order."""
        by_id = {one.clause.id: one for one in result.clauses}
        chapters: list[Plain] = []
        for chapter in suite.chapters:
            clauses = [self._clause(by_id[one.id]) for one in chapter.clauses if one.id in by_id]
            chapters.append({"number": chapter.number, "title": chapter.title, "clauses": list(clauses)})
        return chapters

    def _clause(self, one: ClauseResult) -> Row:
        clause = one.clause
        return {
            "id": clause.id,
            "letter": clause.letter,
            "text": clause.text,
            "note": self._note(clause.id),
            "label": label(one.status, one.verdict),
            "checks": [self._check(item, f"{index})") for index, item in enumerate(one.items, 1)],
        }

    def _check(self, one: ItemResult, ordinal: str) -> Row:
        text = label(one.status, one.verdict)
        rows = self._rows(one.cases)
        for row in rows:
            row["mark"] = ordinal
        if len(rows) > 1:  # a single row says it already
            rows[0]["mark"] = f"{ordinal}\n本项：\n{text}"
        return {
            "id": one.item.id,
            "ordinal": ordinal,
            "text": one.item.text,
            "note": self._note(one.item.id),
            "label": text,
            "cases": list(rows),
        }

    def _note(self, one: str) -> str:
        number = self._numbers.notes.get(one)
        return f"[注{number}]" if number else ""  # LibreOffice tears a wide bracket off

    def _rows(self, cases: Iterable[CaseResult]) -> list[Row]:
        """Return a row for each case; open ones that say the very same share one, judged ones never."""
        shared: dict[tuple[str, ...], list[str]] = {}
        for number, case in enumerate(cases):
            hint = self._hints.get((case.item, case.asset), "")
            lines = [*_lines(case), *([hint] if hint else [])]
            told = ("\n".join(lines), case_label(case), self._proof(case))
            key = told if case.status is not Status.JUDGED else (*told, str(number))
            shared.setdefault(key, []).append(self.asset(case.asset))
        rows = [_row("\n".join(assets), *key[:3]) for key, assets in shared.items()]
        return rows or [
            _row(BLANK, "未登记可测的测评对象，尚无结果记录。", label(Status.NOT_RUN, None), BLANK)
        ]

    def _proof(self, case: CaseResult) -> str:
        refs = dict.fromkeys(ref for record in case.records for ref in record.facts)
        numbers = [self._fact_number(case.asset, ref) for ref in refs]
        papers = [self._paper(one, narrow=True) for one in case.evidence]
        return "\n".join([*numbers, *papers]) or BLANK

    def _fact_number(self, asset: str, ref: FactRef) -> str:
        return self._numbers.facts[asset, ref.fact, ref.sha256]

    def _paper(self, one: Evidence, *, narrow: bool = False) -> str:
        return cited(one.id, self._numbers.figures.get(one.id, ()), narrow=narrow)

    def failures(self, result: SuiteResult) -> list[Plain]:
        """Return every case that is 不符合 or 部分符合, with its clause's high-risk mark and advice."""
        rows: list[Row] = []
        for item in result.mandatory:
            rows += [self._failure(item.item, case, None) for case in item.cases if case.verdict in _BAD]
        for clause in result.clauses:
            for item in clause.items:
                rows += [
                    self._failure(item.item, case, clause.clause)
                    for case in item.cases
                    if case.verdict in _BAD
                ]
        for number, row in enumerate(rows, 1):
            row["no"] = number
        return list(rows)

    def _failure(self, item: Item, case: CaseResult, clause: Clause | None) -> Row:
        risk = clause.high_risk if clause is not None else None
        text = ""
        if risk is not None:
            text = f"▲ 高风险判例 {risk.case}：{risk.title}"
            if risk.mitigation:
                text += f"\n可能的缓解措施：{risk.mitigation}"
        return {
            "item": item.id,
            "asset": self.asset(case.asset),
            "problem": "\n".join(_lines(case)),
            "proofs": list(self._proofs(case)),
            "label": case_label(case),
            "high": risk is not None,
            "risk": text or BLANK,
            "advice": item.advice or DEFAULT_ADVICE,
        }

    def _proofs(self, case: CaseResult) -> Iterator[str]:
        """Yield how each finding was seen, so that it can be seen again, with the numbers of its proof."""
        for record in case.records:
            if record.verdict not in _BAD:
                continue
            refs = [(case.asset, one.fact, one.sha256) for one in record.facts]
            numbers = "、".join(self._numbers.facts[one] for one in refs)
            for one in record.proofs[:MOST_PROOFS]:
                yield f"{exchange(one)}（{numbers}）"
            if len(record.proofs) > MOST_PROOFS:
                yield f"另有 {len(record.proofs) - MOST_PROOFS} 处（{numbers}）"
            if not record.proofs:
                yield from self._read_alike(refs)
        for paper in case.evidence:
            yield self._paper(paper)

    def _read_alike(self, refs: Iterable[tuple[str, str, str]]) -> Iterator[str]:
        """Yield the numbers of facts with how they were read; those that were read at once share a line."""
        read: dict[str, list[str]] = {}
        for key in refs:
            read.setdefault(self._origins.get(key, "").replace("\n", ""), []).append(self._numbers.facts[key])
        for told, numbers in read.items():
            yield "、".join(numbers) + (f"：{told}" if told else "")

    def facts(self, result: SuiteResult) -> list[Plain]:
        """Return the stored facts the report rests on: how they were read, and the items each one serves."""
        serves: dict[tuple[str, str, str], list[str]] = {}
        for case in _all_cases(result):
            for record in case.records:
                for ref in record.facts:
                    serves.setdefault((case.asset, ref.fact, ref.sha256), []).append(case.item)
        return [
            {
                "id": number,
                "asset": self.asset(key[0]),
                "fact": key[1],
                "origin": self._origins.get(key, ""),
                "sha256": key[2],
                "places": places(serves[key]),
            }
            for key, number in self._numbers.facts.items()
        ]


def _row(asset: str, statement: str, text: str, evidence: str) -> Row:
    verdict, remark = split_label(text)
    return {
        "asset": asset,
        "statement": statement,
        "label": text,
        "verdict": verdict,
        "remark": remark,
        "evidence": evidence,
    }


def _lines(case: CaseResult) -> list[str]:
    # What only says that a person has to look is left out where the line 尚需 says at what, and once
    # a person has.
    waiting = case.status is not Status.JUDGED and not case.evidence and not case.lacks
    told = {(record_label(one), one.statement): one for one in case.records if one.check or waiting}
    records = list(told.values())  # two checks that the same obstacle stopped say so once
    several = len(records) + len(case.evidence) > 1
    alike = {record_label(one) for one in records} == {case_label(case)} and not case.evidence
    lines = [_record_line(one, bare=alike or not several) for one in records]
    lines += [_paper_line(one, several=several) for one in case.evidence]
    if case.automatic is not None:
        lines.append(_override_line(case))
    if case.declared is not None:
        lines.append(_declared_line(case.declared, case.verdict))
    said = {one.statement for one in case.records}
    lacks = [one for one in case.lacks if one not in said]
    if lacks:
        lines.append(f"尚需：{'；'.join(lacks)}")
    return lines or ["尚无结果记录。"]


def _record_line(record: Record, *, bare: bool) -> str:
    """Return the statement, with the record's own label unless the 判定 of the row says it."""
    if bare:
        return record.statement
    own = record_label(record)
    if record.status is not Status.JUDGED:
        return f"{own}：{record.statement}"
    return f"{record.statement}（{own}）"


def _paper_line(one: Evidence, *, several: bool) -> str:
    by = f"{one.method.zh}，{person(one.collected_by)}，{day(one.collected_at)}"
    end = f"（{one.verdict.zh}）" if several else ""
    return f"人工核验 {one.id}（{by}）：{one.statement}{end}"


def _override_line(case: CaseResult) -> str:
    verdict = case.verdict.zh if case.verdict is not None else BLANK
    automatic = case.automatic.zh if case.automatic is not None else BLANK
    signed = [
        f"{one.id} {person(one.collected_by)}，复核 {person(one.reviewed.by)}"
        for one in case.evidence
        if one.override and one.reviewed is not None
    ]
    return (
        f"改判：自动判定“{automatic}”，人工改判“{verdict}”。理由：{case.override}（{listed(signed, '；')}）"
    )


def _declared_line(declared: NotApplicable, verdict: Verdict | None) -> str:
    signed = f"提出 {person(declared.by)}，同意 {person(declared.agreed)}"
    if verdict is Verdict.NOT_APPLICABLE:
        return f"不适用说明：{declared.why}（{signed}）"
    return f"不适用声明与检测结果不一致，未采纳：{declared.why}（{signed}）"
