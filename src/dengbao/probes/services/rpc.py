"""As much ONC RPC (RFC 5531) as the port mapper (RFC 1833) and mountd (RFC 1813) need."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

PORTMAP: Final = 100000
MOUNT: Final = 100005
NAMES: Final = {
    100000: "rpcbind", 100003: "nfs", 100005: "mountd", 100021: "nlockmgr", 100024: "status",
    100227: "nfs_acl", 100004: "ypserv", 100007: "ypbind", 100001: "rstatd", 100002: "rusersd",
}  # fmt: skip
_XID: Final = 0x64656E67
_MOST: Final = 200


@dataclass(frozen=True)
class Program:
    """A registered program; `transport` is 6 for TCP, 17 for UDP."""

    number: int
    version: int
    transport: int
    port: int


@dataclass(frozen=True)
class Export:
    """An exported path; no clients means everybody."""

    path: str
    clients: tuple[str, ...]


class Reader:
    """Takes XDR values from an answer; raises ValueError where it is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        """Return an unsigned 32-bit number."""
        if self._at + 4 > len(self._data):
            raise ValueError("answer cut off")
        self._at += 4
        return int.from_bytes(self._data[self._at - 4 : self._at])

    def text(self) -> str:
        """Return a counted text."""
        size = self.number()
        if size > 1024 or self._at + size > len(self._data):
            raise ValueError("answer cut off")
        found = self._data[self._at : self._at + size].decode("utf-8", "replace")
        self._at += size + (-size % 4)
        return found


def call(program: int, version: int, procedure: int) -> bytes:
    """Return a call without arguments and without credentials."""
    return struct.pack(">10I", _XID, 0, 2, program, version, procedure, 0, 0, 0, 0)


def over_tcp(message: bytes) -> bytes:
    """Return the message as one record."""
    return struct.pack(">I", 0x80000000 | len(message)) + message


def from_tcp(data: bytes) -> bytes:
    """Return the first record without its mark."""
    return data[4 : 4 + (int.from_bytes(data[:4]) & 0x7FFFFFFF)] if len(data) >= 4 else b""


def _accepted(data: bytes) -> Reader | None:
    """Return a reader at the results, None where this is no successful answer to our call."""
    reader = Reader(data)
    try:
        head = [reader.number() for _ in range(3)]
        if head != [_XID, 1, 0]:
            return None
        reader.number()
        reader.text()
        return reader if reader.number() == 0 else None
    except ValueError:
        return None


def programs(data: bytes) -> tuple[Program, ...] | None:
    """Return what a port mapper lists, None where it is none."""
    reader = _accepted(data)
    if reader is None:
        return None
    found: list[Program] = []
    try:
        while reader.number() == 1 and len(found) < _MOST:
            found.append(Program(reader.number(), reader.number(), reader.number(), reader.number()))
    except ValueError:
        pass
    return tuple(found)


def exports(data: bytes) -> tuple[Export, ...] | None:
    """Return what a mountd exports, None where the answer cannot be read to its end."""
    reader = _accepted(data)
    if reader is None:
        return None
    found: list[Export] = []
    try:
        while reader.number() == 1 and len(found) < _MOST:
            path = reader.text()
            clients: list[str] = []
            while reader.number() == 1 and len(clients) < _MOST:
                clients.append(reader.text())
            found.append(Export(path, tuple(one for one in clients if one != "*")))
    except ValueError:
        return None
    return tuple(found)
