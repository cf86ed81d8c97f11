"""Hears HTTP/1 in clear: requests and answers, their fields, and bodies as far as they can be decoded.

Source: RFC 9112 §2, §6, §7; RFC 9110 §7.8, §8.4; RFC 9113 §3.4; RFC 7540 §3.2 (upgrade to h2c).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from .bodies import Body, GrpcBody, body_of
from .content import Ledger
from .heads import Heads
from .http2 import Http2
from .unpacking import Purse
from .websocket import WebSocket

REQUEST: Final = re.compile(rb"[A-Z]{3,20} [^\s]{1,8192} HTTP/1\.[01]\r?\n")
_HTTP2: Final = b"PRI * HTTP/2.0\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_MAX_HEAD: Final = 16 << 10
_MAX_LINE: Final = 256
_MAX_WAITING: Final = 1024


def begins_http(data: bytes) -> bool:
    """Tell whether `data` begins a request or an answer of HTTP/1."""
    return _STATUS.match(data) is not None or REQUEST.match(data) is not None


def begins_http2(data: bytes) -> bool:
    """Tell whether `data` begins HTTP/2 without TLS."""
    return data.startswith(_HTTP2)


def _begins(one: _Side) -> bool:
    return (_STATUS.match(one.buffer, one.here) or REQUEST.match(one.buffer, one.here)) is not None


class Successor(Protocol):
    """What a connection speaks after it was upgraded."""

    @property
    def unseen(self) -> int: ...  # noqa: D102
    @property
    def weight(self) -> int: ...  # noqa: D102
    def data(self, side: int, data: bytes, at: int) -> None: ...  # noqa: D102
    def gap(self, side: int, size: int) -> None: ...  # noqa: D102
    def finish(self) -> None: ...  # noqa: D102


class _Side:
    def __init__(self) -> None:
        self.buffer = b""
        self.here = 0  # what lies before it is done with; cut off at the end of a window
        self.at = 0  # place of that in the stream
        self.state = "head"
        self.left = 0  # of the body or of the present chunk; -1: until the connection closes
        self.chunked = False
        self.body: Body | GrpcBody | None = None


class Http:
    """Hears both sides of one connection; `unseen` counts bytes that were not decoded."""

    def __init__(self, ledger: Ledger, purse: Purse) -> None:
        self._ledger = ledger
        self._purse = purse
        self._heads = Heads(ledger)
        self._sides = (_Side(), _Side())
        self._methods: deque[str] = deque(maxlen=_MAX_WAITING)
        self._unseen = 0
        self.upgraded = ""
        self.after: Successor | None = None

    def data(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        one = self._sides[side]
        if self.upgraded:
            self._pass_on(side, data, at)
            return
        if not one.buffer:
            one.at = at
        one.buffer += data
        while one.here < len(one.buffer) and self._step(one, side):
            pass
        one.buffer, one.here = one.buffer[one.here :], 0
        if self.upgraded:
            for number, other in enumerate(self._sides):
                rest, other.buffer = other.buffer, b""
                self._pass_on(number, rest, other.at)

    def _pass_on(self, side: int, data: bytes, at: int) -> None:
        if self.after is None:
            self._unseen += len(data)
        elif data:
            self.after.data(side, data, at)

    def gap(self, side: int, size: int) -> None:
        """Pass over lost bytes: inside a body that is measured they count, else the next head is awaited."""
        if self.after is not None:
            self.after.gap(side, size)
            return
        one = self._sides[side]
        goes_on = one.state == "body" and not one.chunked and not 0 <= one.left <= size
        if one.body is not None and goes_on:
            one.body.gap()
            one.left -= size if one.left > 0 else 0
            return
        self._end(one)
        one.buffer, one.here, one.state = b"", 0, "lost"

    def finish(self) -> None:
        """Look through what was kept back."""
        for one in self._sides:
            self._end(one)
        if self.after is not None:
            self.after.finish()

    @property
    def unseen(self) -> int:
        """Return how many bytes were not decoded."""
        open_bodies = sum(one.body.unseen for one in self._sides if one.body is not None)
        return self._unseen + open_bodies + (self.after.unseen if self.after is not None else 0)

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        kept = 2048 + 64 * len(self._methods)
        kept += sum(len(one.buffer) + (one.body.weight if one.body else 0) for one in self._sides)
        return kept + (self.after.weight if self.after is not None else 0)

    def _step(self, one: _Side, side: int) -> bool:
        """Do one thing with the buffer; False when more bytes are needed."""
        if one.state == "body":
            return self._take_body(one)
        if one.state in {"size", "trailer"}:
            return self._chunk_line(one)
        if one.state == "lost":
            if not _begins(one):
                self._unseen += self._drop(one, len(one.buffer) - one.here)
                return False
            one.state = "head"
        return self._head(one, side)

    @staticmethod
    def _drop(one: _Side, count: int) -> int:
        one.here += count
        one.at += count
        return count

    # ---- heads -----------------------------------------------------------------------------------

    def _head(self, one: _Side, side: int) -> bool:
        if side == 0 and one.buffer.startswith(_HTTP2, one.here):
            self._upgrade("h2c", "")  # the client does not wait for the answer to its upgrade
            return False
        while one.buffer.startswith(b"\r\n", one.here):
            self._drop(one, 2)
        end = one.buffer.find(b"\r\n\r\n", one.here)
        left = len(one.buffer) - one.here
        if (end < 0 and left > _MAX_HEAD) or (end >= 0 and not _begins(one)):
            one.state = "lost"
            self._unseen += self._drop(one, left)
            return False
        if end < 0:
            return False
        lines = one.buffer[one.here : end].decode("utf-8", "replace").split("\r\n")
        pairs, at = _fields(lines[1:]), one.at
        if not lines[0].startswith("HTTP/"):
            method, _, rest = lines[0].partition(" ")
            self._methods.append(method)
            self._heads.target(rest.rpartition(" ")[0], side, at)
        self._heads.fields(pairs, side, at)
        self._drop(one, end + 4 - one.here)
        self._begin_body(one, side, lines[0], dict(pairs))
        return not self.upgraded

    # ---- bodies ----------------------------------------------------------------------------------

    def _begin_body(self, one: _Side, side: int, first: str, fields: dict[str, str]) -> None:
        self._end(one)
        one.left = _length(fields)
        codings = [part.strip() for part in fields.get("transfer-encoding", "").lower().split(",")]
        one.chunked = "chunked" in codings
        if packed := ", ".join(part for part in codings if part not in {"", "chunked", "identity"}):
            fields["content-encoding"] = ", ".join(filter(None, (fields.get("content-encoding"), packed)))
        if first.startswith("HTTP/"):
            if not self._answer_body(first[9:12], fields):
                return
        elif not one.chunked and one.left < 0:
            one.left = 0
        if one.chunked or one.left:
            one.body = body_of(self._ledger, side, fields, self._purse)
            one.state = "size" if one.chunked else "body"

    def _answer_body(self, status: str, fields: dict[str, str]) -> bool:
        """Tell whether an answer has a body; note where the connection changes."""
        if status == "101":
            self._upgrade(
                fields.get("upgrade", "unknown").lower().strip(), fields.get("sec-websocket-extensions", "")
            )
            return False
        if status.startswith("1"):
            return False
        method = self._methods.popleft() if self._methods else ""
        if method == "CONNECT" and status.startswith("2"):
            self.upgraded = "connect"
            return False
        return method != "HEAD" and status not in {"204", "304"}

    def _upgrade(self, to: str, extensions: str) -> None:
        self.upgraded = to
        make = _SUCCESSORS.get(to)
        self.after = make(self._ledger, self._purse, extensions) if make is not None else None

    def _take_body(self, one: _Side) -> bool:
        end = len(one.buffer) if one.left < 0 else one.here + one.left
        piece = one.buffer[one.here : end]
        at = one.at
        self._drop(one, len(piece))
        if one.body is not None:
            one.body.feed(piece, at)
        if one.left > 0:
            one.left -= len(piece)
            if one.left == 0:
                one.state = "trailer" if one.chunked else "head"
                if not one.chunked:
                    self._end(one)
        return True

    def _chunk_line(self, one: _Side) -> bool:
        end = one.buffer.find(b"\n", one.here)
        if end < 0:
            too_long = len(one.buffer) - one.here > _MAX_LINE
            if too_long:
                one.state = "lost"
            return too_long
        line = one.buffer[one.here : end].strip()
        self._drop(one, end + 1 - one.here)
        if one.state == "trailer":  # the line end behind a chunk
            one.state = "size"
            return True
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            one.state = "lost"
            return True
        if size > 0:
            one.left, one.state = size, "body"
            return True
        self._end(one)
        one.state = "head"  # trailers are rare; the empty line is passed over before the next head
        return True

    def _end(self, one: _Side) -> None:
        if one.body is not None:
            one.body.finish()
            self._unseen += one.body.unseen
            one.body = None


_SUCCESSORS: Final[dict[str, Callable[[Ledger, Purse, str], Successor]]] = {
    "h2c": lambda ledger, purse, _extensions: Http2(ledger, purse),
    "websocket": WebSocket,
}


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
