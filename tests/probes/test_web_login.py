"""How a login is sent, and how plain HTTP is asked for, against scripted answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import parse_qs

import httpx
import pytest

from dengbao.errors import LoginRefused, NotDeclared, NotSupported, ProbeError
from dengbao.model import (
    Account,
    Call,
    Level,
    Marker,
    ParamValue,
    Raw,
    Scope,
    SecondFactor,
    WebAsset,
    WebLogin,
)
from dengbao.probes.base import Context
from dengbao.probes.web import anonymous, attempts, second, session
from dengbao.probes.web.browser import Answer, Browser, Chain, Limits, opened
from dengbao.probes.web.calls import perform
from dengbao.probes.web.facts import LoginSeen, WebDefaultAccounts, WebHeaders, WebLoginPage, WebPages
from dengbao.probes.web.leaving import send_logout
from dengbao.probes.web.login import Attempt, prepare, submit
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets

from ..live.harness import MemoryLedger
from ..servers import hostile_web as hostile
from ..servers.hostile_web import listening, scripted, whole

Result = TypeVar("Result")
LIMITS = Limits(connect_s=1.0, read_s=0.5, request_s=1.0, all_s=5.0)
FORM = "<form method=post action=/login><input name=username><input type=password name=password>%s</form>"
JSON = b"Content-Type: application/json\r\n"


def page(text: str) -> bytes:
    return whole(text.encode())


def data(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def to(location: str, status: int = 302, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} X\r\nLocation: {location}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    return head.encode()


def context(profile: dict[str, ParamValue] | None = None, announced: list[str] | None = None) -> Context:
    def keep(name: str, data: bytes, /) -> Raw:
        return Raw(name=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))

    scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=5000)
    guard = Guard(scope, log=lambda _contact: None)
    told: list[str] = [] if announced is None else announced
    return Context(
        guard=guard, secrets=Secrets(Redactor()), keep=keep, ledger=MemoryLedger(), profile=profile or {},
        announce=lambda _purpose, request: told.append(request),
    )  # fmt: skip


def browse(url: str, act: Callable[[Browser], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        asset = WebAsset(id="web", name="业务系统", url=url)
        async with opened(asset, context(), probe="web.session", limits=LIMITS) as browser:
            return await act(browser)

    return asyncio.run(run())


def log_in(routes: dict[str, bytes], login: WebLogin) -> tuple[Attempt, list[tuple[str, bytes]]]:
    seen: list[tuple[str, bytes]] = []

    async def act(browser: Browser) -> Attempt:
        return await submit(browser, await prepare(browser, login), "doctor", "right")

    with listening(scripted(routes, seen)) as server:
        return browse(server.url, act), seen


def posted(seen: list[tuple[str, bytes]]) -> bytes:
    return next(
        request.partition(b"\r\n\r\n")[2] for line, request in reversed(seen) if line.startswith("POST")
    )


def test_hidden_fields_travel_with_the_form() -> None:
    routes = {"GET /login": page(FORM % "<input type=hidden name=lt value=abc>"), "POST /login": page("ok")}
    _, seen = log_in(routes, WebLogin(path="/login", fields={"tenant": "1"}))
    assert parse_qs(posted(seen).decode()) == {
        "lt": ["abc"], "tenant": ["1"], "username": ["doctor"], "password": ["right"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "login_page",
    [
        page("<meta name=_csrf content=tok>" + FORM % ""),
        hostile.OK + b"Set-Cookie: _csrf=tok; Path=/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        data({"_csrf": "tok"}),
    ],
    ids=["meta", "cookie", "json"],
)
def test_a_csrf_token_is_found_and_sent_both_ways(login_page: bytes) -> None:
    login = WebLogin(path="/api/login", style="json", page="/token", csrf_field="_csrf")
    _, seen = log_in({"GET /token": login_page, "POST /api/login": data({"code": 0})}, login)
    request = next(request for line, request in seen if line == "POST /api/login")
    assert b"X-CSRF-Token: tok" in request
    assert json.loads(posted(seen))["_csrf"] == "tok"


def test_a_declared_csrf_field_that_is_nowhere_is_told() -> None:
    with pytest.raises(NotDeclared, match="防伪字段"):
        log_in({"GET /login": page(FORM % "")}, WebLogin(path="/login", csrf_field="_csrf"))


def test_a_fixed_captcha_of_the_test_account_is_sent() -> None:
    routes = {"GET /login": page(FORM % "<input name=captcha>"), "POST /login": page("ok")}
    with pytest.raises(NotSupported, match="验证码"):
        log_in(routes, WebLogin(path="/login"))
    _, seen = log_in(routes, WebLogin(path="/login", fields={"captcha": "0000"}))
    assert b"captcha=0000" in posted(seen)


def test_a_form_address_without_a_page_is_posted_to() -> None:
    attempt, seen = log_in({"POST /login": page("ok")}, WebLogin(path="/login"))
    assert attempt.seen.status == 200
    assert [line for line, _ in seen] == ["GET /login", "POST /login"]


def test_a_missing_slash_is_mended_within_the_origin_only() -> None:
    routes = {"GET /login": page(FORM % ""), "POST /login": to("/login/", 307), "POST /login/": page("ok")}
    attempt, seen = log_in(routes, WebLogin(path="/login"))
    assert attempt.seen.status == 200
    assert [line for line, _ in seen if line.startswith("POST")] == ["POST /login", "POST /login/"]


def test_the_password_never_follows_a_redirect_to_another_origin() -> None:
    elsewhere: list[tuple[str, bytes]] = []
    with listening(scripted({}, elsewhere)) as other:
        routes = {"GET /login": page(FORM % ""), "POST /login": to(f"{other.url}/login", 307)}
        attempt, _ = log_in(routes, WebLogin(path="/login"))
    assert attempt.seen.status == 307
    assert [line for line, _ in elsewhere] == ["GET /login"]
    assert not [request for _, request in elsewhere if b"right" in request]


def test_markers_must_hold_in_every_part() -> None:
    marker = Marker(status=302, location="/home", cookie="SID")
    routes = {
        "GET /login": page(FORM % ""),
        "POST /login": to("/home", more="Set-Cookie: SID=1\r\n"),
        "GET /home": page("欢迎"),
    }
    holds, _ = log_in(routes, WebLogin(path="/login", success=marker, failure=Marker(text="欢迎")))
    routes["POST /login"] = to("/home", more="Set-Cookie: SID=; Max-Age=0\r\n")
    fails, _ = log_in(routes, WebLogin(path="/login", success=marker))
    assert (holds.seen.success_marker, holds.seen.failure_marker) == (True, True)
    assert (fails.seen.success_marker, fails.seen.failure_marker) == (False, None)


def test_a_lock_told_by_a_script_is_noticed() -> None:
    routes = {"GET /login": page(FORM % ""), "POST /login": page("<script>alert('账户已锁定')</script>")}
    attempt, _ = log_in(routes, WebLogin(path="/login", failure=Marker(text="账户已锁定")))
    assert attempt.seen.locked_words
    assert attempt.seen.failure_marker is True


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ({"data": {"token": "abc"}}, "abc"),
        ({"data": {"token": "a\nb"}}, ""),
        ({"data": {"token": 5}}, ""),
        ({}, ""),
    ],
)
def test_only_a_token_that_can_be_sent_is_taken(answer: object, token: str) -> None:
    login = WebLogin(path="/api", style="json", token_json_key="data.token")
    attempt, _ = log_in({"POST /api": data(answer)}, login)
    assert attempt.token == token
    assert attempt.seen.token is bool(token)


def test_an_answer_that_breaks_off_after_sending_is_part_of_the_fact() -> None:
    routes = {"GET /login": page(FORM % ""), "POST /login": b"garbage\r\n\r\n"}
    attempt, seen = log_in(routes, WebLogin(path="/login"))
    assert attempt.error is not None
    assert attempt.seen.accepted is None
    assert [line for line, _ in seen].count("POST /login") == 1


def test_an_address_that_changes_to_plain_http_gets_no_password() -> None:
    async def act(browser: Browser) -> None:
        secure = Browser(
            browser.http,
            browser.base.copy_with(scheme="https"),
            browser.limits,
            browser.until,
            browser.transcript,
        )
        await prepare(secure, WebLogin(path="/login", page=f"{browser.base}login"))

    with (
        listening(scripted({"GET /login": page(FORM % "")}, [])) as server,
        pytest.raises(ProbeError) as caught,
    ):
        browse(server.url, act)
    assert "未提交口令" in caught.value.message


WHO = {"code": "123456", "username": "doctor"}
BY_BODY = SecondFactor(step=Call(path="/code", fields={"otp": "{code}"}))
BY_ADDRESS = SecondFactor(step=Call(path="/code", method="GET", style="query", fields={"otp": "{code}"}))


def prompt(plain: httpx.URL, location: str = "") -> Chain:
    """Return an answer from plain HTTP that another step goes on from."""
    headers = httpx.Headers({"content-type": "text/html", "location": location})
    return Chain((Answer("GET", plain, 302 if location else 200, headers, b"<p>x</p>"),))


async def code(one: Browser, plain: httpx.URL, factor: SecondFactor) -> str:
    return (await second.send_code(one, factor, Attempt(LoginSeen()), prompt(plain), WHO)).seen.problem


async def follow(one: Browser, plain: httpx.URL) -> str:
    return (await one.follow(prompt(plain, f"{plain}home?code=123456").first)).stopped


async def out(one: Browser, plain: httpx.URL) -> Answer:
    web = WebAsset(id="web", name="", url=str(one.base), logout="/logout")
    return await send_logout(one, web, plain.copy_with(query=b"token=1"), ())


SENDERS: dict[str, Callable[[Browser, httpx.URL], Awaitable[object]]] = {
    "a second step": lambda one, plain: code(one, plain, BY_BODY),
    "a second step in the address": lambda one, plain: code(one, plain, BY_ADDRESS),
    "a described request": lambda one, plain: perform(one, Call(path=str(plain))),
    "any body": lambda one, plain: one.send("POST", plain, content=b"password=1"),
    "Basic": lambda one, plain: one.send("GET", plain, headers={"Authorization": "Basic x"}),
    "a redirect that repeats it": follow,
    "a logout": out,
}


@pytest.mark.parametrize("sender", SENDERS)
def test_no_sender_of_secrets_goes_on_in_clear(sender: str) -> None:
    async def act(browser: Browser) -> str:
        secure = replace(browser, base=browser.base.copy_with(scheme="https"))
        try:
            return str(await SENDERS[sender](secure, browser.base))
        except ProbeError as exc:
            return exc.message

    seen: list[tuple[str, bytes]] = []
    with listening(scripted({}, seen)) as server:
        told = browse(server.url, act)
    assert seen == []
    assert "转到明文 HTTP" in told


PLAIN = {
    "to_https": scripted({"GET /": to("https://127.0.0.1:1/", 301)}, []),
    "content": scripted({"GET /": page(FORM % "")}, []),
    "not_http": hostile.closing,
    "timed_out": hostile.never,
    "unknown": hostile.redirecting("/again"),
}


@pytest.mark.parametrize("answer", PLAIN)
def test_plain_http_is_asked_for_at_one_address(answer: str) -> None:
    with listening(PLAIN[answer]) as server:
        seen = browse(server.url, lambda browser: anonymous.plain_at(browser, browser.base))
    assert seen.answer == answer
    assert seen.password_field is (True if answer == "content" else None)


def test_a_closed_port_and_one_out_of_scope_are_told_apart() -> None:
    with listening(hostile.closing) as server:
        closed = browse(server.url, lambda one: anonymous.plain_at(one, one.base.copy_with(port=1)))
        outside = browse(
            server.url, lambda one: anonymous.plain_at(one, one.base.copy_with(host="192.0.2.1"))
        )
    assert (closed.answer, outside.answer) == ("closed", "out_of_scope")


def test_a_login_page_is_come_across_without_being_declared() -> None:
    routes = {"GET /": to("/enter"), "GET /enter": page(FORM % "")}
    with listening(scripted(routes, [])) as server:
        asset = WebAsset(id="web", name="业务系统", url=server.url)
        seen = {type(one): one for one in asyncio.run(anonymous.probe(asset, context())).facts}
    found = seen[WebLoginPage]
    assert isinstance(found, WebLoginPage)
    assert (found.declared, found.page.path, found.submit_scheme) == (False, "/enter", "http")
    assert isinstance(seen[WebHeaders], WebHeaders)


@pytest.mark.parametrize(
    ("target", "demanded"),
    [("/index?p=login", True), ("/index?p=login&back=1", True), ("/index?p=welcome", None), ("/login", None)],
)
def test_pages_told_apart_by_a_parameter_are_different_pages(target: str, demanded: bool | None) -> None:
    routes = {
        "GET /": page("home"), "GET /index?p=login": page("登录"), "GET /data": to(target),
        f"GET {target}": page("欢迎访问本系统"),
    }  # fmt: skip
    login = WebLogin(path="/index?p=login")
    with listening(scripted(routes, [])) as server:
        asset = WebAsset(id="web", name="业务系统", url=server.url, protected=("/data",), login=login)
        seen = {type(one): one for one in asyncio.run(anonymous.probe(asset, context())).facts}
    found = seen[WebPages]
    assert isinstance(found, WebPages)
    assert (found.pages[0].moved, found.pages[0].login_demanded) == (True, demanded)


def test_pages_beyond_the_bound_are_told() -> None:
    with listening(scripted({"GET /": page("home")}, [])) as server:
        paths = tuple(f"/p{one}" for one in range(53))
        asset = WebAsset(id="web", name="业务系统", url=server.url, protected=paths)
        seen = {type(one): one for one in asyncio.run(anonymous.probe(asset, context())).facts}
    found = seen[WebPages]
    assert isinstance(found, WebPages)
    assert [one.path for one in found.pages if not one.answered] == ["/p50", "/p51", "/p52"]


def declared(url: str, **login: object) -> WebAsset:
    account = Account(id="tester", username="doctor", secret="${ENV:DENGBAO_TEST_WEB_LOGIN}")
    fields = {"path": "/login", "account": "tester", **login}
    return WebAsset(
        id="web", name="业务系统", url=url, accounts=(account,), protected=("/patients",), logout="/logout",
        login=WebLogin(**fields),  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_captcha_asked_for_after_sending_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_WEB_LOGIN", "right")
    routes = {
        "GET /": page("home"), "GET /login": page(FORM % ""), "POST /login": page("请输入验证码" + FORM % ""),
        "GET /patients": to("/login"),
    }  # fmt: skip
    with listening(scripted(routes, [])) as server, pytest.raises(NotSupported, match="验证码"):
        asyncio.run(session.probe(declared(server.url), context()))


def test_a_refused_account_is_refused_and_nothing_else_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DENGBAO_TEST_WEB_LOGIN", "right")
    seen: list[tuple[str, bytes]] = []
    routes = {
        "GET /": page("home"), "GET /login": page(FORM % ""), "POST /login": page("错误" + FORM % ""),
        "GET /patients": to("/login"),
    }  # fmt: skip
    with listening(scripted(routes, seen)) as server, pytest.raises(LoginRefused):
        asyncio.run(attempts.empty_password(declared(server.url), context()))
    assert [line for line, _ in seen].count("POST /login") == 1


def test_default_accounts_can_be_tried_without_an_account_but_prove_no_refusal() -> None:
    routes = {
        "GET /": page("home"), "GET /login": page(FORM % ""), "POST /login": page("口令错误" + FORM % ""),
        "GET /patients": to("/login"),
    }  # fmt: skip
    with listening(scripted(routes, [])) as server:
        asset = declared(server.url, account="", failure=Marker(text="口令错误"))
        profile: dict[str, ParamValue] = {"web_default_accounts": ("admin:admin",)}
        announced: list[str] = []
        observed = asyncio.run(attempts.default_accounts(asset, context(profile, announced)))
    assert any(one.startswith("POST") and "/login" in one for one in announced)
    (found,) = observed.facts
    assert isinstance(found, WebDefaultAccounts)
    assert found.control.right is None
    assert found.tries[0].attempt is not None
    assert found.tries[0].attempt.accepted is False


def test_an_empty_list_of_default_accounts_is_told() -> None:
    with pytest.raises(NotDeclared, match="默认账户表"):
        asyncio.run(attempts.default_accounts(declared("http://127.0.0.1:1"), context()))
