"""The people of the demo are well formed and belong to nobody."""

from __future__ import annotations

import pytest

from dengbao.demo.people import (
    FICTITIOUS_PHONE,
    FICTITIOUS_REGION,
    is_valid_id_card,
    mask_id_card,
    mask_name,
    mask_phone,
    patients,
)
from dengbao.pii import StoredAs, classify


def test_specimen_of_the_standard_is_valid() -> None:
    assert is_valid_id_card("11010519491231002X")


@pytest.mark.parametrize(
    "text", ["110105194912310021", "11010519491331002X", "1101051949123100", "11010519491231002x "]
)
def test_wrong_check_digit_date_or_length_is_not_valid(text: str) -> None:
    assert not is_valid_id_card(text)


def test_every_patient_has_a_valid_id_of_a_region_that_does_not_exist() -> None:
    people = patients()
    assert len(people) == 48
    assert all(is_valid_id_card(one.id_card) for one in people)
    assert {one.id_card[:6] for one in people} == {FICTITIOUS_REGION}
    assert len({one.id_card for one in people}) == len(people)


def test_every_phone_number_is_one_that_cannot_be_dialled() -> None:
    phones = {one.phone for one in patients()}
    assert all(len(one) == 11 and one.startswith(FICTITIOUS_PHONE) for one in phones)


def test_the_same_people_come_every_time() -> None:
    assert patients() == patients()


def test_masks_hide_what_they_should() -> None:
    assert mask_name("赵甲子") == "赵**"
    assert mask_id_card("11010519491231002X") == "1" + "*" * 16 + "X"
    assert mask_phone("14800001234") == "148****1234"


def test_the_toolkit_takes_them_for_what_they_imitate() -> None:
    people = patients()
    for holds, values in (
        ("id_card", [one.id_card for one in people]),
        ("phone", [one.phone for one in people]),
        ("name", [one.name for one in people]),
    ):
        assert {classify(one, holds) for one in values} == {StoredAs.CLEAR}
