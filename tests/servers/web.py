"""A small hospital application with switches for everything that can be right or wrong with it."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dengbao.model import Account, Marker, WebAsset, WebLogin

USER = "doctor"
PASSWORD = "Right-Pass-2023!"
VARIABLE = "DENGBAO_TEST_WEB_PASSWORD"
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MENU = "<nav><a href='/'>首页</a><a href='/help'>帮助中心</a><a href='/news'>通知公告</a></nav>"
SHELL = (
    "<!doctype html><title>HIS</title><div id=app></div><script src=/app.js></script>"
    "<script src=/vendor.js></script>"
)


@dataclass(frozen=True)
class Conduct:
    """How the application behaves; the defaults are a hardened one."""

    tls: bool = True
    headers: bool = True
    server: str = ""
    secure: bool = True
    http_only: bool = True
    same_site: str = "Lax"
    renew: bool = True
    logout: str = "server"  # server, post (with token), browser (only the cookie goes), none, confirm
    guard: str = "redirect"  # redirect, soft, script, refresh, 401, 403, 404, open, leak, json200, menu
    json: bool = False
    bearer: bool = False
    token_header: str = ""
    csrf: bool = False
    captcha: bool = False
    spa: bool = False
    everything: bool = False  # 200 and the same page for every path
    accounts: dict[str, str] = field(default_factory=lambda: {USER: PASSWORD})
    empty_passes: bool = False
    anything_passes: bool = False
    forbidden: bool = False  # logged in, but every protected page is 403
    lock_after: int = 0
    single: bool = False  # a new login ends the account's older session
    rolling: bool = False  # a new cookie value at every page
    cache: str = "no-store"
    get_form: bool = False
    redundant: bool = False  # sets two more cookies that carry nothing
    errors: bool = False  # unknown paths show a stack trace
    charset: str = "utf-8"


@dataclass
class Hospital:
    """The application and what happened to it."""

    conduct: Conduct
    sessions: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    attempts: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        every = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/", self.home),
                Route("/login", self.login, methods=every),
                Route("/api/login", self.login, methods=every),
                Route("/logout", self.logout, methods=every),
                Route("/help", self.help),
                Route("/patients", self.patients),
                Route("/patients/1", self.patients),
                Route("/{path:path}", self.unknown, methods=every),
            ]
        )

    def page(self, body: str, status: int = 200, extra: dict[str, str] | None = None) -> Response:
        text = f"<!doctype html><meta charset={self.conduct.charset}><title>HIS</title>{body}"
        response = HTMLResponse(text.encode(self.conduct.charset), status)
        response.headers["content-type"] = f"text/html; charset={self.conduct.charset}"
        return self.dressed(response, extra)

    def dressed(self, response: Response, extra: dict[str, str] | None = None) -> Response:
        if self.conduct.headers:
            response.headers.update(HEADERS)
        if self.conduct.server:
            response.headers["Server"] = self.conduct.server
        response.headers.update(extra or {})
        return response

    def token(self, request: Request) -> str:
        given = request.headers.get(self.conduct.token_header or "authorization", "")
        return given if self.conduct.token_header else given.removeprefix("Bearer ")

    def who(self, request: Request) -> str | None:
        if self.conduct.bearer:
            return self.sessions.get(self.token(request)) or None
        return self.sessions.get(request.cookies.get("SESSION", "")) or None

    def set_cookie(self, response: Response, value: str) -> None:
        conduct = self.conduct
        parts = [f"SESSION={value}", "Path=/"]
        parts += ["Secure"] if conduct.secure else []
        parts += ["HttpOnly"] if conduct.http_only else []
        parts += [f"SameSite={conduct.same_site}"] if conduct.same_site else []
        response.headers.append("set-cookie", "; ".join(parts))

    async def home(self, request: Request) -> Response:
        if self.conduct.everything:
            return self.page("<p>欢迎使用医院信息系统，请联系信息科获取帮助，本页不因登录而不同</p>")
        if self.conduct.spa:
            return self.page(SHELL)
        return RedirectResponse("/patients" if self.who(request) else "/login", 303)

    async def help(self, _request: Request) -> Response:
        return self.page(f"{MENU}<h1>帮助中心</h1><p>使用说明见纸质手册</p>")

    async def unknown(self, request: Request) -> Response:
        if self.conduct.everything:
            return await self.home(request)
        if self.conduct.spa:
            return self.page(SHELL)
        inside = "Traceback (most recent call last): File app.py" if self.conduct.errors else ""
        return self.page(f"<h1>未找到该页面</h1><pre>{inside}</pre>", 404)

    def form(self, text: str = "", csrf: str = "") -> str:
        hidden = f"<input type=hidden name=csrf_token value={csrf}>" if self.conduct.csrf else ""
        captcha = "<input name=captcha><img src=/captcha.jpg>" if self.conduct.captcha else ""
        method = "get" if self.conduct.get_form else "post"
        return (
            f"<h1>用户登录</h1><p>{text}</p><form method={method} action=/login>{hidden}"
            "<label>用户名<input name=username></label>"
            "<label>口令<input type=password name=password></label>"
            f"{captcha}<button>登录</button></form>"
        )

    async def login(self, request: Request) -> Response:
        if self.conduct.everything:
            return await self.home(request)
        if request.method == "GET":
            return self.show_login(request)
        given = json.loads(await request.body()) if self.conduct.json else dict(await request.form())
        if self.conduct.csrf and given.get("csrf_token") != self.sessions.get(
            "csrf:" + request.cookies.get("SESSION", "")
        ):
            return self.page(self.form("页面已过期"), 403)
        return self.judge(request, str(given.get("username", "")), str(given.get("password", "")))

    def show_login(self, request: Request) -> Response:
        if self.conduct.spa:
            return self.page(SHELL)
        value = request.cookies.get("SESSION") or secrets.token_hex(12)
        self.sessions.setdefault(value, "")
        self.sessions["csrf:" + value] = csrf = secrets.token_hex(8)
        response = self.page(self.form(csrf=csrf))
        if not request.cookies.get("SESSION"):
            self.set_cookie(response, value)
        return response

    def judge(self, request: Request, username: str, password: str) -> Response:
        conduct = self.conduct
        self.attempts.append((username, password))
        locked = conduct.lock_after and self.failures.get(username, 0) >= conduct.lock_after
        right = conduct.accounts.get(username) == password
        passes = right or (conduct.empty_passes and not password) or conduct.anything_passes
        if locked or not passes:
            self.failures[username] = self.failures.get(username, 0) + 1
            text = "账户已锁定，请稍后再试" if locked else "用户名或口令错误"
            if conduct.json:
                return self.dressed(JSONResponse({"code": 1001, "msg": text, "data": None}))
            return self.page(self.form(text), 200)
        old = request.cookies.get("SESSION", "")
        value = secrets.token_hex(12) if conduct.renew or not old else old
        if conduct.single:
            for key in [one for one, name in self.sessions.items() if name == username]:
                del self.sessions[key]
        self.sessions[value] = username
        if conduct.json:
            data = {"token": value} if conduct.bearer else {"name": username}
            response: Response = JSONResponse({"code": 0, "msg": "ok", "data": data})
        else:
            response = RedirectResponse("/", 303)
        if not conduct.bearer:
            self.set_cookie(response, value)
        if conduct.redundant:
            response.headers.append("set-cookie", "theme=dark; Path=/")
            response.headers.append("set-cookie", "lang=zh; Path=/; Max-Age=31536000")
        return self.dressed(response)

    async def logout(self, request: Request) -> Response:
        conduct = self.conduct
        if conduct.everything:
            return await self.home(request)
        if conduct.logout == "confirm" and request.method == "GET":
            return self.page(
                "<p>确定要退出吗</p><form method=post action=/logout><button>退出</button></form>"
            )
        if conduct.logout == "post":
            given = (await request.form()).get("csrf_token")
            if request.method != "POST" or given != "out-" + request.cookies.get("SESSION", ""):
                return self.page("<h1>请从页面上退出</h1>", 403 if request.method == "POST" else 405)
        if conduct.logout in ("server", "confirm", "post"):
            self.sessions.pop(request.cookies.get("SESSION", ""), None)
            self.sessions.pop(self.token(request), None)
        response: Response = (
            JSONResponse({"code": 0, "msg": "已退出"}) if conduct.json else RedirectResponse("/login", 303)
        )
        if conduct.logout != "none" and not conduct.bearer:
            response.headers.append("set-cookie", "SESSION=; Path=/; Max-Age=0")
        return self.dressed(response)

    def content(self, path: str) -> str:
        rows = "".join(
            f"<tr><td>病历号 {number}{path}</td><td>诊断记录第 {number} 条</td></tr>" for number in range(12)
        )
        return f"<h1>患者列表</h1><table>{rows}</table><p>共 12 条</p>"

    async def patients(self, request: Request) -> Response:
        conduct = self.conduct
        path = request.url.path
        if conduct.everything:
            return await self.home(request)
        who = self.who(request)
        if who is None and conduct.guard != "open":
            return self.turned(path)
        if who and conduct.forbidden:
            return self.page("<h1>没有权限</h1>", 403)
        extra = {"Cache-Control": conduct.cache} if conduct.cache else {}
        if conduct.json:
            rows = [{"no": f"{path}-{one}", "diagnosis": f"记录 {one}"} for one in range(12)]
            return self.dressed(JSONResponse({"code": 0, "msg": "ok", "data": rows}), extra)
        menu = MENU if conduct.guard == "menu" else ""
        way_out = (
            f"<form method=post action=/logout><input type=hidden name=csrf_token "
            f"value=out-{request.cookies.get('SESSION', '')}><button>退出</button></form>"
        )
        response = self.page(
            menu + self.content(path) + (way_out if conduct.logout == "post" else ""), 200, extra
        )
        if conduct.rolling and who:
            self.sessions.pop(request.cookies.get("SESSION", ""), None)
            value = secrets.token_hex(12)
            self.sessions[value] = who
            self.set_cookie(response, value)
        return response

    def turned(self, path: str) -> Response:
        """Return what a stranger is given instead of a protected page."""
        answers: dict[str, Callable[[], Response]] = {
            "redirect": lambda: RedirectResponse("/login", 302),
            "leak": lambda: HTMLResponse(self.content(path), 302, {"Location": "/login"}),
            "soft": lambda: self.page(self.form("请登录")),
            "menu": lambda: self.page(
                MENU + "<aside>" + self.form("请登录") + "</aside>" + self.content(path)
            ),
            "script": lambda: HTMLResponse("<script>alert('请先登录');top.location.href='/login';</script>"),
            "client": lambda: HTMLResponse("<script>if(!localStorage.t)location.href='/login';</script>"),
            "refresh": lambda: HTMLResponse("<meta http-equiv=refresh content='0;url=/login'>"),
            "401": lambda: JSONResponse({"code": 401, "msg": "未登录"}, 401),
            "403": lambda: self.page("<h1>禁止访问</h1>", 403),
            "404": lambda: self.page("<h1>未找到该页面</h1>", 404),
            "json200": lambda: JSONResponse({"code": 50008, "msg": "登录已过期，请重新登录", "data": None}),
            "words": lambda: self.page("<p>请登录后查看全部内容</p>" + self.content(path)),
        }
        return self.dressed(answers[self.conduct.guard]())


@dataclass(frozen=True)
class Running:
    """A server that listens."""

    hospital: Hospital
    url: str
    port: int
    ca_file: str

    def asset(self, **changes: object) -> WebAsset:
        """Return the asset as an engagement would declare it."""
        conduct = self.hospital.conduct
        fields: dict[str, object] = {
            "id": "web",
            "name": "业务系统",
            "url": self.url,
            "ca_file": self.ca_file if conduct.tls else "",
            "accounts": (Account(id="tester", username=USER, secret=f"${{ENV:{VARIABLE}}}"),),
            "login": self.login(),
            "logout": "/logout",
            "protected": ("/patients", "/patients/1"),
            "public": ("/help",),
        }
        return WebAsset(**{**fields, **changes})  # type: ignore[arg-type]

    def login(self, **changes: object) -> WebLogin:
        """Return the login as an engagement would declare it."""
        conduct = self.hospital.conduct
        fields: dict[str, object] = {"path": "/login", "account": "tester"}
        if conduct.json:
            fields |= {
                "path": "/api/login",
                "style": "json",
                "success": Marker(json_key="code", json_value="0"),
            }
        else:
            fields |= {"page": "/login", "failure": Marker(text="用户名或口令错误")}
        if conduct.bearer:
            fields |= {"token_json_key": "data.token", "token_header": conduct.token_header}
        if conduct.csrf:
            fields |= {"csrf_field": "csrf_token"}
        return WebLogin(**{**fields, **changes})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Certificates:
    """A CA of the test and a server certificate below it."""

    context_file: Path
    ca_file: Path


def mint(folder: Path) -> Certificates:
    """Write a CA and a certificate for 127.0.0.1."""
    ca = trustme.CA()
    leaf = ca.issue_cert("127.0.0.1", "localhost")
    leaf.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return Certificates(folder / "server.pem", folder / "ca.pem")


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def serving(conduct: Conduct, certificates: Certificates) -> Iterator[Running]:
    """Serve the application on a free port of 127.0.0.1 until the block ends."""
    hospital = Hospital(conduct)
    # asyncio turns Nagle off only where the protocol is named; without that each answer takes 40 ms more.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)  # from here on connections wait for the server instead of being refused
    port = int(sock.getsockname()[1])
    config = uvicorn.Config(
        hospital.app(),
        log_config=None,
        lifespan="off",
        ws="none",
        server_header=False,
        date_header=False,
        ssl_certfile=str(certificates.context_file) if conduct.tls else None,
        timeout_graceful_shutdown=1,
    )
    server = _Quiet(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        scheme = "https" if conduct.tls else "http"
        yield Running(hospital, f"{scheme}://127.0.0.1:{port}", port, str(certificates.ca_file))
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
