"""A hospital application with roles, and switches for every way in which they can fail to hold."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dengbao.model import Account, Application, Call, Marker, WebAsset, WebFunction, WebLogin

from .web import _Quiet

PASSWORD = "Right-Pass-2023!"
VARIABLE = "DENGBAO_TEST_ROLES_PASSWORD"
DOCTOR, ADMIN, AUDITOR = "医生", "系统管理员", "审计员"
PEOPLE = {"ys1": DOCTOR, "ys2": DOCTOR, "xt1": ADMIN, "sj1": AUDITOR}
OWNERS = {"1": "ys1", "2": "ys2"}
ALLOWED = {"patients": {DOCTOR}, "users": {ADMIN}, "logs": {AUDITOR}, "report": {DOCTOR}, "lock": {ADMIN}}
MENU = (
    "<nav>"
    + "".join(f"<a>{one}</a>" for one in ("首页", "帮助中心", "通知公告", "修改口令", "退出登录", "常用链接"))
    + "</nav><header>示范医院信息系统</header>"
)
SHELL = "<!doctype html><title>HIS</title><div id=app></div><script src=/app.js></script>"


@dataclass(frozen=True)
class Conduct:
    """How the application behaves; the defaults are a hardened one."""

    enforce: bool = True
    admin_audits: bool = False  # the administrator may read the log, too
    own_only: bool = True
    deny: str = "403"  # 403, page (200), soft404 (200), home, json (200), shell
    hole: str = ""  # method, override, pollution
    stranger: bool = False  # nobody asks who wants it
    ban_after: int = 0  # a firewall forbids everything after so many refusals
    dead: bool = False  # the session ends with the first refusal, which looks like any other
    same: bool = False  # every object looks the same
    gone: tuple[str, ...] = ()  # objects that do not exist
    broken: tuple[str, ...] = ()  # functions that nobody gets
    by_scripts: bool = False
    locked_out: tuple[str, ...] = ()  # accounts that cannot log in
    undo_fails: bool = False
    undo_pretends: bool = False  # an error told with status 200
    bare_404: bool = False  # the web server answers unknown paths, without the application's layout
    blocks: str = ""  # a firewall: words (names itself), once (bare, forbids all for a while), html (200)
    lock_by_all: bool = False  # anybody may lock; who may not see the list is then sent to log in


@dataclass
class Roles:
    """The application and what happened to it."""

    conduct: Conduct = Conduct()
    sessions: dict[str, str] = field(default_factory=dict)
    refusals: int = 0
    locked: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    banned_for: int = 0  # requests that the firewall still forbids
    hold_at: int = 0  # the answer to this lock is held back
    locks: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        every = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/login", self.login, methods=every),
                Route("/patients", self.patients, methods=every),
                Route("/admin/users", self.users, methods=every),
                Route("/audit", self.logs, methods=every),
                Route("/api/report", self.report, methods=every),
                Route("/admin/lock", self.lock, methods=["POST"]),
                Route("/admin/locked", self.lock_list),
                Route("/admin/unlock", self.unlock, methods=["POST"]),
                Route("/{path:path}", self.unknown, methods=every),
            ]
        )

    def page(self, body: str, status: int = 200, *, menu: bool = True) -> Response:
        more = "".join(f"<a>第 {one} 科室工作台</a>" for one in range(40)) if self.conduct.bare_404 else ""
        around = f"{MENU}<aside>{more}</aside>" if menu else ""
        return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>HIS</title>{around}{body}", status)

    async def login(self, request: Request) -> Response:
        form = "<form method=post><input name=username><input type=password name=password></form>"
        if request.method == "GET":
            return self.page(f"<h1>用户登录</h1>{form}", menu=not self.conduct.bare_404)
        given = dict(await request.form())
        name = str(given.get("username"))
        self.logins.append(name)
        if name not in PEOPLE or given.get("password") != PASSWORD or name in self.conduct.locked_out:
            return self.page(f"<h1>用户登录</h1><p>用户名或口令错误</p>{form}")
        sid = secrets.token_hex(12)
        self.sessions[sid] = name
        response = RedirectResponse("/", 303)
        response.headers.append("set-cookie", f"SID={sid}; Path=/; HttpOnly")
        return response

    async def unknown(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.conduct.by_scripts:
            return HTMLResponse(SHELL)
        if request.url.path == "/":
            if self.banned_for:
                self.banned_for -= 1
                return HTMLResponse("<h1>403 Forbidden</h1>", 403)
            return self.page("<h1>首页</h1><p>今日公告：系统运行正常</p><p>请从菜单选择功能</p>")
        if self.conduct.bare_404:
            return HTMLResponse("<html><title>404</title><center><h1>404 Not Found</h1></center></html>", 404)
        status = 200 if self.conduct.deny == "soft404" else 404
        return self.page("<h1>页面不存在</h1><p>请检查地址或联系信息科</p>", status)

    def refused(self, request: Request, function: str) -> Response | None:
        """Return the refusal of a request, or None where it is served."""
        conduct = self.conduct
        self.asked.append(f"{request.method} {request.url.path}")
        who = self.sessions.get(request.cookies.get("SID", ""))
        if conduct.ban_after and self.refusals >= conduct.ban_after:
            return self.page("<h1>请求被拦截</h1><p>无权访问</p>", 403)
        if function in conduct.broken:
            return self.page("<h1>系统繁忙</h1>", 500)
        open_to_all = conduct.stranger or self._through_hole(request)
        if open_to_all or who is None:
            return None if open_to_all else RedirectResponse("/login", 302)
        allowed = ALLOWED[function] | ({ADMIN} if conduct.admin_audits and function == "logs" else set())
        if not conduct.enforce or PEOPLE[who] in allowed:
            return None
        self.refusals += 1
        if conduct.blocks:
            return self.blocked()
        if conduct.dead:
            self.sessions.pop(request.cookies.get("SID", ""))
        return self.denied()

    def _through_hole(self, request: Request) -> bool:
        known = request.cookies.get("SID", "") in self.sessions
        override = "x-http-method-override" in request.headers
        posted = request.method == "POST" and not override and request.url.path == "/admin/users"
        return known and (
            (self.conduct.hole == "method" and posted) or (self.conduct.hole == "override" and override)
        )

    def blocked(self) -> Response:
        """Return what a firewall before the application says."""
        match self.conduct.blocks:
            case "words":
                return HTMLResponse("<h1>403</h1><p>您的请求已被网站防火墙拦截，无权访问</p>", 403)
            case "html":
                return HTMLResponse("<h1>禁止访问</h1><p>Request blocked. Your support ID is: 1</p>")
        self.banned_for = 1
        return HTMLResponse("<h1>403 Forbidden</h1>", 403)

    def denied(self) -> Response:
        """Return a refusal as this application words it."""
        match self.conduct.deny:
            case "page":
                return self.page("<h1>提示</h1><p>您没有权限访问用户管理，请联系管理员</p>")
            case "soft404":
                return self.page("<h1>页面不存在</h1><p>请检查地址或联系信息科</p>")
            case "home":
                return RedirectResponse("/", 302)
            case "json":
                return JSONResponse({"code": 403, "msg": "权限不足", "data": None})
            case "blank":
                return self.page("<h1>系统消息</h1>")
        return self.page("<h1>无权访问</h1>", 403)

    async def patients(self, request: Request) -> Response:
        turned = self.refused(request, "patients")
        if turned is not None:
            return turned
        given = request.query_params.getlist("id") or ["0"]
        who = self.sessions.get(request.cookies.get("SID", ""))
        checked, served = given[0], given[-1] if self.conduct.hole == "pollution" else given[0]
        if served not in OWNERS or served in self.conduct.gone:
            return self.page("<h1>没有该患者</h1>", 404)
        if self.conduct.own_only and OWNERS[checked] != who:
            return self.denied()
        if self.conduct.by_scripts:
            return HTMLResponse(SHELL)
        number = "x" if self.conduct.same else served
        rows = "".join(
            f"<tr><td>病历 {number}-{one}</td><td>第 {one} 次就诊记录 {number}</td></tr>" for one in range(6)
        )
        return self.page(f"<h1>患者详情</h1><table>{rows}</table>")

    async def users(self, request: Request) -> Response:
        turned = self.refused(request, "users")
        if turned is not None or self.conduct.by_scripts:
            return turned or HTMLResponse(SHELL)
        rows = "".join(
            f"<tr><td>{name}</td><td>{role}</td><td>正常</td></tr>" for name, role in PEOPLE.items()
        )
        form = "<form><input name=new><input type=password name=first></form>"
        return self.page(
            f"<h1>用户管理</h1><table><tr><th>账户</th><th>角色</th><th>状态</th></tr>{rows}</table>{form}"
        )

    async def logs(self, request: Request) -> Response:
        turned = self.refused(request, "logs")
        if turned is not None or self.conduct.by_scripts:
            return turned or HTMLResponse(SHELL)
        rows = "".join(f"<tr><td>2023-08-0{one}</td><td>登录 {one}</td></tr>" for one in range(1, 7))
        return self.page(f"<h1>审计记录</h1><table>{rows}</table>")

    async def report(self, request: Request) -> Response:
        turned = self.refused(request, "report")
        if turned is not None:
            return turned
        rows = [{"month": f"2023-0{one}", "visits": 100 + one} for one in range(1, 7)]
        return JSONResponse({"code": 0, "msg": "ok", "data": rows})

    async def lock(self, request: Request) -> Response:
        turned = self.refused(request, "lock")
        if turned is not None and not self.conduct.lock_by_all:
            return turned
        self.locked.add(str((await request.form()).get("user")))
        self.locks += 1
        if self.locks == self.hold_at:
            self.held.set()
            await asyncio.to_thread(self.released.wait, 20)
        return (
            RedirectResponse("/admin/locked", 303) if self.conduct.lock_by_all else self.page("<p>已锁定</p>")
        )

    async def lock_list(self, request: Request) -> Response:
        if PEOPLE.get(self.sessions.get(request.cookies.get("SID", ""), "")) != ADMIN:
            return RedirectResponse("/login", 302)
        return self.page("<p>已锁定</p>")

    async def unlock(self, request: Request) -> Response:
        turned = self.refused(request, "lock")
        if turned is not None or self.conduct.undo_fails:
            return turned or self.page("<p>操作失败</p>", 500)
        if self.conduct.undo_pretends:
            return self.page("<p>系统繁忙，请稍后再试</p>")
        self.locked.discard(str((await request.form()).get("user")))
        return self.page("<p>已解锁</p>")


FUNCTIONS = (
    WebFunction(
        id="patients", name="患者详情", path="/patients?id={object}", roles=(DOCTOR,),
        objects={"ys1": ("1",), "ys2": ("2",)},
    ),
    WebFunction(id="users", name="用户管理", path="/admin/users", roles=(ADMIN,), post="system",
                also_post=True, shows=Marker(text="用户管理")),
    WebFunction(id="logs", name="审计记录", path="/audit", roles=(AUDITOR,), post="audit", also_post=True),
    WebFunction(id="report", name="月报接口", path="/api/report", roles=(DOCTOR,),
                shows=Marker(status=200, json_key="code", json_value="0")),
)  # fmt: skip
LOCK = WebFunction(
    id="lock", name="锁定账户", path="/admin/lock", method="POST", style="form",
    fields={"user": "{object}"}, roles=(ADMIN,),
    objects={"xt1": ("ceshi",)}, changes=True, post="system", done=Marker(text="已锁定"),
    undo=Call(path="/admin/unlock", fields={"user": "{object}"}, done=Marker(text="已解锁")),
)  # fmt: skip


@dataclass(frozen=True)
class Running:
    """A server that listens."""

    roles: Roles
    url: str

    def asset(self, functions: tuple[WebFunction, ...] = FUNCTIONS, **changes: object) -> WebAsset:
        """Return the asset as an engagement would declare it."""
        accounts = tuple(
            Account(id=name, username=name, secret=f"${{ENV:{VARIABLE}}}", role=role)
            for name, role in PEOPLE.items()
        )
        fields: dict[str, object] = {
            "id": "web", "name": "业务系统", "url": self.url, "accounts": accounts,
            "login": WebLogin(
                path="/login", page="/login", account="ys1", success=Marker(status=303),
                failure=Marker(text="用户名或口令错误"),
            ),
            "protected": ("/patients?id=1",), "app": Application(functions=functions),
        }  # fmt: skip
        return WebAsset(**{**fields, **changes})  # type: ignore[arg-type]


@contextlib.contextmanager
def listening(app: Starlette) -> Iterator[str]:
    """Serve an application on a free port of 127.0.0.1 until the block ends; yield its address."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    config = uvicorn.Config(
        app, log_config=None, lifespan="off", ws="none", server_header=False, timeout_graceful_shutdown=1
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


@contextlib.contextmanager
def serving(conduct: Conduct) -> Iterator[Running]:
    """Serve the application until the block ends."""
    roles = Roles(conduct)
    with listening(roles.app()) as url:
        yield Running(roles, url)
