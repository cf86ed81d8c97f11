"""A real application that shows persons, with a switch for every way in which it may show too much."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dengbao.model import Account, Application, Export, Marker, PatientView, WebAsset, WebLogin

from .web import _Quiet

PASSWORD = "Right-Pass-2023!"
VARIABLE = "DENGBAO_TEST_PERSONS_PASSWORD"
ROLES = {"doctor": "医生", "cashier": "收费员"}
ID_CARD, PHONE = "11010519491231002X", "13800000000"


@dataclass(frozen=True)
class Shows:
    """What the application shows; the defaults show no more than they should."""

    page_full: bool = False
    hidden_full: bool = False
    json_full: bool = False
    json_fails: bool = False
    export_full: bool = False
    export_for: tuple[str, ...] = ("doctor",)
    export_open: bool = False
    more_label: str = ""
    name_masked: bool = False
    json_name: str = "张三"
    behind: str = "{}"
    page_more: str = ""
    export_rows: str = ""
    export_masked: tuple[str, ...] = ("id_card",)
    export_busy: bool = False
    export_marker: str = ""
    export_ends_session: bool = False
    file_kept: bool = False  # the file an export made stays after it was fetched
    file_open: bool = False  # and comes to anybody
    file_once: bool = False  # it goes with the first request, whoever asks
    file_ends_session: bool = False
    stored: tuple[str, ...] = ()  # paths whose answers a browser may store

    files: dict[str, str] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._unstored)],
            routes=[
                Route("/login", self.login_page),
                Route("/login", self.login, methods=["POST"]),
                Route("/patient", self.patient),
                Route("/api/patient", self.data),
                Route("/export", self.export),
                Route("/export/file", self.make_file, methods=["POST"]),
                Route("/files/{name}", self.file),
            ],
        )

    async def _unstored(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        given = "no-cache, private" if request.url.path in self.stored else "no-store"
        response.headers["Cache-Control"] = given
        return response

    def _who(self, request: Request) -> str:
        return request.cookies.get("SESSION", "")

    async def login_page(self, _request: Request) -> Response:
        return HTMLResponse(
            "<title>登录</title><form method=post action=/login>用户登录<input name=username>"
            "<input name=password type=password><button>登录</button></form>"
        )

    async def login(self, request: Request) -> Response:
        form = await request.form()
        if form["username"] not in ROLES or form["password"] != PASSWORD:
            return HTMLResponse("用户名或口令错误", status_code=401)
        response = RedirectResponse("/patient", status_code=303)
        response.set_cookie("SESSION", str(form["username"]), httponly=True)
        return response

    async def patient(self, request: Request) -> Response:
        if not self._who(request):
            return RedirectResponse("/login", status_code=303)
        number = ID_CARD if self.page_full else "1****************X"
        hidden = f"<input type=hidden name=no value={ID_CARD}>" if self.hidden_full else ""
        name = "张*" if self.name_masked else "张三"
        more = f"<dt>{self.more_label}</dt><dd>见登记表</dd>" if self.more_label else ""
        return HTMLResponse(
            "<title>患者</title><h1>患者详情页面</h1><p>以下为所登记的就诊人员资料，仅供诊疗使用</p>"
            f"<dl><dt>姓名：</dt><dd>{name}</dd><dt>身份证号</dt><dd>{number}</dd>"
            f"<dt>电话 *</dt><dd>138****0000</dd>{more}</dl>{hidden}{self.page_more}"
        )

    async def data(self, request: Request) -> Response:
        if not self._who(request):
            return JSONResponse({"code": 401, "message": "未登录"}, status_code=401)
        if self.json_fails:
            return JSONResponse({"code": 500}, status_code=500)
        number = ID_CARD if self.json_full else "1****************X"
        name = json.loads(f'"{self.json_name}"')
        data = {"name": name, "idCard": number, "phone": "138****0000"}
        text = json.dumps({"code": 0, "data": data}, ensure_ascii=False)[:-1] + f', "more": {self.behind}}}'
        return Response(text, media_type="application/json")

    async def export(self, request: Request) -> Response:
        who = self._who(request)
        if not who and not self.export_open:
            return RedirectResponse("/login", status_code=303)
        if who and who not in self.export_for:
            if self.export_ends_session:
                ended = RedirectResponse("/login", status_code=303)
                ended.delete_cookie("SESSION")
                return ended
            return HTMLResponse(
                "导出过于频繁" if self.export_busy else "无权导出", 503 if self.export_busy else 403
            )
        number = ID_CARD if self.export_full else "1****************X"
        rows = "".join(f"{one},张三,{number}\r\n" for one in range(20))
        return Response(
            "序号,姓名,身份证号\r\n" + (self.export_rows or rows), media_type="text/csv",
            headers={"Content-Disposition": "attachment; filename=a.csv"},
        )  # fmt: skip

    async def make_file(self, request: Request) -> Response:
        if self._who(request) not in self.export_for:
            return JSONResponse({"code": 403, "message": "无权"}, status_code=403)
        name = f"{secrets.token_hex(6)}.csv"
        self.files[name] = "序号,姓名\r\n" + "1,张*\r\n" * 20
        return JSONResponse({"code": 0, "data": {"url": f"/files/{name}"}})

    async def file(self, request: Request) -> Response:
        who, name = self._who(request), request.path_params["name"]
        if not who and not self.file_open:
            return RedirectResponse("/login", status_code=303)
        text = self.files.get(name)
        if text is None:
            return HTMLResponse("没有该文件", status_code=404)
        if (who or self.file_once) and not self.file_kept:
            del self.files[name]
        response = Response(text, media_type="text/csv")
        if self.file_ends_session:
            response.delete_cookie("SESSION")
        return response


def asset(url: str, shows: Shows) -> WebAsset:
    """Return the asset as an engagement would declare it."""
    accounts = tuple(
        Account(id=name, username=name, secret=f"${{ENV:{VARIABLE}}}", role=role)
        for name, role in ROLES.items()
    )
    masked = ("身份证号", "idCard", *(("姓名",) if shows.name_masked else ()))
    view = PatientView(
        path="/patient", account="doctor", name="患者详情", masked=masked,
        fields={"姓名": "name", "身份证号": "id_card", "电话": "phone", "idCard": "id_card"},
        behind=("/api/patient",),
    )  # fmt: skip
    export = Export(
        path="/export", account="doctor", name="清单", roles=("医生",), masked=shows.export_masked
    )
    return WebAsset(
        id="his", name="业务系统", url=url, accounts=accounts, protected=("/patient",),
        login=WebLogin(path="/login", page="/login", account="doctor", success=Marker(status=303)),
        app=Application(patients=(view,), exports=(export,)),
    )  # fmt: skip


@contextlib.contextmanager
def showing(shows: Shows) -> Iterator[WebAsset]:
    """Serve the application on a free port of 127.0.0.1 until the block ends."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    config = uvicorn.Config(
        shows.app(), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = _Quiet(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield asset(f"http://127.0.0.1:{sock.getsockname()[1]}", shows)
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
