"""Answers that depend on the moment and not on who asks prove nothing of logins."""

from __future__ import annotations

import asyncio

import pytest

from dengbao.model import Account, Marker, WebAsset, WebLogin
from dengbao.probes.web import anonymous, session
from dengbao.probes.web.facts import LoginSeen, PageSeen, SessionPage, WebPages, WebSession
from dengbao.probes.web.login import Attempt, with_pages

from ..servers.hostile_web import listening, scripted, whole
from .test_web_login import FORM, context, page, to

BLOCKED = whole(b"<h1>blocked by firewall</h1>").replace(b"200 OK", b"403 Forbidden")


class Turning(dict[str, bytes]):
    """Routes that answer as written at first, and from some request on alike to all."""

    def __init__(self, routes: dict[str, bytes], after: int, then: bytes) -> None:
        super().__init__(routes)
        self._left = after
        self._then = then

    def get(self, key: str, default: bytes = b"") -> bytes:  # type: ignore[override]
        self._left -= 1
        return super().get(key, default) if self._left >= 0 else self._then


def seen(status: int, *, reached: bool = False) -> PageSeen:
    return PageSeen(
        path="/p", status=status, final_status=status, size_bytes=9, text_chars=200 if reached else 9,
        unknown_status=404, moved=False, json=False, scripts=0,
    )  # fmt: skip


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_failing_server_refuses_nobody(status: int) -> None:
    failing, fine = seen(status), seen(200, reached=True)
    assert failing.reached is None
    assert not SessionPage(before=failing, during=fine, own_texts=9, before_shown_percent=0).tells_apart
    attempt = Attempt(LoginSeen(status=200))
    assert with_pages(attempt, {"/p": failing}, {"/p": fine}).page_reached is None
    assert with_pages(attempt, {"/p": failing}, {"/p": failing}).page_reached is None


@pytest.mark.parametrize("after", [3, 4, 30])
def test_a_firewall_that_has_had_enough_demands_no_login(after: int) -> None:
    routes = {"GET /": page("首页"), "GET /a": page("甲科室患者列表"), "GET /b": page("乙科室患者列表")}
    with listening(scripted(Turning(routes, after, BLOCKED), [])) as server:
        asset = WebAsset(id="web", name="业务系统", protected=("/a", "/b"), url=server.url)
        observed = asyncio.run(anonymous.probe(asset, context()))
    pages = next(one for one in observed.facts if isinstance(one, WebPages))
    assert all(one.login_demanded is not True for one in pages.pages)


def test_a_session_id_in_the_address_after_the_login_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOMENTS_PASSWORD", "Right-Pass-2023!")
    routes = {
        "GET /login": page(FORM % ""),
        "POST /login": to("/home;jsessionid=0123456789ABCDEF"),
        "GET /home;jsessionid=0123456789ABCDEF": page("欢迎"),
    }
    account = Account(id="one", username="doctor", secret="${ENV:MOMENTS_PASSWORD}")
    login = WebLogin(path="/login", account="one", success=Marker(status=302))
    with listening(scripted(routes, [])) as server:
        asset = WebAsset(id="web", name="业务系统", url=server.url, accounts=(account,), login=login)
        observed = asyncio.run(session.probe(asset, context()))
    assert next(one for one in observed.facts if isinstance(one, WebSession)).session_in_url


@pytest.mark.parametrize(
    ("body", "demanded"),
    [
        ('{"code":401,"msg":"请登录"}', True),
        ('{"code":"401","message":"","data":null,"timestamp":1}', True),
        ('{"code":401,"msg":"未登录","data":{"loginUrl":"/login"}}', True),
        ('{"code":"401","name":"门诊药房","beds":12}', None),
        ('{"code":"40101","rows":[{"patient":"甲"}]}', None),
    ],
)
def test_the_code_of_a_department_demands_no_login(body: str, demanded: bool | None) -> None:
    answer = whole(body.encode(), b"").replace(b"text/html", b"application/json")
    routes = {"GET /": page("首页"), "GET /a": answer}
    with listening(scripted(routes, [])) as server:
        asset = WebAsset(id="web", name="业务系统", protected=("/a",), url=server.url)
        observed = asyncio.run(anonymous.probe(asset, context()))
    pages = next(one for one in observed.facts if isinstance(one, WebPages))
    assert pages.pages[0].login_demanded is demanded
