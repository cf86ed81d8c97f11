"""Logins by a real Chromium: what must be seen was written down before the first run."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dengbao.demo.child import running
from dengbao.demo.measures import State
from dengbao.demo.people import STAFF, staff_password
from dengbao.engines import find_engines
from dengbao.errors import Reason
from dengbao.model import Account, Level, Raw, Scope, WebAsset, WebLogin
from dengbao.probes.base import Context
from dengbao.probes.sessions import Sessions
from dengbao.probes.web.browser import opened
from dengbao.probes.web.entering import Entered, enter
from dengbao.probes.web.facts import WebLogout, WebSession
from dengbao.probes.web.facts_sent import WebPasswordSent
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets

from ..servers.spa import PASSWORD, USER, Spa, serving_app
from ..servers.web import PASSWORD as WEB_PASSWORD
from ..servers.web import USER as WEB_USER
from ..servers.web import Certificates, Conduct, mint, serving
from .harness import MemoryLedger, Sight, look

DEMO_PASSWORD = "Ceshi#2023-demo"
VARIABLE = "DENGBAO_TEST_SPA_PASSWORD"
ENGINES = find_engines()


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return mint(tmp_path_factory.mktemp("certificates"))


def account(username: str = USER) -> Account:
    return Account(id="tester", username=username, secret=f"${{ENV:{VARIABLE}}}")


def spa_asset(url: str, **changes: object) -> WebAsset:
    fields: dict[str, object] = {
        "id": "spa", "name": "门诊系统", "url": url, "accounts": (account(),),
        "login": WebLogin(path="/", style="browser", account="tester"), "protected": ("/api/patients",),
        "logout": "/api/logout", "logout_method": "POST",
    }  # fmt: skip
    return WebAsset(**{**fields, **changes})  # type: ignore[arg-type]


def seen(asset: WebAsset, **more: object) -> Sight:
    return look(asset, only=("web.session",), engines=ENGINES, **more)  # type: ignore[arg-type]


def sent_by(sight: Sight) -> tuple[str, str, bool | None]:
    found = sight.facts["web.password_sent"]
    assert isinstance(found, WebPasswordSent)
    assert found.by == "page"
    return found.form, found.scheme, found.in_url


def session_of(sight: Sight, *, logout: bool = True) -> WebSession:
    assert set(sight.missing) == (set() if logout else {"web.logout"}), sight.missing
    found = sight.facts["web.session"]
    assert isinstance(found, WebSession)
    return found


def left_over() -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes()
        except OSError:
            continue
        if b"dengbao-chromium-" in text:
            found.append(text.decode(errors="replace")[:80])
    return found


def test_a_token_that_scripts_send_carries_the_session() -> None:
    spa = Spa(base64=True, stray=True)
    with serving_app(spa.app()) as url:
        sight = seen(spa_asset(url))
    session = session_of(sight)
    assert sent_by(sight) == ("base64", "http", False)
    assert session.login.accepted is True
    assert session.carrier == "bearer"
    assert spa.attempts == [(USER, PASSWORD)]
    logout = sight.facts["web.logout"]
    assert isinstance(logout, WebLogout)
    assert [one.after.final_status for one in logout.replays] == [401]
    stray = [one for one in sight.contacts if one.host == "127.0.0.66"]
    assert all(one.probe == "web.browser" for one in stray)
    assert PASSWORD.encode() not in b"".join(sight.raw.values())
    assert left_over() == []


def test_a_scrambled_password_is_typed_and_the_page_does_the_rest() -> None:
    spa = Spa(cookie=True, scramble=True, mark=True)
    with serving_app(spa.app()) as url:
        sight = seen(spa_asset(url))
    session = session_of(sight)
    assert sent_by(sight) == ("other", "http", False)
    assert spa.attempts == [(USER, PASSWORD)]
    assert session.carrier == "cookie"
    cookies = {one.name: one for one in session.cookies}
    assert cookies["SID"].http_only
    assert cookies["SID"].set_at == "login"
    assert cookies["SID"].same_site == "", "Chromium's own default is not what the server wrote"
    assert not cookies["ui"].http_only
    assert session.id_changed is True


def test_a_session_that_began_before_the_login_and_stays_is_seen() -> None:
    """The cookie comes by a script's request, which only Chromium makes."""
    with serving_app(Spa(cookie=True, renew=False).app()) as url:
        session = session_of(seen(spa_asset(url)))
    assert session.id_changed is False


def test_a_wrong_password_is_refused_once() -> None:
    spa = Spa()
    with serving_app(spa.app()) as url:
        sight = seen(spa_asset(url, accounts=(account("lisi"),)))
    assert sight.missing["web.session"].reason is Reason.LOGIN_REFUSED
    assert len(spa.attempts) == 1


def test_a_captcha_stops_before_anything_is_sent() -> None:
    spa = Spa(captcha=True)
    with serving_app(spa.app()) as url:
        sight = seen(spa_asset(url))
    assert sight.missing["web.session"].reason is Reason.NOT_SUPPORTED
    assert "run --assist" in sight.missing["web.session"].message
    assert spa.attempts == []


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give a display that nobody looks at."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        monkeypatch.setenv("DISPLAY", f":{number}")
        try:
            yield
        finally:
            server.terminate()


@pytest.mark.usefixtures("display")
def test_a_person_logs_in_once_and_the_session_is_used_again() -> None:
    spa = Spa(captcha=True, person=True)
    sessions = Sessions(assist=True)
    with serving_app(spa.app()) as url:
        first = seen(spa_asset(url, logout=""), sessions=sessions)
        second = seen(spa_asset(url, logout=""), sessions=sessions)
    assert session_of(first, logout=False).login.accepted is True
    assert session_of(second, logout=False).login.accepted is True
    assert spa.attempts == [(USER, PASSWORD)]
    assert "沿用本次运行中人工登录的会话" in second.raw["web.session.txt"].decode()


def test_without_a_display_the_person_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    spa = Spa(captcha=True, person=True)
    with serving_app(spa.app()) as url:
        sight = seen(spa_asset(url), sessions=Sessions(assist=True))
    assert "没有图形界面" in sight.missing["web.session"].message
    assert spa.attempts == []


def test_what_the_page_asks_for_outside_the_scope_is_refused() -> None:
    scope = Scope(
        level=Level.LOGIN, addresses=("127.0.0.1",), production=("127.0.0.66",), connections_per_s=500
    )
    with serving_app(Spa(stray=True).app()) as url:
        sight = seen(spa_asset(url), scope=scope)
    assert session_of(sight).login.accepted is True
    stray = [one for one in sight.contacts if one.host != "127.0.0.1"]
    assert {(one.host, one.admitted) for one in stray} == {("127.0.0.66", False)}
    assert "未放行 127.0.0.66" in sight.raw["web.session.txt"].decode()


def test_without_chromium_it_says_so() -> None:
    sight = look(spa_asset("http://127.0.0.1:9/"), only=("web.session",), engines={})
    assert sight.missing["web.session"].reason in {Reason.ENGINE_MISSING, Reason.UNREACHABLE}


@pytest.mark.parametrize("state", [State.BEFORE, State.AFTER])
def test_the_demo_hospital_by_browser_is_judged_as_by_form(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = next(one for one in STAFF if one.username == "jiance01")
    monkeypatch.setenv(VARIABLE, staff_password(DEMO_PASSWORD, staff))
    with running(tmp_path / "demo", state, DEMO_PASSWORD) as hospital:
        form = WebAsset(
            id="his", name="HIS", url=hospital.url, accounts=(account(staff.username),), logout="/logout",
            login=WebLogin(path="/login", page="/login", csrf_field="csrf_token", account="tester"),
            protected=("/patients",), ca_file=str(tmp_path / "demo" / "tls" / "ca.pem"),
        )  # fmt: skip
        browser = msgspec.structs.replace(
            form, login=WebLogin(path="/login", style="browser", account="tester")
        )
        by_form, by_browser = seen(form), seen(browser)
    one, other = session_of(by_form), session_of(by_browser)
    assert (one.carrier, one.id_changed, one.session_in_url) == (
        other.carrier, other.id_changed, other.session_in_url,
    )  # fmt: skip
    assert one.cookies == other.cookies
    checks = ("identity.session_cookie", "identity.logout_ends_session", "residual.session")
    assert by_form.verdicts(checks) == by_browser.verdicts(checks)


def test_a_form_by_browser_is_judged_as_by_itself(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, WEB_PASSWORD)
    with serving(Conduct(csrf=True), certificates) as app:
        login = WebLogin(path="/login", style="browser", account="tester")
        asset = app.asset(login=login, accounts=(account(WEB_USER),))
        session = session_of(seen(asset))
    assert session.login.accepted is True
    assert {one.name: one.same_site for one in session.cookies} == {"SESSION": "Lax"}


def test_another_certificate_gets_no_password(certificates: Certificates, tmp_path: Path) -> None:
    other = mint(tmp_path)
    with serving(Conduct(), certificates) as app:
        login = WebLogin(path="/login", style="browser", account="tester")
        asset = app.asset(login=login, accounts=(account(),), ca_file=str(other.ca_file))
        sight = seen(asset)
    assert sight.missing["web.session"].reason is Reason.PROTOCOL
    assert app.hospital.attempts == []


@pytest.mark.parametrize("cookie", [True, False])
def test_an_imported_session_opens_pages_and_nothing_is_tried_with_it(
    cookie: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spa = Spa(cookie=cookie, sessions={"0123456789abcdef": USER})
    monkeypatch.setenv(VARIABLE, "theme=1; SID=0123456789abcdef" if cookie else "0123456789abcdef")
    header = "" if cookie else "X-Access-Token"
    login = WebLogin(path="/", style="session", token_header=header, account="tester")
    with serving_app(spa.app()) as url:
        asset = spa_asset(url, login=login)
        sight = look(asset, only=("web.session", "web.empty_password"))
        entered = asyncio.run(entering(asset))
    assert sight.missing["web.session"].reason is Reason.INCONCLUSIVE
    assert sight.verdicts(("identity.empty_password",)) == {"identity.empty_password": "undetermined"}
    assert entered.login.accepted is True
    assert spa.sessions
    assert spa.attempts == []


async def entering(asset: WebAsset) -> Entered:
    redactor = Redactor()
    guard = Guard(Scope(level=Level.LOGIN, addresses=("127.0.0.1",)), log=lambda _contact: None)

    def keep(name: str, data: bytes, /) -> Raw:
        return Raw(name=name, sha256="", size_bytes=len(data))

    context = Context(guard=guard, secrets=Secrets(redactor), keep=keep, ledger=MemoryLedger())
    async with opened(asset, context, probe="web.session") as browser:
        return await enter(browser, asset, context)
