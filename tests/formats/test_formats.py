"""Each format is read by the other side's own reader, and says what `status` says: only 符合 is a pass."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from dengbao.cli.standing import status_json
from dengbao.exporting import FORMATS
from dengbao.model import Engagement, RunInfo, Status, SuiteResult, Verdict

from . import readers
from .example import HIDDEN, HOSTILE, Example, example, nothing

EXAMPLES = {"every state": example(), "hostile": example(HOSTILE), "nothing run": nothing()}


@pytest.fixture(name="given", params=sorted(EXAMPLES))
def fixture_given(request: pytest.FixtureRequest) -> Example:
    return EXAMPLES[str(request.param)]


def export(given: Example, name: str, folder: Path) -> Path:
    path = folder / f"results.{FORMATS[name].ending}"
    path.write_bytes(FORMATS[name].write(given.result, given.engagement, given.run))
    return path


def items(result: SuiteResult) -> dict[str, str]:
    """Return what `status --format json` says of each item: its verdict, else its status."""
    shape = status_json(result, 1)["items"]
    assert isinstance(shape, dict)
    return {key: one["verdict"] or one["status"] for key, one in shape.items()}


def assets(result: SuiteResult) -> dict[tuple[str, str], str]:
    """Return the same of each item on each asset; an item asked of nothing counts as 未测 of the system."""
    shape = status_json(result, 1)["items"]
    assert isinstance(shape, dict)
    return {
        (key, asset): one["verdict"] or one["status"]
        for key, item in shape.items()
        for asset, one in (item["assets"] or {"system": {"verdict": None, "status": "not_run"}}).items()
    }


def test_the_example_has_every_state_of_items_and_cases() -> None:
    result = EXAMPLES["every state"].result
    states = {one.value for one in (*Verdict, *Status)} - {"judged"}
    assert set(items(result).values()) == states
    assert set(assets(result).values()) == states


# ---- each read by the other side -----------------------------------------------------------------


@pytest.fixture(name="oscal", scope="module")
def fixture_oscal(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Example], readers.Oscal]:
    """Return what reads an example with trestle, once: it takes a second to start."""
    known: dict[int, readers.Oscal] = {}

    def read(one: Example) -> readers.Oscal:
        if id(one) not in known:
            known[id(one)] = readers.read_oscal(export(one, "oscal", tmp_path_factory.mktemp("oscal")))
        return known[id(one)]

    return read


def test_oscal_is_read_by_trestle_and_only_conform_is_satisfied(
    given: Example, oscal: Callable[[Example], readers.Oscal]
) -> None:
    read = oscal(given)
    answers = {
        "conform": ("satisfied", "pass"), "partial": ("not-satisfied", "fail"),
        "nonconform": ("not-satisfied", "fail"),
    }  # fmt: skip
    expected = {
        f"item-{key}": answers.get(one, ("not-satisfied", "other"))
        for key, one in items(given.result).items()
    }
    assert read.findings == expected
    whole = [*given.result.mandatory, *(item for one in given.result.clauses for item in one.items)]
    assert read.observations == sum(len(one.cases) for one in whole)
    assert len(read.components) == len(given.engagement.assets)


def test_a_high_risk_clause_is_a_risk_until_it_is_known_to_be_in_order(
    given: Example, oscal: Callable[[Example], readers.Oscal]
) -> None:
    read = oscal(given)
    expected: Counter[str] = Counter()
    for clause in given.result.clauses:
        verdicts = {case.verdict for item in clause.items for case in item.cases}
        fine = clause.verdict in (Verdict.CONFORM, Verdict.NOT_APPLICABLE)
        if clause.clause.high_risk is not None and not fine:
            found = verdicts & {Verdict.NONCONFORM, Verdict.PARTIAL}
            expected["open" if found else "investigating"] += 1
    assert sum(expected.values()) > 5
    assert Counter(read.risks.values()) == expected


def test_hdf_is_read_by_heimdall_and_only_conform_is_passed(given: Example, tmp_path: Path) -> None:
    read = readers.read_hdf(export(given, "hdf", tmp_path))
    expected = {}
    for item, state in items(given.result).items():
        bad = {one for (key, _), one in assets(given.result).items() if key == item}
        words = {"conform": "Passed", "not_applicable": "Not Applicable"}
        failed = bad & {"partial", "nonconform"}
        expected[item] = "Failed" if failed else words.get(state, "Not Reviewed")
    assert {key: one.status for key, one in read.items()} == expected
    assert sum(len(one.results) for one in read.values()) == len(assets(given.result))


def test_hdf_has_what_the_schema_of_exec_json_requires_and_its_reader_does_not_miss(
    given: Example, tmp_path: Path
) -> None:
    whole = json.loads(export(given, "hdf", tmp_path).read_bytes())
    assert whole.keys() >= {"platform", "profiles", "statistics", "version"}
    (profile,) = whole["profiles"]
    assert profile.keys() >= {"attributes", "controls", "groups", "name", "sha256", "supports"}
    for control in profile["controls"]:
        assert control.keys() >= {
            "id", "title", "desc", "impact", "refs", "tags", "code", "source_location", "results",
        }  # fmt: skip
        assert {key: type(one) for key, one in control["source_location"].items()} == {
            "ref": str,
            "line": int,
        }
        for one in control["results"]:
            assert one.keys() >= {"code_desc", "run_time", "start_time"}
            assert isinstance(one["run_time"], float)


def test_junit_is_read_by_junitparser_and_the_build_is_green_only_if_all_is_conform(
    given: Example, tmp_path: Path
) -> None:
    read = readers.read_junit(export(given, "junit", tmp_path))
    told = Counter(assets(given.result).values())
    failures, skipped = told["partial"] + told["nonconform"], told["not_applicable"]
    errors = told["undetermined"] + told["awaiting_evidence"] + told["not_run"]
    assert read.before == read.after == (told.total(), failures, errors, skipped)
    assert Counter(kind for _, _, kind in read.cases)["passed"] == told["conform"]
    assert len({(where, name) for where, name, _ in read.cases}) == told.total(), "names are unique"
    assert read.suites == 1 + len(given.result.clauses)


def test_junit_obeys_the_schemas_of_jenkins_and_of_ant(given: Example, tmp_path: Path) -> None:
    data = export(given, "junit", tmp_path).read_bytes()
    assert readers.junit_faults(data) == []
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    told = Counter(assets(given.result).values())
    assert len(root.findall(".//skipped")) == told["not_applicable"]
    assert {one.get("type") for one in root.iter("failure", "error")} == told.keys() - {
        "conform", "not_applicable",
    }  # fmt: skip
    begun = given.run.begun_at
    assert {one.get("timestamp") for one in root.iter("testsuite")} == {f"{begun:%Y-%m-%dT%H:%M:%S}"}
    seen = "\n\n".join(one.text or "" for one in root.iter("system-out"))
    assert seen.count("\n符合：") == told["conform"], "what was seen of those that passed is told"


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        (b' hostname="localhost"', b""),
        (b' failures="', b' failed="'),
        (b"<system-err />", b""),
        (b'timestamp="2026-', b'timestamp="26-'),
        (b"<testsuites>", b'<testsuites disabled="0">'),
    ],
)
def test_the_check_by_the_schemas_of_junit_is_awake(told: bytes, instead: bytes) -> None:
    data = FORMATS["junit"].write(*_parts(EXAMPLES["every state"]))
    assert told in data
    assert readers.junit_faults(data.replace(told, instead))


def test_sarif_obeys_the_official_schema_and_only_conform_is_pass(given: Example, tmp_path: Path) -> None:
    document = json.loads(export(given, "sarif", tmp_path).read_bytes())
    assert readers.sarif_faults(document) == []
    run = document["runs"][0]
    kinds = {
        "conform": ("pass", "none"), "partial": ("fail", "warning"), "nonconform": ("fail", "error"),
        "not_applicable": ("notApplicable", "none"), "awaiting_evidence": ("review", "none"),
    }  # fmt: skip
    read = {
        (one["ruleId"], one["locations"][0]["logicalLocations"][0]["name"]): (one["kind"], one["level"])
        for one in run["results"]
    }
    expected = {key: kinds.get(one, ("open", "none")) for key, one in assets(given.result).items()}
    assert read == expected
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert "physicalLocation" not in json.dumps(document)


def test_the_schema_check_is_awake() -> None:
    document = json.loads(FORMATS["sarif"].write(*_parts(EXAMPLES["every state"])))
    document["runs"][0]["results"][0]["kind"] = "passed"
    assert readers.sarif_faults(document)


# ---- what holds in every format ------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_results_give_the_same_bytes(name: str, given: Example) -> None:
    assert FORMATS[name].write(*_parts(given)) == FORMATS[name].write(*_parts(given))


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_told_that_the_report_does_not_print(name: str) -> None:
    text = FORMATS[name].write(*_parts(EXAMPLES["every state"])).decode()
    assert [one for one in HIDDEN if one in text] == []
    assert "经核查，共 3 个账户" in text


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_words_stay_words(name: str) -> None:
    data = FORMATS[name].write(*_parts(EXAMPLES["hostile"]))
    text = data.decode()
    assert not set(text) & set("\x00\x08\x0b\x1b\ufffe\uffff\u202e\u2066")
    if name == "junit":
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
        assert {one.tag for one in root.iter()} == {
            "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped",
            "system-out", "system-err",
        }  # fmt: skip
        assert "]]> <script>" in str(root.xpath("string()"))
    else:
        assert "]]> <script>" in json.dumps(json.loads(data), ensure_ascii=False).replace("\\\\]", "]")


def test_placeholders_and_links_of_sarif_are_escaped() -> None:
    document = json.loads(FORMATS["sarif"].write(*_parts(EXAMPLES["hostile"])))
    message = next(
        one["message"]["text"] for one in document["runs"][0]["results"] if "alert" in one["message"]["text"]
    )
    assert "{{0}} {{{{x}}}} \\[a\\](javascript" in message


def _parts(given: Example) -> tuple[SuiteResult, Engagement, RunInfo]:
    return given.result, given.engagement, given.run
