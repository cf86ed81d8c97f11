"""Flips a bit of the toolkit's own TLS record on its way, and sees whether the other side notices."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from ...errors import ProbeError
from ...model import Asset, Level
from ..base import Context, Observed, Purpose
from ..tls.handshake import lenient_context
from ..tls.line import Line
from ..tls.target import line_to, target_of
from .browser import asset_url
from .entering import as_web
from .facts_tampering import ChannelTry, WebTampering

PURPOSE: Final = Purpose(Level.INTRUDE, "在传输途中篡改自己的一条加密记录", "6.a.2")
_ANSWER_S: Final = 6.0
_MOST_BYTES: Final = 256 * 1024
_APPLICATION_DATA: Final = 23
_HEAD_BYTES: Final = 5
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_ALERT: Final = re.compile(r"alert ([a-z ]+)|ALERT_([A-Z_]+)")


async def probe(asset: Asset, context: Context) -> Observed:
    """Send the same request three times, the second with one bit of its encrypted record flipped.

    Sends: three TLS connections with one GET of the application's address each.
    Changes: nothing; a server may log the broken record.
    Level: intrude.

    Raises:
        NotDeclared, OutOfScope, NotAuthorised, Unreachable, ProbeIncapable.

    """
    web = as_web(asset)
    target = target_of(web)
    path = asset_url(web).path or "/"
    request = f"GET {path}"
    address = f"{target.host}:{target.port}"
    if urlsplit(web.url).scheme != "https":
        return Observed((WebTampering(scheme="http", address=address, request=request),), privilege="未登录")
    line = await line_to(asset, target, context, probe="web.tampering")
    lines = (f"GET {path} HTTP/1.1", f"Host: {address}", "User-Agent: dengbao", "Connection: close", "", "")
    sent = "\r\n".join(lines).encode()
    tries: list[ChannelTry] = []
    for altered in (False, True, False):
        if altered:
            context.announce(PURPOSE, f"{request}（加密记录翻转一位）")
        tries.append(await _try(line, sent, altered=altered))
    told = "\n".join(f"{one.at.isoformat()} altered={one.altered} {one.ended} {one.alert}" for one in tries)
    context.keep("web.tampering.txt", told.encode())
    facts = WebTampering(scheme="https", address=address, request=request, tries=tuple(tries))
    return Observed((facts,), privilege="未登录")


async def _try(line: Line, request: bytes, *, altered: bool) -> ChannelTry:
    at = datetime.now(UTC)
    try:
        async with line.open(_ANSWER_S) as sock, asyncio.timeout(_ANSWER_S):
            return await _converse(_Channel(sock, line.server_name), request, at, altered=altered)
    except TimeoutError:
        return ChannelTry(altered=altered, ended="silent", at=at)
    except ProbeError as exc:
        return ChannelTry(altered=altered, ended="failed", at=at, alert=exc.message)


async def _converse(channel: _Channel, request: bytes, at: datetime, *, altered: bool) -> ChannelTry:
    try:
        await channel.shake_hands()
    except (ssl.SSLError, OSError) as exc:
        return ChannelTry(altered=altered, ended="failed", at=at, alert=_name_of(exc))
    try:
        answer = await channel.ask(request, altered=altered)
    except ssl.SSLError as exc:
        return ChannelTry(altered=altered, ended="alert", at=at, alert=_name_of(exc))
    except OSError:
        return ChannelTry(altered=altered, ended="closed", at=at)
    found = _STATUS.match(answer)
    if found is None:
        return ChannelTry(altered=altered, ended="closed", at=at)
    return ChannelTry(altered=altered, ended="answered", at=at, status=int(found[1]))


def _name_of(exc: Exception) -> str:
    found = _ALERT.search(str(exc))
    return (found[1] or found[2]).strip().casefold().replace(" ", "_") if found else type(exc).__name__


@dataclass
class _Channel:
    """A TLS client whose records pass through our hands before they reach the socket."""

    sock: socket.socket
    server_name: str
    incoming: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    read_bytes: int = 0

    def __post_init__(self) -> None:
        name = self.server_name or None
        self.tls = lenient_context().wrap_bio(self.incoming, self.outgoing, server_hostname=name)

    async def shake_hands(self) -> None:
        """Finish the handshake, unaltered."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return

    async def ask(self, request: bytes, *, altered: bool) -> bytes:
        """Send a request and return the beginning of the answer, empty where the connection just ended."""
        self.tls.write(request)
        record = self.outgoing.read()
        await self._send(flipped(record) if altered else record)
        answer = b""
        while self.read_bytes < _MOST_BYTES and b"\r\n" not in answer:
            try:
                more = self.tls.read(16384)
            except ssl.SSLWantReadError:
                if not await self._fill():
                    return answer
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return answer
            if not more:
                return answer
            answer += more
        return answer

    async def _fill(self) -> bool:
        data = await asyncio.get_running_loop().sock_recv(self.sock, 16384)
        self.read_bytes += len(data)
        if not data:
            self.incoming.write_eof()
            return False
        self.incoming.write(data)
        return True

    async def _flush(self) -> None:
        data = self.outgoing.read()
        if data:
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)


def flipped(record: bytes) -> bytes:
    """Return one record of application data with one bit of its protected part flipped."""
    if len(record) <= _HEAD_BYTES or record[0] != _APPLICATION_DATA:
        raise ValueError("not a record of application data")
    place = _HEAD_BYTES + (len(record) - _HEAD_BYTES) // 2
    return record[:place] + bytes((record[place] ^ 1,)) + record[place + 1 :]
