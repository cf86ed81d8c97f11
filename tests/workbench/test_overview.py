"""The overview: every chapter and asset has its cell, named by a word and not by colour alone."""

from __future__ import annotations

from playwright.sync_api import Browser

from .bench import Served, browsing


def test_the_grid_names_every_chapter_on_every_asset(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        rows = window.page.locator("table.grid tbody tr")
        assert rows.count() == 11
        assert "身份鉴别" in rows.nth(1).inner_text()
        assert window.page.locator("table.grid .tone").count() > 10
        assert all(one.strip() for one in window.page.locator("table.grid .tone").all_inner_texts())
        assert window.faults() == []


def test_the_page_stands_without_scripts(served: Served, browser: Browser) -> None:
    with browsing(browser, served, scripts=False) as window:
        assert window.page.locator("h1").inner_text() == "测试医院"
