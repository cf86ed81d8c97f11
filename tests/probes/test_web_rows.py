"""Rows of pages and interfaces, times as logs write them, and which new row tells of which deed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dengbao.model import Marker
from dengbao.probes.web.browser import Answer, Chain
from dengbao.probes.web.deeds import Sought, clock_of, fitting, new_rows, seen
from dengbao.probes.web.rows import rows_of, when
from dengbao.probes.web.truth import truth_of

NOW = datetime(2023, 8, 25, 2, 0, tzinfo=UTC)


def chain(body: str, media: str = "text/html; charset=utf-8", status: int = 200) -> Chain:
    """Return one answer."""
    headers = httpx.Headers({"content-type": media})
    return Chain((Answer("GET", httpx.URL("https://his.test/x"), status, headers, body.encode()),))


def html(*lines: tuple[str, ...]) -> Chain:
    """Return a page with one table, its first line of headings."""
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines)
    return chain(f"<title>x</title><p>共 2 条</p><table>{rows}</table>")


def test_tables_are_read_by_their_headings() -> None:
    page = html(("用户 ", "日期时间", "备注"), ("ys1", "2023-08-25", "无"), ("合计",))
    assert rows_of(page, {"user": "用户", "time": "日期时间"}) == [
        {"user": "ys1", "time": "2023-08-25", "*": "ys1\t2023-08-25\t无"}
    ]
    assert rows_of(page, {"user": "账户"}) is None


def test_one_column_may_tell_what_was_done_and_whether_it_succeeded() -> None:
    page = html(("User", "method"), ("ys1", "Failed login"))
    assert rows_of(page, {"type": "method", "result": "method"}) == [
        {"type": "Failed login", "result": "Failed login", "*": "ys1\tFailed login"}
    ]


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("Aug. 25, 2023, 6:05 p.m.", "18:05"),
        ("August 25, 2023 6 am", "06:00"),
        ("Aug. 25, 2023, noon", "12:00"),
        ("Aug. 25, 2023, midnight", "00:00"),
        ("Aug. 25, 2023, 12:30 a.m.", "00:30"),
    ],
)
def test_times_in_english_words_are_read(told: str, meant: str) -> None:
    assert f"{when(told, 8):%Y-%m-%d %H:%M %z}" == f"2023-08-25 {meant} +0800"


FOOTED = """<table><thead><tr><th>账户<th>角色</thead><tbody>
<tr><td>ys1<td>医生</tr><tr><th>账户<th>角色</tr><tr><th>xt1<td>系统管理员</tr>
<tr><td>合计<td>2 人</tr><tr><td colspan=2><table><tr><td>上一页<td>下一页</table></tr></tbody>
<tfoot><tr><td>共 2 条<td>第 1 页</tr><tr><td>账户<td>角色</tr></tfoot></table>"""
NESTED = """<table><tr><td><table><tr><th>菜单</tr><tr><td>账户</tr></table></td><td>
<table><tr><th>账户<th>角色<th>操作</tr>
<tr><td>ys1<td>医生<td><table><tr><td>停用<td>删除</tr></table></td></tr></table></td></tr></table>"""
SPANNED = """<table><tr><th>科室<th>账户<th>角色</tr>
<tr><td rowspan=2>内科<td>ys1<td>医生</tr><tr><td>ys2<td>医生</tr><tr><td colspan=3>没有更多</tr></table>"""


@pytest.mark.parametrize(
    ("page", "users"),
    [
        (FOOTED, ["ys1 医生", "xt1 系统管理员"]),
        (NESTED, ["ys1 医生"]),
        (SPANNED, ["ys1 医生", "ys2 医生"]),
        ("<table><tr><th>账户<th>角色</tr><tr><td>total<td>医生</tr></table>", []),
    ],
)
def test_only_lines_of_the_table_itself_are_users(page: str, users: list[str]) -> None:
    rows = rows_of(chain(page), {"username": "账户", "role": "角色"}) or []
    assert [f"{one['username']} {one['role']}" for one in rows] == users


def test_the_largest_list_with_the_keys_is_read_from_json() -> None:
    data = {
        "code": 0,
        "menu": [{"name": "首页"}],
        "data": {"rows": [{"name": "a", "on": True}, {"name": "b"}]},
    }
    rows = rows_of(chain(json.dumps(data), "application/json"), {"username": "name", "enabled": "on"})
    assert rows == [
        {"username": "a", "enabled": "true", "*": "a\ttrue"},
        {"username": "b", "*": "b"},
    ]
    assert rows_of(chain("[]", "application/json"), {"username": "name"}) is None


@pytest.mark.parametrize(
    ("text", "offset_h"),
    [
        ("2023-08-25T10:00:00+08:00", None),
        ("2023-08-25T02:00:00Z", None),
        ("2023-08-25 10:00:00", 8.0),
        ("2023年8月25日 10:00", 8.0),
        ("2023/8/25 10:00:00.000", 8.0),
        ("1692928800", None),
        ("1692928800000", None),
    ],
)
def test_times_are_read_as_logs_write_them(text: str, offset_h: float | None) -> None:
    assert when(text, offset_h) == NOW


@pytest.mark.parametrize("text", ["", "昨天", "2023-13-45 10:00:00", "3 分钟前", "12345"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert when(text, 8.0) is None


def row(user: str, what: str, result: str = "成功") -> dict[str, str]:
    """Return a row of a log."""
    return {"user": user, "type": what, "result": result, "*": f"{user}\t{what}\t{result}\t127.0.0.1"}


def sought(kind: str, user: str = "ys1") -> Sought:
    """Return a deed of now."""
    return Sought(kind, user, NOW, NOW + timedelta(seconds=1))


def test_rows_that_look_alike_are_counted() -> None:
    one = row("ys1", "登录")
    assert new_rows([one], [one, one]) == [one]
    assert new_rows([one, one], [one]) == []


@pytest.mark.parametrize(
    ("kind", "rows", "found"),
    [
        ("login", [row("ys1", "退出登录")], None),
        ("login", [row("ys1", "登录", "失败")], None),
        ("login", [row("ys12", "登录")], None),
        ("logout", [row("ys1", "退出登录")], 0),
        ("view", [row("ys1", "导出患者")], None),
        ("view", [row("ys1", "导出患者"), row("YS1", "查看患者")], 1),
        ("export", [row("ys1", "查看患者")], None),
        ("remove", [row("ys1", "删除用户")], 0),
    ],
)
def test_a_record_counts_for_the_deed_it_names(
    kind: str, rows: list[dict[str, str]], found: int | None
) -> None:
    assert fitting(rows, sought(kind)) == (None if found is None else rows[found])


VIEW = Sought("view", "ys1", NOW, NOW + timedelta(seconds=1), ("/patients/1001",), ("患者详情",))


@pytest.mark.parametrize(
    ("what", "about", "found"),
    [
        ("查看患者", "", True),
        ("查看", "患者详情", True),
        ("GET /patients/1001", "", True),
        ("查询", "MZ000001 /patients/1001", True),
        # Wide words alone may tell of the page that follows the login.
        ("查看", "", False),
        ("访问", "首页", False),
        ("查询", "系统公告", False),
        ("GET", "", False),
        # Another address is another deed, whatever it is called.
        ("查看患者", "/patients/search", False),
        ("GET /patients/10012", "", False),
        ("导出", "/patients/1001", False),
    ],
)
def test_a_record_of_a_view_names_what_was_viewed(what: str, about: str, found: bool) -> None:
    told = {"user": "ys1", "type": what, "object": about, "*": f"ys1\t{what}\t{about}\t127.0.0.1"}
    assert (fitting([told], VIEW) is told) is found


def test_a_record_of_another_time_by_the_logs_own_clock_is_of_another_deed() -> None:
    failed = Sought("login_failed", "dbjc1", NOW, NOW)
    five_slow = {"user": "dbjc1", "type": "登录", "time": "2023-08-25T09:55:00+08:00", "*": "dbjc1"}
    clock = clock_of([five_slow], [sought("login"), failed], None)
    assert clock.ahead == timedelta(minutes=-5)
    for text, found in (("09:55:01", True), ("09:55", True), ("09:54:30", False), ("10:00:00", False)):
        told = {**row("ys1", "查看患者"), "time": f"2023-08-25 {text} +08:00"}
        assert (fitting([told], VIEW, clock) is told) is found, text
    assert fitting([{**row("ys1", "查看患者"), "time": "刚刚"}], VIEW, clock)
    minutes = clock_of([{**five_slow, "time": "2023-08-25 09:59 +08:00"}], [failed], None)
    assert fitting([{**row("ys1", "查看患者"), "time": "2023-08-25 10:00 +08:00"}], VIEW, minutes)
    assert clock_of([], [failed], None).ahead is None


def test_a_failed_login_of_a_name_of_ours_is_found_wherever_the_name_stands() -> None:
    told = {"user": "未知", "type": "鉴别", "*": "未知\t鉴别\tdbjc1\t口令错误"}
    assert fitting([told], sought("login_failed", "dbjc1")) is told
    record = seen({**told, "time": "2023-08-25 10:00:00"}, sought("login_failed", "dbjc1"), None, frozenset())
    assert (record.result, record.source, record.zone_known) == ("错误", False, False)


def test_a_clock_beside_is_measured_from_the_deed() -> None:
    for text, skew in (("10:00:00", 0.0), ("10:02:01", 120.0), ("09:59:00", -60.0), ("09:59:59", 0.0)):
        told = {**row("ys1", "登录"), "time": f"2023-08-25T{text}+08:00"}
        assert seen(told, sought("login"), None, frozenset()).skew_s == skew


LOGIN = chain("<h1>用户登录</h1><form><input name=u><input type=password name=p></form>")
UNKNOWN = chain("<h1>没有该页面</h1>", status=404)
ROWS = "".join(f"<p>第 {number} 行内容</p>" for number in range(8))


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (chain(f"<h1>用户管理</h1>{ROWS}<form><input type=password name=first></form>"), ""),
        (chain(f"<h1>患者</h1>{ROWS}"), ""),
        (chain("<h1>无权访问</h1>"), "像是拒绝"),
        (chain(f"<h1>无权访问</h1>{ROWS}", status=403), "得到 403"),
        (LOGIN, "登录提示"),
        (chain("<div id=app></div><script src=/a.js></script>"), "脚本生成"),
        (chain('{"code": 403, "msg": "x"}', "application/json"), "自称出错"),
        (chain("<h1>没有该页面</h1>"), "没有可供比对"),
        (chain("", "text/html"), "为空"),
        (chain("a,b", "text/csv"), ""),
    ],
)
def test_only_an_answer_that_can_be_told_apart_serves_as_the_truth(page: Chain, why: str) -> None:
    found = truth_of(page, Marker(), (LOGIN, UNKNOWN)).why
    assert (why in found) if why else found == ""


def test_a_mark_that_other_pages_bear_is_dropped() -> None:
    page = chain(f"<h1>患者</h1>{ROWS}")
    assert truth_of(page, Marker(text="患者"), (LOGIN,)).marker == Marker(text="患者")
    menu = chain("<nav>患者</nav>")
    assert truth_of(page, Marker(text="患者"), (LOGIN, menu)).marker == Marker()
