"""Whatever a server does, a visit ends in time, within memory and inside the scope."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dengbao.errors import (
    NotDeclared,
    NotSupported,
    OutOfScope,
    ProbeError,
    ProtocolMismatch,
    TimedOut,
    Unreachable,
)
from dengbao.model import Level, Raw, Scope, WebAsset
from dengbao.probes.base import Context
from dengbao.probes.web.browser import Chain, Limits, opened
from dengbao.redact import Redactor
from dengbao.scope import Contact, Guard, system_resolve
from dengbao.secrets import Secrets

from ..live.harness import MemoryLedger, look
from ..servers import hostile_web as hostile
from ..servers.hostile_web import Handler, answering, endless, listening, redirecting, whole
from ..servers.web import mint

LIMITS = Limits(connect_s=1.0, read_s=0.5, request_s=1.0, all_s=3.0, body_bytes=256 * 1024)
ADDRESSES = ("127.0.0.0/8",)


@dataclass
class Trip:
    """One visit: what the guard logged, what was kept."""

    contacts: list[Contact] = field(default_factory=list)
    raw: dict[str, bytes] = field(default_factory=dict)

    def go(
        self,
        url: str,
        *,
        production: tuple[str, ...] = (),
        addresses: tuple[str, ...] = ADDRESSES,
        resolve: Callable[[str, int], Iterable[str]] = system_resolve,
    ) -> Chain:
        scope = Scope(level=Level.LOGIN, addresses=addresses, production=production, connections_per_s=5000)
        guard = Guard(scope, log=self.contacts.append, resolve=resolve)

        def keep(name: str, data: bytes, /) -> Raw:
            self.raw[name] = data
            return Raw(name=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))

        context = Context(guard=guard, secrets=Secrets(Redactor()), keep=keep, ledger=MemoryLedger())
        asset = WebAsset(id="web", name="业务系统", url=url)

        async def visit() -> Chain:
            async with opened(asset, context, probe="web.anonymous", limits=LIMITS) as browser:
                return await browser.visit("")

        return asyncio.run(visit())


def jar_of(count: int, size: int) -> bytes:
    return b"".join(b"Set-Cookie: c%d=%s; Path=/\r\n" % (one, b"x" * size) for one in range(count))


CRLF = b"\r\n"
FLAWS: dict[str, tuple[Handler, type[ProbeError]]] = {
    "endless body": (endless(hostile.OK + CRLF, b"x" * 65536), ProtocolMismatch),
    "endless chunks": (
        endless(hostile.OK + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + CRLF),
        ProtocolMismatch,
    ),
    "endless headers": (endless(hostile.OK, b"X-More: " + b"x" * 1000 + CRLF), ProtocolMismatch),
    "endless header line": (endless(hostile.OK + b"X-More: ", b"x" * 65536), ProtocolMismatch),
    "endless continues": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20), TimedOut),
    "drips headers": (hostile.dripping(b"X-A: b\r\n"), TimedOut),
    "drips a body": (hostile.dripping(whole(b"x" * 5000)), TimedOut),
    "never answers": (hostile.never, TimedOut),
    "closes at once": (hostile.closing, ProtocolMismatch),
    "resets": (hostile.resetting, ProtocolMismatch),
    "another protocol": (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), ProtocolMismatch),
    "binary garbage": (answering(bytes(range(256)) * 10), ProtocolMismatch),
    "status without number": (answering(b"HTTP/1.1 OK\r\n\r\n"), ProtocolMismatch),
    "line breaks in a header": (answering(hostile.OK + b"X: a\rb\x00c\r\n\r\n"), ProtocolMismatch),
    "two lengths": (
        answering(hostile.OK + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\nhello"), ProtocolMismatch,
    ),
    "negative length": (answering(hostile.OK + b"Content-Length: -5\r\n\r\nhello"), ProtocolMismatch),
    "body shorter than said": (answering(hostile.OK + b"Content-Length: 500\r\n\r\nshort"), ProtocolMismatch),
    "broken chunk": (
        answering(hostile.OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n"), ProtocolMismatch,
    ),
    "bomb": (answering(hostile.bomb(64 * 1024 * 1024)), ProtocolMismatch),
    "bomb in a bomb": (answering(hostile.bomb(16 * 1024 * 1024, layers=2)), ProtocolMismatch),
    "broken compression": (answering(whole(b"not gzip", b"Content-Encoding: gzip\r\n")), ProtocolMismatch),
    "unknown compression": (answering(whole(b"\x0b\x02", b"Content-Encoding: br\r\n")), ProtocolMismatch),
    "html of endless depth": (answering(whole(b"<div>" * 50_000)), ProtocolMismatch),
    "cookies beyond all measure": (answering(whole(b"ok", jar_of(60, 4000))), ProtocolMismatch),
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flawed_answer_ends_in_time_with_its_error(flaw: str) -> None:
    handler, expected = FLAWS[flaw]
    trip = Trip()
    with listening(handler) as server:
        begun = time.monotonic()
        with pytest.raises(ProbeError) as caught:
            trip.go(server.url)
    assert time.monotonic() - begun < 12
    assert isinstance(caught.value, expected), caught.value.message
    assert caught.value.cure
    assert server.connections <= 2
    assert caught.value.message.encode() in trip.raw["web.anonymous.txt"]


TLS_FLAWS: dict[str, tuple[Handler, type[ProbeError]]] = {
    "plain http behind https": (lambda conn, _ended: conn.sendall(whole(b"ok")), ProtocolMismatch),
    "never shakes hands": (hostile.silent, TimedOut),
    "closes during the handshake": (hostile.closing, ProtocolMismatch),
    "an alert": (lambda conn, _ended: conn.sendall(b"\x15\x03\x03\x00\x02\x02\x28"), ProtocolMismatch),
    "garbage": (lambda conn, _ended: conn.sendall(b"\x00" * 300), ProtocolMismatch),
}


@pytest.mark.parametrize("flaw", TLS_FLAWS)
def test_a_flawed_handshake_ends_in_time_with_its_error(flaw: str) -> None:
    handler, expected = TLS_FLAWS[flaw]
    with listening(handler) as server:
        begun = time.monotonic()
        with pytest.raises(expected):
            Trip().go(server.url.replace("http:", "https:"))
    assert time.monotonic() - begun < 12


def over_tls(folder: Path, *, client_certificate: bool, answer: bytes) -> Handler:
    """Shake hands properly, then send raw bytes below the encryption."""
    certificates = mint(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.context_file)
    if client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates.ca_file)

    def handler(conn: socket.socket, ended: threading.Event) -> None:
        with conn.dup() as raw:
            try:
                with context.wrap_socket(conn, server_side=True) as secure:
                    hostile.read_request(secure)
                    raw.sendall(answer)
            except ssl.SSLError:
                ended.wait(
                    5
                )  # closing with something unread would reset the connection before the alert is read

    return handler


def test_a_site_that_asks_for_a_client_certificate_is_not_supported(tmp_path: Path) -> None:
    asking = over_tls(tmp_path, client_certificate=True, answer=b"")
    with listening(asking) as server, pytest.raises(NotSupported, match="客户端证书"):
        Trip().go(server.url.replace("http:", "https:"))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x17\x03\x03\x00\x20" + b"x" * 32, b""])
def test_what_breaks_the_encryption_is_an_error(answer: bytes, tmp_path: Path) -> None:
    breaking = over_tls(tmp_path, client_certificate=False, answer=answer)
    with listening(breaking) as server, pytest.raises(ProtocolMismatch):
        Trip().go(server.url.replace("http:", "https:"))


def test_a_bomb_does_not_fill_the_memory() -> None:
    packed = answering(hostile.bomb(64 * 1024 * 1024))
    with listening(packed) as server:
        tracemalloc.start()
        try:
            with pytest.raises(ProtocolMismatch):
                Trip().go(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


ODD_BUT_WHOLE = {
    "deep html": b"<div>" * 5_000 + b"end",
    "rows that are never closed": b"<table>" + b"<tr><td>1<td>2" * 10_000,
    "deep json": b"[" * 50_000,
    "many forms": b"<form><input type=password>" * 3000,
    "wrong charset": "<p>病历</p>".encode("gb18030"),
    "unknown charset": b"<meta charset=utf-99><p>page</p>",
    "no text": b"\x00\xff\xfe" * 100,
    "json numbers": b'{"code": 1' + b"0" * 5000 + b"}",
}


@pytest.mark.parametrize("name", ODD_BUT_WHOLE)
def test_odd_bodies_are_read(name: str) -> None:
    with listening(answering(whole(ODD_BUT_WHOLE[name]))) as server:
        chain = Trip().go(server.url)
    document = chain.last.document
    assert (chain.last.status, document.soft_redirect) == (200, "")
    assert document.json_error is None
    assert len(chain.last.body) == len(ODD_BUT_WHOLE[name])


def test_a_redirect_loop_ends_at_five() -> None:
    with listening(redirecting("/again")) as server:
        chain = Trip().go(server.url)
    assert len(chain.answers) == 6
    assert "超过 5 次" in chain.stopped
    assert server.connections == 6


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://[::1",
        "ftp://127.0.0.1/",
        "//a b/",
        "gopher://x/",
    ],
)
def test_a_redirect_that_is_no_web_address_is_not_followed(location: str) -> None:
    with listening(redirecting(location)) as server:
        chain = Trip().go(server.url)
    assert len(chain.answers) == 1
    assert chain.stopped
    assert server.connections == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_a_redirect_to_production_sends_nothing_there(host: str) -> None:
    trip = Trip()
    with listening(answering(whole(b"production"))) as production:
        with listening(redirecting(f"http://{host}:{production.port}/patients")) as server:
            chain = trip.go(
                server.url,
                addresses=("127.0.0.0/8", "[::1]"),
                production=(f"127.0.0.1:{production.port}", f"[::1]:{production.port}"),
            )
        assert production.connections == 0
    assert len(chain.answers) == 1
    assert "重定向目标" in chain.stopped
    assert not [one for one in trip.contacts if one.admitted and one.ports == str(production.port)]


def test_a_script_that_leads_to_production_sends_nothing_there() -> None:
    with listening(answering(whole(b"production"))) as production:
        page = f"<script>location.href='http://127.0.0.1:{production.port}/'</script>".encode()
        with listening(answering(whole(page))) as server:
            chain = Trip().go(server.url, production=(f"127.0.0.1:{production.port}",))
        assert production.connections == 0
    assert "生产环境" in chain.stopped


def test_a_redirect_outside_the_scope_sends_nothing_there() -> None:
    trip = Trip()
    with listening(answering(whole(b"another system"))) as other:
        with listening(redirecting(f"http://127.0.0.1:{other.port}/")) as server:
            chain = trip.go(server.url, addresses=(f"127.0.0.1:{server.port}",))
        assert other.connections == 0
    assert "不在授权地址范围内" in chain.stopped
    assert [one.admitted for one in trip.contacts] == [True, False]


def test_a_name_that_resolves_to_production_is_refused() -> None:
    with listening(answering(whole(b"production"))) as production:
        with pytest.raises(OutOfScope):
            Trip().go(
                f"http://his.test:{production.port}",
                production=(f"127.0.0.1:{production.port}",),
                resolve=lambda _host, _port: ("127.0.0.1",),
            )
        assert production.connections == 0


def test_a_name_that_changes_its_address_later_is_refused() -> None:
    """The second connection resolves again, and is judged by what it resolves to then."""
    answers = iter([("127.0.0.1",), ("127.0.0.2",)])
    with listening(redirecting("/next")) as server:
        chain = Trip().go(
            f"http://his.test:{server.port}",
            addresses=("127.0.0.1",),
            resolve=lambda _host, _port: next(answers),
        )
    assert len(chain.answers) == 1
    assert "不在授权地址范围内" in chain.stopped


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(answering(whole(b"proxy"))) as proxy, listening(answering(whole(b"page"))) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        chain = Trip().go(server.url)
        assert proxy.connections == 0
    assert chain.last.body == b"page"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "his.test", "http://", "http://[::1", "https://a b/"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises((NotDeclared, Unreachable, OutOfScope)) as caught:
        Trip().go(url)
    assert caught.value.cure


def test_an_idle_connection_that_was_closed_is_opened_again() -> None:
    def once(conn: object, _ended: object) -> None:
        assert hasattr(conn, "sendall")
        hostile.read_request(conn)  # type: ignore[arg-type]
        conn.sendall(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")

    with listening(once) as server:
        chain = Trip().go(server.url)
    assert len(chain.answers) == 6
    assert server.connections >= 6


@pytest.mark.parametrize(
    "flaw", ["endless body", "closes at once", "another protocol", "broken chunk", "bomb"]
)
def test_no_verdict_rests_on_a_flawed_answer(flaw: str) -> None:
    handler, _ = FLAWS[flaw]
    with listening(handler) as server:
        asset = WebAsset(
            id="web", name="业务系统", url=server.url, protected=("/patients",), logout="/logout"
        )
        sight = look(
            asset,
            scope=Scope(level=Level.DISRUPT, addresses=ADDRESSES, connections_per_s=5000),
            only=("web.anonymous", "web.session", "web.empty_password", "web.default_accounts"),
        )
    assert set(sight.verdicts().values()) == {"undetermined"}
    assert not sight.facts
