"""The item view through Chromium: by keyboard alone, in two windows, after a kill, without scripts."""

from __future__ import annotations

import socket
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from dengbao import drafts, evidence
from dengbao.model import Verdict

from .bench import WAIT_S, Served, browsing, serving
from .item_steps import ITEM, SAVED, TYPED, seated

WAIT_MS = WAIT_S * 1000


def saved(page: Page) -> None:
    """Wait until what was typed is on disk."""
    expect(page.locator("#saved .saving")).to_have_text(SAVED, timeout=WAIT_MS)


def texts(folder: Path) -> set[str]:
    kept = drafts.load(folder, "1.a.3", "his-db")
    return {one.fields.get("statement", "") for one in (*kept.versions, *kept.asides)}


def test_items_are_judged_by_keyboard_alone(served: Served, browser: Browser, tmp_path: Path) -> None:
    proof = tmp_path / "tables.txt"
    proof.write_text("patient\n", encoding="utf-8")
    with browsing(browser, served) as window:
        page = seated(window)
        judged = []
        for number, verdict in ((1, "符合"), (2, "部分符合"), (3, "不符合")):
            judged.append(page.locator("h1").inner_text().split()[0])
            page.keyboard.press(str(number))
            page.keyboard.press("t")
            page.keyboard.insert_text(f"{TYPED}第{number}次")
            saved(page)
            page.locator("[name=upload]").set_input_files(proof)
            expect(page.locator(".files li")).to_have_count(1, timeout=WAIT_MS)
            page.keyboard.press("Escape")
            page.keyboard.press("s")
            expect(page.locator(".said")).to_contain_text(f"已入库 EV-000{number}", timeout=WAIT_MS)
            expect(page.locator(".filed")).to_contain_text(verdict)
            if number == 1:
                assert window.faults() == []
            page.keyboard.press("u")
            expect(page.locator("h1")).not_to_contain_text(f"{judged[-1]} ", timeout=WAIT_MS)
    filed = evidence.load_all(served.folder)
    assert [one.verdict for one in filed] == [Verdict.CONFORM, Verdict.PARTIAL, Verdict.NONCONFORM]
    assert [one.items for one in filed] == [(one,) for one in judged]
    assert drafts.unfiled(served.folder) == ()


def test_keys_lead_from_item_to_item(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = seated(window)
        heading = page.locator("h1")
        page.keyboard.press("n")
        expect(heading).to_contain_text("1.a.4")
        page.keyboard.press("p")
        expect(heading).to_contain_text("1.a.3")
        page.keyboard.press("g")
        page.keyboard.type("2.c.1")
        page.keyboard.press("Enter")
        expect(heading).to_contain_text("2.c.1")
        assert window.faults() == []
        page.keyboard.press("r")
        expect(page.locator(".seen, .seen-more")).not_to_have_count(0)
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_contain_text("转到测评项")


def test_an_input_method_composing_presses_no_key(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = seated(window)
        page.evaluate(
            """() => { for (const key of ["n", "1", "s", "u"]) document.body.dispatchEvent(
                 new KeyboardEvent("keydown", {key, bubbles: true, isComposing: true})); }"""
        )
        session = page.context.new_cdp_session(page)
        page.locator("[name=statement]").focus()
        session.send("Input.imeSetComposition", {"text": "n1s", "selectionStart": 3, "selectionEnd": 3})
        session.send("Input.insertText", {"text": "你是"})
        expect(page.locator("[name=statement]")).to_have_value("你是")
        expect(page.locator("[name=verdict]:checked")).to_have_count(0)
        saved(page)
        assert page.url.endswith(ITEM.partition("#")[0]) or "1.a.3" in page.url
    assert evidence.load_all(served.folder) == []


def test_two_windows_on_one_item_lose_no_word(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as first, browsing(browser, served) as second:
        one, two = seated(first), seated(second, which=1)
        one.locator("[name=statement]").fill("甲写的文字")
        saved(one)
        two.locator("[name=statement]").fill("乙写的文字")
        expect(two.locator("#saved")).to_contain_text("两段文字都已保存", timeout=WAIT_MS)
        box = two.locator("#saved .choice")
        expect(box).to_contain_text("甲写的文字")
        expect(box).to_contain_text("乙写的文字")
        assert second.faults() == []
        two.locator("[name=statement]").press_sequentially("，又添一句")
        expect(box).to_contain_text("又添一句", timeout=WAIT_MS)
        two.get_by_role("button", name="两段合并").click()
        expect(two.locator("[name=statement]")).to_have_value(
            "甲写的文字\n乙写的文字，又添一句", timeout=WAIT_MS
        )
        one.locator("[name=asked]").evaluate("(field) => field.closest('details').open = true")
        one.locator("[name=asked]").fill("赵科长")
        saved(one)
        expect(one.locator("[name=statement]")).to_have_value("甲写的文字\n乙写的文字，又添一句")
        assert drafts.load(served.folder, "1.a.3", "his-db").content.fields["asked"] == "赵科长"


def test_what_is_typed_just_before_leaving_is_saved_and_undone_by_a_key(
    served: Served, browser: Browser
) -> None:
    with browsing(browser, served) as window:
        page = seated(window)
        page.locator("[name=statement]").fill("第一句")
        saved(page)
        page.locator("[name=statement]").fill("第一句，第二句")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        expect(page.locator("h1")).to_contain_text("1.a.4")
        page.keyboard.press("p")
        expect(page.locator("h1")).to_contain_text("1.a.3")
        page.reload()
        expect(page.locator("[name=statement]")).to_have_value("第一句，第二句")
        page.keyboard.press("z")
        expect(page.locator("[name=statement]")).to_have_value("第一句", timeout=WAIT_MS)
        page.locator("[name=statement]").fill("第三句")
        saved(page)
        page.keyboard.press("Escape")
        page.keyboard.press("z")
        expect(page.locator("[name=statement]")).to_have_value("第一句", timeout=WAIT_MS)


def test_a_kill_while_saving_loses_nothing(hospital: Path, browser: Browser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    context = browser.new_context(locale="zh-CN")
    context.set_default_timeout(WAIT_MS)
    try:
        page = context.new_page()
        with serving(hospital, "--port", port) as served:
            page.goto(served.start)
            page.locator(".who summary").click()
            page.locator(".who button[name=chosen]").first.click()
            page.goto(served.origin + ITEM)
            page.locator("[name=statement]").press_sequentially("经核查，停电之前写的。")
            saved(page)
            page.locator("[name=statement]").press_sequentially("停电时写的。")
            served.kill()
        expect(page.locator("#saved .saving")).to_contain_text("保存失败", timeout=WAIT_MS)
        assert any("停电之前写的" in one for one in texts(hospital))
        page.locator("[name=statement]").press_sequentially("停电后写的。")
        with serving(hospital, "--port", port) as served:
            other = context.new_page()
            other.goto(served.start)
            other.locator(".who summary").click()
            other.locator(".who button[name=chosen]").first.click()
            saved(page)
            other.goto(served.origin + ITEM)
            expect(other.locator("[name=statement]")).to_have_value(
                "经核查，停电之前写的。停电时写的。停电后写的。"
            )
    finally:
        context.close()


def test_every_form_works_without_scripts(served: Served, browser: Browser, tmp_path: Path) -> None:
    proof = tmp_path / "tables.txt"
    proof.write_text("patient\n", encoding="utf-8")
    with browsing(browser, served, scripts=False) as window:
        page = seated(window)
        page.locator("[name=statement]").fill(TYPED)
        page.get_by_label("符合 1", exact=True).check()
        page.get_by_role("button", name="保存草稿").last.click()
        expect(page.locator(".said")).to_contain_text("草稿已保存")
        expect(page.locator("[name=statement]")).to_have_value(TYPED)
        page.locator("[name=statement]").fill(f"{TYPED}改")
        page.get_by_role("button", name="保存草稿").last.click()
        page.get_by_role("button", name="撤销").click()
        expect(page.locator("[name=statement]")).to_have_value(TYPED)
        page.get_by_role("button", name="入库").click()
        expect(page.locator(".fault").first).to_contain_text("没有佐证")
        expect(page.locator("[name=statement]")).to_have_value(TYPED)
        page.locator("[name=upload]").set_input_files(proof)
        page.get_by_role("button", name="入库").click()
        expect(page.locator(".said")).to_contain_text("已入库 EV-0001")
        page.get_by_label("转到").fill("1a4")
        page.get_by_role("button", name="转到").click()
        expect(page.locator("h1")).to_contain_text("1.a.4")
        window.slips[:] = [one for one in window.slips if "409" not in one]  # the browser's own word for it
    assert len(evidence.load_all(served.folder)) == 1


def test_sentences_and_commands_are_a_press_away(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = seated(window)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.locator(".phrases summary").click()
        page.get_by_role("button", name="插入第 1 句").click()
        first = page.locator(".phrases .phrase").first.inner_text()
        expect(page.locator("[name=statement]")).to_have_value(first)
        saved(page)
        page.locator("summary", has_text="其他平台").click()
        page.get_by_role("button", name="复制第 1 行").first.click()
        expect(page.get_by_text("已复制").first).to_be_visible()
        command = page.locator(".guide code").first.inner_text()
        assert page.evaluate("navigator.clipboard.readText()") == command


def test_the_page_needs_no_sideways_scrolling_at_twice_the_size(served: Served, browser: Browser) -> None:
    with browsing(browser, served, size=(640, 900)) as window:
        for path in (ITEM, "/item/2.c.1", "/item/M.1"):
            page = seated(window, path)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
            assert window.faults() == []
