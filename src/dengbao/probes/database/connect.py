"""Opens the one read-only connection to a database server, through the guard, with one login."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import psycopg
import pymysql
import sqlalchemy
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row
from sqlalchemy.pool import NullPool

from ...errors import (
    LoginRefused,
    NotDeclared,
    ProbeError,
    ProbeIncapable,
    ProtocolMismatch,
    TimedOut,
    Unreachable,
)
from ...model import DatabaseAsset
from ...scope import split_host_ports
from ..base import Context
from .kingbase import KingbaseSession
from .session import Session, map_error
from .wire import Meter, MeteredSocket, MeteredTlsSocket, Watch, metered

PROBE: Final = "database.catalogue"
_CONNECT_S: Final = 10
_ANSWER_S: Final = 10.0
_STATEMENT_MS: Final = 15_000
_PORTS: Final = {"postgresql": 5432, "kingbase": 54321, "mariadb": 3306, "mysql": 3306, "redis": 6379}
_NEEDS_CA: Final = "服务器启用 TLS 后再测，或为测试账户改用 scram-sha-256、mysql_native_password 等方式"
_NO_TLS: Final = "登记了 ca_file，但服务器未启用 TLS，未登录"
_MAX_GREETING_BYTES: Final = 4096


def place_of(asset: DatabaseAsset) -> tuple[str, int]:
    """Return host and port of a server's address.

    Raises:
        NotDeclared: no address, or a port that is no number.

    """
    where = f"engagement.yaml 测评对象 {asset.id}"
    host, port = split_host_ports(asset.address)
    if not host:
        raise NotDeclared("未填数据库地址", where=where, cure="填写 address，如 10.0.0.5:5432")
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise NotDeclared(f"数据库地址的端口不对：{asset.address}", where=where, cure="写成 10.0.0.5:5432")
    return host, int(port or _PORTS[asset.platform])


@contextmanager
def open_postgres(asset: DatabaseAsset, context: Context) -> Iterator[Session]:
    """Yield a read-only session with a PostgreSQL server.

    Sends: one connection, a second one only where the server's rules refuse encrypted connections
    before any password; the account's password once.
    """
    account = context.account(asset, asset.account)
    password = context.password(asset, account)
    host, port = place_of(asset)
    endpoint = context.guard.admit(host, port, asset=asset.id, probe=PROBE)
    given: dict[str, str] = {
        "host": host, "hostaddr": endpoint.address, "port": str(port), "user": account.username,
        "password": password, "dbname": asset.database or "postgres", "connect_timeout": str(_CONNECT_S),
        "application_name": "dengbao", "gssencmode": "disable", "target_session_attrs": "any",
        "options": (
            f"-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_MS}"
            " -c lock_timeout=3000 -c search_path=pg_catalog -c client_min_messages=error"
        ),
    }  # fmt: skip
    time.sleep(context.guard.pause_s(asset.id))
    with context.logins.turn(asset, account):
        raw = _login_postgres(given, asset.ca_file)
    meter = Meter()
    with closing(raw), Watch(raw.pgconn.socket, meter):
        engine = sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=lambda: raw, poolclass=NullPool, use_native_hstore=False
        )
        kind = KingbaseSession if asset.platform == "kingbase" else Session
        yield from _session(engine, meter, kind=kind)


def _login_postgres(given: dict[str, str], ca_file: str) -> psycopg.Connection[tuple[object, ...]]:
    """Log in once; only a refusal that came before the password leads to another, unencrypted, attempt.

    libpq's own `prefer` would send a wrong password twice, so it is not used.
    """
    if ca_file:
        return _connect_postgres({**given, "sslmode": "verify-full", "sslrootcert": ca_file})
    try:
        return _connect_postgres({**given, "sslmode": "require"})
    except _RefusedEncryption:
        # Over an open channel the password may only go out hashed.
        return _connect_postgres({**given, "sslmode": "disable", "require_auth": "!password"})


class _RefusedEncryption(ProtocolMismatch):
    """The server has no TLS, or no rule for encrypted connections; nothing was judged yet."""


def _connect_postgres(given: dict[str, str]) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(
            make_conninfo(**given), autocommit=False, prepare_threshold=None, row_factory=tuple_row
        )
    except (psycopg.Error, OSError) as error:
        raise _postgres_refusal(error, given["sslmode"]) from error


# What libpq and the server say, first match counts; the server's own words may be in Chinese.
_PG_SAYS: Final[tuple[tuple[str, type[ProbeError], str, str], ...]] = (
    (r"does not support ssl", ProtocolMismatch, _NO_TLS, "启用 TLS，或去掉 ca_file"),
    (r"certificate verify failed|does not match host name|root certificate", ProtocolMismatch,
     "服务器证书核验未通过", "核对 ca_file 与服务器证书"),
    (r"cleartext password|authentication method requirement", ProtocolMismatch,
     "服务器要求在未加密通道上明文发送口令，已拒绝发送", _NEEDS_CA),
    (r"refused|unreachable|no route", Unreachable, "无法连接数据库", "检查服务是否启动、端口是否正确"),
    (r"fatal.*database .* does not exist|数据库.*不存在", NotDeclared, "数据库不存在", "核对 database"),
    (r"fatal|致命错误|pg_hba\.conf", LoginRefused, "登录被拒绝",
     "核对账户、口令与 pg_hba.conf；不要连续重试"),
)  # fmt: skip


def _postgres_refusal(error: Exception, sslmode: str) -> ProbeError:
    text = " ".join(str(error).split())
    said = (text.partition("failed: ")[2] or text)[:300]
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return TimedOut(f"{_CONNECT_S} 秒内数据库未应答", cure="检查地址、网络与服务器负载")
    if sslmode == "require" and re.search(r"does not support ssl|pg_hba\.conf", said, re.IGNORECASE):
        return _RefusedEncryption(said)
    for pattern, kind, message, cure in _PG_SAYS:
        if re.search(pattern, said, re.IGNORECASE):
            return kind(f"{message}（{said}）", cure=cure)
    return ProtocolMismatch(f"应答不符合 PostgreSQL 协议（{said}）", cure="核对地址与端口")


class _NoClearPassword:
    """Stands in for the client plugins that would send the password as it is."""

    def __init__(self, connection: pymysql.Connection[pymysql.cursors.Cursor]) -> None:
        del connection

    def authenticate(self, packet: object) -> object:
        """Refuse; the server asked for the password in clear."""
        del packet
        raise pymysql.err.OperationalError(2059, "server asked for the password in clear")


@contextmanager
def open_mysql(asset: DatabaseAsset, context: Context) -> Iterator[Session]:
    """Yield a read-only session with a MariaDB or MySQL server.

    Sends: one connection, the account's password once, never in clear.
    """
    account = context.account(asset, asset.account)
    password = context.password(asset, account)
    host, port = place_of(asset)
    plain = context.guard.connect_blocking(host, port, asset=asset.id, probe=PROBE, timeout_s=_CONNECT_S)
    meter = Meter()
    sock = metered(plain, meter, _ANSWER_S)
    with closing(sock):
        _expect_greeting(sock)
        # Told as text, the driver would encode the password as Latin-1.
        raw = pymysql.Connection(
            host=host, port=port, user=account.username, password=password.encode(),
            database=asset.database or None, defer_connect=True, read_timeout=_ANSWER_S * 2,
            write_timeout=_ANSWER_S, charset="utf8mb4", program_name="dengbao", local_infile=False,
            ssl=tls_context(asset.ca_file, meter) if asset.ca_file else None,
            auth_plugin_map={"mysql_clear_password": _NoClearPassword, "dialog": _NoClearPassword},
        )  # fmt: skip
        if not asset.ca_file:
            # Without a CA the driver encrypts where the server can.
            raw.ctx = tls_context("", meter)  # type: ignore[attr-defined] # the stubs lack it
        with context.logins.turn(asset, account):
            _login_mysql(raw, sock, meter)
        try:
            engine = sqlalchemy.create_engine("mysql+pymysql://", creator=lambda: raw, poolclass=NullPool)
            yield from _session(engine, meter, _mysql_bounds)
        finally:
            if raw.open:
                raw.close()


def tls_context(ca_file: str, meter: Meter) -> ssl.SSLContext:
    """Return a context whose sockets stop at `meter`; without a CA the certificate is not checked."""
    context = ssl.create_default_context(cafile=ca_file or None)
    # Certificates that database servers make for themselves lack the extensions strict checking asks for.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if not ca_file:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    class Bound(MeteredTlsSocket):
        pass

    Bound.meter = meter
    context.sslsocket_class = Bound
    return context


def _expect_greeting(sock: MeteredSocket) -> None:
    """Look, without taking it, whether a MySQL greeting waits: length, number 0, protocol 10 or an error."""
    try:
        head = sock.recv(5, socket.MSG_PEEK)
    except TimeoutError as error:
        raise TimedOut(f"{_ANSWER_S:g} 秒内数据库未应答", cure="检查地址、网络与服务器负载") from error
    except OSError as error:
        raise ProtocolMismatch("服务器未应答即断开连接", cure="核对地址与端口") from error
    if not head:
        raise ProtocolMismatch("服务器未应答即断开连接", cure="核对地址与端口")
    size = int.from_bytes(head[:3], "little")
    if len(head) < 5 or head[3] != 0 or head[4] not in (9, 10, 0xFF) or not 0 < size < _MAX_GREETING_BYTES:
        raise ProtocolMismatch("应答不符合 MySQL 协议", cure="核对地址与端口")


def _login_mysql(raw: pymysql.Connection[pymysql.cursors.Cursor], sock: MeteredSocket, meter: Meter) -> None:
    try:
        raw.connect(sock)
    except (pymysql.err.Error, OSError, ValueError, IndexError, RuntimeError, AssertionError) as error:
        raise meter.why or _mysql_refusal(error) from error


_MY_SAYS: Final[tuple[tuple[str, type[ProbeError], str, str], ...]] = (
    (r"timed out", TimedOut, "数据库未及时应答", "检查网络与服务器负载"),
    (r"certificate verify failed", ProtocolMismatch, "服务器证书核验未通过", "核对 ca_file 与服务器证书"),
    (r"ssl is required", ProtocolMismatch, _NO_TLS, "启用 TLS，或去掉 ca_file"),
    (r"in clear", ProtocolMismatch, "服务器要求明文发送口令，已拒绝发送", _NEEDS_CA),
    (r"pynacl", ProbeIncapable, "本机缺少该账户鉴别方式所需的程序",
     "为测试账户改用 mysql_native_password 或 caching_sha2_password，或安装 PyNaCl"),
    (r"insecure transport", ProtocolMismatch, "服务器只接受加密连接，而未能建立", "核对服务器 TLS 设置"),
)  # fmt: skip


def _mysql_refusal(error: Exception) -> ProbeError:
    text = " ".join(str(error).split())[:300]
    for pattern, kind, message, cure in _MY_SAYS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(f"{message}（{text}）", cure=cure)
    number = error.args[0] if error.args else None
    if not isinstance(error, pymysql.err.Error) or not isinstance(number, int) or 2000 <= number < 3000:
        return ProtocolMismatch(f"应答不符合 MySQL 协议（{text}）", cure="核对地址与端口")
    mapped = map_error(error)
    if isinstance(mapped, NotDeclared | Unreachable):
        return mapped
    return LoginRefused(f"登录被拒绝（{text}）", cure="核对账户、口令与其主机限制；不要连续重试")


def _mysql_bounds(connection: sqlalchemy.Connection) -> None:
    """Make the session read only and its questions short, in the words of either product."""
    version = str(connection.exec_driver_sql("SELECT VERSION()").scalar())
    limit = (
        f"SET SESSION max_statement_time={_STATEMENT_MS // 1000}"
        if "mariadb" in version.lower()
        else f"SET SESSION max_execution_time={_STATEMENT_MS}"
    )
    for one in (limit, "SET SESSION TRANSACTION READ ONLY", "SET SESSION lock_wait_timeout=3"):
        connection.exec_driver_sql(one)
    connection.commit()


def _no_bounds(connection: sqlalchemy.Connection) -> None:
    """Do nothing: PostgreSQL took its bounds with the login."""
    del connection


def _session(
    engine: sqlalchemy.Engine,
    meter: Meter,
    bound: Callable[[sqlalchemy.Connection], None] = _no_bounds,
    *,
    kind: type[Session] = Session,
) -> Iterator[Session]:
    try:
        connection = engine.connect().execution_options(no_parameters=True)
        bound(connection)
    except (sqlalchemy.exc.SQLAlchemyError, OSError, ValueError) as error:
        raise meter.why or map_error(error) from error
    try:
        yield kind(connection, lambda: meter.why)
    finally:
        connection.invalidate()
        engine.dispose()
