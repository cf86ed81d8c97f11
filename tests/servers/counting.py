"""A small web application that writes down every request it gets, and answers a little late."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

USERNAME = "tester"
PASSWORD = "Only-for-tests-9"
LOGIN_PAGE = (
    "<html><body><form method='post' action='/login'><input name='username'>"
    "<input type='password' name='password'><button>登录</button></form></body></html>"
)


@dataclass
class Counting:
    """The server's own view of a test."""

    delay_s: float
    requests: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    port: int = 0
    blank: int = 0  # logins without a password

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    app: Counting

    def do_GET(self) -> None:
        app = self._note()
        if self.path == "/login":
            self._answer(200, LOGIN_PAGE)
        elif self.path == "/logout":
            app.sessions.discard(self._session())
            self._answer(302, "", location="/login")
        elif self.path == "/patients" and self._session() in app.sessions:
            self._answer(200, "<html><body>患者列表</body></html>")
        elif self.path == "/patients":
            self._answer(302, "", location="/login")
        else:
            self._answer(404, "not found")

    def do_POST(self) -> None:
        app = self._note()
        length = int(self.headers.get("Content-Length", "0"))
        form = parse_qs(self.rfile.read(min(length, 65536)).decode("utf-8", "replace"))
        app.blank += not form.get("password")
        if form.get("username") == [USERNAME] and form.get("password") == [PASSWORD]:
            session = secrets.token_hex(16)
            app.sessions.add(session)
            self._answer(
                302, "", location="/patients", cookie=f"sid={session}; HttpOnly; SameSite=Lax; Path=/"
            )
        else:
            self._answer(401, f"<html><body>用户名或口令错误{LOGIN_PAGE}</body></html>")

    def _note(self) -> Counting:
        self.app.requests.append(f"{self.command} {self.path}")
        time.sleep(self.app.delay_s)
        return self.app

    def _session(self) -> str:
        morsel = SimpleCookie(self.headers.get("Cookie", "")).get("sid")
        return morsel.value if morsel else ""

    def _answer(self, status: int, text: str, *, location: str = "", cookie: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def counting_server(delay_s: float = 0.0) -> Iterator[Counting]:
    """Serve on a free loopback port for as long as the block lasts."""
    app = Counting(delay_s)
    handler = type("Handler", (_Handler,), {"app": app})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    app.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
