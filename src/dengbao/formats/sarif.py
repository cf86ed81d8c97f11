"""SARIF 2.1.0, as code scanning pages and editors read it: a rule for each item, a result for each asset.

Source: OASIS SARIF 2.1.0: `kind` (§3.27.9) says pass, fail, open, review or notApplicable; a `level` other
than none goes with fail alone (§3.27.10). An asset is a logical location: no file, so no path is told.
"""

from __future__ import annotations

from datetime import UTC
from typing import Final

from ..model import CaseResult, Clause, Engagement, ItemResult, RunInfo, Status, SuiteResult, Verdict
from .common import TOOL, as_json, asset_name, items, label, line, named, plain, seen, state

_KINDS: Final = {
    Verdict.CONFORM: ("pass", "none"),
    Verdict.PARTIAL: ("fail", "warning"),
    Verdict.NONCONFORM: ("fail", "error"),
    Verdict.NOT_APPLICABLE: ("notApplicable", "none"),
}
# `review`: a person has to supply something. `open`: whoever looked could not tell, or nobody looked.
_OPEN: Final = {Status.AWAITING_EVIDENCE: "review", Status.UNDETERMINED: "open", Status.NOT_RUN: "open"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(result: SuiteResult, engagement: Engagement, run: RunInfo) -> bytes:
    """Return the results as one SARIF run in UTF-8."""
    rows = list(items(result))
    ended = {} if run.ended_at is None else {"endTimeUtc": _utc(run)}
    whole = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": TOOL, "version": line(run.tool_version), "language": "zh-CN",
                "rules": [_rule(clause, item) for clause, item in rows],
            }},
            "language": "zh-CN",
            "automationDetails": {
                "id": f"{TOOL}/{line(run.suite)}/round-{run.round}",
                "guid": named("sarif", run.suite_sha256, run.engagement_sha256, run.round),
            },
            # False would say that the program broke down; what it could not see stands in the results.
            "invocations": [{"executionSuccessful": True, **ended}],
            "results": [
                _result(number, item, case, engagement, run)
                for number, (_, item) in enumerate(rows)
                for case in item.cases or (_nobody(item),)
            ],
            "properties": {
                "institution": line(engagement.institution.name), "system": line(engagement.system.name),
                "suite": run.suite, "round": run.round,
            },
        }],
    }  # fmt: skip
    return as_json(whole)


def _utc(run: RunInfo) -> str:
    return (run.ended_at or run.begun_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nobody(item: ItemResult) -> CaseResult:
    """Return the case of an item that was asked of no asset."""
    return CaseResult(item=item.item.id, asset="system", status=Status.NOT_RUN)


def _message(text: str) -> dict[str, str]:
    """Return plain text as a message; braces would be placeholders, brackets links (§3.11.5, §3.11.6)."""
    escaped = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return {"text": escaped.replace("{", "{{").replace("}", "}}")}


def _rule(clause: Clause | None, item: ItemResult) -> dict[str, object]:
    told: dict[str, object] = {"clause": clause.id, "source": clause.source} if clause else {"clause": "M"}
    rule: dict[str, object] = {
        "id": item.item.id,
        "shortDescription": {"text": line(item.item.text)},
        "fullDescription": {"text": line(clause.text if clause else item.item.text)},
        "properties": {**told, "state": state(item), "tags": ["security"]},
    }
    if clause is not None and clause.high_risk is not None:
        told["high_risk"] = line(f"{clause.high_risk.case} {clause.high_risk.title}")
        rule["properties"] = {**told, "state": state(item), "tags": ["security", "高风险判例"]}
    if item.item.advice.strip():
        rule["help"] = {"text": plain(item.item.advice)}
    return rule


def _result(
    number: int, item: ItemResult, case: CaseResult, engagement: Engagement, run: RunInfo
) -> dict[str, object]:
    kind, level = _OPEN.get(case.status, "open"), "none"
    if case.status is Status.JUDGED and case.verdict is not None:
        kind, level = _KINDS[case.verdict]
    asset = line(case.asset)
    return {
        "ruleId": item.item.id, "ruleIndex": number, "kind": kind, "level": level,
        "message": _message(f"{asset_name(engagement, case.asset)} {label(case)}：{seen(case)}"),
        "locations": [{"logicalLocations": [{
            "name": asset, "fullyQualifiedName": asset, "kind": "resource",
        }]}],
        # Without the round: the same question on the same asset is the same result before and after mending.
        "partialFingerprints": {"itemAndAsset/v1": named("case", run.suite, item.item.id, case.asset)},
        "properties": {"state": state(case), "reason": case.reason.value if case.reason else ""},
    }  # fmt: skip
