"""A disk that becomes full in the midst of a run loses no record, doubles none, and ends no round."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from .runs import dengbao, environment
from .small_content import write_content, write_engagement


def run_within(folder: Path, content: Path, most_bytes: int) -> subprocess.CompletedProcess[str]:
    """Run while no file can grow beyond a size: the kernel writes what fits, then refuses."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    # Coverage would write a file of its own in the child, and stumble over the same limit.
    plain = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
    return subprocess.run(
        [sys.executable, "-m", "dengbao", "run", str(folder), "--content", str(content)],
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False, env=plain,
        preexec_fn=bounded,
    )  # fmt: skip


def lines(folder: Path) -> list[dict[str, object]]:
    path = folder / "runs" / "round-1" / "records.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_records_that_find_no_room_are_judged_at_the_next_run(tmp_path: Path, part: float) -> None:
    bodies = {f"n{number}": "return say(True)" for number in range(24)}
    content = write_content(tmp_path / "content", bodies)
    roomy = write_engagement(tmp_path / "roomy")
    dengbao("run", roomy, "--content", content)
    size = (roomy / "runs" / "round-1" / "records.jsonl").stat().st_size
    folder = write_engagement(tmp_path / "tight")

    cut = run_within(folder, content, int(size * part))
    assert cut.returncode not in (0, 1, 3)
    assert "结果记录无法写入" in cut.stderr + cut.stdout
    assert 0 < len(lines(folder)) < len(lines(roomy))
    assert json.loads((folder / "runs" / "round-1" / "run.json").read_bytes())["ended_at"] is None

    dengbao("run", folder, "--content", content)
    assert [one["case"] for one in lines(folder)] == [one["case"] for one in lines(roomy)]
    assert [one.get("reason") for one in lines(folder)] == [one.get("reason") for one in lines(roomy)]
