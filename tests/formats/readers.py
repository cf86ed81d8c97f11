"""The readers of the other side, each in its own environment: a file in, what it understood out."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from jsonschema import Draft7Validator
from lxml import etree

_HOME: Final = Path(__file__).parents[2] / ".engines" / "formats"
_MODULES: Final = _HOME / "readers" / "node_modules"
_PYTHON: Final = _HOME / "bin" / "python"
_SARIF_SCHEMA: Final = _MODULES / "@microsoft" / "jest-sarif" / "lib" / "schemas" / "sarif-2.1.0-rtm.5.json"
_JENKINS_SCHEMA: Final = _HOME / "junit-10.xsd"
# A string within that package's own test.
_ANT_SCHEMA: Final = _MODULES / "junit-xml" / "src" / "index.test.ts"
_TRESTLE: Final = """
import json, sys, pathlib
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(pathlib.Path(sys.argv[1]))
result = read.results[0]
value = lambda one: getattr(one, "value", getattr(one, "__root__", one))
print(json.dumps({
    "findings": {one.target.target_id: [value(one.target.status.state), value(one.target.status.reason)]
                 for one in result.findings or []},
    "observations": len(result.observations or []),
    "risks": {one.uuid: str(value(value(one.status))) for one in result.risks or []},
    "components": [one.uuid for one in result.local_definitions.components],
}))
"""
_INSPECJS: Final = """
const {contextualizeEvaluation, convertFile} = require(process.argv[2] + "/inspecjs");
const read = convertFile(require("fs").readFileSync(process.argv[1], "utf8"));
const seen = {};
for (const one of contextualizeEvaluation(read["1_0_ExecJson"]).contains[0].contains)
  seen[one.data.id] = {status: one.hdf.status, severity: one.hdf.severity, results: one.hdf.status_list};
console.log(JSON.stringify(seen));
"""
_JUNITPARSER: Final = """
import json, sys
from junitparser import JUnitXml
read = JUnitXml.fromfile(sys.argv[1])
before = [sum(getattr(suite, name) for suite in read) for name in ("tests", "failures", "errors", "skipped")]
read.update_statistics()
cases = [[one.classname, one.name, type(one.result[0]).__name__ if one.result else "passed"]
         for suite in read for one in suite]
print(json.dumps({"before": before, "after": [read.tests, read.failures, read.errors, read.skipped],
                  "cases": cases, "suites": len(list(read))}))
"""


@dataclass(frozen=True)
class Oscal:
    """What trestle understood: state and reason by objective, how many observations, risks by status."""

    findings: dict[str, tuple[str, str]]
    observations: int
    risks: dict[str, str]
    components: tuple[str, ...]


@dataclass(frozen=True)
class Control:
    """What Heimdall's reader made of a control."""

    status: str
    severity: str
    results: tuple[str, ...]


@dataclass(frozen=True)
class Junit:
    """What junitparser read, and what it counted itself: tests, failures, errors, skipped."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    cases: tuple[tuple[str, str, str], ...]
    suites: int


def read_oscal(path: Path) -> Oscal:
    """Read with compliance-trestle, which refuses what OSCAL 1.1.3 does not allow."""
    return msgspec.json.decode(_said(_PYTHON, "-c", _TRESTLE, path), type=Oscal)


def read_hdf(path: Path) -> dict[str, Control]:
    """Read with inspecjs, which Heimdall reads with."""
    said = _said(_HOME / "bin" / "node", "-e", _INSPECJS, path, _MODULES)
    return msgspec.json.decode(said, type=dict[str, Control])


def read_junit(path: Path) -> Junit:
    """Read with junitparser."""
    return msgspec.json.decode(_said(_PYTHON, "-c", _JUNITPARSER, path), type=Junit)


def sarif_faults(document: object) -> list[str]:
    """Return what the schema of OASIS, as Microsoft's matchers carry it, says against a document."""
    schema = json.loads(_SARIF_SCHEMA.read_text(encoding="utf-8"))
    checker = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    return [f"{one.json_path}: {one.message[:200]}" for one in checker.iter_errors(document)]


def junit_faults(document: bytes) -> list[str]:
    """Return what the schemas that readers of JUnit XML go by say against a document.

    Jenkins' is taken as it stands. The one at hand of what Ant writes is of 2011 and knows no skipped test
    yet, as today's does: it is asked about the document without them.
    """
    given = etree.fromstring(document, etree.XMLParser(resolve_entities=False))
    older = copy.deepcopy(given)
    for skipped in older.findall(".//skipped"):
        case = skipped.getparent()
        assert case is not None
        assert {*skipped.attrib} <= {"message"}, "all that the schema of today allows"
        case.remove(skipped)
    for suite in older.iter("testsuite"):
        assert int(suite.attrib.pop("skipped")) >= 0
    ant = re.search(r"const antJunitSchema = '(.+)';", _ANT_SCHEMA.read_text(encoding="utf-8"))
    assert ant is not None
    faults: list[str] = []
    for schema, one in ((_JENKINS_SCHEMA.read_bytes(), given), (ant[1].encode(), older)):
        checker = etree.XMLSchema(etree.fromstring(schema))
        checker.validate(one)
        faults += str(checker.error_log).splitlines()
    return faults


def _said(*command: str | Path) -> bytes:
    done = subprocess.run([str(one) for one in command], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-3000:].decode()
    return done.stdout
