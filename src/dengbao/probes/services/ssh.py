"""What an SSH server offers: its KEXINIT (RFC 4253 7.1), and the size of its RSA host key."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncssh

from ...errors import ProbeError, ProtocolMismatch
from .facts import SshServer
from .wire import Conversation, Place, clip, talk

_KEXINIT: Final = 20
_MOST_PACKET: Final = 35000
_OURS: Final = b"SSH-2.0-dengbao\r\n"
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
_HANDSHAKE_S: Final = 8.0


async def algorithms(place: Place) -> SshServer:
    """Read the server's list and leave before anything is agreed on; then look at its RSA host key.

    Raises:
        ProbeError: no connection, or no list.

    """
    async with talk(place) as talking:
        banner = (await talking.until(b"\n")).split(b"\n", 1)
        if not banner[0].startswith(b"SSH-"):
            raise ProtocolMismatch("不是 SSH 服务")
        if banner[0].startswith(b"SSH-1.") and not banner[0].startswith(b"SSH-1.99"):
            return SshServer(
                port=place.port,
                banner=clip(banner[0]),
                kex=(),
                host_keys=(),
                ciphers=(),
                macs=(),
                compression=(),
            )
        await talking.say(_OURS)
        lists = name_lists(await _packet(talking, banner[1] if len(banner) > 1 else b""))
    bits = await _rsa_bits(place, lists[1])
    return SshServer(
        port=place.port, banner=clip(banner[0]), kex=lists[0], host_keys=lists[1],
        ciphers=_both(lists[2], lists[3]), macs=_both(lists[4], lists[5]),
        compression=_both(lists[6], lists[7]), host_key_bits=bits,
    )  # fmt: skip


async def _packet(talking: Conversation, begun: bytes) -> bytes:
    while len(begun) < 4:
        begun += await talking.exactly(4 - len(begun))
    size = int.from_bytes(begun[:4])
    if not 12 <= size <= _MOST_PACKET:
        raise ProtocolMismatch("SSH 报文长度不合理")
    begun = begun[4:]
    if len(begun) < size:
        begun += await talking.exactly(size - len(begun))
    padding = begun[0]
    return begun[1 : size - padding]


def name_lists(payload: bytes) -> tuple[tuple[str, ...], ...]:
    """Return the ten name lists of a KEXINIT.

    Raises:
        ProtocolMismatch: not a KEXINIT, or cut off.

    """
    if payload[:1] != bytes([_KEXINIT]):
        raise ProtocolMismatch("SSH 服务未给出算法列表")
    found: list[tuple[str, ...]] = []
    at = 17
    for _ in range(10):
        size = int.from_bytes(payload[at : at + 4])
        text = payload[at + 4 : at + 4 + size]
        if len(payload) < at + 4 or len(text) != size:
            raise ProtocolMismatch("SSH 算法列表不完整")
        found.append(tuple(clip(one, 80) for one in text.split(b",") if one))
        at += 4 + size
    return tuple(found)


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


async def _rsa_bits(place: Place, host_keys: tuple[str, ...]) -> int | None:
    """Let asyncssh go as far as the host key; nobody logs in."""
    offered = [one for one in _RSA if one in host_keys]
    if not offered:
        return None
    try:
        sock = await place.context.guard.connect(
            place.address, place.port, asset=place.asset, probe=place.probe, timeout_s=4.0
        )
    except ProbeError:
        return None
    with sock:
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                key = await asyncssh.get_server_host_key(sock=sock, config=None, server_host_key_algs=offered)
        except (TimeoutError, OSError, asyncssh.Error, ValueError):
            return None
    # The public blob of an RSA key is three counted values: name, exponent, modulus (RFC 4253 6.6).
    return rsa_bits(key.public_data) if key is not None else None


def rsa_bits(blob: bytes) -> int | None:
    """Return the size of the modulus of a public RSA key, None if it is none."""
    parts: list[bytes] = []
    at = 0
    while at + 4 <= len(blob) and len(parts) < 3:
        size = int.from_bytes(blob[at : at + 4])
        parts.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    if len(parts) != 3 or parts[0] != b"ssh-rsa":
        return None
    return int.from_bytes(parts[2]).bit_length()
