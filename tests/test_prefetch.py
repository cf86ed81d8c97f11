"""Facts are fetched side by side within caps; whatever a probe does, its answer is whole or missing."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dengbao import errors
from dengbao.errors import ContentError, ProbeError, Reason
from dengbao.events import EventLog
from dengbao.facts import FactFile, FactStore
from dengbao.ledger import FileLedger
from dengbao.model import (
    Account,
    Engagement,
    Institution,
    Level,
    Parties,
    Party,
    Plan,
    PlannedProbe,
    Scope,
    SystemInfo,
    TlsAsset,
    Window,
)
from dengbao.prefetch import ASSETS_AT_ONCE, PROBES_PER_ASSET, Fetching, Progress
from dengbao.probes.base import ProbeSpec
from dengbao.redact import Redactor
from dengbao.scope import Guard, unfence

from . import odd_probes
from .guards import listening
from .odd_probes import SECRET, Crowd, Doors, Keys, spec

PARTY = Party(name="某单位")


def asset(asset_id: str, note: str = "whole", *, secret: str = "") -> TlsAsset:
    accounts = (Account(id="one", username="guard", secret=secret),) if secret else ()
    return TlsAsset(id=asset_id, name=asset_id, address="127.0.0.1", note=note, accounts=accounts)


class Bench:
    """One round's folder, and what is needed to fetch into it."""

    def __init__(self, folder: Path, scope: Scope | None = None) -> None:
        self.folder = folder
        self.scope = scope or Scope(level=Level.LOGIN, addresses=("127.0.0.1",))
        self.store = FactStore(folder, {"odd.doors": Doors, "odd.keys": Keys})
        self.steps: list[Progress] = []

    def fetching(self, assets: tuple[TlsAsset, ...], specs: tuple[ProbeSpec, ...]) -> Fetching:
        redactor = Redactor()
        events = EventLog(self.folder / "events.jsonl", redactor)
        engagement = Engagement(
            schema=1, suite="small", institution=Institution(name="测试医院"),
            system=SystemInfo(name="HIS", vendor="某科技"), scope=self.scope, assets=assets,
            parties=Parties(local_bureau=PARTY, platform_vendor=PARTY, access_party=PARTY),
        )  # fmt: skip
        return Fetching(
            engagement=engagement, store=self.store, ledger=FileLedger(self.folder / "ledger.jsonl"),
            events=events, redactor=redactor, guard=Guard(self.scope, log=events.contact), profile={},
            engines={}, watch=self.steps.append, specs=specs,
        )  # fmt: skip

    def fetch(self, *assets: TlsAsset, specs: tuple[ProbeSpec, ...] = (spec(),)) -> None:
        fetching = self.fetching(assets, specs)
        try:
            asyncio.run(fetching.fetch(plan_of(assets, specs)))
        finally:
            self.close(fetching)

    def close(self, fetching: Fetching) -> None:
        unfence()
        fetching.events.close()
        fetching.ledger.close()

    def file(self, asset_id: str = "door", probe: str = "odd.look") -> FactFile:
        return self.store.load_file(self.store.path_of(asset_id, probe))

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "events.jsonl").read_bytes().splitlines()]


def plan_of(assets: tuple[TlsAsset, ...], specs: tuple[ProbeSpec, ...]) -> Plan:
    probes = tuple(PlannedProbe(asset=one.id, probe=each.name) for one in assets for each in specs)
    return Plan(suite="small", suite_sha256="0", cases=(), probes=probes)


@pytest.fixture(name="bench")
def fresh_bench(tmp_path: Path) -> Bench:
    odd_probes.CROWD = Crowd()
    return Bench(tmp_path)


def probe_errors() -> list[type[ProbeError]]:
    """Return every error a probe may raise."""
    found = (one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ProbeError))
    return sorted(found, key=lambda one: one.__name__)


# ---- what a probe may do -------------------------------------------------------------------------


def test_a_whole_answer_is_stored_with_who_looked_and_when(bench: Bench) -> None:
    bench.fetch(asset("door"))
    file = bench.file()
    assert [one["fact"] for one in file.facts] == ["odd.doors", "odd.keys"]
    assert (file.missing, file.privilege) == ((), "门卫")
    assert file.begun_at <= file.ended_at
    assert [one.state for one in bench.steps] == ["begun", "done"]
    assert [one["event"] for one in bench.events()] == ["probe_begun", "probe_ended"]


@pytest.mark.parametrize("kind", probe_errors(), ids=lambda one: one.__name__)
def test_a_probe_that_cannot_look_leaves_every_kind_missing_for_its_reason(
    bench: Bench, kind: type[ProbeError]
) -> None:
    bench.fetch(asset("door", f"raises {kind.__name__}"))
    lacks = bench.file().missing
    assert [one.fact for one in lacks] == ["odd.doors", "odd.keys"]
    assert {one.reason for one in lacks} == {kind.reason}
    assert lacks[0].message == "看不到；处理：换一种办法"
    assert bench.file().facts == ()
    assert bench.steps[-1].text == "缺 2 类：看不到；处理：换一种办法"


def test_a_probe_that_hangs_is_cut_off_at_its_bound(bench: Bench) -> None:
    bench.fetch(asset("door", "hangs"), specs=(spec(timeout_s=0.05),))
    assert {one.reason for one in bench.file().missing} == {Reason.TIMED_OUT}
    assert bench.file().missing[0].message.startswith("0.05 秒内未完成“看门”")


def test_a_time_out_inside_the_probe_is_not_called_its_bound(bench: Bench) -> None:
    bench.fetch(asset("door", "late"))
    assert bench.file().missing[0].message.startswith("对方未及时应答")
    assert bench.file().missing[0].reason is Reason.TIMED_OUT


def test_a_bug_in_a_probe_is_told_and_its_trace_kept_without_secrets(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_SECRET", SECRET)
    bench.fetch(asset("other", "keeps"), asset("door", "breaks"))
    file = bench.file()
    assert {one.reason for one in file.missing} == {Reason.BUG}
    (raw,) = file.raw
    assert raw.name == "program-error.txt"
    trace = (bench.folder / "raw" / raw.sha256).read_text(encoding="utf-8")
    assert "ZeroDivisionError" in trace
    assert SECRET not in trace


def test_an_entry_that_does_not_exist_is_a_bug_of_that_probe_only(bench: Bench) -> None:
    gone = spec("tests.odd_probes:nothing", name="odd.gone")
    nowhere = spec("tests.no_such_module:look", name="odd.nowhere")
    bench.fetch(asset("door"), specs=(gone, nowhere, spec()))
    assert {one.reason for one in bench.file(probe="odd.gone").missing} == {Reason.BUG}
    assert {one.reason for one in bench.file(probe="odd.nowhere").missing} == {Reason.BUG}
    assert bench.file().missing == ()


@pytest.mark.parametrize(
    ("how", "lacks"), [("forgetful", ["odd.keys"]), ("silent", ["odd.doors", "odd.keys"])]
)
def test_a_kind_the_probe_forgot_is_missing(bench: Bench, how: str, lacks: list[str]) -> None:
    bench.fetch(asset("door", how))
    assert [one.fact for one in bench.file().missing] == lacks
    assert {one.reason for one in bench.file().missing} == {Reason.BUG}


@pytest.mark.parametrize("how", ["contradicts", "twice", "foreign"])
def test_nothing_of_an_answer_that_contradicts_itself_is_believed(bench: Bench, how: str) -> None:
    bench.fetch(asset("door", how))
    assert bench.file().facts == ()
    assert [one.fact for one in bench.file().missing] == ["odd.doors", "odd.keys"]
    assert "自相矛盾" in bench.file().missing[0].message


def test_secrets_are_in_no_file_of_the_round(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_SECRET", SECRET)
    bench.fetch(asset("door", "keeps"), asset("gate", "partly"))
    assert bench.file().raw[0].name == "seen.txt"
    holders = [
        one for one in bench.folder.rglob("*") if one.is_file() and SECRET.encode() in one.read_bytes()
    ]
    assert holders == []
    assert "says" in [one.state for one in bench.steps]
    assert b'"key":"door/odd.look/try"' in (bench.folder / "ledger.jsonl").read_bytes()


# ---- authority -----------------------------------------------------------------------------------


def test_a_probe_above_the_level_is_missing_and_not_started(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Scope(level=Level.OBSERVE, addresses=("127.0.0.1",)))
    bench.fetch(asset("door", "breaks"), specs=(spec(level=Level.INTRUDE),))
    lack = bench.file().missing[0]
    assert lack.reason is Reason.NOT_AUTHORISED
    assert "侵入性测试" in lack.message


def test_outside_the_window_nothing_is_started(tmp_path: Path) -> None:
    begin = datetime.now(UTC) - timedelta(days=2)
    window = Window(begin=begin, end=begin + timedelta(days=1))
    bench = Bench(tmp_path, Scope(level=Level.DISRUPT, addresses=("127.0.0.1",), window=window))
    bench.fetch(asset("door", "breaks"))
    assert {one.reason for one in bench.file().missing} == {Reason.NOT_AUTHORISED}


def test_each_contact_is_in_the_event_log_whether_admitted_or_not(bench: Bench) -> None:
    with listening() as (_server, port):
        bench.fetch(asset("door", f"connects {port}"))
    other = Bench(bench.folder / "other", Scope(level=Level.LOGIN, addresses=("192.0.2.1",)))
    other.fetch(asset("door", f"connects {port}"))
    (seen,) = [one for one in bench.events() if one["event"] == "contact"]
    assert (seen["asset"], seen["address"], seen["ports"], seen["admitted"]) == (
        "door",
        "127.0.0.1",
        str(port),
        True,
    )
    (refused,) = [one for one in other.events() if one["event"] == "contact"]
    assert refused["admitted"] is False
    assert other.file().missing[0].reason is Reason.OUT_OF_SCOPE


def test_a_socket_that_goes_round_the_guard_is_stopped(bench: Bench) -> None:
    """The fence stands while probes run, and is down again afterwards."""
    with listening() as (_server, port):
        fetching = bench.fetching((asset("door"),), (spec(),))
        asyncio.run(fetching.fetch(plan_of((asset("door"),), (spec(),))))
        with pytest.raises(errors.OutOfScope), socket.socket() as sock:
            sock.connect(("127.0.0.1", port))
        bench.close(fetching)
        with socket.socket() as sock:
            sock.connect(("127.0.0.1", port))


# ---- side by side --------------------------------------------------------------------------------


def test_assets_and_probes_run_side_by_side_within_the_caps(bench: Bench) -> None:
    specs = tuple(spec("crowd", name=f"odd.crowd{number}") for number in range(PROBES_PER_ASSET + 2))
    bench.fetch(*(asset(f"door{number}") for number in range(ASSETS_AT_ONCE + 4)), specs=specs)
    crowd = odd_probes.CROWD
    assert crowd.most_per_asset == PROBES_PER_ASSET
    assert crowd.most_assets == ASSETS_AT_ONCE
    assert crowd.most_at_once == ASSETS_AT_ONCE * PROBES_PER_ASSET
    assert len(crowd.done) == len(specs) * (ASSETS_AT_ONCE + 4)


def test_what_is_stored_already_is_not_asked_again(bench: Bench) -> None:
    bench.fetch(asset("door"))
    before = bench.store.path_of("door", "odd.look").read_bytes()
    bench.fetch(asset("door", "breaks"), asset("gate"))
    assert bench.store.path_of("door", "odd.look").read_bytes() == before
    assert [(one.asset, one.state) for one in bench.steps if one.state != "begun"] == [
        ("door", "done"), ("door", "kept"), ("gate", "done"),
    ]  # fmt: skip


def test_cancelled_in_the_middle_it_keeps_what_is_finished(bench: Bench) -> None:
    assets = (asset("quick", "quick"), asset("slow", "slow"))
    fetching = bench.fetching(assets, (spec("waits"),))

    async def cut_off() -> None:
        odd_probes.RELEASE[:] = [asyncio.Event()]
        finished = asyncio.Event()
        fetching.watch = lambda step: finished.set() if step.state == "done" else None
        task = asyncio.create_task(fetching.fetch(plan_of(assets, (spec("waits"),))))
        await finished.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cut_off())
    bench.close(fetching)
    assert bench.store.has("quick", "odd.look")
    assert not bench.store.has("slow", "odd.look")
    bench.fetch(asset("quick", "breaks"), asset("slow", "whole"))
    assert bench.file("slow").missing == ()
    assert bench.file("quick").missing == ()


def test_ctrl_c_ends_the_fetching_and_keeps_what_is_finished(bench: Bench) -> None:
    assets = (asset("quick", "quick"), asset("slow", "slow"))
    fetching = bench.fetching(assets, (spec("waits"),))

    def watch(step: Progress) -> None:
        if step.asset == "quick" and step.state == "done":
            os.kill(os.getpid(), signal.SIGINT)

    async def begin() -> None:
        odd_probes.RELEASE[:] = [asyncio.Event()]
        fetching.watch = watch
        await fetching.fetch(plan_of(assets, (spec("waits"),)))

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(begin())
    bench.close(fetching)
    assert bench.store.has("quick", "odd.look")
    assert not bench.store.has("slow", "odd.look")


def test_an_answer_that_cannot_be_stored_ends_the_run_with_one_plain_error(bench: Bench) -> None:
    (bench.folder / "facts").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(OSError, match="facts"):
        bench.fetch(asset("door"), asset("gate"))


def test_a_plan_with_an_unknown_probe_is_refused_before_anything_is_sent(bench: Bench) -> None:
    fetching = bench.fetching((asset("door"),), (spec(),))
    with pytest.raises(ContentError, match=r"没有探测 odd\.gone"):
        asyncio.run(fetching.fetch(plan_of((asset("door"),), (spec(), spec(name="odd.gone")))))
    bench.close(fetching)
    assert not bench.store.has("door", "odd.look")


def test_probes_of_an_asset_that_is_gone_are_passed_over(bench: Bench) -> None:
    fetching = bench.fetching((asset("door"),), (spec(),))
    asyncio.run(fetching.fetch(plan_of((asset("door"), asset("gone")), (spec(),))))
    bench.close(fetching)
    assert bench.store.has("door", "odd.look")
    assert not bench.store.has("gone", "odd.look")


# ---- passwords that people type ------------------------------------------------------------------


class Terminal(io.StringIO):
    """A standard input with a person behind it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(name="asked")
def typed_passwords(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sit a person at the terminal who types a password; return what is asked."""
    asked: list[str] = []

    def type_in(prompt: str) -> str:
        asked.append(prompt)
        return SECRET

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", type_in)
    return asked


def test_passwords_are_asked_for_before_any_clock_runs_and_once(bench: Bench, asked: list[str]) -> None:
    begun_when_asked: list[int] = []
    door = asset("door", "keeps", secret="prompt:")
    specs = (spec(level=Level.LOGIN), spec(level=Level.LOGIN, name="odd.again"))
    fetching = bench.fetching((door,), specs)
    fetching.watch = lambda _step: begun_when_asked.append(len(asked))
    asyncio.run(fetching.fetch(plan_of((door,), specs)))
    assert fetching.secrets.resolve("prompt:", label="door/guard") == SECRET
    bench.close(fetching)
    assert asked == ["请输入 door/guard 的口令："]
    assert set(begun_when_asked) == {1}


@pytest.mark.parametrize("level", [Level.OBSERVE, Level.INTRUDE])
def test_nobody_is_asked_for_a_password_that_no_probe_will_use(
    bench: Bench, asked: list[str], level: Level
) -> None:
    bench.fetch(asset("door", secret="prompt:"), specs=(spec(level=level),))
    assert asked == []


def test_nobody_is_asked_again_after_the_facts_are_stored(bench: Bench, asked: list[str]) -> None:
    for _ in range(2):
        bench.fetch(asset("door", secret="prompt:"), specs=(spec(level=Level.LOGIN),))
    assert len(asked) == 1


def test_without_a_terminal_the_run_goes_on(bench: Bench) -> None:
    bench.fetch(asset("door", secret="prompt:"), specs=(spec(level=Level.LOGIN),))
    assert bench.file().missing == ()


def test_a_transcript_that_cannot_be_stored_ends_the_run_and_is_no_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the probe would count as broken for the rest of the round, for a disk that was full."""
    monkeypatch.setenv("ODD_SECRET", SECRET)
    (bench.folder / "raw").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(OSError, match="raw"):
        bench.fetch(asset("door", "keeps"))
    assert not bench.store.has("door", "odd.look")


def test_what_watchers_hear_holds_no_secret(bench: Bench) -> None:
    fetching = bench.fetching((asset("door", "partly"),), (spec(),))
    fetching.redactor.add(SECRET)
    try:
        asyncio.run(fetching.fetch(plan_of((asset("door"),), (spec(),))))
    finally:
        bench.close(fetching)
    assert SECRET not in bench.steps[-1].text
    assert "无权读取" in bench.steps[-1].text
