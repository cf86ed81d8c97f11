"""A port on loopback that leads to one admitted address and nowhere else.

sslyze opens hundreds of connections as fast as it can. Through this tunnel each of them waits for
the asset's pace and place like every other connection, and can reach no other address.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ...errors import ProbeError, ProbeIncapable, TimedOut
from .line import Line

# sslyze takes silence for a refusal after five seconds; what waited nearly so long here proves nothing.
_MOST_WAIT_S: Final = 4.0
_IDLE_S: Final = 15.0
_MOST_BYTES: Final = 4 * 1024 * 1024


@dataclass
class Tunnel:
    """`port` is where to connect; `broken` why a connection did not come about, None if all did.

    Whoever connects here is let in before the far end is reached: a connection that did not come about
    looks to him like one that was refused in the middle of a handshake. With `broken` set nothing that
    he calls refused may be believed.
    """

    port: int
    broken: ProbeError | None = None


@asynccontextmanager
async def tunnel(line: Line) -> AsyncIterator[Tunnel]:
    """Yield a tunnel; when the block ends all its connections are cut.

    Raises:
        ProbeIncapable: the loop does not watch sockets, as the usual one on Windows (not tried there).

    """
    loop = asyncio.get_running_loop()
    tasks: dict[asyncio.Task[None], socket.socket] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setblocking(False)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        made = Tunnel(int(listener.getsockname()[1]))

        def let_in() -> None:
            with contextlib.suppress(OSError):  # whoever knocked has gone again
                near, _ = listener.accept()
                task = loop.create_task(_serve(made, line, near))
                tasks[task] = near
                # A task that is cut before its first step cannot close anything itself.
                task.add_done_callback(lambda done: tasks.pop(done).close())

        try:
            loop.add_reader(listener.fileno(), let_in)
        except NotImplementedError as exc:
            raise ProbeIncapable(
                "本机系统的事件循环不支持经隧道运行 sslyze", cure="改在 Linux 上检测，或以人工佐证补充"
            ) from exc
        try:
            yield made
        finally:
            loop.remove_reader(listener.fileno())
            ended = list(tasks)
            for task in ended:
                task.cancel()
            await asyncio.gather(*ended, return_exceptions=True)


async def _serve(made: Tunnel, line: Line, near: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    came = loop.time()
    near.setblocking(False)
    try:
        async with line.open() as far:
            if loop.time() - came > _MOST_WAIT_S:
                made.broken = TimedOut("连接排队过久", cure="调高 scope.connections_per_s 后单独重测")
            await _Relay(near, far).run()
    except ProbeError as exc:
        made.broken = exc


class _Relay:
    """Carries bytes until one end hangs up, nothing came for a while, or far too much did.

    There is no task for either direction, and the loop knows both sockets by their number alone: sslyze
    opens hundreds of connections, and looking up a socket costs the loop more than carrying its bytes.
    """

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._came = True
        self._ways = ((near, far), (far, near))
        self._left = {near: _MOST_BYTES, far: _MOST_BYTES}
        self._waiting: dict[socket.socket, bytes] = {}
        self._watch = self._loop.call_later(_IDLE_S, self._look_after)

    async def run(self) -> None:
        """Carry what comes from now on; the sockets are not closed at the end."""
        for source, sink in self._ways:
            # A handshake is many small messages that each wait for the other's.
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.add_reader(source.fileno(), self._read, source, sink)
        try:
            await self._ended
        finally:
            self._watch.cancel()
            for source, _ in self._ways:
                self._loop.remove_reader(source.fileno())
                if source in self._waiting:
                    self._loop.remove_writer(source.fileno())

    def _look_after(self) -> None:
        if not self._came:
            self._end()
        self._came = False
        self._watch = self._loop.call_later(_IDLE_S, self._look_after)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _read(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            data = source.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._left[source] -= len(data)
        if not data or self._left[source] < 0:
            self._end()
            return
        self._came = True
        self._send(source, sink, data)

    def _send(self, source: socket.socket, sink: socket.socket, data: bytes) -> None:
        try:
            sent = sink.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end()
            return
        rest = data[sent:]
        if rest:
            # No more is read from the one end until the other has taken this.
            self._waiting[sink] = rest
            self._loop.remove_reader(source.fileno())
            self._loop.add_writer(sink.fileno(), self._go_on, source, sink)

    def _go_on(self, source: socket.socket, sink: socket.socket) -> None:
        self._loop.remove_writer(sink.fileno())
        self._loop.add_reader(source.fileno(), self._read, source, sink)
        self._send(source, sink, self._waiting.pop(sink))
