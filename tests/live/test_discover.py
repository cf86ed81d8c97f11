"""Drafts of real applications: what must stand in them was written down before the first run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dengbao.cli import main
from dengbao.demo.child import running
from dengbao.demo.measures import State
from dengbao.discovery.run import EVENTS, Wish, discover
from dengbao.errors import OutOfScope, ProbeError, UsageError
from dengbao.files import read_lines
from dengbao.model import Account, Marker, WebAsset
from dengbao.probes.web.facts import WebSession

from ..discovery.reading import read_back
from ..servers import hostile_web as hostile
from ..servers.hostile_web import Handler, listening, whole
from ..servers.spa import Spa, serving_app
from ..servers.web import PASSWORD as WEB_PASSWORD
from ..servers.web import USER, VARIABLE, Certificates, Conduct, mint, serving
from .harness import look

PASSWORD = "Ceshi#2023-demo"


@pytest.fixture(scope="module", params=[State.BEFORE, State.AFTER])
def hospital(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("demo"), request.param, PASSWORD) as found:
        yield found.url


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return mint(tmp_path_factory.mktemp("certificates"))


def test_the_demo_hospital_is_described_by_its_login_page(hospital: str) -> None:
    asset = read_back(discover(Wish(hospital)))
    login = asset.login
    assert login is not None
    assert (login.style, login.page, login.path) == ("form", "/login", "/login")
    assert (login.username_field, login.password_field, login.csrf_field) == (
        "username", "password", "csrf_token",
    )  # fmt: skip
    assert "/" in asset.protected
    assert "/login" in asset.public
    assert asset.name.startswith("登录")


APPLICATIONS: dict[str, tuple[Conduct, dict[str, object]]] = {
    "form with csrf token": (
        Conduct(csrf=True),
        {"style": "form", "page": "/login", "csrf_field": "csrf_token", "username_field": "username"},
    ),
    "form in a Chinese encoding": (Conduct(charset="gb18030"), {"style": "form", "page": "/login"}),
    "form that is sent by GET": (Conduct(get_form=True), {"style": "browser"}),
    "drawn by scripts": (Conduct(spa=True, json=True, bearer=True), {"style": "browser"}),
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_what_the_login_is_like(name: str, certificates: Certificates) -> None:
    conduct, expected = APPLICATIONS[name]
    with serving(conduct, certificates) as app:
        asset = read_back(discover(Wish(app.url)))
        assert app.hospital.attempts == []
    assert asset.login is not None
    assert {key: getattr(asset.login, key) for key in expected} == expected
    assert asset.login.failure == Marker()


def test_a_captcha_is_named(certificates: Certificates) -> None:
    with serving(Conduct(captcha=True), certificates) as app:
        text = discover(Wish(app.url))
    assert "发现验证码（captcha、/captcha.jpg）" in text
    read_back(text)


def test_the_draft_is_what_a_run_can_log_in_with(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was drafted is enough once the accounts are filled in."""
    monkeypatch.setenv(VARIABLE, WEB_PASSWORD)
    with serving(Conduct(csrf=True), certificates) as app:
        asset = drafted(app.url)
        asset = msgspec.structs.replace(
            asset, ca_file=app.ca_file, protected=("/patients",),
            accounts=(Account(id="tester", username=USER, secret=f"${{ENV:{VARIABLE}}}"),),
        )  # fmt: skip
        sight = look(asset, only=("web.session",))
    session = sight.facts["web.session"]
    assert isinstance(session, WebSession)
    assert session.login.accepted is True


def drafted(url: str) -> WebAsset:
    return read_back(discover(Wish(url)))


def engagement(folder: Path, url: str, *, level: str, production: str = "192.0.2.66") -> Path:
    where = url.partition("://")[2].strip("/")
    text = f"""schema: 1
suite: annex3-2023
institution: {{name: 示范医院（虚构）}}
system: {{name: 系统, vendor: 公司}}
parties: {{local_bureau: {{name: 甲}}, platform_vendor: {{name: 乙}}, access_party: {{name: 丙}}}}
scope: {{level: {level}, addresses: ["{where}"], production: ["{production}"], connections_per_s: 500}}
assets: [{{kind: tls, id: other, name: 其他, address: "192.0.2.1:443"}}]
"""
    folder.mkdir(exist_ok=True)
    (folder / "engagement.yaml").write_text(text, encoding="utf-8")
    return folder


def events(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for _, line in read_lines(folder / EVENTS)]


def test_one_wrong_login_tells_the_wording(tmp_path: Path, certificates: Certificates) -> None:
    with serving(Conduct(csrf=True), certificates) as app:
        folder = engagement(tmp_path, app.url, level="intrude")
        asset = read_back(discover(Wish(app.url, engagement=folder, try_wrong=True)))
        attempts = list(app.hospital.attempts)
    assert asset.login is not None
    assert asset.login.failure == Marker(status=200, text="用户名或口令错误")
    assert len(attempts) == 1
    assert attempts[0][0].startswith("dengbao-")
    told = [one for one in events(tmp_path) if one["event"] == "intrusive"]
    assert [(one["level"], one["clause"]) for one in told] == [("intrude", "1.b.1")]


def test_the_wrong_login_needs_the_level(tmp_path: Path, certificates: Certificates) -> None:
    with serving(Conduct(), certificates) as app:
        folder = engagement(tmp_path, app.url, level="login")
        text = discover(Wish(app.url, engagement=folder, try_wrong=True))
        assert app.hospital.attempts == []
    assert "未试登" in text


def test_the_wrong_login_needs_an_engagement() -> None:
    with pytest.raises(UsageError, match="须有项目授权"):
        discover(Wish("http://127.0.0.1:9/", try_wrong=True))


def test_production_is_refused(tmp_path: Path, certificates: Certificates) -> None:
    with serving(Conduct(), certificates) as app:
        folder = engagement(tmp_path, app.url, level="observe", production="127.0.0.1")
        with pytest.raises(OutOfScope, match="生产环境"):
            discover(Wish(app.url, engagement=folder))


def test_an_existing_file_stays(tmp_path: Path, certificates: Certificates) -> None:
    output = tmp_path / "web.yaml"
    output.write_text("mine", encoding="utf-8")
    assert main(["discover", "http://127.0.0.1:9/", "-o", str(output)]) == 2
    assert output.read_text(encoding="utf-8") == "mine"
    with serving(Conduct(), certificates) as app:
        assert main(["discover", app.url, "-o", str(output), "--force"]) == 0
    assert read_back(output.read_text(encoding="utf-8")).login is not None


FORMS = b"<form method=post action=/x><input name=u><input type=password name=p></form>" * 10_000
LINKS = b"".join(b"<a href=/page%d>p</a>" % one for one in range(20_000))
BOM = "\ufeff<title>系统</title><form method=post><input name=user><input type=password name=pw></form>"
GBK = "<title>医院\u3000系统</title><form method=post><input name=用户><input type=password name=pw></form>"
SCRIPT_URL = (
    b"<form method=post action='javascript:alert(1)'><input name=u><input type=password name=p></form>"
    b"<a href='javascript:logout()'>x</a><a href='file:///etc/passwd'>y</a><a href='//192.0.2.9/login'>z</a>"
)
INJECTION = (
    "<title>a\n  - kind: host</title>"
    "<form method=post><input name='u\"\n- x: y'><input type=password name=p></form>"
)
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"

HOSTILE: dict[str, Handler] = {
    "ten thousand forms": hostile.answering(whole(FORMS)),
    "twenty thousand links": hostile.answering(whole(LINKS)),
    "byte order mark": hostile.answering(whole(BOM.encode())),
    "two bytes a letter": hostile.answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=gbk\r\nConnection: close\r\n\r\n",
        GBK.encode("gbk"),
    ),
    "script addresses": hostile.answering(whole(SCRIPT_URL)),
    "yaml in its texts": hostile.answering(whole(INJECTION.encode())),
    "sent elsewhere by meta refresh": hostile.answering(
        whole(b"<meta http-equiv=refresh content='0; url=http://192.0.2.66/login'>")
    ),
    "sent round in circles": hostile.redirecting("/"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_still_give_a_valid_draft(name: str) -> None:
    began = time.monotonic()
    with listening(HOSTILE[name]) as server:
        text = discover(Wish(server.url))
    read_back(text)
    assert time.monotonic() - began < 60
    assert server.connections <= 80


def test_a_refresh_to_production_is_refused_and_noted(tmp_path: Path) -> None:
    body = b"<meta http-equiv=refresh content='0; url=http://127.0.0.66/login'>"
    with listening(hostile.answering(whole(body))) as server:
        folder = engagement(tmp_path, server.url, level="login", production="127.0.0.66")
        text = discover(Wish(server.url, engagement=folder))
    assert "生产环境地址，拒绝连接" in text
    refused = [one for one in events(tmp_path) if one["event"] == "contact" and one["host"] == "127.0.0.66"]
    assert refused
    assert all(one["admitted"] is False for one in refused)


def test_an_endless_answer_is_given_up() -> None:
    with (
        listening(hostile.endless(ENDLESS, b"<p>" * 4000)) as server,
        pytest.raises(ProbeError, match="仍未结束"),
    ):
        discover(Wish(server.url))


@pytest.mark.parametrize("url", ["ftp://192.0.2.1/", "http://u:p@192.0.2.1/", "http://", "https://[::1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        discover(Wish(url))


def test_a_login_that_scripts_draw_is_found_by_chromium() -> None:
    spa = Spa(captcha=True)
    with serving_app(spa.app()) as url:
        text = discover(Wish(url, browser=True))
    asset = read_back(text)
    assert asset.login is not None
    assert asset.login.style == "browser"
    assert "/api/patients" in asset.protected
    assert "发现验证码" in text
    assert spa.attempts == []


def test_what_the_page_sends_becomes_a_login_without_chromium(tmp_path: Path) -> None:
    spa = Spa()
    with serving_app(spa.app()) as url:
        folder = engagement(tmp_path, url, level="intrude")
        asset = read_back(discover(Wish(url, engagement=folder, browser=True, try_wrong=True)))
    login = asset.login
    assert login is not None
    assert (login.path, login.style) == ("/api/auth/login", "json")
    assert (login.username_field, login.password_field) == ("loginName", "pwd")
    assert login.failure == Marker(status=200, json_key="code", json_value="4001")
    assert len(spa.attempts) == 1
    assert [one["level"] for one in events(tmp_path) if one["event"] == "intrusive"] == ["intrude"]
