"""Whole handshakes with Python's own library: does one finish, what certificates, what of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import NotDeclared, ProbeIncapable
from .line import ANSWER_S, Line

# Servers from before RFC 5746 are looked at like all others (ssl.OP_LEGACY_SERVER_CONNECT, 3.12).
_OLD_SERVERS: Final = 0x4
_NAMES: Final = {"TLSv1": "TLSv1.0"}
_NO_TIME: Final = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME
_PARTIAL_CHAIN: Final = ssl.VerifyFlags(0x80000)  # X509_V_FLAG_PARTIAL_CHAIN


@dataclass(frozen=True)
class Finished:
    """How a handshake ended: `error` is empty where it finished; `code` is OpenSSL's verify code."""

    version: str = ""
    suite: str = ""
    chain: tuple[bytes, ...] = ()
    whole_chain: bool = False
    error: str = ""
    code: int | None = None
    message: str = ""


@dataclass(frozen=True)
class Store:
    """Certificates to trust: PEM text of a declared CA file, or the system's own."""

    kind: str
    pem: str
    empty: bool


def read_store(ca_file: str) -> Store:
    """Return the store of an asset: its declared CA file, else the system's.

    Raises:
        NotDeclared: the declared file cannot be read or holds no certificate.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not ca_file:
        context.load_default_certs()
        return Store("system", "", empty=_is_empty(context))
    try:
        pem = Path(ca_file).read_text(encoding="ascii")
        context.load_verify_locations(cadata=pem)
    except (OSError, ValueError, ssl.SSLError) as exc:
        raise NotDeclared(
            f"无法读取 CA 证书文件 {ca_file}",
            where="engagement.yaml ca_file",
            cure="登记 PEM 格式的 CA 证书文件",
        ) from exc
    return Store("declared", pem, empty=False)


def _is_empty(context: ssl.SSLContext) -> bool:
    # A folder of hashed certificates is read while verifying and not counted beforehand.
    folder = ssl.get_default_verify_paths().capath
    return not context.cert_store_stats()["x509"] and not (folder and any(Path(folder).glob("*.0")))


def lenient_context() -> ssl.SSLContext:
    """Return a context that takes every version and every suite with a certificate our library knows.

    The system's policy would otherwise refuse TLS 1.0 before anything is sent, and a refusal of our
    own would read like a refusal of the server.

    Raises:
        ProbeIncapable: the library cannot be made to offer them.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= ssl.Options(_OLD_SERVERS)
    try:
        context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")
    except ssl.SSLError as exc:
        raise ProbeIncapable(
            "本机 OpenSSL 不允许放宽安全级别，无法探测旧版 TLS", cure="换用其他系统运行"
        ) from exc
    return context


def verifying_context(store: Store, *, dates_and_name: bool = True) -> ssl.SSLContext:
    """Return a context that judges the chain as a client does, or its trust alone.

    Lenient in versions and key sizes: those are facts of their own and must not hide this one.
    """
    context = lenient_context()
    context.verify_mode = ssl.CERT_REQUIRED
    # A declared CA may be an intermediate one, or the endpoint's own certificate.
    context.verify_flags |= _PARTIAL_CHAIN
    if store.pem:
        context.load_verify_locations(cadata=store.pem)
    else:
        context.load_default_certs()
    if dates_and_name:
        context.check_hostname = True
    else:
        context.verify_flags |= _NO_TIME
    return context


def name_context(leaf: bytes) -> ssl.SSLContext:
    """Return a context that trusts the leaf itself at any time, so that only its names can fail."""
    context = lenient_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= _PARTIAL_CHAIN | _NO_TIME
    context.load_verify_locations(cadata=leaf)
    context.check_hostname = True
    return context


async def shake(line: Line, context: ssl.SSLContext, timeout_s: float = 2 * ANSWER_S) -> Finished:
    """Run one handshake to its end and hang up; no application data is sent.

    Raises:
        Unreachable, TimedOut: no connection.

    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=line.server_name or None)
    async with line.open() as sock:
        try:
            async with asyncio.timeout(timeout_s):
                await _exchange(sock, tls, incoming, outgoing)
        except TimeoutError:
            return Finished(error=f"{timeout_s:g} 秒内未完成握手")
        except ssl.SSLCertVerificationError as exc:
            return Finished(error="证书验证未通过", code=exc.verify_code, message=exc.verify_message)
        except ssl.SSLError as exc:
            return Finished(error=f"握手失败（{exc.reason or exc.strerror}）")
        except OSError as exc:
            return Finished(error=f"握手中连接断开（{exc.strerror or exc}）")
    chain, whole = _chain_of(tls)
    cipher = tls.cipher()
    version = tls.version() or ""
    return Finished(
        version=_NAMES.get(version, version),
        suite=cipher[0] if cipher else "",
        chain=chain,
        whole_chain=whole,
        code=0,
    )


async def _exchange(
    sock: socket.socket, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            await loop.sock_sendall(sock, outgoing.read())
        except ssl.SSLError:
            # Our alert still goes out, so that a single-threaded server turns to its next client.
            with contextlib.suppress(OSError):
                await loop.sock_sendall(sock, outgoing.read())
            raise
        else:
            await loop.sock_sendall(sock, outgoing.read())
            return
        data = await loop.sock_recv(sock, 16384)
        if not data:
            raise ConnectionResetError("服务端断开")
        incoming.write(data)


def _chain_of(tls: ssl.SSLObject) -> tuple[tuple[bytes, ...], bool]:
    """Return the certificates that were sent, leaf first, and whether all of them could be had.

    The method is public from Python 3.13 on; before, it stands on the object behind.
    """
    getter: Callable[[], list[object] | None] | None = getattr(tls, "get_unverified_chain", None)
    if getter is None:
        getter = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    sent = getter() if getter is not None else None
    if sent:
        return tuple(_der(one) for one in sent), True
    leaf = tls.getpeercert(binary_form=True)
    return ((leaf,) if leaf else ()), False


def _der(one: object) -> bytes:
    if isinstance(one, bytes):
        return one
    public_bytes: Callable[[], str] = getattr(one, "public_bytes")  # noqa: B009 - a private type
    return ssl.PEM_cert_to_DER_cert(public_bytes())
