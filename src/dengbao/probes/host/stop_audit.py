"""Tries to interrupt auditing as an ordinary account, which a protected audit service refuses."""

from __future__ import annotations

import asyncio
import re
from importlib import resources
from typing import Final

import asyncssh
import msgspec

from ...errors import NotDeclared, NotSupported, ProtocolMismatch, StoreError, TimedOut, Unreachable
from ...model import Account, Asset, HostAsset
from ..base import Context, Observed
from .collect import new_nonce
from .running_facts import HostAuditStop, StopAttempt
from .ssh import log_in

PROBE: Final = "host.stop_audit"
_SCRIPT_S: Final = 60.0
_OUTPUT_BYTES: Final = 64 * 1024
# How programs say that the account lacks the right. Whatever else fails is no proof of protection.
_REFUSED: Final = re.compile(
    r"access denied|not permitted|permission denied|must be root|authentication (?:is )?required"
    r"|not privileged|operation refused|interactive authentication",
    re.IGNORECASE,
)


async def probe(asset: Asset, context: Context) -> Observed:
    """Return what became of an ordinary account's tries to stop auditd.

    Sends: one login with the account of `stop_account`; as that account `kill -0` to auditd, `auditctl -e 0`
        and `systemctl stop auditd.service`, once each; nothing of that where auditd does not run.
    Changes: refused tries are logged by the host. Where the account may stop auditd, auditd stops; the same
        right is used at once to start it again, and whether that worked is told.
    Level: disrupt.

    Raises:
        NotDeclared: no `stop_account`, or one with the rights of root.
        Interrupted: an earlier run was cut off after the tries began.
        ProbeError: what a login raises.

    """
    if not isinstance(asset, HostAsset):
        raise NotSupported("不是服务器类测评对象", where=asset.id)
    if asset.platform.lower().startswith("win"):
        raise NotSupported(
            "暂不支持在 Windows 主机上尝试", where=f"测评对象 {asset.id}", cure="人工测试并补充佐证"
        )
    if not asset.stop_account:
        raise NotDeclared(
            "未登记用于尝试停止审计进程的普通账户", where=f"测评对象 {asset.id}",
            cure="登记一个没有管理权限的账户，并写 stop_account: 该账户的 id",
        )  # fmt: skip
    account = context.account(asset, asset.stop_account)
    connection = await log_in(asset, account, context, probe=PROBE)
    try:
        stop = await _tried(connection, account, context)
    finally:
        connection.abort()
    if stop.restored is False:
        context.say(f"{asset.name}：账户 {account.username} 停止了审计进程且未能恢复，请立即人工启动 auditd")
    return Observed(facts=(stop,), privilege="user")


async def _tried(
    connection: asyncssh.SSHClientConnection, account: Account, context: Context
) -> HostAuditStop:
    nonce = new_nonce()
    before = _Answer(await _run(connection, f"{nonce} look"), nonce)
    if before.one("uid") in (None, "0"):
        raise NotDeclared(
            f"账户 {account.username} 有 root 权限，不能代表普通账户", where="stop_account",
            cure="改用没有管理权限的账户",
        )  # fmt: skip
    pids = before.all("before")
    seen = HostAuditStop(account=account.username, ordinary=True, running_before=bool(pids))
    if not pids:
        hidden = before.one("hidden") is not None
        return msgspec.structs.replace(seen, running_before=None if hidden else False)
    noted = context.ledger.begin(f"stop/{account.username}")
    if noted is not None:
        return _noted(noted)
    text = await _run(connection, f"{nonce} try {pids[0]}")
    context.keep("stop-audit.txt", text.encode())
    stop = _read(seen, _Answer(text, nonce), pids[0])
    context.ledger.end(f"stop/{account.username}", msgspec.json.encode(stop).decode())
    return stop


def _noted(text: str) -> HostAuditStop:
    try:
        return msgspec.json.decode(text, type=HostAuditStop)
    except msgspec.DecodeError as exc:
        raise StoreError("上次尝试留下的结果无法读取", cure="在新的一轮中检测") from exc


class _Answer:
    """What the script said: the rest of each line that begins with the nonce and a word."""

    def __init__(self, text: str, nonce: str) -> None:
        self._lines = [one[len(nonce) + 1 :] for one in text.splitlines() if one.startswith(f"{nonce} ")]
        if "done" not in self._lines:
            raise ProtocolMismatch("主机未完整应答停止审计的尝试", cure="人工核实审计进程仍在运行")

    def all(self, word: str) -> list[str]:
        """Return what followed a word, each time it was said."""
        return [rest for head, _, rest in (one.partition(" ") for one in self._lines) if head == word]

    def one(self, word: str) -> str | None:
        """Return what followed a word first, None if it was not said."""
        return next(iter(self.all(word)), None)


def _read(seen: HostAuditStop, answer: _Answer, pid: str) -> HostAuditStop:
    runs = pid in answer.all("after")
    tried = tuple(_attempt(text, runs) for text in answer.all("attempt"))
    restored = None if answer.one("undo") is None else bool(answer.all("restored"))
    return msgspec.structs.replace(seen, attempts=tried, running_after=runs, restored=restored)


def _attempt(text: str, runs: bool) -> StopAttempt:
    name, _, rest = text.partition(" ")
    code, _, said = rest.partition(" ")
    if not code.isdecimal():
        return StopAttempt(name=name)
    refused: bool | None = True if _REFUSED.search(said) else None
    if code == "0":
        # A stop that is said to have worked while the process goes on proves nothing.
        refused = None if name == "systemctl" and runs else False
    return StopAttempt(name=name, refused=refused, code=int(code), answer=said.strip())


async def _run(connection: asyncssh.SSHClientConnection, arguments: str) -> str:
    """Run the script once and return what it printed."""
    body = resources.files(__package__).joinpath("stop_audit.sh").read_text(encoding="utf-8")
    # What stands in a command, other users see; the nonce goes in with the script.
    body = f"set -- {arguments}\n{body}"
    try:
        async with asyncio.timeout(_SCRIPT_S):
            done = await connection.run(
                "sh -c 'exec sh -s'", input=body, encoding="utf-8", errors="replace", check=False
            )
    except TimeoutError as exc:
        raise TimedOut("停止审计的尝试未在时限内应答", cure="人工核实审计进程仍在运行") from exc
    except (asyncssh.Error, OSError) as exc:
        raise Unreachable(f"SSH 连接中断（{exc}）", cure="人工核实审计进程仍在运行") from exc
    return str(done.stdout or "")[:_OUTPUT_BYTES]
