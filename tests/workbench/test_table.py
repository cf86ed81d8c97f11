"""The table: every case once, chosen by the address, gone through by keys, the same without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from selectolax.lexbor import LexborHTMLParser

from dengbao.workbench.desk import Desk, State
from dengbao.workbench.rows import BAD, OPEN, Filter, Row, people_of, rows_of

from ..packet import example
from . import large
from .bench import Served, Watched, browsing, records, serving


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with twelve assets, two rounds and thirty pieces of evidence; do not change it."""
    return large.build(tmp_path_factory.mktemp("table") / "h", assets=12, evidence=30, rounds=2)


@pytest.fixture(scope="module")
def open_served(big: Path) -> Iterator[Served]:
    """Return it served, for tests that write nothing."""
    with serving(big) as one:
        yield one


@pytest.fixture
def folder(big: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change."""
    return example.copy_of(big, tmp_path / "h")


@pytest.fixture(scope="module")
def state(big: Path) -> State:
    """Return how that engagement stands."""
    return Desk(big).state()


def _shown(html: str) -> list[str]:
    boxes = LexborHTMLParser(html).css("#cases input[name=case]")
    return [one.attributes["value"] or "" for one in boxes]


def test_every_case_is_one_row_in_official_order(state: State) -> None:
    rows = rows_of(state)
    cases = [(one.item, one.asset) for item in state.items.values() for one in item.cases]
    assert [(one.item, one.asset) for one in rows] == cases
    assert len(set(cases)) == len(cases) > 500
    assert {one.chapter for one in rows} == set(range(11))
    assert {one.tone for one in rows} >= {"conform", "nonconform", "undetermined", "awaiting_evidence"}
    assert any(one.said.startswith("host-01 拒绝登录") for one in rows)


def _one(rows: tuple[Row, ...], **fields: object) -> list[str]:
    return [one.case for one in rows if all(getattr(one, key) == value for key, value in fields.items())]


def test_a_filter_chooses_what_it_names(state: State) -> None:
    rows = rows_of(state)

    def chosen(wanted: Filter) -> list[str]:
        return [one.case for one in wanted.choose(rows)]

    assert chosen(Filter()) == [one.case for one in rows]
    assert chosen(Filter(chapter="3")) == _one(rows, chapter=3) != []
    assert chosen(Filter(asset="host-01")) == _one(rows, asset="host-01") != []
    assert chosen(Filter(tone="partial")) == _one(rows, tone="partial") != []
    assert chosen(Filter(tone="bad")) == [one.case for one in rows if one.tone in BAD]
    assert chosen(Filter(tone="open")) == [one.case for one in rows if one.tone in OPEN]
    assert chosen(Filter(high_risk=True)) == _one(rows, high_risk=True) != []
    assert chosen(Filter(chapter="1", asset="host-01", tone="conform")) == _one(
        rows, chapter=1, asset="host-01", tone="conform"
    )
    assert chosen(Filter(tone="nothing")) == chosen(Filter(chapter="x")) == []
    collected, reviewed = people_of(rows)
    assert collected == ("李工（测试科技）", "王主任（测试医院）")
    mine = chosen(Filter(who="collected:李工（测试科技）"))
    assert mine
    assert reviewed == ("王主任（测试医院）",)
    assert set(chosen(Filter(who="reviewed:王主任（测试医院）"))) <= set(mine)
    assert chosen(Filter(who="reviewed:李工（测试科技）")) == []


@pytest.mark.parametrize(
    ("words", "found"),
    [("1.a.1 host-01", "1.a.1@host-01"), ("HOST-01 1.A.1", "1.a.1@host-01"), ("ev-0003", "M.3@system")],
)
def test_words_are_looked_for_in_ids_names_and_what_was_said(state: State, words: str, found: str) -> None:
    chosen = Filter(words=words).choose(rows_of(state))
    assert found in [one.case for one in chosen]
    assert len(chosen) < 20


def test_the_pages_together_hold_every_row_once(open_served: Served, state: State) -> None:
    with open_served.client() as client:
        seen = [one for number in range(1, 10) for one in _shown(client.get(f"/table?page={number}").text)]
        assert len(client.get("/table?page=3").text) < 200_000
        for odd in ("0", "-1", "x", "９", "9" * 400):
            assert client.get("/table", params={"page": odd}).status_code == 200
    rows = [one.case for one in rows_of(state)]
    assert list(dict.fromkeys(seen)) == rows


def test_a_filter_is_an_address_and_htmx_gets_the_body_alone(open_served: Served, state: State) -> None:
    asked = "/table?asset=host-01&tone=open&high=1"
    with open_served.client() as client:
        whole = client.get(asked)
        part = client.get(asked, headers={"hx-request": "true"})
        back = client.get(asked, headers={"hx-request": "true", "hx-history-restore-request": "true"})
    wanted = [one.case for one in Filter(asset="host-01", tone="open", high_risk=True).choose(rows_of(state))]
    assert _shown(whole.text) == wanted != []
    assert "<html" in whole.text
    assert "<html" in back.text
    assert "<html" not in part.text
    assert [one.case for one in rows_of(state) if f'value="{one.case}"' in part.text] == wanted
    page = LexborHTMLParser(whole.text)
    assert [one.attributes["value"] for one in page.css("option[selected]")] == ["host-01", "open"]


def test_hostile_words_are_shown_as_words(open_served: Served) -> None:
    with open_served.client() as client:
        answer = client.get("/table", params={"q": '"><script>alert(1)</script>', "asset": "' or 1=1"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def _at(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') || ''"))


def test_the_rows_are_gone_through_by_keys(open_served: Served, browser: Browser) -> None:
    with browsing(browser, open_served) as window:
        page = window.go("/table?asset=host-01")
        page.keyboard.press("j")
        first = _at(page)
        page.keyboard.press("j")
        assert _at(page) != first
        page.keyboard.press("k")
        assert _at(page) == first
        page.keyboard.press("x")
        assert page.locator("#cases input[name=case]:checked").count() == 1
        assert _at(page) == first
        page.keyboard.press("/")
        page.keyboard.type("jkx 拒绝登录")
        assert page.locator("#q").input_value() == "jkx 拒绝登录"
        page.locator("#q").fill("拒绝登录")
        page.wait_for_url("**q=%E6%8B%92%E7%BB%9D**")
        expect(page.locator("#cases tbody tr").first).to_contain_text("拒绝登录")
        assert window.faults() == []


def test_a_page_without_scripts_filters_and_turns_pages(open_served: Served, browser: Browser) -> None:
    with browsing(browser, open_served, scripts=False) as window:
        page = window.go("/table")
        page.locator("select[name=chapter]").select_option("2")
        page.get_by_role("button", name="筛选", exact=True).click()
        assert "chapter=2" in page.url
        assert page.locator("select[name=chapter]").input_value() == "2"
        page.goto(open_served.origin + "/table")
        page.get_by_role("link", name="下一页").click()
        assert "page=2" in page.url
        assert page.get_by_role("button", name="下一行").count() == 0


@pytest.mark.parametrize("width", [1366, 640])
def test_the_table_has_no_fault_and_the_page_does_not_scroll_sideways(
    open_served: Served, browser: Browser, width: int
) -> None:
    with browsing(browser, open_served, size=(width, 800)) as window:
        window.go("/table?tone=bad")
        assert window.faults() == []
        assert _width(window) <= width
        window.page.emulate_media(media="print")
        assert not window.page.get_by_role("button", name="筛选", exact=True).is_visible()


def _width(window: Watched) -> int:
    return int(window.page.evaluate("document.documentElement.scrollWidth"))


def _enter(window: Watched, name: str = "李工") -> Page:
    page = window.page
    page.locator(".who summary").click()
    page.get_by_role("button", name=name).click()
    return page


@pytest.mark.parametrize("scripts", [True, False])
def test_not_applicable_is_declared_for_many_and_shown_before_it_is_written(
    folder: Path, browser: Browser, scripts: bool
) -> None:
    before = (folder / "engagement.yaml").read_text(encoding="utf-8")
    with serving(folder) as served, browsing(browser, served, scripts=scripts) as window:
        page = _enter(window)
        page.goto(served.origin + "/table?asset=web-00&chapter=1&tone=open")
        page.locator("input[name=case]").first.check()
        case = page.locator("input[name=case]").first.input_value()
        page.get_by_role("button", name="对勾选的各条").click()
        assert "所选 1 条" in page.locator("caption").inner_text()
        page.get_by_label("理由").fill("系统未提供该功能")
        page.get_by_label("王主任").check()
        assert window.faults() == [] if scripts else True
        page.get_by_role("button", name="下一步").click()
        assert (folder / "engagement.yaml").read_text(encoding="utf-8") == before
        assert "王主任（测试医院）" in page.locator("dl").first.inner_text()
        page.get_by_role("button", name="王主任同意，写入 1 条声明").click()
        assert "已声明不适用 1 条" in page.locator(".said").inner_text()
        assert page.locator("input[name=case]").first.input_value() == case
    after = (folder / "engagement.yaml").read_text(encoding="utf-8")
    assert "# 大型医院样例：全部虚构" in after
    declared = Desk(folder).state().session.engagement.not_applicable
    assert [(f"{one.item}@{one.asset}", one.why) for one in declared] == [(case, "系统未提供该功能")]
    assert (declared[0].by.name, declared[0].agreed.name) == ("李工", "王主任")
    assert records(folder)[-1]["act"] == "not_applicable_declared"


def test_all_that_a_filter_chose_is_declared_at_once(folder: Path) -> None:
    with serving(folder) as served, served.client() as client:
        client.post("/who", data={"name": "李工", "org": "测试科技"})
        query = "asset=host-01&chapter=4"
        shown = client.post("/table/declare", data={"scope": "all", "filter": query})
        cases = _cases_of(shown.text)
        assert len(cases) > 4
        fields = {"cases": "\n".join(cases), "why": "该主机只作演示", "name": "王主任", "org": "测试医院"}
        assert "核对后写入" in client.post("/table/declare/check", data=fields).text
        client.post("/table/declare/write", data=fields).raise_for_status()
    declared = Desk(folder).state().session.engagement.not_applicable
    assert [f"{one.item}@{one.asset}" for one in declared] == cases


def _cases_of(html: str) -> list[str]:
    found = LexborHTMLParser(html).css_first("input[name=cases]")
    assert found is not None
    return (found.attributes["value"] or "").split()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "同意人"),
        ({"why": "系统未提供该功能"}, "未选同意人"),
        ({"why": "无", "agreed": "王主任/测试医院"}, "过短"),
        ({"why": "系统未提供该功能", "name": "李 工", "org": "别的单位"}, "同一人"),
        ({"why": "系统未提供该功能", "agreed": "李工/测试科技"}, "同一人"),
        ({"why": "系统未提供该功能", "agreed": "不存在/某单位"}, "未选同意人"),
        ({"cases": "9.z.9@host-01", "why": "系统未提供该功能"}, "已不在项目中"),
        ({"cases": "../../etc/passwd", "why": "系统未提供该功能"}, "已不在项目中"),
        ({"cases": " ", "why": "系统未提供该功能"}, "没有勾选"),
    ],
)
def test_a_declaration_that_lacks_something_is_refused_and_nothing_is_written(
    open_served: Served, fields: dict[str, str], told: str
) -> None:
    path = open_served.folder / "engagement.yaml"
    before = path.read_bytes()
    data = {"cases": "1.a.1@host-01", **fields}
    with open_served.client() as client:
        client.post("/who", data={"name": "李工", "org": "测试科技"})
        for step in ("check", "write"):
            answer = client.post(f"/table/declare/{step}", data=data)
            assert answer.status_code == 409
            assert told in answer.text or (not fields and "未填" in answer.text)
    assert path.read_bytes() == before


def test_nobody_declares_without_saying_who(open_served: Served) -> None:
    data = {"cases": "1.a.1@host-01", "why": "系统未提供该功能", "agreed": "王主任/测试医院"}
    with open_served.client() as client:
        answer = client.post("/table/declare/check", data=data)
    assert "尚未选定操作人员" in answer.text


def test_what_hides_a_nonconformity_is_told_to_have_no_effect(open_served: Served, state: State) -> None:
    bad = next(one for one in rows_of(state) if one.tone == "nonconform")
    with open_served.client() as client:
        answer = client.post("/table/declare", data={"scope": "chosen", "case": bad.case})
    assert "声明对其不生效" in answer.text
