"""The overview: every cell by words, what is missing with its link, and one next step."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from selectolax.lexbor import LexborHTMLParser

from dengbao.packet.stage import Stage
from dengbao.workbench.desk import Desk
from dengbao.workbench.grid import grid_of
from dengbao.workbench.rows import Filter, rows_of
from dengbao.workbench.steps import Situation, steps

from ..packet import example
from . import large
from .bench import Served, browsing, serving


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with forty assets and three rounds; do not change it."""
    return large.build(tmp_path_factory.mktemp("overview") / "h", assets=40, evidence=20, rounds=3)


@pytest.fixture(scope="module")
def big_served(big: Path) -> Iterator[Served]:
    """Return it served, for tests that write nothing."""
    with serving(big) as one:
        yield one


_DONE = Situation()


@pytest.mark.parametrize(
    ("now", "titles"),
    [
        (Situation(rounds=0), ["开始检测"]),
        (Situation(rounds=0, blanks=3), ["开始检测", "填 3 处基本信息"]),
        (Situation(ended=False), ["继续检测"]),
        (Situation(ended=False, not_run=9, bad=1), ["继续检测", "看 1 项不符合、部分符合"]),
        (Situation(owed=2, rounds=1, ended=False), ["恢复 2 处检测所作改动", "继续检测"]),
        (Situation(bad=3, awaiting=12), ["看 3 项不符合、部分符合", "补 12 项佐证"]),
        (Situation(undetermined=4, awaiting=1), ["排除 4 项无法判定", "补 1 项佐证"]),
        (Situation(not_run=5), ["补测 5 项未测"]),
        (Situation(drafts=2, awaiting=2, draft_path="/item/1.a.1"), ["入库 2 份草稿", "补 2 项佐证"]),
        (Situation(returned=1, unreviewed=4), ["答复 1 条退回", "复核 4 条"]),
        (Situation(blanks=1), ["填 1 处基本信息"]),
        (_DONE, ["封存"]),
        (Situation(bad=3), ["封存", "看 3 项不符合、部分符合"]),
        (Situation(owed=1), ["恢复 1 处检测所作改动", "封存"]),
        (Situation(bad=3, stage=Stage.SEALED), ["登记四方盖章"]),
        (Situation(stage=Stage.RECHECKED), ["登记四方盖章"]),
        (Situation(stage=Stage.STAMPED), ["登记反馈"]),
        (Situation(stage=Stage.FED_BACK), []),
        (Situation(stage=Stage.FED_BACK, owed=1), ["恢复 1 处检测所作改动"]),
    ],
)
def test_the_next_step_follows_from_how_things_stand(now: Situation, titles: list[str]) -> None:
    found = steps(now)
    assert [one.title for one in found] == titles
    assert all(one.path.startswith("/") and one.why for one in found)


def test_the_cells_together_count_every_case_once_and_lead_to_them(big: Path) -> None:
    state = Desk(big).state()
    rows, grid = rows_of(state), grid_of(state)
    cells = [cell for _, row in grid.rows for cell in row]
    assert len(cells) == 41 * 11
    assert sum(number for cell in cells for _, number in cell.counts) == len(rows) > 1500
    one = next(cell for cell in cells if len(cell.counts) > 2)
    fields = dict(part.split("=") for part in one.path.partition("?")[2].split("&"))
    chosen = Filter(chapter=fields["chapter"], asset=fields["asset"]).choose(rows)
    assert len(chosen) == sum(number for _, number in one.counts)
    assert one.gravest is not None
    assert one.gravest[0] == "nonconform"


def test_the_grid_names_every_chapter_on_every_asset(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        rows = window.page.locator("table.grid tbody tr")
        assert rows.count() == 11
        assert "身份鉴别" in rows.nth(1).inner_text()
        assert window.page.locator("table.grid .tone").count() > 10
        assert all(one.strip() for one in window.page.locator("table.grid .tone").all_inner_texts())
        link = window.page.get_by_role("link", name="1 身份鉴别，业务库").first
        assert any(word in link.inner_text() for word in ("符合", "待补证", "无法判定", "不符合"))
        link.click()
        assert "chapter=1" in window.page.url
        assert "asset=his-db" in window.page.url
        assert window.faults() == []


def test_the_page_stands_without_scripts(served: Served, browser: Browser) -> None:
    with browsing(browser, served, scripts=False) as window:
        assert window.page.locator("h1").inner_text() == "测试医院"
        window.page.locator(".next .button.main").click()
        assert "/table" in window.page.url


@pytest.mark.parametrize("size", [(1366, 768), (640, 800)])
def test_forty_assets_can_be_read(big_served: Served, browser: Browser, size: tuple[int, int]) -> None:
    with browsing(browser, big_served, size=size) as window:
        page = window.page
        assert page.locator("table.grid tbody tr").count() == 41
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        page.locator(".wide.tall").first.evaluate("one => one.scrollTo(400, 900)")
        box = page.locator(".wide.tall").first.bounding_box()
        corner = page.locator("table.grid thead th").first.bounding_box()
        assert box is not None
        assert corner is not None
        assert abs(corner["x"] - box["x"]) < 2
        assert abs(corner["y"] - box["y"]) < 2
        assert window.faults() == []
        page.emulate_media(media="print")
        assert page.locator("table.grid").is_visible()


def test_what_is_missing_leads_to_where_it_is_mended(served: Served) -> None:
    with served.client() as client:
        page = LexborHTMLParser(client.get("/").text)
        links = [one.attributes["href"] or "" for one in page.css(".blocked a")]
        assert 0 < len(links) <= 12
        assert all(one.startswith(("/item/", "/engagement", "/run")) for one in links)
        assert "出正式报告前还缺" in page.text()
        whole = served.folder / "engagement.yaml"
        text = whole.read_text(encoding="utf-8")
        whole.write_text(text.replace("report_number: NX-YBLT-2026-001\n", ""), encoding="utf-8")
        page = LexborHTMLParser(client.get("/").text)
        assert "/engagement#report" in [one.attributes["href"] for one in page.css(".blocked a")]


def test_a_complete_engagement_may_be_sealed(complete: Path, tmp_path: Path) -> None:
    folder = example.copy_of(complete, tmp_path / "h")
    with serving(folder) as one, one.client() as client:
        page = client.get("/").text
    assert "正式报告可以定稿" in page
    button = LexborHTMLParser(page).css_first(".next .main")
    assert button is not None
    assert "封存" in button.text()


def test_before_the_first_run_the_step_is_to_run(hospital: Path) -> None:
    shutil.rmtree(hospital / "runs")
    with serving(hospital) as one, one.client() as client:
        page = client.get("/").text
    assert "尚未检测" in page
    assert "开始检测" in page


def test_a_broken_log_is_told_and_keeps_nobody_out(hospital: Path) -> None:
    (hospital / "custody.jsonl").write_text('{"number": 7}\n', encoding="utf-8")
    with serving(hospital) as one, one.client() as client:
        answer = client.get("/")
    assert answer.status_code == 200
    assert "经手记录已损坏" in answer.text


def test_two_rounds_are_compared_case_by_case(big_served: Served, browser: Browser) -> None:
    with browsing(browser, big_served) as window:
        window.page.get_by_role("link", name="与第 2 轮比较").click()
        page = window.page
        assert "from=2&to=3" in page.url
        first = page.locator("tbody tr").first
        assert "变差" in first.inner_text()
        assert (first.get_by_role("link").get_attribute("href") or "").startswith("/item/")
        assert window.faults() == []
        page.locator("select[name=from]").select_option("1")
        page.locator("select[name=only]").select_option("improved")
        page.get_by_role("button", name="比较").click()
        assert set(page.locator("tbody td:last-child").all_inner_texts()) == {"改善"}


def test_rounds_that_are_not_there_are_refused(big_served: Served) -> None:
    with big_served.client() as client:
        assert client.get("/compare?from=9&to=1").status_code == 400
        assert "同一轮" in client.get("/compare?from=1&to=1").text
