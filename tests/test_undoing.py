"""What a probe changed is taken back: at once, after a crash, in a later round, or people are told."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from dengbao.cli import main
from dengbao.cli.standing import print_owed
from dengbao.errors import Reason, StoreError
from dengbao.ledger import FileLedger
from dengbao.model import Level, Scope
from dengbao.probes.registry import PROBES
from dengbao.rounds import claim
from dengbao.undoing import earlier_ledgers, owed_in, settled_by_hand

from . import odd_probes
from .odd_probes import SECRET, spec
from .test_prefetch import Bench, asset, plan_of

OWED = f"门闩 {SECRET} 已打开"


@pytest.fixture(name="rounds")
def fresh_rounds(tmp_path: Path) -> Path:
    odd_probes.BOLTS.clear()
    for number in (1, 2):
        (tmp_path / "runs" / f"round-{number}").mkdir(parents=True)
        (tmp_path / "runs" / f"round-{number}" / "run.json").write_text("{}", encoding="utf-8")
    return tmp_path


def bench(rounds: Path, number: int = 1, level: Level = Level.LOGIN) -> Bench:
    return Bench(rounds / "runs" / f"round-{number}", Scope(level=level, addresses=("127.0.0.1",)))


def die(one: Bench, note: str = "changes dies") -> None:
    with contextlib.suppress(KeyboardInterrupt):
        one.fetch(asset("door", note))


def test_a_probe_that_set_right_what_it_changed_owes_nothing(rounds: Path) -> None:
    bench(rounds).fetch(asset("door", "changes bows"))
    assert odd_probes.BOLTS == {"door": "shut"}
    assert owed_in(rounds) == ()


def test_what_a_probe_leaves_behind_is_taken_back_in_the_same_sitting(rounds: Path) -> None:
    bench(rounds).fetch(asset("door", "changes"))
    assert odd_probes.BOLTS == {"door": "shut"}
    assert owed_in(rounds) == ()


def test_what_a_crash_left_is_taken_back_before_anything_else_is_looked_at(rounds: Path) -> None:
    die(bench(rounds))
    assert odd_probes.BOLTS == {"door": "open"}
    assert [one.what for one in owed_in(rounds)] == [OWED]
    again = bench(rounds)
    again.fetch(asset("door", "whole"))
    assert odd_probes.BOLTS == {"door": "shut"}
    told = [one["event"] for one in again.events()]
    assert told.index("undo_begun") < len(told) - 1 - told[::-1].index("probe_begun")
    assert owed_in(rounds) == ()


def test_a_later_round_takes_back_what_an_earlier_one_left(rounds: Path) -> None:
    die(bench(rounds, 1))
    later = bench(rounds, 2)
    fetching = later.fetching((asset("door"),), (spec(),))
    try:
        with earlier_ledgers(rounds, 2) as ledgers:
            fetching.earlier = ledgers
            asyncio.run(fetching.fetch(plan_of((asset("door"),), (spec(),))))
    finally:
        later.close(fetching)
    assert odd_probes.BOLTS == {"door": "shut"}
    assert owed_in(rounds) == ()


@pytest.mark.parametrize(
    ("stuck", "undo", "why"),
    [
        (True, "tests.odd_probes:shut", "卡住；处理：找门卫"),
        (False, "", "须人工恢复"),
        (False, "tests.odd_probes:spec", "恢复程序出错"),
    ],
)
def test_what_cannot_be_taken_back_is_told_and_stays_owed(
    rounds: Path, *, stuck: bool, undo: str, why: str
) -> None:
    die(bench(rounds))
    if stuck:
        odd_probes.BOLTS["door"] = "stuck"
    again = bench(rounds)
    again.fetch(asset("door", "whole"), specs=(spec(undo=undo),))
    told = [one.text for one in again.steps if one.state == "owed"]
    assert told
    assert all(OWED in one and why in one for one in told)
    assert [one.what for one in owed_in(rounds)] == [OWED]
    assert "undo_failed" in {one["event"] for one in again.events()}


def test_an_intrusive_request_is_in_the_event_log_before_it_is_sent(rounds: Path) -> None:
    one = bench(rounds, level=Level.INTRUDE)
    one.fetch(asset("door", "intrudes intrude"))
    noted = next(event for event in one.events() if event["event"] == "intrusive")
    assert {key: noted[key] for key in ("asset", "probe", "level", "purpose", "clause", "request")} == {
        "asset": "door", "probe": "odd.look", "level": "intrude", "purpose": "推门", "clause": "4.d.2",
        "request": "PUSH /door",
    }  # fmt: skip


def test_an_intrusive_request_above_the_authorised_level_is_never_sent(rounds: Path) -> None:
    one = bench(rounds)
    one.fetch(asset("door", "intrudes intrude"))
    assert {lack.reason for lack in one.file().missing} == {Reason.NOT_AUTHORISED}
    assert "intrusive" not in {event["event"] for event in one.events()}


def test_an_attempt_of_the_ledger_is_announced_once_and_not_when_it_is_remembered(tmp_path: Path) -> None:
    heard: list[str] = []
    ledger = FileLedger(tmp_path / "ledger.jsonl")
    probe = ledger.for_probe("door", "odd.look", heard=heard.append)
    assert probe.begin("try") is None
    probe.end("try", "refused")
    assert probe.begin("try") == "refused"
    assert heard == ["try"]
    ledger.close()


def test_a_ledger_keeps_attempts_and_debts_apart_and_settles_only_what_is_owed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = FileLedger(path)
    probe, other = ledger.for_probe("door", "odd.look"), ledger.for_probe("door", "odd.look2")
    probe.settle("bolt")
    assert path.read_bytes() == b""
    probe.owe("bolt", "门闩已打开")
    assert probe.begin("bolt") is None
    assert [(one.key, one.what) for one in probe.debts()] == [("bolt", "门闩已打开")]
    assert other.debts() == ()
    ledger.close()
    again = FileLedger(path)
    assert again.debts() == {"door/odd.look/bolt": "门闩已打开"}
    again.close()


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs" / "round-1").mkdir(parents=True)
    (tmp_path / "runs" / "round-1" / "run.json").write_text("{}", encoding="utf-8")
    line = json.dumps({"key": "a/b/c", "owed": 3})
    (tmp_path / "runs" / "round-1" / "ledger.jsonl").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(StoreError, match="台账"):
        owed_in(tmp_path)


KEY = "door/odd.look/bolt"


def standing(rounds: Path) -> str:
    out = io.StringIO()
    print_owed(Console(file=out, width=200), rounds)
    return out.getvalue()


def settle(rounds: Path, *more: object, key: str = KEY) -> int:
    return main(["settle", str(rounds), key, "--by", "张三/某某科技", *map(str, more)])


def test_a_person_settles_a_debt_of_every_round_and_it_is_told_by_whom_and_how(
    rounds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        die(bench(rounds, number))
    before = standing(rounds)
    assert "尚未恢复" in before
    assert f"编号 {KEY}" in before
    assert settle(rounds, "--how", "门卫已锁上门闩并到场核对") == 0
    assert owed_in(rounds) == ()
    assert "尚未恢复" not in standing(rounds)
    assert "张三（某某科技）" in standing(rounds)
    assert "门卫已锁上门闩并到场核对" in standing(rounds)
    told = settled_by_hand(rounds)
    assert [(one.key, one.what) for one in told] == [(KEY, OWED)] * 2
    assert {one.hand.by.name for one in told if one.hand} == {"张三"}
    lines = (rounds / "runs" / "round-1" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    noted = [json.loads(one) for one in lines if "settled_by_hand" in one]
    assert [(one["key"], one["by"], one["how"]) for one in noted] == [
        (KEY, "张三（某某科技）", "门卫已锁上门闩并到场核对")
    ]
    assert "均已恢复" in capsys.readouterr().out
    again = bench(rounds)
    again.fetch(asset("door", "whole"))
    assert odd_probes.BOLTS == {"door": "open"}  # whoever says so is believed, and nothing is tried
    assert "undo_begun" not in {one["event"] for one in again.events()}


@pytest.mark.parametrize(
    ("key", "how", "why"),
    [(KEY, "  ", "未说明如何恢复"), ("door/odd.look/other", "门卫已锁上门闩", f"尚未恢复的有：{KEY}")],
)
def test_nothing_is_settled_without_a_reason_or_by_another_key(
    rounds: Path, capsys: pytest.CaptureFixture[str], key: str, how: str, why: str
) -> None:
    die(bench(rounds))
    assert settle(rounds, "--how", how, key=key) == 2
    assert why in "".join(capsys.readouterr().err.split("\n"))
    assert [one.key for one in owed_in(rounds)] == [KEY]


def test_nothing_is_settled_while_a_run_is_under_way(rounds: Path) -> None:
    die(bench(rounds))
    lock = claim(rounds)
    try:
        assert settle(rounds, "--how", "门卫已锁上门闩") == 2
    finally:
        lock.release()
    assert len(owed_in(rounds)) == 1


def test_every_intrusive_probe_names_the_item_it_serves() -> None:
    nameless = [one.name for one in PROBES if one.level.rank >= Level.INTRUDE.rank and not one.clause]
    assert nameless == []
