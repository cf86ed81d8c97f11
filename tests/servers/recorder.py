"""A relay that stands between the toolkit and an application and writes down every request that passes."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Passed:
    """One request as it passed; `status` is what the application answered."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    user: str
    forged: bool
    status: int

    @property
    def key(self) -> str:
        """Return the request as the event log writes it: no query values, no host."""
        path, question, query = self.target.partition("?")
        names = [one.partition("=")[0] for one in query.split("&") if one]
        return f"{self.method} {path}" + ("?" + "&".join(f"{one}=…" for one in names) if question else "")

    @property
    def path(self) -> str:
        """Return the path without query."""
        return urlsplit(self.target).path

    @property
    def given(self) -> dict[str, str]:
        """Return the fields of a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass
class Recorder:
    """What passed, which cookies the application gave out, and to whom they belong."""

    passed: list[Passed] = field(default_factory=list)
    issued: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def whose(self, headers: dict[str, str]) -> tuple[str, bool]:
        """Return the user of a request's session, and whether it shows one that was never given out."""
        values = [one.value for one in SimpleCookie(headers.get("cookie", "")).values()]
        if "authorization" in headers:
            values.append(headers["authorization"].partition(" ")[2])
        users = [self.issued.get(one) for one in values]
        return next((one for one in users if one), ""), None in users

    def took(self, passed: Passed, cookies: list[str]) -> None:
        """Write a request down, and the cookies that it brought."""
        with self.lock:
            self.passed.append(passed)
            user = passed.user or (passed.given.get("username", "") if passed.status < 400 else "")
            for header in cookies:
                for one in SimpleCookie(header).values():
                    if one.value:
                        self.issued[one.value] = user


@contextlib.contextmanager
def recording(port: int) -> Iterator[tuple[Recorder, int]]:
    """Relay to a server on loopback; give the record and the port to come in by."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.casefold(): value for name, value in self.headers.items()}
            user, forged = recorder.whose(headers)
            onward = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                sent = {name: value for name, value in headers.items() if name not in _HOP}
                onward.request(self.command, self.path, body or None, sent)
                answer = onward.getresponse()
                data = answer.read()
            finally:
                onward.close()
            passed = Passed(self.command, self.path, headers, body, user, forged, answer.status)
            recorder.took(passed, answer.headers.get_all("set-cookie") or [])
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.casefold() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else data)

        do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = relay  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Write nothing to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield recorder, int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join(10)
