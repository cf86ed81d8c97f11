"""In what form a page sent the password: values as pages of different make send them."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote_plus, urlencode

import pytest
from cryptography.hazmat.primitives import hashes

from dengbao.probes.web.driving import Sent
from dengbao.probes.web.facts_sent import WebPasswordSent
from dengbao.probes.web.password_sent import by_page

WHO = ("zhangsan", 'Right+2023&"!')
RAW = WHO[1].encode()
URL = "https://his.test/api/login"


def _md5(raw: bytes) -> hashlib._Hash:
    return hashlib.md5(raw, usedforsecurity=False)


def _sha1(raw: bytes) -> hashlib._Hash:
    return hashlib.sha1(raw, usedforsecurity=False)


def sm3(raw: bytes) -> str:
    digest = hashes.Hash(hashes.SM3())
    digest.update(raw)
    return digest.finalize().hex()


def seen(value: str, *, url: str = URL, urls: tuple[str, ...] = (), form: bool = False) -> WebPasswordSent:
    fields = {"name": WHO[0], "pwd": value}
    body = urlencode(fields) if form else json.dumps({"data": fields})
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    return by_page(Sent("POST", url, kind, body.encode()), urls, WHO, "pwd")


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (WHO[1], "plain"),
        (quote_plus(WHO[1]).replace("+", "%2B"), "plain"),
        (base64.b64encode(RAW).decode(), "base64"),
        (base64.urlsafe_b64encode(b"salt:" + RAW).decode().rstrip("="), "base64"),
        (RAW.hex().upper(), "hex"),
        (_md5(RAW).hexdigest().upper(), "md5"),
        (_md5(_md5(RAW).hexdigest().encode()).hexdigest(), "md5-twice"),
        (_sha1(RAW).hexdigest(), "sha1"),
        (base64.b64encode(hashlib.sha256(RAW).digest()).decode(), "sha256"),
        (sm3(RAW), "sm3"),
        (hashlib.sha256(b"salt" + RAW).hexdigest(), "other"),
    ],
)
def test_forms(value: str, expected: str, form: bool) -> None:
    found = seen(value, form=form)
    assert (found.form, found.in_url, found.chars) == (expected, False, len(value))
    assert (found.by, found.scheme, found.path) == ("page", "https", "/api/login")


def test_a_password_in_an_address_is_seen_in_whichever_form() -> None:
    digest = _md5(RAW).hexdigest()
    assert seen("x", url=f"{URL}?p={digest}").in_url is True
    assert seen("x", urls=(f"http://his.test/check?p={quote_plus(WHO[1])}",)).in_url is True
    assert seen(WHO[1], urls=("https://his.test/check?p=other",)).in_url is False


def test_what_cannot_be_told_is_unknown() -> None:
    short = by_page(Sent("POST", URL, "application/json", b'{"pwd": "a1"}'), (), ("zs", "a1"), "pwd")
    same = by_page(
        Sent("POST", URL, "application/json", b'{"pwd": "zhangsan"}'), (), ("zhangsan",) * 2, "pwd"
    )
    nobody = by_page(Sent("POST", URL, "application/json", b'{"captcha": "x"}'), (), WHO, "pwd")
    assert (short.form, short.in_url, same.form, nobody.form) == ("", None, "", "")
