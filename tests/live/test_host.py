"""All host checks against prepared hosts behind real sshd; the local probe on this machine."""

from __future__ import annotations

import platform
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.model import HostAsset, Level, Scope
from dengbao.probes.host.facts import HostAccounts, HostIdentity, HostPam, HostPolicy
from tests.servers import host_trees
from tests.servers.sshd import Server, running

from .harness import MemoryLedger, agree, claims_no_more, look
from .hosts import asset, make_hardened, see

GOOD = (
    "access.accounts_assigned", "access.anonymous_disabled", "access.default_account_renamed",
    "access.default_password", "access.granularity", "access.roles_defined", "access.rules_configured",
    "access.least_privilege", "access.mandatory_control", "access.no_overreach",
    "access.privilege_separation", "access.security_labels", "access.stale_accounts",
    "access.stale_disabled", "audit.covers_events", "audit.covers_users", "audit.enabled",
    "audit.log_protection", "audit.log_retention", "audit.process_protection",
    "audit.record_fields", "confidentiality.password_hash", "identity.crypto_factor",
    "identity.empty_password", "identity.idle_timeout", "identity.lockout",
    "identity.login_failure", "identity.login_required", "identity.password_ageing",
    "identity.password_complexity", "identity.remote_admin_encrypted", "identity.two_factor",
    "identity.unique_accounts", "integrity.storage", "intrusion.admin_sources",
    "intrusion.detection", "intrusion.listening_programs", "intrusion.minimal_install",
    "intrusion.pending_updates", "intrusion.services", "intrusion.unneeded_packages", "residual.memory",
    "residual.session", "trusted.alarm", "trusted.boot", "trusted.runtime",
)  # fmt: skip
# Asked of another probe, which does not run here.
OTHERS = dict.fromkeys(
    (
        "intrusion.open_ports", "intrusion.exposed_services", "intrusion.smb_shares",
        "identity.cleartext_admin", "identity.ssh_algorithms", "audit.stop_refused",
    ),
    "undetermined",
)  # fmt: skip
# Nobody carried in vulnerability data.
NO_DATA = {"intrusion.known_holes": "undetermined"}
HARDENED = dict.fromkeys(GOOD, "conform") | OTHERS | NO_DATA
WEAK = (
    dict.fromkeys(GOOD, "nonconform")
    | OTHERS
    | NO_DATA
    | {
        # people do have accounts of their own there, and no desktop is installed
        "access.accounts_assigned": "partial",
        "access.granularity": "partial",
        "intrusion.minimal_install": "partial",
        # what listens there is a Python that no package owns: whether it is needed, a person must say
        "intrusion.listening_programs": "undetermined",
        # the trail holds no record of anybody's action
        "audit.record_fields": "undetermined",
    }
)
# What an ordinary user may see for himself; everything else needs root.
OPEN_TO_ALL = (
    "access.accounts_assigned", "access.granularity", "access.mandatory_control", "access.security_labels",
    "identity.idle_timeout",
    "identity.password_complexity", "identity.unique_accounts", "intrusion.detection",
    "intrusion.minimal_install", "intrusion.pending_updates", "intrusion.services",
    "intrusion.unneeded_packages", "residual.memory", "trusted.alarm", "trusted.runtime",
)  # fmt: skip
UNPRIVILEGED = dict.fromkeys(GOOD, "undetermined") | OTHERS | NO_DATA | dict.fromkeys(OPEN_TO_ALL, "conform")


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)
    monkeypatch.setenv("WEAK_PW", host_trees.WEAK_PASSWORD)
    monkeypatch.setenv("WRONG_PW", "Not-The-Password-1")


def test_hardened_host_seen_through_sudo_conforms(hardened: Server, key: tuple[Path, str]) -> None:
    sight = see(asset(hardened, "inspector", key[0]))
    assert sight.privilege == {"host.ssh": "sudo"}
    assert not sight.missing
    agree("hardened by sudo without password", sight, HARDENED)


def test_hardened_host_seen_through_sudo_with_password_conforms(
    hardened: Server, key: tuple[Path, str]
) -> None:
    sight = see(asset(hardened, "keeper", key[0], sudo="password"))
    assert sight.privilege == {"host.ssh": "sudo"}
    agree("hardened by sudo with password", sight, HARDENED)
    assert host_trees.PASSWORD.encode() not in sight.raw["host.txt"]


def test_hardened_host_without_rights_is_undetermined(hardened: Server, key: tuple[Path, str]) -> None:
    sight = see(asset(hardened, "viewer", key[0], sudo="none"))
    assert sight.privilege == {"host.ssh": "user"}
    assert {one.reason for one in sight.missing.values()} == {Reason.NO_PERMISSION}
    agree("hardened without rights", sight, UNPRIVILEGED)
    claims_no_more(HARDENED, UNPRIVILEGED)


def test_sudo_that_refuses_leaves_the_rights_of_the_user(hardened: Server, key: tuple[Path, str]) -> None:
    sight = see(asset(hardened, "viewer", key[0], sudo="nopasswd"))
    assert sight.privilege == {"host.ssh": "user"}
    agree("hardened, sudo refuses", sight, UNPRIVILEGED)


def test_weak_host_seen_by_root_does_not_conform(weak: Server) -> None:
    one = asset(weak, "root", None, secret="${ENV:WEAK_PW}")
    sight = see(one)
    assert sight.privilege == {"host.ssh": "root"}
    assert not sight.missing
    agree("weak", sight, WEAK)


def test_no_hash_and_no_personal_remark_leaves_the_host(weak: Server) -> None:
    sight = see(asset(weak, "root", None, secret="${ENV:WEAK_PW}"))
    raw = sight.raw["host.txt"]
    assert b"root:<1>:" in raw
    assert b"lGVNtSOY067" not in raw


@contextmanager
def cutting(port: int, after_bytes: int) -> Iterator[int]:
    """Run a relay that cuts the connection after so many bytes from the server."""
    server = socket.create_server(("127.0.0.1", 0))

    def relay() -> None:
        client, _ = server.accept()
        upstream = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pump, args=(client, upstream), daemon=True).start()
        left = after_bytes
        while left > 0 and (data := upstream.recv(min(4096, left))):
            left -= len(data)
            client.sendall(data)
        for one in (client, upstream):
            one.shutdown(socket.SHUT_RDWR)
            one.close()

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        thread.join(10)
        server.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass


def test_connection_cut_in_the_middle_keeps_what_arrived(weak: Server) -> None:
    with cutting(weak.port, 20_000) as port:
        one = asset(Server(port, weak.host_key), "root", None, secret="${ENV:WEAK_PW}")
        sight = see(one)
    assert "host.accounts" in sight.facts
    assert {one.reason for one in sight.missing.values()} == {Reason.UNREACHABLE}
    assert "host.memory" in sight.missing
    assert sight.judge("residual.memory").status == "undetermined"


def test_connection_cut_before_login_brings_nothing(weak: Server) -> None:
    with cutting(weak.port, 300) as port:
        sight = see(asset(Server(port, weak.host_key), "root", None, secret="${ENV:WEAK_PW}"))
    assert not sight.facts
    assert {one.reason for one in sight.missing.values()} == {Reason.UNREACHABLE}


def test_hanging_profile_and_chatty_shell_cost_only_what_they_touch(
    tmp_path: Path, key: tuple[Path, str]
) -> None:
    """A profile that never ends, a banner, and a .bashrc that prints what looks like frames."""
    prepared = make_hardened(tmp_path / "host", key[1])
    prepared.file("etc/profile", "sleep 600\n")
    prepared.file("etc/banner", "仅限授权人员\n")
    config = prepared.root / "etc/ssh/sshd_config"
    config.write_text(config.read_text() + "Banner /etc/banner\n", encoding="utf-8")
    noise = "echo 'dengbao-0 begin shadow 10'; echo 'dengbao-0 end shadow'; echo welcome; echo oops >&2\n"
    prepared.file("home/inspector/.bashrc", noise, 0o644, (1004, 1004))
    with running(prepared) as server:
        sight = see(asset(server, "inspector", key[0]))
    assert not sight.missing
    policy = sight.facts["host.policy"]
    assert isinstance(policy, HostPolicy)
    assert (policy.shell, policy.tmout_s, policy.umask) == ("", None, "")
    without_shell = {"identity.idle_timeout": "undetermined", "access.accounts_assigned": "undetermined"}
    agree("hardened with a hanging profile", sight, HARDENED | without_shell)


def test_fifty_thousand_accounts_are_all_read(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = make_hardened(tmp_path / "host", key[1])
    many = range(10_000, 60_000)
    for path, line in (
        ("etc/passwd", "user{0}:x:{0}:{0}:Somebody:/home/user{0}:/usr/sbin/nologin\n"),
        ("etc/shadow", "user{0}:!$6$abcdefgh$" + "x" * 86 + ":19000:0:90:7:::\n"),
    ):
        with (prepared.root / path).open("a", encoding="ascii") as out:
            out.writelines(line.format(one) for one in many)
    with running(prepared) as server:
        sight = see(asset(server, "inspector", key[0]))
    assert not sight.missing
    accounts = sight.facts["host.accounts"]
    assert isinstance(accounts, HostAccounts)
    assert len(accounts.accounts) == 50_000 + 14
    agree("hardened with 50 000 accounts", sight, HARDENED)


def test_this_machine_is_read_only_when_that_is_allowed() -> None:
    one = HostAsset(id="here", name="本机", address="local", sudo="none")
    scope = Scope(level=Level.OBSERVE, addresses=(), local=False)
    sight = look(one, scope=scope, only=("host.local",), ledger=MemoryLedger())
    assert {one.reason for one in sight.missing.values()} == {Reason.OUT_OF_SCOPE}


def test_this_machine_is_read_as_it_is() -> None:
    sight = look(HostAsset(id="here", name="本机", address="local", sudo="none"), only=("host.local",))
    identity = sight.facts["host.identity"]
    assert isinstance(identity, HostIdentity)
    assert (identity.system, identity.kernel) == ("Linux", platform.release())
    accounts = sight.facts["host.accounts"]
    assert isinstance(accounts, HostAccounts)
    lines = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
    assert [one.name for one in accounts.accounts] == [line.split(":")[0] for line in lines]
    assert isinstance(sight.facts["host.pam"], HostPam)
    assert sight.contacts == []
