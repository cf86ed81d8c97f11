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
    pumps = [asyncio.create_task(_pump(near, far)), asyncio.create_task(_pump(far, near))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(source: socket.socket, sink: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    left = _MOST_BYTES
    while left > 0:
        async with asyncio.timeout(_IDLE_S):
            data = await loop.sock_recv(source, 65536)
        if not data:
            return
        left -= len(data)
        await loop.sock_sendall(sink, data)
