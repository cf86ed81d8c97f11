"""Listens: one process, one line with the address to open, Ctrl-C ends it and loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from ..errors import UsageError
from ..evidence.parts import drop_parts
from ..evidence.staging import folder_of
from ..model import Person
from .app import Address, build
from .beyond import Beyond
from .desk import desk_of
from .pages.run import control_of
from .scratch import Scratch

_BUSY_S: Final = 5
# Pages make thousands of things, hardly any in a ring; to look for rings after every 700 of them takes longer
# than some pages. Much more than this, and what a workbook leaves behind would fill the memory.
_RINGS: Final = (2_000, 10, 10)


def serve(
    directory: Path,
    *,
    port: int = 0,
    content: Path | None = None,
    told: Callable[[str, Person | None], None],
    say: Callable[[str], None] = lambda _text: None,
    beyond: Beyond | None = None,
) -> None:
    """Serve the page until the process is asked to end; on the loopback unless `beyond` says where.

    `told` is handed each address once, and whose it is: nobody's on the loopback.

    `say` is handed what becomes of a run that this page started and that is still under way at the end.

    Changes: binds a TCP port; `port` 0 takes a free one.

    Raises:
        UsageError: the port cannot be had.

    """
    listening = _listen(beyond.host if beyond is not None else "127.0.0.1", port)
    with listening, _tidy(directory):
        address = Address(listening.getsockname()[1])
        if beyond is not None:
            address = Address(address.port, beyond.names, secure=True)
        people = beyond.people if beyond is not None else ()
        app, doors = build(directory, address, content=content, people=people)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, date_header=False, lifespan="off",
            ws="none", limit_concurrency=128, timeout_keep_alive=_BUSY_S, timeout_graceful_shutdown=_BUSY_S,
            ssl_certfile=beyond.chain if beyond is not None else None,
            ssl_keyfile=beyond.key if beyond is not None else None,
        )  # fmt: skip
        gc.set_threshold(*_RINGS)
        desk_of(app).warm(app.state.pages.warm)
        for token, person in doors.tokens:
            told(f"{address.scheme}://{address.names[0]}:{address.port}/start?token={token}", person)
        _Server(config, lambda: control_of(app).jobs.leave(say)).run(sockets=[listening])


@contextlib.contextmanager
def _tidy(directory: Path) -> Iterator[None]:
    """Clear away what killed servers left behind and, however this one ends, what it would."""
    folder = folder_of(directory)
    drop_parts(folder)
    scratch = Scratch()

    def clear() -> None:
        scratch.close()
        drop_parts(folder, own=True)

    def end(number: int, _frame: FrameType | None) -> None:
        clear()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    # uvicorn ends by the signal that it was asked to end with, so that nothing after it is reached.
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        clear()
        signal.signal(signal.SIGTERM, before)


class _Server(uvicorn.Server):
    """A server that takes leave before it ends: a run that it started is not broken off behind its back."""

    def __init__(self, config: uvicorn.Config, leave: Callable[[], None]) -> None:
        super().__init__(config)
        self._leave = leave

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take leave, then close as usual."""
        await asyncio.to_thread(self._leave)
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Unless the protocol is named, asyncio does not know it for TCP and leaves Nagle's algorithm on: an
    # answer of two parts would then wait 40 ms for the browser's delayed acknowledgement.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option would let another program take the port over
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(64)
    except OSError as exc:
        found.close()
        raise UsageError(
            f"{host} 的端口 {port} 无法使用（{exc.strerror}）",
            where="--port",
            cure="换一个端口，或不写 --port 由系统选取",
        ) from exc
    return found
