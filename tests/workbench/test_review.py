"""Review: a second person accepts, returns and remarks; the first answers; a program is overruled by both."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dengbao import evidence as evidence_room
from dengbao.errors import EvidenceError
from dengbao.evidence import Draft, Said
from dengbao.evidence.remarks import load_remarks
from dengbao.model import Evidence, EvidenceKind, Method, Person, RemarkSort, Verdict
from dengbao.results import fold_round
from dengbao.reviewing import speak
from dengbao.rounds import load_round
from dengbao.session import open_session

from ..builders import draw_picture
from ..packet import example
from ..packet.example import LI, WANG
from .bench import Served, Watched, browsing, records, serving

EVIL = "</textarea><script>document.title='x'</script><img src=x onerror=alert(1)>\u202e{{ 7*7 }} \u2028"
SUN = Person(name="孙工", org="第三方")


def file_one(folder: Path, item: str, asset: str, **more: object) -> Evidence:
    """File a picture as evidence collected by 李工."""
    session = open_session(folder)
    picture = draw_picture(folder.parent / "截图.png")
    at = load_round(folder).info.begun_at
    draft = Draft(
        items=(item,), asset=asset, method=Method.EXAMINE, kind=EvidenceKind.SCREENSHOT, collected_at=at,
        collected_by=LI, redacted=True, statement=str(more.get("statement", f"经核查，{item} 已截图。")),
        verdict=Verdict(str(more.get("verdict", "conform"))), override=str(more.get("override", "")),
    )  # fmt: skip
    return evidence_room.add(folder, draft, (picture,), suite=session.suite, engagement=session.engagement)


def failed_case(folder: Path) -> tuple[str, str]:
    """Return an item and an asset that a program found 不符合."""
    for one in load_round(folder).records().values():
        if one.verdict is Verdict.NONCONFORM:
            return one.item, one.asset
    raise AssertionError("nothing failed")


@pytest.fixture(scope="module")
def waiting(tested: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with four records that wait: plain, override, 不适用, high risk; do not change it."""
    folder = example.copy_of(tested, tmp_path_factory.mktemp("waiting") / "my-hospital")
    item, asset = failed_case(folder)
    file_one(folder, "10.a.1", "system")
    file_one(folder, item, asset, override="程序看的是旧端口，人工核查新端口已满足")
    file_one(folder, "10.b.1", "his-db", verdict="not_applicable")
    file_one(folder, "1.a.1", "his-db", statement=f"经核查，口令已启用。{EVIL[:-2]}")
    return folder


@pytest.fixture
def filed(waiting: Path, tmp_path: Path) -> Iterator[Served]:
    """Return a copy of it, served."""
    with serving(example.copy_of(waiting, tmp_path / "my-hospital")) as one:
        yield one


def sit(page: Page, who: str) -> None:
    page.locator(".who summary").click()
    page.get_by_role("button", name=who).click()
    expect(page.locator(".who summary")).to_contain_text(who)


def standings(served: Served) -> dict[str, str]:
    session = open_session(served.folder)
    chosen = load_round(served.folder)
    examined = evidence_room.examine(
        served.folder, session.suite, chosen.engagement, chosen.info.begun_at.astimezone().date()
    )
    return {one.record.id: one.thread.standing.value for one in examined if one.record is not None}


def number_of(page: Page) -> str:
    return page.locator("h1").inner_text().split()[0]


def shot(window: Watched, name: str) -> None:
    """Keep a picture of the page where somebody asked for it."""
    folder = os.environ.get("SHOTS", "")
    if folder:
        window.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_the_second_person_reviews_by_keyboard_alone(filed: Served, browser: Browser) -> None:
    with browsing(browser, filed) as window:
        page = window.page
        sit(page, "王主任")
        page.keyboard.press("g")
        page.keyboard.press("v")
        page.wait_for_url("**/review")
        headings = page.locator("main h2").all_inner_texts()
        assert [one.split("：")[0] for one in headings][:2] == ["待复核", "推翻自动判定"]
        assert window.faults() == []
        shot(window, "queue")
        page.keyboard.press("n")
        page.wait_for_url("**/review/EV-0003")  # 不适用 counts only after a review: it comes first
        assert window.faults() == []
        page.keyboard.press("a")
        page.wait_for_url("**/review/EV-0002")
        assert "EV-0003 复核通过（王主任）" in page.locator(".said").inner_text()
        shot(window, "override")
        page.keyboard.press("n")
        page.wait_for_url("**/review/EV-*")
        assert number_of(page) in ("EV-0001", "EV-0004")
        page.keyboard.press("p")
        page.wait_for_url("**/review/EV-0002")
        page.keyboard.press("n")
        page.wait_for_url(lambda url: not url.endswith("EV-0002"))
        first = number_of(page)
        page.keyboard.press("r")
        page.keyboard.type("截图没有时间，a n p 键在此是文字")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: not url.endswith(first))
        page.keyboard.press("c")
        page.keyboard.type("已与医院核对")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".remarks")).to_contain_text("已与医院核对")
        assert window.faults() == []
    assert standings(filed)["EV-0003"] == "accepted"
    assert standings(filed)[first] == "returned"
    assert [one["act"] for one in records(filed.folder)][-3:] == [
        "evidence_reviewed", "evidence_returned", "evidence_noted",
    ]  # fmt: skip


@pytest.mark.parametrize("scripts", [True, False])
def test_who_collected_cannot_review_and_is_told_how_to_switch(
    filed: Served, browser: Browser, scripts: bool
) -> None:
    with browsing(browser, filed, scripts=scripts) as window:
        page = window.page
        window.go("/review/EV-0001")
        assert page.get_by_role("button", name="复核通过").count() == 0
        assert "先在页面右上角选定操作人员" in page.locator("#do").locator("..").inner_text()
        sit(page, "李工")
        assert "须由另一人复核" in page.locator("#own").inner_text()
        assert "换人" in page.locator("#own").inner_text()
        for name in ("复核通过", "退回"):
            assert page.get_by_role("button", name=name, exact=True).count() == 0
        shot(window, f"own-{scripts}")
        sit(page, "王主任")
        assert page.locator("#own").count() == 0
        page.get_by_role("button", name="复核通过").click()
        page.wait_for_url("**/review/*")
    with filed.client() as client:
        client.post("/who", data={"name": "李工", "org": "别的单位"})
        answer = client.post("/review/EV-0004/accept", data={})
        assert answer.status_code == 409
        assert "复核人与采集人是同一人" in answer.text
    assert standings(filed)["EV-0001"] == "accepted"
    assert standings(filed)["EV-0004"] == "open"


@pytest.mark.parametrize("scripts", [True, False])
def test_returned_answered_and_accepted(filed: Served, browser: Browser, scripts: bool) -> None:
    with browsing(browser, filed, scripts=scripts) as window:
        page = window.page
        sit(page, "王主任")
        window.go("/review/EV-0001")
        page.get_by_label("退回的理由").fill("制度没有签发页")
        page.get_by_role("button", name="退回", exact=True).click()
        page.wait_for_url("**/review/*")
        sit(page, "李工")
        window.go("/review")
        mine = page.get_by_role("table").filter(has_text="退回我的")
        expect(mine).to_contain_text("制度没有签发页")
        if scripts:
            assert window.faults() == []
            shot(window, "mine")
        mine.get_by_role("link", name="EV-0001").click()
        page.get_by_label("答复退回").fill("签发页在第 3 页，已标出")
        page.get_by_role("button", name="答复，重新提交复核").click()
        expect(page.locator("h1")).to_contain_text("待复核")
        assert page.get_by_role("button", name="复核通过").count() == 0
        sit(page, "王主任")
        expect(page.locator(".remarks li")).to_have_count(2)
        assert "退回后已答复" in page.locator("main .note").first.inner_text()
        page.get_by_role("button", name="复核通过").click()
        page.wait_for_url("**/review/*")
        window.go("/review/EV-0001")
        expect(page.locator("h1")).to_contain_text("复核通过")
        if scripts:
            shot(window, "thread")
    said = [(one.sort.value, one.by.name) for one in load_remarks(filed.folder)]
    assert said == [("return", "王主任"), ("answer", "李工"), ("accept", "王主任")]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_program_is_overruled_by_two_names_and_a_tick(
    filed: Served, browser: Browser, scripts: bool
) -> None:
    item, asset = failed_case(filed.folder)
    with filed.client() as client:
        client.post("/who", data={"name": "王主任", "org": "测试医院"})
        answer = client.post("/review/EV-0002/accept", data={})
        assert (answer.status_code, "须由复核人明确同意" in answer.text) == (409, True)
    with browsing(browser, filed, scripts=scripts) as window:
        page = window.page
        sit(page, "王主任")
        window.go("/review/EV-0002")
        tick = page.get_by_role("checkbox")
        label = page.locator("label").filter(has=tick).inner_text()
        assert all(one in label for one in ("王主任", "李工", item, "不符合 → 符合"))
        page.get_by_role("button", name="复核通过").click()
        assert page.url.endswith("/review/EV-0002")  # the tick is asked for
        tick.check()
        if scripts:
            assert window.faults() == []
        page.get_by_role("button", name="复核通过").click()
        page.wait_for_url(lambda url: not url.endswith("EV-0002"))
        assert "李工 提出，王主任 同意" in page.locator(".said").inner_text()
    result, _ = fold_round(open_session(filed.folder), load_round(filed.folder))
    items = (*result.mandatory, *(one for clause in result.clauses for one in clause.items))
    cases = (case for one in items for case in one.cases if one.item.id == item and case.asset == asset)
    case = next(cases)
    assert (case.automatic, case.override) == (Verdict.NONCONFORM, "程序看的是旧端口，人工核查新端口已满足")


@pytest.mark.parametrize("scripts", [True, False])
def test_withdrawn_for_good_and_told(filed: Served, browser: Browser, scripts: bool) -> None:
    with browsing(browser, filed, scripts=scripts) as window:
        page = window.page
        sit(page, "李工")
        window.go("/review/EV-0001")
        page.get_by_text("撤回这份佐证").click()
        page.get_by_label("撤回的理由").fill("拍错了制度")
        page.get_by_role("button", name="撤回", exact=True).click()
        expect(page.locator("h1")).to_contain_text("已撤回")
        assert "李工撤回（拍错了制度）" in page.locator(".fault").inner_text()
        window.go("/review")
        page.locator("summary").filter(has_text="已复核、已撤回").click()
        expect(page.get_by_role("table").filter(has_text="已复核、已撤回")).to_contain_text("EV-0001")
        if scripts:
            assert window.faults() == []
    assert (filed.folder / "evidence" / "EV-0001.png").exists()


def test_two_reviewers_at_once_lose_no_word(filed: Served, browser: Browser) -> None:
    with browsing(browser, filed) as one, browsing(browser, filed) as two:
        sit(one.page, "王主任")
        two.page.locator(".who summary").click()
        two.page.get_by_label("姓名").fill("孙工")
        two.page.get_by_label("单位").fill("第三方")
        two.page.get_by_role("button", name="确定").click()
        for window in (one, two):
            window.go("/review/EV-0001")
        one.page.get_by_label("退回的理由").fill("没有签发页")
        one.page.get_by_role("button", name="退回", exact=True).click()
        one.page.wait_for_url("**/review/*")
        two.page.get_by_label("备注").fill("我看着没问题")
        two.page.locator("form[action$=note] button").click()
        expect(two.page.get_by_role("alert").first).to_contain_text("打开之后已有变化")
        expect(two.page.get_by_label("备注")).to_have_value("我看着没问题")
        expect(two.page.locator(".remarks")).to_contain_text("没有签发页")
        shot(two, "overtaken")
        two.page.locator("form[action$=note] button").click()
        expect(two.page.locator(".remarks")).to_contain_text("我看着没问题")
        two.slips[:] = [slip for slip in two.slips if "409" not in slip]
    assert [(each.sort.value, each.by.name) for each in load_remarks(filed.folder)] == [
        ("return", "王主任"), ("note", "孙工"),
    ]  # fmt: skip


def test_what_a_command_said_meanwhile_is_seen(filed: Served) -> None:
    with filed.client() as client:
        client.post("/who", data={"name": "王主任", "org": "测试医院"})
        assert "需要重拍" not in client.get("/review/EV-0001").text
        speak(filed.folder, "EV-0001", Said(RemarkSort.RETURN, SUN, "需要重拍"))
        assert "需要重拍" in client.get("/review/EV-0001").text
        shown = client.get("/item/10.a.1?asset=system").text  # where the one who collected it works
        assert "需要重拍" in shown
        assert "/review/EV-0001" in shown
    with pytest.raises(EvidenceError, match="等待答复"):
        speak(filed.folder, "EV-0001", Said(RemarkSort.RETURN, WANG, "需要重拍"))


def test_evil_text_stays_text(filed: Served, browser: Browser) -> None:
    with browsing(browser, filed) as window:
        page = window.page
        sit(page, "王主任")
        window.go("/review/EV-0004")
        page.get_by_label("备注").fill(EVIL)
        page.locator("form[action$=note] button").click()
        expect(page.locator(".remarks")).to_contain_text("<script>")
        assert page.locator("main script, main img[src=x]").count() == 0
        assert page.title() != "x"
        assert "{{ 7*7 }}" in page.locator(".remarks").inner_text()
        shot(window, "evil")
    line = json.loads((filed.folder / "evidence" / "remarks.jsonl").read_text(encoding="utf-8"))
    assert line["text"].startswith("</textarea><script>")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_note_on_what_a_program_found_stays_with_the_item(
    filed: Served, browser: Browser, scripts: bool
) -> None:
    item, asset = failed_case(filed.folder)
    with browsing(browser, filed, scripts=scripts) as window:
        page = window.page
        sit(page, "王主任")
        window.go(f"/item/{item}?asset={asset}")
        page.locator("summary").filter(has_text="对检测结果写备注").click()
        page.get_by_label("备注（随项目封存").fill(EVIL)
        page.get_by_role("button", name="写入备注").click()
        expect(page.locator("#case-notes").locator("..")).to_contain_text("<script>")
        if scripts:
            assert window.faults() == []
            shot(window, "case-note")
        window.go("/review")
        expect(page.locator("main")).to_contain_text(f"{item} 业务库")
    with filed.client() as client:
        client.post("/who", data={"name": "王主任", "org": "测试医院"})
        for wrong in (f"9.z.9/{asset}", f"{item}/nowhere", f"{item}/{asset}"):
            assert client.post(f"/review/case/{wrong}/note", data={"text": ""}).status_code == 409
    (said,) = load_remarks(filed.folder)
    assert (said.item, said.asset, said.evidence) == (item, asset, "")


@pytest.mark.parametrize("path", ["EV-9999", "..%2Fengagement", "EV-0001.yaml", "%00", "EV-0001/../EV-0002x"])
def test_only_what_exists_is_reviewed(filed: Served, path: str) -> None:
    with filed.client() as client:
        client.post("/who", data={"name": "王主任", "org": "测试医院"})
        assert client.get(f"/review/{path}").status_code in (400, 404)
        assert client.post(f"/review/{path}/accept").status_code in (404, 405, 409)
        assert client.post("/review/EV-0001/erase").status_code == 409
    assert set(standings(filed).values()) == {"open"}


def test_at_200_percent_nothing_is_scrolled_sideways(filed: Served, browser: Browser) -> None:
    with browsing(browser, filed, size=(640, 400)) as window:
        sit(window.page, "王主任")
        for path in ("/review", "/review/EV-0002", "/review/EV-0004"):
            window.go(path)
            wide = window.page.evaluate("document.documentElement.scrollWidth")
            assert (path, wide <= 640) == (path, True)
        shot(window, "narrow")
