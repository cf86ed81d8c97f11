"""Tells by the first bytes of one side what a flow speaks; ports prove nothing.

Source: PostgreSQL 17 manual §53.7; MySQL internals, Connection Phase; MS-TDS §2.2.6; RESP; DICOM PS3.8 §9.3;
HL7 2.5.1 MLLP; RFC 4253 §4.2; RFC 5321, 959, 1939, 3501; RFC 9000 §17; RFC 6347 §4.1; RFC 1035 §4.1;
RFC 3164; RFC 9113 §3.4, §6.5; RFC 4511 §4.1.1.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

from .dialects import begins_ldap
from .findings import Speech
from .http import begins_http, begins_http2
from .tls import begins_hello, begins_records

_GREETING: Final = re.compile(rb"(?:220[ -]|\+OK|\* OK|\* PREAUTH)[^\x00]{0,512}\r?\n")
_REDIS: Final = re.compile(rb"\*\d{1,6}\r\n\$\d{1,9}\r\n|(?:PING|AUTH [^\r\n]+|INFO|HELLO \d[^\r\n]*)\r\n")
_SYSLOG: Final = re.compile(rb"<\d{1,3}>[\x20-\x7e]")
_SSL_REQUESTS: Final = (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"\x00\x00\x00\x08\x04\xd2\x16\x30")
SAMPLE_BYTES: Final = 4 << 10
_ENOUGH_BYTES: Final = 1024
_RANDOM_BITS: Final = 7.2  # of a byte: 1 KiB of random bytes has about 7.8, text below 6


def recognise(side: int, data: bytes) -> Speech | None:
    """Return what one side of a TCP connection speaks if its first bytes say so; `side` 0 is the client."""
    for speech, fits in _BY_BYTES:
        if fits(data):
            return speech
    return _of_client(data) if side == 0 else _of_server(data)


def _is_ssh(data: bytes) -> bool:
    return data.startswith((b"SSH-2.0-", b"SSH-1.99-", b"SSH-1.5-"))


def _is_dicom(data: bytes) -> bool:
    return data[:2] == b"\x01\x00" and len(data) >= 74 and data[6:10] == b"\x00\x01\x00\x00"


def _is_hl7(data: bytes) -> bool:
    return data.startswith((b"\x0bMSH", b"MSH|^~"))


def _is_oracle(data: bytes) -> bool:
    return data[4:5] == b"\x01" and data[2:4] == b"\0\0" and b"(CONNECT_DATA" in data[:4096].upper()


_BY_BYTES: Final = (
    (Speech.HTTP, begins_http),
    (Speech.HTTP2, begins_http2),
    (Speech.SSH, _is_ssh),
    (Speech.HL7, _is_hl7),
    (Speech.DICOM, _is_dicom),
    (Speech.ORACLE, _is_oracle),
)


def _of_client(data: bytes) -> Speech | None:
    if data[:8] in _SSL_REQUESTS or _is_postgres_startup(data):
        return Speech.POSTGRESQL
    if (
        data[:1] == b"\x12"
        and data[1:2] in {b"\0", b"\x01"}
        and int.from_bytes(data[2:4], "big") == len(data)
    ):
        return Speech.TDS
    if begins_ldap(data):
        return Speech.LDAP
    if _REDIS.match(data):
        return Speech.REDIS
    if data[:1] == b"\xff" and data[1:2] in {b"\xfb", b"\xfc", b"\xfd", b"\xfe"}:
        return Speech.TELNET
    return None


def _is_postgres_startup(data: bytes) -> bool:
    return data[4:8] == b"\0\x03\0\0" and int.from_bytes(data[:4], "big") == len(data) and b"user\0" in data


def _of_server(data: bytes) -> Speech | None:
    # a greeting: length of three bytes, sequence 0, protocol 10, a version that ends with a nought
    if data[3:5] == b"\0\x0a" and data[5:6].isdigit() and int.from_bytes(data[:3], "little") == len(data) - 4:
        return Speech.MYSQL
    if _GREETING.match(data):
        return Speech.MAIL_OR_FTP
    if _is_settings(data):
        return Speech.HTTP2
    if data[:1] == b"\xff" and data[1:2] in {b"\xfb", b"\xfc", b"\xfd", b"\xfe"}:
        return Speech.TELNET
    return None


def _is_settings(data: bytes) -> bool:
    """Tell whether a server of HTTP/2 speaks first, as it may."""
    size = int.from_bytes(data[:3], "big")
    if data[3:9] != b"\x04\0\0\0\0\0" or size % 6 or not size <= min(120, len(data) - 9):
        return False
    return all(data[at : at + 2] <= b"\0\x10" for at in range(9, 9 + size, 6))


def begins_tls(data: bytes, *, beginning: bool) -> bool:
    """Tell whether `data` is TLS or TLCP: a hello, or, in the middle of a connection, two chained records."""
    if begins_hello(data):
        return True
    if beginning or not begins_records(data):
        return False
    following = 5 + (data[3] << 8 | data[4])
    return len(data) == following or begins_records(data[following : following + 5])


def recognise_datagram(data: bytes, port: int) -> Speech:
    """Return what a datagram to or from the server's `port` looks like."""
    if begins_dtls(data):
        return Speech.DTLS
    if data[:1] and data[0] & 0xC0 == 0xC0 and data[1:5] in {b"\0\0\0\x01", b"\x6b\x33\x43\xcf"}:
        return Speech.QUIC
    if _SYSLOG.match(data):
        return Speech.SYSLOG
    if port in {53, 5353, 5355} and len(data) >= 12 and data[4:6] in {b"\0\0", b"\0\x01", b"\0\x02"}:
        return Speech.DNS
    if port in {161, 162} and data[:1] == b"\x30" and b"\x02\x01" in data[1:6]:
        return Speech.SNMP
    return by_look(data)


def begins_dtls(data: bytes) -> bool:
    """Tell whether a datagram begins with a record of DTLS."""
    return len(data) >= 13 and 20 <= data[0] <= 25 and data[1:3] in {b"\xfe\xff", b"\xfe\xfd", b"\xfe\xfc"}


def by_look(sample: bytes) -> Speech:
    """Return whether bytes of no known kind are text, look random, or neither."""
    if not sample:
        return Speech.NOTHING
    printable = sum(sample.count(one) for one in _PRINTABLE)
    if printable >= 0.95 * len(sample) or _is_utf8_text(sample):
        return Speech.TEXT
    if len(sample) >= _ENOUGH_BYTES and entropy(sample) >= _RANDOM_BITS:
        return Speech.HIGH_ENTROPY
    return Speech.UNKNOWN


_PRINTABLE: Final = tuple(bytes([one]) for one in (9, 10, 13, *range(32, 127)))


def _is_utf8_text(sample: bytes) -> bool:
    try:
        text = sample.decode("utf-8")
    except UnicodeDecodeError as problem:
        if problem.start < len(sample) - 3:
            return False
        text = sample[: problem.start].decode("utf-8")
    return sum(one.isprintable() or one in "\r\n\t" for one in text) >= 0.95 * len(text)


def entropy(sample: bytes) -> float:
    """Return bits per byte of the bytes' frequencies."""
    total = len(sample)
    return -sum(count / total * math.log2(count / total) for count in Counter(sample).values())
