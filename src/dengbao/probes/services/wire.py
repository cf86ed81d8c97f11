"""One bounded conversation with one port: few bytes, few seconds, a transcript of what was said."""

from __future__ import annotations

import asyncio
import re
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from ...errors import ProtocolMismatch
from ..base import Context

ANSWER_S: Final = 2.0
_CONNECT_S: Final = 3.0
_CLOSE_S: Final = 0.5
_MOST_BYTES: Final = 256 * 1024
_EVIDENCE_CHARS: Final = 120
# Numbers as long as those of phones, identity cards and bank cards do not belong into evidence.
_LONG_NUMBER: Final = re.compile(r"\d[\d -]{9,}[\dXx]")
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\u4e00-\u9fff]+")


@dataclass(frozen=True)
class Place:
    """A port of an admitted address, and as whose probe we come."""

    context: Context
    asset: str
    probe: str
    address: str
    port: int


@dataclass
class Conversation:
    """What is said and heard on one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: bytearray = field(default_factory=bytearray)
    patience_s: float = ANSWER_S

    def end(self) -> None:
        """Cut the connection at once, so that the next one does not stand beside it."""
        self.writer.transport.abort()

    async def say(self, data: bytes) -> None:
        """Send; a peer that went away is heard of at the next reading."""
        with suppress(OSError):
            self.writer.write(data)
            async with asyncio.timeout(ANSWER_S):
                await self.writer.drain()

    async def hear(self, wait_s: float = ANSWER_S) -> bytes:
        """Return the next piece, empty when nothing comes in time or the peer has ended."""
        if len(self.heard) >= _MOST_BYTES:
            raise ProtocolMismatch("应答过长，已停止读取")
        try:
            async with asyncio.timeout(wait_s):
                data = await self.reader.read(16384)
        except (TimeoutError, OSError):
            return b""
        self.heard += data
        return data

    async def exactly(self, count: int) -> bytes:
        """Return that many bytes.

        Raises:
            ProtocolMismatch: the peer ended, waits too long or would send too much.

        """
        if count + len(self.heard) > _MOST_BYTES:
            raise ProtocolMismatch("应答过长，已停止读取")
        try:
            async with asyncio.timeout(self.patience_s):
                data = await self.reader.readexactly(count)
        except (TimeoutError, OSError, EOFError) as exc:
            raise ProtocolMismatch("应答不完整") from exc
        self.heard += data
        return data

    async def ask(self, data: bytes, wait_s: float = ANSWER_S) -> bytes:
        """Send, and return the next piece."""
        await self.say(data)
        return await self.hear(wait_s)

    async def until(self, end: bytes, wait_s: float = ANSWER_S) -> bytes:
        """Return what comes until `end` was heard, the peer is silent, or the bound is met."""
        begin = len(self.heard)
        deadline = asyncio.get_running_loop().time() + wait_s
        while end not in self.heard[begin:]:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0 or not await self.hear(left_s):
                break
        return bytes(self.heard[begin:])


@asynccontextmanager
async def talk(place: Place, *, tls: bool = False) -> AsyncIterator[Conversation]:
    """Connect through the guard and yield the conversation; the connection ends with the block.

    Raises:
        ProbeError: no connection, or with `tls` no handshake.

    """
    sock = await place.context.guard.connect(
        place.address, place.port, asset=place.asset, probe=place.probe, timeout_s=_CONNECT_S
    )
    try:
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=_any_tls() if tls else None, server_hostname="" if tls else None
            )
    except (TimeoutError, OSError, ValueError) as exc:
        sock.close()
        raise ProtocolMismatch("未能完成 TLS 握手") from exc
    try:
        yield Conversation(reader, writer)
    finally:
        writer.transport.abort()  # nothing that is still to be sent matters
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_S):
                await writer.wait_closed()


def _any_tls() -> ssl.SSLContext:
    """Return a context that shakes hands with anything: what TLS is worth is asked by other probes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings(), suppress(ssl.SSLError):
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def clip(data: bytes | str, most: int = _EVIDENCE_CHARS) -> str:
    """Return a short printable piece without long numbers, as evidence."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    text = _UNPRINTABLE.sub(" ", text.replace("\ufffd", " ")).strip()
    return _LONG_NUMBER.sub("…", text)[:most].rstrip()
