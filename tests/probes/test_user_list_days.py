"""How old passwords are, by what lists and tables hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dengbao.probes.web.userlist import _HEADINGS, _user

NOW = datetime.now(UTC)


def before(days: float, form: str = "%Y-%m-%d %H:%M:%S+00:00") -> str:
    return (NOW - timedelta(days=days)).strftime(form)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        (before(91.5), 91),
        (before(91.5, "%Y年%m月%d日 %H:%M+00:00"), 91),
        (str((NOW - timedelta(days=10.5)).timestamp()), 10),
        (str(int((NOW - timedelta(days=10.5)).timestamp() * 1000)), 10),
        (before(-30), None),  # it ends then
        ("1970-01-01 00:00:00", None),
        ("1900-01-01", None),
        ("", None),
        ("从未", None),
    ],
    # The texts change with the clock; workers that run side by side must name them alike.
    ids=["iso", "chinese", "seconds", "milliseconds", "to come", "epoch", "1900", "empty", "never"],
)
def test_age_of_a_password(text: str, days: int | None) -> None:
    assert _user({"username": "a", "password_changed": text, "*": ""}).password_days == days


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日"])
def test_a_date_without_time_is_read(form: str) -> None:
    found = _user({"username": "a", "password_changed": before(50, form), "*": ""}).password_days
    assert found in (49, 50, 51)


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("口令修改时间", True),
        ("密码最近更新时间", True),
        ("修改密码时间", True),
        ("passwordChangedAt", True),
        ("pwd_update_time", True),
        ("last_password_change", True),
        ("修改密码", False),  # a button's column
        ("更新时间", False),
        ("口令修改人", False),
        ("password", False),
    ],
)
def test_headings_that_tell_of_the_change(heading: str, known: bool) -> None:
    assert (_HEADINGS["password_changed"].search(heading) is not None) is known
