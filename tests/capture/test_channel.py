"""A flow is encrypted only where handshake and cipher text were seen; everything else is said as it is."""

from __future__ import annotations

import os
import struct

import pytest

from dengbao.capture.conversation import Conversation
from dengbao.capture.findings import Channel, Kind, Speech
from dengbao.capture.survey import Declared
from dengbao.errors import UsageError

from .packets import PHONE, SPECIMEN, T0, Talk, answer, hellos, record, request, seen

CHANGE = record(20, b"\1")
FINISHED = record(22, b"\x55" * 40)
SECRET = record(23, b"\xaa" * 900)
FINISHED13 = record(23, b"\x55" * 53)  # of TLS 1.3, as any other record
ALERT13 = record(23, b"\x55" * 19)


def tls(suite: int, *, tls13: bool = False, version: int = 0x0303) -> Talk:
    client, server = hellos(suite, version, tls13=tls13)
    talk = Talk(port=443).open().say(0, client).say(1, server)
    if tls13:
        return talk.say(1, CHANGE + SECRET).say(0, CHANGE + FINISHED13 + SECRET).say(1, SECRET)
    fix = [bytes([one[0]]) + struct.pack(">H", version) + one[3:] for one in (CHANGE, FINISHED, SECRET)]
    return talk.say(0, fix[0] + fix[1]).say(1, fix[0] + fix[1]).say(0, fix[2]).say(1, fix[2])


@pytest.mark.parametrize(
    ("suite", "tls13", "version", "speech", "said"),
    [
        (0xC02F, False, 0x0303, Speech.TLS, "TLS 1.2"),
        (0x1301, True, 0x0303, Speech.TLS, "TLS 1.3"),
        (0x00C6, True, 0x0303, Speech.TLS, "TLS 1.3"),
        (0xE013, False, 0x0101, Speech.TLCP, "TLCP 1.1"),
        (0x002F, False, 0x0301, Speech.TLS, "TLS 1.0"),
    ],
)
@pytest.mark.parametrize("step", [1460, 3])
def test_handshakes_are_read(
    suite: int, tls13: bool, version: int, speech: Speech, said: str, step: int
) -> None:
    talk = tls(suite, tls13=tls13, version=version)
    (flow,) = seen(talk.frames).flows
    assert (flow.speaks, flow.channel) == (speech, Channel.ENCRYPTED)
    assert flow.crypto is not None
    assert (flow.crypto.version, flow.crypto.suite, flow.crypto.server_name) == (said, suite, "his.test")
    assert flow.crypto.cipher_bytes >= 1800
    assert step


def test_nothing_is_encrypted_before_the_keys_are_changed() -> None:
    client, server = hellos(0xC02F)
    (flow,) = seen(Talk(port=443).open().say(0, client).say(1, server).frames).flows
    assert flow.channel is Channel.CANNOT_TELL
    (flow,) = seen(Talk(port=443).open().say(0, client).say(1, server).say(0, SECRET).frames).flows
    assert flow.channel is Channel.CLEAR


@pytest.mark.parametrize("suite", [0x0002, 0x003B, 0xC010, 0xC0B4])
def test_a_suite_that_hides_nothing_is_in_clear(suite: int) -> None:
    (flow,) = seen(tls(suite, tls13=suite == 0xC0B4).frames).flows
    assert flow.channel is Channel.CLEAR
    assert flow.crypto is not None
    assert flow.crypto.null_suite


@pytest.mark.parametrize(
    ("last", "channel"),
    [
        (CHANGE + FINISHED13, Channel.NOT_SEEN),
        (CHANGE + FINISHED13 + ALERT13, Channel.NOT_SEEN),
        (CHANGE + ALERT13, Channel.CANNOT_TELL),  # the certificate was not liked
        (b"", Channel.CANNOT_TELL),
        (CHANGE + FINISHED13 + record(23, b"\xaa" * 30), Channel.ENCRYPTED),
    ],
)
def test_a_handshake_that_carried_nothing_does_not_prove_encryption(last: bytes, channel: Channel) -> None:
    client, server = hellos(0x1301, tls13=True)
    talk = Talk(port=443).open().say(0, client).say(1, server + CHANGE + SECRET + SECRET)
    (flow,) = seen((talk.say(0, last) if last else talk).frames).flows
    assert flow.channel is channel


def test_an_idle_connection_of_tls_12_says_nothing_either_way() -> None:
    client, server = hellos(0xC02F)
    talk = Talk(port=443).open().say(0, client).say(1, server)
    (flow,) = seen(talk.say(0, CHANGE + FINISHED).say(1, CHANGE + FINISHED).frames).flows
    assert flow.channel is Channel.NOT_SEEN


def test_a_connection_of_which_all_was_lost_is_not_silent() -> None:
    silent, lost = (Conversation(lambda _side, _at: 1, beginning=True) for _ in range(2))
    lost.gap(0, 200)
    assert [silent.channel, lost.channel] == [Channel.NOT_SEEN, Channel.CANNOT_TELL]


def test_records_without_their_handshake_prove_nothing() -> None:
    talk = tls(0xC02F)
    (flow,) = seen(talk.frames[6:]).flows
    assert (flow.speaks, flow.channel, flow.beginning_seen) == (Speech.TLS, Channel.CANNOT_TELL, False)


def test_bytes_that_are_no_records_after_a_handshake_prove_nothing() -> None:
    (flow,) = seen(tls(0xC02F).say(1, b"plain text after all, for whoever reads it").frames).flows
    assert flow.channel is Channel.CANNOT_TELL


def test_a_loss_within_cipher_text_is_noted_and_records_are_found_again() -> None:
    talk = (
        tls(0xC02F)
        .say(1, SECRET * 3)
        .say(1, SECRET[100:] + SECRET, lost=True)
        .say(1, SECRET[50:] + SECRET * 4)
    )
    (flow,) = seen(talk.frames).flows
    assert flow.channel is Channel.ENCRYPTED
    assert flow.lost_bytes > 0
    assert flow.crypto is not None
    assert flow.crypto.unread_bytes > 0


def test_random_bytes_are_not_proven_encrypted() -> None:
    (flow,) = seen(Talk(port=9999).open().ask(os.urandom(5000), os.urandom(5000)).frames).flows
    assert (flow.speaks, flow.channel) == (Speech.HIGH_ENTROPY, Channel.CANNOT_TELL)
    assert "未证实" in flow.speaks.zh


MYSQL = b"\x0a8.0.36\0" + b"\0" * 60
GREETING = struct.pack("<I", len(MYSQL))[:3] + b"\0" + MYSQL
STARTUP = struct.pack(">II", 21, 3 << 16) + b"user\0me\0x\0y\0\0"
ASSOCIATE = (
    b"\x01\x00" + struct.pack(">I", 100) + b"\x00\x01\0\0" + b"ANY-SCP         ECHOSCU         " + b"\0" * 64
)
CONNECT = struct.pack(">HHBB", 90, 0, 1, 0) + b"\0" * 52 + b"(DESCRIPTION=(CONNECT_DATA=(SID=X)))"


@pytest.mark.parametrize(
    ("side", "first", "then", "speech", "channel"),
    [
        (1, GREETING, b"\x10\0\0\1" + b"\x01\0\0\0" * 4, Speech.MYSQL, Channel.CLEAR),
        (0, STARTUP, b"R\0\0\0\x08\0\0\0\0", Speech.POSTGRESQL, Channel.CLEAR),
        (0, b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n", Speech.REDIS, Channel.CLEAR),
        (0, b"\x0bMSH|^~\\&|HIS|LIS\r\x1c\r", b"\x0bMSH|^~\\&|\r\x1c\r", Speech.HL7, Channel.CLEAR),
        (0, ASSOCIATE, b"\x02\0", Speech.DICOM, Channel.CLEAR),
        (0, CONNECT, b"\0\x08\0\0\x0b\0\0\0", Speech.ORACLE, Channel.CANNOT_TELL),
        (0, b"\x12\1\0\x2f" + b"\0" * 43, b"\4\1\0\x10" + b"\0" * 12, Speech.TDS, Channel.CANNOT_TELL),
        (1, b"220 ftp ready\r\n", b"USER a\r\n", Speech.MAIL_OR_FTP, Channel.CLEAR),
        (1, b"\xff\xfd\x18\xff\xfd\x20", b"\xff\xfb\x18", Speech.TELNET, Channel.CLEAR),
        (0, "你好，世界\n".encode() * 9, b"ok\n", Speech.TEXT, Channel.CLEAR),
        (0, b"\x00\x01\x02\x03" * 9, b"\x04", Speech.UNKNOWN, Channel.CANNOT_TELL),
        (1, b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-x\r\n", Speech.SSH, Channel.CANNOT_TELL),
    ],
)  # fmt: skip
def test_what_a_flow_speaks_is_told_from_its_bytes(
    side: int, first: bytes, then: bytes, speech: Speech, channel: Channel
) -> None:
    (flow,) = seen(Talk(port=7777).open().say(side, first).say(1 - side, then).frames).flows
    assert (flow.speaks, flow.channel) == (speech, channel)


def test_databases_that_change_to_tls_are_followed() -> None:
    client, server = hellos(0xC02F)
    cipher = CHANGE + FINISHED + SECRET
    ask = struct.pack("<I", 32)[:3] + b"\1" + struct.pack("<I", 0x0A0F) + b"\0" * 28
    mysql = (
        Talk(port=3306).open().say(1, GREETING).say(0, ask + client).say(1, server + cipher).say(0, cipher)
    )
    postgres = Talk(port=5432, client_port=40001).open().say(0, b"\0\0\0\x08\x04\xd2\x16\x2f").say(1, b"S")
    postgres.say(0, client).say(1, server + cipher).say(0, cipher)
    survey = seen([*mysql.frames, *postgres.frames])
    assert [(one.upgraded_from, one.speaks, one.channel) for one in survey.flows] == [
        (Speech.MYSQL, Speech.TLS, Channel.ENCRYPTED), (Speech.POSTGRESQL, Speech.TLS, Channel.ENCRYPTED),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("speaks", "client", "server"),
    [
        (Speech.REDIS, b"*2\r\n$4\r\nAUTH\r\n$9\r\nmirabelle\r\n", b"+OK\r\n"),
        (
            Speech.REDIS,
            b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$1\r\na\r\n$9\r\nmirabelle\r\n",
            b"+OK\r\n",
        ),
        (Speech.POSTGRESQL, STARTUP, b"R\0\0\0\x08\0\0\0\x03"),
    ],
)
def test_logins_that_send_the_password_as_it_is_are_found(
    speaks: Speech, client: bytes, server: bytes
) -> None:
    talk = Talk(port=7777).open().ask(client, server).ask(b"p\0\0\0\x0emirabelle\0", b"x")
    (flow,) = seen(talk.frames).flows
    assert flow.speaks is speaks
    assert [(one.kind, one.where, one.count) for one in flow.findings] == [(Kind.PASSWORD, "login", 1)]


def test_personal_data_in_any_readable_stream_is_found() -> None:
    message = f"0001 {SPECIMEN} {PHONE}\r\n".encode()
    (flow,) = seen(Talk(port=2575).open().ask(message).frames).flows
    assert {one.kind for one in flow.findings} == {Kind.ID_CARD, Kind.PHONE}


# ---- declared flows ------------------------------------------------------------------------------


def test_declared_flows_are_answered_from_what_all_their_connections_showed() -> None:
    clear = Talk(port=80).open().ask(request(f'{{"phone":"{PHONE}"}}'.encode()), answer(b"{}"))
    silent = Talk(port=8080, client_port=40002).open()
    frames = [*tls(0xC02F).frames, *clear.frames, *silent.frames]
    frames += Talk(port=81, client_port=40003).open().ask(b"\0\1\2", b"\3").frames
    survey = seen(
        frames,
        Declared(name="门户", server="10.0.0.2:443"),
        Declared(name="接口", client="10.0.0.1", server="10.0.0.2:80"),
        Declared(name="反向", client="10.0.0.2:80", server="10.0.0.1"),
        Declared(name="无数据", server="10.0.0.2:8080"),
        Declared(name="别处", server="[fd00::9]:443"),
        Declared(name="不明", server="10.0.0.2:81"),
        Declared(name="全部", server="10.0.0.2"),
    )
    assert {one.name: one.channel for one in survey.declared} == {
        "门户": Channel.ENCRYPTED, "接口": Channel.CLEAR, "反向": Channel.CLEAR, "无数据": Channel.NOT_SEEN,
        "别处": Channel.NOT_SEEN, "不明": Channel.CANNOT_TELL, "全部": Channel.CLEAR,
    }  # fmt: skip
    every = survey.declared[-1]
    assert (every.encrypted, every.clear, every.cannot_tell, every.silent) == (1, 1, 1, 1)
    assert every.findings == 1


@pytest.mark.parametrize("text", ["his.test:80", "10.0.0.2:http", "10.0.0.2:99999", ""])
def test_an_address_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        seen([], Declared(name="甲", server=text))
    assert caught.value.where == "甲"


# ---- the table of flows --------------------------------------------------------------------------


def test_a_port_used_again_is_another_connection_and_a_repeated_syn_is_not() -> None:
    first = Talk().open().ask(request(b"{}"), answer(b"{}"))
    again = Talk(sequence=[900_000, 70]).open().ask(request(b"{}"), answer(b"{}"))
    survey = seen([*first.frames, *again.frames])
    assert [one.client_bytes for one in survey.flows] == [len(request(b"{}"))] * 2
    doubled = [one for frame in first.frames for one in (frame, frame)]
    (flow,) = seen(doubled).flows
    assert (flow.client_bytes, flow.server_bytes) == (len(request(b"{}")), len(answer(b"{}")))


def test_more_flows_than_are_followed_at_a_time_are_all_answered() -> None:
    frames = []
    for number in range(9000):
        talk = Talk(port=80, client_port=1024 + number, client=f"10.1.{number % 7}.1").open()
        frames += talk.frames[:1]
    survey = seen(frames, Declared(name="全部", server="10.0.0.2:80"))
    assert survey.declared[0].silent == 9000
    assert len(survey.flows) == 9000


# ---- what must not be claimed --------------------------------------------------------------------

GREETING = b"\x4a\0\0\0\x0a8.0.36\0" + b"\1" * 66


@pytest.mark.parametrize(
    "talk",
    [
        Talk(port=3306).open().ask(b"", GREETING),  # a greeting is in clear, whatever follows
        Talk(port=3306).open().ask(b"", GREETING).ask(b"\x20\0\0\1\x85\xae\xff\1" + b"\0" * 28),
        Talk(port=5432).open().ask(b"\0\0\0\x08\x04\xd2\x16\x2f", b"S"),
        Talk(port=5432).open().ask(b"\0\0\0\x08\x04\xd2\x16\x30", b"G").ask(b"Q" + b"\x91" * 400),
        Talk(port=25).open().ask(b"", b"220 mail ESMTP\r\n").ask(b"EHLO a\r\n", b"250 STARTTLS\r\n"),
    ],
    ids=["mysql greets", "mysql asks for tls", "postgres grants tls", "postgres gssapi", "mail greets"],
)
def test_negotiating_in_clear_is_not_carrying_data_in_clear(talk: Talk) -> None:
    (flow,) = seen(talk.frames).flows
    assert flow.channel is Channel.CANNOT_TELL


def test_a_change_of_keys_that_was_lost_does_not_make_cipher_text_clear() -> None:
    client, server = hellos(0xC02F)
    talk = Talk(port=443).open().say(0, client).say(1, server)
    talk.say(0, CHANGE + FINISHED, lost=True).say(1, CHANGE + FINISHED, lost=True)
    for _ in range(3):
        talk.say(0, SECRET + SECRET).say(1, SECRET + SECRET)
    (flow,) = seen(talk.frames).flows
    assert flow.crypto is not None
    assert (flow.crypto.clear_bytes, flow.channel) == (0, Channel.CANNOT_TELL)


def test_what_a_declared_server_asks_of_others_is_not_its_own_flow() -> None:
    outward = Talk(port=80, client="10.0.0.2", server="10.0.0.9").open().ask(request(b"{}"), answer(b"{}"))
    survey = seen(outward.frames, Declared(name="应用", server="10.0.0.2"))
    assert survey.declared[0].channel is Channel.NOT_SEEN


def test_a_network_may_be_declared_and_ways_and_things_are_summed() -> None:
    body = f'{{"phone":"{PHONE}"}}'.encode()
    frames = [
        frame
        for port in (40010, 40011)
        for frame in Talk(client_port=port).open().ask(request(body), answer(b"{}")).frames
    ]
    survey = seen(frames, Declared(name="网段", client="10.0.0.0/24", server="10.0.0.0/30:80"))
    (found,) = survey.declared
    assert [(one.speaks, one.connections) for one in found.ways] == [(Speech.HTTP, 2)]
    assert [(one.kind, one.count, one.at_least) for one in found.things] == [(Kind.PHONE, 2, False)]
    assert (survey.first_ns, found.first_ns) == (T0 * 10**9, T0 * 10**9)
