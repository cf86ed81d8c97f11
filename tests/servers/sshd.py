"""Real sshd on prepared hosts: mount, process and network namespaces over files made for the test.

Needs root with CAP_SYS_ADMIN (a privileged container is enough; no systemd).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

_INIT = Path(__file__).with_name("host_init.py")
# Folders of the machine that a prepared host replaces as a whole.
FOLDERS = ("etc", "home", "run", "sys", "usr/local/sbin", "var/lib", "var/log", "var/spool")


@dataclass
class Prepared:
    """A host in the making: files below `root`, what replaces single files, what shall run."""

    root: Path
    init: str = "init"
    replaced: dict[str, str] = field(default_factory=dict)
    daemons: list[tuple[str, int]] = field(default_factory=list)
    listeners: list[tuple[str, int]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    def folder(self, path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Path:
        """Make a folder with its rights."""
        place = self.root / path.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(mode)
        os.chown(place, *owner)
        return place

    def file(
        self, path: str, content: str | bytes, mode: int = 0o644, owner: tuple[int, int] = (0, 0)
    ) -> Path:
        """Write a file with its rights."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(mode)
        os.chown(place, *owner)
        return place

    def instead_of(self, path: str, content: str, mode: int = 0o644) -> None:
        """Replace a single file of the machine, such as one of /proc."""
        name = path.strip("/").replace("/", "+")
        self.replaced[path] = str(self.file(f"single/{name}", content, mode))

    def daemon(self, name: str, uid: int = 0) -> None:
        """Let a process of that name run; it only waits."""
        place = self.folder("usr/local/sbin") / name
        shutil.copy("/bin/sleep", place)
        self.daemons.append((name, uid))

    def plan(self) -> str:
        """Return the plan for `host_init.py`."""
        mounts = [(str(self.folder(one)), f"/{one}") for one in FOLDERS]
        mounts += [(source, target) for target, source in self.replaced.items()]
        labels = [(name, str(self.file(f"single/label+{name}", text))) for name, text in self.labels.items()]
        return json.dumps(
            {
                "mounts": mounts, "init": self.init, "daemons": self.daemons,
                "listeners": self.listeners, "labels": labels,
            }
        )  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A prepared host that answers on loopback."""

    port: int
    host_key: str

    @property
    def address(self) -> str:
        """Return `host:port`."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def running(prepared: Prepared) -> Iterator[Server]:
    """Run a prepared host until the end of the block."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    prepared.file("etc/ssh/ssh_host_ed25519_key", key.export_private_key(), 0o600)
    prepared.folder("run/sshd")
    plan = prepared.file("plan.json", prepared.plan())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        os.set_inheritable(server.fileno(), True)
        process = subprocess.Popen(
            [
                "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL",
                "--mount-proc", sys.executable, "-E", str(_INIT), str(plan), str(server.fileno()),
            ],
            pass_fds=(server.fileno(),), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
    try:
        _wait_for_banner(port, process)
        yield Server(port, key.get_fingerprint("sha256"))
    finally:
        process.kill()
        process.communicate()


def _wait_for_banner(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            _, error = process.communicate()
            raise RuntimeError(error.decode("utf-8", "replace"))
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                if sock.recv(4).startswith(b"SSH-"):
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("sshd did not answer")
