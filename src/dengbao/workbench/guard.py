"""What stands before every page: who may ask, from where, how much; what the browser may do then."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..model import Person

MOST_BYTES: Final = 1024 * 1024
MOST_UPLOAD_BYTES: Final = 100 * 1024 * 1024
_MOST_VISITORS: Final = 64
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# `no-referrer` would make the browser send `Origin: null` with our own forms.
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
_REFUSAL: Final = (
    "<!doctype html><html lang=zh-CN><meta charset=utf-8><title>{title}</title>"
    "<main><h1>{title}</h1><p>{cure}</p></main></html>"
)


@dataclass
class Visitor:
    """One browser: who sits at it, what is to be told on its next page, what discovery drafted for it.

    `fixed`: the person came in by an address of their own and cannot be changed.
    """

    person: Person | None = None
    fixed: bool = False
    said: list[str] = field(default_factory=list)
    drafted: str = ""


class Doors:
    """The start tokens and the browsers that have shown one; both die with the process.

    On the loopback there is one token for whoever sits at this machine; beyond it each person has their own.
    """

    def __init__(self, port: int, *, secure: bool = False, people: tuple[Person, ...] = ()) -> None:
        everybody: tuple[Person | None, ...] = people or (None,)
        self.tokens = tuple((secrets.token_urlsafe(32), one) for one in everybody)
        self.cookie = f"dengbao_{port}"
        self.secure = secure
        self._visitors: dict[str, Visitor] = {}
        self._lock = threading.Lock()

    @property
    def token(self) -> str:
        """Return the first token: the only one on the loopback."""
        return self.tokens[0][0]

    def admit(self, token: str) -> str | None:
        """Return the secret of a new visitor's cookie for a token that was printed at the start, else None.

        The oldest visitor makes room when there are many.
        """
        fitting = [one for own, one in self.tokens if hmac.compare_digest(token.encode(), own.encode())]
        if not fitting:
            return None
        secret = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._visitors) >= _MOST_VISITORS:
                del self._visitors[next(iter(self._visitors))]
            self._visitors[secret] = Visitor(fitting[0], fixed=fitting[0] is not None)
        return secret

    def visitor(self, cookie_header: str) -> Visitor | None:
        """Return whose cookie a request carries, None if nobody's."""
        try:
            morsel = SimpleCookie(cookie_header).get(self.cookie)
        except CookieError:
            return None
        with self._lock:
            return self._visitors.get(morsel.value) if morsel else None

    def dismiss(self, visitor: Visitor) -> None:
        """Forget a visitor: the cookie is worth nothing from now on."""
        with self._lock:
            self._visitors = {key: one for key, one in self._visitors.items() if one is not visitor}

    def set_cookie(self, response: RedirectResponse, secret: str) -> None:
        """Hand a visitor the cookie: not for scripts, not for other sites."""
        response.set_cookie(
            self.cookie, secret, httponly=True, samesite="strict", secure=self.secure, path="/"
        )


class Guard:
    """Lets through what comes from this page's own address, from a known visitor, in bounded size."""

    def __init__(
        self, app: ASGIApp, *, doors: Doors, origins: frozenset[str], open_paths: frozenset[str]
    ) -> None:
        """Take the origins this page is served at, and the paths that need no visitor (start, log-in)."""
        self._app = app
        self._doors = doors
        self._origins = origins
        self._hosts = frozenset(one.partition("://")[2] for one in origins)
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it with a page that says how to go on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    kept.setdefault(name, value)
            await send(message)

        refused = self._refusal(scope, headers)
        if refused is not None:
            await refused(scope, receive, guarded)
            return
        most = MOST_UPLOAD_BYTES if _brings_files(headers) else MOST_BYTES
        if _declared(headers) > most:
            await _too_much(scope, receive, guarded)
            return
        await self._app(scope, _bounded(receive, most), guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> HTMLResponse | None:
        if headers.get("host", "") not in self._hosts:  # a name that was made to point here (DNS rebinding)
            return _page(421, "此地址不属于工作台", "请用 dengbao serve 打印的地址打开。")
        if scope["method"] not in ("GET", "HEAD") and not self._own(headers):
            return _page(403, "请求不是从工作台页面发出的", "关闭其他网页，从工作台页面重新操作。")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _page(405, "不支持的请求", "从工作台页面操作。")
        visitor = self._doors.visitor(headers.get("cookie", ""))
        if visitor is None and scope["path"] not in self._open and not scope["path"].startswith("/static/"):
            return _page(
                403, "尚未进入工作台", "请用 dengbao serve 打印的完整地址打开；重新启动后旧地址失效。"
            )
        scope["visitor"] = visitor
        return None

    def _own(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is not None:
            return origin in self._origins
        return headers.get("sec-fetch-site") == "same-origin"


def _brings_files(headers: Headers) -> bool:
    return headers.get("content-type", "").startswith("multipart/form-data")


def _declared(headers: Headers) -> int:
    told = headers.get("content-length", "0")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else MOST_UPLOAD_BYTES + 1


class TooMuch(Exception):
    """A body grew beyond its bound while it was read."""


def _bounded(receive: Receive, most: int) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise TooMuch
        return message

    return bounded


async def _too_much(scope: Scope, receive: Receive, send: Send) -> None:
    await too_much_page()(scope, receive, send)


def too_much_page() -> HTMLResponse:
    """Return the page for a body that is too big."""
    most = MOST_UPLOAD_BYTES // 1024 // 1024
    return _page(
        413, "提交的内容过大", f"一次最多 {most} MB；截取有关部分或分几次上传。已保存的内容不受影响。"
    )


def _page(status: int, title: str, cure: str) -> HTMLResponse:
    return HTMLResponse(_REFUSAL.format(title=title, cure=cure), status)
