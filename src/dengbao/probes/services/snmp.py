"""Two SNMP messages: the discovery of an engine, which needs no user, and one question as `public`."""

from __future__ import annotations

from typing import Final

ANSWERS: Final = ("sysObjectID", "SNMP response")
# sysObjectID.0 names the kind of device and nobody; sysDescr and sysContact may name people.
_OBJECT_ID: Final = bytes.fromhex("2b06010201010200")


def _tlv(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value  # all our messages are shorter than 128 bytes


def _number(value: int) -> bytes:
    return _tlv(2, value.to_bytes(4))


def discovery() -> bytes:
    """Return an SNMPv3 GetRequest without engine, user or authentication (RFC 3414, section 4)."""
    head = _tlv(0x30, _number(0x4462) + _number(65507) + _tlv(4, b"\4") + _tlv(2, b"\3"))
    security = _tlv(4, _tlv(0x30, _tlv(4, b"") + _tlv(2, b"\0") + _tlv(2, b"\0") + _tlv(4, b"") * 3))
    request = _tlv(0xA0, _number(0x4462) + _tlv(2, b"\0") + _tlv(2, b"\0") + _tlv(0x30, b""))
    scoped = _tlv(0x30, _tlv(4, b"") + _tlv(4, b"") + request)
    return _tlv(0x30, _tlv(2, b"\3") + head + security + scoped)


def engine(data: bytes) -> str:
    """Return what an answer to the discovery proves, empty where it is not SNMPv3."""
    return "SNMPv3 engine" if data[:1] == b"\x30" and b"\x02\x01\x03\x30" in data[:12] else ""


def question(community: str) -> bytes:
    """Return an SNMPv2c GetRequest of sysObjectID.0."""
    bound = _tlv(0x30, _tlv(0x30, _tlv(6, _OBJECT_ID) + _tlv(5, b"")))
    request = _tlv(0xA0, _number(0x4463) + _tlv(2, b"\0") + _tlv(2, b"\0") + bound)
    return _tlv(0x30, _tlv(2, b"\1") + _tlv(4, community.encode()) + request)


def answered(data: bytes) -> str:
    """Return what an answer to the question proves, empty where it is no SNMP response."""
    if data[:1] != b"\x30" or b"\xa2" not in data[:40]:
        return ""
    return ANSWERS[0] if _OBJECT_ID in data else ANSWERS[1]
