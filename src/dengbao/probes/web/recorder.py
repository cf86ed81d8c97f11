"""Writes down what Chromium sends and is answered around a login: cookies as set, tokens, the login."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

import httpx

from .browser import Answer
from .reading import find_json

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Request, Response

MAX_SEEN: Final = 400
MAX_BODY: Final = 2 * 1024 * 1024
_COLLECT_S: Final = 5.0
_LOGIN_PATH: Final = re.compile(r"log_?-?in|sign_?-?in|auth|token|session", re.IGNORECASE)
_TELLING: Final = 3  # from this rank on a request outweighs one that was answered already
_TOKEN_NAME: Final = re.compile(r"token|^auth", re.IGNORECASE)
_FORGERY: Final = re.compile(r"csrf|xsrf", re.IGNORECASE)
_TOKEN_KEYS: Final = (
    "token", "access_token", "accessToken", "data.token", "data.access_token", "data.accessToken",
    "result.token", "data",
)  # fmt: skip


@dataclass(frozen=True)
class CookieSet:
    """A Set-Cookie header, where it came from and at which stage."""

    stage: str
    url: str
    header: str


@dataclass
class Recorder:
    """Listens to one Chromium; `stage` is `before_login`, `login` or `page`, as cookies are marked."""

    username: str = ""
    password: str = field(default="", repr=False)
    stage: str = "before_login"
    cookies: list[CookieSet] = field(default_factory=list)
    login: Request | None = None
    answer: Answer | None = None
    rank: int = 0
    later: list[Request] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    moved_at: float = 0.0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def listen(self, inside: BrowserContext) -> None:
        """Note every request and answer from now on."""
        inside.on("request", self._request)
        inside.on("response", self._response)

    def _request(self, request: Request) -> None:
        self.moved_at = time.monotonic()
        if len(self.urls) < MAX_SEEN:
            self.urls.append(request.url)
        rank = self._rank(request) if self.stage == "login" else 0
        if rank > self.rank and (self.answer is None or rank >= _TELLING):
            self.login, self.answer, self.rank = request, None, rank
        elif self.login is not None and len(self.later) < MAX_SEEN:
            self.later.append(request)

    def forget(self) -> None:
        """Forget the login that was seen: another one will come."""
        self.login, self.answer, self.rank = None, None, 0

    def _rank(self, request: Request) -> int:
        """Return how much a request looks like the login; 0: not at all.

        The password in any of the usual forms tells most. Where it is encrypted, the name does, above all
        at an address that is called so: pages also ask whether a name exists, or needs a captcha.
        """
        body = request.post_data_buffer or b""
        sent = (body[:MAX_BODY].decode("utf-8", "replace"), request.url)
        if any(one in text for one in _spellings(self.password) for text in sent):
            return 4
        if request.method == "GET" or not body:
            return 0
        named = any(one in sent[0] for one in _spellings(self.username))
        return (2 if named else 0) + (1 if _LOGIN_PATH.search(request.url) else 0)

    def _response(self, response: Response) -> None:
        self.moved_at = time.monotonic()
        if len(self._tasks) < MAX_SEEN:
            self._tasks.append(asyncio.create_task(self._note(response, self.stage)))

    async def _note(self, response: Response, stage: str) -> None:
        headers = await response.headers_array()
        is_login = response.request is self.login
        for one in headers:
            if one["name"].casefold() == "set-cookie":
                for line in one["value"].split("\n"):
                    late = stage == "login" and not is_login and self.answer is not None
                    self.cookies.append(CookieSet("page" if late else stage, response.url, line))
        if is_login:
            body = b"" if 300 <= response.status < 400 else await response.body()
            kept = [(one["name"], one["value"]) for one in headers if one["name"].casefold() in _KEPT]
            self.answer = Answer(
                response.request.method, httpx.URL(response.url), response.status, httpx.Headers(kept),
                body[:MAX_BODY],
            )  # fmt: skip
            self.moved_at = time.monotonic()

    @property
    def quiet_s(self) -> float:
        """Return for how long nothing was sent or answered."""
        return time.monotonic() - self.moved_at

    async def settle(self) -> None:
        """Wait until what was answered is written down; what Chromium forgot meanwhile is left out."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_COLLECT_S):
                await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._tasks:
            one.cancel()

    def token(self, key: str, header: str) -> tuple[str, str]:
        """Return the token that scripts send since the login, and its header (empty: a bearer's).

        `key` and `header` are what the engagement declares, if anything.
        """
        for request in reversed(self.later):
            for name, value in request.headers.items():
                if name == "authorization" and value.casefold().startswith("bearer "):
                    return value[7:].strip(), ""
                if (name == header.casefold()) or (_TOKEN_NAME.search(name) and not _FORGERY.search(name)):
                    return value, header or name
        data = self.answer.document.data if self.answer is not None else None
        for one in (key,) if key else _TOKEN_KEYS:
            found = find_json(data, one)
            if isinstance(found, str) and len(found) >= 8 and found.isascii() and found.isprintable():
                return found, header
        return "", header


_KEPT: Final = {"content-type", "location", "refresh", "retry-after", "set-cookie"}


def _spellings(secret: str) -> tuple[str, ...]:
    """Return the forms in which a page may send a text: as it is, escaped, encoded, hashed."""
    if len(secret) < 3:
        return ()
    raw = secret.encode()
    hashes = [hashlib.new(name, raw, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")]
    forms = (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], *hashes)
    return tuple(dict.fromkeys((*forms, *(one.upper() for one in hashes), base64.b64encode(raw).decode())))
