"""`dengbao export`: where it writes, what it says, and when it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ..cli.conftest import Call, Ran, call_main
from ..cli.conftest import content as content  # noqa: PLC0414 - fixtures are found by their names here
from ..cli.conftest import ran as ran  # noqa: PLC0414
from . import readers


@pytest.fixture(name="call")
def fixture_call() -> Call:
    return call_main


@pytest.fixture(name="copy")
def fixture_copy(ran: Ran, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ran.folder, tmp_path / "hospital"))


def test_results_lie_beside_the_report_unless_told_otherwise(call: Call, ran: Ran, copy: Path) -> None:
    said = call("export", copy, "--to", "hdf", "--content", ran.content)
    path = copy / "out" / "测试结果-第1轮.hdf.json"
    assert (said.code, said.err) == (0, "")
    assert str(path) in said.out.replace("\n", "")
    shape = json.loads(call("status", copy, "--content", ran.content, "--format", "json").out)
    told = {
        one["id"]: one["tags"]["dengbao"] for one in json.loads(path.read_bytes())["profiles"][0]["controls"]
    }
    assert told == {key: one["verdict"] or one["status"] for key, one in shape["items"].items()}


def test_round_and_place_can_be_chosen(call: Call, ran: Ran, copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "results.xml"
    said = call("export", copy, "--to", "junit", "--round", "1", "--out", out, "--content", ran.content)
    assert said.code == 0
    assert readers.junit_faults(out.read_bytes()) == []
    assert not (copy / "out" / "测试结果-第1轮.junit.xml").exists()
    before = out.read_bytes()
    call("export", copy, "--to", "junit", "--round", "1", "--out", out, "--content", ran.content)
    assert out.read_bytes() == before


def test_a_format_that_is_not_known_is_refused_with_those_that_are(call: Call, ran: Ran) -> None:
    said = call("export", ran.folder, "--to", "pdf", "--content", ran.content)
    assert said.code == 2
    assert "oscal、hdf、junit、sarif" in said.err


def test_nothing_is_exported_from_damaged_facts(call: Call, ran: Ran, copy: Path) -> None:
    facts = next((copy / "runs" / "round-1" / "facts" / "his-bak").iterdir())
    facts.write_bytes(facts.read_bytes()[:-2])
    said = call("export", copy, "--to", "oscal", "--content", ran.content)
    assert said.code == 4
    assert "结果不予导出" in said.err
    assert not (copy / "out").exists()
