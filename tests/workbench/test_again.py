"""Looking again on the page: what was seen in the round and what is seen now stand side by side."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from .. import knocking
from ..servers.counting import Counting
from .bench import browsing, serving
from .test_run import sit_down

NOTHING = {
    "item=9.z.9&asset=his": "没有测评项",
    "item=M.1&asset=system": "由人工核查",
    "item=1.a.1&asset=../../etc": "没有测评对象",
}


application, content_that_counts, tested = (
    knocking.application, knocking.content_that_counts, knocking.tested,
)  # fmt: skip


def test_old_and_new_stand_side_by_side_on_the_page(
    folder: Path, content: Path, app: Counting, browser: Browser
) -> None:
    (folder / "backup" / "lis.sql").write_text("create table lis (id integer);\n", encoding="utf-8")
    with serving(folder, content=content) as page, browsing(browser, page) as window:
        seat = sit_down(window)
        seat.goto(page.origin + "/run/again?item=1.a.1&asset=his-bak")
        assert window.faults() == []
        seat.keyboard.press("s")
        seat.locator("h2", has_text="与第 1 轮不同").wait_for()
        table = seat.locator("table.then-now").inner_text()
        assert "判定不同" in seat.locator("article h3").inner_text()
        assert "1 个" in table
        assert "2 个" in table
        assert "backup.files" in table
        assert window.faults() == []
        seat.keyboard.press("n")
        seat.wait_for_url("**/run?new=1")
        assert "新的一轮（第 2 轮，复测）" in seat.locator("#main").inner_text()
        seat.goto(page.origin + "/run/again")
        assert window.faults() == []


def test_without_scripts_what_is_not_ticked_is_not_sent_again(
    folder: Path, content: Path, app: Counting, browser: Browser
) -> None:
    address = "/run/again?item=3.a.1&asset=his"
    with serving(folder, content=content) as page:
        with page.client() as client:
            for query, told in NOTHING.items():
                assert told in client.get(f"/run/again?{query}").text
            client.post("/who", data={"name": "李四", "org": "某某科技"})
            answer = client.post("/run/again/start", data={"item": "3.a.1", "asset": "his"})
            assert "没有要做的采集" in answer.text
        assert app.blank == 1
        with browsing(browser, page, scripts=False) as window:
            seat = window.go(address)
            seat.locator(".who > summary").click()
            seat.locator(".who input[name=name]").fill("李四")
            seat.locator(".who input[name=org]").fill("某某科技")
            seat.locator(".who button", has_text="确定").click()
            seat = window.go(address)
            seat.locator("input[name=confirm]").check()
            seat.locator("button", has_text="重做并比较").click()
            seat.get_by_text("第 1 轮的事实与结果未改动").wait_for()  # the page loads itself anew
    assert app.blank == 2
