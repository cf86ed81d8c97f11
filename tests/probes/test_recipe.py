"""Digests of rows as an application makes them, however drivers hand its values over."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from dengbao.model import RowIntegrity
from dengbao.probes.database.recipe import holds, stored
from dengbao.probes.database.row_altering import other_value

KEY = "row-key"
# As drivers return columns without a time zone.
LOCAL = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)
RECIPE = RowIntegrity(
    table="t", row="id", digest="mac", algorithm="hmac-sm3", over=("id", "name"), key="${ENV:K}"
)


def mac(text: str, algorithm: str = "sm3") -> str:
    return hmac.new(KEY.encode(), text.encode(), algorithm).hexdigest()


@pytest.mark.parametrize(
    ("recipe", "row"),
    [
        (RECIPE, {"id": 1, "name": "张三", "mac": mac("id=1&name=张三")}),
        (RECIPE, {"id": 1, "name": "张三", "mac": mac("id=1&name=张三").upper() + "   "}),
        (RECIPE, {"id": 1, "name": "张三", "mac": bytes.fromhex(mac("id=1&name=张三"))}),
        (RECIPE, {"id": 1, "name": "张三", "mac": mac("id=1&name=张三").encode()}),
        (RECIPE, {"id": 1, "name": "张三   ", "mac": mac("id=1&name=张三")}),
        (RECIPE, {"id": 1, "name": None, "mac": mac("id=1&name=")}),
        (structs.replace(RECIPE, null="NULL"), {"id": 1, "name": None, "mac": mac("id=1&name=NULL")}),
        (structs.replace(RECIPE, named=False, joiner="|"), {"id": 1, "name": "a", "mac": mac("1|a")}),
        (
            structs.replace(RECIPE, over=("name", "id"), sorted_columns=True),
            {"id": 1, "name": "a", "mac": mac("id=1&name=a")},
        ),
        (
            structs.replace(RECIPE, encoding="base64"),
            {"id": 1, "name": "a", "mac": base64.b64encode(bytes.fromhex(mac("id=1&name=a"))).decode()},
        ),
        (RECIPE, {"id": 1, "name": Decimal("12.50"), "mac": mac("id=1&name=12.50")}),
        (RECIPE, {"id": 1, "name": Decimal("12.00"), "mac": mac("id=1&name=12")}),
        (RECIPE, {"id": 1, "name": date(2026, 1, 2), "mac": mac("id=1&name=2026-01-02")}),
        (
            RECIPE,
            {"id": 1, "name": LOCAL, "mac": mac("id=1&name=2026-01-02T03:04:05")},
        ),
        (
            RECIPE,
            {
                "id": 1,
                "name": datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC),
                "mac": mac("id=1&name=2026-01-02 03:04:05"),
            },
        ),
        (RECIPE, {"id": 1, "name": True, "mac": mac("id=1&name=1")}),
        (RECIPE, {"id": 1, "name": b"abc", "mac": mac("id=1&name=abc")}),
        (
            structs.replace(RECIPE, algorithm="sha256"),
            {"id": 1, "name": "a", "mac": hashlib.sha256(b"id=1&name=a" + KEY.encode()).hexdigest()},
        ),
    ],
)
def test_a_right_digest_holds(recipe: RowIntegrity, row: dict[str, object]) -> None:
    assert holds(recipe, row, KEY)
    assert not holds(recipe, row, "another")
    assert not holds(recipe, {**row, "id": 2}, KEY)


@pytest.mark.parametrize("value", [None, "", "   ", b""])
def test_no_digest_is_none(value: object) -> None:
    assert stored(value, RECIPE) is None


def test_what_is_no_digest_does_not_hold() -> None:
    assert not holds(RECIPE, {"id": 1, "name": "a", "mac": "签名"}, KEY)


@pytest.mark.parametrize(
    "value",
    ["张三", "110105", "a   ", 0, 7, -1, Decimal("1.50"), 2.5, True, date(2026, 1, 1), LOCAL],
)
def test_another_value_is_of_the_same_kind(value: object) -> None:
    other = other_value(value)
    assert other != value
    assert type(other) is type(value)
    assert len(str(other)) == len(str(value)) or not isinstance(value, str)


@pytest.mark.parametrize("value", [None, "", "  ", b"\x00"])
def test_what_we_cannot_alter_is_left(value: object) -> None:
    assert other_value(value) is None
