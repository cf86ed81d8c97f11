"""A few questions over UDP; an answer proves a service, silence proves nothing."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...errors import ProbeError
from ...scope import Endpoint
from ..base import Context
from . import rpc, snmp
from .facts import PortsUdp, UdpPort
from .wire import clip

_ANSWER_S: Final = 1.5
_TRIES: Final = 2


@dataclass(frozen=True)
class _Question:
    port: int
    protocol: str
    ask: Callable[[], bytes]
    understand: Callable[[bytes], str]
    elsewhere: bool = False


def _ntp() -> bytes:
    return b"\x23" + bytes(39) + secrets.token_bytes(8)


def _ntp_says(data: bytes) -> str:
    return f"NTP stratum {data[1]}" if len(data) >= 48 and data[0] & 7 == 4 else ""


def _portmap() -> bytes:
    return rpc.call(rpc.PORTMAP, 2, 4)


def _portmap_says(data: bytes) -> str:
    found = rpc.programs(data)
    if found is None:
        return ""
    return "、".join(sorted({rpc.NAMES.get(one.number, str(one.number)) for one in found}))[:100] or "rpcbind"


def _tftp() -> bytes:
    return b"\0\1dengbao-" + secrets.token_hex(8).encode() + b"\0octet\0"


def _tftp_says(data: bytes) -> str:
    if len(data) < 4 or data[0] != 0 or data[1] not in (3, 5, 6):
        return ""
    return f"TFTP error {data[3]}" if data[1] == 5 else "TFTP data"


def _netbios() -> bytes:
    head = secrets.token_bytes(2) + struct.pack(">HHHHH", 0, 1, 0, 0, 0)
    return head + b"\x20CK" + b"A" * 30 + b"\0\0\x21\0\1"


def _netbios_says(data: bytes) -> str:
    if len(data) < 57 or not data[2] & 0x80:
        return ""
    return f"NetBIOS {data[56]} names"


QUESTIONS: Final = (
    # TFTP answers from a port of its own choice.
    _Question(69, "tftp", _tftp, _tftp_says, elsewhere=True),
    _Question(111, "rpcbind", _portmap, _portmap_says),
    _Question(123, "ntp", _ntp, _ntp_says),
    _Question(137, "netbios", _netbios, _netbios_says),
    _Question(161, "snmp", snmp.discovery, snmp.engine),
)


async def ask_udp(
    context: Context, asset: str, address: str, vantage: str, ports: dict[str, int] | None = None
) -> PortsUdp:
    """Ask each question once, and once more where nothing came; `ports` puts them elsewhere, for tests.

    Sends: one or two datagrams to each of 69, 111, 123, 137, 161: a read of a file that does not exist,
        a list of RPC programs, the time, the host's NetBIOS names, SNMPv3 without a user.
    Changes: nothing on the asset but its own log.
    Level: observe.
    """
    moved = ports or {}
    found = await asyncio.gather(
        *(
            asyncio.to_thread(_ask, context, asset, address, one, moved.get(one.protocol, one.port))
            for one in QUESTIONS
        )
    )
    return PortsUdp(address=address, vantage=vantage, ports=tuple(found))


def _ask(context: Context, asset: str, address: str, question: _Question, port: int) -> UdpPort:
    try:
        endpoint = context.guard.admit(address, port, asset=asset, probe="ports.tcp")
    except ProbeError as exc:
        return UdpPort(port=port, protocol=question.protocol, state="refused", evidence=exc.message)
    state, told = "silent", ""
    if question.elsewhere:
        told = _from_elsewhere(endpoint, question)
        state = "answered" if told else "silent"
    if state == "silent":
        state, told = exchange(endpoint.address, port, question.ask(), question.understand)
    return UdpPort(port=port, protocol=question.protocol, state=state, evidence=clip(told))


def _from_elsewhere(endpoint: Endpoint, question: _Question) -> str:
    """Return what an answer means that comes from another port of the same address, empty without one."""
    with socket.socket(endpoint.family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_ANSWER_S)
        try:
            sock.sendto(question.ask(), (endpoint.address, endpoint.port))
            data, sender = sock.recvfrom(4096)
        except OSError:
            return ""
    return question.understand(data) if sender[0] == endpoint.address else ""


def exchange(
    address: str, port: int, request: bytes, understand: Callable[[bytes], str], tries: int = _TRIES
) -> tuple[str, str]:
    """Return `answered`, `closed` or `silent`, and what was understood; the address is admitted already.

    A connected socket takes datagrams from that address alone, and hears when the host refuses.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_ANSWER_S)
        try:
            sock.connect((address, port))
            for _ in range(tries):
                sock.send(request)
                try:
                    data = sock.recv(4096)
                except TimeoutError:
                    continue
                return "answered", understand(data) or f"{len(data)} 字节，含义不明"
        except ConnectionRefusedError:
            return "closed", ""
        except OSError:
            return "silent", ""
    return "silent", ""
