"""A hospital application with an audit log, and switches for every way in which it can be lacking."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dengbao.model import (
    Account,
    Application,
    AuditLog,
    Call,
    Export,
    Marker,
    PatientView,
    UserAdmin,
    WebAsset,
    WebLogin,
)

from .roles import listening

PASSWORD = "Right-Pass-2023!"
VARIABLE = "DENGBAO_TEST_TRAIL_PASSWORD"
PEOPLE = {"ys1": "医生", "xt1": "系统管理员", "sj1": "审计员"}
KINDS = frozenset({"login", "login_failed", "view", "export", "logout"})
EVENTS = {
    "login": "登录", "login_failed": "登录", "view": "查看患者", "export": "导出患者", "logout": "退出",
    "page": "访问", "create": "新建用户", "grant": "角色变更", "disable": "停用用户", "remove": "删除用户",
}  # fmt: skip
HEADS = {
    "entry": "编号",
    "time": "日期时间",
    "user": "用户",
    "type": "事件类型",
    "result": "是否成功",
    "source": "来源地址",
}


@dataclass(frozen=True)
class Conduct:
    """How the application audits; the defaults are a complete log that nobody can change."""

    records: frozenset[str] = KINDS
    ignores: frozenset[str] = frozenset()  # users that are never recorded
    fields: tuple[str, ...] = tuple(HEADS)
    shift_s: float = 0.0
    zone: bool = True
    lag_s: float = 0.0
    oldest_first: bool = False
    page: int = 200
    json: bool = False
    failure: str = "失败"
    removers: frozenset[str] = frozenset()  # roles that may delete records; "" is a stranger
    alters: frozenset[str] = frozenset()
    pretends: bool = False  # says that it deleted, and does not
    no_table: bool = False
    single: bool = False  # a new login ends the older session
    own_only: bool = False  # the reader sees but its own records
    real_names: bool = False  # the log names people, not accounts
    row_numbers: bool = False  # the first column counts the rows of the page
    users: bool = False  # users may be created, given rights, disabled and removed
    wide: bool = False  # rights and states are recorded as changes of whatever
    split: bool = False  # logins and logouts stand in a log of their own
    viewless: str = ""  # the page of patients is an error, with status 200, or a shell


@dataclass
class Hospital:
    """The application and its log."""

    conduct: Conduct = Conduct()
    sessions: dict[str, str] = field(default_factory=dict)
    log: list[dict[str, str]] = field(default_factory=list)
    born: list[float] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    changed: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=lambda: list(PEOPLE))
    file: Path | None = None  # a SQLite table that holds the log, too

    def __post_init__(self) -> None:
        for one in range(5):
            self.note("view", "old", at=datetime.now(UTC) - timedelta(days=200 - one), always=True)
            self.born[-1] = 0.0

    def app(self) -> Starlette:
        """Return the ASGI application."""
        every = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/login", self.login, methods=every),
                Route("/logout", self.logout),
                Route("/patients", self.patients),
                Route("/export", self.export),
                Route("/audit", self.audit),
                Route("/audit/{part}", self.audit),
                Route("/users", self.user_list),
                Route("/users/{deed}", self.manage, methods=["POST"]),
                Route("/audit/{entry}/delete", self.remove, methods=["POST"]),
                Route("/audit/{entry}/alter", self.alter, methods=["POST"]),
                Route("/{path:path}", self.unknown, methods=every),
            ]
        )

    def note(self, kind: str, user: str, *, at: datetime | None = None, always: bool = False) -> None:
        """Write a record, as far as this application does."""
        if not always and (kind not in self.conduct.records or user in self.conduct.ignores):
            return
        when = (at or datetime.now().astimezone()) + timedelta(seconds=self.conduct.shift_s)
        text = when.isoformat(timespec="seconds") if self.conduct.zone else f"{when:%Y-%m-%d %H:%M:%S}"
        event = "修改用户" if self.conduct.wide and kind in ("grant", "disable") else EVENTS[kind]
        result = self.conduct.failure if kind == "login_failed" else "成功"
        self.born.append(time.monotonic() + self.conduct.lag_s)
        self.log.append(
            {
                "entry": str(next(self.numbers)), "time": text, "user": user, "type": event,
                "result": result, "source": "127.0.0.1",
            }
        )  # fmt: skip

        if self.file is not None:
            self.save()

    def save(self) -> None:
        """Write the log as a SQLite table, as a database behind the application would hold it."""
        names = ("entry", "time", "user", "type", "result")
        with contextlib.closing(sqlite3.connect(str(self.file))) as db, db:
            db.execute(f"CREATE TABLE IF NOT EXISTS audit ({', '.join(names)})")
            db.execute("DELETE FROM audit")
            rows = [tuple(int(one[key]) if key == "entry" else one[key] for key in names) for one in self.log]
            db.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", rows)

    def who(self, request: Request) -> str:
        return self.sessions.get(request.cookies.get("SID", ""), "")

    def page(self, body: str, status: int = 200) -> Response:
        return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>HIS</title>{body}", status)

    async def unknown(self, _request: Request) -> Response:
        return self.page("<h1>没有该页面</h1>", 404)

    async def login(self, request: Request) -> Response:
        form = "<form method=post><input name=username><input type=password name=password></form>"
        if request.method == "GET":
            return self.page(f"<h1>用户登录</h1>{form}")
        given = dict(await request.form())
        name = str(given.get("username"))
        if name not in PEOPLE or given.get("password") != PASSWORD:
            self.note("login_failed", name)
            return self.page(f"<h1>用户登录</h1><p>用户名或口令错误</p>{form}")
        self.note("login", name)
        if self.conduct.single:
            self.sessions = {sid: who for sid, who in self.sessions.items() if who != name}
        sid = secrets.token_hex(12)
        self.sessions[sid] = name
        response = RedirectResponse("/", 303)
        response.headers.append("set-cookie", f"SID={sid}; Path=/; HttpOnly")
        return response

    async def logout(self, request: Request) -> Response:
        who = self.who(request)
        self.sessions.pop(request.cookies.get("SID", ""), None)
        if who:
            self.note("logout", who)
        return RedirectResponse("/login", 303)

    async def patients(self, request: Request) -> Response:
        who = self.who(request)
        if not who:
            return RedirectResponse("/login", 303)
        if PEOPLE[who] != "医生":
            return self.page("<h1>无权访问</h1>", 403)
        if self.conduct.viewless == "error":
            return self.page("<h1>提示</h1><p>您没有权限查看患者</p>")
        if self.conduct.viewless == "shell":
            return HTMLResponse(
                "<!doctype html><title>HIS</title><div id=app></div><script src=/a.js></script>"
            )
        self.note("view", who)
        self.note("page", who)
        return self.page("<h1>患者列表</h1><table><tr><td>MZ000001</td><td>某某</td></tr></table>")

    async def export(self, request: Request) -> Response:
        who = self.who(request)
        if not who:
            return RedirectResponse("/login", 303)
        self.note("export", who)
        return PlainTextResponse("record_no\nMZ000001\n", media_type="text/csv")

    async def audit(self, request: Request) -> Response:
        who = self.who(request)
        if not who or PEOPLE[who] != "审计员":
            return self.page("<h1>无权访问</h1>", 403)
        rows = [one for one, born in zip(self.log, self.born, strict=True) if born <= time.monotonic()]
        part = request.path_params.get("part")
        if part:
            rows = [one for one in rows if (one["type"] in ("登录", "退出")) == (part == "logins")]
        shown = rows if self.conduct.oldest_first else rows[::-1]
        shown = shown[: self.conduct.page]
        if self.conduct.own_only:
            shown = [one for one in shown if one["user"] == who]
        if self.conduct.real_names:
            shown = [{**one, "user": f"某{one['user'][0]}{one['user'][-1]}"} for one in shown]
        if self.conduct.row_numbers:
            shown = [{**one, "entry": str(number)} for number, one in enumerate(shown, 1)]
        names = self.conduct.fields
        if self.conduct.json:
            return JSONResponse(
                {"code": 0, "data": {"rows": [{one: row[one] for one in names} for row in shown]}}
            )
        head = "".join(f"<th>{HEADS[one]}</th>" for one in names)
        lines = "".join("<tr>" + "".join(f"<td>{row[one]}</td>" for one in names) + "</tr>" for row in shown)
        table = "" if self.conduct.no_table else f"<table><tr>{head}</tr>{lines}</table>"
        return self.page(f"<h1>审计记录</h1>{table}")

    async def user_list(self, request: Request) -> Response:
        if PEOPLE.get(self.who(request), "") != "系统管理员":
            return self.page("<h1>无权访问</h1>", 403)
        lines = "".join(f"<tr><td>{one}</td></tr>" for one in self.users)
        return self.page(f"<h1>用户管理</h1><table><tr><th>账户</th></tr>{lines}</table>")

    async def manage(self, request: Request) -> Response:
        who, deed = self.who(request), str(request.path_params["deed"])
        if PEOPLE.get(who, "") != "系统管理员":
            return self.page("<h1>无权操作</h1>", 403)
        name = str((await request.form()).get("username"))
        assert name.startswith("dbjc"), "nobody but a user of the test's own may be touched"
        if deed == "create":
            self.users.append(name)
        elif deed == "remove":
            self.users.remove(name)
        self.note(deed, who)
        return self.page("<p>已办理</p>")

    async def remove(self, request: Request) -> Response:
        if PEOPLE.get(self.who(request), "") not in self.conduct.removers:
            return self.page("<h1>无权操作</h1>", 403)
        if not self.conduct.pretends:
            at = next(n for n, one in enumerate(self.log) if one["entry"] == request.path_params["entry"])
            self.changed.append(self.log.pop(at)["user"])
            self.born.pop(at)
        return self.page("<p>已删除</p>")

    async def alter(self, request: Request) -> Response:
        if PEOPLE.get(self.who(request), "") not in self.conduct.alters:
            return self.page("<h1>无权操作</h1>", 403)
        row = next(one for one in self.log if one["entry"] == request.path_params["entry"])
        self.changed.append(row["user"])
        row["type"] = "测试"
        return self.page("<p>已修改</p>")


def _deed(name: str) -> Call:
    fields = {"username": "{username}", "role": "{role}", "password": "{password}"}
    kept = fields if name == "create" else {"username": "{username}"}
    return Call(path=f"/users/{name}", fields=kept, done=Marker(text="已办理"))


_ADMIN = UserAdmin(
    account="xt1", list_path="/users", usernames="账户", create=_deed("create"), remove=_deed("remove"),
    disable=_deed("disable"), grant=_deed("grant"),
)  # fmt: skip


@dataclass(frozen=True)
class Running:
    """A server that listens."""

    hospital: Hospital
    url: str

    def _split(self, audit: dict[str, object]) -> tuple[AuditLog, ...]:
        alone = {key: one for key, one in audit.items() if key in ("account", "columns")}
        return (
            AuditLog(**{**audit, "name": "登录日志", "path": "/audit/logins"}),  # type: ignore[arg-type] # built by name
            AuditLog(**alone, name="操作日志", path="/audit/deeds"),  # type: ignore[arg-type] # built by name
        )

    def asset(self, **changes: object) -> WebAsset:
        """Return the asset as an engagement would declare it; `changes` are of its audit log."""
        conduct = self.hospital.conduct
        columns = {one: one if conduct.json else HEADS[one] for one in conduct.fields}
        audit: dict[str, object] = {
            "account": "sj1", "path": "/audit", "columns": columns,
            "remove": Call(path="/audit/{entry}/delete", done=Marker(text="已删除")),
            "alter": Call(path="/audit/{entry}/alter", done=Marker(text="已修改")),
        }  # fmt: skip
        return WebAsset(
            id="web", name="业务系统", url=self.url,
            accounts=tuple(
                Account(id=name, username=name, secret=f"${{ENV:{VARIABLE}}}", role=role)
                for name, role in PEOPLE.items()
            ),
            login=WebLogin(
                path="/login", page="/login", account="ys1", success=Marker(status=303),
                failure=Marker(text="用户名或口令错误"),
            ),
            logout="/logout", protected=("/patients",),
            app=Application(
                audit=self._split(audit) if conduct.split else AuditLog(**{**audit, **changes}),  # type: ignore[arg-type] # built by name
                users=_ADMIN if conduct.users else None,
                patients=(PatientView(path="/patients", account="ys1"),),
                exports=(Export(path="/export", account="ys1"),),
            ),
        )  # fmt: skip


@contextlib.contextmanager
def serving(conduct: Conduct) -> Iterator[Running]:
    """Serve the application until the block ends."""
    hospital = Hospital(conduct)
    with listening(hospital.app()) as url:
        yield Running(hospital, url)
