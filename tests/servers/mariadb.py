"""A throw-away MariaDB on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from .postgres import command, free_port, server_folder, unprivileged, write_tls

_SERVER = "/usr/sbin/mariadbd"
_READY_WITHIN_S = 30.0


@dataclass(frozen=True)
class MariaDB:
    """A running server; `run` talks to it as root over its socket."""

    port: int
    socket_file: Path
    ca_file: Path | None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def run(self, *statements: str, password: str = "") -> None:
        """Run SQL as root; `password` is root's, once it has one."""
        with pymysql.connect(unix_socket=str(self.socket_file), user="root", password=password) as conn:
            with conn.cursor() as cursor:
                for one in statements:
                    cursor.execute(one)
            conn.commit()


@contextmanager
def mariadb(*options: str, tls: bool = False, test_database: bool = False) -> Iterator[MariaDB]:
    """Run a server with these options of mariadbd; root may log in over its socket without a password."""
    with server_folder("dengbao-my-") as folder:
        data = folder / "data"
        command(
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-name-resolve",
            "--auth-root-authentication-method=normal", *([] if test_database else ["--skip-test-db"]),
            folder=folder,
        )  # fmt: skip
        ca_file = write_tls(folder) if tls else None
        crypto = [f"--ssl-cert={folder / 'server.crt'}", f"--ssl-key={folder / 'server.key'}"] if tls else []
        port = free_port()
        path = folder / "my.sock"
        user = unprivileged()
        process = subprocess.Popen(
            [
                _SERVER, "--no-defaults", f"--datadir={data}", f"--socket={path}", f"--port={port}",
                "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=16M",
                "--innodb-flush-log-at-trx-commit=0",
                "--skip-log-bin", f"--log-error={folder / 'error.log'}", *crypto, *options,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
            user=user[0] if user else None, group=user[1] if user else None,
            extra_groups=[] if user else None,
        )  # fmt: skip
        try:
            _wait(process, path, folder / "error.log")
            yield MariaDB(port, path, ca_file)
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
