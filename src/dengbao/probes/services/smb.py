"""SMB up to the negotiation ([MS-SMB2] 2.2.3, [MS-CIFS] 2.2.4.52): which dialects, is signing demanded."""

from __future__ import annotations

import secrets
import struct
from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from .facts import Service
from .wire import Conversation, Place, talk

DIALECTS: Final = {
    0x0202: "SMB 2.0.2", 0x0210: "SMB 2.1", 0x0300: "SMB 3.0", 0x0302: "SMB 3.0.2", 0x0311: "SMB 3.1.1",
}  # fmt: skip
SMB1: Final = "SMB 1 (NT LM 0.12)"
_NETBIOS_PORT: Final = 139
_SIGNING_REQUIRED: Final = 0x02
_MOST: Final = 128 * 1024


def header(command: int, message: int, session: int = 0, tree: int = 0) -> bytes:
    """Return the 64 bytes before each SMB2 message."""
    fields = (64, 1, 0, command, 31, 0, 0, message, 0, tree, session)
    return b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", *fields) + bytes(16)


async def send(talking: Conversation, message: bytes) -> bytes:
    """Send one message and return the answer to it, without the length before it.

    Raises:
        ProtocolMismatch: no answer, or not SMB.

    """
    await talking.say(struct.pack(">I", len(message)) + message)
    return await receive(talking)


async def receive(talking: Conversation) -> bytes:
    """Return the next message without the length before it.

    Raises:
        ProtocolMismatch: none came, or it is not SMB.

    """
    size = int.from_bytes(await talking.exactly(4)) & 0xFFFFFF
    if not 32 <= size <= _MOST:
        raise ProtocolMismatch("应答不是 SMB")
    answer = await talking.exactly(size)
    if answer[:4] not in (b"\xfeSMB", b"\xffSMB"):
        raise ProtocolMismatch("应答不是 SMB")
    return answer


async def begin(place: Place, talking: Conversation) -> None:
    """Open a NetBIOS session where SMB runs over it."""
    if place.port == _NETBIOS_PORT:
        called, calling = _netbios(b"*SMBSERVER", b" "), _netbios(b"DENGBAO", b"\0")
        await talking.say(b"\x81\0\0\x44" + called + calling)
        await talking.exactly(4)


def _netbios(name: bytes, end: bytes) -> bytes:
    padded = name.ljust(15) + end
    return b"\x20" + b"".join(bytes((0x41 + (one >> 4), 0x41 + (one & 15))) for one in padded) + b"\0"


def negotiation(dialect: int) -> bytes:
    """Return a negotiation of one SMB2 dialect."""
    head = struct.pack("<HHHHI", 36, 1, 1, 0, 0x04) + secrets.token_bytes(16)
    if dialect != 0x0311:
        return header(0, 0) + head + bytes(8) + struct.pack("<H", dialect)
    contexts = struct.pack("<HHIHHH", 1, 38, 0, 1, 32, 1) + secrets.token_bytes(32)
    # 64 + 36 bytes, one dialect, then up to the next multiple of eight.
    return header(0, 0) + head + struct.pack("<IHHH", 104, 1, 0, dialect) + bytes(2) + contexts


def negotiated(answer: bytes) -> tuple[int, bool] | None:
    """Return the dialect that the server took, and whether it demands signatures; None if it took none."""
    if len(answer) < 70 or answer[:4] != b"\xfeSMB" or answer[8:12] != bytes(4):
        return None
    mode, dialect = struct.unpack("<HH", answer[66:70])
    return (dialect, bool(mode & _SIGNING_REQUIRED)) if dialect in DIALECTS else None


def _old_negotiation() -> bytes:
    head = b"\xffSMB\x72" + bytes(4) + b"\x18" + struct.pack("<H", 0xC801) + bytes(12)
    head += struct.pack("<HHHH", 0xFFFF, 1, 0, 1)
    words = b"\x02NT LM 0.12\0"
    return head + b"\0" + struct.pack("<H", len(words)) + words


def takes_smb1(answer: bytes) -> bool:
    """Tell whether an answer to the old negotiation takes NT LM 0.12."""
    return answer[:5] == b"\xffSMB\x72" and len(answer) > 36 and answer[32] >= 13 and answer[33:35] == b"\0\0"


async def smb(place: Place) -> Service | None:
    """Offer each dialect alone, and the one that is SMB 1; nobody logs in."""
    taken: list[str] = []
    signing: bool | None = None
    known = False
    for dialect, name in DIALECTS.items():
        try:
            async with talk(place) as talking:
                await begin(place, talking)
                found = negotiated(await send(talking, negotiation(dialect)))
        except ProbeError:
            if not known and dialect != 0x0202:
                return await _only_old(place)  # two dialects without an answer: not SMB2 at all
            continue
        known = True
        if found is not None and found[0] == dialect:
            taken.append(name)
            signing = found[1]
    old = await _old(place)
    return Service(
        port=place.port, protocol="smb", how="reply", signing_required=signing,
        options=((SMB1,) if old else ()) + tuple(taken), evidence=", ".join(taken) or "no SMB2 dialect taken",
    )  # fmt: skip


async def _only_old(place: Place) -> Service | None:
    if not await _old(place):
        return None
    return Service(port=place.port, protocol="smb", how="reply", options=(SMB1,), evidence=SMB1)


async def _old(place: Place) -> bool:
    try:
        async with talk(place) as talking:
            await begin(place, talking)
            return takes_smb1(await send(talking, _old_negotiation()))
    except ProbeError:
        return False
