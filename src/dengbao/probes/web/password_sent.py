"""Recognises a password in what a page sent: compared in memory, never stored."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes

from .driving import Sent
from .facts_sent import WebPasswordSent

_HASHES: Final = ("md5", "sha1", "sha256", "sha512")
_SHORTEST: Final = 6  # a shorter password is found in other words by chance
_MOST_LEAVES: Final = 500

Leaves = list[tuple[str, str]]


def by_page(sent: Sent, urls: Iterable[str], who: tuple[str, str], field: str) -> WebPasswordSent:
    """Return the form in which the page sent the password of `who`; `field` is its declared name."""
    username, password = who
    parts = urlsplit(sent.url)
    leaves = _leaves(sent)
    seen = WebPasswordSent(by="page", method=sent.method, path=parts.path, scheme=parts.scheme)
    if len(password) < _SHORTEST or password.casefold() in username.casefold():
        return seen  # it could not be told from what else is sent
    asked = [value for url in (sent.url, *urls) for value in _in_address(url)]
    in_url = any(_form(value, password) for value in asked)
    forms = [form for _, value in leaves if (form := _form(value, password))]
    own = next((value for name, value in leaves if name == field and value), None)
    whole = unquote(sent.body.decode("utf-8", "replace"))
    found = next(iter(forms), "") or ("plain" if password in whole else "")
    if not found and in_url:
        found = next(form for value in asked if (form := _form(value, password)))
    if not found and any(value == username for _, value in leaves):
        found = "other"  # the login it is: the name stands there
    length = len(own) if own is not None else None
    return msgspec.structs.replace(seen, form=found, chars=length, in_url=in_url)


def _leaves(sent: Sent) -> Leaves:
    """Return the values of a form or of JSON, with the names they stand under."""
    text = sent.body.decode("utf-8", "replace")
    if "json" in sent.content_type or text[:1] in ("{", "["):
        try:
            return list(_of_json("", msgspec.json.decode(sent.body)))[:_MOST_LEAVES]
        except msgspec.DecodeError:
            return []
    return parse_qsl(text)[:_MOST_LEAVES] if "urlencoded" in sent.content_type else []


def _of_json(name: str, data: object) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, one in data.items():
            yield from _of_json(str(key), one)
    elif isinstance(data, list):
        for one in data:
            yield from _of_json(name, one)
    elif isinstance(data, str):
        yield name, data


def _in_address(url: str) -> list[str]:
    parts = urlsplit(url)
    return [value for _, value in parse_qsl(parts.query)] + [unquote(one) for one in parts.path.split("/")]


def _form(value: str, password: str) -> str:
    """Return how a value holds the password, empty if it does not."""
    if password in (value, unquote(value)):
        return "plain"
    raw = password.encode()
    low = value.strip().casefold()
    if low == raw.hex():
        return "hex"
    for name, digest in _digests(raw):
        if low == digest.hex() or value == base64.b64encode(digest).decode():
            return name
    return "base64" if password in _decoded(value) else ""


def _digests(raw: bytes) -> Iterator[tuple[str, bytes]]:
    for name in _HASHES:
        yield name, hashlib.new(name, raw, usedforsecurity=False).digest()
    once = hashlib.new("md5", raw, usedforsecurity=False).hexdigest().encode()
    yield "md5-twice", hashlib.new("md5", once, usedforsecurity=False).digest()
    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(raw)
    yield "sm3", sm3.finalize()


def _decoded(value: str) -> str:
    text = value.strip().replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return ""
