"""ClientHello messages made by hand and the first answer read by hand; no library decides for us."""

from __future__ import annotations

import ipaddress
import os
import struct
from dataclasses import dataclass
from typing import Final

from ...addresses import plain_name

SSL3: Final = 0x0300
TLS10: Final = 0x0301
TLS11: Final = 0x0302
TLS12: Final = 0x0303
TLS13: Final = 0x0304
TLCP: Final = 0x0101

_ALERT: Final = 21
_HANDSHAKE: Final = 22
_SERVER_HELLO: Final = 2
_MAJORS: Final = (3, 1)

VERSION_NAMES: Final = {
    SSL3: "SSLv3", TLS10: "TLSv1.0", TLS11: "TLSv1.1", TLS12: "TLSv1.2", TLS13: "TLSv1.3", TLCP: "TLCP",
}  # fmt: skip

# Suites that RFC 8998 adds to TLS 1.3; OpenSSL 3.0 and sslyze are blind to them.
SM_SUITES: Final = (0x00C6, 0x00C7)
STANDARD_TLS13_SUITES: Final = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
TLCP_SUITES: Final = {
    0xE053: "ECC_SM4_GCM_SM3",
    0xE051: "ECDHE_SM4_GCM_SM3",
    0xE013: "ECC_SM4_CBC_SM3",
    0xE011: "ECDHE_SM4_CBC_SM3",
    0xE059: "RSA_SM4_GCM_SM3",
    0xE019: "RSA_SM4_CBC_SM3",
    0xE05A: "RSA_SM4_GCM_SHA256",
    0xE01C: "RSA_SM4_CBC_SHA256",
    0xE055: "IBSDH_SM4_GCM_SM3",
    0xE015: "IBSDH_SM4_CBC_SM3",
    0xE057: "IBC_SM4_GCM_SM3",
    0xE017: "IBC_SM4_CBC_SM3",
    # GM/T 0024-2014, which GB/T 38636 replaced
    0xE001: "ECDHE_SM1_SM3",
    0xE003: "ECC_SM1_SM3",
    0xE005: "IBSDH_SM1_SM3",
    0xE007: "IBC_SM1_SM3",
    0xE009: "RSA_SM1_SM3",
    0xE00A: "RSA_SM1_SHA1",
    0xE01A: "RSA_SM4_SHA1",
}
# Identifiers assigned for TLS 1.2 and older, in two hellos: what servers use, then all the rest.
# 0x00FF is the renegotiation signal of RFC 5746.
USUAL_SUITES: Final = (
    0xC02F, 0xC030, 0xC02B, 0xC02C, 0xCCA8, 0xCCA9, 0xCCAA, 0x009E, 0x009F, 0xC027, 0xC028, 0xC023,
    0xC024, 0xC013, 0xC014, 0xC009, 0xC00A, 0x0067, 0x006B, 0x0033, 0x0039, 0x009C, 0x009D, 0x003C,
    0x003D, 0x002F, 0x0035, 0x0041, 0x0084, 0x0096, 0xC012, 0xC008, 0x0016, 0x000A, 0xC011, 0xC007,
    0x0005, 0x0004, 0x0015, 0x0009, 0x0014, 0x0008, 0x0003, 0x0006, 0x0001, 0x0002, 0x003B, 0xC010,
    0xC006, 0x0018, 0x0034, 0x003A, 0x006C, 0x006D, 0x00A6, 0x00A7, 0xC018, 0xC019, 0xC015, 0x00FF,
)  # fmt: skip
_REST: Final = tuple(
    one
    for one in (*range(0x0001, 0x00C6), *range(0xC001, 0xC0B0), *range(0xCCA8, 0xCCAF))
    if one not in USUAL_SUITES
)
OLD_SUITE_ROUNDS: Final = (USUAL_SUITES, (*_REST, 0x00FF))
# Suites that do not encrypt, do not authenticate, or are of export strength.
PLAIN_SUITES: Final = (
    0x0001, 0x0002, 0x002C, 0x002D, 0x002E, 0x003B, 0x00B0, 0x00B1, 0x00B4, 0x00B5, 0x00B8, 0x00B9,
    0xC001, 0xC006, 0xC00B, 0xC010, 0xC015, 0xC039, 0xC03A, 0xC03B,
    0x0018, 0x001A, 0x001B, 0x0034, 0x003A, 0x0046, 0x006C, 0x006D, 0x0089, 0x009B, 0x00A6, 0x00A7,
    0x00BF, 0x00C5, 0xC016, 0xC017, 0xC018, 0xC019, 0xC046, 0xC047, 0xC05A, 0xC05B, 0xC084, 0xC085,
    0x0003, 0x0006, 0x0008, 0x000B, 0x000E, 0x0011, 0x0014, 0x0017, 0x0019,
    *range(0x0026, 0x002C), *range(0x0062, 0x0066), 0x00FF,
)  # fmt: skip
PLAIN_TLS13_SUITES: Final = (0xC0B4, 0xC0B5)  # RFC 9150: integrity without encryption
# A warning that some servers send before they go on as if nothing had happened (RFC 6066).
_UNKNOWN_NAME: Final = b"\x01\x70"
GROUPS: Final = (29, 23, 24, 25, 30, 41, 28, 26, 22, 27, 256, 257, 258)
SM_GROUP: Final = 41  # curveSM2, RFC 8998
_SIGNATURES: Final = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
    0x0401, 0x0501, 0x0601, 0x0301, 0x0303, 0x0201, 0x0203, 0x0202, 0x0402, 0x0708,
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The first message that came back.

    `kind` is `hello`, `alert`, `http`, `closed`, `silent`, `short` (not all of a message came) or
    `other`. `version` and `suite` are those of a ServerHello, `alert` the number of an alert.
    """

    kind: str
    version: int = 0
    suite: int = 0
    alert: int = 0

    def is_hello_of(self, version: int) -> bool:
        """Tell whether this version was chosen."""
        return self.kind == "hello" and self.version == version


def client_hello(
    version: int, suites: tuple[int, ...], server_name: str, groups: tuple[int, ...] = GROUPS
) -> bytes:
    """Return the record of a ClientHello that offers exactly this version; names, not addresses, go into SNI.

    SSLv3 knows no extensions; TLCP servers may refuse a hello with any, so only a name that is given goes
    into one. For TLS 1.3 the list of key shares is empty: the server answers with a HelloRetryRequest that
    tells version and suite, and nobody computes a key.
    """
    spoken = min(version, TLS12)
    parts = [struct.pack("!H", spoken), os.urandom(32), b"\x00"]
    parts.append(_vector(b"".join(struct.pack("!H", one) for one in suites)))
    parts.append(b"\x01\x00")
    if version == TLCP and server_name:
        parts.append(_vector(_named(server_name)))
    elif version not in (SSL3, TLCP):
        parts.append(_vector(_extensions(version, server_name, groups)))
    body = b"".join(parts)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    record_version = version if version in (SSL3, TLCP) else TLS10
    return struct.pack("!BHH", 22, record_version, len(message)) + message


def read_answer(data: bytes) -> Answer | None:
    """Return what `data` begins with, or None while more bytes are needed to tell."""
    if len(data) < 5:
        return None
    kind, version, length = struct.unpack("!BHH", data[:5])
    record = data[5 : 5 + length]
    if kind == _ALERT and version >> 8 in _MAJORS:
        if record == _UNKNOWN_NAME:
            return read_answer(data[5 + length :])
        return Answer("alert", alert=record[1]) if len(record) >= 2 else None
    if kind == _HANDSHAKE and version >> 8 in _MAJORS:
        return _handshake(record, whole=len(record) == length)
    return Answer("http" if data.startswith(b"HTTP/") else "other")


def _handshake(record: bytes, *, whole: bool) -> Answer | None:
    length = int.from_bytes(record[1:4], "big")
    if len(record) >= 4 and record[0] != _SERVER_HELLO:
        return Answer("other")
    if len(record) < 4 or len(record) < 4 + length:
        # A ServerHello is far shorter than a record: one that is spread over several is none.
        return Answer("other") if whole else None
    return _server_hello(record[4 : 4 + length])


def _server_hello(body: bytes) -> Answer:
    if len(body) < 35:
        return Answer("other")
    version = struct.unpack("!H", body[:2])[0]
    after_session = 35 + body[34]
    if len(body) < after_session + 3:
        return Answer("other")
    suite = struct.unpack("!H", body[after_session : after_session + 2])[0]
    chosen = _selected_version(body[after_session + 3 :])
    return Answer("hello", version=chosen or version, suite=suite)


def _selected_version(rest: bytes) -> int:
    """Return the version of the supported_versions extension, or 0 where there is none."""
    at = 2
    while at + 4 <= len(rest):
        kind, length = struct.unpack("!HH", rest[at : at + 4])
        if kind == 43 and length == 2 and at + 6 <= len(rest):
            return int.from_bytes(rest[at + 4 : at + 6], "big")
        at += 4 + length
    return 0


def _extensions(version: int, server_name: str, groups: tuple[int, ...]) -> bytes:
    parts = [_named(server_name)]
    parts.append(_extension(10, _vector(b"".join(struct.pack("!H", one) for one in groups))))
    parts.append(_extension(11, b"\x01\x00"))
    if version >= TLS12:
        parts.append(_extension(13, _vector(b"".join(struct.pack("!H", one) for one in _SIGNATURES))))
    if version >= TLS13:
        parts.append(_extension(43, b"\x02" + struct.pack("!H", TLS13)))
        parts.append(_extension(51, b"\x00\x00"))
    return b"".join(parts)


def _named(server_name: str) -> bytes:
    name = plain_name(server_name)
    if not name or not name.isascii() or is_address(name):
        return b""
    return _extension(0, _vector(b"\x00" + _vector(name.encode("ascii"))))


def _extension(kind: int, data: bytes) -> bytes:
    return struct.pack("!H", kind) + _vector(data)


def _vector(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def is_address(name: str) -> bool:
    """Tell whether a server name is an IP address, which must not be sent as SNI."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
