"""A CONNECT proxy on loopback that leads to one admitted address and nowhere else.

sslyze opens hundreds of connections as fast as it can. Through this tunnel each of them waits for
the asset's pace and place like every other connection, and can reach no other address.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ...errors import ProbeError
from .line import Line

_HEAD_S: Final = 10.0
_IDLE_S: Final = 15.0
_MOST_BYTES: Final = 4 * 1024 * 1024


@asynccontextmanager
async def tunnel(line: Line) -> AsyncIterator[int]:
    """Yield the loopback port of a proxy; when the block ends all its connections are cut."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(_relay(line, near))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setblocking(False)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = asyncio.create_task(serve(listener))
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.cancel()
            ended = [server, *tasks]
            for task in ended:
                task.cancel()
            await asyncio.gather(*ended, return_exceptions=True)


async def _relay(line: Line, near: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with near:
        near.setblocking(False)
        # Either end may break off at any time; then both are closed and nothing else happens.
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_HEAD_S):
                await _read_head(near)
            try:
                async with line.open() as far:
                    await loop.sock_sendall(near, b"HTTP/1.1 200 OK\r\n\r\n")
                    await _both_ways(near, far)
            except ProbeError:
                await loop.sock_sendall(near, b"HTTP/1.1 502 Bad Gateway\r\n\r\n")


async def _read_head(near: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < 8192:
        more = await loop.sock_recv(near, 1024)
        if not more:
            raise ConnectionResetError
        head += more


async def _both_ways(near: socket.socket, far: socket.socket) -> None:
    """Carry bytes until one end hangs up, nothing came for a while, or far too much did."""
    relay = _Relay(asyncio.get_running_loop(), near, far)
    relay.begin()
    try:
        while not relay.ended.done() and relay.came:
            relay.came = False
            await asyncio.wait((relay.ended,), timeout=_IDLE_S)
    finally:
        relay.end()


class _Relay:
    """Both directions of one connection, without a task for either: sslyze opens hundreds of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, near: socket.socket, far: socket.socket) -> None:
        self.ended: asyncio.Future[None] = loop.create_future()
        self.came = True
        self._loop = loop
        self._ways = ((near, far), (far, near))
        self._left = {near: _MOST_BYTES, far: _MOST_BYTES}
        self._waiting: dict[socket.socket, bytes] = {}

    def begin(self) -> None:
        """Carry what comes from now on."""
        for source, sink in self._ways:
            # A handshake is many small messages that each wait for the other's.
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.add_reader(source, self._read, source, sink)

    def end(self) -> None:
        """Leave both sockets alone; they are not closed."""
        if not self.ended.done():
            self.ended.set_result(None)
        for source, _ in self._ways:
            self._loop.remove_reader(source)
            self._loop.remove_writer(source)

    def _read(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            data = source.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._left[source] -= len(data)
        if not data or self._left[source] < 0:
            self.end()
            return
        self.came = True
        self._send(source, sink, data)

    def _send(self, source: socket.socket, sink: socket.socket, data: bytes) -> None:
        try:
            sent = sink.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.end()
            return
        rest = data[sent:]
        if rest:
            # No more is read from the one end until the other has taken this.
            self._waiting[sink] = rest
            self._loop.remove_reader(source)
            self._loop.add_writer(sink, self._go_on, source, sink)

    def _go_on(self, source: socket.socket, sink: socket.socket) -> None:
        self._loop.remove_writer(sink)
        self._loop.add_reader(source, self._read, source, sink)
        self._send(source, sink, self._waiting.pop(sink))
