"""Real servers on loopback, captured by tcpdump: what each speaks, and what lies open in it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncssh
import psycopg
import pymysql
import pytest

from dengbao.capture.findings import Channel, Kind, Speech
from dengbao.capture.live import listen
from dengbao.capture.survey import Answer, Declared, Survey, survey_file
from dengbao.errors import NoPermission, ProbeIncapable, UsageError

from ..servers.mariadb import mariadb
from ..servers.postgres import ADMIN, ADMIN_PASSWORD, postgres
from ..servers.redis import redis
from ..servers.tls import NAME, Nginx, nginx
from .packets import PHONE, SPECIMEN

PASSWORD = "Qx7-mirabelle"  # of nobody
MARK = b"this is the last datagram"


@contextmanager
def captured(path: Path, interface: str = "lo", snap_bytes: int = 0) -> Iterator[None]:
    """Capture until the end of the block, and until its last packet is in the file."""
    command = ["tcpdump", "-i", interface, "-U", "--immediate-mode", "-s", str(snap_bytes), "-B", "16384"]
    process = subprocess.Popen([*command, "-Z", "root", "-w", str(path)], stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        while line := process.stderr.readline():
            if b"listening on" in line:
                break
        yield
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as out:
            out.sendto(MARK, ("127.0.0.1", 9))
        deadline = time.monotonic() + 10
        while MARK not in path.read_bytes():
            assert time.monotonic() < deadline, "the last packet never came"
            time.sleep(0.02)  # between two looks at the file
    finally:
        process.terminate()
        process.communicate(timeout=10)


def on(name: str, port: int) -> Declared:
    return Declared(name=name, server=f"127.0.0.1:{port}")


def only(survey: Survey, name: str) -> Answer:
    (found,) = (one for one in survey.declared if one.name == name)
    return found


def post(sock: socket.socket, body: str) -> bytes:
    text = body.encode()
    head = f"POST /login HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n"
    sock.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode() + text)
    parts = []
    while part := sock.recv(4096):
        parts.append(part)
    return b"".join(parts)


def talk_to(server: Nginx) -> None:
    form = f"user=a&password={PASSWORD}&certno={SPECIMEN}&tel={PHONE}"
    with closing(socket.create_connection(("127.0.0.1", server.plain), 10)) as plain:
        assert b"200" in post(plain, form)
    context = ssl.create_default_context(cafile=server.ca_file)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = context.maximum_version = version
        with (
            closing(socket.create_connection(("127.0.0.1", server.ports["good"]), 10)) as raw,
            context.wrap_socket(raw, server_hostname=NAME) as sock,
        ):
            assert b"200" in post(sock, form)


@pytest.mark.parametrize("interface", ["lo", "any"])
def test_nginx_in_clear_and_over_tls(tmp_path: Path, interface: str) -> None:
    path = tmp_path / "a.pcap"
    with nginx() as server:
        with captured(path, interface):
            talk_to(server)
        survey = survey_file(path, [on("明文", server.plain), on("加密", server.ports["good"])])
    assert survey.broken == ""
    assert only(survey, "明文").channel is Channel.CLEAR
    assert (only(survey, "加密").channel, only(survey, "加密").encrypted) == (Channel.ENCRYPTED, 2)
    flows = [one for one in survey.flows if one.server_port in {server.plain, server.ports["good"]}]
    (plain,) = (one for one in flows if one.speaks is Speech.HTTP)
    assert {(one.kind, one.field, one.count) for one in plain.findings} == {
        (Kind.PASSWORD, "password", 1), (Kind.ID_CARD, "certno", 1), (Kind.MEDICAL, "certno", 1),
        (Kind.PHONE, "tel", 1),
    }  # fmt: skip
    crypto = [one.crypto for one in flows if one.crypto]
    assert {one.version for one in crypto} == {"TLS 1.2", "TLS 1.3"}
    assert {one.server_name for one in crypto} == {NAME}
    assert all(one.suite and one.unread_bytes == 0 for one in crypto)


def test_postgres_with_and_without_tls(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    rules = ("hostssl all all 127.0.0.1/32 scram-sha-256", "hostnossl all all 127.0.0.1/32 password")
    with postgres(tls=True, hba=rules) as server:
        with captured(path):
            for mode in ("disable", "require"):
                with psycopg.connect(
                    host="127.0.0.1", port=server.port, user=ADMIN, password=ADMIN_PASSWORD,
                    dbname="postgres", sslmode=mode, gssencmode="disable",
                ) as link:  # fmt: skip
                    link.execute(f"SELECT '{SPECIMEN}'")
        survey = survey_file(path, [on("库", server.port)])
    clear, encrypted = [one for one in survey.flows if one.server_port == server.port]
    assert (clear.speaks, clear.channel) == (Speech.POSTGRESQL, Channel.CLEAR)
    assert {one.kind for one in clear.findings} == {Kind.PASSWORD, Kind.ID_CARD}
    assert (encrypted.upgraded_from, encrypted.channel) == (Speech.POSTGRESQL, Channel.ENCRYPTED)
    assert (encrypted.findings, only(survey, "库").channel) == ((), Channel.CLEAR)


def test_mariadb_with_and_without_tls(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    with mariadb(tls=True) as server:
        server.run(f"CREATE USER app@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        with captured(path):
            for options in (
                {"ssl_disabled": True},
                {"ssl": {"ca": str(server.ca_file), "check_hostname": False}},
            ):
                link = pymysql.connect(
                    host="127.0.0.1", port=server.port, user="app", password=PASSWORD, **options
                )
                with link, link.cursor() as cursor:
                    cursor.execute(f"SELECT '{PHONE}'")
        survey = survey_file(path)
    clear, encrypted = [one for one in survey.flows if one.server_port == server.port]
    assert (clear.speaks, clear.channel) == (Speech.MYSQL, Channel.CLEAR)
    assert {one.kind for one in clear.findings} == {Kind.PHONE}
    assert (encrypted.upgraded_from, encrypted.channel) == (Speech.MYSQL, Channel.ENCRYPTED)


def test_redis_with_and_without_tls(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    with redis(f"requirepass {PASSWORD}", "tls-auth-clients no", tls=True) as server:
        login = f"*2\r\n$4\r\nAUTH\r\n${len(PASSWORD)}\r\n{PASSWORD}\r\n".encode()
        with captured(path):
            with closing(socket.create_connection(("127.0.0.1", server.port), 10)) as plain:
                plain.sendall(login)
                assert plain.recv(100) == b"+OK\r\n"
            context = ssl.create_default_context(cafile=str(server.ca_file))
            context.check_hostname = False
            with (
                closing(socket.create_connection(("127.0.0.1", server.tls_port), 10)) as raw,
                context.wrap_socket(raw) as sock,
            ):
                sock.sendall(login)
                assert sock.recv(100) == b"+OK\r\n"
        survey = survey_file(path, [on("明文", server.port), on("加密", server.tls_port)])
    (plain_flow,) = (one for one in survey.flows if one.server_port == server.port)
    assert plain_flow.speaks is Speech.REDIS
    assert [(one.kind, one.count) for one in plain_flow.findings] == [(Kind.PASSWORD, 1)]
    assert [one.channel for one in survey.declared] == [Channel.CLEAR, Channel.ENCRYPTED]


class _Anyone(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return username == "nobody here"


def test_ssh(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"

    async def run() -> int:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=_Anyone, server_host_keys=[key],
            process_factory=lambda process: process.exit(0),
        )  # fmt: skip
        port = int(server.get_port())
        async with asyncssh.connect("127.0.0.1", port, known_hosts=None, config=None) as link:
            await link.run("true")
        server.close()
        await server.wait_closed()
        return port

    with captured(path):
        port = asyncio.run(run())
    survey = survey_file(path, [on("运维", port)])
    (flow,) = (one for one in survey.flows if one.server_port == port)
    assert (flow.speaks, flow.channel) == (Speech.SSH, Channel.ENCRYPTED)


def test_listening_reads_the_same_as_a_file() -> None:
    with nginx() as server:
        declared = [on("明文", server.plain), on("加密", server.ports["good"])]
        listening = listen("lo", declared, only=f"port {server.plain} or port {server.ports['good']}")
        talk_to(server)
        survey = listening.result()
    assert [one.channel for one in survey.declared] == [Channel.CLEAR, Channel.ENCRYPTED]
    assert len(survey.flows) == 3
    assert listening.dropped == 0


def test_what_tcpdump_refuses_is_said_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="网卡"):
        listen("-w /etc/passwd")
    with pytest.raises(UsageError, match="过滤"):
        listen("lo", only="-r /etc/shadow")
    with pytest.raises(UsageError, match="未能开始"):
        listen("lo", only="port port")
    with pytest.raises(UsageError, match="未能开始"):
        listen("nosuch0")
    with pytest.raises(ProbeIncapable):
        listen("lo", tcpdump=tmp_path / "none")


def test_without_the_right_to_capture_the_cure_is_named(tmp_path: Path) -> None:
    """A user without rights runs the same program."""
    program = tmp_path / "tcpdump"
    program.write_text('#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups tcpdump "$@"\n')
    program.chmod(0o755)
    with pytest.raises(NoPermission, match="权限") as caught:
        listen("lo", tcpdump=program)
    assert "CAP_NET_RAW" in caught.value.cure
