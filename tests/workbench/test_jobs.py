"""A process that the page has started: one at a time, its output kept, ended only when asked."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dengbao.errors import UsageError
from dengbao.workbench.jobs import Job, Jobs

WAIT_S = 60
# A module of the standard library that runs what it is given.
SLEEPS = ("timeit", "-n", "1", "-r", "1", "print('begun', flush=True); import time; time.sleep(600)")
READS = ("timeit", "-n", "1", "-r", "1", "import sys, os; print(len(sys.stdin.read()), 'ONE' in os.environ)")
TALKS = ("timeit", "-n", "1", "-r", "1", "print('x' * 100_000); print('the end')")


@pytest.fixture(name="jobs")
def fresh_jobs(tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path)
    yield jobs
    if jobs.last is not None:
        jobs.last.kill()
        jobs.last.process.wait(WAIT_S)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def sleeping(jobs: Jobs) -> Job:
    job = jobs.start("检测", SLEEPS)
    until(lambda: "begun" in job.said())
    return job


def test_one_at_a_time(jobs: Jobs) -> None:
    job = sleeping(jobs)
    assert (jobs.running(), jobs.ended(), job.code) == (job, None, None)
    with pytest.raises(UsageError, match="正在检测"):
        jobs.start("检测", SLEEPS)
    job.interrupt()
    until(lambda: job.code is not None)
    assert job.code in (1, 130, -signal.SIGINT)
    assert (jobs.running(), jobs.ended()) == (None, job)
    job.interrupt()  # what has ended is left alone
    job.kill()


def test_killed_when_nothing_else_helps(jobs: Jobs) -> None:
    job = sleeping(jobs)
    job.kill()
    until(lambda: job.code is not None)
    assert job.code == -signal.SIGKILL


def test_what_is_given_reaches_the_process_and_stands_in_no_file(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start("检测", READS, given={"his/tester": "Only-for-tests-9"}, env={"ONE": "Only-for-tests-8"})
    until(lambda: job.code is not None)
    assert f"{len(json.dumps({'his/tester': 'Only-for-tests-9'}))} True" in job.said()
    written = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    assert b"Only-for-tests" not in written


def test_only_the_end_of_much_talk_is_read(jobs: Jobs) -> None:
    job = jobs.start("检测", TALKS)
    until(lambda: job.code is not None)
    assert "the end" in job.said()
    assert len(job.said()) <= 16 * 1024
    job.log.unlink()
    assert job.said() == ""


def test_leaving_says_what_becomes_of_what_does_not_stop(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    jobs.leave(told.append)
    assert told == []  # nothing goes on
    monkeypatch.setattr("dengbao.workbench.jobs._END_WAIT_S", 0.1)
    job = sleeping(jobs)
    jobs.leave(told.append)
    assert "已请它停止" in told[0]
    assert f"进程 {job.process.pid}" in told[1]
    assert job.code is None
