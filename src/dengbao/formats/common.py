"""What all formats share: which cases there are, what was seen of them and when, safe text."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ..model import (
    Asset,
    CaseResult,
    Clause,
    Engagement,
    ItemResult,
    RunInfo,
    Status,
    SuiteResult,
    Verdict,
)

BAD: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
MANDATORY: Final = "必须测试项"
TOOL: Final = "dengbao"
# What XML 1.0 may not hold, and what turns text round on a screen; JSON gets the same text.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Names of ours live below this one; the top-level domain is reserved, so nobody else's can.
_NAMES: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "dengbao.invalid")


def plain(text: str) -> str:
    """Return `text` with each character that XML forbids, or that reverses writing, replaced by �."""
    return _TURNING.sub("�", _FORBIDDEN.sub("�", text)).strip()


def line(text: str) -> str:
    """Return `text` as one line that is never empty."""
    return " ".join(plain(text).split()) or "—"


def named(*parts: str | int) -> str:
    """Return the version 5 UUID of a name; the parts are kept apart, whatever they hold."""
    return str(uuid.uuid5(_NAMES, json.dumps(parts, ensure_ascii=True)))


def as_json(value: object) -> bytes:
    """Return JSON in UTF-8, indented so that two files can be compared line by line."""
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def items(result: SuiteResult) -> Iterator[tuple[Clause | None, ItemResult]]:
    """Yield every item in official order with its clause; mandatory items have none."""
    for one in result.mandatory:
        yield None, one
    for clause in result.clauses:
        for one in clause.items:
            yield clause.clause, one


def state(one: CaseResult | ItemResult) -> str:
    """Return the verdict's identifier, or that of the status where there is no verdict."""
    return (one.verdict if one.status is Status.JUDGED and one.verdict else one.status).value


def label(one: CaseResult | ItemResult) -> str:
    """Return the official word as the report prints it, with the reason where there is no verdict."""
    if one.status is Status.JUDGED and one.verdict is not None:
        return one.verdict.zh
    reason = one.reason if isinstance(one, CaseResult) else None
    return f"{one.status.zh}（{reason.zh}）" if reason is not None else one.status.zh


def asset_name(engagement: Engagement, asset_id: str) -> str:
    """Return the name of an asset, or its id where the engagement no longer knows it."""
    found: Asset | None = engagement.asset(asset_id)
    return line(found.name) if found is not None and found.name.strip() else line(asset_id)


def seen(case: CaseResult) -> str:
    """Return what programs and people saw, and what is lacking, a line each; never empty."""
    texts = [one.statement for one in case.records if one.check]
    texts += [f"{one.statement}（{one.id}）" for one in case.evidence]
    if case.override:
        texts.append(f"推翻自动判定的理由：{case.override}")
    if case.declared is not None:
        texts.append(f"声明不适用：{case.declared.why}")
    texts += [f"还缺：{one}" for one in case.lacks if one not in texts]
    lines = dict.fromkeys(line(one) for one in texts if one.strip())
    return "\n".join(lines) or f"{label(case)}。"


def at(case: CaseResult, run: RunInfo) -> datetime:
    """Return when the newest of what decides a case was seen."""
    times = [one.judged_at for one in case.records] + [one.collected_at for one in case.evidence]
    return max(times, default=run.begun_at)


def as_of(result: SuiteResult, run: RunInfo) -> datetime:
    """Return the time of the newest thing that counts; what is exported later gives the same."""
    times = [run.ended_at or run.begun_at]
    for _, item in items(result):
        times += (at(case, run) for case in item.cases)
        times += (one.filed_at for case in item.cases for one in case.evidence)
    return max(times)
