"""Rounds of the fictitious hospital in which chosen cases end otherwise, folded by the real rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec

from dengbao.errors import Reason
from dengbao.model import Asset, Case, Criterion, FactRef, Record, RunInfo, Status, SuiteResult, Verdict
from dengbao.report import PastRound, ReportInput
from dengbao.verdict import fold

from .example import AT, cases, record, suite

Key = tuple[str, str]
# How a case ended, and what was measured by the names of criteria; with no verdict nothing was measured.
End = tuple[Verdict | None, Mapping[str, str]]
SHORT: Key = ("1.a.4", "his-web")
MET = {Verdict.CONFORM: True, Verdict.NONCONFORM: False}


def ended(case: Case, end: End | None) -> Record:
    """Return the record of a case."""
    base = record(case, complete=True)
    if end is None or not case.check:
        return base
    verdict, measured = end
    if verdict is None:
        return msgspec.structs.replace(
            base, status=Status.UNDETERMINED, verdict=None, reason=Reason.NO_PERMISSION,
            statement="未能取得所需信息：账户 audit 无权读取。", criteria=(), proofs=(),
        )  # fmt: skip
    criteria = tuple(
        Criterion(name=name, question=name, met=MET[verdict], measured=text, fact="web.password_policy")
        for name, text in measured.items()
    )
    return msgspec.structs.replace(
        base, status=Status.JUDGED, verdict=verdict, reason=None, criteria=criteria,
        facts=(FactRef(fact="web.password_policy", sha256="ab" * 32),),
    )  # fmt: skip


def folded(given: ReportInput, ends: Mapping[Key, End], planned: tuple[Case, ...] = ()) -> SuiteResult:
    """Return the results of a round in which these cases ended so, and all others as they do."""
    asked = planned or tuple(cases())
    found = [ended(case, ends.get((case.item, case.asset))) for case in asked]
    return fold(suite(), asked, found, given.evidence, given.engagement.not_applicable)


def names(assets: tuple[Asset, ...]) -> dict[str, str]:
    return {one.id: one.name for one in assets}


def with_rounds(given: ReportInput, *ends: Mapping[Key, End]) -> ReportInput:
    """Return the last of these rounds with the ones before it as its history."""
    number = len(ends)
    runs = [
        RunInfo(
            round=at, suite="annex3-2023", suite_sha256=suite().sha256, engagement_sha256="",
            tool_version="0.1.0", begun_at=AT - timedelta(days=number - at + 1),
            ended_at=AT - timedelta(days=number - at), operator="张三",
        )
        for at in range(1, number + 1)
    ]  # fmt: skip
    results = [folded(given, one) for one in ends]
    told = names(given.engagement.assets)
    past = tuple(PastRound(run, result, told) for run, result in zip(runs[:-1], results[:-1], strict=True))
    return replace(given, result=results[-1], run=runs[-1], history=past)
