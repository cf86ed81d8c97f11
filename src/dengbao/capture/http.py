"""Hears HTTP/1 in clear: requests and answers, their fields, and bodies as far as they can be decoded.

Source: RFC 9112 §2, §6, §7; RFC 9110 §8.4; RFC 7617; RFC 9113 §3.4.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections import deque
from typing import Final
from urllib.parse import parse_qsl

from .content import Ledger, Scanner, judge
from .findings import Kind

REQUEST: Final = re.compile(rb"[A-Z]{3,20} [^\s]{1,8192} HTTP/1\.[01]\r?\n")
_HTTP2: Final = b"PRI * HTTP/2.0\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_MAX_HEAD: Final = 16 << 10
_MAX_LINE: Final = 256
_MAX_INFLATED: Final = 4 << 20  # of one body; what is beyond it was not seen
_MAX_INFLATING: Final = 256  # bodies at a time, each of which holds a window of 32 KiB
_INFLATING_BYTES: Final = 48 << 10
_MAX_WAITING: Final = 1024
_INFLATE: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_OPAQUE: Final = (
    "image/",
    "video/",
    "audio/",
    "font/",
    "application/zip",
    "application/pdf",
    "application/dicom",
)
_PROGRAM: Final = ("text/html", "text/css", "javascript", "ecmascript")
_SESSION: Final = re.compile(
    r"sess|token|auth|jwt|sid$|^sid|ticket|login|uid|user|rememberme|shiro", re.IGNORECASE
)
_SECRET_HEADERS: Final = frozenset(
    ("x-api-key", "x-auth-token", "x-access-token", "token", "access-token", "x-token")
)


def begins_http(data: bytes) -> bool:
    """Tell whether `data` begins a request or an answer of HTTP/1."""
    return _STATUS.match(data) is not None or REQUEST.match(data) is not None


def begins_http2(data: bytes) -> bool:
    """Tell whether `data` begins HTTP/2 without TLS."""
    return data.startswith(_HTTP2)


class _Body:
    """The body of one message: where its bytes end and how they are decoded."""

    def __init__(self) -> None:
        self.left = 0  # of the body or of the present chunk; -1: until the connection closes
        self.chunked = False
        self.inflate: zlib._Decompress | None = None
        self.inflated = 0
        self.scanner: Scanner | None = None


class _Side:
    def __init__(self) -> None:
        self.buffer = b""
        self.at = 0  # place of the buffer in the stream
        self.state = "head"
        self.body = _Body()


class Http:
    """Hears both sides of one connection; `unseen` counts bytes that were not decoded."""

    inflating = 0

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._sides = (_Side(), _Side())
        self._methods: deque[str] = deque(maxlen=_MAX_WAITING)
        self.unseen = 0
        self.upgraded = ""
        self.messages = 0

    def data(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        one = self._sides[side]
        if self.upgraded:
            self.unseen += len(data)
            return
        if not one.buffer:
            one.at = at
        one.buffer += data
        while one.buffer and self._step(one, side):
            pass

    def gap(self, side: int, size: int) -> None:
        """Pass over lost bytes: inside a body that is measured they count, else the next head is awaited."""
        one = self._sides[side]
        self._end(one)
        if one.state == "body" and not one.body.chunked and (one.body.left < 0 or one.body.left > size):
            one.body.inflate, one.body.scanner = None, Scanner(self._ledger, side, "body")
            one.body.left -= size if one.body.left > 0 else 0
            return
        one.buffer, one.state = b"", "lost"

    def finish(self) -> None:
        """Look through what was kept back."""
        for one in self._sides:
            self._end(one)

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        kept = 2048 + 64 * len(self._methods)
        for one in self._sides:
            kept += len(one.buffer) + (one.body.scanner.weight if one.body.scanner else 0)
            kept += _INFLATING_BYTES if one.body.inflate is not None else 0
        return kept

    def _step(self, one: _Side, side: int) -> bool:
        """Do one thing with the buffer; False when more bytes are needed."""
        if one.state == "body":
            return self._take_body(one)
        if one.state in {"size", "trailer"}:
            return self._chunk_line(one)
        if one.state == "lost":
            if not begins_http(one.buffer):
                self.unseen += self._drop(one, len(one.buffer))
                return False
            one.state = "head"
        return self._head(one, side)

    @staticmethod
    def _drop(one: _Side, count: int) -> int:
        one.buffer = one.buffer[count:]
        one.at += count
        return count

    # ---- heads -----------------------------------------------------------------------------------

    def _head(self, one: _Side, side: int) -> bool:
        end = one.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(one.buffer) > _MAX_HEAD:
                one.state = "lost"
                self.unseen += self._drop(one, len(one.buffer))
            return False
        lines = one.buffer[:end].decode("utf-8", "replace").lstrip("\r\n").split("\r\n")
        if not begins_http(one.buffer.lstrip(b"\r\n")):
            one.state = "lost"
            self.unseen += self._drop(one, len(one.buffer))
            return False
        fields = dict(_fields(lines[1:]))
        self.messages += 1
        self._read_head(side, lines[0], lines[1:], one.at)
        self._drop(one, end + 4)
        self._begin_body(one, side, lines[0], fields)
        return True

    def _read_head(self, side: int, first: str, lines: list[str], at: int) -> None:
        if not first.startswith("HTTP/"):
            method, _, rest = first.partition(" ")
            self._methods.append(method)
            self._pairs(
                parse_qsl(rest.rpartition(" ")[0].partition("?")[2], max_num_fields=200), "url", side, at
            )
        for name, value in _fields(lines):
            if name in {"authorization", "proxy-authorization"}:
                self._authorization(value, side, at)
            elif name in {"cookie", "set-cookie"}:
                self._cookies(name, value, side, at)
            elif name in _SECRET_HEADERS and len(value) >= 8:
                self._ledger.add(Kind.TOKEN, "header", name, side, at, value)
            elif name == "referer":
                self._pairs(parse_qsl(value.partition("?")[2], max_num_fields=200), "header", side, at)

    def _authorization(self, value: str, side: int, at: int) -> None:
        scheme, _, rest = value.partition(" ")
        if scheme.lower() != "basic":
            if len(rest or value) >= 8:
                self._ledger.add(
                    Kind.TOKEN,
                    "header",
                    f"authorization {scheme[:12]}" if rest else "authorization",
                    side,
                    at,
                    rest,
                )
            return
        try:
            _user, colon, password = base64.b64decode(rest.strip()).decode("utf-8", "replace").partition(":")
        except (binascii.Error, ValueError):
            return
        if colon and password:
            self._ledger.add(Kind.PASSWORD, "header", "authorization Basic", side, at, password)

    def _cookies(self, name: str, value: str, side: int, at: int) -> None:
        pairs = value.split(";")[: 1 if name == "set-cookie" else 64]
        for pair in pairs:
            key, _, content = pair.strip().partition("=")
            if len(content) >= 8 and _SESSION.search(key):
                self._ledger.add(Kind.COOKIE, "header", key[:40], side, at, content)

    def _pairs(self, pairs: list[tuple[str, str]], where: str, side: int, at: int) -> None:
        for name, value in pairs:
            judged = judge(name, value)
            if judged is not None:
                self._ledger.add(judged[0], where, name[:40], side, at, judged[1])
            scanner = Scanner(self._ledger, side, where)
            scanner.feed(f"{name}={value}".encode(), at) if judged is None and len(value) >= 11 else None
            scanner.finish()

    # ---- bodies ----------------------------------------------------------------------------------

    def _begin_body(self, one: _Side, side: int, first: str, fields: dict[str, str]) -> None:
        self._end(one)
        body = one.body = _Body()
        body.left = _length(fields)
        body.chunked = "chunked" in fields.get("transfer-encoding", "").lower()
        if first.startswith("HTTP/"):
            if not self._answer_body(first[9:12], fields):
                return
        elif not body.chunked and body.left < 0:
            body.left = 0
        kind = fields.get("content-type", "").lower()
        coding = fields.get("content-encoding", "").lower().strip()
        if coding in _INFLATE and Http.inflating < _MAX_INFLATING:
            body.inflate = zlib.decompressobj(_INFLATE[coding])
            Http.inflating += 1
        readable = coding in {"", "identity"} or body.inflate is not None
        if readable and not kind.startswith(_OPAQUE):
            program = side == 1 and any(one in kind for one in _PROGRAM)
            where = "form" if "form" in kind else "body"
            body.scanner = Scanner(self._ledger, side, where, pairs=not program, json="json" in kind)
        if body.chunked or body.left:
            one.state = "size" if body.chunked else "body"

    def _answer_body(self, status: str, fields: dict[str, str]) -> bool:
        """Tell whether an answer has a body; note where the connection changes."""
        if status == "101":
            self.upgraded = fields.get("upgrade", "unknown").lower()
            return False
        if status.startswith("1"):
            return False
        method = self._methods.popleft() if self._methods else ""
        if method == "CONNECT" and status.startswith("2"):
            self.upgraded = "connect"
            return False
        return method != "HEAD" and status not in {"204", "304"}

    def _take_body(self, one: _Side) -> bool:
        body = one.body
        piece = one.buffer if body.left < 0 else one.buffer[: body.left]
        at = one.at
        self._drop(one, len(piece))
        self._decode(body, piece, at)
        if body.left > 0:
            body.left -= len(piece)
            if body.left == 0:
                one.state = "trailer" if body.chunked else "head"
                if not body.chunked:
                    self._end(one)
        return True

    def _decode(self, body: _Body, piece: bytes, at: int) -> None:
        if body.scanner is None:
            self.unseen += len(piece)
            return
        if body.inflate is None:
            body.scanner.feed(piece, at)
            return
        try:
            plain = body.inflate.decompress(piece, _MAX_INFLATED - body.inflated)
        except zlib.error:
            plain = b""
        body.inflated += len(plain)
        if plain:
            body.scanner.feed(plain, at)
        if not plain or body.inflated >= _MAX_INFLATED:
            self.unseen += len(piece)
        if body.inflated >= _MAX_INFLATED:
            body.scanner.finish()
            self._release(body)
            body.scanner = None

    def _chunk_line(self, one: _Side) -> bool:
        end = one.buffer.find(b"\n")
        if end < 0:
            if len(one.buffer) > _MAX_LINE:
                one.state = "lost"
            return len(one.buffer) > _MAX_LINE
        line = one.buffer[:end].strip()
        self._drop(one, end + 1)
        if one.state == "trailer":  # the line end behind a chunk
            one.state = "size"
            return True
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            one.state = "lost"
            return True
        if size > 0:
            one.body.left, one.state = size, "body"
            return True
        self._end(one)
        one.state = "head"  # trailers are rare; the empty line is passed over before the next head
        return True

    def _release(self, body: _Body) -> None:
        if body.inflate is not None:
            body.inflate = None
            Http.inflating -= 1

    def _end(self, one: _Side) -> None:
        if one.body.scanner is not None:
            one.body.scanner.finish()
        self._release(one.body)


def _fields(lines: list[str]) -> list[tuple[str, str]]:
    found = []
    for line in lines[:200]:
        name, colon, value = line.partition(":")
        if colon:
            found.append((name.strip().lower(), value.strip()))
    return found


def _length(fields: dict[str, str]) -> int:
    text = fields.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1
