"""What follows HTTP/1.1 in clear, on loopback: HTTP/2 (h2c), WebSocket and gRPC, each by its own library."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from websockets.sync.server import Server, ServerConnection, serve

from .tls import free_ports, wait_for

_APP = """
import gzip

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    while (await receive()).get("more_body"):
        pass
    body = gzip.compress(ANSWER)
    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

ANSWER = %r
"""


@contextmanager
def hypercorn(answer: bytes) -> Iterator[int]:
    """Run a server that speaks h2c, asked for at once or by an upgrade; yield its port."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "peer_app.py").write_text(_APP % answer, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "peer_app:app"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": folder},
        )  # fmt: skip
        try:
            wait_for(port, lambda: process.poll() is None, seconds=30)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def _reply(link: ServerConnection) -> None:
    for message in link:
        link.send(message)


@contextmanager
def echo() -> Iterator[int]:
    """Run a WebSocket server that says everything back, with permessage-deflate where it is asked for."""
    (port,) = free_ports(1)
    with ThreadPoolExecutor(1) as pool:
        server: Server = serve(_reply, "127.0.0.1", port)
        running = pool.submit(server.serve_forever)
        try:
            yield port
        finally:
            server.shutdown()
            running.result(10)


class _Any(grpc.GenericRpcHandler):  # type: ignore[misc]  # it comes without types
    def service(self, handler_call_details: object) -> object:
        del handler_call_details
        return grpc.unary_unary_rpc_method_handler(lambda request, _context: request)


@contextmanager
def grpc_echo() -> Iterator[int]:
    """Run a gRPC server that gives back each message; yield its port."""
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_Any(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait(10)


def call(port: int, message: bytes, token: str, *, packed: bool) -> bytes:
    """Send a message to the gRPC server and return what comes back."""
    compression = grpc.Compression.Gzip if packed else grpc.Compression.NoCompression
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer: bytes = channel.unary_unary("/his.Login/Enter")(
            message, metadata=(("authorization", f"Bearer {token}"),), compression=compression, timeout=20
        )
    return answer
