"""Runs the demo hospital as a process of its own: `python -m dengbao.demo.hospital --folder DIR`.

It listens on 127.0.0.1 only, keeps all its data below the folder and ends on SIGTERM, on Ctrl-C
or when the process that started it is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette

from . import front
from .app import create_app
from .certificates import Certificates
from .measures import Measures, State, measures_of
from .seed import lay_out

HOST: Final = "127.0.0.1"
PASSWORD_VARIABLE: Final = "DENGBAO_DEMO_PASSWORD"  # noqa: S105 - the name of a variable
_ORPHAN_CHECK_S: Final = 0.3


@dataclass(frozen=True)
class Options:
    """The command line."""

    folder: Path
    state: State
    port: int
    ready_file: Path | None


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us, because we run two of them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    options = _parse(arguments)
    password = os.environ.get(PASSWORD_VARIABLE, "")
    if not password:
        print(f"环境变量 {PASSWORD_VARIABLE} 未设置：它是测试账户的口令", file=sys.stderr)
        return 2
    parent = os.getppid()
    store, certificates = lay_out(options.folder, options.state, password)
    try:
        asyncio.run(_serve(options, create_app(store, password), certificates, parent))
    except OSError as exc:
        print(f"无法监听 {HOST} 的端口：{exc.strerror}", file=sys.stderr)
        return 2
    return 0


def _parse(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m dengbao.demo.hospital", description="示范医院（虚构）信息系统"
    )
    parser.add_argument("--folder", type=Path, required=True, help="存放全部数据的目录")
    parser.add_argument("--state", type=State, choices=list(State), required=True, help="整改前或整改后")
    parser.add_argument("--port", type=int, default=0, help="HTTPS 端口，0 为任选")
    parser.add_argument("--ready-file", type=Path, help="就绪后写入端口与进程号")
    found = parser.parse_args(arguments)
    return Options(found.folder, found.state, found.port, found.ready_file)


async def _serve(options: Options, app: Starlette, certificates: Certificates, parent: int) -> None:
    measures = measures_of(options.state)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    public = _listen(options.port)
    port = _port(public)
    async with contextlib.AsyncExitStack() as stack:
        if measures.plain_http:
            tls, plain = _listen(0), _listen(0)
            await stack.enter_async_context(_running(_https(app, certificates, measures), tls))
            await stack.enter_async_context(_running(_Server(_config(app, measures)), plain))
            server = await front.serve(public, tls_port=_port(tls), plain_port=_port(plain), host=HOST)
            stack.callback(server.close)
        else:
            await stack.enter_async_context(_running(_https(app, certificates, measures), public))
        _announce(options, port, plain=measures.plain_http)
        await _until_stopped(stop, parent)


@contextlib.asynccontextmanager
async def _running(server: _Server, sock: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve(sockets=[sock]))
    await server.ready.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


async def _until_stopped(stop: asyncio.Event, parent: int) -> None:
    """Return when told to stop, or when our parent is no longer the one that started us."""
    while not stop.is_set() and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _ORPHAN_CHECK_S)


def _listen(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((HOST, port))
    return sock


def _config(app: Starlette, measures: Measures) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=not measures.security_headers,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )


def _https(app: Starlette, certificates: Certificates, measures: Measures) -> _Server:
    config = _config(app, measures)
    config.ssl_certfile, config.ssl_keyfile = str(certificates.certificate), str(certificates.key)
    config.load()
    config.ssl = _tls(certificates, measures)
    return _Server(config)


def _tls(certificates: Certificates, measures: Measures) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if measures.old_tls:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            # Old versions are deprecated, and that is what this state is there to show.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def _announce(options: Options, port: int, *, plain: bool) -> None:
    if options.ready_file is not None:
        draft = options.ready_file.with_suffix(".tmp")
        draft.write_text(json.dumps({"pid": os.getpid(), "port": port}), encoding="utf-8")
        draft.replace(options.ready_file)
    also = "（同一端口也接受明文 http）" if plain else ""
    print(f"示范医院（{options.state.zh}）已启动：https://{HOST}:{port}/{also}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
