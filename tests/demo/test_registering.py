"""A patient can be registered and taken back; 整改 makes the server look at what was typed."""

from __future__ import annotations

import pytest

from dengbao.demo.people import SAMPLE_ID, is_valid_id_card

from .conftest import Browser, Hospital

RIGHT = {"name": "测试甲", "id_card": SAMPLE_ID, "phone": "14800000001", "insurance_type": "310"}


def register(browser: Browser, **changes: str) -> tuple[int, str]:
    answer = browser.submit("/patients/new", "/patients/new", **{**RIGHT, **changes})
    return answer.status_code, answer.headers.get("location", "")


def test_the_sample_is_a_right_number() -> None:
    assert is_valid_id_card(SAMPLE_ID)


@pytest.mark.parametrize("state", ["before", "after"])
def test_a_registration_is_shown_and_can_be_taken_back(state: str, request: pytest.FixtureRequest) -> None:
    hospital: Hospital = request.getfixturevalue(state)
    with hospital.browser() as browser:
        browser.log_in_staff("ys001")
        status, place = register(browser)
        assert status == 303
        assert browser.get(place).status_code == 200
        assert browser.submit("/patients/new", f"{place}/removed").status_code == 303
        assert browser.get(place).status_code == 404
        assert browser.submit("/patients/new", f"{place}/removed").status_code == 404


def test_a_patient_with_visits_is_not_removed(after: Hospital) -> None:
    with after.browser() as browser:
        browser.log_in_staff("ys001")
        assert browser.submit("/patients/new", "/patients/1/removed").status_code == 409
        assert browser.get("/patients/1").status_code == 200


@pytest.mark.parametrize(
    ("name", "text"),
    [("name", ""), ("name", "<b>甲</b>"), ("id_card", SAMPLE_ID[:17] + "3"), ("phone", "1480000000"),
     ("insurance_type", "999")],
)  # fmt: skip
def test_only_after_does_the_server_refuse(before: Hospital, after: Hospital, name: str, text: str) -> None:
    with after.browser() as browser:
        browser.log_in_staff("ys001")
        assert register(browser, **{name: text})[0] == 422
    with before.browser() as browser:
        browser.log_in_staff("ys001")
        status, place = register(browser, **{name: text})
        assert status == 303
        browser.submit("/patients/new", f"{place}/removed")
