"""Every link layer leads to the same flow, and what is not looked into is counted by reason."""

from __future__ import annotations

import random
import struct

import pytest

from dengbao.capture.findings import Channel, Speech
from dengbao.capture.packets import Unread, decode

from .packets import (
    ACK,
    COOKED,
    COOKED2,
    ETHERNET,
    LOOP,
    NULL,
    PHONE,
    RAW,
    Talk,
    answer,
    ethernet,
    ip,
    request,
    seen,
    tcp,
    udp,
)

BODY = f'{{"phone":"{PHONE}"}}'.encode()


def packets(version: int) -> list[bytes]:
    ends = ("10.0.0.1", "10.0.0.2") if version == 4 else ("fd00::1", "fd00::2")
    talk = Talk(client=ends[0], server=ends[1]).open().ask(request(BODY), answer(b"{}"))
    return [one[14:] for one in talk.frames]


def wrapped(link: int, packet: bytes) -> bytes:
    kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
    family = 2 if packet[0] >> 4 == 4 else 24
    return {
        ETHERNET: ethernet(packet),
        NULL: struct.pack("<I", family) + packet,
        LOOP: struct.pack(">I", family) + packet,
        RAW: packet,
        COOKED: b"\0" * 14 + kind + packet,
        COOKED2: kind + b"\0" * 18 + packet,
    }[link]


@pytest.mark.parametrize("link", [ETHERNET, NULL, LOOP, RAW, COOKED, COOKED2])
@pytest.mark.parametrize("version", [4, 6])
def test_every_link_layer_leads_to_the_same_flow(link: int, version: int) -> None:
    survey = seen([wrapped(link, one) for one in packets(version)], link=link)
    (flow,) = survey.flows
    assert (flow.speaks, flow.channel, flow.beginning_seen) == (Speech.HTTP, Channel.CLEAR, True)
    assert (flow.client_port, flow.server_port) == (40000, 80)
    assert flow.client == ("10.0.0.1" if version == 4 else "fd00::1")
    assert [one.field for one in flow.findings] == ["phone"]
    assert survey.unread == ()


@pytest.mark.parametrize("vlans", [(7,), (7, 9)])
def test_vlan_tags_are_passed_over(vlans: tuple[int, ...]) -> None:
    (flow,) = seen([ethernet(one, *vlans) for one in packets(4)]).flows
    assert flow.findings


def test_extension_headers_of_ipv6_are_passed_over() -> None:
    def extended(packet: bytes) -> bytes:
        body = bytes([6, 0]) + b"\0" * 6 + packet[40:]
        return packet[:4] + struct.pack(">HB", len(body), 0) + packet[7:40] + body

    (flow,) = seen([ethernet(extended(one)) for one in packets(6)]).flows
    assert flow.findings


def test_padding_of_short_frames_is_no_payload() -> None:
    talk = Talk().open()
    (flow,) = seen([one + b"\0" * 6 for one in talk.frames]).flows
    assert (flow.client_bytes, flow.server_bytes, flow.channel) == (0, 0, Channel.NOT_SEEN)


def test_a_card_that_segments_leaves_the_total_at_nought() -> None:
    frames = [one[:16] + b"\0\0" + one[18:] for one in Talk().open().ask(request(BODY)).frames]
    (flow,) = seen(frames).flows
    assert flow.findings


@pytest.mark.parametrize(
    ("link", "data", "why"),
    [
        (ETHERNET, b"\0" * 12 + b"\x08\x06" + b"\0" * 28, Unread.NOT_IP),
        (ETHERNET, ethernet(ip("10.0.0.1", "10.0.0.2", 1, b"ping")), Unread.OTHER_PROTOCOL),
        (ETHERNET, ethernet(ip("10.0.0.1", "10.0.0.2", 6, b"x" * 20, fragment=0x2000)), Unread.FRAGMENT),
        (ETHERNET, ethernet(ip("10.0.0.1", "10.0.0.2", 17, b"x" * 20, fragment=9)), Unread.FRAGMENT),
        (ETHERNET, ethernet(ip("10.0.0.1", "10.0.0.2", 6, tcp(1, 2, 0, ACK)[:12])), Unread.SHORT),
        (147, b"anything", Unread.LINK),
    ],
)
def test_what_is_not_looked_into_is_named(link: int, data: bytes, why: Unread) -> None:
    assert decode(link, data, 0) is why
    assert seen([data], link=link).unread == ((why.value, 1),)


def test_no_bytes_whatever_break_the_decoder() -> None:
    chance = random.Random(5)
    kinds = (
        ethernet(packets(4)[2]),
        ethernet(packets(6)[2]),
        ethernet(ip("::1", "::2", 44, b"\x06" + b"\0" * 30)),
    )
    for base in kinds:
        for link in (ETHERNET, NULL, RAW, LOOP, COOKED, COOKED2, 999):
            for _ in range(300):
                data = bytearray(base[: chance.randint(0, len(base))])
                for _ in range(min(4, len(data))):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                assert decode(link, bytes(data), 0) is not None


def test_a_datagram_seen_twice_counts_once_and_one_sent_twice_counts_twice() -> None:
    def syslog(ident: int) -> bytes:
        text = f"<13>login from {PHONE}".encode()
        return ethernet(ip("10.0.0.1", "10.0.0.9", 17, udp(5000, 514, text), ident=ident))

    survey = seen([syslog(1), syslog(1), syslog(2)])
    (flow,) = survey.flows
    assert (survey.repeated, flow.packets, flow.speaks) == (1, 3, Speech.SYSLOG)
    assert [one.count for one in flow.findings] == [2]
