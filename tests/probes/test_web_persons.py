"""Labelled values and whole numbers in pages and JSON."""

from __future__ import annotations

import pytest

from dengbao.probes.web.persons import labelled, numbers, plain_label, state_of
from dengbao.probes.web.reading import read

ID_CARD = "11010519491231002X"


@pytest.mark.parametrize(
    ("body", "kind", "wanted"),
    [
        (
            "<table><tr><th>姓名</th><th>电话</th></tr><tr><td>甲乙</td><td>1</td></tr><tr><td>丙</td><td>2</td>",
            "text/html", {"姓名": ["甲乙", "丙"], "电话": ["1", "2"]},
        ),
        ("<table><tr><th>姓名</th><td>甲</td><th>电话：</th><td>1</td></tr></table>", "text/html",
         {"姓名": ["甲"], "电话": ["1"]}),
        ("<table><tr><td>姓名：</td><td>甲</td></tr></table>", "text/html", {"姓名": ["甲"]}),
        # A box to tick stands before each row, and makes a heading of itself.
        (
            "<table><thead><tr><td><th>姓名<th>电话</thead><tbody><tr><th><input><td>甲<td>1</table>",
            "text/html", {"姓名": ["甲"], "电话": ["1"]},
        ),
        ("<dl><dt>姓名</dt> <!-- x --> <dd> 甲 </dd><dt>空</dt><dd></dd>", "text/html", {"姓名": ["甲"]}),
        ("<label>姓名* <input value=甲></label><label for=p>电话</label><input id=p value=1>", "text/html",
         {"姓名": ["甲"], "电话": ["1"]}),
        ("<label for='\"]x'>姓名</label>", "text/html", {}),
        ('{"data": [{"name": "甲", "age": 3, "ok": true, "none": null}]}', "application/json",
         {"name": ["甲"], "age": ["3"]}),
    ],
)  # fmt: skip
def test_values_stand_under_their_labels(body: str, kind: str, wanted: dict[str, list[str]]) -> None:
    assert labelled(read(body.encode(), f"{kind}; charset=utf-8")) == wanted


@pytest.mark.parametrize(
    ("value", "holds", "wanted"),
    [
        (ID_CARD, "id_card", "full"),
        ("1****************X", "id_card", "masked"),
        ("110105XXXXXXXX002X", "id_card", "masked"),
        ("", "id_card", ""),
        ("无", "id_card", ""),
        ("138****0000", "phone", "masked"),
        ("138 0000 0000", "phone", "full"),
        ("张三", "name", "full"),
        ("张*", "name", "masked"),
        ("张某", "name", "masked"),
        ("Zhang San", "name", "other"),
        ("示范市示范路1号", "address", "full"),
        ("示范市***", "address", "masked"),
    ],
)
def test_a_value_is_full_masked_or_neither(value: str, holds: str, wanted: str) -> None:
    assert state_of(value, holds) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"号{ID_CARD}。", {"id_card": 1}),
        ("110105194912310021", {}),  # wrong check digit
        (f"9{ID_CARD}", {}),
        ("13800000000、13800000001", {"phone": 2}),
        ("113800000000", {}),
        ("6222020000000000001", {}),
        ("订单20230101138000000001", {}),
    ],
)
def test_only_whole_numbers_that_hold_are_counted(text: str, wanted: dict[str, int]) -> None:
    assert numbers(text) == wanted


def test_a_label_is_what_stands_before_colon_star_and_brackets() -> None:
    assert [plain_label(one) for one in ("姓名：", " 电话 *", "证件号码（身份证）")] == [
        "姓名",
        "电话",
        "证件号码",
    ]
