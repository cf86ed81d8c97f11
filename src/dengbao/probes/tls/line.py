"""Connections to one admitted address: paced, counted, bounded in time and size."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from ...errors import TimedOut, Unreachable
from ...model import Level
from ...scope import Endpoint
from ..base import Context

ANSWER_S: Final = 4.0
_MOST_BYTES: Final = 65536
Found = TypeVar("Found")


@dataclass(frozen=True)
class Line:
    """Where to connect, and under which name the endpoint is to be asked for."""

    context: Context
    asset: str
    endpoint: Endpoint
    server_name: str

    @asynccontextmanager
    async def open(self, timeout_s: float = ANSWER_S) -> AsyncIterator[socket.socket]:
        """Yield a connected non-blocking socket; one of the asset's places is held while it is open.

        Raises:
            Unreachable, TimedOut: no connection.
            NotAuthorised: the authorised window closed meanwhile.

        """
        guard, place = self.context.guard, f"{self.endpoint.host}:{self.endpoint.port}"
        async with guard.slot(self.asset):
            guard.require(Level.OBSERVE, what="检测")
            with socket.socket(self.endpoint.family, socket.SOCK_STREAM) as sock:
                sock.setblocking(False)
                address = (self.endpoint.address, self.endpoint.port)
                try:
                    async with asyncio.timeout(timeout_s):
                        await asyncio.get_running_loop().sock_connect(sock, address)
                except TimeoutError as exc:
                    raise TimedOut(f"{timeout_s:g} 秒内未能连接 {place}", cure="检查网络与防火墙") from exc
                except OSError as exc:
                    raise Unreachable(
                        f"无法连接 {place}（{exc.strerror or exc}）", cure="检查服务是否启动"
                    ) from exc
                yield sock


async def converse(
    line: Line, request: bytes, understand: Callable[[bytes], Found | None], timeout_s: float = ANSWER_S
) -> tuple[Found | None, str]:
    """Send `request` once and read until it is understood.

    Returns what was understood, or None with `closed`, `silent`, `short` (part of an answer came) or
    `other` (too much came).
    """
    loop = asyncio.get_running_loop()
    data = b""
    async with line.open() as sock:
        try:
            async with asyncio.timeout(timeout_s):
                await loop.sock_sendall(sock, request)
                while len(data) < _MOST_BYTES:
                    more = await loop.sock_recv(sock, 16384)
                    if not more:
                        return None, "short" if data else "closed"
                    data += more
                    found = understand(data)
                    if found is not None:
                        return found, ""
        except TimeoutError:
            return None, "short" if data else "silent"
        except OSError:
            return None, "short" if data else "closed"
    return None, "other"
