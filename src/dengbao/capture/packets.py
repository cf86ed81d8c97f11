"""What one frame carries: addresses, ports and payload, through the usual link layers and IP.

Source: LINKTYPE registry of tcpdump.org; RFC 791, 8200, 9293, 768; IEEE 802.1Q.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import Final

TCP: Final = 6
UDP: Final = 17
FIN, SYN, RST = 0x01, 0x02, 0x04

# direction key (source address, target address, source port, target port), protocol, sequence number or IP
# identification, flags of TCP, payload, bytes of the payload that the capture cut off
Segment = tuple[bytes, int, int, int, bytes, int]


class Unread(StrEnum):
    """Why a frame was not looked into."""

    LINK = "link"  # a link type that we do not know
    NOT_IP = "not_ip"  # ARP, spanning tree …
    FRAGMENT = "fragment"
    OTHER_PROTOCOL = "other_protocol"  # ICMP, ESP, GRE …
    SHORT = "short"  # cut off within its headers, or with lengths that contradict each other


_IP4, _IP6 = 0x0800, 0x86DD
_VLAN: Final = frozenset((0x8100, 0x88A8, 0x9100))
_EXTENSIONS: Final = frozenset((0, 43, 60, 135))
_FRAGMENT_HEADER, _AUTHENTICATION = 44, 51
_LOOP_ENDIAN: Final = {2: _IP4, 10: _IP6, 24: _IP6, 28: _IP6, 30: _IP6}
_RAW: Final = frozenset((12, 14, 101))


def decode(link: int, data: bytes, cut: int) -> Segment | Unread:
    """Return what the frame carries, or why that cannot be told; never raises, whatever the bytes are."""
    if link == 1:
        if len(data) >= 54 and data[12:15] == b"\x08\x00\x45" and data[23] == TCP:
            # nine of ten frames; the general way below gives the same
            if data[20] & 0x3F or data[21]:
                return Unread.FRAGMENT
            begin, end = 34 + ((data[46] >> 4) << 2), 14 + ((data[16] << 8) | data[17])
            if 54 <= begin <= end <= len(data):
                seq = int.from_bytes(data[38:42], "big")
                return data[26:38], TCP, seq, data[47], data[begin:end], 0
            return _tcp(data, data[26:34], 34, 14 + ((data[16] << 8) | data[17]), cut)
        kind, at = _ethernet(data)
    else:
        kind, at = _other_link(link, data)
    if kind == _IP4:
        return _ip4(data, at, cut)
    if kind == _IP6:
        return _ip6(data, at, cut)
    return Unread.LINK if kind < 0 else Unread.NOT_IP


def _ethernet(data: bytes) -> tuple[int, int]:
    at = 12
    while len(data) >= at + 2:
        kind = (data[at] << 8) | data[at + 1]
        if kind not in _VLAN:
            return kind, at + 2
        at += 4
    return 0, at


def _other_link(link: int, data: bytes) -> tuple[int, int]:
    if link in _RAW or link in {228, 229}:
        return {4: _IP4, 6: _IP6}.get(data[0] >> 4 if data else 0, 0), 0
    if link in {0, 108}:  # the first is in the byte order of the machine that captured
        family = int.from_bytes(data[:4], "big")
        return _LOOP_ENDIAN.get(family if family < 0x10000 else int.from_bytes(data[:4], "little"), 0), 4
    if link == 113:
        return _behind_vlan(data, 14, 16)
    if link == 276:
        return _behind_vlan(data, 0, 20)
    return -1, 0


def _behind_vlan(data: bytes, kind_at: int, at: int) -> tuple[int, int]:
    """Return the type of a Linux cooked header, or that behind its VLAN tags."""
    kind = int.from_bytes(data[kind_at : kind_at + 2], "big")
    while kind in _VLAN and len(data) >= at + 4:
        kind = (data[at + 2] << 8) | data[at + 3]
        at += 4
    return kind, at


def _ip4(data: bytes, at: int, cut: int) -> Segment | Unread:
    if len(data) < at + 20 or data[at] >> 4 != 4:
        return Unread.SHORT
    if data[at + 6] & 0x3F or data[at + 7]:
        return Unread.FRAGMENT
    header = (data[at] & 15) * 4
    total = (data[at + 2] << 8) | data[at + 3]
    end = at + total if total else len(data) + cut  # no total: segmentation was left to the card
    return _transport(data[at + 9], data, data[at + 12 : at + 20], at + header, end, cut)


def _ip6(data: bytes, at: int, cut: int) -> Segment | Unread:
    if len(data) < at + 40 or data[at] >> 4 != 6:
        return Unread.SHORT
    total = (data[at + 4] << 8) | data[at + 5]
    end = at + 40 + total if total else len(data) + cut
    following, here = data[at + 6], at + 40
    while following in _EXTENSIONS or following in {_FRAGMENT_HEADER, _AUTHENTICATION}:
        if following == _FRAGMENT_HEADER and data[here + 2 : here + 4] not in {b"\0\0", b""}:
            return Unread.FRAGMENT
        if len(data) < here + 8:
            return Unread.SHORT
        size = _extension_bytes(following, data[here + 1])
        following, here = data[here], here + size
    return _transport(following, data, data[at + 8 : at + 40], here, end, cut)


def _extension_bytes(kind: int, length: int) -> int:
    if kind == _FRAGMENT_HEADER:
        return 8
    return (length + 2) * 4 if kind == _AUTHENTICATION else (length + 1) * 8


def _transport(protocol: int, data: bytes, addresses: bytes, at: int, end: int, cut: int) -> Segment | Unread:
    if protocol == TCP:
        return _tcp(data, addresses, at, end, cut)
    if protocol != UDP:
        return Unread.OTHER_PROTOCOL
    if len(data) < at + 8:
        return Unread.SHORT
    size = (data[at + 4] << 8) | data[at + 5]
    end = min(end, at + size) if size >= 8 else end
    return addresses + data[at : at + 4], UDP, 0, 0, data[at + 8 : end], _missing(end, data, cut)


def _tcp(data: bytes, addresses: bytes, at: int, end: int, cut: int) -> Segment | Unread:
    if len(data) < at + 20:
        return Unread.SHORT
    begin = at + ((data[at + 12] >> 4) << 2)
    if begin < at + 20 or begin > end:
        if end != at - 20:  # an IP total of nought: segmentation was left to the card
            return Unread.SHORT
        end = len(data) + cut
    missing = _missing(end, data, cut) if end > len(data) else 0
    return (
        addresses + data[at : at + 4], TCP, int.from_bytes(data[at + 4 : at + 8], "big"), data[at + 13],
        data[begin:end], missing,
    )  # fmt: skip


def _missing(end: int, data: bytes, cut: int) -> int:
    """Return how many bytes the headers promise that the capture cut off; no more than it says it cut."""
    return max(0, min(end - len(data), cut))


def endpoints(key: bytes) -> tuple[str, int, str, int]:
    """Return source address, source port, target address and target port of a direction key."""
    half = (len(key) - 4) // 2
    source, target = ipaddress.ip_address(key[:half]), ipaddress.ip_address(key[half : 2 * half])
    ports = key[-4:]
    return (
        str(source), int.from_bytes(ports[:2], "big"), str(target), int.from_bytes(ports[2:], "big")
    )  # fmt: skip


def reverse(key: bytes) -> bytes:
    """Return the key of the other direction."""
    half = (len(key) - 4) // 2
    return key[half : 2 * half] + key[:half] + key[-2:] + key[-4:-2]
