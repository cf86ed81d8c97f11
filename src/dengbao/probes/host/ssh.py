"""Looks at a Linux host over SSH: one login, one read-only script."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncssh

from ...errors import (
    LoginRefused,
    NotDeclared,
    NotSupported,
    ProbeError,
    ProtocolMismatch,
    TimedOut,
    Unreachable,
    UsageError,
)
from ...model import Account, Asset, HostAsset
from ...scope import parse_ports, split_host_ports
from ..base import Context, Observed
from .assemble import assemble
from .collect import Bounds, Privilege, Shell, Start, collect
from .holes import with_holes

PROBE: Final = "host.ssh"
_CONNECT_S: Final = 10.0
_LOGIN_S: Final = 30.0
_DEADLINE_S: Final = 150.0


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the host facts of a Linux host.

    Sends: one TCP connection, one login with the declared account (one attempt), the collector script.
    Changes: nothing; sshd and sudo log the login as they log every login.
    Level: login.

    Raises:
        NotDeclared: no account, or the host key is neither pinned nor known.
        OutOfScope, NotAuthorised, Unreachable, TimedOut: no connection.
        ProtocolMismatch: not an SSH server, another host key, or no shell.
        LoginRefused: the account was refused.
        NotSupported: not Linux.

    """
    if not isinstance(asset, HostAsset):
        raise NotSupported("不是服务器类测评对象", where=asset.id)
    if asset.platform.lower().startswith("win"):
        raise NotSupported(
            "暂不支持自动核查 Windows 主机", where=f"测评对象 {asset.id}", cure="按作业指导人工核查并补充佐证"
        )
    account = context.account(asset, asset.account)
    credentials = _Credentials.of(asset, account, context)
    connection = await _connect(asset, account, credentials, _Trust(asset), context)
    try:
        transcript, data, privilege = await collect(
            _starter(connection),
            credentials.privilege(asset),
            account=account.username,
            bounds=Bounds(_DEADLINE_S),
        )
    finally:
        connection.abort()
    context.keep("host.txt", data)
    if not transcript.done:
        context.say(f"{asset.name}：采集未完成，未送回的部分记为无法判定")
    return await with_holes(assemble(transcript, privilege), context)


async def log_in(
    asset: HostAsset, account: Account, context: Context, *, probe: str
) -> asyncssh.SSHClientConnection:
    """Return a connection of a declared account, one attempt; raises as the probe of this module does."""
    credentials = _Credentials.of(asset, account, context)
    return await _connect(asset, account, credentials, _Trust(asset), context, name=probe)


@asynccontextmanager
async def visiting(
    asset: HostAsset, context: Context, *, probe: str
) -> AsyncIterator[tuple[Start, Privilege, str]]:
    """Yield what starts commands on a host, how to become root there, and the account's name.

    For probes of other assets that lie on this host; raises as the probe of this module does.
    """
    account = context.account(asset, asset.account)
    credentials = _Credentials.of(asset, account, context)
    connection = await _connect(asset, account, credentials, _Trust(asset), context, name=probe)
    try:
        yield _starter(connection), credentials.privilege(asset), account.username
    finally:
        connection.abort()


class _Credentials:
    """Password and keys of the account, read from where the engagement says they are."""

    def __init__(self, username: str, password: str, keys: list[asyncssh.SSHKey]) -> None:
        self.username = username
        self.password = password
        self.keys = keys

    @classmethod
    def of(cls, asset: HostAsset, account: Account, context: Context) -> _Credentials:
        if not account.key_file:
            return cls(account.username, context.password(asset, account), [])
        password = context.password(asset, account) if account.secret else ""
        where = f"测评对象 {asset.id} 账户 {account.id}"
        try:
            data = Path(account.key_file).expanduser().read_bytes()
            key = _private_key(data, password)
        except OSError as exc:
            raise NotDeclared(
                f"无法读取私钥文件（{exc.strerror}）", where=where, cure="核对 key_file"
            ) from exc
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as exc:
            raise NotDeclared(
                "私钥文件不是有效的 SSH 私钥，或口令不对", where=where, cure="核对 key_file 与 secret"
            ) from exc
        return cls(account.username, password, [key])

    def privilege(self, asset: HostAsset) -> Privilege:
        if asset.sudo == "password":
            return Privilege("password", self.password) if self.password else Privilege("nopasswd")
        return Privilege("none" if self.username == "root" else asset.sudo)


def _private_key(data: bytes, password: str) -> asyncssh.SSHKey:
    """Return the key; `secret` opens it where it is encrypted, else it is the password beside it."""
    try:
        return asyncssh.import_private_key(data)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        if not password:
            raise
        return asyncssh.import_private_key(data, password)


class _Trust:
    """Which host key is believed, and which was seen."""

    def __init__(self, asset: HostAsset) -> None:
        self.asset = asset
        self.pinned = asset.host_key.strip()
        self.seen = ""
        self.known_hosts: Path | None = None
        if asset.known_hosts and not self.pinned:
            self.known_hosts = Path(asset.known_hosts).expanduser()
            if not self.known_hosts.is_file():
                raise NotDeclared(
                    f"找不到 known_hosts 文件 {asset.known_hosts}",
                    where=f"测评对象 {asset.id}",
                    cure="核对路径，或改填 host_key",
                )

    def known_keys(self) -> asyncssh.SSHKnownHosts:
        """Return the keys asyncssh may believe; never an empty value, which means the operator's own file."""
        if self.known_hosts is None:
            return asyncssh.import_known_hosts("")
        try:
            return asyncssh.read_known_hosts(str(self.known_hosts))
        except (OSError, ValueError) as exc:
            raise NotDeclared(
                f"known_hosts 文件无法读取（{exc}）",
                where=f"测评对象 {self.asset.id}",
                cure="核对该文件，或改填 host_key",
            ) from exc

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        self.seen = key.get_fingerprint("sha256")
        return bool(self.pinned) and self.seen == self.pinned

    def refusal(self) -> ProbeError:
        where = f"测评对象 {self.asset.id}"
        if self.pinned:
            return ProtocolMismatch(
                f"主机密钥 {self.seen} 与登记的 {self.pinned} 不符，已拒绝登录", where=where,
                cure="到主机控制台核对 ssh-keygen -lf 的结果；确已更换的，更新 host_key",
            )  # fmt: skip
        if self.known_hosts is not None:
            return ProtocolMismatch(
                f"主机密钥 {self.seen} 不在 {self.asset.known_hosts} 中，已拒绝登录", where=where,
                cure="到主机控制台核对后补入该文件，或填写 host_key",
            )  # fmt: skip
        return NotDeclared(
            f"主机密钥未经核对，不登录；本次看到 {self.seen}", where=where,
            cure=f"到主机控制台核对一致后，在该测评对象填写 host_key: {self.seen}",
        )  # fmt: skip


def _client(trust: _Trust, credentials: _Credentials) -> type[asyncssh.SSHClient]:
    """Return the class asyncssh makes its client of: one host-key decision, one password, once."""

    class Client(asyncssh.SSHClient):
        used = False

        def validate_host_public_key(
            self, _host: str, _addr: str, _port: int, key: asyncssh.SSHKey, /
        ) -> bool:
            return trust.accepts(key)

        def _once(self) -> str | None:
            if self.used or not credentials.password:
                return None
            self.used = True
            return credentials.password

        def password_auth_requested(self) -> str | None:
            return self._once()

        def kbdint_auth_requested(self) -> str | None:
            return None if self.used or not credentials.password else ""

        def kbdint_challenge_received(
            self, _name: str, _text: str, _lang: str, prompts: Sequence[tuple[str, bool]], /
        ) -> list[str] | None:
            if not prompts:
                return []
            password = self._once() if len(prompts) == 1 else None
            return None if password is None else [password]

    return Client


async def _connect(
    asset: HostAsset,
    account: Account,
    credentials: _Credentials,
    trust: _Trust,
    context: Context,
    name: str = PROBE,
) -> asyncssh.SSHClientConnection:
    """Return a logged-in connection over a socket of the guard."""
    host, port = _address(asset)
    known = trust.known_keys()
    async with context.logins.turn_async(asset, account):
        sock = await context.guard.connect(host, port, asset=asset.id, probe=name, timeout_s=_CONNECT_S)
        return await _log_in(sock, host, port, account, credentials, trust, known)


async def _log_in(
    sock: socket.socket,
    host: str,
    port: int,
    account: Account,
    credentials: _Credentials,
    trust: _Trust,
    known: asyncssh.SSHKnownHosts,
) -> asyncssh.SSHClientConnection:
    """Log in over a socket of the guard; raises our own errors."""
    try:
        async with asyncio.timeout(_LOGIN_S):
            return await asyncssh.connect(
                host, port, sock=sock, config=None, client_factory=_client(trust, credentials),
                known_hosts=known, username=account.username,
                client_keys=credentials.keys or None,
                agent_path=None, gss_host=None, x509_trusted_certs=None, compression_algs=None,
                preferred_auth=("publickey", "password", "keyboard-interactive"),
                connect_timeout=None, login_timeout=_LOGIN_S, keepalive_interval=15,
            )  # fmt: skip
    except TimeoutError as exc:
        raise TimedOut(f"{_LOGIN_S:g} 秒内未完成 SSH 登录", cure="检查主机负载与 sshd") from exc
    except (asyncssh.Error, OSError) as exc:
        raise _mapped(exc, account, trust) from exc


def _address(asset: HostAsset) -> tuple[str, int]:
    host, ports = split_host_ports(asset.address)
    try:
        port = parse_ports(ports)[0][0] if ports else 22
    except UsageError as exc:
        raise NotDeclared(f"地址写法不对：{asset.address}", where=f"测评对象 {asset.id}") from exc
    return host, port


def _mapped(exc: Exception, account: Account, trust: _Trust) -> ProbeError:
    """Return our error for one of asyncssh."""
    if isinstance(exc, asyncssh.HostKeyNotVerifiable):
        return trust.refusal()
    if isinstance(exc, asyncssh.PermissionDenied):
        return LoginRefused(
            f"账户 {account.username} 登录被拒绝（只尝试一次）",
            cure="核对用户名与口令或密钥；需要动态口令的账户不能用于自动核查",
        )
    if isinstance(exc, asyncssh.IllegalUserName):
        return NotDeclared(f"用户名不合法：{account.username}")
    if isinstance(exc, asyncssh.ConnectionLost | asyncssh.ServiceNotAvailable | OSError):
        return Unreachable(f"SSH 连接中断（{exc}）", cure="检查 sshd 是否限制来源或连接数")
    return ProtocolMismatch(f"SSH 协商失败（{exc}）", cure="确认该端口是 SSH 服务及其算法设置")


class _Stream:
    """A stream of asyncssh whose failures look like those of any other stream."""

    def __init__(self, reader: asyncssh.SSHReader[bytes]) -> None:
        self._reader = reader

    async def read(self, n: int = -1, /) -> bytes:
        """Return at most `n` bytes."""
        try:
            return await self._reader.read(n)
        except asyncssh.Error as exc:
            raise ConnectionError(exc.reason) from exc


def _starter(connection: asyncssh.SSHClientConnection) -> Start:
    """Return what starts commands on the connection."""

    async def start(command: str) -> Shell:
        try:
            process = await connection.create_process(command, encoding=None)
        except (asyncssh.Error, OSError) as exc:
            raise ProtocolMismatch(f"主机拒绝执行命令（{exc}）", cure="确认账户允许执行命令") from exc

        async def close() -> None:
            process.close()

        return Shell(process.stdin, _Stream(process.stdout), _Stream(process.stderr), close)

    return start
