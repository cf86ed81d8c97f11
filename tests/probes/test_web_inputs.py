"""Wrong values are wrong in one way only; limits of pages and reports of schemathesis are read right."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from dengbao.errors import ProtocolMismatch
from dengbao.model import InputField
from dengbao.pii import is_bank_card, is_credit_code, is_id_card
from dengbao.probes.web.openapi import Tries
from dengbao.probes.web.page_limits import field_limits, page_refuses
from dengbao.probes.web.reading import read
from dengbao.probes.web.wrong import right_file, wrong_values

SPECIMEN = "11010519491231002X"
PAGE = b"""<form><input name=n maxlength=3 required><input name=a type=number min=0 max=9>
<select name=s></select>
<input name=p pattern="[0-9]{3}"><input name=r pattern="(a+)+b"><input name=d type=date></form>"""


def values(one: InputField) -> dict[str, str]:
    return {each.kind: each.text for each in wrong_values("f", one, "0a1b2c3d")}


def test_too_long_is_one_too_many() -> None:
    found = values(InputField(sample="测试", max_length=40, required=True))
    assert len(found["too_long"]) == 41
    assert found["empty"] == ""
    assert found["markup"] == "<b data-dengbao=0a1b2c3d>"
    assert found["quote"] == "测试'"


def test_markup_is_not_sent_where_its_length_alone_is_wrong() -> None:
    found = values(InputField(sample="abcd", max_length=4))
    assert "markup" not in found
    assert found["quote"] == "abc'"
    assert "empty" not in found


def test_a_quote_closes_the_attribute_it_may_stand_in() -> None:
    assert values(InputField(sample="测试"))["attribute"] == "'\" data-dengbao=0a1b2c3d "


@pytest.mark.parametrize(
    ("kind", "sample", "wrong", "holds"),
    [
        ("credit_code", "91350100M000100Y43", {"credit_check", "short_credit", "quote"}, is_credit_code),
        ("bank_card", "6222021234567890128", {"bank_check", "quote"}, is_bank_card),
        ("credit_code", "91350100M000100Y44", {"quote"}, is_credit_code),
    ],
)
def test_codes_with_a_check_digit_are_sent_with_a_wrong_one(
    kind: str, sample: str, wrong: set[str], holds: Callable[[str], bool]
) -> None:
    found = values(InputField(sample=sample, type=kind))
    assert set(found) == wrong
    assert not any(holds(one) for one in found.values())


def test_an_id_number_is_wrong_in_one_way_each() -> None:
    found = values(InputField(sample=SPECIMEN, type="id_card"))
    assert set(found) == {"check_digit", "id_date", "short_id", "quote"}
    assert found["check_digit"][:17] == SPECIMEN[:17]
    assert found["id_date"][10:14] == "0230"
    assert found["short_id"] == SPECIMEN[:17]
    assert not any(is_id_card(one) for one in found.values())


@pytest.mark.parametrize(
    ("one", "kind", "text"),
    [
        (InputField(sample="2023/05/06 08:00", type="date"), "impossible_day", "2023/02/30 08:00"),
        (InputField(sample="20230506", type="date"), "impossible_day", "20230230"),
        (InputField(sample="14800000001", type="phone"), "short_phone", "1480000000"),
        (InputField(sample="310", type="code", codes=("310", "999")), "unlisted", "888"),
        (InputField(sample="A", type="code", codes=("A",)), "unlisted", "Z"),
        (InputField(sample="1", type="decimal", least=0.5), "below", "-0.5"),
        (InputField(sample="1", type="integer", most=150), "above", "151"),
    ],
)
def test_a_value_is_beyond_what_was_declared(one: InputField, kind: str, text: str) -> None:
    assert values(one)[kind] == text


def test_what_cannot_be_made_wrong_is_left_alone() -> None:
    assert set(values(InputField(sample="明天", type="date"))) == {"quote"}
    assert set(values(InputField(sample="X", type="id_card"))) == {"quote"}


def test_files_are_forged_harmlessly() -> None:
    right = right_file("photos/face.png")
    assert right is not None
    found = {one.kind: one.file for one in wrong_values("f", InputField(sample="", type="file"), "0", right)}
    assert {kind: one.name for kind, one in found.items() if one} == {
        "double_extension": "face.png.jsp", "forged_type": "face.png", "wrong_magic": "face.png",
    }  # fmt: skip
    assert all(one is not None and b"<" not in one.data for one in found.values())
    assert right_file("scan.dcm") is None
    assert right_file("scan.dcm", b"DICM") is not None


@pytest.mark.parametrize(
    ("name", "text", "refused"),
    [
        ("n", "abcd", True), ("n", "", True), ("n", "abc", False), ("a", "abc", True), ("a", "1e400", True),
        ("a", "10", True), ("a", "9", False), ("s", "zz", True), ("p", "12", True), ("p", "123", False),
        ("r", "a" * 60, False), ("d", "2023-02-30", True), ("x", "1", None), ("a", "", False),
    ],
)  # fmt: skip
def test_what_the_page_itself_refuses(name: str, text: str, refused: bool | None) -> None:
    page = field_limits(read(PAGE, "text/html"), {"n", "a", "s", "p", "r", "d", "x"})
    assert page_refuses(page.get(name), text) is refused


def line(mode: str, status: int, *failed: str, body: str = "", kind: str = "application/json") -> bytes:
    checks = [{"name": one, "status": "failure"} for one in failed]
    answer = {
        "status_code": status, "headers": {"content-type": [kind]}, "content": {"$base64": body},
    }  # fmt: skip
    exchange = {
        "request": {"uri": "http://h/p?id=13900000000&q=x"}, "response": answer, "timestamp": 1.0
    }  # fmt: skip
    recorder = {
        "label": "GET /p", "cases": {"c": {"value": {"meta": {"generation": {"mode": mode}}}}},
        "checks": {"c": checks}, "interactions": {"c": exchange},
    }  # fmt: skip
    return json.dumps({"ScenarioFinished": {"recorder": recorder}}).encode()


def test_a_report_is_counted_by_operation() -> None:
    tries = Tries()
    for one in (
        json.dumps({"Initialize": {"schemathesis_version": "4.32.5"}}).encode(),
        line("positive", 200), line("negative", 400), line("negative", 401),
        line("negative", 200, "negative_data_rejection"), line("positive", 500, "not_a_server_error"),
        line("negative", 200, "negative_data_rejection", body="eyJjb2RlIjogNDAwLCAibXNnIjogIngifQ=="),
    ):  # fmt: skip
        tries.take(one)
    seen = next(tries.operations())
    assert tries.version == "4.32.5"
    assert (seen.sent, seen.accepted, seen.refused, seen.denied) == (6, 1, 2, 1)
    assert (seen.wrong_accepted, seen.server_errors) == (1, 1)
    assert (seen.example, seen.status) == ("GET /p?id=…&q=…", 500)


def test_a_damaged_report_is_no_result() -> None:
    with pytest.raises(ProtocolMismatch):
        Tries().take(b"{")
    empty = Tries()
    empty.take(b'{"ScenarioFinished": {"recorder": null}}')
    assert list(empty.operations()) == []
