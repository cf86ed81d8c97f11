"""How the SSH probe gets in, and what keeps it out, against real sshd."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import asyncssh
import pytest

from dengbao.errors import Reason
from dengbao.model import HostAsset, Level, Scope
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running

from .harness import look
from .hosts import asset, make_hardened, see


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)
    monkeypatch.setenv("WEAK_PW", host_trees.WEAK_PASSWORD)
    monkeypatch.setenv("WRONG_PW", "Not-The-Password-1")


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
