"""Servers that answer HTTP as scripted or not properly at all, on raw sockets, a thread each connection."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Handler = Callable[[socket.socket, threading.Event], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"


@dataclass
class Listening:
    """A server that listens."""

    port: int
    connections: int = 0

    @property
    def url(self) -> str:
        """Return the address over plain HTTP."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def listening(handler: Handler) -> Iterator[Listening]:
    """Answer each connection by `handler` until the block ends; its event is set then."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(32)
    found = Listening(int(sock.getsockname()[1]))
    ended = threading.Event()
    open_ones: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(conn: socket.socket) -> None:
        with contextlib.suppress(OSError), conn:
            handler(conn, ended)

    def accept() -> None:
        while True:
            try:
                conn, _ = sock.accept()
            except OSError:
                return
            found.connections += 1
            open_ones.append(conn)
            thread = threading.Thread(target=serve, args=(conn,), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield found
    finally:
        ended.set()
        for one in (sock, *open_ones):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
            one.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def read_request(conn: socket.socket) -> bytes:
    """Return what the client sent, at least up to the end of its headers; empty if it left before."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = conn.recv(65536)
        if not part:
            break
        data += part
    return data


def answering(*parts: bytes) -> Handler:
    """Send these bytes to whatever was asked, then close."""

    def handler(conn: socket.socket, _ended: threading.Event) -> None:
        if read_request(conn):
            for part in parts:
                conn.sendall(part)

    return handler


def scripted(routes: Mapping[str, bytes], seen: list[tuple[str, bytes]]) -> Handler:
    """Answer `METHOD /path` by `routes`; `seen` collects each request's line and all its bytes."""

    def handler(conn: socket.socket, _ended: threading.Event) -> None:
        data = read_request(conn)
        if not data:
            return
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")]
        wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < wanted:
            body += conn.recv(65536)
        line = " ".join(head.decode().split(" ")[:2])
        seen.append((line, head + b"\r\n\r\n" + body))
        missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        conn.sendall(routes.get(line, missing))

    return handler


def whole(body: bytes, headers: bytes = b"") -> bytes:
    """Return a proper answer with a body."""
    return OK + headers + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def endless(head: bytes, part: bytes) -> Handler:
    """Send `head`, then `part` for ever."""

    def handler(conn: socket.socket, ended: threading.Event) -> None:
        read_request(conn)
        conn.sendall(head)
        while not ended.is_set():
            conn.sendall(part)

    return handler


def dripping(data: bytes, every_s: float = 0.05) -> Handler:
    """Send one byte now and then, so that no single read takes long."""

    def handler(conn: socket.socket, ended: threading.Event) -> None:
        read_request(conn)
        while True:
            for one in data:
                conn.sendall(bytes([one]))
                if ended.wait(every_s):
                    return

    return handler


def never(conn: socket.socket, ended: threading.Event) -> None:
    """Take the request and say nothing."""
    read_request(conn)
    ended.wait(60)


def silent(conn: socket.socket, ended: threading.Event) -> None:
    """Read nothing and say nothing."""
    del conn
    ended.wait(60)


def closing(conn: socket.socket, _ended: threading.Event) -> None:
    """Close at once."""
    conn.shutdown(socket.SHUT_RDWR)


def resetting(conn: socket.socket, _ended: threading.Event) -> None:
    """Reset the connection after the request."""
    read_request(conn)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def redirecting(location: str, status: int = 302) -> Handler:
    """Send the browser elsewhere, whatever it asked."""
    head = f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\n"
    return answering(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())


def bomb(size: int, layers: int = 1) -> bytes:
    """Return an answer of a few kilobytes that says it is `size` bytes of zeros."""
    body = bytes(size)
    for _ in range(layers):
        body = gzip.compress(body, 9)
    return whole(body, b"Content-Encoding: " + b", ".join([b"gzip"] * layers) + b"\r\n")
