"""The proxy before Chromium: what it leads to, what it refuses, what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dengbao.model import Level, Scope
from dengbao.probes.web.forward import Forward
from dengbao.scope import Contact, Guard

from ..servers.hostile_web import answering, closing, listening, whole

PAGE = whole(b"<p>here</p>")


def through(
    talk: Callable[[Forward], Awaitable[bytes]], *, production: tuple[str, ...] = ()
) -> tuple[bytes, Forward]:
    contacts: list[Contact] = []
    scope = Scope(level=Level.OBSERVE, addresses=("127.0.0.1",), production=production, connections_per_s=500)
    guard = Guard(scope, log=contacts.append)

    async def run() -> tuple[bytes, Forward]:
        async with Forward(guard, "web", "test") as forward:
            return await asyncio.wait_for(talk(forward), 10), forward

    return asyncio.run(run())


def saying(text: bytes) -> Callable[[Forward], Awaitable[bytes]]:
    async def talk(forward: Forward) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)
        writer.write(text)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    return talk


def test_a_plain_request_is_sent_as_its_server_wants_it() -> None:
    with listening(answering(PAGE)) as server:
        got, forward = through(saying(b"GET %s/a?b=c HTTP/1.1\r\nHost: x\r\n\r\n" % server.url.encode()))
    assert b"here" in got
    assert forward.refused == {}


def test_a_tunnel_carries_both_ways() -> None:
    with listening(answering(PAGE)) as server:
        request = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n" % server.port
        got, _forward = through(saying(request))
    assert got.startswith(b"HTTP/1.1 200 Connection established")
    assert b"here" in got


@pytest.mark.parametrize(
    "request_line",
    [
        b"CONNECT 127.0.0.2:443 HTTP/1.1", b"GET http://127.0.0.2/ HTTP/1.1", b"CONNECT [::1]:443 HTTP/1.1",
        b"GET http://127.0.0.2:1/ HTTP/1.1", b"GET file:///etc/passwd HTTP/1.1", b"GET / HTTP/1.1",
    ],
)  # fmt: skip
def test_what_the_guard_refuses_is_refused(request_line: bytes) -> None:
    got, _forward = through(saying(request_line + b"\r\n\r\n"))
    assert got.startswith(b"HTTP/1.1 403")


def test_production_is_refused_and_told() -> None:
    got, forward = through(saying(b"CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n"), production=("127.0.0.1:443",))
    assert got.startswith(b"HTTP/1.1 403")
    assert "生产环境" in forward.refused["127.0.0.1:443"]


def test_nothing_in_clear_goes_out_where_a_password_was_typed() -> None:
    with listening(answering(PAGE)) as server:

        async def talk(forward: Forward) -> bytes:
            forward.plain_allowed = False
            return await saying(b"GET %s/ HTTP/1.1\r\n\r\n" % server.url.encode())(forward)

        got, _forward = through(talk)
        assert server.connections == 0
    assert got.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "text", [b"\r\n\r\n", b"nonsense\r\n\r\n", b"CONNECT x HTTP/1.1\r\n\r\n", b"A" * 200_000]
)
def test_nonsense_ends_the_connection_and_nothing_else(text: bytes) -> None:
    with listening(closing):
        got, _forward = through(saying(text))
    assert not got.startswith(b"HTTP/1.1 200")
