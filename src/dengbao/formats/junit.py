"""JUnit XML, as build servers read it: a suite for each clause, a test case for each item on an asset.

Source: `junit-10.xsd` of Jenkins' xUnit plugin and `JUnit.xsd` of windyroad/JUnit-Schema (what Apache Ant
writes); a file is valid against both. Therefore the outermost element has no attributes, `skipped` has no
type, and what was seen of a case that passed stands in its suite's `system-out`: Ant's test cases have none.
A build is green only if everything is 符合 or 不适用: 不符合 and 部分符合 are failures, all that has no
verdict is an error, and 不适用 alone is skipped.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Final
from xml.etree import ElementTree as ET  # writes only; nothing is parsed

from ..model import CaseResult, Clause, Engagement, ItemResult, RunInfo, Status, SuiteResult, Verdict
from .common import BAD, MANDATORY, TOOL, asset_name, items, label, line, seen, state

# The schemas want to know on which machine tests ran; nothing of the tester's machine is told.
_HOST: Final = "localhost"


def junit(result: SuiteResult, engagement: Engagement, run: RunInfo) -> bytes:
    """Return the results as JUnit XML in UTF-8."""
    root = ET.Element("testsuites")
    groups: dict[str, tuple[Clause | None, list[ItemResult]]] = {}
    for clause, item in items(result):
        groups.setdefault(clause.id if clause else "M", (clause, []))[1].append(item)
    for number, (clause, some) in enumerate(groups.values()):
        root.append(_suite(number, clause, some, engagement, run))
    ET.indent(root, " ")
    out = io.BytesIO()
    ET.ElementTree(root).write(out, encoding="utf-8", xml_declaration=True)
    return out.getvalue() + b"\n"


def _suite(
    number: int, clause: Clause | None, some: Sequence[ItemResult], engagement: Engagement, run: RunInfo
) -> ET.Element:
    begun = run.begun_at.astimezone(UTC)
    name = line(f"{clause.id} {clause.text}") if clause else MANDATORY
    suite = ET.Element(
        "testsuite", name=name, package=line(run.suite), id=str(number), hostname=_HOST,
        timestamp=f"{begun:%Y-%m-%dT%H:%M:%S}",  # Ant's has no offset
    )  # fmt: skip
    properties = ET.SubElement(suite, "properties")
    for key, value in (
        ("institution", engagement.institution.name),
        ("round", str(run.round)),
        ("begun_at", f"{begun:%Y-%m-%dT%H:%M:%SZ}"),
        ("suite", run.suite),
        ("tool", f"{TOOL} {run.tool_version}"),
    ):
        ET.SubElement(properties, "property", name=key, value=line(value))
    passed: list[str] = []
    cases = [(item, case) for item in some for case in _cases(item)]
    for item, case in cases:
        name = _name(item, case, engagement)
        told = ET.SubElement(
            suite, "testcase", name=name, classname=line(f"{run.suite}.{item.item.id}"), time="0"
        )
        if not _outcome(told, case):
            passed.append(f"{name}\n{label(case)}：{seen(case)}")
    _count(suite)
    ET.SubElement(suite, "system-out").text = "\n\n".join(passed)
    ET.SubElement(suite, "system-err")
    return suite


def _cases(item: ItemResult) -> Iterator[CaseResult]:
    yield from item.cases
    if not item.cases:  # asked of no asset: that must be seen, too
        yield CaseResult(item=item.item.id, asset="system", status=Status.NOT_RUN)


def _name(item: ItemResult, case: CaseResult, engagement: Engagement) -> str:
    return line(f"{item.item.id} {asset_name(engagement, case.asset)}（{case.asset}） {item.item.text}")


def _outcome(told: ET.Element, case: CaseResult) -> bool:
    """Say why a case did not pass; return False where it did, and there is nothing to say."""
    if case.status is Status.JUDGED and case.verdict is Verdict.CONFORM:
        return False
    if case.verdict is Verdict.NOT_APPLICABLE:
        outcome = ET.SubElement(told, "skipped")
    else:
        outcome = ET.SubElement(told, "failure" if case.verdict in BAD else "error", type=state(case))
    text = seen(case)
    outcome.set("message", line(f"{label(case)}：{text}"))
    outcome.text = text
    return True


def _count(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", "0")
