"""Hosts to look at: prepared trees behind a real sshd, and who looks."""

from __future__ import annotations

from pathlib import Path

from dengbao.model import Account, HostAsset
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server

from .harness import Sight, look

ROSTER = ("sysadm", "secadm", "auditadm", "inspector", "viewer", "keeper")
UIDS = {"inspector": 1004, "viewer": 1005, "keeper": 1007}


def make_hardened(root: Path, public_key: str) -> Prepared:
    prepared = Prepared(root)
    prepared.folder("")
    host_trees.hardened(prepared)
    for name, uid in UIDS.items():
        host_trees.authorize(prepared, name, uid, public_key)
    return prepared


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
