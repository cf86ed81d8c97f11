"""One port for HTTPS and plain HTTP, as lazily set up front ends have it; only before 整改."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final

_HANDSHAKE: Final = b"\x16"
_FIRST_BYTES_S: Final = 10.0
_CHUNK: Final = 65536


async def serve(listener: socket.socket, *, tls_port: int, plain_port: int, host: str) -> asyncio.Server:
    """Pass each connection on: one that begins with a TLS handshake to `tls_port`, others to `plain_port`."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            first = await asyncio.wait_for(reader.read(_CHUNK), _FIRST_BYTES_S)
            if first:
                port = tls_port if first.startswith(_HANDSHAKE) else plain_port
                behind, beyond = await asyncio.open_connection(host, port)
                beyond.write(first)
                await asyncio.gather(_pump(reader, beyond), _pump(behind, writer))
        await _close(writer)

    return await asyncio.start_server(pass_on, sock=listener)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then close the sink."""
    try:
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        await _close(sink)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
