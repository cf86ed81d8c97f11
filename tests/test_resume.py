"""Killed at any instant, a run goes on where it stopped: nothing lost, doubled or asked twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .runs import dengbao, environment, records, write_engagement
from .servers.counting import Counting, counting_server

KILLS = 20
DELAY_S = 0.01
NAMES = ("his", "lis", "pacs")
PROBES = (
    "web.anonymous", "web.session", "web.empty_password", "web.default_accounts", "web.tampering",
    "tls.web", "tls.weaknesses",
)  # fmt: skip


# Checks that rest on attempts which are sent once only.
ATTEMPTS = ("identity.empty_password", "access.default_password", "access.anonymous_disabled")


def all_probes(name: str) -> set[str]:
    return {f"{name}/{probe}" for probe in PROBES}


@pytest.fixture(scope="module")
def apps() -> Iterator[dict[str, Counting]]:
    """Serve three applications; they stay, because their ports stand in statements."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(counting_server(DELAY_S)) for name in NAMES}


def new_engagement(folder: Path, apps: dict[str, Counting]) -> Path:
    return write_engagement(folder / "hospital", {name: app.url for name, app in apps.items()})


def finished_probes(folder: Path) -> set[str]:
    """Return `asset/probe` of every answer that is on disk."""
    return {f"{one.parent.name}/{one.stem}" for one in (folder / "runs").glob("round-1/facts/*/*.json")}


def begun_after(folder: Path, position: int) -> set[str]:
    """Return `asset/probe` of every probe that the event log says was begun after a byte position."""
    path = folder / "runs" / "round-1" / "events.jsonl"
    if not path.exists():
        return set()
    with path.open("rb") as log:
        log.seek(position)
        events = [json.loads(line) for line in log.read().splitlines() if line.startswith(b"{")]
    return {f"{one['asset']}/{one['probe']}" for one in events if one["event"] == "probe_begun"}


@pytest.fixture(scope="module")
def unbroken(
    apps: dict[str, Counting], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, object]], float]:
    """Return the records of an unbroken run, and how long it took."""
    folder = new_engagement(tmp_path_factory.mktemp("unbroken"), apps)
    begun = time.monotonic()
    done = dengbao("run", folder)
    assert done.returncode == 3, done.stderr
    return records(folder), time.monotonic() - begun


def kill_at(folder: Path, instant_s: float) -> None:
    """Start a run and kill it with all its children after a while."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dengbao", "run", str(folder)],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    time.sleep(instant_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def has_ended(folder: Path) -> bool:
    path = folder / "runs" / "round-1" / "run.json"
    return path.exists() and bool(json.loads(path.read_text(encoding="utf-8"))["ended_at"])


def attempts_cut_off(folder: Path) -> set[str]:
    """Return the assets with an attempt in the ledger that has no outcome."""
    path = folder / "runs" / "round-1" / "ledger.jsonl"
    if not path.exists():
        return set()
    outcomes = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        outcomes[entry["key"]] = entry["outcome"]
    return {key.partition("/")[0] for key, outcome in outcomes.items() if outcome is None}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_goes_on_where_it_stopped(
    apps: dict[str, Counting],
    unbroken: tuple[list[dict[str, object]], float],
    tmp_path: Path,
    number: int,
) -> None:
    expected, whole_s = unbroken
    folder = new_engagement(tmp_path, apps)
    kill_at(folder, random.Random(number).uniform(0.3, whole_s))

    done_before = finished_probes(folder)
    log = folder / "runs" / "round-1" / "events.jsonl"
    position = log.stat().st_size if log.exists() else 0
    requests_before = {name: len(app.requests) for name, app in apps.items()}
    if not has_ended(folder):
        assert dengbao("run", folder).returncode == 3

    found = records(folder)
    broken_off = attempts_cut_off(folder)
    assert [one["case"] for one in found] == [one["case"] for one in expected]
    for one, other in zip(found, expected, strict=True):
        # An attempt that was sent and whose answer was lost is never sent again: its case says so.
        if one != other:
            assert one["asset"] in broken_off, one
            assert one["check"] in ATTEMPTS, one
    assert not done_before & begun_after(folder, position)
    for name in NAMES:
        if all_probes(name) <= done_before:
            assert len(apps[name].requests) == requests_before[name]


def test_the_kill_test_knows_all_probes_that_log_requests(
    apps: dict[str, Counting], unbroken: tuple[list[dict[str, object]], float], tmp_path: Path
) -> None:
    """If a web probe is added, the kill test must know it, or its last assertion would test nothing."""
    assert unbroken
    folder = new_engagement(tmp_path, apps)
    dengbao("run", folder)
    assert {one for one in finished_probes(folder) if one.startswith("his/")} == all_probes("his")
