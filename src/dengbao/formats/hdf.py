"""Heimdall Data Format (exec-json) for MITRE Heimdall: a control for each item, a result for each asset.

Source: MITRE inspecjs, `exec-json` 1.0. Heimdall calls a control Passed as soon as one result passed and none
failed, skipped ones or not. So a case is `passed` only where its whole item is 符合: an asset that could not
be looked at must not vanish behind one that is in order.
"""

from __future__ import annotations

import hashlib

from ..model import CaseResult, Clause, Engagement, ItemResult, RunInfo, SuiteResult, Verdict
from .common import (
    BAD,
    MANDATORY,
    TOOL,
    as_json,
    as_of,
    asset_name,
    at,
    items,
    label,
    line,
    plain,
    seen,
    state,
)

_HIGH, _MEDIUM, _NONE = 0.7, 0.5, 0.0
_UNTIMED = 0.0  # the schema wants seconds for each result; cases are not timed one by one


def hdf(result: SuiteResult, engagement: Engagement, run: RunInfo) -> bytes:
    """Return the results as exec-json in UTF-8."""
    controls = [_control(clause, item, engagement, run) for clause, item in items(result)]
    whole = {
        "platform": {
            "name": TOOL, "release": line(run.tool_version), "target_id": line(engagement.system.name),
        },
        "version": line(run.tool_version),
        "statistics": {"duration": _duration(run)},
        "profiles": [{
            "name": line(run.suite), "version": line(run.suite),
            "title": line(f"{engagement.institution.name} {engagement.system.name} 第 {run.round} 轮"),
            "sha256": run.suite_sha256 or hashlib.sha256(run.suite.encode()).hexdigest(),
            "summary": f"结果截至 {as_of(result, run).isoformat()}",
            "status": "loaded", "supports": [], "attributes": [],
            "groups": _groups(result), "controls": controls,
        }],
    }  # fmt: skip
    return as_json(whole)


def _duration(run: RunInfo) -> float:
    return 0.0 if run.ended_at is None else max(0.0, (run.ended_at - run.begun_at).total_seconds())


def _groups(result: SuiteResult) -> list[dict[str, object]]:
    groups: dict[str, dict[str, object]] = {}
    members: dict[str, list[str]] = {}
    for clause, item in items(result):
        key = clause.id if clause else "M"
        title = line(f"{clause.id} {clause.text}") if clause else MANDATORY
        members.setdefault(key, []).append(item.item.id)
        groups.setdefault(key, {"id": key, "title": title, "controls": members[key]})
    return list(groups.values())


def _control(
    clause: Clause | None, item: ItemResult, engagement: Engagement, run: RunInfo
) -> dict[str, object]:
    results = [_result(item, case, engagement, run) for case in item.cases]
    if not results:  # an item asked of no asset: Heimdall takes an empty list for a broken profile
        results = [{
            "code_desc": line(item.item.text), "status": "skipped", "skip_message": label(item),
            "start_time": run.begun_at.isoformat(), "run_time": _UNTIMED,
        }]  # fmt: skip
    tags: dict[str, object] = {"dengbao": state(item), "符合情况": label(item), "suite": run.suite}
    if clause is not None:
        tags |= {"clause": clause.id, "source": clause.source, "unit": clause.unit}
    if clause is not None and clause.high_risk is not None:
        tags["high_risk"] = line(f"{clause.high_risk.case} {clause.high_risk.title}")
    told = [{"label": "check", "data": plain(item.item.by_hand.ask) or "—"}]
    if item.item.advice.strip():
        told.append({"label": "fix", "data": plain(item.item.advice)})
    return {
        "id": item.item.id, "title": line(item.item.text), "desc": _desc(item),
        "descriptions": told, "impact": _impact(clause, item), "refs": [], "tags": tags, "code": "",
        "source_location": {"ref": line(f"{run.suite} {item.item.id}"), "line": 1}, "results": results,
    }  # fmt: skip


def _impact(clause: Clause | None, item: ItemResult) -> float:
    """Return the weight; 0 is how Heimdall writes 不适用, so nothing else may have it."""
    if item.verdict is Verdict.NOT_APPLICABLE:
        return _NONE
    return _HIGH if clause is not None and clause.high_risk is not None else _MEDIUM


def _desc(item: ItemResult) -> str:
    """Return the item's text; of one that is 不适用 the reasons, which Heimdall shows in its place."""
    if item.verdict is Verdict.NOT_APPLICABLE:
        return "\n".join(dict.fromkeys(seen(case) for case in item.cases)) or label(item)
    return line(item.item.text)


def _result(item: ItemResult, case: CaseResult, engagement: Engagement, run: RunInfo) -> dict[str, object]:
    told: dict[str, object] = {
        "code_desc": f"{asset_name(engagement, case.asset)}（{line(case.asset)}）：{label(case)}",
        "start_time": at(case, run).isoformat(),
        "run_time": _UNTIMED,
        "resource_id": line(case.asset),
    }
    if case.verdict in BAD:
        return told | {"status": "failed", "message": seen(case)}
    if item.verdict is Verdict.CONFORM and case.verdict is Verdict.CONFORM:
        return told | {"status": "passed", "message": seen(case)}
    why = "本对象符合，本项尚有对象未符合或未判定" if case.verdict is Verdict.CONFORM else label(case)
    return told | {"status": "skipped", "skip_message": f"{why}：{seen(case)}"}
