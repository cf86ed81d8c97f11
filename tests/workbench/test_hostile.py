"""Every view against hostile hands and hostile text: nothing runs, strangers are told nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser

from dengbao.workbench.pages import ROUTES

from ..packet import example
from .bench import Served, browsing, serving

HOSTILE = (
    '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
    "'\"{{7*7}}{% x %}]]><svg/onload=window.hit=1>"
)
_LOOKS = [one.path for one in ROUTES if "GET" in (one.methods or ())]
_ACTS = [one.path for one in ROUTES if "POST" in (one.methods or ())]
_OPEN = ("/start", "/favicon.ico")
_VIEWS = (
    "/", "/item/1.a.1", "/item/6.b.1", "/table", "/run", "/review", "/papers", "/papers/seal", "/engagement",
    "/engagement/text", "/engagement/asset/his-db",
)  # fmt: skip
_STRANGE = (
    "..%2f..%2fengagement.yaml", "..%5c..%5cengagement.yaml", "%00", "a%00b", "x" * 3000, "%2e%2e", ".", "~",
    "CON", quote("\u202ex"), quote(HOSTILE, safe=""), "%ff%fe", "-1", "999999999999999999999", "1.a.1;x=1",
)  # fmt: skip


def filled(path: str, value: str) -> str:
    return re.sub(r"\{[^}]*\}", value, path)


@pytest.fixture(scope="module")
def hostile(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an engagement in which every text that people or servers may choose is an attack."""
    folder = example.copy_of(complete, tmp_path_factory.mktemp("hostile") / "my-hospital")
    attack = json.dumps(HOSTILE, ensure_ascii=False)[1:-1]
    for path in (folder / "runs" / "round-1" / "records.jsonl",):
        text = path.read_text(encoding="utf-8")
        for key in ("statement", "measured", "remainder", "question", "answer", "request"):
            text = re.sub(rf'"{key}":"', lambda found: f"{found[0]}{attack}", text)
        path.write_text(text, encoding="utf-8")
    for path in (folder / "evidence").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace("statement: ", "statement: " + json.dumps(HOSTILE) + "  #"), encoding="utf-8"
        )
    path = folder / "engagement.yaml"
    text = path.read_text(encoding="utf-8")
    for name in ("测试医院", "医院信息系统", "业务库", "平台厂商"):
        text = text.replace(f"name: {name}", f"name: {json.dumps(name + HOSTILE, ensure_ascii=False)}")
    path.write_text(text, encoding="utf-8")
    with serving(folder) as one:
        yield one


@pytest.fixture(scope="module")
def client(hostile: Served) -> Iterator[httpx.Client]:
    with hostile.client() as one:
        yield one


@pytest.fixture(scope="module")
def stranger(hostile: Served) -> Iterator[httpx.Client]:
    with hostile.client(enter=False) as one:
        yield one


def test_the_attack_is_on_every_view_and_runs_on_none(hostile: Served, browser: Browser) -> None:
    with browsing(browser, hostile) as window:
        seen = 0
        for view in _VIEWS:
            page = window.go(view)
            page.on("dialog", lambda one: one.dismiss())
            page.wait_for_load_state()
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            page.wait_for_load_state("networkidle")
            assert page.evaluate("window.hit") is None, view
            assert page.locator("img[src=x], svg[onload]").count() == 0, view
            seen += "onerror=" in page.locator("body").inner_text()
        assert seen >= 4


def test_templates_in_text_are_not_run(client: httpx.Client) -> None:
    for view in _VIEWS:
        assert "49{%" not in client.get(view).text


@pytest.mark.parametrize("path", [one for one in _LOOKS if one not in _OPEN])
def test_a_stranger_sees_no_view(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(filled(path, "1"))
    assert answer.status_code == 403
    assert "测试医院" not in answer.text


@pytest.mark.parametrize("path", _ACTS)
def test_a_stranger_and_another_site_can_do_nothing(
    client: httpx.Client, stranger: httpx.Client, path: str
) -> None:
    assert stranger.post(filled(path, "1"), data={"x": "1"}).status_code == 403
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}):
        assert client.post(filled(path, "1"), data={"x": "1"}, headers=headers).status_code == 403


@pytest.mark.parametrize("path", [one for one in (*_LOOKS, *_ACTS) if "{" in one])
def test_a_strange_name_in_an_address_is_told_as_such(client: httpx.Client, path: str) -> None:
    for value in _STRANGE:
        where = filled(path, value)
        answer = client.get(where) if path in _LOOKS else client.post(where, data={"x": "1"})
        assert answer.status_code < 500, where[:200]
        assert "schema: 1" not in answer.text or path.startswith("/engagement")
        assert "root:x:" not in answer.text


@pytest.mark.parametrize("path", [one for one in _LOOKS if "{" not in one and one not in _OPEN])
def test_a_strange_query_is_told_as_such(client: httpx.Client, path: str) -> None:
    names = (
        "item",
        "asset",
        "kind",
        "from",
        "page",
        "chapter",
        "status",
        "who",
        "q",
        "sort",
        "round",
        "before",
        "after",
    )
    for value in (*_STRANGE, ""):
        answer = client.get(f"{path}?{'&'.join(f'{one}={value}' for one in names)}")
        assert answer.status_code < 500, value[:60]


@pytest.mark.parametrize("path", _ACTS)
def test_a_strange_form_is_told_as_such_and_changes_nothing(
    client: httpx.Client, hostile: Served, path: str
) -> None:
    if path in ("/leave", "/who"):
        return  # the way out, and the name of who is there
    before = (hostile.folder / "engagement.yaml").read_bytes()
    where = filled(filled(path.replace("{item}", "1.a.1").replace("{asset}", "his-db"), "report"), "1")
    for body, kind in (
        (b"", "application/x-www-form-urlencoded"),
        (b"text=%00%ff&items=1&version=-1&base=" + b"x" * 70, "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=1" % number for number in range(5000)), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"junk", "multipart/form-data"),
    ):
        answer = client.post(where, content=body, headers={"content-type": kind})
        assert answer.status_code < 500, (where, kind, body[:40])
    assert (hostile.folder / "engagement.yaml").read_bytes() == before


def test_every_route_is_asked_in_one_way_only() -> None:
    assert all(len((one.methods or set()) - {"HEAD"}) == 1 for one in ROUTES)
