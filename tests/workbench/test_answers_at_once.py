"""An answer of two parts is sent at once: the second does not wait until the first is acknowledged."""

from __future__ import annotations

import asyncio
import socket

import pytest

from dengbao.workbench.serving import _listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_nothing_is_held_back(host: str) -> None:
    async def asked() -> int:
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken: socket.socket = writer.get_extra_info("socket")
            answered.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with _listen(host, 0) as listening:
            server = await asyncio.start_server(answer, sock=listening)
            _, writer = await asyncio.open_connection(host, listening.getsockname()[1])
            try:
                return await asyncio.wait_for(answered, 30)
            finally:
                writer.close()
                server.close()

    assert asyncio.run(asked()) == 1
