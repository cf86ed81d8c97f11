"""A real interface for settlement messages, with a switch for every protection it may lack."""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dengbao.model import Application, Call, Marker, Message, Signature, WebAsset

from .web import Certificates, _Quiet

KEY = "settle-key-of-the-test"
KEY_VARIABLE = "DENGBAO_TEST_MESSAGE_KEY"
SIGNED = ("visit", "amount", "timestamp", "nonce")


@dataclass
class Gateway:
    """What the interface checks; `kept` are the settlements that were not taken back."""

    tls: bool = True
    signature: bool = True
    covers: tuple[str, ...] = SIGNED
    demands_signature: bool = True
    once: bool = True
    fresh_s: float | None = 300.0
    in_header: bool = False
    says_yes: bool = False  # whatever it was sent
    kept: list[dict[str, str]] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    received: int = 0

    async def settle(self, request: Request) -> Response:
        body = await request.body()
        self.received += 1
        try:
            fields = {str(name): str(one) for name, one in json.loads(body).items()}
        except ValueError:
            fields = {}
        complaint = "缺少字段" if "nonce" not in fields or "timestamp" not in fields else ""
        complaint = complaint or self._complaint(fields, body, request.headers.get("x-sign", ""))
        if complaint:
            return JSONResponse({"infcode": "0" if self.says_yes else "-1", "err_msg": complaint})
        self.numbers.add(fields["nonce"])
        self.kept.append(fields)
        return JSONResponse({"infcode": "0"})

    async def cancel(self, request: Request) -> Response:
        visit = str((await request.json())["visit"])
        found = next((one for one in self.kept if one["visit"] == visit), None)
        if found is None:
            return JSONResponse({"infcode": "-1", "err_msg": "没有可撤销的结算"})
        self.kept.remove(found)
        return JSONResponse({"infcode": "0"})

    def _complaint(self, fields: dict[str, str], body: bytes, header: str) -> str:
        given = header if self.in_header else fields.get("sign", "")
        if self.signature and (given or self.demands_signature):
            text = "&".join(f"{one}={fields.get(one, '')}" for one in self.covers).encode()
            wanted = hmac.new(KEY.encode(), body if self.in_header else text, "sm3").hexdigest()
            if not hmac.compare_digest(wanted, given):
                return "验签失败"
        if self.once and fields["nonce"] in self.numbers:
            return "报文重复"
        if self.fresh_s is not None and abs(time.time() - int(fields["timestamp"])) > self.fresh_s:
            return "报文过期"
        return ""

    def asset(self, url: str, ca_file: Path, *, undo: bool = True) -> WebAsset:
        """Return the asset as an engagement would declare it."""
        done = Marker(json_key="infcode", json_value="0")
        recipe = Signature(
            algorithm="hmac-sm3", key=f"${{ENV:{KEY_VARIABLE}}}", over=self.covers, field="sign",
        )  # fmt: skip
        if self.in_header:
            recipe = Signature(algorithm="hmac-sm3", key=f"${{ENV:{KEY_VARIABLE}}}", header="X-Sign")
        message = Message(
            id="settle", name="结算", path="/settle", fields={"visit": "V1", "amount": "128.50"}, done=done,
            timestamp_field="timestamp", nonce_field="nonce", fresh_s=300, signature=recipe,
            undo=Call(path="/cancel", style="json", fields={"visit": "{visit}"}, done=done) if undo else None,
        )  # fmt: skip
        return WebAsset(
            id="gateway", name="接口", url=url, ca_file=str(ca_file) if self.tls else "",
            app=Application(messages=(message,)),
        )  # fmt: skip


@contextlib.contextmanager
def gateway(conduct: Gateway, certificates: Certificates) -> Iterator[str]:
    """Serve the interface on a free port of 127.0.0.1 until the block ends; yield its URL."""
    app = Starlette(
        routes=[
            Route("/settle", conduct.settle, methods=["POST"]),
            Route("/cancel", conduct.cancel, methods=["POST"]),
        ]
    )
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    config = uvicorn.Config(
        app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1,
        ssl_certfile=str(certificates.context_file) if conduct.tls else None,
    )  # fmt: skip
    server = _Quiet(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if conduct.tls else 'http'}://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
