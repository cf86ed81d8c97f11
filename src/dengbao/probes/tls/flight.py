"""The first flight of servers up to TLS 1.2 and in TLCP, read as far as the certificates, without any key."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .hello import TLCP, TLCP_SUITES, Answer, client_hello, is_address, read_answer
from .line import Line, converse

_HANDSHAKE: Final = 22
_CERTIFICATE: Final = 11
# ServerKeyExchange, CertificateRequest, ServerHelloDone: the certificates would have come before.
_AFTER: Final = (12, 13, 14)
_MOST_CERTIFICATES: Final = 16


@dataclass(frozen=True)
class Flight:
    """What answered a hello.

    `certificates` is the list as sent, in DER; in TLCP (GB/T 38636) the certificate for signing, the one
    for encryption, then their issuers. `named`: the server answered TLCP only when the hello named it (SNI).
    """

    answer: Answer
    certificates: tuple[bytes, ...] = ()
    named: bool = False


async def ask_tlcp(line: Line) -> Flight:
    """Offer every TLCP suite, first without extensions, and where that is refused with the server's name.

    Raises:
        Unreachable, TimedOut: no connection.

    """
    flight = await ask_flight(line, TLCP, tuple(TLCP_SUITES), "")
    if flight.answer.kind in ("alert", "closed") and line.server_name and not is_address(line.server_name):
        named = await ask_flight(line, TLCP, tuple(TLCP_SUITES), line.server_name)
        if named.answer.kind == "hello":
            return Flight(named.answer, named.certificates, named=True)
    return flight


async def ask_flight(line: Line, version: int, suites: tuple[int, ...], server_name: str) -> Flight:
    """Offer a version with these suites and read on to the certificates, where they come in clear.

    Raises:
        Unreachable, TimedOut: no connection.

    """
    hello = client_hello(version, suites, server_name)
    kept = bytearray()

    def understand(data: bytes) -> Flight | None:
        kept[:] = data
        return read_flight(data)

    found, instead = await converse(line, hello, understand)
    if found is not None:
        return found
    # A ServerHello is enough to know the protocol, even if what follows never comes.
    return Flight(read_answer(bytes(kept)) or Answer(instead))


def read_flight(data: bytes) -> Flight | None:
    """Return what `data` begins with, or None while its certificates have not come whole."""
    answer = read_answer(data)
    if answer is None or answer.kind != "hello":
        return None if answer is None else Flight(answer)
    for kind, body in _messages(_handshake_bytes(data)):
        if kind == _CERTIFICATE:
            return Flight(answer, _certificates(body))
        if kind in _AFTER:
            return Flight(answer)
    return None


def _handshake_bytes(data: bytes) -> bytes:
    """Return what the handshake records that came whole hold, one after the other."""
    parts = []
    at = 0
    while at + 5 <= len(data):
        kind, _, length = struct.unpack("!BHH", data[at : at + 5])
        if kind != _HANDSHAKE or at + 5 + length > len(data):
            break
        parts.append(data[at + 5 : at + 5 + length])
        at += 5 + length
    return b"".join(parts)


def _messages(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    at = 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at + 1 : at + 4], "big")
        if at + 4 + length > len(data):
            break
        found.append((data[at], data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def _certificates(body: bytes) -> tuple[bytes, ...]:
    found: list[bytes] = []
    at = 3
    while at + 3 <= len(body) and len(found) < _MOST_CERTIFICATES:
        length = int.from_bytes(body[at : at + 3], "big")
        found.append(body[at + 3 : at + 3 + length])
        at += 3 + length
    return tuple(found)
