"""Sends one wrong login, if the engagement allows it, to learn how the application says no."""

from __future__ import annotations

import secrets
from typing import Final

from ..errors import ProbeError
from ..model import Level, WebLogin
from ..probes.base import Context, Purpose
from ..probes.web.browser import Browser, clean_url
from ..probes.web.login import Attempt, prepare, submit
from ..probes.web.reading import Document
from .findings import Tried

PURPOSE: Final = Purpose(Level.INTRUDE, "以不存在的用户名试登一次，查看登录失败的应答", "1.b.1")
_CODES: Final = ("code", "errcode", "errCode", "error_code", "status", "success")


async def try_wrong(browser: Browser, login: WebLogin, context: Context) -> Tried:
    """Send one login with a random name that cannot exist, and return what it brought.

    Sends: the login page, one login with a wrong name and password.
    Changes: one failed login in the application's log.
    Level: intrude; announced before it is sent.

    Raises:
        NotAuthorised: the engagement does not allow it.
        ProbeError: the login page could not be opened; nothing was sent.

    """
    context.guard.require(PURPOSE.level, what=PURPOSE.text)
    visitor = browser.fork()
    prepared = await prepare(visitor, login)
    username, password = nobody()
    context.announce(PURPOSE, f"POST {clean_url(prepared.url)}")
    attempt = await submit(visitor, prepared, username, password)
    before = prepared.page.last.document if prepared.page is not None else Document()
    return _tried(attempt, before, username)


def nobody() -> tuple[str, str]:
    """Return a name that cannot exist and a password for it."""
    return f"dengbao-{secrets.token_hex(6)}", secrets.token_urlsafe(12)


def codes(data: object) -> tuple[str, str]:
    """Return key and value by which a JSON answer tells that it is a refusal; empty where there is none."""
    held = data if isinstance(data, dict) else {}
    key = next((one for one in _CODES if isinstance(held.get(one), str | int | bool)), "")
    value = held.get(key, "")
    return key, str(value).casefold() if isinstance(value, bool) else str(value)


def _tried(attempt: Attempt, before: Document, username: str) -> Tried:
    if attempt.chain is None:
        error: ProbeError | None = attempt.error
        return Tried(problem=error.message if error else "未得到应答")
    last, first = attempt.chain.last.document, attempt.chain.first
    if first.document.is_json:
        key, value = codes(first.document.data)
        return Tried(first.status, "", (first.document.message,), key, value)
    texts = [one for one in sorted(last.texts - before.texts) if username not in one]
    texts += sorted(set(last.alerts) - set(before.alerts))
    return Tried(first.status, attempt.seen.location, tuple(texts[:20]))
