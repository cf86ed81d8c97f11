"""Looks through the heads of HTTP, whichever its version: credentials, cookies, what stands in addresses.

Source: RFC 9110 §11.6; RFC 7617; RFC 6265 §4.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from .content import Ledger, Scanner, judge
from .findings import Kind

_MOST_PAIRS: Final = 200
_MOST_COOKIES: Final = 64
_SHORTEST_TOKEN: Final = 8
_SESSION: Final = re.compile(
    r"sess|token|auth|jwt|sid$|^sid|ticket|login|uid|user|rememberme|shiro", re.IGNORECASE
)
_SECRET_HEADERS: Final = frozenset(
    ("x-api-key", "x-auth-token", "x-access-token", "token", "access-token", "x-token")
)


class Heads:
    """Adds to the ledger what lies open in the heads of messages."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def target(self, target: str, side: int, at: int) -> None:
        """Look through the address of a request."""
        self._pairs(target.partition("?")[2], "url", side, at)

    def fields(self, fields: Iterable[tuple[str, str]], side: int, at: int) -> None:
        """Look through header fields, whose names are in lower case."""
        for name, value in fields:
            if name in {"authorization", "proxy-authorization"}:
                self._authorization(value, side, at)
            elif name in {"cookie", "set-cookie"}:
                self._cookies(name, value, side, at)
            elif name in _SECRET_HEADERS and len(value) >= _SHORTEST_TOKEN:
                self._ledger.add(Kind.TOKEN, "header", name, side, at, value)
            elif name == "referer":
                self._pairs(value.partition("?")[2], "header", side, at)

    def _authorization(self, value: str, side: int, at: int) -> None:
        scheme, _, rest = value.partition(" ")
        if scheme.lower() != "basic":
            if len(rest or value) >= _SHORTEST_TOKEN:
                field = f"authorization {scheme[:12]}" if rest else "authorization"
                self._ledger.add(Kind.TOKEN, "header", field, side, at, rest)
            return
        try:
            _user, colon, password = base64.b64decode(rest.strip()).decode("utf-8", "replace").partition(":")
        except (binascii.Error, ValueError):
            return
        if colon and password:
            self._ledger.add(Kind.PASSWORD, "header", "authorization Basic", side, at, password)

    def _cookies(self, name: str, value: str, side: int, at: int) -> None:
        for pair in value.split(";")[: 1 if name == "set-cookie" else _MOST_COOKIES]:
            key, _, content = pair.strip().partition("=")
            if len(content) >= _SHORTEST_TOKEN and _SESSION.search(key):
                self._ledger.add(Kind.COOKIE, "header", key[:40], side, at, content)

    def _pairs(self, query: str, where: str, side: int, at: int) -> None:
        try:
            pairs = parse_qsl(query, max_num_fields=_MOST_PAIRS)
        except ValueError:  # more than a sane address has
            pairs = [("", query)]
        for name, value in pairs:
            judged = judge(name, value)
            if judged is not None:
                self._ledger.add(judged[0], where, name[:40], side, at, judged[1])
            elif len(value) >= 11:  # as long as the shortest number of a person
                scanner = Scanner(self._ledger, side, where)
                scanner.feed(f"{name}={value}".encode(), at)
                scanner.finish()
