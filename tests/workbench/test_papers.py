"""Papers: made from the page, looked at, sealed, stamped; what is missing leads to where it is mended."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page

from dengbao.packet.current import newest_packet

from ..packet import example
from .bench import WAIT_S, Served, Watched, browsing, serving

_LONG_MS = 3 * WAIT_S * 1000


@pytest.fixture
def ready(complete: Path, tmp_path: Path) -> Iterator[Served]:
    """Return a complete engagement, served by somebody who has no key yet."""
    folder = example.copy_of(complete, tmp_path / "my-hospital")
    with serving(folder, XDG_CONFIG_HOME=str(tmp_path / "config")) as one:
        yield one


def as_li(window: Watched) -> None:
    window.page.locator("summary", has_text="操作人员").click()
    window.page.get_by_role("button", name="李工").click()


def finished(page: Page) -> str:
    page.get_by_role("heading", name="：完成").wait_for(timeout=_LONG_MS)
    return page.locator("#task").inner_text()


def test_the_report_and_the_forms_are_made_and_looked_at(ready: Served, browser: Browser) -> None:
    with browsing(browser, ready) as window:
        page = window.go("/papers")
        assert window.faults() == []
        page.keyboard.press("r")
        assert "正式报告" in finished(page)
        page.get_by_role("link", name="预览").first.click()
        picture = page.locator("figure img").first
        picture.wait_for()
        assert picture.evaluate("async one => { await one.decode(); return one.naturalWidth }") > 400
        assert window.faults() == []
        page.keyboard.press("u")
        with page.expect_download() as loaded:
            page.get_by_role("link", name="下载 测试报告-第1轮.docx").click()
        assert Path(loaded.value.path()).read_bytes().startswith(b"PK")


def test_what_is_missing_leads_to_its_item(served: Served, browser: Browser) -> None:
    with browsing(browser, served) as window:
        rows = window.go("/papers").locator("#missing ~ div tbody tr")
        assert rows.count() > 20
        assert rows.filter(has_text="1.a.1").first.locator("a").get_attribute("href") == "/item/1.a.1"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_a_round_is_sealed_and_stamped_from_the_page(ready: Served, browser: Browser, scripts: bool) -> None:
    with browsing(browser, ready, scripts=scripts) as window:
        as_li(window)
        page = window.go("/papers/seal")
        page.get_by_label("为新密钥设口令").fill("a long passphrase")
        page.get_by_label("再输入一次").fill("a long passphrase")
        page.get_by_role("button", name="生成密钥").click()
        page.get_by_label("密钥口令").fill("a long passphrase")
        page.get_by_role("button", name="检查并封存").click()
        if not scripts:
            for _ in range(600):
                if page.get_by_role("heading", name="：完成").count():
                    break
                page.wait_for_timeout(200)
                page.goto(f"{ready.origin}/papers/seal")
        assert "已封存" in finished(page)
        packet = newest_packet(ready.folder)
        assert packet is not None
        assert packet.packet in page.locator("main").inner_text()
        _stamp(page)
        assert "王主任" in page.locator("#approvals").inner_text()
        if scripts:
            assert window.faults() == []


def _stamp(page: Page) -> None:
    scan = io.BytesIO()
    Image.new("RGB", (200, 280), "white").save(scan, "PNG")
    page.locator("summary", has_text="登记一方").click()
    page.get_by_label("哪一方").select_option("institution")
    page.get_by_label("签署人姓名").fill("王主任")
    page.get_by_label("签署日期").fill(date.today().isoformat())  # noqa: DTZ011 - the day on the wall
    page.get_by_label("盖章页扫描件").set_input_files(
        FilePayload(name="../../盖章<页>.png", mimeType="image/png", buffer=scan.getvalue())
    )
    page.get_by_role("button", name="登记", exact=True).click()
    page.get_by_text("已登记 AP-0001").wait_for()


def test_the_gate_tells_every_reason_with_its_place(served: Served, browser: Browser, tmp_path: Path) -> None:
    with (
        serving(served.folder, XDG_CONFIG_HOME=str(tmp_path / "config")) as one,
        browsing(browser, one) as window,
    ):
        as_li(window)
        page = window.go("/papers/seal")
        page.get_by_label("为新密钥设口令").fill("a long passphrase")
        page.get_by_label("再输入一次").fill("a long passphrase")
        page.keyboard.press("Enter")
        page.get_by_label("密钥口令").fill("wrong passphrase")
        page.get_by_role("button", name="检查并封存").click()
        assert "未能完成" in page.locator("h1").inner_text()
        window.slips[:] = [one for one in window.slips if "409" not in one]  # the browser's own word for it
        page.goto(f"{one.origin}/papers/seal")
        page.get_by_label("密钥口令").fill("a long passphrase")
        page.get_by_role("button", name="检查并封存").click()
        page.get_by_role("heading", name="：未完成").wait_for(timeout=_LONG_MS)
        page.get_by_role("heading", name="不能封存的原因").wait_for()
        assert page.locator('a[href="/item/1.a.1"]').count() >= 1
        assert newest_packet(one.folder) is None


@pytest.fixture(scope="module")
def strewn(tested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an engagement in whose out/ lies what is not to be handed over, for tests that write nothing."""
    folder = example.copy_of(tested, tmp_path_factory.mktemp("strewn") / "my-hospital")
    out = folder / "out"
    out.mkdir(exist_ok=True)
    (out / "a.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    (out / "none.docx").symlink_to(folder / "engagement.yaml")
    (out / ".hidden.docx").write_bytes(b"PK")
    with serving(folder) as one:
        yield one


@pytest.mark.parametrize(
    "path",
    [
        "/papers/file/..%2fengagement.yaml",
        "/papers/file/none.docx",
        "/papers/file/.hidden.docx",
        "/papers/file/a.html",
    ],
)
def test_only_papers_that_lie_in_out_are_handed_over(strewn: Served, path: str) -> None:
    with strewn.client() as client:
        answer = client.get(path)
        assert answer.status_code in (400, 404)
        assert "institution" not in answer.text
