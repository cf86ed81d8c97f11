"""What reading a whole host costs: round trips, traces, memory; beside lynis and single commands."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
from msgspec.structs import replace

from dengbao.model import Account, HostAsset
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running

from .delay import DelayingRelay
from .figures import Figure
from .ssh import COMMANDS, USER, asked_of_accounts, by_hand_through, files_of, look_at

USER_UID = 1004
ASKED, ASKED_UID = "keeper", 1007
RUNS = 3
ACCOUNTS = 50_000
LYNIS = "lynis audit system --quick --quiet --no-colors"
_MESSAGE = re.compile(r"(Sent|Received) MSG_\w+")
# What no side waits for: padding, remarks, told host keys, windows, new session keys, the farewell.
_NO_DIALOGUE = {
    "MSG_IGNORE", "MSG_DEBUG", "MSG_GLOBAL_REQUEST", "MSG_REQUEST_SUCCESS", "MSG_REQUEST_FAILURE",
    "MSG_CHANNEL_WINDOW_ADJUST", "MSG_KEXINIT", "MSG_NEWKEYS", "MSG_EXT_INFO", "MSG_CHANNEL_CLOSE",
}  # fmt: skip
# Run in a process of its own, so that its peak is that of reading one host and of nothing before.
_READ_ALONE = """
import sys
from benchmarks.figures import peak_mib
from benchmarks.host_cost import asset_at
from benchmarks.ssh import look_at
look_at(asset_at(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
print(peak_mib())
"""


def figures() -> list[Figure]:
    """Take all figures of one prepared host in one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with host(folder) as (prepared, server):
            key_file = folder / "id"
            found = [*_round_trips(server, key_file), _traces(prepared, server, key_file)]
            found += _beside(server, key_file)
        with host(folder / "large", accounts=ACCOUNTS) as (_, server):
            found.append(_memory(server, folder / "large" / "id"))
    return found


@contextmanager
def host(folder: Path, accounts: int = 0) -> Iterator[tuple[Prepared, Server]]:
    """Serve a hardened host; its private key lies in `folder`."""
    folder.mkdir(exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "id").write_bytes(key.export_private_key())
    prepared = Prepared(folder / "host")
    prepared.folder("")
    host_trees.hardened(prepared)
    if Path("/etc/lynis").is_dir():  # the host's own /etc hides that of the machine
        shutil.copytree("/etc/lynis", prepared.root / "etc/lynis")
    for name, uid in ((USER, USER_UID), (ASKED, ASKED_UID)):
        host_trees.authorize(prepared, name, uid, key.export_public_key().decode())
    for path, line in (
        ("etc/passwd", "user{0}:x:{0}:{0}::/home/user{0}:/usr/sbin/nologin\n"),
        ("etc/shadow", "user{0}:!*:19000:0:90:7:::\n"),
    ):
        with (prepared.root / path).open("a", encoding="ascii") as out:
            out.writelines(line.format(10_000 + one) for one in range(accounts))
    os.environ["HOST_PW"] = host_trees.PASSWORD
    with running(prepared) as server:
        yield prepared, server


def asset_at(port: int, host_key: str, key_file: str) -> HostAsset:
    """Return the asset that answers on a port of loopback."""
    account = Account(id="collector", username=USER, key_file=key_file, secret="${ENV:HOST_PW}")  # noqa: S106 - a reference
    return HostAsset(
        id="host", name="主机", address=f"127.0.0.1:{port}", host_key=host_key, account="collector",
        accounts=(account,),
    )  # fmt: skip


def _round_trips(server: Server, key_file: Path) -> list[Figure]:
    """Return how often the reader waits for the host after login, counted by messages, not by the clock."""
    asset = asset_at(server.port, server.host_key, str(key_file))
    how = "按 SSH 消息计数：认证通过后，等到应答才继续发送的次数（流量控制等不用等的消息不计）"
    asked = replace(asset, sudo="password", accounts=(replace(asset.accounts[0], username=ASKED),))
    return [
        Figure("登录后的往返次数", _waits(asset), 3, "次", f"{how}；root 或免口令 sudo"),
        Figure(
            "登录后的往返次数（sudo 要口令）", _waits(asked), 4, "次",
            "同上；口令核对通过后才送脚本，以免口令不对时 sudo 把脚本当作又一次口令",
        ),
    ]  # fmt: skip


def _waits(asset: HostAsset) -> int:
    """Return how often the client, after login, sent something it had waited for an answer to send."""
    with _messages() as seen:
        look_at(asset)
    begun = seen.index("Received MSG_USERAUTH_SUCCESS")
    talk = [one for one in seen[begun:] if one.partition(" ")[2] not in _NO_DIALOGUE]
    return sum(
        before.startswith("Received") and one.startswith("Sent") for before, one in itertools.pairwise(talk)
    )


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Yield the list that grows by `Sent NAME` or `Received NAME` with every SSH message."""
    seen: list[str] = []

    class Taker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if (found := _MESSAGE.search(record.getMessage())) is not None:
                seen.append(found.group())

    logger, taker = logging.getLogger("asyncssh"), Taker()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(taker)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    asyncssh.set_debug_level(3)
    try:
        yield seen
    finally:
        asyncssh.set_debug_level(1)
        logger.setLevel(level)
        logger.propagate = propagate
        logger.removeHandler(taker)


def _traces(prepared: Prepared, server: Server, key_file: Path) -> Figure:
    """Return how many files of the host change by reading it, beyond those that a login with sudo changes."""
    asyncio.run(by_hand_through(server.port, key_file, ("sh -c true",)))
    before = _state(prepared)
    asyncio.run(by_hand_through(server.port, key_file, ("sh -c true",)))
    login = _changed(before, _state(prepared))
    before = _state(prepared)
    look_at(asset_at(server.port, server.host_key, str(key_file)))
    read = _changed(before, _state(prepared)) - login
    how = f"采集前后比对 {len(before)} 个文件的大小、权限与时间；登录与 sudo 自身改动的 {len(login)} 个除外"
    return Figure("采集在主机上改动的文件", len(read), 0, "个", how)


_State = dict[str, tuple[int, int, int]]


def _state(prepared: Prepared) -> _State:
    seen = {}
    for path in sorted(prepared.root.rglob("*")):
        if not path.is_symlink():
            stat = path.stat()
            seen[str(path)] = (stat.st_size, stat.st_mode, stat.st_ctime_ns)
    return seen


def _changed(before: _State, after: _State) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def _beside(server: Server, key_file: Path) -> list[Figure]:
    """Return the ratios to single commands and to lynis, all over the same delay, one after the other."""
    with DelayingRelay(("127.0.0.1", server.port), 0.02) as relay:
        asset = asset_at(relay.port, server.host_key, str(key_file))
        sight = look_at(asset)
        ours = statistics.median(_seconds(lambda: look_at(asset)) for _ in range(RUNS))
        connections = relay.connections
        look_at(asset)
        connections = relay.connections - connections
        commands = (*COMMANDS, *asked_of_accounts(sight), *(f"cat {one}" for one in files_of(sight)))
        singly = _seconds(lambda: asyncio.run(by_hand_through(relay.port, key_file, commands)))
        lynis = _seconds(lambda: asyncio.run(by_hand_through(relay.port, key_file, (f"sh -c '{LYNIS}'",))))
    how = f"单程延迟 20 毫秒；采集 {ours:.2f} 秒，"
    found = [
        Figure("读取整台主机的 SSH 连接数", connections, 1, "个", "经中继计数"),
        Figure(
            "整台主机 ÷ 逐条命令",
            ours / singly,
            0.1,
            "倍",
            f"{how}逐条执行 {len(commands)} 条 {singly:.1f} 秒",
        ),
    ]
    if shutil.which("lynis") is None:
        print("未安装 lynis，略去与其比较（apt-get install lynis）", file=sys.stderr)
        return found
    return [
        *found,
        Figure(
            "整台主机 ÷ lynis", ours / lynis, 0.25, "倍", f"{how}lynis 经同一 SSH 登录运行 {lynis:.1f} 秒"
        ),
    ]


def _seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _memory(server: Server, key_file: Path) -> Figure:
    """Return the peak memory of a process that reads one host and does nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", _READ_ALONE, str(server.port), server.host_key, str(key_file)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    peak_mb = float(done.stdout.split()[-1])
    how = f"独立进程读取一台有 {ACCOUNTS:,} 个账户的主机，VmHWM"
    return Figure("采集进程的内存峰值", peak_mb, 150, "MB", how)
