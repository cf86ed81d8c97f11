"""What is read out of pages, JSON, cookies and addresses."""

from __future__ import annotations

import json

import httpx
import pytest

from dengbao.probes.web.browser import clean_url
from dengbao.probes.web.cookies import Jar, parse_set_cookie
from dengbao.probes.web.facts import LoginSeen, PageSeen
from dengbao.probes.web.reading import alike_percent, captcha_words, find_json, locked_words, nesting, read

HTTPS = httpx.URL("https://his.test/app/login")
HTTP = httpx.URL("http://his.test/app/login")


def html(text: str) -> bytes:
    return text.encode()


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ("<script>location.href='/login'</script>", "/login"),
        ("<script>alert('请先登录');top.location.href = \"/login\";</script>", "/login"),
        ("<script>window.top.location.replace('/login')</script>", "/login"),
        ("<script>parent.location='/login';</script>", "/login"),
        ("<meta http-equiv='Refresh' content='0; url=/login'>", "/login"),
        ("<meta http-equiv=refresh content=\"3;URL='/login'\">", "/login"),
        ("<script>if(!token)location.href='/login'</script>", ""),
        ("<script src=/app.js></script>", ""),
        ("<script src=/a.js>location.href='/login'</script>", ""),
        ("<script>location.href='/login'</script><script>run()</script>", ""),
        ("<script>function go(){location.href='/login'}</script>", ""),
        ("<!-- <script>location.href='/login'</script> -->", ""),
        ("<script>location.href='/login'</script><p>" + "病历内容" * 80 + "</p>", ""),
        ("<meta http-equiv=refresh content='30'>", ""),
    ],
)
def test_only_an_unconditional_script_is_a_redirect(body: str, target: str) -> None:
    assert read(html(body), "text/html").soft_redirect == target


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"code": 0, "data": [{"no": 1}]}, False),
        ({"code": "200", "msg": "成功", "rows": [1]}, False),
        ({"success": True, "result": {"id": 7}}, False),
        ({"code": 0, "data": 1}, False),
        ([{"no": 1}], False),
        ({"name": "记录", "status": "active"}, False),
        ({"code": 500, "msg": "系统异常"}, True),
        ({"success": False, "message": "请登录"}, True),
        ({"errcode": 40001, "errmsg": "invalid token"}, True),
        ({"status": 401, "error": "Unauthorized"}, True),
        ({"ok": False}, True),
        ({"code": 0, "data": None}, None),
        ({"code": 200, "rows": [], "total": 0}, None),
        ({"code": 0, "msg": "ok"}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_json_answer_says_whether_it_is_an_error(data: object, error: bool | None) -> None:
    assert read(json.dumps(data).encode(), "application/json").json_error is error


@pytest.mark.parametrize(
    "text", ["登录已过期，请重新登录", "token 已失效", "Unauthorized", "未登录", "令牌缺失"]
)
def test_json_asks_for_a_login_by_its_message_only(text: str) -> None:
    asks = read(json.dumps({"code": 1, "msg": text}).encode(), "application/json")
    tells = read(json.dumps({"code": 0, "data": [{"note": text}]}).encode(), "application/json")
    assert asks.login_words
    assert not tells.login_words


def test_json_is_recognised_without_its_media_type() -> None:
    assert read(b'{"code": 401}', "text/html").json_code == "401"
    assert not read(b"{{ template }}", "text/html").is_json


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<p>患者列表</p>".encode("gbk"), "text/html; charset=GBK"),
        ("<meta charset=gb2312><p>患者列表</p>".encode("gb18030"), "text/html"),
        ("<p>患者列表</p>".encode("gb18030"), "text/html"),
        ("<p>患者列表</p>".encode(), "text/html; charset=nonsense"),
        ("<p>患者列表</p>".encode(), ""),
    ],
)
def test_chinese_encodings_are_understood(body: bytes, content_type: str) -> None:
    assert "患者列表" in read(body, content_type).texts


def test_inputs_outside_a_form_are_found() -> None:
    document = read(html("<div><input name=u><input type=PASSWORD name=p></div>"), "text/html")
    form = document.password_form
    assert form is not None
    assert form.action is None
    assert [one.name for one in form.fields] == ["u", "p"]


def test_hidden_words_and_script_text_are_no_text() -> None:
    body = "<title>t</title><style>a{}</style><body><script>a=1</script><noscript>请登录</noscript><p>正文"
    assert read(html(body), "text/html").texts == {"正文"}


@pytest.mark.parametrize(
    "body",
    [
        "<form><input type=password name=p><input name=captcha></form>",
        "<form><input type=password name=p><input name=verifyCode></form>",
        "<form><input type=password name=p></form><img src='/kaptcha?t=1'>",
        "<form><input type=password name=p></form><script src=https://static.geetest.com/gt.js></script>",
    ],
)
def test_captchas_are_recognised(body: str) -> None:
    assert read(html(body), "text/html").captcha


def test_a_search_box_is_no_captcha() -> None:
    body = "<form><input name=captcha></form><form><input type=password name=p><input name=code_name></form>"
    assert not read(html(body), "text/html").captcha


@pytest.mark.parametrize(
    ("text", "locked"),
    [
        ("账户已锁定，请稍后再试", True),
        ("该用户被冻结", True),
        ("登录失败次数过多", True),
        ("操作过于频繁", True),
        ("Too many attempts", True),
        ("用户名或口令错误", False),
        ("口令错误，还有 4 次机会，之后账户将被锁定", False),
        ("口令错误，连续错误 5 次将锁定账户", False),
        ("Wrong password. Your account will be locked after 3 more failures", False),
    ],
)
def test_a_lock_is_told_from_the_warning_of_one(text: str, locked: bool) -> None:
    assert bool(locked_words(text)) is locked


def test_what_scripts_would_say_is_read() -> None:
    body = "<script>alert('账户已锁定');history.back()</script><script>alert( \"再见\" )</script>"
    assert read(html(body), "text/html").alerts == ("账户已锁定", "再见")


def test_captcha_words() -> None:
    assert captcha_words("请输入验证码") == ("验证码",)
    assert captcha_words("用户名或口令错误") == ()


def test_nesting_counts_what_nests() -> None:
    assert nesting(b"<div>" * 30 + b"</div>" * 30 + b"<b></b>") == 30
    assert nesting(b"<p>a<br>" * 500) == 0


def test_texts_are_compared_by_what_they_share() -> None:
    one = read(html("<p>aa</p><p>bb</p><p>cc</p>"), "text/html")
    two = read(html("<p>aa</p><p>bb</p><p>dd</p>"), "text/html")
    nothing = read(b"", "text/html")
    assert alike_percent(one, two, same_bytes=False) == 50
    assert alike_percent(nothing, nothing, same_bytes=False) is None
    assert alike_percent(nothing, nothing, same_bytes=True) == 100


def test_dotted_names_lead_into_json() -> None:
    assert find_json({"a": {"b": [1]}}, "a.b") == [1]
    assert find_json({"a": 1}, "a.b") is None


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://user:pw@his.test/a?token=abc&x=1", "https://his.test/a?token=…&x=…"),
        ("/login;jsessionid=ABC123?a=1", "/login?a=…"),
        ("/login;jsessionid=ABC123", "/login"),
        ("https://his.test/a@b", "https://his.test/a@b"),
    ],
)
def test_addresses_are_told_without_values(url: str, clean: str) -> None:
    assert clean_url(url) == clean


@pytest.mark.parametrize(
    ("header", "url", "kept"),
    [
        ("SID=1; Secure; HttpOnly; SameSite=None", HTTPS, True),
        ("SID=1; Secure", HTTP, False),
        ("SID=1; Domain=test", HTTPS, True),
        ("SID=1; Domain=other.test", HTTPS, False),
        ("=1", HTTPS, False),
        ("SID", HTTPS, False),
        ("SID=a\tb", HTTPS, False),
        ("SID=" + "x" * 5000, HTTPS, False),
    ],
)
def test_cookies_are_kept_as_browsers_keep_them(header: str, url: httpx.URL, kept: bool) -> None:
    assert (parse_set_cookie(header, url, "page") is not None) is kept


@pytest.mark.parametrize(
    ("header", "url", "sent"),
    [
        ("SID=1; Path=/", "https://his.test/x", True),
        ("SID=1", "https://his.test/app/x", True),
        ("SID=1", "https://his.test/other", False),
        ("SID=1; Path=/app", "https://his.test/apples", False),
        ("SID=1; Path=/; Secure", "http://his.test/", False),
        ("SID=1; Path=/", "https://sub.his.test/", False),
        ("SID=1; Path=/; Domain=his.test", "https://sub.his.test/", True),
        ("SID=1; Path=/", "https://nothis.test/", False),
    ],
)
def test_cookies_go_where_browsers_send_them(header: str, url: str, sent: bool) -> None:
    jar = Jar()
    jar.take([header], HTTPS)
    assert bool(jar.header(httpx.URL(url))) is sent


def test_a_jar_forgets_replaces_and_copies() -> None:
    jar = Jar()
    jar.take(["A=1; Path=/", "B=2; Path=/; Max-Age=60"], HTTPS)
    kept = jar.copy(without="B")
    jar.take(["A=3; Path=/", "B=; Path=/", "C=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], HTTPS)
    assert jar.values() == {"A": {"3"}}
    assert jar.cleared == ["B", "C"]
    assert kept.header(HTTPS) == "A=1"
    assert "3" not in repr(jar.cookies[("his.test", "/", "A")])


def test_a_jar_is_bounded() -> None:
    jar = Jar()
    jar.take([f"c{one}=1" for one in range(500)], HTTPS)
    assert len(jar.cookies) == 50


@pytest.mark.parametrize("text", ["Max-Age=abc", "Max-Age=99999999999999999999", "Expires=never", "Expires="])
def test_an_odd_lifetime_is_none(text: str) -> None:
    cookie = parse_set_cookie(f"SID=1; {text}", HTTPS, "page")
    assert cookie is not None
    assert cookie.lifetime_s is None


@pytest.mark.parametrize(
    ("seen", "accepted"),
    [
        (LoginSeen(status=200, success_marker=True), True),
        (LoginSeen(status=200, success_marker=False), False),
        (LoginSeen(status=200, failure_marker=True), False),
        (LoginSeen(status=200, failure_marker=False), None),
        (LoginSeen(status=200, success_marker=True, failure_marker=True), None),
        (LoginSeen(status=200, page_reached=True), True),
        (LoginSeen(status=200, page_reached=False), False),
        (LoginSeen(status=200, success_marker=True, page_reached=False), None),
        (LoginSeen(status=200, failure_marker=True, page_reached=True), None),
        (LoginSeen(status=200, failure_marker=False, page_reached=True), True),
        (LoginSeen(status=200), None),
        (LoginSeen(success_marker=True), None),
        (LoginSeen(status=200, success_marker=True, problem="断开"), None),
    ],
)
def test_a_login_is_accepted_only_where_all_agree(seen: LoginSeen, accepted: bool | None) -> None:
    assert seen.accepted is accepted


def test_a_page_without_an_answer_says_nothing() -> None:
    page = PageSeen(path="/patients", problem="超时")
    assert (page.answered, page.login_demanded, page.reached) == (False, None, None)
