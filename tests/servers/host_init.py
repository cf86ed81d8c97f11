"""First process of a prepared host: mounts the prepared files, starts its daemons, hands connections to sshd.

Runs in namespaces of its own (`unshare`), with a listening socket of the test as file descriptor; the plan
is a JSON file. Everything it mounts and starts ends with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

_MS_BIND = 4096


def _bind(source: str, target: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), None, _MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"cannot bind {source} to {target}")


def _daemon(name: str, uid: int) -> None:
    """Start a process of that name that only waits."""
    if os.fork() == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        os.execv(f"/usr/local/sbin/{name}", [name, "infinity"])  # noqa: S606 - that is the point


def _listener(name: str, port: int) -> None:
    """Start a process of that name that listens and only waits."""
    server = socket.create_server(("0.0.0.0", port))
    if os.fork() == 0:
        Path("/proc/self/comm").write_text(name, encoding="ascii")
        while True:
            signal.pause()
    server.close()


def _label(name: str, file: str) -> None:
    """Let the kernel seem to show a security label of the first process of that name."""
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda one: int(one.name)):
        if (folder / "comm").read_text(encoding="ascii").strip() == name:
            _bind(file, str(folder / "attr/current"))
            return


def _serve(server: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(connection.fileno(), 0)
            os.dup2(connection.fileno(), 1)
            os.execv("/usr/sbin/sshd", ["/usr/sbin/sshd", "-i"])  # noqa: S606 - that is the point
        connection.close()


def main() -> None:
    """Become the host that the plan describes."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    server = socket.socket(fileno=int(sys.argv[2]))
    server.set_inheritable(False)
    server.setblocking(True)
    for source, target in plan["mounts"]:
        _bind(source, target)
    Path("/proc/self/comm").write_text(plan["init"], encoding="ascii")
    socket.sethostname("prepared-host")
    subprocess.run(["/bin/ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["/usr/sbin/sshd"], check=True)
    for name, uid in plan["daemons"]:
        _daemon(name, uid)
    for name, port in plan["listeners"]:
        _listener(name, port)
    for name, file in plan["labels"]:
        _label(name, file)
    _serve(server)


if __name__ == "__main__":
    main()
