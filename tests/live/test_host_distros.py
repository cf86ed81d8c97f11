"""Chapters 1 and 2 against real sshd on hosts set up like RHEL, 麒麟 or openEuler, and 统信."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncssh
import pytest

from dengbao.model import Account, HostAsset
from dengbao.probes.host.facts import HostPam, HostSshd
from dengbao.probes.host.identity_facts import HostLoginRules, HostRights
from dengbao.probes.host.system_facts import HostPackages
from tests.servers import host_distros, host_trees
from tests.servers.sshd import Prepared, Server, running

from .harness import Sight, agree, claims_no_more, look

_CHAPTERS = ("identity.", "access.", "confidentiality.password_hash", "residual.session")


class Part(Sight):
    """What the probes brought, judged by the checks of these chapters only."""

    def verdicts(self, chosen: Iterable[str] = ()) -> dict[str, str]:
        """Return check → verdict or status."""
        found = super().verdicts(chosen)
        return {one: verdict for one, verdict in found.items() if one.startswith(_CHAPTERS)}


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


@pytest.fixture(scope="module")
def rhel(tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str]) -> Iterator[Server]:
    """Run the host like RHEL."""
    prepared = Prepared(tmp_path_factory.mktemp("rhel"))
    host_distros.rhel(prepared)
    for name, uid in (("inspector", 1004), ("viewer", 1005)):
        host_trees.authorize(prepared, name, uid, key[1])
    with running(prepared) as server:
        yield server


def see(server: Server, username: str, key_file: Path | None, sudo: str) -> Part:
    account = Account(
        id="collector", username=username, secret="${ENV:HOST_PW}", key_file=str(key_file) if key_file else ""
    )
    asset = HostAsset(
        id="host", name="应用服务器", address=server.address, host_key=server.host_key, account="collector",
        sudo=sudo, accounts=(account,),
    )  # fmt: skip
    sight = look(asset, only=("host.ssh",))
    return Part(**{name: getattr(sight, name) for name in sight.__dataclass_fields__})


# Asked of another probe, which does not run here.
OTHERS = {"identity.cleartext_admin": "undetermined", "identity.ssh_algorithms": "undetermined"}
RHEL = OTHERS | {
    "access.accounts_assigned": "partial",  # umask 022
    "access.anonymous_disabled": "conform",
    "access.default_account_renamed": "conform",  # the Match block about root concerns ops, who is not root
    "access.default_password": "conform",
    "access.granularity": "conform",
    "access.least_privilege": "conform",
    "access.mandatory_control": "nonconform",
    "access.no_overreach": "conform",
    "access.privilege_separation": "conform",
    "access.roles_defined": "partial",  # nobody for security
    "access.rules_configured": "conform",
    "access.security_labels": "nonconform",
    "access.stale_accounts": "nonconform",
    "access.stale_disabled": "nonconform",
    "confidentiality.password_hash": "conform",
    "identity.crypto_factor": "nonconform",  # contractors by password alone
    "identity.empty_password": "conform",
    "identity.idle_timeout": "partial",  # TMOUT can be unset
    "identity.lockout": "conform",
    "identity.login_failure": "conform",
    "identity.login_required": "conform",
    "identity.password_ageing": "partial",  # login.defs binds new accounts only
    "identity.password_complexity": "conform",
    "identity.remote_admin_encrypted": "conform",
    "identity.two_factor": "nonconform",
    "identity.unique_accounts": "conform",
    "residual.session": "conform",
}
RHEL_SEEN_BY_ALL = (
    "access.accounts_assigned", "access.granularity", "access.mandatory_control", "access.no_overreach",
    "access.security_labels",
    "identity.idle_timeout", "identity.password_complexity", "identity.unique_accounts",
)  # fmt: skip
KYLIN = OTHERS | {
    "access.accounts_assigned": "conform",
    "access.anonymous_disabled": "partial",  # root over SSH
    "access.default_account_renamed": "nonconform",
    "access.default_password": "nonconform",  # the image's account still has the image's password
    "access.granularity": "conform",
    "access.least_privilege": "conform",
    "access.mandatory_control": "undetermined",  # KySec is left to people
    "access.no_overreach": "nonconform",
    "access.privilege_separation": "nonconform",
    "access.roles_defined": "partial",
    "access.rules_configured": "conform",
    "access.security_labels": "undetermined",
    "access.stale_accounts": "conform",
    "access.stale_disabled": "conform",
    "confidentiality.password_hash": "conform",
    "identity.crypto_factor": "nonconform",
    "identity.empty_password": "conform",
    "identity.idle_timeout": "conform",
    "identity.lockout": "partial",  # a minute only
    "identity.login_failure": "conform",
    "identity.login_required": "conform",
    "identity.password_ageing": "nonconform",
    "identity.password_complexity": "partial",  # three classes
    "identity.remote_admin_encrypted": "conform",
    "identity.two_factor": "nonconform",
    "identity.unique_accounts": "conform",
    "residual.session": "partial",
}
UOS = OTHERS | {
    "access.accounts_assigned": "partial",
    "access.anonymous_disabled": "conform",
    "access.default_account_renamed": "partial",  # root by key
    "access.default_password": "undetermined",  # set on the day of the installation: by whom?
    "access.granularity": "partial",
    "access.least_privilege": "conform",
    "access.mandatory_control": "partial",
    "access.no_overreach": "partial",
    "access.privilege_separation": "nonconform",
    "access.roles_defined": "nonconform",
    "access.rules_configured": "nonconform",  # an access list lets a user write sudoers
    "access.security_labels": "nonconform",
    "access.stale_accounts": "conform",
    "access.stale_disabled": "conform",
    "confidentiality.password_hash": "conform",
    "identity.crypto_factor": "undetermined",  # nobody knows what the vendor's modules ask for
    "identity.empty_password": "conform",
    "identity.idle_timeout": "nonconform",  # ClientAliveInterval ends no idle session
    "identity.lockout": "undetermined",
    "identity.login_failure": "undetermined",
    "identity.login_required": "undetermined",
    "identity.password_ageing": "nonconform",
    "identity.password_complexity": "undetermined",
    "identity.remote_admin_encrypted": "conform",
    "identity.two_factor": "nonconform",
    "identity.unique_accounts": "conform",
    "residual.session": "partial",
}


def test_host_like_rhel_seen_through_sudo(rhel: Server, key: tuple[Path, str]) -> None:
    sight = see(rhel, "inspector", key[0], "nopasswd")
    assert sight.privilege == {"host.ssh": "sudo"}
    agree("like RHEL by sudo", sight, RHEL)
    sshd, rules = sight.facts["host.sshd"], sight.facts["host.login_rules"]
    assert isinstance(sshd, HostSshd)
    assert sshd.cases_whole
    assert isinstance(rules, HostLoginRules)
    assert rules.authselect == "minimal with-faillock with-pwhistory"
    packages = sight.facts["host.packages"]
    assert isinstance(packages, HostPackages)
    assert [one.name for one in packages.packages] == ["libpwquality", "pam"]
    assert "fixer 自其他地址" in sight.judge("identity.two_factor").statement
    assert "不得重复使用最近 5 次口令" in sight.judge("identity.password_complexity").statement
    assert "su 限于 wheel" in sight.judge("access.least_privilege").statement


def test_host_like_rhel_without_rights(rhel: Server, key: tuple[Path, str]) -> None:
    expected = dict.fromkeys(RHEL, "undetermined") | {one: RHEL[one] for one in RHEL_SEEN_BY_ALL}
    sight = see(rhel, "viewer", key[0], "none")
    agree("like RHEL without rights", sight, expected)
    claims_no_more(RHEL, expected)


def test_host_like_kylin_seen_by_root(tmp_path: Path) -> None:
    prepared = Prepared(tmp_path)
    host_distros.kylin(prepared)
    with running(prepared) as server:
        sight = see(server, "root", None, "none")
    agree("like Kylin as root", sight, KYLIN)
    pam = sight.facts["host.pam"]
    assert isinstance(pam, HostPam)
    assert [one.module for one in pam.stack("sshd", "auth") or ()][:2] == ["pam_env.so", "pam_faillock.so"]
    assert "锁定 60 秒" in sight.judge("identity.lockout").statement


def test_host_like_uos_seen_by_root(tmp_path: Path, key: tuple[Path, str]) -> None:
    prepared = Prepared(tmp_path)
    host_distros.uos(prepared)
    prepared.folder("home/root/.ssh", 0o700)
    prepared.file("home/root/.ssh/authorized_keys", key[1], 0o600)
    with running(prepared) as server:
        sight = see(server, "root", key[0], "none")
    agree("like UOS as root", sight, UOS)
    rights = sight.facts["host.rights"]
    assert isinstance(rights, HostRights)
    assert [(one.path, one.entries) for one in rights.acls or ()] == [("/etc/sudoers", ("user:uos:rw-",))]
