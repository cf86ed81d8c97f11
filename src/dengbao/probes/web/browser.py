"""A visitor of one application: bounded requests, redirects by hand, a transcript without secrets."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import httpx

from ...errors import NotDeclared, OutOfScope, ProbeError, ProtocolMismatch, TimedOut
from ...model import WebAsset
from ..base import Announce, Context, Purpose, unheard
from .cookies import Jar
from .reading import MAX_NESTING, Document, nesting, read
from .transport import HEADERS, Dropped, GuardedTransport, transport

_SECRET_IN_PATH: Final = re.compile(r";[^/?#]*")
_SESSION_IN_URL: Final = re.compile(
    r";jsessionid=|[?&](?:jsessionid|phpsessid|sessionid|session_id|sid|access_token)=[^&#]{8,}",
    re.IGNORECASE,
)
_REDIRECTS: Final = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Limits:
    """Bounds of one visitor: each step, each request, and all its requests together."""

    connect_s: float = 6.0
    read_s: float = 10.0
    request_s: float = 20.0
    all_s: float = 150.0
    body_bytes: int = 2 * 1024 * 1024
    redirects: int = 5


@dataclass(frozen=True)
class Answer:
    """One answer, whole."""

    method: str
    url: httpx.URL
    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)

    @cached_property
    def document(self) -> Document:
        """Return what the body says."""
        return read(self.body, self.headers.get("content-type", ""))

    @property
    def media_type(self) -> str:
        """Return the media type in lower case, without parameters."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().casefold()

    @property
    def location(self) -> str:
        """Return where the answer sends the browser, empty if nowhere."""
        if self.status in _REDIRECTS:
            return str(self.headers.get("location", ""))
        return self.document.soft_redirect if 200 <= self.status < 300 else ""


@dataclass(frozen=True)
class Chain:
    """An address and the redirects behind it; `stopped` says in Chinese why the last was not followed."""

    answers: tuple[Answer, ...]
    stopped: str = ""

    @property
    def first(self) -> Answer:
        """Return the first answer."""
        return self.answers[0]

    @property
    def last(self) -> Answer:
        """Return the last answer."""
        return self.answers[-1]

    @property
    def session_in_url(self) -> bool:
        """Tell whether an address on the way, a link or a form carries a session id."""
        texts = [str(one.url) for one in self.answers] + [one.location for one in self.answers]
        texts += [*self.last.document.links, *(one.action or "" for one in self.last.document.forms)]
        return session_in(texts)


def session_in(addresses: Iterable[str]) -> bool:
    """Tell whether one of several addresses carries a session id."""
    return any(_SESSION_IN_URL.search(one) for one in addresses)


def clean_url(url: httpx.URL | str) -> str:
    """Return an address without user, path parameters and query values."""
    text = str(url)
    if "://" in text:
        scheme, _, rest = text.partition("://")
        authority, slash, path = rest.partition("/")
        text = f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    text = _SECRET_IN_PATH.sub("", text)
    head, question, query = text.partition("?")
    names = [one.partition("=")[0] for one in query.partition("#")[0].split("&") if one]
    return head + ("?" + "&".join(f"{one}=…" for one in names) if question else "")


def referer(url: httpx.URL) -> str:
    """Return an address as a browser names it to the same server: whole, without user and fragment."""
    return str(url.copy_with(username=None, password=None, fragment=None))


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    port = url.port or (443 if url.scheme == "https" else 80)
    return url.scheme, url.host.casefold(), port


@dataclass
class Browser:
    """One visitor: a connection pool shared by its forks, a cookie jar and perhaps a bearer token.

    A `shared` session is used by several probes: none of them logs out in passing.
    With a `purpose`, each of its requests is announced before it is sent, or refused if above the scope.
    """

    http: GuardedTransport
    base: httpx.URL
    limits: Limits
    until: float
    transcript: list[str]
    jar: Jar = field(default_factory=Jar)
    token: str = field(default="", repr=False)
    token_header: str = ""
    announce: Announce = unheard
    purpose: Purpose | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    here: tuple[WebAsset, Context] | None = field(default=None, repr=False)
    shared: bool = False

    def fork(self, jar: Jar | None = None, *, token: str = "") -> Browser:
        """Return another visitor over the same pool, by default one without cookies."""
        return replace(self, jar=Jar() if jar is None else jar, token=token)

    def intruding(self, purpose: Purpose) -> Browser:
        """Return this visitor, with its cookies and token, whose every request is announced for a purpose."""
        return replace(self, purpose=purpose)

    def carrying(self, headers: Mapping[str, str]) -> Browser:
        """Return this visitor, with its cookies and token, who sends these headers along."""
        return replace(self, extra_headers=headers)

    def resolve(self, path: str, base: httpx.URL | None = None) -> httpx.URL:
        """Return the address of a declared path; a relative one is below the asset's address.

        Raises:
            NotDeclared: the path is not an address.

        """
        try:
            url = (base or self.base).join(path)
        except (httpx.InvalidURL, ValueError) as exc:
            raise NotDeclared(f"地址写法不对：{path}", cure="写成 /path 或完整网址") from exc
        if url.scheme not in ("http", "https") or not url.host:
            raise NotDeclared(f"地址写法不对：{path}", cure="写成 /path 或 http(s) 完整网址")
        return url.copy_with(username=None, password=None)

    def require_encrypted(self, url: httpx.URL) -> None:
        """See to it that no secret goes out in clear where the application is given as https.

        Every sender of a password, a code, a token or a message asks here; `send` does for what has a body.

        Raises:
            ProtocolMismatch: the address is one of plain HTTP.

        """
        if self.base.scheme == "https" and url.scheme != "https":
            raise ProtocolMismatch(
                f"请求转到明文 HTTP（{clean_url(url)}），未提交口令等内容",
                cure="核对登记的地址与页面中的表单；应用应全程使用 HTTPS",
            )

    async def visit(self, path: str | httpx.URL) -> Chain:
        """Return the answer of a page and of the redirects behind it.

        Raises:
            ProbeError: the first address gave no answer; a redirect's failure is told by `stopped`.

        """
        url = self.resolve(path) if isinstance(path, str) else path
        return await self.follow(await self.send("GET", url))

    async def follow(self, answer: Answer) -> Chain:
        """Follow redirects from an answer, by GET, within the cap."""
        answers = [answer]
        while answers[-1].location:
            if len(answers) > self.limits.redirects:
                return Chain(tuple(answers), f"重定向超过 {self.limits.redirects} 次")
            try:
                target = self.resolve(answers[-1].location, answers[-1].url)
                if target.query:
                    self.require_encrypted(target)  # it may repeat what was sent
                answers.append(await self.send("GET", target))
            except OutOfScope as exc:
                return Chain(tuple(answers), f"重定向目标不可访问：{exc.message}")
            except ProbeError as exc:
                return Chain(tuple(answers), f"重定向目标无法读取：{exc.message}")
        return Chain(tuple(answers))

    async def send(
        self,
        method: str,
        url: httpx.URL,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        note: str = "",
    ) -> Answer:
        """Return the answer to one request; `note` describes its body in the transcript.

        Raises:
            TimedOut, Unreachable, ProtocolMismatch, OutOfScope, NotAuthorised, NotSupported.

        """
        if content or any(one.casefold() == "authorization" for one in headers or ()):
            self.require_encrypted(url)
        request = self._request(method, url, content, headers or {})
        if self.purpose is not None:
            self.announce(self.purpose, f"{method} {clean_url(url)}" + (f"（{note}）" if note else ""))
        self.transcript.append(f"> {method} {clean_url(url)}" + (f"  （{note}）" if note else ""))
        try:
            try:
                answer = await self._bounded(request)
            except Dropped:
                if method != "GET" or (headers and "Authorization" in headers):
                    raise  # a login is sent once
                answer = await self._bounded(request)  # the server had closed an idle connection
        except ProbeError as exc:
            self.transcript.append(f"! {exc.reason.zh}：{exc.message}")
            raise
        self.jar.take(answer.headers.get_list("set-cookie"), url)
        self.transcript.extend(_told(answer))
        return answer

    def _request(
        self, method: str, url: httpx.URL, content: bytes, headers: Mapping[str, str]
    ) -> httpx.Request:
        timeout = httpx.Timeout(self.limits.read_s, connect=self.limits.connect_s).as_dict()
        request = httpx.Request(
            method, url, content=content or None, headers={**HEADERS, **self.extra_headers, **headers},
            extensions={"timeout": timeout},
        )  # fmt: skip
        cookies = self.jar.header(url)
        if cookies:
            request.headers["Cookie"] = cookies
        if self.token and origin(url) == origin(self.base):
            name = self.token_header
            request.headers[name or "Authorization"] = self.token if name else f"Bearer {self.token}"
        return request

    async def _bounded(self, request: httpx.Request) -> Answer:
        left = min(self.limits.request_s, self.until - time.monotonic())
        if left <= 0:
            raise TimedOut("本项检测的总时限已用完", cure="检查应用的响应速度后开始新的一轮")
        try:
            async with asyncio.timeout(left):
                response = await self.http.handle_async_request(request)
                try:
                    body = await self._body(response)
                finally:
                    await response.aclose()
        except TimeoutError as exc:
            raise TimedOut(f"{left:.0f} 秒内未收完应答", cure="检查应用的响应速度后开始新的一轮") from exc
        if nesting(body) > MAX_NESTING:
            raise ProtocolMismatch("页面标签嵌套过深，无法解析", cure="登记其他页面或接口")
        return Answer(request.method, request.url, response.status_code, response.headers, body)

    async def _body(self, response: httpx.Response) -> bytes:
        limit = self.limits.body_bytes
        coding = str(response.headers.get("content-encoding", "")).strip().casefold()
        inflate = _inflater(coding)
        parts: list[bytes] = []
        size = 0
        async for raw in response.aiter_raw():
            part = inflate(raw, limit + 1 - size)
            size += len(part)
            if size > limit:
                raise ProtocolMismatch(
                    f"应答超过 {limit // 1024} KiB 仍未结束，已停止读取", cure="登记较小的页面或接口"
                )
            parts.append(part)
        return b"".join(parts)


class _Inflater:
    """Undoes gzip or deflate, never past what is asked for."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=47)

    def __call__(self, data: bytes, limit: int) -> bytes:
        try:
            return self._zlib.decompress(data, max(limit, 1))
        except zlib.error as exc:
            raise ProtocolMismatch("应答的压缩内容损坏", cure="检查应用或其代理的压缩设置") from exc


def _plain(data: bytes, limit: int) -> bytes:
    del limit
    return data


def _inflater(coding: str) -> Callable[[bytes, int], bytes]:
    if coding in ("", "identity"):
        return _plain
    if coding in ("gzip", "x-gzip", "deflate"):
        return _Inflater()
    raise ProtocolMismatch(f"应答采用了未请求的压缩方式 {coding[:20]}", cure="检查应用或其代理的压缩设置")


def _told(answer: Answer) -> list[str]:
    lines = [f"< {answer.status}"]
    for name, value in answer.headers.multi_items():
        lines.append(f"< {name}: {_masked(name.casefold(), value)}")
    digest = hashlib.sha256(answer.body).hexdigest()
    lines.append(f"< （正文 {len(answer.body)} 字节，sha256 {digest}；正文可能含个人信息，不留存）")
    return lines


def _masked(name: str, value: str) -> str:
    """Return a header for the record: no cookie value, no token, no query value, 500 characters."""
    if name == "set-cookie":
        head, semicolon, rest = value.partition(";")
        value = f"{head.partition('=')[0]}=…{semicolon}{rest}"
    elif name in ("location", "content-location", "refresh", "link"):
        value = clean_url(value)
    elif "token" in name or "auth" in name:
        value = "…"
    return value[:500]


@asynccontextmanager
async def opened(
    asset: WebAsset, context: Context, *, probe: str, limits: Limits | None = None
) -> AsyncIterator[Browser]:
    """Give a visitor of the asset; its transcript is kept when it leaves.

    Raises:
        NotDeclared: the asset's address or CA file cannot be used.

    """
    bounds = limits or Limits()
    base = asset_url(asset)
    transcript: list[str] = []
    async with transport(context.guard, asset=asset.id, probe=probe, ca_file=asset.ca_file) as http:
        try:
            header = asset.login.token_header if asset.login else ""
            until = time.monotonic() + bounds.all_s
            yield Browser(
                http,
                base,
                bounds,
                until,
                transcript,
                token_header=header,
                announce=context.announce,
                here=(asset, context),
            )
        finally:
            context.keep(f"{probe}.txt", "\n".join(transcript).encode())


def asset_url(asset: WebAsset) -> httpx.URL:
    """Return the asset's address as a folder, so that relative paths lie below it.

    Raises:
        NotDeclared: not an http or https address.

    """
    try:
        url = httpx.URL(asset.url)
    except (httpx.InvalidURL, ValueError) as exc:
        raise NotDeclared(
            f"测评对象的 url 写法不对：{asset.url}", cure="写成 https://主机:端口/路径"
        ) from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise NotDeclared(f"测评对象的 url 写法不对：{asset.url}", cure="写成 https://主机:端口/路径")
    last = url.path.rpartition("/")[2]
    folder = url.path + ("/" if last and "." not in last else "")
    return url.copy_with(path=folder, username=None, password=None)
