"""A hospital application with a form to register patients, and a switch for every fault it may have."""

from __future__ import annotations

import contextlib
import html
import re
import secrets
import socket
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dengbao.model import (
    Account,
    Application,
    Call,
    InputField,
    InputForm,
    Marker,
    WebAsset,
    WebLogin,
)
from dengbao.pii import is_id_card

from .web import _Quiet

PASSWORD = "Right-Pass-2023!"
VARIABLE = "DENGBAO_TEST_FORMS_PASSWORD"
SPECIMEN = "11010519491231002X"
FIELDS = {
    "name": InputField(sample="测试甲", required=True, max_length=30),
    "age": InputField(sample="30", type="integer", least=0, most=150),
    "born": InputField(sample="1949-12-31", type="date"),
    "id_card": InputField(sample=SPECIMEN, type="id_card", required=True),
    "phone": InputField(sample="14800000001", type="phone"),
    "sex": InputField(sample="1", type="code", codes=("1", "2")),
    "photo": InputField(sample="face.png", type="file"),
}
LIMITS = {
    "name": "required maxlength=30", "age": "type=number min=0 max=150", "born": "type=date",
    "id_card": "required pattern='[0-9]{17}[0-9X]'", "phone": "pattern='[0-9]{11}'", "sex": "",
    "photo": "type=file accept=image/*",
}  # fmt: skip


@dataclass(frozen=True)
class Conduct:
    """How the application behaves; the defaults are a hardened one."""

    unchecked: tuple[str, ...] = ()  # fields that the server does not look at
    cuts: bool = False  # too long a name is cut
    escapes: bool = True
    quotes: bool = True  # quotes are escaped where a name stands in an attribute
    markup_refused: bool = False
    concatenates: bool = False  # SQL is put together by hand, and its errors are shown
    swallows: bool = False  # SQL is put together by hand, and its errors are told as wrong input
    strips: bool = False  # quotes and signs are taken out of names
    fails: tuple[str, ...] = ()  # fields whose wrong value ends in 500
    style: str = "redirect"  # redirect, soft (200 and words), alike (303 to the same place either way)
    firewall: bool = False  # 403 for every submission
    broken: bool = False  # 500 for every submission
    refuses_right: bool = False
    tokens_once: bool = True
    limits: bool = True  # the page's own HTML limits the fields
    keeps: bool = False  # nothing can be removed
    dies: int = 0  # the session ends after so many submissions
    drops: tuple[int, ...] = ()  # submissions after which the line is cut: kept, and never answered
    lists: str = (
        "page"  # how records are listed: page, pages (the newest come last), json, late (by a script)
    )


@dataclass
class Forms:
    """The application and what happened to it."""

    conduct: Conduct = Conduct()
    records: dict[int, dict[str, str]] = field(default_factory=lambda: {1: {"name": "真实患者"}})
    last: int = 1
    received: int = 0
    right: int = 0
    removed: list[int] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    arrived: threading.Event = field(default_factory=threading.Event)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/login", self.login, methods=["GET", "POST"]),
                Route("/home", self.home),
                Route("/new", self.new, methods=["GET"]),
                Route("/new", self.submit, methods=["POST"]),
                Route("/api/records", self.submit_json, methods=["POST"]),
                Route("/search", self.search),
                Route("/records", self.listing),
                Route("/records/{number:int}", self.show),
                Route("/records/{number:int}/delete", self.remove, methods=["POST"]),
            ]
        )

    async def login(self, request: Request) -> Response:
        if request.method == "GET":
            return _page("<form method=post><input name=username><input type=password name=password></form>")
        given = dict(await request.form())
        if given.get("password") != PASSWORD:
            return _page("<p>用户名或口令错误</p>")
        sid = secrets.token_hex(12)
        self.sessions.add(sid)
        response = RedirectResponse("/home", 303)
        response.headers.append("set-cookie", f"SID={sid}; Path=/; HttpOnly")
        return response

    def stranger(self, request: Request) -> Response | None:
        known = request.cookies.get("SID", "") in self.sessions
        return None if known else RedirectResponse("/login", 303)

    async def home(self, request: Request) -> Response:
        return self.stranger(request) or _page("<h1>工作台</h1><p>今日挂号 12 人，待诊 3 人</p>")

    async def new(self, request: Request) -> Response:
        turned = self.stranger(request)
        if turned is not None:
            return turned
        token = secrets.token_hex(8)
        self.tokens.add(token)
        return _page(self.form(token))

    def form(self, token: str, told: str = "") -> str:
        kept = {name: LIMITS[name] if self.conduct.limits else "" for name in FIELDS}
        inputs = "".join(
            "<select name=sex><option>1<option>2</select>" if name == "sex" else f"<input name={name} {text}>"
            for name, text in kept.items()
        )
        hidden = f"<input type=hidden name=csrf value={token}>"
        return f"<p>{told}</p><form method=post enctype=multipart/form-data>{hidden}{inputs}</form>"

    async def submit(self, request: Request) -> Response:
        turned = self.stranger(request)
        if turned is not None:
            return turned
        given = await request.form()
        token = str(given.get("csrf", ""))
        fields = {name: one for name in FIELDS if isinstance(one := given.get(name, ""), str)}
        photo = given.get("photo")
        file = (photo.filename or "", await photo.read()) if isinstance(photo, UploadFile) else ("", b"")
        await given.close()
        known = token in self.tokens
        if self.conduct.tokens_once:
            self.tokens.discard(token)
        self._note(request)
        if not known:
            return _page("页面已过期", 403)
        answer = self._answer(fields, self._complaint(fields, file))
        return _Dropped() if self.received in self.conduct.drops else answer

    async def submit_json(self, request: Request) -> Response:
        """Take numbers as numbers only, as typed languages do."""
        turned = self.stranger(request)
        if turned is not None:
            return turned
        self._note(request)
        data = await request.json()
        if not isinstance(data.get("age"), int) or isinstance(data.get("age"), bool):
            return JSONResponse({"code": 1, "msg": "age 须为整数"})
        complaint = self._complaint({name: str(one) for name, one in data.items()}, None)
        if complaint:
            return JSONResponse({"code": 1, "msg": complaint})
        return JSONResponse(
            {"code": 0, "data": {"id": self._keep({key: str(one) for key, one in data.items()})}}
        )

    def _note(self, request: Request) -> None:
        self.received += 1
        self.arrived.set()
        if self.conduct.dies and self.received >= self.conduct.dies:
            self.sessions.discard(request.cookies.get("SID", ""))

    def _answer(self, fields: dict[str, str], complaint: str) -> Response:
        conduct = self.conduct
        if conduct.firewall:
            return _page("请求被拦截", 403)
        if conduct.broken or (complaint and complaint in conduct.fails):
            return _page("<h1>Internal Server Error</h1>", 500)
        told = _asked(fields["name"]) if conduct.concatenates else ""
        if told:
            return _page(f"sqlite3.OperationalError: {html.escape(told)}", 500)
        if conduct.swallows:
            fields = {**fields, "name": _read_back(fields["name"])}
            complaint = complaint or ("" if fields["name"] else "name")
        if conduct.strips:
            fields = {**fields, "name": re.sub(r"['|+;]", "", fields["name"])}
        if conduct.refuses_right:
            complaint = complaint or "name"
        if complaint:
            return self._refusal(complaint, fields)
        number = self._keep(fields)
        if conduct.style == "soft":
            return _page(f"登记成功 <a href=/records/{number}>{number}</a>")
        return RedirectResponse(f"/records/{number}", 303)

    def _refusal(self, complaint: str, fields: dict[str, str]) -> Response:
        if self.conduct.style == "alike":
            return RedirectResponse("/records/1?error=1", 303)
        told = f"{complaint} 填写有误：{html.escape(fields.get(complaint, ''))}"
        return _page(self.form("", told), 200 if self.conduct.style == "soft" else 422)

    def _keep(self, fields: dict[str, str]) -> int:
        self.last += 1
        kept = dict(fields)
        if self.conduct.cuts:
            kept["name"] = kept.get("name", "")[:30]
        self.records[self.last] = kept
        return self.last

    def _complaint(self, fields: dict[str, str], file: tuple[str, bytes] | None) -> str:
        """Return the first field that is wrong, if the server looks at it."""
        name = fields.get("name", "")
        wrong = {
            "name": not name or (len(name) > 30 and not self.conduct.cuts)
            or (self.conduct.markup_refused and "<" in name),
            "age": not re.fullmatch(r"\d{1,3}", fields.get("age", "")) or int(fields["age"]) > 150,
            "born": not _is_day(fields.get("born", "")),
            "id_card": not is_id_card(fields.get("id_card", "")),
            "phone": not re.fullmatch(r"1\d{10}", fields.get("phone", "")),
            "sex": fields.get("sex") not in ("1", "2"),
            "photo": file is not None
            and not (file[0].count(".") == 1 and file[0].endswith(".png") and file[1][:4] == b"\x89PNG"),
        }  # fmt: skip
        return next((one for one, bad in wrong.items() if bad and one not in self.conduct.unchecked), "")

    async def listing(self, request: Request) -> Response:
        turned = self.stranger(request)
        if turned is not None:
            return turned
        rows = [{"id": number, "name": one.get("name", "")} for number, one in self.records.items()]
        if self.conduct.lists == "json":
            return JSONResponse({"total": len(rows), "rows": rows})
        if self.conduct.lists == "late":
            return _page("<table id=rows></table><script>fetch('/rows')</script>")
        more = "<a href='?page=2'>下一页</a>" if self.conduct.lists == "pages" else ""
        shown = rows[:1] if self.conduct.lists == "pages" else rows
        lines = "".join(
            f"<tr><td><a href=/records/{one['id']}>{html.escape(str(one['name']))}</a>" for one in shown
        )
        return _page(f"<table><tr><th>患者{lines}</table>{more}")

    async def show(self, request: Request) -> Response:
        found = self.records.get(int(request.path_params["number"]))
        turned = self.stranger(request)
        if turned is not None or found is None:
            return turned or _page("没有该患者", 404)
        text = found.get("name", "")
        if not self.conduct.quotes:  # angle brackets are escaped, quotes are not
            return _page(f'<input name=name value="{html.escape(text, quote=False)}">')
        return _page(f"<h1>患者</h1><p>{html.escape(text) if self.conduct.escapes else text}</p>")

    async def search(self, request: Request) -> Response:
        turned = self.stranger(request)
        if turned is not None:
            return turned
        asked = request.query_params.get("q", "")
        if len(asked) > 30:
            return _page("条件过长", 422)
        rows = _found(asked, by_hand=self.conduct.swallows)
        listed = "".join(f"<li>{html.escape(one)}" for one in rows)
        return _page(f"<h1>查询结果</h1><p>条件 {html.escape(asked)}</p><ul>{listed}</ul>")

    async def remove(self, request: Request) -> Response:
        turned = self.stranger(request)
        if turned is not None:
            return turned
        number = int(request.path_params["number"])
        if self.conduct.keeps:
            return _page("无权删除", 403)
        if number not in self.records:
            return _page("没有该患者", 404)
        self.removed.append(number)
        del self.records[number]
        return RedirectResponse("/home", 303)

    def asset(self, url: str, *, style: str = "page", **changes: object) -> WebAsset:
        """Return the asset as an engagement would declare it."""
        return WebAsset(
            id="forms", name="挂号系统", url=url, protected=("/home",),
            accounts=(Account(id="doctor", username="ys1", secret=f"${{ENV:{VARIABLE}}}", role="医生"),),
            login=WebLogin(
                path="/login", page="/login", account="doctor", failure=Marker(text="用户名或口令错误")
            ),
            app=Application(inputs=(self.declared(style, **changes),)),
        )  # fmt: skip

    def declared(self, style: str, **changes: object) -> InputForm:
        """Return the form as a vendor would describe it."""
        remove = Call(path="/records/{created}/delete")
        if style == "json":
            fields = {name: one for name, one in FIELDS.items() if name != "photo"}
            told: dict[str, object] = {
                "id": "api", "name": "登记接口", "account": "doctor", "path": "/api/records", "style": "json",
                "done": Marker(json_key="code", json_value="0"), "created_key": "data.id", "remove": remove,
                "shown": "/records/{created}", "inputs": fields,
            }  # fmt: skip
            return InputForm(**{**told, **changes})  # type: ignore[arg-type]
        if style == "search":
            return InputForm(
                id="search", name="患者查询", account="doctor", path="/search", method="GET",
                inputs={"q": InputField(sample="测试", max_length=30)}, done=Marker(text="查询结果"),
            )  # fmt: skip
        soft = self.conduct.style == "soft"
        given: dict[str, object] = {
            "id": "register", "name": "患者登记", "account": "doctor", "path": "/new", "page": "/new",
            "style": "multipart", "csrf_field": "csrf", "inputs": FIELDS, "remove": remove,
            "created_in": "" if soft else "/records/", "shown": "/records/{created}",
            "done": Marker(text="登记成功") if soft else Marker(status=303),
        }  # fmt: skip
        return InputForm(**{**given, **changes})  # type: ignore[arg-type]


class _Dropped(Response):
    """Ends in the middle, as where the line is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 303, "headers": [(b"content-length", b"9")]})


def _asked(name: str) -> str:
    """Put a statement together by hand; return what the database says of it."""
    try:
        with contextlib.closing(sqlite3.connect(":memory:")) as db:
            db.execute(f"SELECT '{name}'")
    except sqlite3.Error as exc:
        return str(exc)
    return ""


def _found(asked: str, *, by_hand: bool) -> list[str]:
    """Search three names; errors are told as nothing found."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE people (name)")
        db.executemany("INSERT INTO people VALUES (?)", [("测试甲",), ("测试乙",), ("旁人",)])
        like = f"'%{asked}%'" if by_hand else "?"
        try:
            asking = f"SELECT name FROM people WHERE name LIKE {like}"  # noqa: S608 - the fault itself
            rows = db.execute(asking, () if by_hand else (f"%{asked}%",))
        except sqlite3.Error:
            return []
        return [one for (one,) in rows]


def _read_back(name: str) -> str:
    """Return what a statement put together by hand makes of a name, empty where it fails."""
    try:
        with contextlib.closing(sqlite3.connect(":memory:")) as db:
            return str(db.execute(f"SELECT '{name}'").fetchone()[0])
    except sqlite3.Error:
        return ""


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _page(body: str, status: int = 200) -> Response:
    return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>HIS</title><body>{body}", status)


@contextlib.contextmanager
def serve(forms: Forms) -> Iterator[str]:
    """Serve the application on a free port of 127.0.0.1 until the block ends; yield its URL."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    config = uvicorn.Config(
        forms.app(), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
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
