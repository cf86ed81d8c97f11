"""The states of accounts as lists of users write them, and names on a roster as people type them."""

from __future__ import annotations

import pytest

from checks.app_users import rostered
from dengbao.model import Application, WebAsset
from dengbao.probes.web.facts_access import UserSeen, WebUsers
from dengbao.probes.web.states import enabled, meaning_of


@pytest.mark.parametrize(
    ("heading", "text", "told"),
    [
        ("状态", "正常", True), ("状态", "停用", False), ("status", "0", None), ("状态", "1", None),
        ("状态", "正常 停用 编辑", None), ("状态", "未锁定", True), ("状态", "未启用", False),
        ("账户状态", "已锁定", False), ("status", "inactive", False), ("status", "active", True),
        ("status", "unlocked", True), ("status", "", None), ("是否启用", "否", False), ("enabled", "1", True),
        ("disabled", "false", True), ("disabled", "true", False), ("是否停用", "是", False),
        ("是否停用", "0", True), ("启用/停用", "启用", True), ("启用/停用", "1", None), ("locked", "0", True),
    ],
)  # fmt: skip
def test_states_are_read_by_what_their_column_asks(heading: str, text: str, told: bool | None) -> None:
    assert enabled({meaning_of(heading): text}) is told


def test_where_no_column_tells_nothing_is_known() -> None:
    assert meaning_of("备注") == ""
    assert enabled({"username": "ys1"}) is None


def test_a_roster_typed_with_spaces_holds_the_same_people() -> None:
    asset = WebAsset(id="web", name="x", url="http://127.0.0.1/", app=Application(roster=(" YS1 ", "xt1")))
    users = WebUsers(
        source="page", path="/u", users=(UserSeen(username="ys1"), UserSeen(username="xt1")), complete=True
    )
    assert rostered(users, asset).met is True
