"""Host facts over SSH with 20 ms of delay each way, beside the ways people read a host by hand."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from dengbao.model import Account, HostAsset
from dengbao.probes.host.facts import HostAccounts
from tests.live.harness import Sight, look
from tests.servers import host_trees
from tests.servers.sshd import Prepared, running

from .delay import DelayingRelay
from .figures import Figure

DELAY_S = 0.02
RUNS = 5
USER = "inspector"
# What the collector asks besides reading files; a person types them one after the other.
COMMANDS = (
    "uname -a", "id", "date +%s", "lastlog", "sshd -T", "auditctl -s", "auditctl -l", "getenforce",
    "ps -eo user,pid,args", "ss -tulnp", "systemctl list-units --type=service", "aa-status",
    "systemctl list-unit-files --state=enabled", "dpkg-query -W", "apt-get -s dist-upgrade",
    "nft list ruleset", "iptables-save", "mokutil --sb-state", "ls /sys/class/tpm", "swapon --show",
    "sysctl kernel.core_pattern", "ls -l /var/log /var/log/audit", "ls -l /etc/passwd /etc/shadow",
    "sh -lc umask", "journalctl --header", "cat /proc/net/tcp", "crontab -l",
    "ausearch -m USER_LOGIN --just-one",
    # Rights beyond modes, what everybody can write, when it was installed, who listens.
    "getfacl -cp /etc/passwd /etc/shadow /etc/group /etc/sudoers /etc/ssh/sshd_config", "cat /proc/mounts",
    "find -H /etc /root /home -xdev -maxdepth 4 -perm -0002",
    "find -H /opt /srv -xdev -maxdepth 4 -perm -0002",
    "find -H /var/log /var/spool /usr/local -xdev -maxdepth 4 -perm -0002", "stat /etc/machine-id",
    "ls -l /proc/1/exe", "dpkg -S /usr/sbin/sshd", "ls /usr/lib/x86_64-linux-gnu/security",
)  # fmt: skip
_FILE = re.compile(rb"^\S+ file \S+ (/\S+)$", re.MULTILINE)


@contextmanager
def delayed_host(folder: Path) -> Iterator[tuple[HostAsset, Path]]:
    """Serve a hardened host behind the delay; yield the asset and the private key file."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key_file = folder / "id"
    key_file.write_bytes(key.export_private_key())
    prepared = Prepared(folder / "host")
    prepared.folder("")
    host_trees.hardened(prepared)
    host_trees.authorize(prepared, USER, 1004, key.export_public_key().decode())
    os.environ["HOST_PW"] = host_trees.PASSWORD
    with running(prepared) as server, DelayingRelay(("127.0.0.1", server.port), DELAY_S) as relay:
        account = Account(id="collector", username=USER, key_file=str(key_file), secret="${ENV:HOST_PW}")  # noqa: S106 - a reference
        yield (
            HostAsset(
                id="host", name="主机", address=f"127.0.0.1:{relay.port}", host_key=server.host_key,
                account="collector", accounts=(account,),
            ),
            key_file,
        )  # fmt: skip


def figures() -> list[Figure]:
    """Take both ratios, the ways in turn."""
    ours: list[float] = []
    empty: list[float] = []
    with tempfile.TemporaryDirectory() as name, delayed_host(Path(name)) as (asset, key_file):
        known = look_at(asset)
        port = int(asset.address.rpartition(":")[2])
        for _ in range(RUNS):
            begun = time.perf_counter()
            look_at(asset)
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            asyncio.run(by_hand_through(port, key_file, ("true",)))
            empty.append(time.perf_counter() - begun)
        commands = (*COMMANDS, *asked_of_accounts(known), *(f"cat {one}" for one in files_of(known)))
        begun = time.perf_counter()
        asyncio.run(by_hand_through(port, key_file, commands))
        by_hand = time.perf_counter() - begun
    mine, nothing = statistics.median(ours), statistics.median(empty)
    how = f"单程延迟 20 毫秒；采集 {mine:.2f} 秒，"
    return [
        Figure(
            "主机事实 ÷ 逐条命令读取",
            mine / by_hand,
            0.1,
            "倍",
            how + f"逐条执行 {len(commands)} 条 {by_hand:.1f} 秒",
        ),
        Figure("主机事实 ÷ 一条空命令", mine / nothing, 3.0, "倍", how + f"登录并执行 true {nothing:.2f} 秒"),
    ]


def look_at(asset: HostAsset) -> Sight:
    """Return what the SSH probe brings from the asset."""
    sight = look(asset, only=("host.ssh",))
    assert sight.facts
    return sight


def files_of(sight: Sight) -> tuple[str, ...]:
    """Return every file whose reading the collector framed, found or not."""
    return tuple(dict.fromkeys(one.decode() for one in _FILE.findall(sight.raw["host.txt"])))


def asked_of_accounts(sight: Sight) -> tuple[str, ...]:
    """Return what is asked of each account: ageing, sudo rights, and what lies in the home folder."""
    accounts = sight.facts["host.accounts"]
    assert isinstance(accounts, HostAccounts)
    names = [one.name for one in accounts.accounts if not one.shell.endswith(("nologin", "false", "sync"))]
    return tuple(
        f"{command}{name}" for name in names for command in ("chage -l ", "sudo -l -U ", "ls -la /home/")
    )


class _Client(asyncssh.SSHClient):
    """Answers the second factor that the hardened host asks for after the key."""

    def password_auth_requested(self) -> str:
        return host_trees.PASSWORD


async def by_hand_through(port: int, key_file: Path, commands: tuple[str, ...]) -> None:
    """Run commands one after the other over one connection, each through sudo as a person would."""
    async with asyncssh.connect(
        "127.0.0.1",
        port,
        username=USER,
        client_keys=[str(key_file)],
        client_factory=_Client,
        preferred_auth=("publickey", "password"),
        known_hosts=None,
        config=[],
        agent_path=None,
    ) as connection:
        for command in commands:
            await connection.run(f"sudo -n {command}", check=False)
