"""A whole engagement, from an empty folder to a sealed packet that verifies, by keyboard only."""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dengbao.packet.current import newest_packet

from ..runs import HEAD, ROOT, dengbao
from ..small_content import BACKUP, write_content
from .bench import WAIT_S, Watched, browsing, serving

_LONG_MS: Final = 4 * WAIT_S * 1000
expect.set_options(timeout=WAIT_S * 1000)
_PASSPHRASE: Final = "a long passphrase"
_SHOTS: Final = Path("build/walk")
PEOPLE: Final = """\
report_number: NX-YBLT-2026-009
people:
  - {name: 李工, org: 测试科技, role: 测试}
  - {name: 王主任, org: 测试医院, role: 复核}
"""
ENGAGEMENT: Final = (
    HEAD.replace("annex3-2023", "small")
    .replace("vendor: 测试科技}", "vendor: 测试科技, test_environment: [127.0.0.1]}")
    .replace("assets:\n", f"{PEOPLE}assets:\n")
    + BACKUP
)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a suite of four items: one by hand, two by program, one that no asset of ours can answer."""
    folder = write_content(
        tmp_path_factory.mktemp("walk") / "content", {"good": "return say(True)", "bad": "return say(False)"}
    )
    starter = folder / "templates" / "engagement" / "engagement.yaml"
    starter.write_text(
        (ROOT / "templates" / "engagement" / "engagement.yaml").read_text("utf-8"), encoding="utf-8"
    )
    shutil.copytree(ROOT / "templates" / "annex3-2023", folder / "templates" / "small")
    return folder


@pytest.fixture
def empty(content: Path, tmp_path: Path) -> Path:
    """Return a folder as `dengbao init` leaves it, with the backup that will be looked at."""
    folder = tmp_path / "my-hospital"
    assert dengbao("init", folder, "--content", content).returncode == 0
    (folder / "backup").mkdir()
    (folder / "backup" / "his.sql").write_text("create table patient (id integer);\n", encoding="utf-8")
    # The starter names another suite: what stands in it is replaced on the page.
    starter = folder / "engagement.yaml"
    starter.write_text(starter.read_text(encoding="utf-8").replace("annex3-2023", "small"), encoding="utf-8")
    return folder


class Typist:
    """Hands on a keyboard: no mouse, and no focus that a key did not give."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._shot = 0

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for one in keys:
            self.page.keyboard.press(one)

    def go(self, key: str, heading: str) -> None:
        """Go to a view: g, then its key."""
        self.press("Escape", "g", key)
        expect(self.page.locator("h1")).to_contain_text(re.compile(heading))

    def to(self, test: str) -> None:
        """Press Tab until what has the focus passes a test in the page."""
        for _ in range(120):
            if self.page.evaluate(f"(() => {{ const at = document.activeElement; return {test}; }})()"):
                return
            self.press("Tab")
        raise AssertionError(f"no way by Tab to {test}")

    def type(self, text: str) -> None:
        """Type into what has the focus, replacing what is there."""
        self.press("Control+a")
        self.page.keyboard.insert_text(text)

    def look(self, name: str) -> None:
        """Keep a picture of the page for people to look at."""
        _SHOTS.mkdir(parents=True, exist_ok=True)
        self._shot += 1
        self.page.screenshot(path=_SHOTS / f"{self._shot:02}-{name}.png", full_page=True)

    def sit_down(self, name: str, org: str) -> None:
        """Say who sits at the page."""
        self.press("Escape")
        self.to("at.tagName === 'SUMMARY' && at.textContent.includes('操作人员')")
        self.press("Enter")
        self.to("at.name === 'name'")
        self.type(name)
        self.press("Tab")
        self.type(org)
        self.press("Enter")
        expect(self.page.locator(".said")).to_contain_text(name)

    def paste_picture(self) -> None:
        """Paste a screenshot: what the browser does when Ctrl+V finds a picture in the clipboard."""
        held = io.BytesIO()
        Image.new("RGB", (640, 360), (30, 90, 160)).save(held, "PNG")
        data = base64.b64encode(held.getvalue()).decode()
        self.page.evaluate(
            """async (data) => {
                const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
                const moved = new DataTransfer();
                moved.items.add(new File([bytes], 'image.png', {type: 'image/png'}));
                const what = {clipboardData: moved, bubbles: true, cancelable: true};
                (document.activeElement || document.body).dispatchEvent(new ClipboardEvent('paste', what));
            }""",
            data,
        )


def hand_in(hands: Typist, item: str) -> None:
    """Judge an item: verdict, statement, pasted screenshot, filed."""
    page = hands.page
    hands.press("1", "t")
    hands.type(f"经核查，{item} 已逐项落实，截图为证。")
    hands.press("Escape")
    hands.paste_picture()
    expect(page.locator("body")).to_contain_text("佐证文件 1/20", timeout=_LONG_MS)
    hands.to("at.name === 'redacted'")
    hands.press("Space")
    expect(page.locator("#saved")).to_contain_text("已保存")
    hands.press("s")
    expect(page.locator(".said")).to_contain_text("EV-", timeout=_LONG_MS)


def test_from_an_empty_folder_to_a_sealed_packet_by_keyboard(
    empty: Path, content: Path, tmp_path: Path, browser: Browser
) -> None:
    config = str(tmp_path / "config")
    with serving(empty, content=content, XDG_CONFIG_HOME=config) as one, browsing(browser, one) as window:
        hands = Typist(window.page)
        walk(hands, window, empty)
        hands.look("sealed")
    packet = newest_packet(empty)
    assert packet is not None
    assert {one.name for one in (empty / "out").glob("*.zip")} == {packet.path.name}
    verified = dengbao("verify", packet.path, "--content", content)
    assert verified.returncode in (0, 1), verified.stdout + verified.stderr


def walk(hands: Typist, window: Watched, folder: Path) -> None:
    """Go the whole way."""
    page = hands.page
    hands.sit_down("李工", "测试科技")
    hands.go("e", "项目")
    hands.press("t")
    expect(page.locator("h1")).to_contain_text("engagement.yaml")
    hands.press("e")
    hands.type(ENGAGEMENT)
    expect(page.locator("#faults")).to_contain_text("没有发现问题")
    hands.look("engagement")
    hands.press("Control+s")
    expect(page.locator(".said")).to_contain_text("已保存")
    hands.go("r", "检测")
    hands.look("plan")
    hands.press("s")
    expect(page.locator("main")).to_contain_text("查看结果", timeout=_LONG_MS)
    hands.look("run")
    open_items(hands)
    hands.go("o", "测试医院")
    hands.look("overview")
    hands.sit_down("王主任", "测试医院")
    hands.go("v", "复核")
    hands.press("n")
    accept_all(hands)
    hands.look("reviewed")
    hands.sit_down("李工", "测试科技")
    hands.go("p", "文书")
    hands.look("papers")
    hands.press("s")
    expect(page.locator("h1")).to_contain_text("封存")
    hands.to("at.name === 'passphrase'")
    hands.type(_PASSPHRASE)
    hands.press("Tab")
    hands.type(_PASSPHRASE)
    hands.press("Enter")
    expect(page.locator(".said")).to_contain_text("指纹")
    hands.to("at.name === 'passphrase'")
    hands.type(_PASSPHRASE)
    hands.press("Enter")
    expect(page.locator("#task h2")).to_contain_text("：", timeout=_LONG_MS)
    assert newest_packet(folder) is not None, page.locator("main").inner_text()
    assert window.faults() == []


def open_items(hands: Typist) -> None:
    """Hand in what no program judged, until nothing is open."""
    page = hands.page
    for item in ("M.1", "2.a.1", "1.a.1"):
        hands.go("i", r"\d")
        hands.to("at.name === 'to'")
        hands.type(item)
        hands.press("Enter")
        expect(page.locator("h1")).to_contain_text(item)
        if page.locator("h1").inner_text().startswith("1.a.1"):
            continue  # judged by a program
        hands.look(f"item-{item}")
        hand_in(hands, item)


def accept_all(hands: Typist) -> None:
    """Accept what the first person handed in."""
    for _ in range(2):
        expect(hands.page.locator("h1")).to_contain_text("EV-")
        hands.look("review")
        hands.press("a")
        hands.page.wait_for_load_state()
