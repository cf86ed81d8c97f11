"""SSH probe and all host checks against real sshd on prepared hosts; the local probe on this machine."""

from __future__ import annotations

import asyncio
import platform
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from dengbao.errors import Reason
from dengbao.model import Account, HostAsset, Level, Scope
from dengbao.probes.host.facts import HostAccounts, HostIdentity, HostPam, HostPolicy
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running

from .harness import MemoryLedger, Sight, agree, claims_no_more, look

ROSTER = ("sysadm", "secadm", "auditadm", "inspector", "viewer", "keeper")
UIDS = {"inspector": 1004, "viewer": 1005, "keeper": 1007}

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
    monkeypatch.setenv("WRONG_PW", "Not-The-Password-1")


def make_hardened(root: Path, public_key: str) -> Prepared:
    prepared = Prepared(root)
    prepared.folder("")
    host_trees.hardened(prepared)
    for name, uid in UIDS.items():
        host_trees.authorize(prepared, name, uid, public_key)
    return prepared


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str]) -> Iterator[Server]:
    """Run the hardened host."""
    prepared = make_hardened(tmp_path_factory.mktemp("hardened"), key[1])
    with running(prepared) as server:
        yield server


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the careless host."""
    prepared = Prepared(tmp_path_factory.mktemp("weak"))
    host_trees.weak(prepared)
    with running(prepared) as server:
        yield server


def asset(
    server: Server,
    username: str,
    key_file: Path | None,
    sudo: str = "nopasswd",
    secret: str = "${ENV:HOST_PW}",  # noqa: S107 - a reference, no secret
) -> HostAsset:
    account = Account(
        id="collector", username=username, secret=secret, key_file=str(key_file) if key_file else ""
    )
    return HostAsset(
        id="host", name="应用服务器", address=server.address, host_key=server.host_key, account="collector",
        sudo=sudo, roster=ROSTER, accounts=(account,),
    )  # fmt: skip


def see(one: HostAsset) -> Sight:
    return look(one, only=("host.ssh", "host.local"))


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


def test_host_key_that_nobody_checked_is_refused(weak: Server) -> None:
    one = asset(weak, "root", None, secret="${ENV:WEAK_PW}")
    sight = see(HostAsset(**{name: getattr(one, name) for name in one.__struct_fields__} | {"host_key": ""}))
    lacks = sight.missing["host.identity"]
    assert lacks.reason is Reason.NOT_DECLARED
    assert f"host_key: {weak.host_key}" in lacks.message


def test_other_host_key_is_refused(weak: Server) -> None:
    one = asset(weak, "root", None, secret="${ENV:WEAK_PW}")
    fields = {name: getattr(one, name) for name in one.__struct_fields__} | {"host_key": "SHA256:" + "A" * 43}
    lacks = see(HostAsset(**fields)).missing["host.identity"]
    assert lacks.reason is Reason.PROTOCOL
    assert weak.host_key in lacks.message


@pytest.mark.parametrize(("known", "reason"), [(True, None), (False, Reason.PROTOCOL)])
def test_known_hosts_file_decides(weak: Server, tmp_path: Path, known: bool, reason: Reason | None) -> None:
    listed = weak if known else None
    line = f"[127.0.0.1]:{weak.port} {_public_key(weak)}\n" if listed else "[127.0.0.1]:1 ssh-ed25519 AAAA\n"
    path = tmp_path / "known_hosts"
    path.write_text(line, encoding="ascii")
    one = asset(weak, "root", None, secret="${ENV:WEAK_PW}")
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    sight = see(HostAsset(**fields | {"host_key": "", "known_hosts": str(path)}))
    found = sight.missing.get("host.identity")
    assert (found.reason if found else None) is reason


def _public_key(server: Server) -> str:
    """Return the host key as ssh-keyscan would."""

    async def scan() -> str:
        key = await asyncssh.get_server_host_key("127.0.0.1", server.port, config=None)
        assert key is not None
        return key.export_public_key().decode().strip()

    return asyncio.run(scan())


def test_wrong_password_is_tried_once(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = make_hardened(tmp_path / "host", key[1])
    with running(prepared) as server:
        sight = see(asset(server, "viewer", key[0], secret="${ENV:WRONG_PW}"))
    assert sight.missing["host.identity"].reason is Reason.LOGIN_REFUSED
    # pam_faillock keeps one record of 64 bytes for each failure
    assert (prepared.root / "run/faillock/viewer").stat().st_size == 64


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


def test_account_without_a_shell_says_so(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = make_hardened(tmp_path / "host", key[1])
    passwd = prepared.root / "etc/passwd"
    text = passwd.read_text().replace("/home/viewer:/bin/bash", "/home/viewer:/usr/sbin/nologin")
    passwd.write_text(text, encoding="ascii")
    with running(prepared) as server:
        sight = see(asset(server, "viewer", key[0]))
    assert "登录 shell" in sight.missing["host.identity"].message


def test_port_that_speaks_no_ssh_is_told_from_silence(key: tuple[Path, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])

        def answer() -> None:
            client, _ = server.accept()
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        sight = see(asset(Server(port, "SHA256:x"), "viewer", key[0]))
        thread.join(10)
    reasons = {one.reason for one in sight.missing.values()}
    assert reasons <= {Reason.PROTOCOL, Reason.UNREACHABLE}
    assert not sight.facts


def test_production_address_is_never_contacted(weak: Server) -> None:
    scope = Scope(level=Level.LOGIN, addresses=("127.0.0.0/8",), production=(weak.address,))
    sight = look(asset(weak, "root", None), scope=scope, only=("host.ssh",))
    assert {one.reason for one in sight.missing.values()} == {Reason.OUT_OF_SCOPE}
    assert [one.admitted for one in sight.contacts] == [False]


def test_undeclared_account_is_named(weak: Server) -> None:
    one = HostAsset(id="host", name="主机", address=weak.address, account="nobody")
    assert see(one).missing["host.identity"].reason is Reason.NOT_DECLARED


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


def test_keyboard_interactive_only_server_is_answered_once(
    tmp_path: Path,
) -> None:
    prepared = Prepared(tmp_path / "host")
    prepared.folder("")
    host_trees.weak(prepared)
    config = prepared.root / "etc/ssh/sshd_config"
    text = config.read_text() + "PasswordAuthentication no\nKbdInteractiveAuthentication yes\n"
    config.write_text(text, encoding="ascii")
    with running(prepared) as server:
        sight = see(asset(server, "root", None, secret="${ENV:WEAK_PW}"))
    assert "host.identity" in sight.facts


def test_key_with_a_passphrase(hardened: Server, key: tuple[Path, str], tmp_path: Path) -> None:
    """The secret opens the key; sshd here asks for a password too, which is the same word."""
    locked = tmp_path / "locked"
    made = asyncssh.import_private_key(key[0].read_bytes())
    locked.write_bytes(made.export_private_key(passphrase=host_trees.PASSWORD))
    assert see(asset(hardened, "inspector", locked)).privilege == {"host.ssh": "sudo"}
    wrong = see(asset(hardened, "inspector", locked, secret="${ENV:WRONG_PW}"))
    assert wrong.missing["host.identity"].reason is Reason.NOT_DECLARED
    assert wrong.contacts == []


def test_key_file_that_is_not_there(hardened: Server, tmp_path: Path) -> None:
    lacks = see(asset(hardened, "inspector", tmp_path / "none")).missing["host.identity"]
    assert lacks.reason is Reason.NOT_DECLARED


def test_windows_is_left_to_people(hardened: Server) -> None:
    one = HostAsset(id="host", name="主机", address=hardened.address, platform="windows-server-2019")
    sight = see(one)
    assert {one.reason for one in sight.missing.values()} == {Reason.NOT_SUPPORTED}
    assert sight.contacts == []


def test_closed_port_is_unreachable(hardened: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    sight = see(asset(Server(port, hardened.host_key), "viewer", None))
    assert {one.reason for one in sight.missing.values()} == {Reason.UNREACHABLE}
