"""Check digits are checked, and readable values are told from hidden ones."""

from __future__ import annotations

import base64
import hashlib
import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dengbao.pii import (
    StoredAs,
    classify,
    is_bank_card,
    is_credit_code,
    is_id_card,
    is_mobile,
    luhn,
)

ID = "11010519491231002X"
CARD = "6123451234567893"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@st.composite
def id_cards(draw: st.DrawFn) -> str:
    """Synthetic numbers of a county that does not exist (…99), with a valid check character."""
    province = draw(st.sampled_from(("11", "31", "44", "50", "64", "65", "83")))
    born = date(1900, 1, 1) + timedelta(days=draw(st.integers(0, 45_000)))
    body = f"{province}9999{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


@st.composite
def bank_cards(draw: st.DrawFn) -> str:
    """Synthetic card numbers with a valid Luhn digit."""
    body = "62" + "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=13, max_size=16)))
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


@given(id_cards(), st.integers(0, 17), st.integers(1, 9))
def test_id_card_holds_only_with_its_check_character(number: str, place: int, shift: int) -> None:
    assert is_id_card(number)
    assert is_id_card(number.lower())
    if number[place].isdigit():
        wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
        assert wrong == number or not is_id_card(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "110105194912310021",  # check character
        "11010519490231002X",  # 31 February
        "00010519491231002X",  # no such province
        "1101051949123100",
        "11010519491231002X1",
        "１１010519491231002X",  # full-width digits are not the number itself
        "",
    ],
)
def test_what_is_no_id_card(text: str) -> None:
    assert not is_id_card(text)


@given(bank_cards(), st.integers(0, 15), st.integers(1, 9))
def test_bank_card_holds_only_with_its_luhn_digit(number: str, place: int, shift: int) -> None:
    assert is_bank_card(number)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not is_bank_card(wrong)


def test_specimens_of_the_reference() -> None:
    assert is_id_card("440524188001010014")
    assert is_bank_card(CARD)
    assert is_credit_code("91350100M000100Y43")
    assert not is_credit_code("91350100M000100Y44")
    assert not is_credit_code("91350100M000100I43")
    assert is_mobile("13800138000")
    assert is_mobile("+8619200138000")
    assert is_mobile("8613800138000")
    assert not is_mobile("15400138000")
    assert not is_mobile("19400138000")
    assert not is_mobile("12800138000")
    assert not is_mobile("138001380001")


@pytest.mark.parametrize(
    ("value", "holds", "expected"),
    [
        (None, "id_card", "empty"),
        ("  ", "phone", "empty"),
        (b"\0\0", "id_card", "empty"),
        ("!", "password", "empty"),
        (ID, "id_card", "clear"),
        (ID.lower(), "id_card", "clear"),
        ("110105 19491231 002X", "id_card", "clear"),
        (f"身份证：{ID}（本人）", "id_card", "clear"),
        ("１１０１０５１９４９１２３１００２Ｘ", "id_card", "clear"),
        (ID[::-1], "id_card", "clear"),
        (ID.encode(), "id_card", "clear"),
        (base64.b64encode(ID.encode()).decode(), "id_card", "clear"),
        (ID.encode().hex(), "id_card", "clear"),
        ("\\x" + ID.encode().hex(), "id_card", "clear"),
        ("%31%31010519491231002X", "id_card", "clear"),
        ("13800138000", "id_card", "clear"),  # the wrong column
        ("110105194912310021", "id_card", "other"),  # mistyped: neither proven clear nor hidden
        ("110105********002X", "id_card", "masked"),
        ("1101051949xxxx002X", "id_card", "masked"),
        (hashlib.sha256(ID.encode()).hexdigest(), "id_card", "cipher_or_hash"),
        (hashlib.md5(ID.encode(), usedforsecurity=False).hexdigest(), "id_card", "cipher_or_hash"),
        (hashlib.sha256(b"x").digest(), "id_card", "cipher_or_hash"),
        (base64.b64encode(hashlib.sha256(b"x").digest()).decode(), "id_card", "cipher_or_hash"),
        ("H11010500123202401010000012", "id_card", "other"),  # a serial number, not a cipher
        ("12345678901234567890123456789012", "id_card", "other"),
        ("00000000000000000000000000000000ab", "id_card", "other"),
        ("PatientNumber000000000123", "id_card", "other"),
        ("13800138000", "phone", "clear"),
        ("138 0013 8000", "phone", "clear"),
        ("138****8000", "phone", "masked"),
        ("12345", "phone", "other"),
        (CARD, "bank_card", "clear"),
        ("6123 4512 3456 7893", "bank_card", "clear"),
        (CARD, "id_card", "other"),
        ("张三", "name", "clear"),
        ("买买提·吐尔逊", "name", "clear"),
        (base64.b64encode("张三".encode()).decode(), "name", "clear"),
        ("张三".encode("gbk"), "name", "clear"),
        ("张*", "name", "masked"),
        ("张某某", "name", "masked"),
        ("Zhang San", "name", "other"),
        ("Abc12345", "password", "clear"),
        ("{noop}Abc12345", "password", "clear"),
        (base64.b64encode(b"P@ssw0rd2024").decode(), "password", "clear"),
        ("Hospital@2024Administrator", "password", "other"),  # long: may be a kind we do not know
        ("qk3v9Xz1abc=", "password", "other"),  # one DES block
        ("******", "password", "masked"),
        ("$2b$12$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "password", "cipher_or_hash"),
        ("{bcrypt}$2a$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRS", "password", "cipher_or_hash"),
        ("pbkdf2_sha256$600000$salt$" + "A" * 44, "password", "cipher_or_hash"),
        ("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "password", "cipher_or_hash"),
        ("ENC(3q2+7w3q2+7w3q2+7w==)", "password", "cipher_or_hash"),
    ],
)
def test_how_a_value_is_stored(value: str | bytes | None, holds: str, expected: str) -> None:
    assert classify(value, holds) is StoredAs(expected)


@given(st.randoms(use_true_random=False), st.integers(16, 64), st.sampled_from(("id_card", "phone", "name")))
def test_random_bytes_are_never_taken_for_clear(noise: random.Random, size: int, holds: str) -> None:
    data = noise.randbytes(size)
    shapes = (data, data.hex(), base64.b64encode(data).decode())
    assert all(classify(one, holds) is not StoredAs.CLEAR for one in shapes)


@given(id_cards())
def test_a_valid_number_is_never_taken_for_hidden(number: str) -> None:
    shapes = (number, number.encode(), number.encode().hex(), base64.b64encode(number.encode()).decode())
    assert all(classify(one, "id_card") is StoredAs.CLEAR for one in shapes)
