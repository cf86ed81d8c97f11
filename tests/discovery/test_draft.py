"""What a page says is quoted in the draft, never taken for YAML or for a template."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.discovery.draft import clean, draft, scalar
from dengbao.discovery.findings import Found, LoginForm, Tried
from dengbao.discovery.forms import login_form
from dengbao.discovery.words import may_be_asked, wordings
from dengbao.probes.web.reading import read

from .reading import read_back

HOSTILE = (
    '"}\n  - kind: host\n    id: evil', "{{ 7*7 }}{% for x in y %}", "!!python/object/apply:os.system [id]",
    "*alias &anchor", "#?", "a\u2028b\u202ec\x00\x85\ufeff", "${ENV:HOME}", "'\"\\", "---\n...", "yes", "1e3",
    "~",
)  # fmt: skip


def form(**changes: object) -> LoginForm:
    fields: dict[str, object] = {"action": "/in", "method": "post", "username": "user", "password": "pass"}
    return LoginForm(**{**fields, **changes})  # type: ignore[arg-type]


def found(text: str) -> Found:
    return Found(
        url="https://192.0.2.1:8443/", title=text, page=f"/{text}", action=text, captcha=(text,),
        wordings=(text,), cookies=(text,), token_hints=(text,), login_paths=(text,), logout=text,
        form=form(
            username=text, password=text, csrf=text, hidden=(text, "b"), submit=(text, text), others=(text,)
        ),
        openapi=text, protected=(text,) * 6, public=(text,) * 6, notes=[text] * 9,
        tried=Tried(200, "", (f"错误{text}",)),
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_value(text: str) -> None:
    asset = read_back(draft(found(text)))
    assert asset.login is not None
    assert asset.kind.value == "web"
    assert len(asset.protected) == 6
    assert asset.login.username_field == "".join(one for one in text if one.isprintable())


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=60))
def test_any_text_stays_one_value(text: str) -> None:
    asset = read_back(draft(found(text)))
    assert asset.login is not None
    assert asset.login.account == "tester"


def test_everything_at_once_fits_sixty_lines() -> None:
    assert len(draft(found("x" * 300)).splitlines()) <= 60


@given(st.text(max_size=80))
def test_clean_text_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()
    assert scalar(text).isprintable()


def page(body: str) -> str:
    return f"<!doctype html><title>t</title>{body}"


def seen(body: str, again: str = "") -> LoginForm | None:
    other = read(page(again).encode(), "text/html") if again else None
    return login_form(read(page(body).encode(), "text/html"), other)


def test_the_field_before_the_password_is_the_name() -> None:
    got = seen(
        "<form method=post action=/do><select name=lang></select><input name=hospital><input name=loginName>"
        "<input type=password name=pwd><input name=yzm><input type=submit name=go value=登录></form>"
    )
    assert got is not None
    assert (got.username, got.password, got.others) == ("loginName", "pwd", ("lang", "hospital", "yzm"))
    assert got.submit == ("go", "登录")


def test_a_form_for_registering_is_no_login() -> None:
    assert seen("<form method=post><input name=u><input type=password><input type=password></form>") is None


def test_a_hidden_value_that_changes_is_a_token() -> None:
    shape = "<form method=post><input type=hidden name=zz value={}><input name=u><input type=password></form>"
    got = seen(shape.format("abcdefgh1"), shape.format("abcdefgh2"))
    same = seen(shape.format("abcdefgh1"), shape.format("abcdefgh1"))
    assert got is not None
    assert same is not None
    assert (got.csrf, same.csrf) == ("zz", "")


def test_fields_without_names_need_scripts() -> None:
    got = seen("<div><input placeholder=账号><input type=password></div>")
    assert got is not None
    assert not got.named
    asset = read_back(draft(Found(url="http://192.0.2.1/", page="/", form=got)))
    assert asset.login is not None
    assert asset.login.style == "browser"


def test_nothing_found_still_gives_a_valid_draft() -> None:
    asset = read_back(draft(Found(url="http://192.0.2.1/")))
    assert asset.protected == ()
    assert asset.accounts[0].secret == "${ENV:WEB_PASSWORD}"


@pytest.mark.parametrize(
    "path",
    ["/logout", "/user/delete/3", "/api/patients/export", "/a/{id}", "/x.png", "/sendSms", "/user/resetPwd"],
)
def test_addresses_that_do_something_are_not_asked(path: str) -> None:
    assert not may_be_asked(path)


def test_wordings_are_found_in_scripts() -> None:
    script = 'm.error("账号或密码错误，请重试");throw Error("Invalid username or password")'
    assert wordings([script]) == ("账号或密码错误", "Invalid username or password")
