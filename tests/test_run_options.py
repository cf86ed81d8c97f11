"""A run may be held below what is authorised, paused and stopped; what is left out is never sent."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from dengbao import steering
from dengbao.cli.console import Watcher
from dengbao.errors import Reason, UsageError
from dengbao.model import HostAsset, Level, Record, Status
from dengbao.prefetch import Progress
from dengbao.probes.ports.spec import SPECS
from dengbao.restraint import PART, Restraint, read
from dengbao.rounds import claim, load_round
from dengbao.runner import RunFailed, judge_again, run
from dengbao.session import open_session
from dengbao.steering import PAUSE, STOP, Stopped, ask, asked, under_way, withdraw

from . import knocking
from .knocking import EMPTY, KNOCK, KNOCKED, PAGE
from .runs import dengbao, environment
from .servers.counting import PASSWORD, Counting
from .small_content import write_check

application, small_content, hospital = knocking.application, knocking.small_content, knocking.hospital
WAIT_S = 60


def record(folder: Path, case: str, number: int = 1) -> Record:
    return load_round(folder, number).records()[case]


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


# ---- what is left out ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("--level", "login"), ("--without", "web.empty_password@his")])
def test_what_is_left_out_is_not_sent_and_says_so(
    folder: Path, content: Path, app: Counting, words: tuple[str, str]
) -> None:
    done = dengbao("run", folder, "--content", content, *words)
    assert done.returncode == 3, done.stderr
    assert app.blank == 0
    found = record(folder, KNOCKED)
    assert (found.status, found.verdict, found.reason) == (Status.UNDETERMINED, None, Reason.NOT_AUTHORISED)
    assert "本次运行未确认“以空口令尝试登录一次”" in found.statement
    assert "新的一轮中确认" in found.statement
    assert record(folder, PAGE).verdict is not None
    assert len(load_round(folder).records()) == len(load_round(folder).plan.cases)
    assert "本次运行未确认" in done.stderr
    assert judge_again(folder, content=content)[1] == ()


def test_an_ended_round_stays_and_the_next_fetches_what_was_left_out(
    folder: Path, content: Path, app: Counting
) -> None:
    run(folder, content=content, restraint=Restraint(Level.LOGIN))
    done = run(folder, content=content)
    assert (done.round.number, done.resumed) == (2, False)
    assert app.blank == 1
    assert record(folder, KNOCKED, 2).verdict is not None
    assert record(folder, KNOCKED, 1).verdict is None


def test_an_unfinished_round_fetches_what_is_confirmed_later(
    folder: Path, content: Path, app: Counting
) -> None:
    write_check(content, "good", "import os; os._exit(1)")  # judging breaks down: no case has its record
    with pytest.raises(RunFailed):
        run(folder, content=content, restraint=Restraint(without=frozenset({EMPTY})))
    asked_before = list(app.requests)
    assert app.blank == 0
    write_check(content, "good", "return say(True)")
    done = run(folder, content=content)
    assert (done.round.number, done.resumed) == (1, True)
    assert app.blank == 1
    # What was seen is not asked twice.
    assert "GET /" not in app.requests[len(asked_before) :]
    assert done.records[KNOCKED].verdict is not None
    assert judge_again(folder, content=content)[1] == ()


def test_what_was_judged_without_it_stays_judged(folder: Path, content: Path, app: Counting) -> None:
    """Facts and records of a round tell the same; the way on is a new round, and the statement says so."""
    run(folder, content=content, items=("3.a.1",), restraint=Restraint(Level.OBSERVE))
    done = run(folder, content=content)
    assert done.resumed
    assert app.blank == 0
    assert done.records[KNOCKED].reason is Reason.NOT_AUTHORISED
    assert judge_again(folder, content=content)[1] == ()


def test_the_log_of_the_engagement_names_what_was_left_out_and_who_went_on(
    folder: Path, content: Path
) -> None:
    run(folder, content=content, items=("1.a.1",), operator="张三")
    run(folder, content=content, operator="李四", restraint=Restraint(Level.LOGIN, frozenset({EMPTY})))
    lines = [json.loads(one) for one in (folder / "custody.jsonl").read_bytes().splitlines()]
    begun = [one["details"] for one in lines if one["act"] == "run_begun"]
    assert [one["operator"] for one in begun] == ["张三", "李四"]
    assert (begun[1]["level"], begun[1]["without"]) == ("login", "web.empty_password@his")
    events = (folder / "runs" / "round-1" / "events.jsonl").read_text(encoding="utf-8")
    assert '"event":"left_out"' in events


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("web.empty", "没有采集“web.empty”"),
        ("web.empty_password@lis", "不用于测评对象“lis”"),
        ("web.anonymous/intrude", "没有采集"),
    ],
)
def test_a_slip_of_the_pen_lets_nothing_through(folder: Path, content: Path, word: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read(None, (word,), open_session(folder, content).plan)
    done = dengbao("run", folder, "--content", content, "--without", word)
    assert done.returncode == 2
    assert not (folder / "runs").exists()


def test_the_part_of_a_probe_that_intrudes_is_left_out_by_its_own_name() -> None:
    """`ports.tcp` looks only, but goes on to try as a stranger where it may."""
    host, spec = HostAsset(id="h", name="h", address="127.0.0.1"), SPECS[0]
    assert spec.intrusion
    held = Restraint(without=frozenset({(spec.name + PART, "h")}))
    assert (held.refusal(host, spec), held.ceiling(host, spec)) == ("", Level.LOGIN)
    assert Restraint(Level.OBSERVE, held.without).ceiling(host, spec) is Level.OBSERVE
    assert Restraint().ceiling(host, spec) is None


def test_passwords_are_read_from_the_standard_input_and_written_nowhere(
    folder: Path, content: Path, app: Counting
) -> None:
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    (folder / "engagement.yaml").write_text(
        text.replace('"${ENV:RUNS_PASSWORD}"', '"prompt:"'), encoding="utf-8"
    )
    command = [sys.executable, "-m", "dengbao", "run", str(folder), "--content", str(content), "--answers"]
    done = subprocess.run(
        command, input=json.dumps({"his/tester": PASSWORD}), env=environment(), capture_output=True,
        text=True, encoding="utf-8", timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert app.requests.count(KNOCK) == 2  # the control login, and the one without a password
    assert app.blank == 1
    assert record(folder, KNOCKED).verdict is not None  # which asks that the control login was let in
    written = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    assert PASSWORD.encode() not in written + done.stdout.encode() + done.stderr.encode()


def test_what_is_no_answer_is_refused_untold(folder: Path, content: Path) -> None:
    command = [sys.executable, "-m", "dengbao", "run", str(folder), "--content", str(content), "--answers"]
    done = subprocess.run(
        command, input='["Only-for-tests-8"]', env=environment(), capture_output=True, text=True, check=False,
        encoding="utf-8", timeout=WAIT_S,
    )  # fmt: skip
    assert done.returncode == 2
    assert "不是口令的 JSON 对象" in done.stderr
    assert "Only-for-tests-8" not in done.stderr


# ---- pause and stop ------------------------------------------------------------------------------


class Watching:
    """Runs in a thread; holds what the run says of itself."""

    def __init__(self, folder: Path, content: Path, act: Callable[[Progress], None]) -> None:
        self.steps: list[Progress] = []
        self.act = act
        self.ended: list[BaseException | None] = []
        self.thread = threading.Thread(target=self._run, args=(folder, content))
        self.thread.start()

    def _run(self, folder: Path, content: Path) -> None:
        try:
            run(folder, content=content, operator="张三", watch=self._watch)
        except BaseException as exc:  # noqa: BLE001 - handed to the test, which looks at it
            self.ended.append(exc)
        else:
            self.ended.append(None)

    def _watch(self, step: Progress) -> None:
        self.steps.append(step)
        self.act(step)

    def states(self) -> list[str]:
        return [one.state for one in self.steps]


def test_a_paused_run_starts_nothing_more_until_it_may(
    folder: Path, content: Path, app: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dengbao.prefetch.PROBES_PER_ASSET", 1)

    def pause(step: Progress) -> None:
        if step.probe == "web.anonymous" and step.state == "begun":
            ask(folder, PAUSE, "李四")

    watching = Watching(folder, content, pause)
    until(lambda: "paused" in watching.states() and ("web.anonymous", "done") in _done(watching))
    sitting = under_way(folder)
    assert sitting is not None
    assert (sitting.operator, sitting.doing) == ("张三", "fetch")
    wish = asked(folder, PAUSE)
    assert wish is not None
    assert wish.by == "李四"
    assert app.blank == 0
    withdraw(folder, PAUSE)
    watching.thread.join(WAIT_S)
    assert watching.ended == [None]
    assert watching.states().count("paused") == watching.states().count("resumed") == 1
    assert app.blank == 1
    assert under_way(folder) is None
    assert sorted(one.name for one in (folder / "runs").iterdir() if "lock" not in one.name) == ["round-1"]


def _done(watching: Watching) -> list[tuple[str, str]]:
    return [(one.probe, one.state) for one in watching.steps]


def test_a_stopped_run_ends_in_words_and_goes_on_where_it_was(
    folder: Path, content: Path, app: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dengbao.prefetch.PROBES_PER_ASSET", 1)

    def stop(step: Progress) -> None:
        if step.probe == "web.anonymous" and step.state == "begun":
            ask(folder, STOP, "李四")

    watching = Watching(folder, content, stop)
    watching.thread.join(WAIT_S)
    assert isinstance(watching.ended[0], Stopped)
    assert load_round(folder).records() == {}
    assert load_round(folder).store().has("his", "web.anonymous")  # what was under way came to its end
    assert app.blank == 0
    asked_before = len(app.requests)
    done = run(folder, content=content)
    assert done.resumed
    assert "GET /" not in app.requests[asked_before:]
    assert app.blank == 1


def test_what_does_not_end_by_itself_is_broken_off_some_time_after_the_stop(
    folder: Path, content: Path, app: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "PATIENCE_S", 0.1)
    app.delay_s = 5.0

    def stop(step: Progress) -> None:
        if step.probe == "web.anonymous" and step.state == "begun":
            ask(folder, STOP, "李四")

    watching = Watching(folder, content, stop)
    watching.thread.join(WAIT_S)
    assert isinstance(watching.ended[0], Stopped)
    assert not load_round(folder).store().has("his", "web.anonymous")


def test_the_command_line_says_that_it_stopped(folder: Path, content: Path, app: Counting) -> None:
    app.delay_s = 0.3
    command = [sys.executable, "-m", "dengbao", "run", str(folder), "--content", str(content)]
    process = subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        until(lambda: under_way(folder) is not None or process.poll() is not None)
        (folder / "runs" / STOP).touch()  # as somebody in another terminal would
        _out, told = process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, "已按要求停止" in told) == (130, True), told


def test_a_terminal_shows_the_pause_and_how_to_go_on() -> None:
    out = io.StringIO()
    watcher = Watcher(Console(file=out, width=100), 3)
    for state in ("paused", "resumed"):
        watcher(Progress("", "", "", state))
    watcher.finish("")
    assert "已暂停：正在进行的采集会做完" in out.getvalue()
    assert "删去项目目录中的 runs/.pause 即继续" in out.getvalue()
    assert "继续采集" in out.getvalue()


def test_wishes_of_yesterday_are_not_for_this_run(folder: Path, content: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / PAUSE).touch()
    (folder / "runs" / STOP).touch()
    assert run(folder, content=content).round.info.ended_at is not None


def test_nobody_can_pause_what_does_not_run(folder: Path) -> None:
    with pytest.raises(UsageError, match="没有检测在运行"):
        ask(folder, PAUSE, "李四")
    assert not (folder / "runs").exists()


def test_what_a_killed_run_left_behind_is_not_taken_for_a_run(folder: Path, content: Path) -> None:
    with claim(folder), steering.sitting(folder, "张三"):
        kept = (folder / "runs" / steering.SITTING).read_bytes()
        assert under_way(folder) is not None
    (folder / "runs" / steering.SITTING).write_bytes(kept)
    assert under_way(folder) is None
    assert not (folder / "runs" / steering.SITTING).exists()
    (folder / "runs" / steering.SITTING).write_bytes(b"{")
    assert under_way(folder) is None
    assert run(folder, content=content).round.info.ended_at is not None
