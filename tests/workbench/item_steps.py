"""What tests of the item view do again and again."""

from __future__ import annotations

import re
from typing import Final

import httpx
from playwright.sync_api import Page, expect

from .bench import Watched

ITEM: Final = "/item/1.a.3?asset=his-db"
BASE: Final = "/item/1.a.3/his-db"
SAVED: Final = re.compile("已保存 ")
TYPED: Final = "经核查，业务库为嵌入式文件数据库，没有账户。"


def sit_down(client: httpx.Client, name: str = "李工") -> None:
    """Say who sits at the page."""
    client.post("/who", data={"name": name, "org": "测试科技", "back": "/"}).raise_for_status()


def seated(window: Watched, path: str = ITEM, which: int = 0) -> Page:
    """Open an item as one of the engagement's people."""
    page = window.page
    page.locator(".who summary").click()
    page.locator(".who button[name=chosen]").nth(which).click()
    expect(page.locator(".said")).to_contain_text("操作人员")
    return window.go(path)


def hidden(text: str, name: str) -> str:
    """Return what a hidden field of a page holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found is not None, name
    return found[1]


def state_of(page: Page) -> str:
    """Return the words of the state of saving."""
    return page.locator("#saved .saving").inner_text()
