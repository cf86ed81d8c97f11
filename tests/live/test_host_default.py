"""A host as the installer leaves it, through real sshd: as root, by sudo with a password, without rights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from dengbao.model import Account, HostAsset
from tests.servers import host_trees
from tests.servers.host_default import default
from tests.servers.sshd import Prepared, Server, running

from .harness import Sight, agree, claims_no_more, look
from .test_host import NO_DATA, OTHERS

# What an assessor would say of Debian as it is installed; what shows nothing is left open, not judged.
DEFAULT = OTHERS | NO_DATA | {
    "access.accounts_assigned": "partial",  # umask 022
    "access.anonymous_disabled": "conform",
    "access.default_account_renamed": "partial",  # root may log in by key
    "access.default_password": "undetermined",  # set on the day of the installation: by whom?
    "access.granularity": "conform",
    "access.least_privilege": "conform",
    "access.mandatory_control": "partial",  # AppArmor, for two programs
    "access.no_overreach": "conform",
    "access.privilege_separation": "nonconform",  # one person does everything
    "access.roles_defined": "nonconform",
    "access.rules_configured": "conform",
    "access.security_labels": "nonconform",
    "access.stale_accounts": "conform",
    "access.stale_disabled": "conform",
    "audit.covers_events": "nonconform",
    "audit.covers_users": "nonconform",
    "audit.enabled": "nonconform",  # rsyslog runs, but nothing audits
    "audit.log_protection": "conform",
    "audit.log_retention": "nonconform",  # four weeks, on this machine only
    "audit.process_protection": "nonconform",
    "audit.record_fields": "undetermined",  # there is no record to look at
    "confidentiality.password_hash": "conform",
    "identity.crypto_factor": "nonconform",
    "identity.empty_password": "conform",
    "identity.idle_timeout": "nonconform",
    "identity.lockout": "nonconform",
    "identity.login_failure": "nonconform",
    "identity.login_required": "conform",
    "identity.password_ageing": "nonconform",
    "identity.password_complexity": "nonconform",
    "identity.remote_admin_encrypted": "conform",
    "identity.two_factor": "nonconform",
    "identity.unique_accounts": "conform",
    "integrity.storage": "undetermined",  # no known tool; another may do it
    "intrusion.admin_sources": "nonconform",
    "intrusion.detection": "undetermined",  # no known agent; another may do it
    "intrusion.listening_programs": "conform",
    "intrusion.minimal_install": "conform",
    "intrusion.pending_updates": "conform",
    "intrusion.services": "conform",
    "intrusion.unneeded_packages": "conform",
    "residual.memory": "nonconform",  # a swap partition in clear
    "residual.session": "conform",
    "trusted.alarm": "nonconform",
    "trusted.boot": "nonconform",
    "trusted.runtime": "nonconform",
}  # fmt: skip


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a private key file and its public line."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str]) -> Iterator[Server]:
    """Run the host as it was installed."""
    prepared = Prepared(tmp_path_factory.mktemp("default"))
    default(prepared)
    host_trees.authorize(prepared, "root", 0, key[1])
    with running(prepared) as server:
        yield server


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)


def see(server: Server, username: str, key_file: Path | None, sudo: str) -> Sight:
    account = Account(
        id="collector", username=username, secret="${ENV:HOST_PW}", key_file=str(key_file) if key_file else ""
    )
    asset = HostAsset(
        id="host", name="应用服务器", address=server.address, host_key=server.host_key, account="collector",
        sudo=sudo, accounts=(account,),
    )  # fmt: skip
    return look(asset, only=("host.ssh",))


def test_default_host_seen_by_root(host: Server, key: tuple[Path, str]) -> None:
    sight = see(host, "root", key[0], "none")
    assert sight.privilege == {"host.ssh": "root"}
    agree("default as root", sight, DEFAULT)


def test_default_host_seen_by_sudo(host: Server) -> None:
    sight = see(host, "clerk", None, "password")
    assert sight.privilege == {"host.ssh": "sudo"}
    agree("default by sudo with password", sight, DEFAULT)
    assert host_trees.PASSWORD.encode() not in sight.raw["host.txt"]


def test_default_host_without_rights(host: Server) -> None:
    sight = see(host, "clerk", None, "none")
    assert sight.privilege == {"host.ssh": "user"}
    claims_no_more(DEFAULT, sight.verdicts())
