"""A forward proxy on loopback for Chromium: every host and port it asks for passes the guard first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ...errors import ProbeError
from ...scope import Guard

MAX_CONNECTIONS: Final = 64
MAX_BYTES: Final = 256 * 1024 * 1024
_HEAD_S: Final = 10.0
_IDLE_S: Final = 60.0
_CHUNK: Final = 65536
_REFUSED: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_OPEN: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_HOP: Final = (b"proxy-", b"connection:", b"keep-alive:", b"upgrade-insecure-requests:")


@dataclass
class Forward:
    """The proxy; `refused` are the places it did not lead to, with the guard's reason.

    `plain_allowed`: while False, nothing that is sent in clear goes out. `heard` is told of each place before
    it is connected to, and may refuse it by a ProbeError.
    """

    guard: Guard
    asset: str
    probe: str
    refused: dict[str, str] = field(default_factory=dict)
    plain_allowed: bool = True
    heard: Callable[[str], None] = lambda _place: None
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _bytes: int = 0

    async def __aenter__(self) -> Forward:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_CHUNK)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for one in self._tasks:
            one.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # either side went away, or spoke nonsense
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_S)
        method, target, _version = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        if method == "CONNECT":
            place, first = target, b""
            host, _, port = target.rpartition(":")
        else:
            place, first, host, port = _plain(method, target, head)
            if not self.plain_allowed:
                self.refused[place] = "应用以 https 登记，明文请求未放行"
                host = ""
        behind = await self._connect(host.strip("[]"), int(port), place) if host else None
        if behind is None:
            writer.write(_REFUSED)
            await writer.drain()
            return
        far_reader, far_writer = behind
        try:
            if first:
                far_writer.write(first)
            else:
                writer.write(_OPEN)
            await self._pump_both((reader, far_writer), (far_reader, writer))
        finally:
            far_writer.close()

    async def _connect(
        self, host: str, port: int, place: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            self.heard(place.partition("?")[0])
            sock = await self.guard.connect(host, port, asset=self.asset, probe=self.probe)
        except ProbeError as exc:
            if len(self.refused) < MAX_CONNECTIONS:
                self.refused[place[:200]] = exc.message
            return None
        return await asyncio.open_connection(sock=sock, limit=_CHUNK)

    async def _pump_both(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        """Copy both ways until either side has nothing more to say."""
        tasks = [asyncio.create_task(self._pump(*one)) for one in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.ALL_COMPLETED)
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            while data := await asyncio.wait_for(source.read(_CHUNK), _IDLE_S):
                self._bytes += len(data)
                if self._bytes > MAX_BYTES:
                    break
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.close()


def _plain(method: str, target: str, head: bytes) -> tuple[str, bytes, str, str]:
    """Return place, the request as its server wants it, host and port; an empty host refuses.

    Raises:
        ValueError: the address cannot be read.

    """
    parts = urlsplit(target)
    if parts.scheme != "http" or not parts.hostname:
        return target[:200], b"", "", "0"
    path = parts.path or "/"
    line = f"{method} {path}{'?' + parts.query if parts.query else ''} HTTP/1.1".encode("latin-1")
    kept = [one for one in head.split(b"\r\n")[1:-2] if not one.lower().startswith(_HOP)]
    request = b"\r\n".join([line, *kept, b"Connection: close", b"", b""])
    return f"{parts.hostname}:{parts.port or 80}", request, parts.hostname, str(parts.port or 80)
