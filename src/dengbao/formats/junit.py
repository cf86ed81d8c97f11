"""JUnit XML, as build servers read it: a suite for each clause, a test case for each item on an asset.

Source: the format Jenkins and junitparser read (testsuites › testsuite › testcase › failure, error, skipped).
A build is green only if everything is 符合 or 不适用: 不符合 and 部分符合 are failures, all that has no
verdict is an error, and 不适用 alone is skipped.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from xml.etree import ElementTree as ET  # writes only; nothing is parsed

from ..model import CaseResult, Clause, Engagement, ItemResult, RunInfo, Status, SuiteResult, Verdict
from .common import BAD, MANDATORY, TOOL, asset_name, items, label, line, seen, state


def junit(result: SuiteResult, engagement: Engagement, run: RunInfo) -> bytes:
    """Return the results as JUnit XML in UTF-8."""
    root = ET.Element("testsuites", name=line(f"{engagement.institution.name} 第 {run.round} 轮"))
    groups: dict[str, tuple[Clause | None, list[ItemResult]]] = {}
    for clause, item in items(result):
        groups.setdefault(clause.id if clause else "M", (clause, []))[1].append(item)
    for clause, some in groups.values():
        _suite(root, clause, some, engagement, run)
    _count(root, list(root.iter("testcase")))
    ET.indent(root, " ")
    out = io.BytesIO()
    ET.ElementTree(root).write(out, encoding="utf-8", xml_declaration=True)
    return out.getvalue() + b"\n"


def _suite(
    root: ET.Element, clause: Clause | None, some: Sequence[ItemResult], engagement: Engagement, run: RunInfo
) -> None:
    name = line(f"{clause.id} {clause.text}") if clause else MANDATORY
    # Local time without offset is what readers expect here: ISO 8601 as Ant writes it.
    suite = ET.SubElement(root, "testsuite", name=name, timestamp=run.begun_at.strftime("%Y-%m-%dT%H:%M:%S"))
    properties = ET.SubElement(suite, "properties")
    for key, value in (
        ("tool", f"{TOOL} {run.tool_version}"),
        ("suite", run.suite),
        ("round", str(run.round)),
    ):
        ET.SubElement(properties, "property", name=key, value=line(value))
    for item in some:
        if not item.cases:  # asked of no asset: that must be seen, too
            _case(
                suite,
                item,
                CaseResult(item=item.item.id, asset="system", status=Status.NOT_RUN),
                engagement,
                run,
            )
        for case in item.cases:
            _case(suite, item, case, engagement, run)
    _count(suite, suite.findall("testcase"))


def _case(
    suite: ET.Element, item: ItemResult, case: CaseResult, engagement: Engagement, run: RunInfo
) -> None:
    where = f"{asset_name(engagement, case.asset)}（{case.asset}）"
    told = ET.SubElement(
        suite, "testcase", classname=line(f"{run.suite}.{item.item.id}"),
        name=line(f"{item.item.id} {where} {item.item.text}"), time="0",
    )  # fmt: skip
    text = seen(case)
    if case.status is Status.JUDGED and case.verdict is Verdict.CONFORM:
        ET.SubElement(told, "system-out").text = text
        return
    if case.verdict in BAD:
        outcome = ET.SubElement(told, "failure", type=state(case))
    elif case.verdict is Verdict.NOT_APPLICABLE:
        outcome = ET.SubElement(told, "skipped", type=state(case))
    else:
        outcome = ET.SubElement(told, "error", type=state(case))
    outcome.set("message", line(f"{label(case)}：{text}"))
    outcome.text = text


def _count(element: ET.Element, cases: Sequence[ET.Element]) -> None:
    element.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", "0")
