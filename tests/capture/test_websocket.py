"""Messages of WebSocket in clear are looked into: masked, in fragments, packed; within bounds."""

from __future__ import annotations

import json
import struct
import time
import zlib

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.extensions import Extension, PerMessageDeflate

from dengbao.capture.content import Ledger
from dengbao.capture.findings import Channel, Flow, Kind, Speech
from dengbao.capture.unpacking import Purse
from dengbao.capture.websocket import WebSocket

from .packets import PHONE, SPECIMEN, Talk, seen

ASK = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
LOGIN = json.dumps({"cmd": "login", "password": "Qx7-mirabelle", "token": "abcdef0123456"})
PERSON = json.dumps({"psn_name": "张小三", "certno": SPECIMEN, "tel": PHONE}, ensure_ascii=False)
FOUND = {
    (Kind.PASSWORD, "message", "password", True), (Kind.TOKEN, "message", "token", True),
    (Kind.ID_CARD, "message", "certno", False), (Kind.MEDICAL, "message", "certno", False),
    (Kind.NAME, "message", "psn_name", False), (Kind.PHONE, "message", "tel", False),
}  # fmt: skip
EXTENSIONS = [
    "",
    "permessage-deflate",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
]


def switched(extensions: str) -> bytes:
    line = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
    head = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{line}\r\n"
    return head.encode()


def peers(extensions: str) -> tuple[Connection, Connection]:
    made = []
    for kind in (ConnectionType.CLIENT, ConnectionType.SERVER):
        own: list[Extension] = [PerMessageDeflate()] if extensions else []
        if own:
            if kind is ConnectionType.CLIENT:
                own[0].finalize(extensions)
            else:
                own[0].accept(extensions)
        made.append(Connection(kind, own))
    return made[0], made[1]


def heard(extensions: str, events: list[tuple[int, Event]], *, step: int = 1460) -> Flow:
    ends = peers(extensions)
    talk = Talk().open().say(0, ASK).say(1, switched(extensions))
    for side, event in events:
        talk.say(side, ends[side].send(event), step=step)
    (flow,) = seen(talk.frames).flows
    assert (flow.speaks, flow.channel) == (Speech.WEBSOCKET, Channel.CLEAR)
    return flow


def found(flow: Flow) -> set[tuple[Kind, str, str, bool]]:
    return {(one.kind, one.where, one.field, one.from_client) for one in flow.findings}


@pytest.mark.parametrize("extensions", EXTENSIONS)
@pytest.mark.parametrize("step", [1460, 7, 1])
def test_messages_are_looked_into_however_they_are_sent(extensions: str, step: int) -> None:
    events: list[tuple[int, Event]] = []
    for _ in range(3):
        events += [
            (0, TextMessage(LOGIN[:20], message_finished=False)),
            (0, Ping(b"abc")),
            (0, TextMessage(LOGIN[20:])),
            (1, TextMessage(PERSON)),
        ]
    flow = heard(extensions, events, step=step)
    assert (found(flow), flow.unseen_bytes) == (FOUND, 0)
    assert {one.count for one in flow.findings} == {3}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 13])
def test_frames_may_be_cut_anywhere(size: int) -> None:
    client, server = peers(EXTENSIONS[1])
    said = [
        client.send(TextMessage(LOGIN + " " * 70_000)) + client.send(TextMessage(LOGIN)),
        server.send(TextMessage(PERSON)) + server.send(TextMessage(PERSON + " " * 200)),
    ]
    ledger = Ledger(lambda _side, _at: 1)
    one = WebSocket(ledger, Purse(), EXTENSIONS[1])
    for side, data in enumerate(said):
        for at in range(0, len(data), size):
            one.data(side, data[at : at + size], at)
    one.finish()
    shown = {(each.kind, each.where, each.field, each.from_client, each.count) for each in ledger.findings()}
    assert shown == {(*each, 2) for each in FOUND}
    assert one.unseen == 0


def test_binary_messages_never_count_as_decoded() -> None:
    body = b"\x0a\x12" + SPECIMEN.encode() + b"\x12" + b"\x9c\x81" * 25
    flow = heard("", [(0, BytesMessage(body)), (1, TextMessage("ok"))])
    assert flow.unseen_bytes == len(body)
    assert [one.kind for one in flow.findings] == [Kind.ID_CARD]


def test_what_was_packed_without_being_agreed_upon_was_not_seen() -> None:
    ends = peers(EXTENSIONS[1])
    talk = Talk().open().say(0, ASK).say(1, switched("x-own-deflate"))
    message = ends[0].send(TextMessage(LOGIN))
    (flow,) = seen(talk.say(0, message).frames).flows
    assert flow.findings == ()
    assert flow.unseen_bytes == len(message) - 6


@pytest.mark.parametrize("extensions", EXTENSIONS[:2])
def test_after_a_loss_nothing_is_taken_for_decoded(extensions: str) -> None:
    client, _ = peers(extensions)
    parts = [
        client.send(TextMessage(LOGIN)),
        client.send(TextMessage(LOGIN * 9)),
        client.send(TextMessage(LOGIN)),
    ]
    talk = Talk().open().say(0, ASK).say(1, switched(extensions)).say(0, parts[0])
    talk.say(0, parts[1], lost=True).say(0, parts[2])
    (flow,) = seen(talk.frames).flows
    assert flow.lost_bytes == len(parts[1])
    assert flow.unseen_bytes == len(parts[2])
    assert {one.count for one in flow.findings} == {1}


def test_a_loss_within_a_message_does_not_lose_the_next() -> None:
    client, _ = peers("")
    long = client.send(TextMessage("x" * 5000))
    talk = Talk().open().say(0, ASK).say(1, switched("")).say(0, long[:1003])
    talk.say(0, long[1003:2006], lost=True).say(0, long[2006:]).say(0, client.send(TextMessage(LOGIN)))
    (flow,) = seen(talk.frames).flows
    assert {one.field for one in flow.findings} == {"password", "token"}


def test_a_server_that_speaks_at_once_is_heard() -> None:
    _, server = peers("")
    talk = Talk().open().say(0, ASK).say(1, switched("") + server.send(TextMessage(PERSON)))
    (flow,) = seen(talk.say(0, b"").say(1, server.send(CloseConnection(1000))).frames).flows
    assert {one.field for one in flow.findings} == {"psn_name", "certno", "tel"}


# ---- hostile ---------------------------------------------------------------------------------------------


def packed(plain: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = machine.compress(plain) + machine.flush(zlib.Z_SYNC_FLUSH)
    return b"\xc1\x7f" + struct.pack(">Q", len(body)) + body


HOSTILE = {
    "deflate bomb": packed(b"\0" * (64 << 20)),
    "many small bombs": packed(b"\0" * (1 << 20)) * 150,
    "a message of 2 ** 63": b"\x81\x7f\xff" + b"\xff" * 7 + b"a" * 5000,
    "fragments without end": b"\x01\x01a" + b"\x00\x01a" * 60_000,
    "empty fragments": b"\x01\0" + b"\0\0" * 60_000,
    "unknown opcodes": b"\x83\x01a" * 20,
    "a control frame that is too long": b"\x89\x7e\x01\x00" + b"a" * 256,
    "no deflate at all": b"\xc1\x05\xff\xff\xff\xff\xff" * 900,
    "reserved bits": b"\xb1\x05abcde" * 900,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("side", [0, 1])
def test_hostile_peers_are_passed_over_within_bounds(name: str, side: int) -> None:
    talk = Talk().open().say(0, ASK).say(1, switched("permessage-deflate"))
    begun = time.process_time()
    (flow,) = seen(talk.say(side, HOSTILE[name]).frames).flows
    assert time.process_time() - begun < 5
    assert (flow.speaks, flow.channel, flow.findings) == (Speech.WEBSOCKET, Channel.CLEAR, ())
    if "fragments" not in name:
        assert flow.unseen_bytes > 0
