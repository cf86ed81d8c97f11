"""Who may ask: only a browser that showed the start token, from the page's own address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..packet import example
from .bench import Served, serving


@pytest.fixture(scope="module")
def served(tested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve one engagement for all tests of this file: none of them changes it."""
    folder = example.copy_of(tested, tmp_path_factory.mktemp("guard") / "my-hospital")
    with serving(folder) as one:
        yield one


def test_without_the_start_token_nothing_is_told(served: Served) -> None:
    with served.client(enter=False) as client:
        for path in ("/", "/start", "/start?token=x", "/item/1.a.1", "/nothing"):
            answer = client.get(path)
            assert answer.status_code in (400, 403)
            assert "测试医院" not in answer.text
            assert "李工" not in answer.text
        assert client.post("/who", data={"name": "x", "org": "y"}).status_code == 403


def test_a_token_of_an_earlier_start_is_refused(hospital: Path) -> None:
    with serving(hospital) as first, first.client() as client:
        cookies = dict(client.cookies)
        old = first.start.partition("token=")[2]
    with serving(hospital) as second, second.client(enter=False) as client:
        port = second.origin.rpartition(":")[2]
        client.cookies.update({f"dengbao_{port}": next(iter(cookies.values()))})
        assert client.get("/").status_code == 403
        assert client.get(f"/start?token={old}").status_code == 400


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example:{port}", ""]
)
def test_a_name_that_was_made_to_point_here_is_refused(served: Served, host: str) -> None:
    port = served.origin.rpartition(":")[2]
    with served.client() as client:
        answer = client.get("/", headers={"host": host.format(port=port)})
        assert answer.status_code in (400, 421)
        assert "测试医院" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"origin": "https://127.0.0.1:{port}"},
        {"origin": "", "sec-fetch-site": "cross-site"},
        {"origin": "", "sec-fetch-site": "same-site"},
    ],
)
def test_a_form_that_another_site_sends_is_refused(served: Served, headers: dict[str, str]) -> None:
    port = served.origin.rpartition(":")[2]
    with served.client() as client:
        given = {name: value.format(port=port) for name, value in headers.items()}
        answer = client.post("/who", data={"name": "张三", "org": "某公司"}, headers=given)
        assert answer.status_code == 403
        assert "张三" not in client.get("/").text


def test_what_a_browser_may_do_with_a_page_is_said_with_every_answer(served: Served) -> None:
    with served.client() as client:
        for path in ("/", "/static/keys.js", "/nothing"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
        cookie = client.get(served.start, follow_redirects=False).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie


def test_a_body_that_is_too_big_is_refused_before_it_is_read(served: Served) -> None:
    def endless() -> object:
        for _ in range(64):
            yield b"x" * 65536

    with served.client() as client:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        assert client.post("/who", content=b"name=" + b"x" * (2 << 20), headers=kind).status_code == 413
        assert client.post("/who", content=endless(), headers=kind).status_code == 413  # type: ignore[arg-type]
        assert client.get("/").status_code == 200
