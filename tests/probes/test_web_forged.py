"""Forged credentials differ from the true one where it matters, and temporary passwords can be made again."""

from __future__ import annotations

import base64
import json

import pytest

from dengbao.probes.web.reach import altered, forgeries, jwt_lifetime_s
from dengbao.probes.web.temporary import SETS, derived


def pack(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


JWT = f"{pack({'alg': 'HS256', 'typ': 'JWT'})}.{pack({'sub': 'a', 'iat': 100, 'exp': 700})}.{'aB3-' * 10}xyz"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("0123456789abcdef0123456789ABCDEF", ""),
        ("F00DF00DF00DF00DF00DF00DF00DF00D.node1", ".node1"),  # the node's name is no secret
        ("abcdefghij0123456789!-1234!NONE", "!-1234!NONE"),
        ("s%3AabcdefghijklmnopQRST.sig", "s%3A"),
        ("{0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f}", "{"),
        (JWT, JWT.rpartition(".")[0]),
    ],
)
def test_one_character_of_the_secret_part_is_changed(value: str, kept: str) -> None:
    other = altered(value)
    assert len(other) == len(value)
    assert sum(one != two for one, two in zip(value, other, strict=True)) == 1
    assert kept in other


def test_a_token_is_also_sent_changed_unsigned_and_without_algorithm() -> None:
    found = dict(forgeries(JWT))
    head, body, signature = JWT.split(".")
    assert list(found) == ["garbage", "altered", "payload", "none", "unsigned"]
    assert found["payload"].split(".")[::2] == [head, signature]
    assert found["payload"].split(".")[1] != body
    assert found["unsigned"] == f"{head}.{body}."
    assert json.loads(base64.urlsafe_b64decode(found["none"].split(".")[0] + "=="))["alg"] == "none"
    assert len(set(found.values()) | {JWT}) == 6


@pytest.mark.parametrize("value", ["abc.def.ghi", "0123456789abcdef", "a.b"])
def test_what_is_no_token_is_not_taken_for_one(value: str) -> None:
    assert [how for how, _ in forgeries(value)] == ["garbage", "altered"]
    assert jwt_lifetime_s(value) is None


def test_a_token_tells_its_lifetime() -> None:
    assert jwt_lifetime_s(JWT) == 600


@pytest.mark.parametrize("sets", [("a",), ("a", "A", "1"), ("a", "A", "1", "!")])
def test_temporary_passwords_have_every_class_and_can_be_made_again(sets: tuple[str, ...]) -> None:
    texts = [derived("geheim", f"key/{number}", length=12, sets=sets) for number in range(200)]
    assert texts == [derived("geheim", f"key/{number}", length=12, sets=sets) for number in range(200)]
    assert len(set(texts)) == 200
    for text in texts:
        assert len(text) == 12
        assert [any(one in chosen for one in text) for chosen in SETS[: len(sets)]] == [True] * len(sets)
    assert derived("other", "key/1", length=12, sets=sets) not in texts
