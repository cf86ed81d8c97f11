"""A small application whose way of knowing its users can be right or wrong in every part."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dengbao.model import (
    Account,
    Application,
    Call,
    Marker,
    PasswordChange,
    PatientView,
    SecondFactor,
    UserAdmin,
    WebAsset,
    WebFunction,
    WebLogin,
)
from dengbao.probes.web.otp import read_seed

PASSWORDS = {"doctor": "Right-Pass-2026!", "boss": "Boss-Pass-2026!", "victim": "Victim-Pass-2026!"}
VARIABLES = {name: f"DENGBAO_CLINIC_{name.upper()}" for name in PASSWORDS}
SEED = "otpauth://totp/clinic:doctor?secret=JBSWY3DPEHPK3PXP&period=1"
SEED_VARIABLE = "DENGBAO_CLINIC_OTP"
_KEY = b"only-for-tests"
REFUSED = "用户名或口令错误"


@dataclass(frozen=True)
class Conduct:
    """How the application behaves; the defaults are right."""

    lock_after: int = 5
    lock_by: str = "account"  # account, address, message (says so only), cookie, captcha
    lock_s: float = 900.0
    lock_silent: bool = False
    tells_users: bool = False
    tells_by_status: bool = False
    min_chars: int = 8
    classes: int = 4
    history: int = 0
    change_works: bool = True
    change_ends_sessions: bool = True
    unique: str = "folded"  # folded, exact, none, once (refuses any second user)
    creates: bool = True
    removes: bool = True
    disables: bool = True
    disabled_log_in: bool = False
    disabled_go_on: bool = False
    removed_log_in: bool = False
    says_disabled: bool = True  # the answer to the request tells that it was done
    listed: int = 0  # users on the first page of the list; 0: all
    total: bool = False  # the list tells how many users there are
    says_removed: bool = False
    token: str = "opaque"  # opaque, prefix, jwt, jwt-none, jwt-unsigned, jwt-any
    open_paths: tuple[str, ...] = ()
    idle_s: float = 600.0
    single: bool = False
    shared: bool = False
    most_sessions: int = 0  # of one user; the one that was used longest ago ends
    absolute_s: float = 1e9
    factor: str = ""  # "", declared (but not asked for), enforced, skippable, unchecked
    anything_passes: bool = False


@dataclass
class Session:
    """One session of the application."""

    user: str
    begun: float
    used: float
    whole: bool


@dataclass
class Clinic:
    """The application and all that happened to it."""

    conduct: Conduct
    passwords: dict[str, str] = field(default_factory=lambda: dict(PASSWORDS))
    earlier: dict[str, list[str]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    locked: dict[str, float] = field(default_factory=dict)
    users: list[str] = field(default_factory=lambda: list(PASSWORDS))
    attempts: list[tuple[str, str]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    in_a_row: dict[str, int] = field(default_factory=dict)
    most_in_a_row: dict[str, int] = field(default_factory=dict)
    hold_at: str = ""
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    passed: dict[str, int] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)  # passwords of users that were created
    disabled: set[str] = field(default_factory=set)

    async def point(self, name: str) -> None:
        """Hold the answer at a named moment, counted from 1 (`wrong:3`), until the test lets it go."""
        self.passed[name] = self.passed.get(name, 0) + 1
        if self.hold_at == f"{name}:{self.passed[name]}":
            self.hold_at = ""
            self.held.set()
            await asyncio.to_thread(self.released.wait, 20)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        both = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/login", self.login, methods=both),
                Route("/code", self.code, methods=both),
                Route("/logout", self.logout),
                Route("/password", self.password, methods=both),
                Route("/users", self.user_list),
                Route("/users/new", self.create, methods=["POST"]),
                Route("/users/remove", self.remove, methods=["POST"]),
                Route("/users/disable", self.disable, methods=["POST"]),
                Route("/users/find", self.find),
                Route("/patients", self.patients),
                Route("/patients/{number}", self.patients),
                Route("/api/records", self.records),
                Route("/export", self.records),
                Route("/{path:path}", self.unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )

    # Sessions

    def who(self, request: Request) -> str | None:
        found = self.session(request)
        return found.user if found is not None and found.whole else None

    def session(self, request: Request) -> Session | None:
        value = request.cookies.get("SID", "")
        found = self.by_value(value)
        now = time.monotonic()
        if (
            found is None
            or now - found.used > self.conduct.idle_s
            or now - found.begun > self.conduct.absolute_s
        ):
            return None
        found.used = now
        return found

    def by_value(self, value: str) -> Session | None:
        token = self.conduct.token
        if not token.startswith("jwt"):
            length = 12 if token == "prefix" else len(value)
            known = [one for key, one in self.sessions.items() if key[:length] == value[:length] and value]
            return known[0] if known else None
        parts = value.split(".")
        if len(parts) != 3:
            return None
        head, body, signature = parts
        try:
            algorithm = json.loads(_unpack(head)).get("alg")
            claims = json.loads(_unpack(body))
        except ValueError:
            return None
        good = hmac.compare_digest(_sign(f"{head}.{body}"), signature)
        passes = good or (
            (token == "jwt-none" and algorithm == "none")
            or (token == "jwt-unsigned" and not signature and algorithm != "none")
            or token == "jwt-any"
        )
        return self.sessions.get(str(claims.get("jti"))) if passes else None

    def begin(self, user: str, *, whole: bool) -> str:
        key = secrets.token_hex(16)
        if self.conduct.single:
            self.end(user)
        own = {name: one for name, one in self.sessions.items() if one.user == user and one.whole and whole}
        if self.conduct.shared and own:
            return next(iter(own))
        if self.conduct.most_sessions and len(own) >= self.conduct.most_sessions:
            del self.sessions[min(own, key=lambda name: own[name].used)]
        now = time.monotonic()
        self.sessions[key] = Session(user, now, now, whole)
        if not self.conduct.token.startswith("jwt"):
            return key
        now_s = int(time.time())
        head = _pack({"alg": "HS256", "typ": "JWT"})
        body = _pack({"sub": user, "jti": key, "iat": now_s, "exp": now_s + 900})
        return f"{head}.{body}.{_sign(f'{head}.{body}')}"

    def end(self, user: str) -> None:
        for key in [key for key, one in self.sessions.items() if one.user == user]:
            del self.sessions[key]

    # Pages

    def page(self, body: str, status: int = 200) -> Response:
        return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>门诊</title>{body}", status)

    def form(self, text: str = "", status: int = 200, extra: str = "") -> Response:
        return self.page(
            f"<h1>用户登录</h1><p>{text}</p><form method=post action=/login><input name=username>"
            f"<input type=password name=password>{extra}<button>登录</button></form>", status,
        )  # fmt: skip

    async def fields(self, request: Request) -> dict[str, str]:
        body = (await request.body()).decode()
        return {
            name: str(value)
            for name, value in (
                json.loads(body).items() if body[:1] == "{" else parse_qsl(body, keep_blank_values=True)
            )
        }

    def note(self, request: Request) -> None:
        self.requests.append((request.method, request.url.path))

    async def login(self, request: Request) -> Response:
        self.note(request)
        captcha = (
            self.conduct.lock_by == "captcha" and self.failures.get("captcha", 0) >= self.conduct.lock_after
        )
        extra = "<input name=captcha><img src=/captcha.png>" if captcha else ""
        if request.method == "GET":
            return self.form(extra=extra)
        given = await self.fields(request)
        answer = self.judge(given.get("username", ""), given.get("password", ""))
        if self.passwords.get(given.get("username", "")) != given.get("password", ""):
            await self.point("wrong")
        return answer

    def judge(self, user: str, password: str) -> Response:
        conduct = self.conduct
        self.attempts.append((user, password))
        key = "address" if conduct.lock_by == "address" else user
        shut = user in self.disabled and not conduct.disabled_log_in
        known = {**self.given, **self.passwords}.get(user)
        right = (known == password and not shut) or conduct.anything_passes
        self.in_a_row[user] = 0 if right else self.in_a_row.get(user, 0) + 1
        self.most_in_a_row[user] = max(self.in_a_row[user], self.most_in_a_row.get(user, 0))
        if self.locked.get(key, 0.0) > time.monotonic():
            return self.refuse(REFUSED if conduct.lock_silent else "账户已锁定，请稍后再试")
        if right:
            self.failures.pop(key, None)
            whole = conduct.factor in ("", "declared") or user != "doctor"
            value = self.begin(user, whole=whole or conduct.factor == "skippable")
            response: Response = RedirectResponse("/patients" if whole else "/code", 303)
            response.headers.append("set-cookie", f"SID={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=900")
            return response
        return self.fail(key, user)

    def fail(self, key: str, user: str) -> Response:
        conduct = self.conduct
        counter = "captcha" if conduct.lock_by == "captcha" else key
        self.failures[counter] = self.failures.get(counter, 0) + 1
        full = conduct.lock_after and self.failures[counter] >= conduct.lock_after
        if full and conduct.lock_by in ("account", "address"):
            self.locked[key] = time.monotonic() + conduct.lock_s
        if full and conduct.lock_by in ("account", "address", "message") and not conduct.lock_silent:
            return self.refuse("账户已锁定，请稍后再试")
        if conduct.tells_users and user not in self.passwords:
            return self.refuse("该用户不存在")
        if conduct.tells_by_status and user not in self.passwords:
            return self.form(REFUSED, 404)
        return self.refuse(REFUSED)

    def refuse(self, text: str) -> Response:
        return self.form(text, 401)

    async def code(self, request: Request) -> Response:
        self.note(request)
        found = self.session(request)
        if found is None:
            return RedirectResponse("/login", 302)
        if request.method == "POST":
            given = (await self.fields(request)).get("otp", "")
            seed = read_seed(SEED)
            now = time.time()
            good = given in {seed.code(now + shift) for shift in (-2, -1, 0, 1)}
            if good or self.conduct.factor == "unchecked":
                found.whole = True
                return RedirectResponse("/patients", 303)
        return self.page("<p>请输入动态口令</p><form method=post action=/code><input name=otp></form>")

    async def logout(self, request: Request) -> Response:
        self.note(request)
        self.sessions.pop(request.cookies.get("SID", ""), None)
        return RedirectResponse("/login", 303)

    def kept(self, request: Request) -> Response | None:
        """Return what a stranger gets instead of a page, None where one may see it."""
        self.note(request)
        if self.who(request) or request.url.path in self.conduct.open_paths:
            return None
        if request.url.path.startswith("/api") or request.url.path == "/export":
            return JSONResponse({"code": 401, "msg": "未登录"}, 401)
        return RedirectResponse("/login", 302)

    async def patients(self, request: Request) -> Response:
        away = self.kept(request)
        rows = "".join(
            f"<tr><td>病历号 {one}{request.url.path}</td><td>记录 {one}</td></tr>" for one in range(9)
        )
        return away or self.page(f"<h1>患者列表</h1><table>{rows}</table>")

    async def unknown(self, request: Request) -> Response:
        self.note(request)
        return self.page("<p>没有该页面</p>", 404)

    async def records(self, request: Request) -> Response:
        away = self.kept(request)
        return away or JSONResponse(
            {"code": 0, "data": [{"no": one, "text": f"记录 {one}"} for one in range(9)]}
        )

    # Passwords

    async def password(self, request: Request) -> Response:
        away = self.kept(request)
        user = self.who(request)
        if away is not None or user is None:
            return away or RedirectResponse("/login", 302)
        if request.method == "GET":
            return self.page(
                "<form method=post action=/password><input type=password name=old>"
                "<input type=password name=new></form>"
            )
        given = await self.fields(request)
        text = self.complaint(user, given.get("old", ""), given.get("new", ""))
        if text:
            return self.page(f"<p>{text}</p>", 422)
        self.earlier.setdefault(user, []).append(self.passwords[user])
        self.passwords[user] = given["new"]
        if self.conduct.change_ends_sessions:
            self.end(user)
        await self.point("changed")
        return self.page("<p>口令已修改</p>")

    def complaint(self, user: str, old: str, new: str) -> str:
        conduct = self.conduct
        if not conduct.change_works or old != self.passwords[user]:
            return "原口令错误"
        tests = (str.isupper, str.islower, str.isdecimal, lambda one: not one.isalnum())
        classes = sum(any(test(one) for one in new) for test in tests)
        if len(new) < conduct.min_chars or classes < conduct.classes:
            return "口令不符合复杂度要求"
        if conduct.history and new in [self.passwords[user], *self.earlier.get(user, [])[-conduct.history :]]:
            return "不得使用近期用过的口令"
        return ""

    # Users

    async def user_list(self, request: Request) -> Response:
        away = self.kept(request)
        return away or self.shown(self.users, self.conduct.listed or len(self.users))

    async def find(self, request: Request) -> Response:
        away = self.kept(request)
        text = request.query_params.get("q", "")
        return away or self.shown([one for one in self.users if one.strip().casefold() == text.casefold()], 9)

    def shown(self, users: list[str], most: int) -> Response:
        rows = [
            {"name": one, "id": place, "enabled": one not in self.disabled} for place, one in enumerate(users)
        ]
        told = {"total": len(users)} if self.conduct.total else {}
        return JSONResponse({"code": 0, "data": rows[:most], **told})

    async def create(self, request: Request) -> Response:
        away = self.kept(request)
        if away is not None:
            return away
        given = await self.fields(request)
        name = given.get("username", "")
        known = {
            "folded": name.strip().casefold() in {one.strip().casefold() for one in self.users},
            "exact": name in self.users,
            "none": False,
            "once": len(self.users) > len(PASSWORDS),
        }[self.conduct.unique]
        if known or not self.conduct.creates:
            return JSONResponse({"code": 1, "msg": "用户已存在"}, 409)
        self.users.append(name)
        self.given[name] = given.get("password", "")
        await self.point("created")
        return JSONResponse({"code": 0, "id": len(self.users)})

    async def remove(self, request: Request) -> Response:
        away = self.kept(request)
        if away is not None:
            return away
        name = (await self.fields(request)).get("username", "")
        if self.conduct.removes:
            self.users = [one for one in self.users if one != name]
            self.disabled.discard(name)
            self.end(name)
            if not self.conduct.removed_log_in:
                self.given.pop(name, None)
        return JSONResponse({"code": 0} if self.conduct.says_removed else {})

    async def disable(self, request: Request) -> Response:
        away = self.kept(request)
        if away is not None:
            return away
        name = (await self.fields(request)).get("username", "")
        if self.conduct.disables:
            self.disabled.add(name)
            if not self.conduct.disabled_go_on:
                self.end(name)
        await self.point("disabled")
        return JSONResponse({"code": 0} if self.conduct.says_disabled else {})


def _sign(text: str) -> str:
    return (
        base64.urlsafe_b64encode(hmac.new(_KEY, text.encode(), hashlib.sha256).digest()).decode().rstrip("=")
    )


def _pack(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Running:
    """A clinic that listens."""

    clinic: Clinic
    url: str

    def application(self) -> Application:
        """Return the description of all that can be tried."""
        conduct = self.clinic.conduct
        step = Call(path="/code", fields={"otp": "{code}"})
        records = WebFunction(
            id="records", name="病历接口", path="/api/records", roles=("医生",),
            shows=Marker(json_key="code", json_value="0"),
        )  # fmt: skip
        return Application(
            functions=(
                records,
                WebFunction(
                    id="one", name="患者详情", path="/patients/{object}", roles=("医生",),
                    objects={"doctor": ("7",)},
                ),
                WebFunction(
                    id="settle", name="结算", path="/settle", method="POST", roles=("医生",), changes=True
                ),
            ),
            second_factor=SecondFactor(prompt=Marker(text="请输入动态口令"), step=step)
            if conduct.factor
            else None,
            password_change=PasswordChange(
                account="doctor", path="/password", page="/password", history=conduct.history,
                fields={"old": "{old}", "new": "{new}"}, done=Marker(text="口令已修改"),
            ),
            users=UserAdmin(
                account="boss", list_path="/users", usernames="name", role="医生",
                create=Call(
                    path="/users/new", style="json", done=Marker(json_key="code", json_value="0"),
                    fields={"username": "{username}", "password": "{password}"},
                ),
                remove=Call(
                    path="/users/remove", style="json", fields={"username": "{username}"},
                    done=Marker(json_key="code", json_value="0") if conduct.says_removed else Marker(),
                ),
                disable=Call(
                    path="/users/disable", style="json", fields={"username": "{username}"},
                    done=Marker(json_key="code", json_value="0") if conduct.says_disabled else Marker(),
                ),
            ),
            patients=(PatientView(path="/patients", account="doctor", name="患者列表"),),
            roster=tuple(PASSWORDS),
        )  # fmt: skip

    def asset(self, **changes: object) -> WebAsset:
        """Return the asset as an engagement would declare it."""
        otp = f"${{ENV:{SEED_VARIABLE}}}"
        fields: dict[str, object] = {
            "id": "clinic",
            "name": "门诊系统",
            "url": self.url,
            "accounts": tuple(
                Account(
                    id=name, username=name, secret=f"${{ENV:{VARIABLES[name]}}}",
                    role={"doctor": "医生", "boss": "系统管理员"}.get(name, ""), sacrificial=name == "victim",
                    otp=otp if name == "doctor" else "",
                )
                for name in PASSWORDS
            ),
            "login": WebLogin(path="/login", page="/login", account="doctor", failure=Marker(status=401)),
            "logout": "/logout",
            "protected": ("/patients", "/patients/1"),
            "app": self.application(),
        }  # fmt: skip
        return WebAsset(**{**fields, **changes})  # type: ignore[arg-type]


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def serving(conduct: Conduct) -> Iterator[Running]:
    """Serve a clinic on a free port of 127.0.0.1 until the block ends."""
    clinic = Clinic(conduct)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    port = int(sock.getsockname()[1])
    config = uvicorn.Config(
        clinic.app(), log_config=None, lifespan="off", ws="none", server_header=False, date_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Quiet(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield Running(clinic, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
