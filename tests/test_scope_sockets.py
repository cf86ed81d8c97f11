"""With real sockets: the admitted address is reached, production sees no packet, the fence holds."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from dengbao.errors import OutOfScope, TimedOut, Unreachable
from dengbao.scope import seal_off, unfence

from .guards import guard_of, listening, was_contacted


def test_connecting_reaches_the_admitted_address() -> None:
    with listening() as (server, port):
        guard = guard_of((f"his.test:{port}",), names={"his.test": ("127.0.0.1",)})

        async def once() -> tuple[str, int]:
            sock = await guard.connect("his.test", port, asset="a", probe="p")
            with closing(sock):
                peer: tuple[str, int] = sock.getpeername()
                return peer

        assert asyncio.run(once()) == ("127.0.0.1", port)
        assert was_contacted(server)
        with closing(guard.connect_blocking("his.test", port, asset="a", probe="p")) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)


def test_v6_is_reached_too() -> None:
    with listening("::1") as (server, port):
        guard = guard_of((f"[::1]:{port}",))
        with closing(guard.connect_blocking("::1", port, asset="a", probe="p")):
            assert was_contacted(server)


def test_a_closed_port_is_unreachable() -> None:
    with listening() as (_, port):
        pass
    guard = guard_of()
    with pytest.raises(Unreachable):
        guard.connect_blocking("127.0.0.1", port, asset="a", probe="p")
    with pytest.raises(Unreachable):
        asyncio.run(guard.connect("127.0.0.1", port, asset="a", probe="p"))


def test_a_silent_address_times_out() -> None:
    """A queue that is full drops the handshake: nothing answers, nothing refuses."""
    with listening(backlog=0) as (_, port):
        fillers = [socket.socket() for _ in range(4)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        guard = guard_of()
        with pytest.raises(TimedOut):
            guard.connect_blocking("127.0.0.1", port, asset="a", probe="p", timeout_s=0.2)
        with pytest.raises(TimedOut):
            asyncio.run(guard.connect("127.0.0.1", port, asset="a", probe="p", timeout_s=0.2))
        for one in fillers:
            one.close()


def test_a_production_listener_sees_no_packet() -> None:
    with listening("127.0.0.9") as (server, port):
        guard = guard_of(
            ("127.0.0.0/8",),
            (f"prod.test:{port}",),
            names={"prod.test": ("127.0.0.9",), "innocent.test": ("127.0.0.9",)},
        )
        for host in ("127.0.0.9", "prod.test", "innocent.test", "::ffff:127.0.0.9", str(0x7F000009)):
            with pytest.raises(OutOfScope):
                guard.connect_blocking(host, port, asset="a", probe="p")
            with pytest.raises(OutOfScope):
                asyncio.run(guard.connect(host, port, asset="a", probe="p"))
        assert not was_contacted(server)


@pytest.mark.parametrize(
    "target", ["http://prod.test:{port}/", "http://127.0.0.9:{port}/", "//moved.test:{port}"]
)
def test_a_redirect_into_production_is_refused_before_a_packet_leaves(target: str) -> None:
    with listening("127.0.0.9") as (production, prod_port), listening() as (server, port):
        server.setblocking(True)

        def redirect() -> None:
            peer, _ = server.accept()
            with closing(peer):
                peer.recv(4096)
                location = target.format(port=prod_port)
                peer.sendall(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode())

        worker = threading.Thread(target=redirect)
        worker.start()
        guard = guard_of(
            ("127.0.0.0/8",),
            (f"prod.test:{prod_port}",),
            names={"prod.test": ("127.0.0.9",), "moved.test": ("127.0.0.9",)},
        )
        with closing(guard.connect_blocking("127.0.0.1", port, asset="a", probe="p")) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: his.test\r\n\r\n")
            answer = sock.recv(4096).decode()
        worker.join()
        location = answer.split("Location: ")[1].splitlines()[0].split("//")[1].rstrip("/")
        host, _, port_text = location.partition(":")
        with pytest.raises(OutOfScope, match="生产环境"):
            guard.connect_blocking(host, int(port_text), asset="a", probe="p")
        assert not was_contacted(production)


@pytest.fixture
def fenced() -> Iterator[None]:
    """Take the fence down after the test, whatever it put up."""
    yield
    unfence()


async def connect_in_a_loop(sock: socket.socket, port: int) -> None:
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))


@pytest.mark.usefixtures("fenced")
def test_the_fence_stops_every_socket_the_guard_did_not_admit() -> None:
    with listening() as (server, port), listening() as (other, other_port):
        guard = guard_of()
        guard.fence()
        for host in ("127.0.0.1", "localhost"):
            with closing(socket.socket()) as sock, pytest.raises(OutOfScope, match="阻止"):
                sock.connect((host, port))
        with closing(socket.socket()) as sock, pytest.raises(OutOfScope):
            asyncio.run(connect_in_a_loop(sock, port))
        with closing(socket.socket()) as sock, pytest.raises(OutOfScope):
            sock.connect_ex(("0.0.0.0", port))
        with closing(socket.socket(socket.AF_INET6)) as sock, pytest.raises(OutOfScope):
            sock.connect_ex(("::ffff:127.0.0.1", port))
        with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock, pytest.raises(OutOfScope):
            sock.sendto(b"x", ("127.0.0.1", port))
        with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock, pytest.raises(OutOfScope):
            sock.sendmsg([b"x"], [], 0, ("127.0.0.1", port))
        assert not was_contacted(server)
        guard.connect_blocking("127.0.0.1", other_port, asset="a", probe="p").close()
        assert was_contacted(other)
        assert guard.is_admitted("::ffff:127.0.0.1", other_port)
        assert not guard.is_admitted("localhost", other_port)


@pytest.mark.usefixtures("fenced")
def test_the_fence_leaves_unix_sockets_alone() -> None:
    guard_of(()).fence()
    left, right = socket.socketpair()
    with closing(left), closing(right):
        left.sendall(b"x")
        assert right.recv(1) == b"x"


@pytest.mark.usefixtures("fenced")
def test_the_newest_fence_counts() -> None:
    with listening() as (_, port):
        first, second = guard_of(), guard_of()
        first.admit("127.0.0.1", port, asset="a", probe="p")
        first.fence()
        second.fence()
        with closing(socket.socket()) as sock, pytest.raises(OutOfScope):
            sock.connect(("127.0.0.1", port))


@pytest.mark.usefixtures("fenced")
def test_sealed_off_nothing_connects_at_all() -> None:
    with listening() as (server, port):
        guard = guard_of()
        guard.admit("127.0.0.1", port, asset="a", probe="p")
        seal_off()
        with pytest.raises(OutOfScope):
            guard.connect_blocking("127.0.0.1", port, asset="a", probe="p")
        assert not was_contacted(server)
