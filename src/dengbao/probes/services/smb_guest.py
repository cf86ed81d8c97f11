"""SMB as a stranger: a session without a name or as `guest`, and the names of the shares told to it.

Messages of [MS-SMB2], NTLM of [MS-NLMP], NetrShareEnum of [MS-SRVS] over the pipe `srvsvc`. Only the
list is read; no share is opened. Not tried against Windows.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from .smb import DIALECTS, begin, header, negotiated, negotiation, receive, send
from .wire import Conversation, Place, clip, talk

_MORE: Final = 0xC0000016
# The server says that it is still at it; the answer follows.
_PENDING: Final = b"\x03\x01\0\0"
_MOST_INTERIM: Final = 5
_REFUSALS: Final = {
    0xC000006D: "LOGON_FAILURE", 0xC0000022: "ACCESS_DENIED", 0xC0000072: "ACCOUNT_DISABLED",
    0xC000006E: "ACCOUNT_RESTRICTION", 0xC000015B: "LOGON_TYPE_NOT_GRANTED", 0xC0000064: "NO_SUCH_USER",
    0xC0000234: "ACCOUNT_LOCKED_OUT", 0xC00000BB: "NOT_SUPPORTED",
}  # fmt: skip
_NTLM_FLAGS: Final = 0x00088205
_ANONYMOUS: Final = 0x00000800
_EMPTY_NT_HASH: Final = bytes.fromhex("31d6cfe0d16ae931b73c59d7e0c089c0")
_SRVSVC: Final = bytes.fromhex("c84f324b7016d30112785a47bf6ee188") + struct.pack("<HH", 3, 0)
_NDR: Final = bytes.fromhex("045d888aeb1cc9119fe808002b104860") + struct.pack("<HH", 2, 0)
_MOST_SHARES: Final = 100
# The first question to a pipe may start a process on the server.
_PATIENCE_S: Final = 10.0


@dataclass(frozen=True)
class Let:
    """What became of the session; `kind` is `null`, `guest` or `user` as the server itself calls it."""

    accepted: bool | None
    kind: str = ""
    evidence: str = ""
    shares: tuple[str, ...] | None = None


async def stranger(place: Place, name: str, options: tuple[str, ...]) -> Let:
    """Ask for a session as `name` (empty: nobody) with an empty password, once, and list the shares.

    Raises:
        ProbeError: no connection, or the answer is not SMB.

    """
    dialect = next((one for one in (0x0302, 0x0300, 0x0210, 0x0202, 0x0311) if DIALECTS[one] in options), 0)
    if not dialect:
        return Let(None, evidence="仅支持 SMB 1，未尝试")
    async with talk(place) as talking:
        talking.patience_s = _PATIENCE_S
        await begin(place, talking)
        if negotiated(await send(talking, negotiation(dialect))) is None:
            raise ProtocolMismatch("SMB 协商被拒绝")
        session = _Session(talking)
        let = await session.enter(name)
        if not let.accepted:
            return let
        try:
            shares = await session.shares(place.address)
        except (ProbeError, ValueError, struct.error):
            shares = None
        return Let(let.accepted, let.kind, let.evidence, shares)


class _Session:
    def __init__(self, talking: Conversation) -> None:
        self._talking = talking
        self._message = 0
        self._id = 0
        self._tree = 0

    async def _ask(self, command: int, body: bytes) -> tuple[int, bytes]:
        """Return status and whole answer; interim answers are waited out."""
        self._message += 1
        answer = await send(self._talking, header(command, self._message, self._id, self._tree) + body)
        for _ in range(_MOST_INTERIM):
            if answer[8:12] != _PENDING:
                break
            answer = await receive(self._talking)
        if len(answer) < 72:
            raise ProtocolMismatch("SMB 应答过短")
        self._id = struct.unpack("<Q", answer[40:48])[0] or self._id
        if command == 3:
            self._tree = struct.unpack("<I", answer[36:40])[0]
        return struct.unpack("<I", answer[8:12])[0], answer

    async def enter(self, name: str) -> Let:
        first = b"NTLMSSP\0" + struct.pack("<II", 1, _NTLM_FLAGS) + bytes(16)
        status, answer = await self._ask(1, _setup(first))
        if status != _MORE:
            return Let(False if status in _REFUSALS else None, evidence=_status(status))
        challenge = _token(answer)
        status, answer = await self._ask(1, _setup(_authenticate(challenge, name)))
        if status:
            return Let(False if status in _REFUSALS else None, evidence=_status(status))
        flags = struct.unpack("<H", answer[66:68])[0]
        kind = "null" if flags & 2 else "guest" if flags & 1 else "user"
        return Let(True, kind, f"session {kind}")

    async def shares(self, address: str) -> tuple[str, ...] | None:
        path = f"\\\\{address}\\IPC$".encode("utf-16-le")
        status, _ = await self._ask(3, struct.pack("<HHHH", 9, 0, 72, len(path)) + path)
        if status:
            return None
        name = "srvsvc".encode("utf-16-le")
        fields = (57, 0, 0, 2, 0, 0, 0x0012019F, 0, 7, 1, 0, 120, len(name), 0, 0)
        status, answer = await self._ask(5, struct.pack("<HBBIQQIIIIIHHII", *fields) + name)
        if status or len(answer) < 144:
            return None
        pipe = answer[128:144]
        bind = struct.pack("<HHIBBH", 4280, 4280, 0, 1, 0, 0) + struct.pack("<HBB", 0, 1, 0) + _SRVSVC + _NDR
        await self._pipe(pipe, 11, bind)
        stub = struct.pack("<IIIIIIII", 0, 1, 1, 0x20000, 0, 0, 0xFFFFFFFF, 0)
        answer = await self._pipe(pipe, 0, struct.pack("<IHH", len(stub), 0, 15) + stub)
        return share_names(answer[24:]) if answer[2:3] == b"\x02" else None

    async def _pipe(self, pipe: bytes, kind: int, body: bytes) -> bytes:
        message = struct.pack("<BBBB4sHHI", 5, 0, kind, 3, b"\x10\0\0\0", 16 + len(body), 0, kind + 1) + body
        fields = (57, 0, 0x0011C017, pipe, 120, len(message), 0, 120, 0, 16384, 1, 0)
        status, answer = await self._ask(11, struct.pack("<HHI16sIIIIIIII", *fields) + message)
        if status:
            raise ProtocolMismatch(f"共享列表不可读（{_status(status)}）")
        offset, count = struct.unpack("<II", answer[96:104])
        return answer[offset : offset + count]


def _setup(token: bytes) -> bytes:
    return struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(token), 0) + token


def _token(answer: bytes) -> bytes:
    offset, size = struct.unpack("<HH", answer[68:72])
    blob = answer[offset : offset + size]
    at = blob.find(b"NTLMSSP\0\2")
    if at < 0 or len(blob) < at + 48:
        raise ProtocolMismatch("SMB 未给出 NTLM 质询")
    return blob[at:]


def _authenticate(challenge: bytes, name: str) -> bytes:
    """Return the NTLM message of nobody, or of `name` with an empty password."""
    user = name.encode("utf-16-le")
    if name:
        size, _, offset = struct.unpack("<HHI", challenge[40:48])
        target = challenge[offset : offset + size]
        blob = b"\1\1" + bytes(14) + secrets.token_bytes(8) + bytes(4) + target + bytes(4)
        key = _hmac(_EMPTY_NT_HASH, name.upper().encode("utf-16-le"))
        old, new, flags = bytes(24), _hmac(key, challenge[24:32] + blob) + blob, _NTLM_FLAGS
    else:
        old, new, flags = b"\0", b"", _NTLM_FLAGS | _ANONYMOUS
    parts = (old, new, b"", user, b"", b"")
    fields, at = b"", 64
    for one in parts:
        fields += struct.pack("<HHI", len(one), len(one), at)
        at += len(one)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + fields + struct.pack("<I", flags) + b"".join(parts)


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.md5).digest()  # NTLM knows nothing else


def _status(status: int) -> str:
    return _REFUSALS.get(status, f"0x{status:08X}")


def share_names(stub: bytes) -> tuple[str, ...]:
    """Return the names in the results of NetrShareEnum, level 1.

    Raises:
        ValueError, struct.error: not such results, or cut off.

    """
    level, _, container, count, array = struct.unpack("<IIIII", stub[:20])
    if level != 1 or not container or count > _MOST_SHARES or (count and not array):
        raise ValueError("no list of shares")
    if not count:
        return ()
    at = 24
    pointers = [struct.unpack("<III", stub[at + 12 * one : at + 12 * one + 12]) for one in range(count)]
    at += 12 * count
    names: list[str] = []
    for name, _, remark in pointers:
        for pointer in (name, remark):
            if not pointer:
                continue
            length = struct.unpack("<I", stub[at + 8 : at + 12])[0]
            text = stub[at + 12 : at + 12 + 2 * length]
            if len(text) != 2 * length:
                raise ValueError("list of shares cut off")
            if pointer is name:
                names.append(clip(text.decode("utf-16-le", "replace").rstrip("\0"), 60))
            at += 12 + 2 * length
            at += -at % 4
    return tuple(names)
