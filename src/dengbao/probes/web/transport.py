"""HTTP whose every connection passes the guard, with errors that people can act on.

httpx gives addresses, headers, requests and responses; below lies httpcore with a network backend of our
own, so that no redirect, no name and no retry can reach an address that was not admitted.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import httpcore
import httpx
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.tls import TLSAttribute, TLSStream

from ... import __version__
from ...errors import NotDeclared, NotSupported, ProbeError, ProtocolMismatch, TimedOut, Unreachable
from ...scope import Guard

HEADERS: Final = {
    "User-Agent": f"dengbao/{__version__}",
    # As a browser: some applications leave out the menu with the logout where JSON is named.
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language": "zh-CN,zh;q=0.9",
    "Accept-Encoding": "identity",
}
_FLAWS = (anyio.BrokenResourceError, anyio.ClosedResourceError)


class GuardedStream(httpcore.AsyncNetworkStream):
    """One connection; its flaws are raised as errors of ours, its timeouts as httpcore's."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what came, empty at the end."""
        try:
            with anyio.fail_after(timeout):
                return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""
        except TimeoutError as exc:
            raise httpcore.ReadTimeout from exc
        except (*_FLAWS, ssl.SSLError) as exc:
            raise _flaw(exc) from exc

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        try:
            with anyio.fail_after(timeout):
                await self._stream.send(buffer)
        except TimeoutError as exc:
            raise httpcore.WriteTimeout from exc
        except (*_FLAWS, anyio.EndOfStream, ssl.SSLError) as exc:
            raise _flaw(exc) from exc

    async def aclose(self) -> None:
        """Close without waiting for the other side."""
        await anyio.aclose_forcefully(self._stream)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Return the same connection, encrypted."""
        try:
            with anyio.fail_after(timeout):
                wrapped = await TLSStream.wrap(
                    self._stream, hostname=server_hostname, ssl_context=ssl_context, standard_compatible=False
                )
        except TimeoutError as exc:
            await self.aclose()
            raise httpcore.ConnectTimeout from exc
        except ssl.SSLError as exc:
            await self.aclose()
            raise tls_error(exc) from exc
        except (*_FLAWS, anyio.EndOfStream) as exc:
            await self.aclose()
            raise ProtocolMismatch(
                "TLS 握手中途被对方断开", cure="核对地址与端口；只支持国密 TLCP 的站点请以人工佐证补充"
            ) from exc
        except BaseException:
            await self.aclose()
            raise
        return GuardedStream(wrapped)

    def get_extra_info(self, info: str) -> object:
        """Return what httpcore asks of a stream."""
        if info == "ssl_object":
            return self._stream.extra(TLSAttribute.ssl_object, None)  # noqa: S610 - no Django here
        if info == "is_readable":  # an idle connection with something to read was closed by the server
            raw = self._stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610 - no Django here
            return raw is None or _readable(raw.fileno())
        return None


def _readable(handle: int) -> bool:
    if handle < 0:
        return True
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections through the guard, in the name of one asset and probe."""

    def __init__(self, guard: Guard, *, asset: str, probe: str) -> None:
        self._guard = guard
        self._asset = asset
        self._probe = probe

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to the address the guard admitted for `host`.

        Raises:
            OutOfScope, NotAuthorised, Unreachable, TimedOut.

        """
        del local_address, socket_options  # the pool is built without any
        sock = await self._guard.connect(
            host, port, asset=self._asset, probe=self._probe, timeout_s=10.0 if timeout is None else timeout
        )
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body leave apart
        return GuardedStream(await SocketStream.from_socket(sock))


class GuardedTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests over a pool that knows no proxy, no retry and no unguarded socket."""

    def __init__(self, backend: GuardedBackend, context: ssl.SSLContext) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context, max_connections=4, max_keepalive_connections=4, keepalive_expiry=4.0,
            http1=True, http2=False, retries=0, network_backend=backend,
        )  # fmt: skip

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; every flaw is a ProbeError."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port,
            target=request.url.raw_path,
        )  # fmt: skip
        bare = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.content,
            extensions=request.extensions,
        )  # fmt: skip
        with translated():
            answer = await self._pool.handle_async_request(bare)
        body = answer.stream
        if not isinstance(body, AsyncIterable):
            raise ProtocolMismatch("应答没有正文流")
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(body, answer))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes], answer: httpcore.Response) -> None:
        self._stream = stream
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with translated():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


class Dropped(ProtocolMismatch):
    """The connection ended without an answer; an idle one may simply have grown old."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn httpcore's errors into ours."""
    try:
        yield
    except httpcore.TimeoutException as exc:
        raise TimedOut("对方在时限内没有应答", cure="检查网络与应用负载后开始新的一轮") from exc
    except httpcore.RemoteProtocolError as exc:
        if "disconnected without" in str(exc):
            raise Dropped("对方未给出应答即断开连接", cure="核对地址与端口，检查应用与防火墙日志") from exc
        raise ProtocolMismatch("应答不符合 HTTP 协议", cure="核对地址与端口是否为该应用") from exc
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as exc:
        raise ProtocolMismatch("该请求无法以 HTTP 发送", cure="核对登记的地址与路径") from exc
    except httpcore.NetworkError as exc:
        raise Unreachable("连接中断", cure="检查网络与应用状态") from exc


def _flaw(exc: Exception) -> ProbeError:
    for one in (exc, exc.__cause__):
        if isinstance(one, ssl.SSLError):  # TLS 1.3 refuses a client only after the handshake
            return tls_error(one)
    return Dropped("连接被对方中断", cure="核对地址与端口，检查应用与防火墙日志")


def tls_error(exc: ssl.SSLError) -> ProbeError:
    """Return what a TLS failure means to the people on site."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ProtocolMismatch(
            f"服务器证书未通过登记的 CA 校验（{exc.verify_message}）",
            cure="核对 ca_file 与站点证书；未校验身份的站点不提交口令",
        )
    why = str(exc.reason or "")
    if "CERTIFICATE_REQUIRED" in why:
        return NotSupported("站点要求客户端证书", cure="该站点的检测请以人工佐证补充")
    if why in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}:
        # Alerts of TLCP come under a version number of their own, which reads like clear text.
        return ProtocolMismatch(
            "该端口应答的不是标准 TLS（明文，或仅支持国密 TLCP）",
            cure="对照 TLS 检测所见；仅支持国密 TLCP 的站点以人工佐证补充，否则核对地址与端口",
        )
    return ProtocolMismatch(
        f"TLS 握手失败（{why or '原因不明'}）", cure="核对地址与端口；只支持国密 TLCP 的站点请以人工佐证补充"
    )


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Return a context that looks at any server; with a CA file it insists on that CA.

    How strong the encryption is, is judged from the TLS probe's facts.

    Raises:
        NotDeclared: the CA file cannot be read.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = bool(ca_file)
    context.verify_mode = ssl.CERT_REQUIRED if ca_file else ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")  # without a certificate nothing could be verified
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise NotDeclared(
                f"无法读取 CA 证书文件 {ca_file}",
                where="engagement.yaml ca_file",
                cure="核对文件与格式（PEM）",
            ) from exc
    return context


def transport(guard: Guard, *, asset: str, probe: str, ca_file: str) -> GuardedTransport:
    """Return a transport of which every connection passes the guard.

    It is used without httpx's client, which keeps cookies and parses redirects even when told not to.
    """
    return GuardedTransport(GuardedBackend(guard, asset=asset, probe=probe), tls_context(ca_file))
