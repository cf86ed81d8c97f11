"""Run control in a real browser over a real run against a server that counts what it is sent."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from dengbao.ledger import read_ledger
from dengbao.rounds import load_round, round_numbers
from dengbao.steering import STOP, Sitting, under_way
from dengbao.workbench import jobs

from .. import knocking
from ..knocking import EMPTY, KNOCK, KNOCKED, PAGE
from ..runs import dengbao
from ..servers.counting import PASSWORD, Counting
from ..small_content import write_check
from .bench import WAIT_S, Served, Watched, browsing, serving

NAME = f"{EMPTY[0]}@{EMPTY[1]}"


application, small_content, hospital = knocking.application, knocking.small_content, knocking.hospital


@pytest.fixture(name="page")
def page_of(folder: Path, content: Path) -> Iterator[Served]:
    with serving(folder, content=content) as served:
        yield served


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def sit_down(window: Watched) -> Page:
    """Say who sits at the page, by keyboard."""
    page = window.go("/run")
    page.locator(".who > summary").focus()
    page.keyboard.press("Enter")
    page.locator(".who input[name=name]").focus()
    page.keyboard.type("张三")
    page.keyboard.press("Tab")
    page.keyboard.type("某某科技")
    page.keyboard.press("Enter")
    page.locator(".who > summary", has_text="张三").wait_for()
    assert page.url.endswith("/run")
    return page


def has_ended(folder: Path) -> bool:
    return bool(round_numbers(folder)) and load_round(folder).info.ended_at is not None


def running(folder: Path) -> Sitting:
    """Wait for the run, and return it."""
    until(lambda: under_way(folder) is not None)
    found = under_way(folder)
    assert found is not None
    return found


def begun(folder: Path) -> list[str]:
    """Return `probe` of every probe that was begun in the first round."""
    path = folder / "runs" / "round-1" / "events.jsonl"
    if not path.exists():
        return []
    lines = [json.loads(one) for one in path.read_bytes().splitlines() if one.endswith(b"}")]
    return [one["probe"] for one in lines if one["event"] == "probe_begun"]


# ---- start ---------------------------------------------------------------------------------------


def test_by_keyboard_what_was_not_ticked_is_not_sent(
    page: Served, folder: Path, app: Counting, browser: Browser
) -> None:
    with browsing(browser, page) as window:
        seat = sit_down(window)
        assert window.faults() == []
        assert seat.locator("input[name=confirm]").count() == 1
        assert not seat.locator("input[name=confirm]").is_checked()
        assert "不连接任何测评对象" in seat.locator(".columns section", has_text="自查").inner_text()
        assert app.requests == []
        seat.keyboard.press("s")
        seat.wait_for_url("**/run")
        seat.locator("h2", has_text="新的一轮（第 2 轮，复测）").wait_for(timeout=WAIT_S * 1000)
        assert window.faults() == []
    assert app.blank == 0
    records = load_round(folder).records()
    assert "本次运行未确认" in records[KNOCKED].statement
    assert records[PAGE].verdict is not None
    assert load_round(folder).info.operator == "张三"


def test_what_was_ticked_is_sent_once_with_scripts_or_without(
    page: Served, folder: Path, app: Counting, browser: Browser
) -> None:
    with browsing(browser, page, scripts=False) as window:
        seat = window.go("/run")
        seat.locator(".who > summary").click()
        seat.locator(".who input[name=name]").fill("张三")
        seat.locator(".who input[name=org]").fill("某某科技")
        seat.locator(".who button", has_text="确定").click()
        assert not seat.locator("[data-all]").is_visible()
        seat.locator("input[name=confirm]").check()
        seat.locator("button", has_text="开始检测").click()
        # The page loads itself anew, also without scripts.
        seat.locator("h2", has_text="新的一轮（第 2 轮，复测）").wait_for(timeout=WAIT_S * 1000)
        assert has_ended(folder)
        seat.goto(page.origin + "/run/findings")
        assert "不连接任何测评对象" in seat.locator("#main").inner_text()
    assert app.blank == 1
    assert load_round(folder).records()[KNOCKED].verdict is not None


def test_passwords_go_to_the_run_and_nowhere_else(folder: Path, content: Path, app: Counting) -> None:
    path = folder / "engagement.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"${ENV:RUNS_PASSWORD}"', '"prompt:"'), encoding="utf-8"
    )
    with serving(folder, content=content) as page, page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        shown = client.get("/run").text
        assert 'type="password" name="secret:his/tester"' in shown
        answer = client.post(
            "/run/start", data={"mode": "go", "confirm": NAME, "secret:his/tester": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        assert PASSWORD not in answer.text
        until(lambda: has_ended(folder) and under_way(folder) is None)
        assert PASSWORD not in client.get("/run").text
    # The control login was let in, so that the attempt without a password says something.
    assert load_round(folder).records()[KNOCKED].verdict is not None
    assert app.blank == 1
    written = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    assert PASSWORD.encode() not in written


def test_a_variable_that_is_not_set_is_asked_for(
    folder: Path, content: Path, app: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNS_PASSWORD")
    with serving(folder, content=content) as page, page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        assert "环境变量 RUNS_PASSWORD 未设置" in client.get("/run").text
        client.post("/run/start", data={"mode": "go", "confirm": NAME, "secret:his/tester": PASSWORD})
        until(lambda: has_ended(folder) and under_way(folder) is None)
    assert load_round(folder).records()[KNOCKED].verdict is not None


def test_what_the_page_did_not_offer_starts_nothing(page: Served, folder: Path) -> None:
    with page.client() as client:
        assert "尚未选定操作人员" in client.post("/run/start", data={"mode": "go"}).text
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        assert "情况已变化" in client.post("/run/start", data={"mode": "new"}).text
        for word in ("web.lockout@his", "--content=/etc"):
            answer = client.post("/run/start", data={"mode": "go", "confirm": word})
            assert "没有待确认的" in answer.text
        for act in ("pause", "stop"):
            assert "没有检测在运行" in client.post(f"/run/{act}").text
        for act in ("interrupt", "kill"):
            assert "没有由本工作台启动的检测" in client.post(f"/run/{act}").text
    assert not (folder / "runs").exists()


def test_what_was_left_out_before_a_breakdown_is_asked_again_and_not_sent_unasked(
    page: Served, folder: Path, content: Path, app: Counting
) -> None:
    write_check(content, "good", "import os; os._exit(1)")  # judging breaks down: the round stays open
    with page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        client.post("/run/start", data={"mode": "go"})
        until(lambda: "上次运行没有完成" in client.get("/run").text)
        assert not has_ended(folder)
        shown = client.get("/run").text
        assert f'value="{NAME}"' in shown
        assert "判定过程异常结束" in shown
        write_check(content, "good", "return say(True)")
        client.post("/run/start", data={"mode": "go"})
        until(lambda: has_ended(folder) and under_way(folder) is None)
    assert app.blank == 0
    assert "本次运行未确认" in load_round(folder).records()[KNOCKED].statement


def test_outside_the_window_nothing_starts(folder: Path, content: Path) -> None:
    path = folder / "engagement.yaml"
    window = "  window: {begin: 2020-01-01T00:00:00+08:00, end: 2020-01-02T00:00:00+08:00}\n"
    path.write_text(
        path.read_text(encoding="utf-8").replace("scope:\n", "scope:\n" + window), encoding="utf-8"
    )
    with serving(folder, content=content) as page, page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        assert "现在不在授权时段内，不能开始" in client.get("/run").text
        assert "不在授权时段内" in client.post("/run/start", data={"mode": "go"}).text
    assert not (folder / "runs").exists()


# ---- pause, stop, resume -------------------------------------------------------------------------


def test_by_keyboard_paused_resumed_stopped_and_gone_on_with(
    page: Served, folder: Path, app: Counting, browser: Browser
) -> None:
    app.delay_s = 0.4
    with browsing(browser, page) as window:
        seat = sit_down(window)
        seat.locator("input[name=confirm]").focus()
        seat.keyboard.press("Space")
        seat.keyboard.press("s")
        seat.locator("button", has_text="暂停").wait_for()
        seat.keyboard.press("p")
        seat.locator("h1", has_text="已暂停").wait_for()
        assert "等待解锁之类的测量在后台继续计时" in seat.locator("#main").inner_text()
        assert "张三" in seat.locator(".note").inner_text()
        assert window.faults() == []
        seat.keyboard.press("c")
        seat.locator("h1", has_text="正在检测").wait_for()
        assert seat.locator("#run-said").get_attribute("aria-live") == "polite"
        seat.keyboard.press("x")
        seat.locator("button", has_text="继续").wait_for(timeout=WAIT_S * 1000)
        assert under_way(folder) is None
        assert load_round(folder).records() == {}
        app.delay_s = 0.0
        asked_before = len(app.requests)
        if seat.locator("input[name=confirm]").count():
            seat.locator("input[name=confirm]").check()
        seat.keyboard.press("s")
        seat.locator("h2", has_text="新的一轮（第 2 轮，复测）").wait_for(timeout=WAIT_S * 1000)
    assert has_ended(folder)
    assert app.blank == 1
    assert app.requests.count("GET /") <= 1 + (asked_before == 0)


def test_a_run_from_a_terminal_is_shown_and_paused_here(
    page: Served, folder: Path, content: Path, app: Counting
) -> None:
    app.delay_s = 0.3
    elsewhere = jobs.Jobs(folder)  # a process of its own, as a terminal would start
    elsewhere.start("检测", ["dengbao", "run", str(folder), "--content", str(content), "--operator", "李四"])
    with page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        sitting = running(folder)
        until(lambda: "web.anonymous" in begun(folder))
        shown = client.get("/run").text
        assert "由另一个终端或此前的工作台启动" in shown
        assert f"进程 {sitting.pid}" in shown
        assert "李四" in shown
        assert "另一个检测正在此项目上运行" in client.post("/run/start", data={"mode": "go"}).text
        client.post("/run/pause")
        assert "已暂停" in client.get("/run").text
        client.post("/run/resume")
        client.post("/run/stop")
        until(lambda: elsewhere.running() is None)
        job = elsewhere.ended()
        assert job is not None
        assert (job.code, "已按要求停止" in job.said()) == (130, True)
        assert "继续第 1 轮" in client.get("/run").text


def test_what_answers_to_nothing_is_killed_after_a_long_wait_and_only_when_asked_twice(
    page: Served, folder: Path, app: Counting
) -> None:
    app.delay_s = 8.0
    with page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        client.post("/run/start", data={"mode": "go"})
        until(lambda: "web.anonymous" in begun(folder))
        assert "先点“停止”" in client.post("/run/kill", data={"sure": "yes"}).text
        client.post("/run/stop")
        assert "强制结束" not in client.get("/run").text
        long_ago = {"by": "张三", "at": "2026-01-01T00:00:00Z"}
        (folder / "runs" / STOP).write_text(json.dumps(long_ago), encoding="utf-8")
        shown = client.get("/run").text
        assert "立即中断" in shown
        assert "确认强制结束" in shown
        assert "未勾选" in client.post("/run/kill").text
        assert under_way(folder) is not None
        client.post("/run/kill", data={"sure": "yes"})
        until(lambda: under_way(folder) is None)
        until(lambda: "上次运行没有完成" in client.get("/run").text)
        assert "继续第 1 轮" in client.get("/run").text


def test_the_part_that_changes_says_nothing_where_nothing_did(
    page: Served, folder: Path, app: Counting
) -> None:
    app.delay_s = 0.3
    with page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        client.post("/run/start", data={"mode": "go"})
        running(folder)
        client.post("/run/pause")
        until(lambda: "paused" in _events(folder))
        time.sleep(1.0)  # what was under way ends; a moment's unrest is told below
        first = client.get("/run/progress", params={"phase": "fetch pause"})
        mark = first.text.partition("stamp=")[2][:16]
        assert first.status_code == 200
        assert "已采集约" in first.text
        again = client.get("/run/progress", params={"phase": "fetch pause", "stamp": mark, "tenth": "0"})
        assert again.status_code == 204 or "stamp=" in again.text
        other = client.get("/run/progress", params={"phase": "fetch"})
        assert (other.status_code, other.headers["hx-refresh"]) == (204, "true")
        client.post("/run/stop")
        until(lambda: under_way(folder) is None)
        assert client.get("/run/progress").headers["hx-refresh"] == "true"


def _events(folder: Path) -> str:
    path = folder / "runs" / "round-1" / "events.jsonl"
    return path.read_text(encoding="utf-8") if path.exists() else ""


# ---- killed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("victim", ["server", "run", "both"])
def test_killed_at_any_place_it_goes_on_and_sends_nothing_twice(
    folder: Path, content: Path, app: Counting, victim: str
) -> None:
    app.delay_s = 0.2
    with serving(folder, content=content) as page, page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        client.post("/run/start", data={"mode": "go", "confirm": NAME})
        pid = running(folder).pid
        until(lambda: "backup.folder" in begun(folder))
        if victim in ("server", "both"):
            page.kill()
        if victim in ("run", "both"):
            os.killpg(pid, signal.SIGKILL)
        if victim == "run":  # the page sees at once that nothing runs any more, and says why
            until(lambda: "继续第 1 轮" in client.get("/run").text)  # which the process' end precedes
            assert "上次运行没有完成" in client.get("/run").text
    with serving(folder, content=content) as page, page.client() as client:
        client.post("/who", data={"name": "李四", "org": "某某科技"})
        shown = client.get("/run").text
        if victim == "server":
            assert "由另一个终端或此前的工作台启动" in shown or has_ended(folder)
            until(lambda: has_ended(folder) and under_way(folder) is None)
        else:
            assert "继续第 1 轮" in shown
            client.post("/run/start", data={"mode": "go", "confirm": NAME if NAME in shown else ""})
            until(lambda: has_ended(folder) and under_way(folder) is None)
        assert round_numbers(folder) == (1,)
    assert app.blank <= 1
    keys = [one.key for one in read_ledger(folder / "runs" / "round-1" / "ledger.jsonl") if not one.outcome]
    assert len(keys) == len(set(keys))
    records = load_round(folder).records()
    assert sorted(records) == sorted(one.id for one in load_round(folder).plan.cases)


def test_the_end_of_the_server_asks_the_run_to_stop_and_says_so(
    folder: Path, content: Path, app: Counting
) -> None:
    app.delay_s = 0.3
    with serving(folder, content=content) as page:
        with page.client() as client:
            client.post("/who", data={"name": "张三", "org": "某某科技"})
            client.post("/run/start", data={"mode": "go"})
        running(folder)
        page.process.send_signal(signal.SIGINT)
        page.process.wait(WAIT_S)
        assert page.process.stderr is not None
        told = page.process.stderr.read()
    assert "已请它停止" in told
    assert "点“继续”即从断点继续" in told
    assert under_way(folder) is None
    assert not has_ended(folder)
    assert dengbao("run", folder, "--content", content).returncode == 3
    assert (round_numbers(folder), KNOCK in app.requests) == ((1,), True)
