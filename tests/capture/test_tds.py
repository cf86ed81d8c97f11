"""SQL Server: what its clients send in clear is read, what may be under TLS is not taken for either."""

from __future__ import annotations

import random
import socket
import struct
import subprocess
from contextlib import closing
from pathlib import Path
from threading import Thread

from dengbao.capture.findings import Channel, Flow, Kind, Speech
from dengbao.capture.survey import survey_file

from .packets import PHONE, SPECIMEN, Talk, seen
from .test_live import captured

PASSWORD = "Qx7-mirabelle"


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind, 1]) + struct.pack(">HHBB", len(body) + 8, 0, 1, 0) + body


# Version and encryption; 2: none.
OPTIONS = bytes.fromhex("00000b0006010011 0001ff") + b"\x10\0\x10\0\0\0" + b"\2"
PRELOGIN, ANSWER = packet(18, OPTIONS), packet(4, OPTIONS)


def hidden(text: str) -> bytes:
    """Return what a client makes of a password: halves of each byte turned, under a key that all know."""
    return bytes(((one << 4 | one >> 4) & 0xFF) ^ 0xA5 for one in text.encode("utf-16-le"))


def login() -> bytes:
    parts = [one.encode("utf-16-le") for one in ("pc", "sa", "", "app", "host", "", "lib", "zh", "his")]
    parts[2] = hidden(PASSWORD)
    fixed, at, table = b"\0" * 32, 94, b""
    for one in parts:
        table += struct.pack("<HH", at, len(one) // 2)
        at += len(one)
    body = fixed + table.ljust(58, b"\0") + b"".join(parts)
    return packet(16, struct.pack("<I", len(body) + 4) + body)


def batch(text: str) -> bytes:
    return packet(1, struct.pack("<IIHQI", 22, 18, 2, 0, 1) + text.encode("utf-16-le"))


INSERT = f"INSERT INTO [patient] ([xm], [pwd], [note]) VALUES (N'张小三', '{PASSWORD}', '{SPECIMEN}')"  # noqa: S608  # sent nowhere
ROWS = packet(
    4, b"\xd1\x24\0" + SPECIMEN.encode("utf-16-le") + b"\x16\0" + PHONE.encode("utf-16-le") + b"\xfd\0"
)


def heard(*said: tuple[int, bytes], step: int = 1460) -> Flow:
    talk = Talk(port=1433).open()
    for side, data in said:
        talk.say(side, data, step=step)
    (flow,) = seen(talk.frames).flows
    assert not any(one in repr(flow) for one in (PASSWORD, SPECIMEN, PHONE, "张小三"))
    return flow


def found(flow: Flow) -> set[tuple[Kind, str, str, bool]]:
    return {(one.kind, one.where, one.field, one.from_client) for one in flow.findings}


def test_a_login_that_is_not_hidden_is_read() -> None:
    for step in (1460, 1):
        flow = heard((0, PRELOGIN), (1, ANSWER), (0, login()), (1, packet(4, b"\xad\0")), step=step)
        assert (flow.speaks, flow.channel) == (Speech.TDS, Channel.CLEAR)
        assert found(flow) == {(Kind.PASSWORD, "login", "LOGIN7", True)}


def test_what_follows_a_login_under_tls_may_be_in_clear() -> None:
    hello = packet(18, b"\x16\3\3\0\x40" + b"\1" * 64)
    start = [(0, PRELOGIN), (1, ANSWER), (0, hello), (1, hello), (0, b"\x17\3\3\0\x80" + b"\x99" * 128)]
    assert heard(*start).channel is Channel.CANNOT_TELL
    flow = heard(*start, (1, packet(4, b"\xad\0")), (0, batch(INSERT)), (1, ROWS))
    assert (flow.speaks, flow.channel) == (Speech.TDS, Channel.CLEAR)
    assert found(flow) == {
        (Kind.NAME, "message", "xm", True), (Kind.PASSWORD, "message", "pwd", True),
        (Kind.ID_CARD, "message", "", True), (Kind.ID_CARD, "message", "", False),
        (Kind.PHONE, "message", "", False),
    }  # fmt: skip


def test_what_stays_under_tls_is_not_taken_for_clear() -> None:
    """Large uploads are heard in windows that begin anywhere, also where cipher text looks like a packet."""
    hello = packet(18, b"\x16\3\3\0\x40" + b"\1" * 64)
    said = [(0, PRELOGIN), (1, ANSWER), (0, hello), (1, hello)]
    said += [(side, (b"\x17\3\3\x04\0" + batch(INSERT) * 4)[:1029] * 200) for side in (0, 1) * 3]
    flow = heard(*said)
    assert (flow.speaks, flow.channel) == (Speech.TDS, Channel.CANNOT_TELL)
    chance = random.Random(3)
    said[4:] = [(0, chance.randbytes(3000)), (1, ANSWER), (0, batch(INSERT))]
    assert heard(*said).channel is Channel.CANNOT_TELL


def test_after_a_loss_nothing_is_claimed() -> None:
    talk = Talk(port=1433).open().say(0, PRELOGIN).say(1, ANSWER).say(0, b"x" * 100, lost=True)
    (flow,) = seen(talk.say(1, ANSWER).say(0, batch("SELECT 1")).frames).flows
    assert flow.channel is Channel.CANNOT_TELL


def test_hostile_packets_are_passed_over() -> None:
    for body in (b"\x10\1\xff\xff" + b"\xff" * 70_000, b"\1\1\0\x08\0\0\0\0" * 9000, b"\3\1\0\0" * 20_000):
        assert heard((0, PRELOGIN), (1, ANSWER), (0, body)).findings == ()


def test_the_client_of_freetds(tmp_path: Path) -> None:
    """A server that knows no encryption: the client sends its login in clear, as it is told to."""
    path = tmp_path / "a.pcap"
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.settimeout(10)
                if client.recv(4096)[:1] == b"\x12":
                    client.sendall(ANSWER)
                    client.recv(4096)

        worker = Thread(target=serve)
        worker.start()
        with captured(path):
            subprocess.run(
                ["tsql", "-H", "127.0.0.1", "-p", str(port), "-U", "sa", "-P", PASSWORD], check=False,
                input=b"exit\n", capture_output=True, timeout=30, env={"TDSVER": "7.4", "TDSDUMP": ""},
            )  # fmt: skip
            worker.join(20)
    (flow,) = (one for one in survey_file(path).flows if one.server_port == port)
    assert (flow.speaks, flow.channel) == (Speech.TDS, Channel.CLEAR)
    assert found(flow) == {(Kind.PASSWORD, "login", "LOGIN7", True)}
