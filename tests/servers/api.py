"""An interface with a description of its own, and a switch for every fault it may have."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dengbao.model import Account, Application, Marker, WebAsset, WebLogin

from .web import _Quiet

PASSWORD = "Right-Pass-2023!"
VARIABLE = "DENGBAO_TEST_API_PASSWORD"
_OK = {"200": {"description": "ok"}, "400": {"description": "bad"}}
_PAGE = {"name": "page", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1}}


@dataclass(frozen=True)
class Conduct:
    """How the interface behaves; the defaults are a hardened one."""

    checks: bool = True  # what the description forbids is refused
    crashes: bool = False  # a page that is no number ends in 500
    soft: bool = False  # errors come with 200 and a code
    dies: int = 0  # the session ends after so many requests


@dataclass
class Api:
    """The interface and what was asked of it."""

    conduct: Conduct = Conduct()
    sessions: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        every = ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"]
        return Starlette(
            routes=[
                Route("/login", self.login, methods=["POST"]),
                Route("/openapi.json", self.described),
                Route("/api/me", self.me),
                Route("/api/{path:path}", self.answer, methods=every),
            ]
        )

    async def login(self, request: Request) -> Response:
        if (await request.json()).get("password") != PASSWORD:
            return JSONResponse({"code": 401, "msg": "用户名或口令错误"}, 401)
        sid = secrets.token_hex(12)
        self.sessions.add(sid)
        response = JSONResponse({"code": 0})
        response.headers.append("set-cookie", f"SID={sid}; Path=/; HttpOnly")
        return response

    async def described(self, _request: Request) -> Response:
        query = {"get": {"operationId": "list", "parameters": [_PAGE], "responses": _OK}}
        bare = {"responses": _OK}
        return JSONResponse({
            "openapi": "3.0.3", "info": {"title": "HIS", "version": "1"}, "servers": [{"url": "/api"}],
            "paths": {
                "/patients": {**query, "post": bare, "delete": bare},
                "/logout": {"get": bare},
                "/records/{id}/delete": {"get": bare},
            },
        })  # fmt: skip

    def known(self, request: Request) -> bool:
        return request.cookies.get("SID", "") in self.sessions

    async def me(self, request: Request) -> Response:
        if not self.known(request):
            return JSONResponse({"code": 401, "msg": "未登录"}, 401)
        return JSONResponse({"code": 0, "data": {"name": "测试账户", "department": "信息科"}})

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.method, request.url.path))
        if self.conduct.dies and len(self.asked) > self.conduct.dies:
            self.sessions.clear()
        if not self.known(request):
            return JSONResponse({"code": 401, "msg": "未登录"}, 401)
        if request.url.path != "/api/patients":
            return JSONResponse({"code": 404, "msg": "没有"}, 404)
        pages = request.query_params.getlist("page")
        number = pages[0] if len(pages) == 1 else ""
        right = number.isascii() and number.isdigit() and int(number[:9]) > 0
        if self.conduct.crashes and not number.lstrip("-").isdigit():
            return Response("Internal Server Error", 500)
        if not right and self.conduct.checks:
            return JSONResponse({"code": 400, "msg": "page 须为正整数"}, 200 if self.conduct.soft else 400)
        return JSONResponse({"code": 0, "data": [{"no": "MZ1"}]})

    def asset(self, url: str) -> WebAsset:
        """Return the asset as an engagement would declare it."""
        return WebAsset(
            id="api", name="接口", url=url, protected=("/api/me",),
            accounts=(Account(id="tester", username="t1", secret=f"${{ENV:{VARIABLE}}}", role="接口用户"),),
            login=WebLogin(
                path="/login", style="json", account="tester", success=Marker(json_key="code", json_value="0")
            ),
            app=Application(openapi="/openapi.json"),
        )  # fmt: skip


@contextlib.contextmanager
def serve(api: Api) -> Iterator[str]:
    """Serve the interface on a free port of 127.0.0.1 until the block ends; yield its URL."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    config = uvicorn.Config(
        api.app(), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = _Quiet(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
