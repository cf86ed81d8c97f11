"""HTTP/2 in clear is looked into like HTTP/1.1, and gives way to no hostile peer."""

from __future__ import annotations

import gzip
import json
import random
import struct
import time

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from hpack import Encoder

from dengbao.capture.content import Ledger
from dengbao.capture.findings import Channel, Finding, Flow, Kind, Speech
from dengbao.capture.http2 import PREFACE, Http2
from dengbao.capture.table import _MOST_STATE
from dengbao.capture.unpacking import Purse

from .packets import PHONE, SPECIMEN, Talk, answer, seen

PASSWORD = "Qx7-mirabelle"
FORM = [
    (":method", "POST"), (":scheme", "http"), (":authority", "his.test"),
    (":path", f"/login?access_token=abcdefgh12345&certno={SPECIMEN}"),
    ("content-type", "application/json"), ("authorization", "Bearer abcdef123456"),
    ("cookie", "JSESSIONID=0123456789ABCDEF"),
]  # fmt: skip
OK = [(":status", "200"), ("content-type", "application/json")]
LOGIN = json.dumps({"password": PASSWORD, "psn_name": "张小三"}, ensure_ascii=False).encode()
PERSON = json.dumps({"tel": PHONE, "certno": SPECIMEN}).encode()


class Peers:
    """A client and a server that really speak HTTP/2; what they say goes into a capture."""

    def __init__(self, talk: Talk | None = None, *, step: int = 1460) -> None:
        self.talk = talk or Talk().open()
        self.step = step
        self.client = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self.server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.client.initiate_connection()
        self.server.initiate_connection()
        self.pass_on()

    def pass_on(self) -> None:
        for side, (one, other) in enumerate(((self.client, self.server), (self.server, self.client))):
            data = one.data_to_send()
            self.talk.say(side, data, step=self.step)
            if data:
                other.receive_data(data)

    def exchange(
        self,
        body: bytes,
        reply: bytes,
        *,
        ask: list[tuple[str, str]] = FORM,
        answer: list[tuple[str, str]] = OK,
    ) -> None:
        stream = self.client.get_next_available_stream_id()
        self.client.send_headers(stream, ask)
        self.client.send_data(stream, body, end_stream=True, pad_length=7)
        self.pass_on()
        self.server.send_headers(stream, answer)
        self.server.send_data(stream, reply[:5])
        self.server.send_data(stream, reply[5:], end_stream=True)
        self.pass_on()

    @property
    def flow(self) -> Flow:
        (flow,) = seen(self.talk.frames).flows
        return flow


def kinds(found: tuple[Finding, ...]) -> set[tuple[Kind, str, str, bool]]:
    return {(one.kind, one.where, one.field, one.from_client) for one in found}


ASKED = {
    (Kind.TOKEN, "url", "access_token", True), (Kind.MEDICAL, "url", "certno", True),
    (Kind.TOKEN, "header", "authorization Bearer", True), (Kind.COOKIE, "header", "JSESSIONID", True),
    (Kind.PASSWORD, "body", "password", True), (Kind.NAME, "body", "psn_name", True),
}  # fmt: skip
ANSWERED = {
    (Kind.PHONE, "body", "tel", False), (Kind.ID_CARD, "body", "certno", False),
    (Kind.MEDICAL, "body", "certno", False),
}  # fmt: skip


@pytest.mark.parametrize("step", [1460, 9, 1])
def test_heads_and_bodies_of_streams_are_looked_into(step: int) -> None:
    peers = Peers(step=step)
    for _ in range(3):  # the second time the fields come out of the table
        peers.exchange(LOGIN, PERSON)
    flow = peers.flow
    assert (flow.speaks, flow.channel, flow.unseen_bytes) == (Speech.HTTP2, Channel.CLEAR, 0)
    assert kinds(flow.findings) == ASKED | ANSWERED
    assert {one.count for one in flow.findings} == {3}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 11, 23, 24, 25, 100])
def test_frames_may_be_cut_anywhere(size: int) -> None:
    peers = Peers()
    peers.exchange(LOGIN, gzip.compress(PERSON), answer=[*OK, ("content-encoding", "gzip")])
    said: list[list[bytes]] = [[], []]
    for frame in peers.talk.frames[2:]:
        said[frame[34:36] == struct.pack(">H", 80)].append(frame[54:])
    ledger = Ledger(lambda _side, _at: 1)
    one = Http2(ledger, Purse())
    for side in (0, 1):
        data = b"".join(said[side])
        for at in range(0, len(data), size):
            one.data(side, data[at : at + size], at)
    one.finish()
    assert kinds(ledger.findings()) == ASKED | ANSWERED
    assert one.unseen == 0


def test_packed_bodies_are_unpacked_and_unknown_codings_counted() -> None:
    peers = Peers()
    peers.exchange(LOGIN, gzip.compress(PERSON), answer=[*OK, ("content-encoding", "gzip")])
    assert kinds(peers.flow.findings) == ASKED | ANSWERED
    assert peers.flow.unseen_bytes == 0
    peers = Peers()
    peers.exchange(LOGIN, b"\x91" * 300, answer=[*OK, ("content-encoding", "own")])
    assert peers.flow.unseen_bytes == 300


def test_a_connection_that_is_upgraded_goes_on_as_http_2() -> None:
    ask = b"GET /a?passwd=Qx7-mirabelle HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    ask += b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    talk = Talk().open().say(0, ask)
    client = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    settings = client.initiate_upgrade_connection()
    server.initiate_upgrade_connection(settings)
    server.send_headers(1, OK)
    server.send_data(1, PERSON, end_stream=True)
    switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    talk.say(1, switched + server.data_to_send())
    client.send_headers(3, FORM)
    client.send_data(3, LOGIN, end_stream=True)
    (flow,) = seen(talk.say(0, client.data_to_send()).frames).flows
    assert (flow.speaks, flow.unseen_bytes) == (Speech.HTTP2, 0)
    assert kinds(flow.findings) == ASKED | ANSWERED | {(Kind.PASSWORD, "url", "passwd", True)}


def grpc(message: bytes, *, packed: bool = False) -> bytes:
    message = gzip.compress(message) if packed else message
    return bytes([packed]) + struct.pack(">I", len(message)) + message


@pytest.mark.parametrize("packed", [False, True])
def test_grpc_is_recognised_and_never_counts_as_decoded(packed: bool) -> None:
    """Its fields have no names: a password in it cannot be told from a greeting."""
    kind, coding = ("content-type", "application/grpc+proto"), ("grpc-encoding", "gzip")
    body = b"\x08\x96\x01\x2a\x12" + SPECIMEN.encode() + b"2\x0d" + PASSWORD.encode()  # fields 1, 5, 6
    body = b"\x0a" + bytes([len(body)]) + body + b"\x15abcd\x19abcdefgh"
    peers = Peers()
    peers.exchange(
        grpc(body, packed=packed) * 3, grpc(b"\x0a\x01a"), ask=[*FORM[:4], kind, coding], answer=[OK[0], kind]
    )
    flow = peers.flow
    assert (flow.speaks, flow.channel) == (Speech.GRPC, Channel.CLEAR)
    assert flow.unseen_bytes >= 3 * len(grpc(body, packed=packed))
    assert (Kind.ID_CARD, "body", "", True) in kinds(flow.findings)
    assert Kind.PASSWORD not in {one.kind for one in flow.findings}


def test_a_server_that_speaks_first_is_recognised() -> None:
    talk = Talk().open().say(1, b"\0\0\x06\x04\0\0\0\0\0\0\3\0\0\0\x64")
    peers = Peers(talk)
    peers.exchange(LOGIN, PERSON)
    assert kinds(peers.flow.findings) == ASKED | ANSWERED


def test_after_a_loss_nothing_is_taken_for_decoded() -> None:
    peers = Peers()
    peers.exchange(LOGIN, PERSON)
    lost = peers.server.data_to_send()
    assert lost == b""
    peers.talk.say(1, b"x" * 300, lost=True)
    peers.exchange(LOGIN, json.dumps({"x": "y" * 50, "loginPwd": PASSWORD}).encode())
    flow = peers.flow
    assert flow.lost_bytes == 300
    assert flow.unseen_bytes > 60
    assert (Kind.PASSWORD, "body", "loginPwd", False) in kinds(flow.findings)  # it lies there to be seen


def test_a_loss_within_a_body_costs_only_that_body() -> None:
    peers = Peers()
    peers.client.send_headers(1, FORM)
    peers.pass_on()
    peers.server.send_headers(1, OK)
    peers.pass_on()
    body = struct.pack(">I", 900)[1:] + b"\0\1" + struct.pack(">I", 1) + b'{"a":"' + b"z" * 894
    peers.talk.say(1, body[:100]).say(1, body[100:700], lost=True).say(1, body[700:])
    peers.exchange(LOGIN, PERSON)
    assert kinds(peers.flow.findings) == ASKED | ANSWERED
    assert peers.flow.unseen_bytes == 0


# ---- hostile ---------------------------------------------------------------------------------------------


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def bomb() -> bytes:
    """Return a block that puts one large field into the table, and refers to it again and again."""
    encoder = Encoder()
    return encoder.encode([("x-a", "y" * 4000)], huffman=False) + b"\xbe" * 16_000


HOSTILE = {
    "hpack bomb": b"".join(frame(1, 5, stream, bomb()) for stream in range(1, 41, 2)),
    "continuations without end": frame(1, 0, 1, b"\x40\1a\1b") + frame(9, 0, 1, b"\x40\1a\1b" * 4000) * 40,
    "endless integer": frame(1, 5, 1, b"\xff" * 16_000) * 20,
    "table of 4 GB": frame(1, 5, 1, b"\x3f\xff\xff\xff\xff\x0f" + b"\x82") * 20,
    "streams without end": b"".join(frame(1, 4, one, b"\x83\x86\x84") for one in range(1, 10_001, 2)),
    "empty frames": frame(0, 0, 1, b"") * 60_000,
    "padding longer than the frame": frame(0, 8, 1, b"\xff" + b"a" * 20) * 400,
    "padding alone": frame(1, 8, 1, b"\x09") * 20 + frame(1, 0x28, 1, b"\1") * 20 + frame(0, 8, 1, b""),
    "a frame of 16 MB": b"\xff\xff\xff\1\4\0\0\0\1" + b"a" * 90_000,
    "no preface after all": b"",
    "noise": random.Random(7).randbytes(200_000),
    "promises": frame(5, 4, 1, b"\0\0") * 50 + frame(5, 4, 1, b"\0\0\0\2\x82") * 50,
    "deflate bomb": frame(1, 4, 1, Encoder().encode([(":status", "200"), ("content-encoding", "gzip")]))
    + b"".join(
        frame(0, 0, 1, gzip.compress(b"\0" * (32 << 20))[at : at + 16_000]) for at in range(0, 31_000, 16_000)
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("side", [0, 1])
def test_hostile_peers_are_passed_over_within_bounds(name: str, side: int) -> None:
    begin = PREFACE[:16] + b"xx" if name == "no preface after all" else PREFACE
    talk = Talk().open().say(0, begin + frame(4, 0, 0, b"")).say(1, frame(4, 0, 0, b""))
    begun = time.process_time()
    (flow,) = seen(talk.say(side, HOSTILE[name]).frames).flows
    assert time.process_time() - begun < 4
    assert (flow.speaks, flow.channel) == (Speech.HTTP2, Channel.CLEAR)
    assert flow.findings == ()


def test_many_connections_that_hoard_are_weighed() -> None:
    one = Http2(Ledger(lambda _side, _at: 1), Purse())
    one.data(0, PREFACE, 0)
    for side in (0, 1):
        encoder = Encoder()
        encoder.header_table_size = 1 << 16
        fields = [(f"x-{number}", "y" * 1000) for number in range(60)]
        one.data(side, frame(1, 4, 1, encoder.encode(fields, huffman=False)), 24)
    assert 2 * (1 << 16) < one.weight < _MOST_STATE // 50


def test_http_1_is_not_taken_for_its_successor() -> None:
    (flow,) = seen(Talk().open().ask(b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", answer(b"{}")).frames).flows
    assert flow.speaks is Speech.HTTP
