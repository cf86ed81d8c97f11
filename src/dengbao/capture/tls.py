"""Walks TLS and TLCP records: versions, names and suites of the handshake, and what is under cipher.

Source: RFC 5246, RFC 8446 §4 and §5, GB/T 38636-2020 §6.
"""

from __future__ import annotations

from typing import Final

from .findings import Crypto

_CHANGE, _ALERT, _HANDSHAKE, _DATA, _HEARTBEAT = 20, 21, 22, 23, 24
_TYPES: Final = frozenset((_CHANGE, _ALERT, _HANDSHAKE, _DATA, _HEARTBEAT))
_ALERT_BYTES: Final = 19  # under TLS 1.3: two bytes, its true type, sixteen of the tag
_FINISHED_BYTES: Final = (53, 69)  # the same of Finished with a hash of 32 or 48 bytes
_MAX_RECORD: Final = (1 << 14) + 2048
_MAX_HANDSHAKE: Final = 64 << 10
_VERSIONS: Final = {
    0x0101: "TLCP 1.1", 0x0300: "SSLv3", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}  # fmt: skip
# Suites that authenticate but hide nothing (NULL), RFC 9150's for TLS 1.3 among them.
NULL_SUITES: Final = frozenset(
    (
        0x0000, 0x0001, 0x0002, 0x002C, 0x002D, 0x002E, 0x003B, 0x00B0, 0x00B1, 0x00B4, 0x00B5, 0x00B8,
        0x00B9, 0xC001, 0xC006, 0xC00B, 0xC010, 0xC015, 0xC039, 0xC03A, 0xC03B, 0xC0B4, 0xC0B5,
    )
)  # fmt: skip


def begins_records(data: bytes) -> bool:
    """Tell whether `data` begins with a record header of TLS or TLCP."""
    return (
        len(data) >= 5 and data[0] in _TYPES
        and ((data[1] == 3 and data[2] <= 4) or data[1:3] == b"\x01\x01")
        and 0 < (data[3] << 8 | data[4]) <= _MAX_RECORD
    )  # fmt: skip


def begins_hello(data: bytes) -> bool:
    """Tell whether `data` begins with a record that holds a ClientHello."""
    return begins_records(data) and data[0] == _HANDSHAKE and len(data) > 5 and data[5] == 1


class _Side:
    def __init__(self) -> None:
        self.buffer = b""
        self.skip = 0
        self.handshake = b""
        self.changed = False
        self.lost = False
        self.gapped = False
        # under TLS 1.3, where records of the handshake look like all others
        self.finished = self.carried = False
        self.sealed = 0


class Records:
    """Hears both sides of one connection that speaks TLS or TLCP."""

    def __init__(self) -> None:
        self._sides = (_Side(), _Side())
        self._version = 0
        self._name = ""
        self._suite: int | None = None
        self._hellos = [False, False]
        self._cipher = self._clear = self._unread = 0
        self.broken = False
        self.is_tlcp = False

    def data(self, side: int, data: bytes, at: int) -> None:
        """Walk the next bytes; bodies of records under cipher are counted and not kept."""
        del at
        one = self._sides[side]
        if one.skip:
            passed = min(one.skip, len(data))
            one.skip -= passed
            data = data[passed:]
        if not data:
            return
        buffer, here = one.buffer + data, 0
        if one.lost:
            here = self._resume(one, buffer)
        while len(buffer) - here >= 5 and not one.lost:
            if not begins_records(buffer[here : here + 5]):
                self._unread += len(buffer) - here
                self.broken, here, one.lost = True, len(buffer), True
                break
            size = buffer[here + 3] << 8 | buffer[here + 4]
            whole = here + 5 + size
            if self._is_cipher(one, side, buffer[here]):
                self._count(one, buffer[here], size)
            elif whole > len(buffer):
                break
            else:
                self._read(one, side, buffer[here], buffer[here + 1 : here + 3], buffer[here + 5 : whole])
            if whole > len(buffer):
                one.skip = whole - len(buffer)
            here = min(whole, len(buffer))
        one.buffer = buffer[here:]

    def gap(self, side: int, size: int) -> None:
        """Pass over lost bytes; where they are not all inside one record under cipher, look for the next."""
        one = self._sides[side]
        one.gapped = True
        if one.skip >= size:
            one.skip -= size
            return
        one.buffer, one.skip, one.lost, one.handshake = b"", 0, True, b""

    def _resume(self, one: _Side, buffer: bytes) -> int:
        """Return where records go on after a gap: at a header whose length leads to another header."""
        here = -1
        while (here := buffer.find(b"\x17\x03", here + 1)) >= 0:
            if begins_records(buffer[here : here + 5]):
                following = here + 5 + (buffer[here + 3] << 8 | buffer[here + 4])
                if begins_records(buffer[following : following + 5]):
                    one.lost = False
                    self._unread += here
                    return here
        kept = min(len(buffer), 2 * _MAX_RECORD)
        self._unread += len(buffer) - kept
        return len(buffer) - kept

    def _is_cipher(self, one: _Side, side: int, kind: int) -> bool:
        if self._version == 0x0304:
            return kind == _DATA
        return kind == _DATA or (one.changed and kind != _CHANGE and self._hellos[side])

    def _count(self, one: _Side, kind: int, size: int) -> None:
        if kind != _DATA:
            return
        if self._suite is None or (one.gapped and not one.changed):
            self._unread += size  # no hello, or the change of keys may lie in a gap
        elif one.changed or self._version == 0x0304:
            self._cipher += size
            self._weigh(one, size)
        else:
            self._clear += size

    @staticmethod
    def _weigh(one: _Side, size: int) -> None:
        """Note whether a record under TLS 1.3 may hold more than the end of a handshake or an alert."""
        if size in _FINISHED_BYTES and not one.finished:
            one.finished = True
        elif size > _ALERT_BYTES:
            one.carried = one.carried or one.finished
            one.sealed += 1

    @property
    def carried(self) -> bool:
        """Tell whether data went under cipher; a handshake alone, or one that failed, carries nothing."""
        client = self._sides[0]
        if self._version != 0x0304:
            return self._cipher > 0
        return client.carried or (not client.finished and client.sealed > 1)

    @property
    def is_idle(self) -> bool:
        """Tell whether a handshake came to its end, all of it was seen, and nothing was carried after it."""
        sides = self._sides
        ended = sides[0].finished if self._version == 0x0304 else all(one.changed for one in sides)
        missing = self._unread or any(one.gapped or one.lost or one.buffer for one in sides)
        return ended and not missing and not self.carried

    def _read(self, one: _Side, side: int, kind: int, version: bytes, body: bytes) -> None:
        if version == b"\x01\x01":
            self.is_tlcp = True
        if kind == _CHANGE:
            one.changed = True
        elif kind == _HANDSHAKE and not one.changed:
            one.handshake = (one.handshake + body)[:_MAX_HANDSHAKE]
            while len(one.handshake) >= 4:
                size = int.from_bytes(one.handshake[1:4], "big")
                if len(one.handshake) < 4 + size:
                    break
                self._message(side, one.handshake[0], one.handshake[4 : 4 + size])
                one.handshake = one.handshake[4 + size :]

    def _message(self, side: int, kind: int, body: bytes) -> None:
        if kind == 1:
            self._hellos[side] = True
            self._name = _server_name(_extensions(body, client=True)) or self._name
        elif kind == 2 and len(body) >= 38:
            self._hellos[side] = True
            version = int.from_bytes(body[:2], "big")
            at = 35 + body[34]
            self._suite = int.from_bytes(body[at : at + 2], "big")
            chosen = _extensions(body, client=False).get(43, b"")
            self._version = int.from_bytes(chosen, "big") if len(chosen) == 2 else version

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        return 2048 + sum(len(one.buffer) + len(one.handshake) for one in self._sides)

    def crypto(self) -> Crypto:
        """Return what was seen so far."""
        return Crypto(
            version=_VERSIONS.get(self._version, f"0x{self._version:04X}" if self._version else ""),
            server_name=self._name, suite=self._suite, null_suite=self._suite in NULL_SUITES,
            handshake_seen=all(self._hellos) and self._suite is not None,
            cipher_bytes=self._cipher, clear_bytes=self._clear,
            unread_bytes=self._unread + sum(len(one.buffer) for one in self._sides if one.lost),
        )  # fmt: skip


def _extensions(hello: bytes, *, client: bool) -> dict[int, bytes]:
    """Return the extensions of a hello, as far as its lengths are sound."""
    found: dict[int, bytes] = {}
    try:
        at = 35 + hello[34]
        if client:
            at += 2 + int.from_bytes(hello[at : at + 2], "big")
            at += 1 + hello[at]
        else:
            at += 3
    except IndexError:
        return found
    at += 2
    while at + 4 <= len(hello):
        size = int.from_bytes(hello[at + 2 : at + 4], "big")
        found[int.from_bytes(hello[at : at + 2], "big")] = hello[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def _server_name(extensions: dict[int, bytes]) -> str:
    value = extensions.get(0, b"")[5:]
    return value.decode("ascii", "replace")[:253] if value.isascii() and value.decode().isprintable() else ""
