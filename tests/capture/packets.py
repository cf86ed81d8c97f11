"""Captures built by hand: connections, their packets, and the files these stand in."""

from __future__ import annotations

import io
import ipaddress
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dengbao.capture.survey import Declared, Survey, survey

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
ETHERNET, NULL, RAW, LOOP, COOKED, COOKED2 = 1, 0, 101, 108, 113, 276
T0 = 1_700_000_000
SPECIMEN = "11010519491231002X"  # the known specimen of the standard
PHONE = "13800138000"


def ip(source: str, target: str, protocol: int, body: bytes, *, ident: int = 1, fragment: int = 0) -> bytes:
    one, two = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if one.version == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), ident, fragment, 64, protocol, 0)
    else:
        head = struct.pack(">IHBB", 6 << 28, len(body), protocol, 64)
    return head + one.packed + two.packed + body


def tcp(source_port: int, target_port: int, seq: int, flags: int, payload: bytes = b"") -> bytes:
    seq %= 1 << 32
    return struct.pack(">HHIIBBHHH", source_port, target_port, seq, 0, 0x50, flags, 65535, 0, 0) + payload


def udp(source_port: int, target_port: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", source_port, target_port, 8 + len(payload), 0) + payload


def ethernet(packet: bytes, *vlans: int) -> bytes:
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return b"\0" * 12 + b"".join(b"\x81\x00" + struct.pack(">H", one) for one in vlans) + kind + packet


@dataclass
class Talk:
    """One TCP connection; `say` adds a segment, `frames` are its Ethernet frames so far."""

    port: int = 80
    client_port: int = 40000
    client: str = CLIENT
    server: str = SERVER
    sequence: list[int] = field(default_factory=lambda: [1000, 5000])
    frames: list[bytes] = field(default_factory=list)

    def segment(self, side: int, seq: int, flags: int, payload: bytes = b"") -> bytes:
        ends = [(self.client, self.client_port), (self.server, self.port)]
        (source, source_port), (target, target_port) = ends if side == 0 else ends[::-1]
        return ethernet(ip(source, target, 6, tcp(source_port, target_port, seq, flags, payload)))

    def open(self) -> Talk:
        self.frames.append(self.segment(0, self.sequence[0], SYN))
        self.frames.append(self.segment(1, self.sequence[1], SYN | ACK))
        self.sequence = [self.sequence[0] + 1, self.sequence[1] + 1]
        return self

    def say(self, side: int, payload: bytes, *, step: int = 1460, lost: bool = False) -> Talk:
        for at in range(0, len(payload), step):
            piece = payload[at : at + step]
            if not lost:
                self.frames.append(self.segment(side, self.sequence[side], PUSH | ACK, piece))
            self.sequence[side] += len(piece)
        return self

    def ask(self, payload: bytes, answer: bytes = b"", *, step: int = 1460) -> Talk:
        return self.say(0, payload, step=step).say(1, answer, step=step)


def pcap(frames: Iterable[bytes], *, link: int = ETHERNET, order: str = "<", nano: bool = False) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for number, one in enumerate(frames):
        out.append(struct.pack(order + "IIII", T0, number, len(one), len(one)) + one)
    return b"".join(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(frames: Sequence[bytes], *, link: int = ETHERNET, order: str = "<", nano: bool = False) -> bytes:
    section = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    options = struct.pack(order + "HHB3x", 9, 1, 9) + struct.pack(order + "HH", 0, 0) if nano else b""
    scale = 10**9 if nano else 10**6
    out = [
        block(order, 0x0A0D0D0A, section),
        block(order, 1, struct.pack(order + "HHI", link, 0, 0) + options),
    ]
    for number, one in enumerate(frames):
        ticks = T0 * scale + number
        head = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(one), len(one))
        out.append(block(order, 6, head + one))
    return b"".join(out)


def seen(frames: Iterable[bytes], *declared: Declared, link: int = ETHERNET) -> Survey:
    """Read a capture of these frames."""
    return survey(io.BytesIO(pcap(frames, link=link)), declared)


def request(body: bytes, *, kind: str = "application/json", path: str = "/api", extra: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: his.test\r\nContent-Type: {kind}\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answer(body: bytes, *, kind: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return struct.pack(">BHH", kind, version, len(body)) + body


def handshake(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return record(22, bytes([kind]) + len(body).to_bytes(3, "big") + body, version)


def hellos(
    suite: int, version: int = 0x0303, *, tls13: bool = False, name: str = "his.test"
) -> tuple[bytes, bytes]:
    """Return a client's and a server's hello that choose the suite."""
    sni = name.encode()
    extension = struct.pack(">HHHBH", 0, len(sni) + 5, len(sni) + 3, 0, len(sni)) + sni
    start = struct.pack(">H", version) + b"R" * 32 + b"\0"
    client = start + struct.pack(">HHBBH", 2, suite, 1, 0, len(extension)) + extension
    chosen = struct.pack(">HHHH", 6, 43, 2, 0x0304) if tls13 else struct.pack(">H", 0)
    server = start + struct.pack(">HB", suite, 0) + chosen
    return handshake(1, client, version), handshake(2, server, version)
