"""The description of integrity columns: which mistakes are told."""

from __future__ import annotations

import pytest
from msgspec import structs

from dengbao.catalog.row_rules import find_row_faults
from dengbao.model import DatabaseAsset, RowIntegrity

GOOD = RowIntegrity(
    table="patient", row="id", digest="row_mac", algorithm="hmac-sm3", over=("id", "name"),
    key="${ENV:ROW_KEY}", alter=True,
)  # fmt: skip


def told(*tables: RowIntegrity, platform: str = "postgresql", collected: str = "") -> list[str]:
    asset = DatabaseAsset(id="his-db", name="库", platform=platform, collected=collected, integrity=tables)
    return [one.message for one in find_row_faults(("assets", 0), asset)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"algorithm": "sha1"}, "“sha1”不在可选之列"),
        ({"encoding": "base32"}, "“base32”不在可选之列"),
        ({"table": " "}, "未填 table"),
        ({"row": ""}, "未填 row"),
        ({"over": ()}, "未写校验值由哪些列算出"),
        ({"over": ("id", "row_mac")}, "校验列“row_mac”不能由自身算出"),
        ({"over": ("id", "id")}, "列名重复"),
        ({"key": ""}, "hmac-sm3 须有密钥"),
        ({"account": "nobody"}, "测评对象 his-db 没有账户“nobody”"),
    ],
)
def test_mistakes_are_told(change: dict[str, object], says: str) -> None:
    assert told(GOOD) == []
    assert told(GOOD, structs.replace(GOOD, **change)) == [says]


def test_a_key_in_clear_is_refused_and_not_repeated() -> None:
    (message,) = told(structs.replace(GOOD, key="hunter2-in-clear"))
    assert "不得写明文" in message
    assert "hunter2" not in message


def test_a_plain_hash_needs_no_key() -> None:
    assert told(structs.replace(GOOD, algorithm="sm3", key="")) == []


@pytest.mark.parametrize(("platform", "collected"), [("redis", ""), ("oracle", "o.txt")])
def test_only_databases_that_are_logged_into_can_be_recomputed(platform: str, collected: str) -> None:
    assert told(GOOD, platform=platform, collected=collected) == ["校验列只能在登录读取的关系数据库上重算"]


def test_too_many_tables_are_refused() -> None:
    assert told(*[GOOD] * 33) == ["登记的表超过 32 张"]
