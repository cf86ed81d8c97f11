"""What a described request really sends, seen by the server that gets it, and what its answers mean."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from dengbao.errors import NotAuthorised, NotDeclared
from dengbao.model import Call, Level, Marker, Raw, Scope, WebAsset
from dengbao.probes.base import Context, Purpose
from dengbao.probes.web.browser import opened
from dengbao.probes.web.calls import FilePart, Reply, nested, perform
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets

from ..live.harness import MemoryLedger

PAGE = (
    "<form action=/search><input name=q><input type=submit></form>"
    "<form method=post action=/save><input type=hidden name=token value=t-1>"
    "<input type=hidden name=kept value=k><input name=title></form>"
)


@dataclass
class Seen:
    """One request as the server got it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Echo:
    """A server that keeps what it is sent and answers by path."""

    url: str
    seen: list[Seen] = field(default_factory=list)

    @property
    def last(self) -> Seen:
        return next(one for one in reversed(self.seen) if one.path not in ("/form", "/shown/7"))

    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.last.body.decode(), keep_blank_values=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    echo: Echo

    def _any(self) -> None:
        split = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.echo.seen.append(
            Seen(self.command, split.path, parse_qs(split.query), dict(self.headers.items()), body)
        )
        status, kind, location, text = {
            "/form": (200, "text/html", "", PAGE),
            "/created": (303, "text/html", "/shown/7?new=1", ""),
            "/api": (200, "application/json", "", '{"code": 0, "data": {"id": 41}}'),
            "/both": (200, "text/html", "", "已保存 失败"),
        }.get(split.path, (403 if split.path == "/denied" else 200, "text/html", "", "<p>已保存</p>"))
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._any()

    def do_POST(self) -> None:
        self._any()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        del format, args


@pytest.fixture
def echo() -> Iterator[Echo]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.echo = found = Echo(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


def send(
    echo: Echo, call: Call, values: Mapping[str, str] | None = None, *, purpose: Purpose | None = None,
    announced: list[str] | None = None, level: Level = Level.INTRUDE, **more: object,
) -> tuple[Reply, str]:  # fmt: skip
    """Send one described request; return the reply and the transcript."""
    kept: list[bytes] = []

    def keep(name: str, data: bytes, /) -> Raw:
        kept.append(data)
        return Raw(name=name, sha256="", size_bytes=len(data))

    guard = Guard(Scope(level=level, addresses=("127.0.0.1",)), log=lambda _contact: None)

    def announce(purpose: Purpose, request: str, /) -> None:
        guard.require(purpose.level, what=purpose.text)
        if announced is not None:
            announced.append(request)

    context = Context(
        guard=guard, secrets=Secrets(Redactor()), keep=keep, ledger=MemoryLedger(), announce=announce
    )

    async def run() -> Reply:
        async with opened(WebAsset(id="a", name="a", url=echo.url), context, probe="t") as browser:
            visitor = browser.intruding(purpose) if purpose else browser
            return await perform(visitor, call, values, **more)  # type: ignore[arg-type]

    return asyncio.run(run()), b"".join(kept).decode()


def test_a_form_is_sent_with_the_hidden_fields_of_its_own_page(echo: Echo) -> None:
    call = Call(path="/save", page="/form", csrf_field="token", fields={"title": "标题 {object}"})
    _, transcript = send(echo, call, {"object": "甲&乙"})
    assert echo.form() == {"token": ["t-1"], "kept": ["k"], "title": ["标题 甲&乙"]}
    assert echo.last.headers["X-CSRF-Token"] == "t-1"
    assert echo.last.headers["Referer"] == f"{echo.url}/form"
    assert "甲" not in transcript


def test_a_form_is_known_by_the_fields_that_are_only_filled_in(echo: Echo) -> None:
    send(echo, Call(path="/save", page="/form"), extra={"title": "1"})
    assert echo.form() == {"token": ["t-1"], "kept": ["k"], "title": ["1"]}


def test_a_page_with_a_query_is_named_whole_to_its_own_server(echo: Echo) -> None:
    send(echo, Call(path="/save", page="/form?id=7", csrf_field="token", fields={"title": "1"}))
    assert echo.last.headers["Referer"] == f"{echo.url}/form?id=7"


def test_json_is_sent_as_json_and_dotted_names_lie_inside(echo: Echo) -> None:
    send(echo, Call(path="/api", style="json", fields={"input.id": "{object}", "q": "1"}), {"object": '"7'})
    assert json.loads(echo.last.body) == {"input": {"id": '"7'}, "q": "1"}
    assert echo.last.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("call", [Call(path="/q?a=1", method="GET", fields={"b": "{object}"}),
                                  Call(path="/q?a=1", style="query", fields={"b": "{object}"})])  # fmt: skip
def test_a_query_is_added_to_what_the_address_holds(echo: Echo, call: Call) -> None:
    reply, transcript = send(echo, call, {"object": "x&c=2"})
    assert echo.last.query == {"a": ["1"], "b": ["x&c=2"]}
    assert (echo.last.method, echo.last.body) == (call.method, b"")
    assert reply.url.endswith("/q?a=…&b=…")
    assert "x&c" not in transcript


def test_files_are_sent_in_parts_and_names_cannot_break_out(echo: Echo) -> None:
    part = FilePart('a".png\r\nX: y', "image/png", b"\x89PNG\r\n--x")
    call = Call(path="/up", style="multipart", fields={"title": "t"})
    send(echo, call, files={"file": part})
    head = f"Content-Type: {echo.last.headers['Content-Type']}\r\n\r\n".encode()
    parts = list(BytesParser(policy=HTTP).parsebytes(head + echo.last.body).iter_parts())
    assert [one.get_param("name", header="content-disposition") for one in parts] == ["title", "file"]
    assert parts[1].get_payload(decode=True) == part.data
    assert parts[1]["X"] is None


def test_what_stands_in_a_path_cannot_leave_it(echo: Echo) -> None:
    send(echo, Call(path="/patients/{object}/x", method="GET"), {"object": "../a?b=1#c"})
    assert echo.last.path == "/patients/..%2Fa%3Fb%3D1%23c/x"
    assert echo.last.query == {}


def test_a_placeholder_without_a_value_sends_nothing(echo: Echo) -> None:
    with pytest.raises(NotDeclared, match="created"):
        send(echo, Call(path="/remove/{created}"))
    assert echo.seen == []


def test_extra_fields_replace_and_add(echo: Echo) -> None:
    send(echo, Call(path="/save", fields={"a": "1", "b": "2"}), extra={"b": "3", "c": "4"})
    assert echo.form() == {"a": ["1"], "b": ["3"], "c": ["4"]}


@pytest.mark.parametrize(
    ("path", "done", "refused", "expected"),
    [
        ("/save", Marker(text="已保存"), Marker(), True),
        ("/save", Marker(text="已提交"), Marker(), False),
        ("/save", Marker(), Marker(text="已保存"), False),
        ("/save", Marker(), Marker(), None),
        ("/save", Marker(), Marker(text="失败"), None),
        ("/both", Marker(text="已保存"), Marker(text="失败"), None),
        ("/api", Marker(json_key="code", json_value="0"), Marker(), True),
        ("/created", Marker(status=303, location="/shown"), Marker(), True),
    ],
)
def test_markers_say_yes_no_or_nothing(
    echo: Echo, path: str, done: Marker, refused: Marker, expected: bool | None
) -> None:
    reply, _ = send(echo, Call(path=path, done=done, refused=refused))
    assert reply.done is expected


def test_the_id_of_what_was_created_is_found(echo: Echo) -> None:
    by_json, _ = send(echo, Call(path="/api"))
    by_location, _ = send(echo, Call(path="/created"))
    assert by_json.created("data.id") == "41"
    assert by_json.created("data.none") == ""
    assert by_location.created(after="/shown/") == "7"


def test_a_refusal_by_status_is_told(echo: Echo) -> None:
    assert send(echo, Call(path="/denied"))[0].refused_by_status
    assert not send(echo, Call(path="/save"))[0].refused_by_status


def test_with_a_purpose_everything_is_announced_before_it_is_sent(echo: Echo) -> None:
    purpose, told = Purpose(Level.INTRUDE, "试", "1.a.1"), list[str]()
    call = Call(path="/save", page="/form", fields={"title": "secret"})
    send(echo, call, purpose=purpose, announced=told)
    assert [one.partition("（")[0] for one in told] == [f"GET {echo.url}/form", f"POST {echo.url}/save"]
    assert not any("secret" in one for one in told)
    echo.seen.clear()
    with pytest.raises(NotAuthorised):
        send(echo, call, purpose=purpose, level=Level.LOGIN)
    assert echo.seen == []


def test_json_fields_hold_lists_and_objects() -> None:
    """What is written as JSON goes out as JSON; what is none is a mistake of the engagement."""
    fields = {"name": "1", "user.roles:json": "[2, 3]", "user.active:json": "true"}
    assert nested(fields) == {"name": "1", "user": {"roles": [2, 3], "active": True}}
    with pytest.raises(NotDeclared, match="roles:json"):
        nested({"roles:json": "[2"})
