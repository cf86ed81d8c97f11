"""Listeners for port scans: talking, mute and unanswering ones, on a loopback address of their own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

# The whole of 127/8 is loopback; what others on this machine bind to 127.0.0.1 is not here.
ADDRESS = "127.91.7.3"


def block_of_free_ports(count: int) -> int:
    """Return the first of `count` ports in a row that are free on `ADDRESS`, below the ephemeral ones."""
    for first in range(20_000, 32_000, count):
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    sock = held.enter_context(closing(socket.socket()))
                    sock.bind((ADDRESS, port))
            except OSError:
                continue
            return first
    raise AssertionError("no block of free ports")


@contextmanager
def talking(port: int, banner: bytes = b"") -> Iterator[None]:
    """Listen and greet each client with `banner`; without one, say nothing and wait."""
    stop = threading.Event()
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(64)
        listener.settimeout(0.05)
        clients: list[socket.socket] = []

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    clients.append(client)
                    client.sendall(banner)

        worker = threading.Thread(target=serve, daemon=True)
        worker.start()
        try:
            yield
        finally:
            stop.set()
            worker.join(5)
            for one in clients:
                one.close()


@contextmanager
def unanswering(port: int) -> Iterator[None]:
    """Occupy a port so that the kernel drops every further handshake: its queue is full."""
    with ExitStack() as held:
        listener = held.enter_context(closing(socket.socket()))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(0)
        for _ in range(4):
            filler = held.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex((ADDRESS, port))
        yield
