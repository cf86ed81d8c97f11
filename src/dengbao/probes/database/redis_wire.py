"""Talks to a Redis server: one connection, bounded answers, no password over an open network.

Client libraries send commands of their own, connect again and repeat a refused login; here every byte
that leaves is asked for, and every answer is bounded before it is kept.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from ...errors import LoginRefused, NoPermission, NotDeclared, ProtocolMismatch, TimedOut
from ...model import DatabaseAsset
from ..base import Context
from .connect import place_of, tls_context
from .wire import Meter, MeteredTlsSocket, metered

PROBE: Final = "database.redis"
_CONNECT_S: Final = 10.0
_ANSWER_S: Final = 10.0
_MAX_BYTES: Final = 16 * 1024 * 1024
_MAX_LINE: Final = 64 * 1024
_MAX_BULK: Final = 4 * 1024 * 1024
_MAX_ITEMS: Final = 20_000
_MAX_DEPTH: Final = 6
_NO_REDIS: Final = "应答不符合 Redis 协议"
_CHECK: Final = "核对地址与端口"


@dataclass(frozen=True)
class Refusal:
    """An error the server answered with; its first word tells the kind, such as `NOPERM`."""

    text: str

    @property
    def kind(self) -> str:
        """Return the first word."""
        return self.text.partition(" ")[0]


Reply = str | int | None | Refusal | tuple["Reply", ...]


class Talk:
    """Asks in batches and reads the answers; a limit that is passed ends the conversation."""

    def __init__(self, sock: socket.socket, meter: Meter) -> None:
        self._sock = sock
        self._meter = meter
        self._in: BinaryIO = sock.makefile("rb")

    def ask(self, *words: str) -> Reply:
        """Return the answer to one command."""
        return self.batch([words])[0]

    def batch(self, commands: Sequence[Sequence[str]]) -> list[Reply]:
        """Send all commands at once and return their answers in order.

        Raises:
            ProtocolMismatch, TimedOut: no such server, too much, or not in time.

        """
        try:
            self._sock.sendall(b"".join(_packed(one) for one in commands))
            return [self._reply(0) for _ in commands]
        except TimeoutError as error:
            raise self._meter.why or TimedOut(
                f"{_ANSWER_S:g} 秒内数据库未应答", cure="检查地址、网络与服务器负载"
            ) from error
        except (OSError, ValueError) as error:
            raise self._meter.why or ProtocolMismatch(f"{_NO_REDIS}（{error}）", cure=_CHECK) from error

    def close(self) -> None:
        """Close the connection."""
        self._in.close()
        self._sock.close()

    def _reply(self, depth: int) -> Reply:
        line = self._in.readline(_MAX_LINE)
        if not line.endswith(b"\r\n"):
            raise ValueError("连接中断" if len(line) < _MAX_LINE else "应答行过长")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return _text(rest)
        if kind == b"-":
            return Refusal(_text(rest))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return self._array(int(rest), depth)
        raise ValueError(f"意外的首字节 {kind!r}")

    def _bulk(self, size: int) -> str | None:
        if size < 0:
            return None
        if size > _MAX_BULK:
            raise ValueError("单个应答过大")
        data = self._in.read(size + 2)
        if len(data) != size + 2:
            raise ValueError("连接中断")
        return _text(data[:-2])

    def _array(self, count: int, depth: int) -> Reply:
        if count < 0:
            return None
        if count > _MAX_ITEMS or depth >= _MAX_DEPTH:
            raise ValueError("应答的项目过多或嵌套过深")
        return tuple(self._reply(depth + 1) for _ in range(count))


def _packed(words: Sequence[str]) -> bytes:
    parts = [one.encode() for one in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(one), one) for one in parts)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@dataclass(frozen=True)
class Opened:
    """A conversation and how it came about.

    `greeted` is what the server said to a PING before any login; `refused` is why we are not logged in,
    None where we are, or need not be. TLS fields are empty on a plain connection.
    """

    talk: Talk
    greeted: Reply
    refused: NotDeclared | ProtocolMismatch | None
    tls_version: str = ""
    tls_cipher: str = ""
    checked: bool = False

    @property
    def anonymous(self) -> bool | None:
        """Tell whether the server answers a command of someone who has not logged in."""
        if self.greeted == "PONG":
            return True
        return False if isinstance(self.greeted, Refusal) and self.greeted.kind == "NOAUTH" else None


@contextmanager
def open_redis(asset: DatabaseAsset, context: Context) -> Iterator[Opened]:
    """Yield a conversation with a Redis server, logged in where that can be done safely.

    Sends: one connection, a second one where the port speaks TLS only; one PING before the login; the
    account's password once, over TLS or to this machine only, because Redis takes it in clear.

    Raises:
        NotDeclared, OutOfScope, Unreachable, TimedOut, ProtocolMismatch: nothing was seen.
        LoginRefused: the account was refused.
        NoPermission: the server is in protected mode and talks to its own machine only.

    """
    host, port = place_of(asset)
    meter = Meter(max_bytes=_MAX_BYTES)
    crypto: ssl.SSLSocket | None
    if asset.ca_file:
        talk, crypto = _secure(asset, context, host, port, meter)
        greeted = talk.ask("PING")
    else:
        talk, greeted, crypto = _plain_or_secure(asset, context, host, port, meter)
    with closing(talk):
        if isinstance(greeted, Refusal) and greeted.kind == "DENIED":
            raise NoPermission(
                "Redis 处于保护模式，只与本机通信", cure="在服务器本机上检测，或以 SSH 隧道连接本机端口后再测"
            )
        refused = _login(talk, greeted, asset, context, may_send=crypto is not None or _is_here(host))
        if crypto is None:
            yield Opened(talk, greeted, refused)
        else:
            version, cipher = crypto.version() or "", (crypto.cipher() or ("",))[0]
            yield Opened(talk, greeted, refused, version, cipher, bool(asset.ca_file))


def _plain_or_secure(
    asset: DatabaseAsset, context: Context, host: str, port: int, meter: Meter
) -> tuple[Talk, Reply, ssl.SSLSocket | None]:
    """Try without TLS first, which gives nothing away; a port that wants TLS hangs up or sends an alert."""
    sock = context.guard.connect_blocking(host, port, asset=asset.id, probe=PROBE, timeout_s=_CONNECT_S)
    talk = Talk(metered(sock, meter, _ANSWER_S), meter)
    try:
        return talk, talk.ask("PING"), None
    except ProtocolMismatch as plain:
        talk.close()
        if meter.why is not None or meter.received > _MAX_LINE:
            raise
        try:
            secure, crypto = _secure(asset, context, host, port, meter)
            return secure, secure.ask("PING"), crypto
        except (ProtocolMismatch, TimedOut):
            raise plain from None


def _secure(
    asset: DatabaseAsset, context: Context, host: str, port: int, meter: Meter
) -> tuple[Talk, MeteredTlsSocket]:
    sock = context.guard.connect_blocking(host, port, asset=asset.id, probe=PROBE, timeout_s=_CONNECT_S)
    try:
        wrapped = tls_context(asset.ca_file, meter).wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise ProtocolMismatch(
            f"服务器证书核验未通过（{error.verify_message}）", cure="核对 ca_file 与服务器证书"
        ) from error
    except TimeoutError as error:
        raise TimedOut(f"{_ANSWER_S:g} 秒内未能建立 TLS", cure="检查地址、网络与服务器负载") from error
    except (OSError, ValueError) as error:
        raise ProtocolMismatch(f"未能建立 TLS（{error}）", cure="启用 TLS，或核对地址与 ca_file") from error
    finally:
        sock.close()
    assert isinstance(wrapped, MeteredTlsSocket)  # noqa: S101 - the context was told to make these
    wrapped.settimeout(_ANSWER_S)
    return Talk(wrapped, meter), wrapped


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _login(
    talk: Talk, greeted: Reply, asset: DatabaseAsset, context: Context, *, may_send: bool
) -> NotDeclared | ProtocolMismatch | None:
    """Log in once with the declared account; return why that could not be done.

    Raises:
        LoginRefused: the server refused the account.

    """
    if not asset.account:
        if greeted == "PONG" or (isinstance(greeted, Refusal) and greeted.kind == "NOPERM"):
            return None
        return NotDeclared(
            "服务器要求登录，而未登记账户", where=f"engagement.yaml 测评对象 {asset.id}",
            cure="登记只读账户：+@read +@connection +info +config|get +acl|list +acl|whoami +command|info",
        )  # fmt: skip
    account = context.account(asset, asset.account)
    if not may_send:
        return ProtocolMismatch(
            "Redis 以明文传送口令，通道未加密，已拒绝发送",
            cure="在 tls-port 上启用 TLS 后再测，或以 SSH 隧道连接服务器本机端口后再测",
        )
    password = context.password(asset, account)
    named = () if account.username in ("", "default") else (account.username,)
    with context.logins.turn(asset, account):
        answer = talk.ask("AUTH", *named, password)
        if not isinstance(answer, Refusal):
            return None
        if "without any password" in answer.text:
            return None  # the default user needs none: whoever connects is logged in already
        # A server that does not know AUTH repeats what followed it.
        said = answer.text.replace(password, "***")[:200]
        raise LoginRefused(f"登录被拒绝（{said}）", cure="核对账户与口令；不要连续重试")
