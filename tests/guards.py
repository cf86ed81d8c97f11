"""A guard with a resolver of its own, and listeners that tell whether they were contacted."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from dengbao.addresses import plain_name, system_resolve
from dengbao.errors import Unreachable
from dengbao.model import Level, Scope
from dengbao.scope import Contact, Guard

PRODUCTION_NAMES = {
    "his.test": ("10.0.0.5",),
    "alias.test": ("10.0.0.5",),
    "two.test": ("10.1.1.1", "10.0.0.5"),
}
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Names:
    """A resolver that knows a few names and what numbers the system library would accept."""

    def __init__(self, known: Mapping[str, tuple[str, ...]]) -> None:
        self.known = dict(known)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append(host)
        name = plain_name(host)
        if name in self.known:
            return self.known[name]
        if name.endswith(".test"):
            raise Unreachable(f"无法解析主机名 {host}")
        return system_resolve(host, port)


def guard_of(
    addresses: tuple[str, ...] = ("0.0.0.0/0", "::/0"),
    production: tuple[str, ...] = (),
    *,
    names: Mapping[str, tuple[str, ...]] | None = None,
    log: list[Contact] | None = None,
    per_s: float = 100_000.0,
    at_once: int = 8,
) -> Guard:
    scope = Scope(
        level=Level.OBSERVE,
        addresses=addresses,
        production=production,
        connections_per_s=per_s,
        connections_at_once=at_once,
    )
    kept: list[Contact] = [] if log is None else log
    return Guard(scope, log=kept.append, resolve=Names(names or {}), now=lambda: NOON)


@contextmanager
def listening(address: str = "127.0.0.1", backlog: int = 8) -> Iterator[tuple[socket.socket, int]]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as server:
        server.bind((address, 0))
        server.listen(backlog)
        server.setblocking(False)
        yield server, server.getsockname()[1]


def was_contacted(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True
