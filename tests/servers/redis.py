"""A throw-away Redis on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .postgres import free_port, server_folder, unprivileged, write_tls

_SERVER = "/usr/bin/redis-server"
_READY_WITHIN_S = 30.0


@dataclass(frozen=True)
class Redis:
    """A running server; `run` talks to it over its socket file as whoever needs no password there."""

    port: int
    tls_port: int
    socket_file: Path
    ca_file: Path | None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def tls_address(self) -> str:
        return f"127.0.0.1:{self.tls_port}"

    def run(self, *commands: tuple[str, ...], password: str = "") -> list[bytes]:
        """Send commands one by one and return the raw answers; `password` is the default user's."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(self.socket_file))
            login = [("AUTH", password)] if password else []
            return [_ask(sock, one) for one in (*login, *commands)][len(login) :]


def _ask(sock: socket.socket, words: tuple[str, ...]) -> bytes:
    parts = [one.encode() for one in words]
    sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(one), one) for one in parts))
    return sock.recv(65536)


@contextmanager
def redis(*lines: str, tls: bool = False, plain: bool = True) -> Iterator[Redis]:
    """Run a server with these lines of redis.conf; `tls` adds a port, `plain=False` closes the first."""
    with server_folder("dengbao-redis-") as folder:
        ca_file = write_tls(folder) if tls else None
        port, tls_port = free_port() if plain else 0, free_port() if tls else 0
        path = folder / "redis.sock"
        crypto = [
            f"tls-port {tls_port}", f"tls-cert-file {folder / 'server.crt'}",
            f"tls-key-file {folder / 'server.key'}", f"tls-ca-cert-file {ca_file}",
        ] if tls else []  # fmt: skip
        user = unprivileged()
        process = subprocess.Popen(
            [_SERVER, "-"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
            user=user[0] if user else None, group=user[1] if user else None,
            extra_groups=[] if user else None,
        )  # fmt: skip
        assert process.stdin is not None
        text = "\n".join(
            [
                f"dir {folder}",
                f"logfile {folder / 'log'}",
                f"port {port}",
                f"unixsocket {path}",
                *crypto,
                *lines,
                "",
            ]
        )
        try:
            process.stdin.write(text.encode())
            process.stdin.close()
            _wait(process, path, folder / "log")
            yield Redis(port, tls_port, path, ca_file)
        finally:
            process.kill()
            process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], path: Path, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
        except OSError:
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.02)  # between two looks at the condition
        else:
            return
