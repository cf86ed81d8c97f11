"""The engagement's page: what is typed is checked, comments stay, secrets do not show."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dengbao.catalog import load_engagement

from ..servers.counting import counting_server
from .bench import WAIT_S, Served, browsing
from .test_papers import as_li

_LONG_MS = 2 * WAIT_S * 1000
_PORT = "- kind: tls\n  id: port-2\n  name: {name}\n  address: 127.0.0.1:9443\n"
_CLEAR = "\n    accounts: [{id: a, username: u, secret: hunter2-secret}]"


@pytest.fixture(autouse=True)
def commented(hospital: Path) -> None:
    """Put a comment into the file: it has to be there after every change."""
    path = hospital / "engagement.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# 末尾的说明\n", encoding="utf-8")


def text_of(served: Served) -> str:
    return (served.folder / "engagement.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_a_field_is_changed_and_nothing_else(served: Served, browser: Browser, scripts: bool) -> None:
    with browsing(browser, served, scripts=scripts) as window:
        as_li(window)
        page = window.go("/engagement")
        page.locator("#institution").get_by_label("医保国家编码").fill("H64000000009")
        if scripts:
            page.locator("#faults-institution").get_by_text("没有发现问题").wait_for()
            assert window.faults() == []
        page.get_by_role("button", name="保存定点医药机构").click()
        page.get_by_text("已保存：定点医药机构").wait_for()
    found = load_engagement(served.folder)
    assert found.institution.code == "H64000000009"
    assert "# 末尾的说明" in text_of(served)


def test_a_mistake_is_told_while_it_is_typed_and_never_written(served: Served, browser: Browser) -> None:
    before = text_of(served)
    with browsing(browser, served) as window:
        as_li(window)
        page = window.go("/engagement")
        page.locator("#scope").get_by_label("允许连接的地址").fill("not an address !")
        page.locator("#faults-scope .fault").first.wait_for()
        page.locator("#institution").get_by_label("名称（必填）").fill("")
        page.locator("#faults-institution").get_by_text("“名称”不得为空").wait_for()
        page.get_by_role("button", name="保存授权范围").click()
        page.get_by_role("heading", name="未能完成").wait_for()
        window.slips[:] = [one for one in window.slips if "409" not in one]
    assert text_of(served) == before


def test_two_windows_do_not_overwrite_each_other(served: Served) -> None:
    with served.client() as client:
        client.post("/who", data={"name": "李工", "org": "测试科技"})
        base = client.get("/engagement").text.partition('name="base" value="')[2][:64]
        one = client.post("/engagement/section/report", data={"base": base, "report_number": "A-1"})
        assert one.status_code == 200
        two = client.post("/engagement/section/report", data={"base": base, "report_number": "B-2"})
        assert two.status_code == 409
        assert "别处" in two.text
    assert load_engagement(served.folder).report_number == "A-1"


def test_an_asset_is_added_changed_and_taken_away(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        as_li(window)
        page = window.go("/engagement/asset-new?kind=tls")
        page.locator("textarea").fill(
            "- kind: tls\n  id: port-2\n  name: 第二端口\n  address: 127.0.0.1:9443\n"
        )
        page.get_by_text("没有发现问题").wait_for()
        assert window.faults() == []
        page.keyboard.press("Control+s")
        page.get_by_role("link", name="port-2").click()
        page.locator("textarea").fill(_PORT.format(name="改名"))
        page.keyboard.press("Control+s")
        page.get_by_text("已保存：测评对象 port-2").wait_for()
        assert load_engagement(served.folder).asset("port-2") is not None
        page.get_by_role("link", name="port-2").click()
        page.locator("summary", has_text="删除").click()
        page.get_by_label("确认删除").check()
        page.get_by_role("button", name="删除").click()
        page.get_by_text("已保存：删除").wait_for()
    assert load_engagement(served.folder).asset("port-2") is None
    assert "# 末尾的说明" in text_of(served)


def test_a_secret_in_clear_is_never_shown(served: Served) -> None:
    path = served.folder / "engagement.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("kind: database", f"kind: database{_CLEAR}", 1), encoding="utf-8")
    with served.client(enter=False) as client:
        assert client.get(served.start).status_code == 400  # which says what is wrong
        for where in ("/engagement", "/engagement/text"):
            answer = client.get(where)
            assert answer.status_code == 200
            assert "hunter2-secret" not in answer.text
            assert "accounts" in answer.text or "secret" in answer.text


def test_discovery_drafts_a_web_asset(served: Served, browser: Browser) -> None:
    with counting_server() as server, browsing(browser, served) as window:
        as_li(window)
        page = window.go("/engagement/asset-new?kind=web")
        page.get_by_label("首页或登录页的网址").fill(server.url)
        page.get_by_role("button", name="查看并起草").click()
        page.get_by_role("heading", name="：完成").wait_for(timeout=_LONG_MS)
        assert server.url.rstrip("/") in page.locator("textarea").input_value()


def test_hostile_text_is_shown_as_text(served: Served, browser: Browser) -> None:
    hostile = "<script>document.title='x'</script>\"'{{7*7}}"
    with browsing(browser, served) as window:
        as_li(window)
        page = window.go("/engagement")
        page.locator("#institution").get_by_label("地址").fill(hostile)
        page.get_by_role("button", name="保存定点医药机构").click()
        page.get_by_text("已保存").wait_for()
        assert page.locator("#institution").get_by_label("地址").input_value() == hostile
        assert page.title() != "x"
    assert load_engagement(served.folder).institution.address == hostile
