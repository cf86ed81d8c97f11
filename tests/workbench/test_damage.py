"""Filed evidence that was altered or is gone: every view stands and says so; nothing is counted or sealed."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Browser

from dengbao.packet.current import newest_packet

from ..packet import example
from .bench import WAIT_S, Served, browsing, serving

PICTURE: Final = "EV-0001.png"
PASSPHRASE: Final = "a long passphrase"
VIEWS: Final = (
    "/", "/item/1.a.3", "/table", "/table/sheet", "/review", "/review/EV-0001", "/papers", "/papers/seal",
    "/run", "/run/findings", "/engagement", "/engagement/text", "/engagement/asset/his-db", "/compare",
)  # fmt: skip


HARMS: Final[tuple[tuple[Callable[[Path], None], str], ...]] = (
    (example.spoil, "被改动"),
    (Path.unlink, "文件不存在"),
)


@pytest.fixture(scope="module", params=HARMS, ids=["flipped", "gone"])
def harmed(
    request: pytest.FixtureRequest, complete: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, str]]:
    """Serve an engagement of whose evidence one file is harmed after it was shown once as sound."""
    folder = example.copy_of(complete, tmp_path_factory.mktemp("harmed") / "my-hospital")
    config = str(tmp_path_factory.mktemp("config"))
    harm, told = request.param
    with serving(folder, XDG_CONFIG_HOME=config) as served, served.client() as client:
        assert "损坏" not in client.get("/").text
        harm(folder / "evidence" / PICTURE)
        yield served, told


@pytest.fixture(scope="module")
def client(harmed: tuple[Served, str]) -> Iterator[httpx.Client]:
    with harmed[0].client() as one:
        one.post("/who", data={"name": "李工", "org": "测试科技"}).raise_for_status()
        yield one


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_stands_and_says_what_is_wrong(
    harmed: tuple[Served, str], client: httpx.Client, view: str
) -> None:
    answer = client.get(view)
    assert answer.status_code == 200
    banner = re.search(r'<section class="damage".*?</section>', answer.text, re.DOTALL)
    assert banner is not None
    for word in ("EV-0001", PICTURE, harmed[1], "处理：", "撤回", "不能封存"):
        assert word in banner[0]


def test_what_is_harmed_does_not_count_and_the_rest_does(
    harmed: tuple[Served, str], client: httpx.Client
) -> None:
    del harmed
    for number, judged in (("EV-0001", False), ("EV-0002", True)):
        page = client.get(f"/review/{number}").text
        matters = re.findall(r"<summary><strong>[\dM.a-z]+</strong> <span class=\"tone (\w+)\"", page)
        assert len(matters) > 3
        assert ("conform" in matters) is judged


def test_other_files_are_still_handed_out(harmed: tuple[Served, str], client: httpx.Client) -> None:
    answer = client.get("/evidence/EV-0001/1")
    assert answer.status_code == 400
    other = client.get("/evidence/EV-0002/1")
    assert other.content == (harmed[0].folder / "evidence" / "EV-0002.png").read_bytes()
    assert client.get("/table/sheet/download").content.startswith(b"PK")


def test_nothing_is_sealed_and_nothing_altered_reported(
    harmed: tuple[Served, str], client: httpx.Client
) -> None:
    client.post("/papers/key", data={"passphrase": PASSPHRASE, "again": PASSPHRASE})
    altered = "不能生成报告" in client.get("/papers").text
    assert altered is (harmed[1] == "被改动")
    for path in ("/papers/seal", "/papers/report") if altered else ("/papers/seal",):
        client.post(path, data={"passphrase": PASSPHRASE})
        end = time.monotonic() + WAIT_S
        while 'hx-get="/papers/task"' in (page := client.get("/papers/seal").text) and time.monotonic() < end:
            time.sleep(0.05)
        assert PICTURE in page.partition('id="task"')[2]
    assert newest_packet(harmed[0].folder) is None
    assert list((harmed[0].folder / "out").glob("*.zip")) == []


def test_the_banner_is_fit_for_everybody(harmed: tuple[Served, str], browser: Browser) -> None:
    with browsing(browser, harmed[0], size=(640, 480)) as window:
        page = window.go("/")
        assert window.faults() == []
        assert page.get_by_text("处损坏").is_visible()
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 1


def test_the_banner_goes_when_the_file_is_back(
    harmed: tuple[Served, str], client: httpx.Client, complete: Path
) -> None:
    shutil.copy2(complete / "evidence" / PICTURE, harmed[0].folder / "evidence" / PICTURE)
    assert "处损坏" not in client.get("/").text
