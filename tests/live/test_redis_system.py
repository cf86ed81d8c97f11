"""What Redis runs, keeps and copies: seen on real servers, and its modules on one that only speaks."""

from __future__ import annotations

import socket
import time

import pytest

from dengbao.model import DatabaseAsset
from dengbao.probes.database.system_facts import (
    DatabaseComponents,
    DatabaseReplication,
    DatabaseResidue,
)
from tests.servers import hostile
from tests.servers.redis import Redis, redis

from .harness import look

SECRET = "Typed-only-2026!"
_SERVER = "redis_version:7.0.15\r\n"


def asset(address: str) -> DatabaseAsset:
    return DatabaseAsset(id="cache", name="缓存", platform="redis", address=address)


def test_redis_takes_passwords_out_of_slow_commands() -> None:
    with redis("slowlog-log-slower-than 0", 'save ""') as server:
        server.run(
            ("ACL", "SETUSER", "app", "on", f">{SECRET}", "~*", "+@all"),
            ("AUTH", "app", SECRET),
            ("CONFIG", "SET", "masterauth", SECRET),
        )
        kept = server.run(("SLOWLOG", "GET", "100"))[0]
        sight = look(asset(server.address))
    assert b"(redacted)" in kept
    assert b"SETUSER" in kept
    assert SECRET.encode() not in kept
    residue = sight.facts["database.residue"]
    assert isinstance(residue, DatabaseResidue)
    assert (residue.statement_logs, residue.rewriting) == (("SLOWLOG",), True)
    assert "隐去其中的口令" in sight.judge("residual.session").statement


def test_redis_with_no_slow_log_and_debugging_open() -> None:
    with redis("slowlog-log-slower-than -1", "enable-debug-command yes", 'save ""') as server:
        sight = look(asset(server.address))
    assert sight.verdicts(["residual.session", "intrusion.unneeded_packages"]) == {
        "residual.session": "conform", "intrusion.unneeded_packages": "partial",
    }  # fmt: skip
    assert "enable-debug-command" in sight.judge("intrusion.minimal_install").statement


def test_redis_and_its_replica_tell_of_each_other() -> None:
    with redis("appendonly yes") as source, redis(f"replicaof 127.0.0.1 {source.port}", 'save ""') as copy:
        _wait_for(copy, b"master_link_status:up")
        _wait_for(source, b"state=online")
        first, second = look(asset(source.address)), look(asset(copy.address))
    ours, theirs = first.facts["database.replication"], second.facts["database.replication"]
    assert isinstance(ours, DatabaseReplication)
    assert isinstance(theirs, DatabaseReplication)
    assert (ours.standby, ours.source, ours.changes_logged, ours.log_format) == (False, "", True, "AOF")
    assert [(one.address, one.state) for one in ours.replicas or ()] == [("127.0.0.1", "online")]
    assert (theirs.standby, theirs.source, theirs.source_running) == (True, "127.0.0.1", True)


def _wait_for(server: Redis, sign: bytes) -> None:
    end = time.monotonic() + 20
    while sign not in server.run(("INFO", "replication"))[0]:
        assert time.monotonic() < end, "the replica did not connect"
        time.sleep(0.05)


def _bulk(text: str) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text.encode()), text.encode())


def _modules(*names: str) -> bytes:
    one = b"".join(
        b"*6\r\n" + _bulk("name") + _bulk(name) + _bulk("ver") + b":20811\r\n" + _bulk("args") + b"*0\r\n"
        for name in names
    )
    return b"*%d\r\n" % len(names) + one


def speaking(modules: bytes) -> hostile.Serve:
    """Return a server that answers what is asked of modules, and little else."""

    def answer(words: list[bytes]) -> bytes:
        if words[0] == b"PING":
            return b"+PONG\r\n"
        if words[0] == b"MODULE":
            return modules
        if words[:2] == [b"INFO", b"server"]:
            return _bulk(_SERVER)
        if words[0] == b"INFO":
            return _bulk("db3:keys=4,expires=0\r\n" if words[1] == b"keyspace" else "role:master\r\n")
        return b"*0\r\n"

    def serve(conn: socket.socket) -> None:
        stream = conn.makefile("rb")
        while head := stream.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int(stream.readline()[1:])
                words.append(stream.read(size + 2)[:-2])
            conn.sendall(answer(words))

    return serve


def test_modules_of_redis_are_named() -> None:
    with hostile.hostile(speaking(_modules("ReJSON", "search"))) as address:
        sight = look(asset(address))
    components = sight.facts["database.components"]
    assert isinstance(components, DatabaseComponents)
    assert [(one.name, one.kind, one.version) for one in components.components] == [
        ("ReJSON", "module", "20811"), ("search", "module", "20811"),
    ]  # fmt: skip
    assert components.databases == ("db0", "db3")


@pytest.mark.parametrize("reply", [b"*1\r\n*2\r\n$1\r\nx\r\n$1\r\ny\r\n", b"*1\r\n$2\r\nhi\r\n", b"+OK\r\n"])
def test_a_list_of_modules_that_is_not_understood_proves_nothing(reply: bytes) -> None:
    with hostile.hostile(speaking(reply)) as address:
        sight = look(asset(address))
    assert "database.components" in sight.missing
    assert sight.verdicts(["intrusion.minimal_install"]) == {"intrusion.minimal_install": "undetermined"}
