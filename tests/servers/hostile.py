"""Servers that behave as no database should: silent, closing, of another protocol, endless."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Serve = Callable[[socket.socket], None]


@contextmanager
def hostile(serve: Serve) -> Iterator[str]:
    """Yield the address of a loopback server that runs `serve` on each connection, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, serve), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)


def _accept(listener: socket.socket, serve: Serve) -> None:
    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_run, args=(conn, serve), daemon=True).start()


def _run(conn: socket.socket, serve: Serve) -> None:
    with conn, contextlib.suppress(OSError):
        serve(conn)


def silent(conn: socket.socket) -> None:
    """Accept, take what comes, never answer."""
    while conn.recv(4096):
        pass


def closing(conn: socket.socket) -> None:
    """Accept and close."""
    conn.shutdown(socket.SHUT_RDWR)


def http(conn: socket.socket) -> None:
    """Speak another protocol."""
    conn.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        conn.recv(4096)
    conn.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def noise(conn: socket.socket) -> None:
    """Send without end."""
    block = b"\x7f" * 65536
    while True:
        conn.sendall(block)


def _greet_as_mysql(conn: socket.socket) -> None:
    greeting = (
        b"\x0a8.0.99\0" + b"\x01\0\0\0" + b"12345678\0" + b"\xff\xf7\x21\x02\0\xff\x81\x15" + b"\0" * 10
    )
    _packet(conn, 0, greeting + b"123456789012\0mysql_native_password\0")


def asks_for_clear_password(plugin: bytes, heard: list[bytes]) -> Serve:
    """Return a MySQL server that wants the password by a plugin that sends it as it is."""

    def serve(conn: socket.socket) -> None:
        _greet_as_mysql(conn)
        heard.append(conn.recv(4096))
        _packet(conn, 2, b"\xfe" + plugin + b"\0" + b"\x04Password: ")
        while more := conn.recv(4096):
            heard.append(more)

    return serve


def mysql_then_noise(conn: socket.socket) -> None:
    """Greet as MySQL does, let anyone in, then answer the first question with rows without end."""
    _greet_as_mysql(conn)
    conn.recv(4096)
    fine = b"\0\0\0\x02\0\0\0"
    _packet(conn, 2, fine)
    while not conn.recv(4096)[5:].startswith(b"SELECT"):
        _packet(conn, 1, fine)
    column = b"\x03def\0\0\0\x01v\0\x0c\x21\0\xff\0\0\0\xfd\0\0\0\0\0"
    for number, body in enumerate((b"\x01", column, b"\xfe\0\0\x02\0"), start=1):
        _packet(conn, number, body)
    row = b"\xfc\xff\xff" + b"a" * 65535
    number = 4
    while True:
        _packet(conn, number % 256, row)
        number += 1


def _packet(conn: socket.socket, number: int, body: bytes) -> None:
    conn.sendall(len(body).to_bytes(3, "little") + bytes([number]) + body)


def postgres_then_noise(conn: socket.socket) -> None:
    """Refuse TLS, let anyone in, then answer the first question with rows without end."""
    while True:
        head = conn.recv(4096)
        if head[4:8] == (80877103).to_bytes(4, "big"):
            conn.sendall(b"N")
            return
        break
    _message(conn, b"R", (0).to_bytes(4, "big"))
    for name, value in ((b"server_version", b"15.0"), (b"client_encoding", b"UTF8"),
                        (b"standard_conforming_strings", b"on"), (b"integer_datetimes", b"on")):  # fmt: skip
        _message(conn, b"S", name + b"\0" + value + b"\0")
    _message(conn, b"K", b"\0\0\0\x01\0\0\0\x02")
    _message(conn, b"Z", b"I")
    conn.recv(4096)
    _message(
        conn, b"T", b"\0\x01v\0" + b"\0" * 6 + (25).to_bytes(4, "big") + b"\xff\xff" + b"\xff" * 4 + b"\0\0"
    )
    row = b"\0\x01" + (60000).to_bytes(4, "big") + b"a" * 60000
    while True:
        _message(conn, b"D", row)


def _message(conn: socket.socket, kind: bytes, body: bytes) -> None:
    conn.sendall(kind + (len(body) + 4).to_bytes(4, "big") + body)
