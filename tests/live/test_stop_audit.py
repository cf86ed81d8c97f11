"""An ordinary account tries to stop auditd on real sshd; what it may do is told, and what it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from dengbao.errors import Reason
from dengbao.model import Account, HostAsset, Level, Scope
from dengbao.probes.host.running_facts import HostAuditStop
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running

from .harness import MemoryLedger, Sight, look

CHECK = "audit.stop_refused"
VIEWER_UID = 1005


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a private key file and its public line."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)
    monkeypatch.setenv("WEAK_PW", host_trees.WEAK_PASSWORD)


def prepare(root: Path, public_key: str) -> Prepared:
    prepared = Prepared(root)
    prepared.folder("")
    host_trees.hardened(prepared)
    host_trees.authorize(prepared, "viewer", VIEWER_UID, public_key)
    return prepared


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str]) -> Iterator[Server]:
    """Run the hardened host, whose auditd belongs to root."""
    with running(prepare(tmp_path_factory.mktemp("hardened"), key[1])) as server:
        yield server


def asset(server: Server, key_file: Path, stop_account: str = "plain") -> HostAsset:
    account = Account(id="plain", username="viewer", secret="${ENV:HOST_PW}", key_file=str(key_file))
    root = Account(id="root", username="root", secret="${ENV:WEAK_PW}")
    return HostAsset(
        id="host", name="应用服务器", address=server.address, host_key=server.host_key,
        accounts=(account, root), stop_account=stop_account,
    )  # fmt: skip


def see(one: HostAsset, level: Level = Level.DISRUPT, ledger: MemoryLedger | None = None) -> Sight:
    scope = Scope(level=level, addresses=("127.0.0.0/8",))
    return look(one, scope=scope, only=("host.stop_audit",), ledger=ledger)


def stop_of(sight: Sight) -> HostAuditStop:
    found = sight.facts["host.audit_stop"]
    assert isinstance(found, HostAuditStop)
    return found


def test_refused_tries_conform_and_are_in_the_ledger(hardened: Server, key: tuple[Path, str]) -> None:
    sight = see(asset(hardened, key[0]))
    stop = stop_of(sight)
    assert (stop.running_before, stop.running_after, stop.restored) == (True, True, None)
    assert [(one.name, one.refused) for one in stop.attempts] == [
        ("signal", True), ("auditctl", True), ("systemctl", True),
    ]  # fmt: skip
    assert list(sight.ledger.outcomes) == ["stop/viewer"]
    assert sight.verdicts([CHECK]) == {CHECK: "conform"}


def test_a_second_run_tries_nothing_again(hardened: Server, key: tuple[Path, str]) -> None:
    first = see(asset(hardened, key[0]))
    again = see(asset(hardened, key[0]), ledger=first.ledger)
    assert stop_of(again) == stop_of(first)
    assert "stop-audit.txt" not in again.raw


def test_auditd_of_the_account_itself_does_not_conform(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = prepare(tmp_path / "host", key[1])
    prepared.daemons = [(name, VIEWER_UID if name == "auditd" else uid) for name, uid in prepared.daemons]
    with running(prepared) as server:
        sight = see(asset(server, key[0]))
    stop = stop_of(sight)
    assert (stop.attempts[0].refused, stop.running_after) == (False, True)
    assert sight.verdicts([CHECK]) == {CHECK: "nonconform"}


def test_manager_that_stops_for_anybody_does_not_conform(tmp_path: Path, key: tuple[Path, str]) -> None:
    """A service manager that does what anybody asks: here a script that kills."""
    prepared = prepare(tmp_path / "host", key[1])
    prepared.daemons = [(name, VIEWER_UID if name == "auditd" else uid) for name, uid in prepared.daemons]
    prepared.instead_of(
        "/usr/bin/systemctl",
        '#!/bin/sh\n[ "$1" = stop ] || exit 1\nfor p in /proc/[0-9]*; do\n'
        '  read -r name <$p/comm && [ "$name" = auditd ] && kill ${p#/proc/}\ndone\n'
        'while [ -n "$(grep -lx auditd /proc/[0-9]*/comm 2>/dev/null)" ]; do :; done\nexit 0\n',
        0o755,
    )
    with running(prepared) as server:
        sight = see(asset(server, key[0]))
    stop = stop_of(sight)
    assert (stop.attempts[-1].refused, stop.running_after, stop.restored) == (False, False, False)
    assert sight.verdicts([CHECK]) == {CHECK: "nonconform"}
    assert "须立即人工启动" in sight.judge(CHECK).statement


@pytest.mark.parametrize(
    ("account", "level", "reason"),
    [("plain", Level.INTRUDE, Reason.NOT_AUTHORISED), ("", Level.DISRUPT, Reason.NOT_DECLARED)],
)
def test_without_level_or_account_nothing_is_tried(
    hardened: Server, key: tuple[Path, str], account: str, level: Level, reason: Reason
) -> None:
    sight = see(asset(hardened, key[0], account), level)
    assert sight.missing["host.audit_stop"].reason is reason
    assert (sight.contacts, sight.ledger.outcomes) == ([], {})
    assert sight.verdicts([CHECK]) == {CHECK: "undetermined"}


def test_root_is_no_ordinary_account(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = Prepared(tmp_path / "host")
    host_trees.weak(prepared)
    prepared.daemon("auditd")
    with running(prepared) as server:
        sight = see(asset(server, key[0], stop_account="root"))
    assert sight.missing["host.audit_stop"].reason is Reason.NOT_DECLARED
    assert sight.ledger.outcomes == {}


def test_no_auditd_is_told_and_nothing_tried(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = prepare(tmp_path / "host", key[1])
    prepared.daemons = [(name, uid) for name, uid in prepared.daemons if name != "auditd"]
    with running(prepared) as server:
        sight = see(asset(server, key[0]))
    assert sight.ledger.outcomes == {}
    assert sight.verdicts([CHECK]) == {CHECK: "nonconform"}
