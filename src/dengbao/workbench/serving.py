"""Listens: one process, one line with the address to open, Ctrl-C ends it and loses nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvicorn

from ..errors import UsageError
from .app import Address, build
from .desk import desk_of

_BUSY_S: Final = 5


def serve(
    directory: Path, *, port: int = 0, content: Path | None = None, told: Callable[[str], None]
) -> None:
    """Serve the page on the loopback until the process is asked to end; `told` is handed the address once.

    Changes: binds a TCP port on 127.0.0.1; `port` 0 takes a free one.

    Raises:
        UsageError: the port cannot be had.

    """
    listening = _listen("127.0.0.1", port)
    with listening:
        address = Address(listening.getsockname()[1])
        app, doors = build(directory, address, content=content)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, date_header=False, lifespan="off",
            ws="none", limit_concurrency=128, timeout_keep_alive=_BUSY_S, timeout_graceful_shutdown=_BUSY_S,
        )  # fmt: skip
        desk_of(app).warm()
        told(f"{address.scheme}://127.0.0.1:{address.port}/start?token={doors.token}")
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere the option would let another program take the port over
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(64)
    except OSError as exc:
        found.close()
        raise UsageError(
            f"端口 {port} 无法使用（{exc.strerror}）",
            where="--port",
            cure="换一个端口，或不写 --port 由系统选取",
        ) from exc
    return found
