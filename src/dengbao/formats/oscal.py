"""OSCAL assessment results (NIST, 1.1.3), as GRC tools read them.

Each item is a control objective with one finding, each item on an asset an observation, each asset a
component. OSCAL knows only satisfied and not-satisfied: 符合 alone is satisfied; what is not judged and
what is 不适用 is not-satisfied for the reason `other`, never `fail`. A clause with a case of the high-risk
guide is a risk while it is not in order: open where something was found, investigating where nobody can tell.
Source: NIST OSCAL 1.1.3, assessment-results model.
"""

from __future__ import annotations

from typing import Final

from ..model import (
    Asset,
    CaseResult,
    Clause,
    ClauseResult,
    Engagement,
    ItemResult,
    Kind,
    RunInfo,
    Status,
    SuiteResult,
    Verdict,
)
from .common import (
    BAD,
    as_json,
    as_of,
    asset_name,
    at,
    items,
    label,
    line,
    named,
    plain,
    seen,
    state,
)

Json = dict[str, object]
_VERSION: Final = "1.1.3"
_NS: Final = "https://dengbao.invalid/ns/oscal"  # a reserved domain: the name is ours and leads nowhere
_COMPONENTS: Final = {
    Kind.WEB: "software", Kind.TLS: "service", Kind.HOST: "system", Kind.DATABASE: "software",
    Kind.BACKUP: "service", Kind.SYSTEM: "this-system",
}  # fmt: skip
_OBJECTIVE: Final = {
    Verdict.CONFORM: ("satisfied", "pass", "implemented"),
    Verdict.PARTIAL: ("not-satisfied", "fail", "partial"),
    Verdict.NONCONFORM: ("not-satisfied", "fail", ""),
    Verdict.NOT_APPLICABLE: ("not-satisfied", "other", "not-applicable"),
}
_FOUND: Final = "已发现不符合或部分符合"
_UNKNOWN: Final = "尚未判定，不能排除"
_MITIGATION: Final = "可降低风险的措施（指引原文，须另行核实）"
_UNJUDGED: Final = ("not-satisfied", "other", "")


def oscal(result: SuiteResult, engagement: Engagement, run: RunInfo) -> bytes:
    """Return the results as an OSCAL assessment-results document in UTF-8."""
    key = _Key(run)
    when = as_of(result, run).isoformat()
    plan = key("plan")
    metadata: Json = {
        "title": line(f"{engagement.institution.name} {engagement.system.name} 测试结果"),
        "last-modified": when,
        "version": str(run.round),
        "oscal-version": _VERSION,
        "parties": [{
            "uuid": key("party"), "type": "organization", "name": line(engagement.institution.name),
        }],
    }  # fmt: skip
    if engagement.report_number.strip():
        metadata["document-ids"] = [{"scheme": _NS, "identifier": line(engagement.report_number)}]
    rests_on = {"uuid": plan, "title": line(run.suite), "description": f"sha256 {run.suite_sha256}"}
    whole: Json = {
        "uuid": key("document", when),
        "metadata": metadata,
        "import-ap": {"href": f"#{plan}", "remarks": "测评依据与计划在项目目录中，不随本文件给出。"},
        "results": [_round(result, engagement, run, key)],
        "back-matter": {"resources": [rests_on]},
    }
    return as_json({"assessment-results": whole})


def _round(result: SuiteResult, engagement: Engagement, run: RunInfo, key: _Key) -> Json:
    rows = list(items(result))
    props = (("suite", run.suite), ("round", str(run.round)), ("tool-version", run.tool_version))
    components = [_component(one, engagement, key) for one in _assets(result, engagement)]
    told: Json = {
        "uuid": key("result"),
        "title": f"第 {run.round} 轮",
        "description": line(f"{engagement.system.name}：{run.suite} 第 {run.round} 轮的结果"),
        "start": run.begun_at.isoformat(),
        "props": [_prop(name, value) for name, value in props],
        "reviewed-controls": _reviewed(rows),
    }
    if run.ended_at is not None:
        told["end"] = run.ended_at.isoformat()
    # OSCAL forbids empty lists.
    lists: dict[str, list[Json]] = {
        "observations": [
            _observation(item, one, engagement, run, key) for _, item in rows for one in item.cases
        ],
        "risks": [_risk(one, key) for one in result.clauses if _risky(one)],
        "findings": [_finding(item, key) for _, item in rows],
    }
    if components:
        told["local-definitions"] = {"components": components}
    return told | {name: some for name, some in lists.items() if some}


class _Key:
    """Names things of one round: the same thing always has the same UUID."""

    def __init__(self, run: RunInfo) -> None:
        self._of = (run.suite_sha256, run.engagement_sha256, run.round, run.begun_at.isoformat())

    def __call__(self, *parts: str) -> str:
        return named("oscal", *self._of, *parts)


def _prop(name: str, value: str) -> Json:
    return {"name": name, "ns": _NS, "value": line(value)}


def _objective(item: ItemResult) -> str:
    return f"item-{item.item.id}"


def _assets(result: SuiteResult, engagement: Engagement) -> list[str]:
    """Return the ids of all assets that were declared or asked, in order."""
    asked = [case.asset for _, item in items(result) for case in item.cases]
    return list(dict.fromkeys([*(one.id for one in engagement.assets), *asked]))


def _component(asset_id: str, engagement: Engagement, key: _Key) -> Json:
    found: Asset | None = engagement.asset(asset_id)
    kind = found.kind if found is not None else Kind.SYSTEM
    return {
        "uuid": key("asset", asset_id), "type": _COMPONENTS[kind], "title": asset_name(engagement, asset_id),
        "description": kind.zh, "props": [_prop("asset-id", asset_id)], "status": {"state": "operational"},
    }  # fmt: skip


def _reviewed(rows: list[tuple[Clause | None, ItemResult]]) -> Json:
    ids = [_objective(item) for _, item in rows]
    if not ids:
        return {"control-selections": [{"include-all": {}}]}
    return {
        "control-selections": [{"include-controls": [{"control-id": one} for one in ids]}],
        "control-objective-selections": [{"include-objectives": [{"objective-id": one} for one in ids]}],
    }


def _observation(item: ItemResult, case: CaseResult, engagement: Engagement, run: RunInfo, key: _Key) -> Json:
    methods = {one.method.value.upper() for one in case.evidence}
    if any(one.check and one.status is Status.JUDGED for one in case.records):
        methods |= {one.value.upper() for one in item.item.methods}
    told: Json = {
        "uuid": key("observation", case.item, case.asset),
        "title": line(f"{case.item} {case.asset} {label(case)}"),
        "description": seen(case),
        "props": [_prop("state", state(case))],
        "methods": sorted(methods) or ["UNKNOWN"],
        "types": ["finding"] if case.verdict in BAD else ["control-objective"],
        "subjects": [{
            "subject-uuid": key("asset", case.asset), "type": "component",
            "title": asset_name(engagement, case.asset),
        }],
        "collected": at(case, run).isoformat(),
    }  # fmt: skip
    if case.reason is not None:
        told["props"] = [_prop("state", state(case)), _prop("reason", case.reason.value)]
    if case.evidence:
        told["relevant-evidence"] = [
            {"description": line(f"{one.id} {one.kind.zh}：{one.statement}")} for one in case.evidence
        ]
    return told


def _finding(item: ItemResult, key: _Key) -> Json:
    judged = item.status is Status.JUDGED and item.verdict is not None
    answer, reason, done = _OBJECTIVE[item.verdict] if judged and item.verdict else _UNJUDGED
    target: Json = {
        "type": "objective-id", "target-id": _objective(item),
        "status": {"state": answer, "reason": reason, "remarks": label(item)},
    }  # fmt: skip
    if done:
        target["implementation-status"] = {"state": done}
    told: Json = {
        "uuid": key("finding", item.item.id),
        "title": line(f"{item.item.id} {label(item)}"),
        "description": line(item.item.text),
        "props": [_prop("state", state(item))],
        "target": target,
    }
    if item.cases:
        told["related-observations"] = [
            {"observation-uuid": key("observation", one.item, one.asset)} for one in item.cases
        ]
    return told


def _risky(clause: ClauseResult) -> bool:
    """Tell whether a case of the high-risk guide is not known to be in order."""
    fine = (Verdict.CONFORM, Verdict.NOT_APPLICABLE)
    return clause.clause.high_risk is not None and not (
        clause.status is Status.JUDGED and clause.verdict in fine
    )


def _risk(clause: ClauseResult, key: _Key) -> Json:
    high = clause.clause.high_risk
    case, title, mitigation = (high.case, high.title, high.mitigation) if high is not None else ("—", "—", "")
    cases = [one for item in clause.items for one in item.cases]
    found = [one for one in cases if one.verdict in BAD]
    concerned = found or [one for one in cases if one.verdict is None]
    told: Json = {
        "uuid": key("risk", clause.clause.id),
        "title": line(f"{case} {title}"),
        "description": line(clause.clause.text),
        "statement": f"高风险判例 {line(case)}：{_FOUND if found else _UNKNOWN}。",
        "props": [_prop("high-risk-case", case), _prop("clause", clause.clause.id)],
        "status": "open" if found else "investigating",
    }
    if mitigation.strip():
        words = f"{_MITIGATION}：{plain(mitigation)}"
        told["mitigating-factors"] = [{"uuid": key("mitigation", clause.clause.id), "description": words}]
    if concerned:
        told["related-observations"] = [
            {"observation-uuid": key("observation", one.item, one.asset)} for one in concerned
        ]
    return told
