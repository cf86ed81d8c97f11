"""A single-page application: an empty shell, a login drawn by its script, a bearer token or a cookie."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

USER = "zhangsan"
PASSWORD = "Spa-Right-2023!"
SHELL = (
    "<!doctype html><meta charset=utf-8><title>门诊系统</title>"
    "<div id=app></div><script src=/static/app.js></script>"
)
SCRIPT = """
const options = %s;
const app = document.getElementById('app');
function encode(text) {
  if (options.scramble) return Array.from(text).map(c => (c.charCodeAt(0) ^ 5).toString(16)).join('-');
  return options.base64 ? btoa(text) : text;
}
function drawLogin(words) {
  app.innerHTML = '<div class=card><h2>欢迎使用</h2><div><input placeholder="工号"></div>' +
    '<div><input type="password" placeholder="密码"></div>' +
    (options.captcha ? '<div><input name="captcha"><img src="/captcha.png"></div>' : '') +
    '<div class="btn" role="button">登 录</div><p class=tip></p></div>';
  app.querySelector('.tip').textContent = words || '';
  app.querySelector('.btn').addEventListener('click', submit);
  const typed = setInterval(() => {
    if (!options.person || !app.querySelector('[type=password]').value) return;
    clearInterval(typed);
    app.querySelector('[name=captcha]').value = 'x7';
    app.querySelector('.btn').click();
  }, 50);
}
async function submit() {
  const [name, password] = app.querySelectorAll('input');
  const answer = await fetch('/api/auth/login', {
    method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({loginName: name.value, pwd: encode(password.value), device: 'pc'})});
  const data = await answer.json();
  if (data.code !== 0) { drawLogin(data.msg); return; }
  if (data.data && data.data.token) localStorage.setItem('token', data.data.token);
  if (options.mark) document.cookie = 'ui=1; path=/';
  drawHome();
}
async function drawHome() {
  const token = localStorage.getItem('token');
  const answer = await fetch('/api/patients', {headers: token ? {'X-Access-Token': token} : {}});
  const data = await answer.json();
  if (data.code !== 0) { drawLogin(''); return; }
  const rows = data.data.map(one => '<p>' + one + '</p>');
  app.innerHTML = '<h1>患者</h1><a href="#/logout">退出</a>' + rows.join('');
}
if (options.stray) fetch('http://127.0.0.66:' + location.port + '/beacon', {mode: 'no-cors'}).catch(() => 0);
fetch('/api/config').then(drawHome);
"""


@dataclass
class Spa:
    """The application; `cookie`: the session lies in a cookie, renewed at login or not."""

    cookie: bool = False
    renew: bool = True
    captcha: bool = False
    base64: bool = False
    scramble: bool = False
    stray: bool = False
    mark: bool = False
    person: bool = False  # the page itself reads its captcha, as a person at the window would
    sessions: dict[str, str] = field(default_factory=dict)
    attempts: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/static/app.js", self.script),
                Route("/api/config", self.config),
                Route("/api/auth/login", self.login, methods=["POST"]),
                Route("/api/patients", self.patients),
                Route("/api/logout", self.logout, methods=["POST"]),
                Route("/{path:path}", self.shell),
            ]
        )

    async def shell(self, _request: Request) -> Response:
        return HTMLResponse(SHELL)

    async def script(self, _request: Request) -> Response:
        names = ("captcha", "base64", "scramble", "stray", "mark", "person")
        options = json.dumps({name: getattr(self, name) for name in names})
        return PlainTextResponse(SCRIPT % options, media_type="text/javascript")

    def set_cookie(self, response: Response, value: str) -> None:
        response.headers.append("set-cookie", f"SID={value}; Path=/; HttpOnly")

    async def config(self, request: Request) -> Response:
        response = JSONResponse({"code": 0, "data": {"title": "门诊系统"}})
        if self.cookie and "SID" not in request.cookies:
            self.set_cookie(response, secrets.token_hex(12))
        return response

    def password(self, sent: str) -> str:
        if self.scramble:
            return "".join(chr(int(one, 16) ^ 5) for one in sent.split("-")) if sent else ""
        return base64.b64decode(sent).decode() if self.base64 else sent

    async def login(self, request: Request) -> Response:
        given = await request.json()
        name, password = str(given["loginName"]), self.password(str(given["pwd"]))
        self.attempts.append((name, password))
        if (name, password) != (USER, PASSWORD):
            return JSONResponse({"code": 4001, "msg": "工号或密码错误"})
        value = secrets.token_hex(12)
        if self.cookie:
            value = value if self.renew else request.cookies["SID"]
        self.sessions[value] = name
        response = JSONResponse({"code": 0, "data": {} if self.cookie else {"token": value}})
        if self.cookie:
            self.set_cookie(response, value)
        return response

    def who(self, request: Request) -> str:
        given = request.cookies.get("SID") if self.cookie else request.headers.get("x-access-token")
        return self.sessions.get(given or "", "")

    async def patients(self, request: Request) -> Response:
        if not self.who(request):
            return JSONResponse({"code": 401, "msg": "请先登录"}, 401)
        return JSONResponse({"code": 0, "data": [f"病历号 {one}" for one in range(8)]})

    async def logout(self, request: Request) -> Response:
        given = request.cookies.get("SID") if self.cookie else request.headers.get("x-access-token")
        self.sessions.pop(given or "", None)
        return JSONResponse({"code": 0})


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def serving_app(app: Starlette, certificate: Path | None = None) -> Iterator[str]:
    """Serve an application on a free port of 127.0.0.1 until the block ends; give its address."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    config = uvicorn.Config(
        app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1,
        ssl_certfile=str(certificate) if certificate else None,
    )  # fmt: skip
    server = _Quiet(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
