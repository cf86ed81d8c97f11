"""Every view as people meet it: nothing seriously wrong for screen readers, fits at 200 % zoom, prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ..packet import example
from .bench import Served, Watched, browsing, serving

VIEWS = (
    "/", "/item/M.1", "/item/1.a.3", "/item/6.b.1?asset=his-db", "/table", "/table?status=conform",
    "/table/sheet", "/run", "/run/findings", "/run/again?asset=his-db&item=6.b.1", "/review",
    "/review/EV-0001", "/papers", "/papers/seal", "/engagement", "/engagement/text",
    "/engagement/asset/his-db", "/engagement/asset-new?kind=web", "/sealed", "/nowhere",
)  # fmt: skip


@pytest.fixture(scope="module")
def page_of(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = example.copy_of(complete, tmp_path_factory.mktemp("views") / "my-hospital")
    with serving(folder) as one:
        yield one


@pytest.fixture(scope="module", params=[(1366, 768), (640, 480)], ids=["desk", "zoomed"])
def window(request: pytest.FixtureRequest, page_of: Served, browser: Browser) -> Iterator[Watched]:
    with browsing(browser, page_of, size=request.param) as one:
        yield one
        # A page that is not there is one of the views, and the browser says so itself.
        one.slips[:] = [slip for slip in one.slips if "/nowhere" not in slip and "404" not in slip]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_fit_for_everybody(window: Watched, view: str) -> None:
    page = window.go(view)
    assert window.faults() == []
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 1
    unnamed = page.evaluate(
        "[...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]"
        ".filter((one) => !one.labels.length && !one.ariaLabel).map((one) => one.outerHTML)"
    )
    assert unnamed == []


@pytest.mark.parametrize("view", ["/", "/item/1.a.3", "/table", "/papers", "/review/EV-0001"])
def test_a_view_prints_without_its_controls(window: Watched, view: str) -> None:
    page = window.go(view)
    page.emulate_media(media="print")
    assert not page.locator("header.bar").is_visible()
    assert page.locator("h1").is_visible()
    page.emulate_media(media="screen")
