"""Evidence files in a real browser: chosen, dropped, pasted, by keyboard, without scripts; redacted."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from dengbao import drafts
from dengbao.evidence import staging
from dengbao.evidence.sorts import Sort
from dengbao.evidence.staging import Staged
from dengbao.workbench.item import vouching

from ..packet import example
from ..test_covering import BOX, SIZE, kept, secret_picture
from .bench import Served, Watched, browsing, serving
from .item_steps import BASE, ITEM, TYPED, hidden, seated, sit_down

ITEM_ID, ASSET = BASE.split("/")[2:4]
PICTURE: Final = {"name": "登录 页面.png", "mimeType": "text/html"}
# Hands files over as the system's clipboard or a dragging hand does.
_HAND_OVER: Final = """([where, kind, files, text]) => {
  const carried = new DataTransfer();
  for (const [name, type, data] of files)
    carried.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name, { type }));
  if (text) carried.setData("text/plain", text);
  const told = { bubbles: true, cancelable: true };
  const target = document.querySelector(where);
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { ...told, clipboardData: carried })
    : new DragEvent(kind, { ...told, dataTransfer: carried });
  return target.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def shared(tested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = example.copy_of(tested, tmp_path_factory.mktemp("files") / "my-hospital")
    with serving(folder) as one:
        yield one


@pytest.fixture
def served(shared: Served) -> Served:
    """Return a served engagement without drafts; one process for all tests here."""
    shutil.rmtree(shared.folder / drafts.FOLDER, ignore_errors=True)
    return shared


def png(seed: int = 1) -> bytes:
    out = io.BytesIO()
    secret_picture(seed).save(out, "PNG")
    return out.getvalue()


def hand_over(page: Page, kind: str, *files: tuple[str, bytes], where: str = "body", text: str = "") -> bool:
    """Return whether the browser may still do with the event what it does by itself."""
    told = [[name, "image/png", base64.b64encode(data).decode()] for name, data in files]
    return bool(page.evaluate(_HAND_OVER, [where, kind, told, text]))


def painted(page: Page) -> None:
    """Wait until the page was drawn: what is pressed before that, Chromium throws away."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def listed(page: Page) -> Locator:
    return page.locator(".files li")


def files_of(served: Served) -> tuple[Staged, ...]:
    content = drafts.load(served.folder, ITEM_ID, ASSET).content
    return staging.all_staged(served.folder, content.files)


def typed(served: Served) -> str:
    return drafts.load(served.folder, ITEM_ID, ASSET).content.fields.get("statement", "")


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/html", "buffer": data}


def test_a_screenshot_is_pasted_a_file_dropped_and_others_chosen(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = seated(window)
        page.locator("[name=statement]").fill(TYPED)
        assert not hand_over(page, "paste", ("image.png", png(1)))
        expect(listed(page)).to_have_count(1)
        expect(listed(page).first).to_contain_text("截图")
        expect(listed(page).first).to_contain_text(f"{SIZE[0]}×{SIZE[1]}")
        assert not hand_over(page, "dragover", ("规程.txt", b"x"))
        expect(page.locator("[data-box]")).to_have_class("evidence over")
        assert not hand_over(page, "drop", ("规程.txt", "第一条".encode()), ("b.png", png(2)))
        expect(listed(page)).to_have_count(3)
        page.set_input_files(
            "[data-box] [type=file]", [payload("c.html", b"<script>alert(1)</script>"), payload("d.txt", b"")]
        )
        expect(listed(page)).to_have_count(4)
        expect(page.locator("[data-refused]")).to_contain_text("d.txt")
        expect(page.locator("[data-busy]")).to_be_hidden()
        expect(page.locator("[name=statement]")).to_have_value(TYPED)
        shown = page.locator(".files img")
        assert [shown.nth(one).evaluate("one => one.complete && one.naturalWidth > 0") for one in (0, 1)]
        assert window.faults() == []
        with page.expect_download() as download:
            listed(page).nth(3).get_by_role("link", name="下载").click()
        assert download.value.suggested_filename == "c.html.txt"
        listed(page).nth(1).get_by_role("button", name="移除").click()
        expect(listed(page)).to_have_count(3)
        expect(page.locator("#saved .saving")).to_contain_text("已保存")
    assert [one.sort for one in files_of(served)] == [Sort.PNG, Sort.PNG, Sort.TEXT]
    assert typed(served) == TYPED


def test_text_pasted_into_a_text_field_stays_text(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = seated(window)
        # What office programs put on the clipboard: the text, and a picture of it.
        free = hand_over(page, "paste", ("image.png", png()), where="[name=statement]", text="表格中的文字")
        assert free
        assert not hand_over(page, "paste", ("image.png", png()), where="[name=statement]")
        expect(listed(page)).to_have_count(1)
        assert hand_over(page, "paste", where="body", text="没有文件")
        expect(listed(page)).to_have_count(1)


def test_a_file_is_chosen_and_taken_out_by_keyboard_alone(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    path = kept(tmp_path / "现场 照片.png", secret_picture(1))
    with browsing(browser, served) as window:
        page = seated(window)
        painted(page)
        page.keyboard.press("e")
        expect(page.locator("[data-box] [type=file]")).to_be_focused()
        # The system's dialog is not the page's: its answer is given here.
        page.set_input_files("[data-box] [type=file]", path)
        expect(listed(page)).to_have_count(1)
        expect(page.locator("[data-told]")).to_have_text("已附 现场 照片.png")
        expect(page.locator("[data-box] [type=file]")).to_be_focused()
        page.keyboard.press("1")  # keys go on working
        expect(page.locator("[name=verdict][value=conform]")).to_be_checked()
        page.locator("[data-box] [type=file]").focus()
        for _ in range(3):  # past 遮盖 and 下载
            page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="移除 现场 照片.png")).to_be_focused()
        page.keyboard.press("Enter")
        expect(listed(page)).to_have_count(0)
    assert files_of(served) == ()


def test_what_saves_by_itself_presses_no_button(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = seated(window)
        asked: list[str] = []
        page.on(
            "request", lambda one: asked.append(one.url.partition(BASE)[2]) if one.method == "POST" else None
        )
        page.set_input_files("[data-box] [type=file]", [payload("a.png", png()), payload("b.png", png(2))])
        expect(listed(page)).to_have_count(2)
        page.get_by_role("button", name="移除 b.png").click()
        expect(listed(page)).to_have_count(1)
        for button in ("移除 a.png", "遮盖 a.png", "入库"):
            page.locator("[name=statement]").fill(f"{TYPED}{button}")
            page.get_by_role("button", name=button).focus()
            expect(page.locator("#saved .saving")).to_contain_text("已保存")
            assert typed(served) == f"{TYPED}{button}"
        assert {"/draft"} == {one for one in asked if not one.startswith("/files")}
        assert len([one for one in asked if one.endswith("/remove")]) == 1
    assert len(files_of(served)) == 1


def test_without_a_person_or_a_server_it_is_told_in_words(hospital: Path, browser: Browser) -> None:
    with serving(hospital) as mortal, browsing(browser, mortal) as window:
        page = window.go(ITEM)
        hand_over(page, "paste", ("image.png", png()))
        expect(page.locator("[data-refused]")).to_contain_text("尚未选定操作人员")
        mortal.kill()
        hand_over(page, "paste", ("image.png", png()))
        expect(page.locator("[data-refused]")).to_contain_text("上传中断")
        window.slips = [one for one in window.slips if "ERR_" not in one]


def test_files_and_what_was_typed_arrive_without_scripts(served: Served, browser: Browser) -> None:
    with browsing(browser, served, scripts=False) as window:
        page = seated(window)
        page.locator("[name=statement]").fill(TYPED)
        page.set_input_files("[data-box] [type=file]", [payload("a.png", png()), payload("b.txt", b"text")])
        page.get_by_role("button", name="上传", exact=True).click()
        expect(page.locator(".said")).to_contain_text("已附 2 个文件")
        expect(listed(page)).to_have_count(2)
        expect(page.locator("[name=statement]")).to_have_value(TYPED)
        page.locator("[name=statement]").fill(f"{TYPED}又及。")
        page.get_by_role("button", name="移除 b.txt").click()
        expect(listed(page)).to_have_count(1)
        expect(page.locator("[name=statement]")).to_have_value(f"{TYPED}又及。")
        page.get_by_role("button", name="遮盖 a.png").click()
        for name, value in (
            ("left", BOX.left),
            ("top", BOX.top),
            ("width", BOX.width),
            ("height", BOX.height),
        ):
            page.locator(f"[name={name}-1]").fill(str(value))
        page.get_by_role("button", name="在图上查看并增加区域").click()
        expect(page.locator("[data-boxes] rect")).to_have_count(1)
        expect(page.locator("[name=left-1]")).to_have_value(str(BOX.left))
        page.get_by_role("button", name="应用遮盖").click()
        expect(page.locator(".said")).to_contain_text("已遮盖 1 处，原图已删除")
        expect(page.locator("[name=redacted]")).to_be_checked()
        expect(page.locator("[name=statement]")).to_have_value(f"{TYPED}又及。")
    only_covered(served)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_that_is_added_takes_the_tick_away_and_one_that_goes_does_not(
    served: Served, browser: Browser, scripts: bool
) -> None:
    with browsing(browser, served, scripts=scripts) as window:
        page = seated(window)
        tick, lapsed = page.locator("[name=redacted]"), page.locator("[data-lapsed]")

        def bring(*files: FilePayload) -> None:
            page.set_input_files("[data-box] [type=file]", files)
            if not scripts:
                page.get_by_role("button", name="上传", exact=True).click()

        bring(payload("a.png", png(1)))
        expect(listed(page)).to_have_count(1)
        expect(lapsed).to_be_hidden()
        tick.check()
        bring(payload("b.png", png(2)), payload("c.txt", b"text"))
        expect(listed(page)).to_have_count(3)
        expect(tick).not_to_be_checked()
        expect(lapsed).to_contain_text("逐个核对后再勾选")
        if scripts:
            expect(page.locator("#saved .saving")).to_contain_text("已保存")
        page.get_by_role("button", name="遮盖 a.png").click()
        page.locator("[data-canvas]").wait_for()
        if scripts:
            page.get_by_role("button", name="增加区域").first.click()
        for name, value in (("left", 10), ("top", 10), ("width", 20), ("height", 20)):
            page.locator(f"[name={name}-1]").fill(str(value))
        page.get_by_role("button", name="应用遮盖").click()
        # The other two have not been looked at yet.
        expect(tick).not_to_be_checked()
        if scripts:  # a tick that is not saved yet does not stand when files change
            with page.expect_response(lambda one: one.url.endswith("/draft") and one.ok):
                tick.check()
        else:
            tick.check()
        page.get_by_role("button", name="移除 c.txt").click()
        expect(listed(page)).to_have_count(2)
        expect(tick).to_be_checked()
        expect(lapsed).to_be_hidden()
        page.get_by_role("button", name="保存草稿 Ctrl").click()
        expect(page.locator(".said")).to_contain_text("草稿已保存")
        expect(page.locator("[name=redacted]")).to_be_checked()
    content = drafts.load(served.folder, ITEM_ID, ASSET).content
    assert vouching.stands(content.fields[vouching.FIELD], content.files)


def test_a_tick_that_did_not_see_a_file_is_refused_at_the_filing(served: Served) -> None:
    with served.client() as client:
        sit_down(client)
        said = {"statement": TYPED, "verdict": "conform", "redacted": "yes"}
        # Chosen, ticked and filed at once, as without scripts: there was nothing else to look at.
        at_once = client.post(f"{BASE}/file", data={**said, "base": "0"}, files={"upload": ("a.png", png(1))})
        assert "已入库" in at_once.text
        client.post(f"{BASE}/files", files={"upload": ("b.png", png(2))}).raise_for_status()
        page = client.get(ITEM).text
        told = hidden(page, "redacted")
        base = hidden(page, "base")
        client.post(f"{BASE}/draft", data={**said, "redacted": told, "base": base}).raise_for_status()
        base = hidden(client.get(ITEM).text, "base")
        late = client.post(
            f"{BASE}/file", data={**said, "redacted": told, "base": base}, files={"upload": ("c.png", png(3))}
        )
        assert late.status_code == 409
        assert "的勾已取消" in late.text
        assert len(files_of(served)) == 2
        page = late.text
        again = {**said, "redacted": hidden(page, "redacted"), "base": hidden(page, "base")}
        assert "已入库" in client.post(f"{BASE}/file", data=again).text
    records = [path.read_text("utf-8") for path in sorted((served.folder / "evidence").glob("EV-*.yaml"))]
    assert ["redacted: true" in one for one in records[-2:]] == [True, True]


def only_covered(served: Served, left: int = BOX.left, top: int = BOX.top) -> None:
    """Hold that the draft names one picture in which the box is black, and that the original is nowhere."""
    (found,) = files_of(served)
    path = staging.path_of(served.folder, found)
    with Image.open(path) as image:
        part = image.convert("RGB").crop((left, top, BOX.left + BOX.width, BOX.top + BOX.height))
        assert part.getcolors() == [(part.width * part.height, (0, 0, 0))]
    assert found.name.endswith("-已遮盖.png")
    fields = drafts.load(served.folder, ITEM_ID, ASSET).content.fields
    assert fields["redacted"] == vouching.value_of([found.sha256])
    held = b"".join(one.read_bytes() for one in (served.folder / staging.FOLDER).iterdir())
    assert png() not in held
    pictures = {one.name for one in (served.folder / staging.FOLDER).iterdir() if one.suffix == ".png"}
    assert pictures == {path.name}


def open_redaction(window: Watched) -> Page:
    page = seated(window)
    page.set_input_files("[data-box] [type=file]", [payload("a.png", png())])
    page.get_by_role("button", name="遮盖 a.png").click()
    expect(page.locator("[data-canvas].live")).to_be_visible()
    painted(page)
    return page


def test_a_box_is_drawn_with_the_mouse_moved_and_applied(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = open_redaction(window)
        expect(page.locator("[data-area]")).to_have_count(0)
        canvas = page.locator("[data-canvas] image").bounding_box()
        assert canvas is not None
        scale = canvas["width"] / SIZE[0]

        def at(x: float, y: float) -> tuple[float, float]:
            return canvas["x"] + x * scale, canvas["y"] + y * scale

        page.mouse.move(*at(BOX.left - 10, BOX.top - 6))
        page.mouse.down()
        page.mouse.move(*at(BOX.left + 20, BOX.top + 20))
        page.mouse.move(*at(BOX.left + BOX.width - 10, BOX.top + BOX.height - 6))
        page.mouse.up()
        expect(page.locator("[data-area]")).to_have_count(1)
        page.mouse.move(*at(BOX.left + 20, BOX.top + 10))
        page.mouse.down()
        page.mouse.move(*at(BOX.left + 31, BOX.top + 17))
        page.mouse.up()
        left, width = (int(page.locator(f"[name={one}-1]").input_value()) for one in ("left", "width"))
        assert abs(left - BOX.left) <= 2
        assert abs(width - BOX.width) <= 2
        page.mouse.click(*at(2, 2))  # no box comes of a click
        expect(page.locator("[data-area]")).to_have_count(1)
        assert window.faults() == []
        # The numbers are exact where a hand is not.
        for name, value in (
            ("left", BOX.left),
            ("top", BOX.top),
            ("width", BOX.width),
            ("height", BOX.height),
        ):
            page.locator(f"[name={name}-1]").fill(str(value))
        expect(page.locator("[data-boxes] rect")).to_have_attribute("width", str(BOX.width))
        page.get_by_role("button", name="应用遮盖").click()
        expect(page.locator(".said")).to_contain_text("原图已删除")
        expect(page.locator("[name=redacted]")).to_be_checked()
        expect(page.locator(".files img")).to_be_visible()
    only_covered(served)


def test_a_box_is_made_moved_and_applied_by_keyboard_alone(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        page = open_redaction(window)
        page.keyboard.press("b")
        rect = page.locator("[data-boxes] rect")
        expect(rect).to_be_focused()
        before = [
            int(page.locator(f"[name={one}-1]").input_value()) for one in ("left", "top", "width", "height")
        ]
        for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp"):
            page.keyboard.press(key)
        after = [
            int(page.locator(f"[name={one}-1]").input_value()) for one in ("left", "top", "width", "height")
        ]
        step = (after[0] - before[0]) // 2
        assert step >= 1
        assert after == [before[0] + 2 * step, before[1] + step, before[2] + step, before[3] - step]
        for _ in range(200):
            page.keyboard.press("ArrowLeft")
        expect(page.locator("[name=left-1]")).to_have_value("0")
        page.keyboard.press("b")
        expect(rect).to_have_count(2)
        page.keyboard.press("Delete")
        expect(rect).to_have_count(1)
        page.keyboard.press("s")
        expect(page.locator(".said")).to_contain_text("已遮盖 1 处")


@pytest.mark.parametrize("wish", ["nothing", "keep"])
def test_nothing_is_burnt_in_without_a_box_and_the_original_stays_where_asked(
    served: Served, browser: Browser, wish: str
) -> None:
    with browsing(browser, served) as window:
        page = open_redaction(window)
        if wish == "nothing":
            page.keyboard.press("s")
            expect(page.locator(".fault")).to_contain_text("遮盖区域")
            window.slips = [one for one in window.slips if "409" not in one]
            page.keyboard.press("q")
            expect(listed(page)).to_have_count(1)
        else:
            page.keyboard.press("b")
            page.get_by_label("暂不删除原图").check()
            page.keyboard.press("s")
            expect(page.locator(".said")).to_contain_text("原图暂留")
    held = [one.read_bytes() for one in (served.folder / staging.FOLDER).glob("*.png")]
    assert png() in held
    assert len(held) == (1 if wish == "nothing" else 2)


def test_the_views_fit_a_screen_at_twice_the_size(served: Served, browser: Browser) -> None:
    with browsing(browser, served, size=(640, 480)) as window:
        page = open_redaction(window)
        page.keyboard.press("b")
        for path in (page.url.removeprefix(served.origin), ITEM):
            window.go(path)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0
            assert window.faults() == []
