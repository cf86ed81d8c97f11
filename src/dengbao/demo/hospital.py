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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette

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
    http_port: int
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
        asyncio.run(_serve(options, create_app(store), certificates, parent))
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
    parser.add_argument("--http-port", type=int, default=0, help="整改前另开的明文端口，0 为任选")
    parser.add_argument("--ready-file", type=Path, help="就绪后写入端口与进程号")
    found = parser.parse_args(arguments)
    return Options(found.folder, found.state, found.port, found.http_port, found.ready_file)


async def _serve(options: Options, app: Starlette, certificates: Certificates, parent: int) -> None:
    measures = measures_of(options.state)
    servers = {"port": (_https(app, certificates, measures), _listen(options.port))}
    if measures.plain_http:
        servers["http_port"] = (_Server(_config(app, measures)), _listen(options.http_port))
    ports: dict[str, int] = {name: sock.getsockname()[1] for name, (_, sock) in servers.items()}
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers.values()]
    try:
        for server, _ in servers.values():
            await server.ready.wait()
        _announce(options, ports)
        await _until_stopped(stop, parent)
    finally:
        for server, _ in servers.values():
            server.should_exit = True
        await asyncio.gather(*running)


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


def _announce(options: Options, ports: dict[str, int]) -> None:
    if options.ready_file is not None:
        draft = options.ready_file.with_suffix(".tmp")
        draft.write_text(json.dumps({"pid": os.getpid(), **ports}), encoding="utf-8")
        draft.replace(options.ready_file)
    line = f"示范医院（{options.state.zh}）已启动：https://{HOST}:{ports['port']}/"
    if "http_port" in ports:
        line += f"，明文 http://{HOST}:{ports['http_port']}/"
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
