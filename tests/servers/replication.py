"""A second server that copies from a first, on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .mariadb import MariaDB, mariadb
from .postgres import Postgres, command, free_port, newest_bin, server_folder

REPLICATION_PASSWORD = "Copy-only-2024!"
# A connection over loopback comes from 127.0.0.1, so the server that is copied stands on the other address.
PRIMARY = "127.0.0.2"
_READY_WITHIN_S = 30.0


@contextmanager
def standby(primary: Postgres) -> Iterator[Postgres]:
    """Run a hot standby of `primary`, whose role `repl` may replicate; it listens on 127.0.0.1."""
    with server_folder("dengbao-standby-") as folder:
        data = folder / "data"
        source = f"host={PRIMARY} port={primary.port} user=repl password={REPLICATION_PASSWORD}"
        command(
            newest_bin() / "pg_basebackup", "-d", source, "-D", data, "-R", "-X", "stream", "-c", "fast",
            "--no-sync", folder=folder,
        )  # fmt: skip
        port = free_port()
        with (data / "postgresql.conf").open("a", encoding="utf-8") as out:
            out.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\n")
            out.write(f"unix_socket_directories = '{folder}'\n")
        tool = newest_bin() / "pg_ctl"
        command(tool, "-D", data, "-w", "-t", "30", "-l", folder / "server.log", "start", folder=folder)
        try:
            yield Postgres(port, folder, None, primary.superuser)
        finally:
            command(tool, "-D", data, "-w", "-m", "immediate", "stop", folder=folder)


@contextmanager
def replica(primary: MariaDB) -> Iterator[MariaDB]:
    """Run a MariaDB that copies from `primary`, whose account `repl` may replicate."""
    with mariadb("--server-id=2", "--slave-net-timeout=5") as server:
        server.run(
            f"CHANGE MASTER TO MASTER_HOST='{PRIMARY}', MASTER_PORT={primary.port}, MASTER_USER='repl',"
            f" MASTER_PASSWORD='{REPLICATION_PASSWORD}', MASTER_USE_GTID=slave_pos",
            "START SLAVE",
        )
        yield server


def wait_until(look: Callable[[], bool]) -> None:
    """Wait until something is seen."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks at the condition
