"""Follows SQL Server (TDS): a login that is not hidden, and what goes in clear after one that is.

Without `Encrypt` only the login is under TLS, and all that follows is readable. What is wholly under TLS is
not followed: nothing is claimed of it. Not verified against a real SQL Server: packets are built from the
protocol's description, and a login was taken from FreeTDS.
Source: MS-TDS §2.2.3.1 (header), §2.2.6.4 (LOGIN7, password), §2.2.6.7 (SQLBatch), §2.2.6.6 (RPC).
"""

from __future__ import annotations

import re
from typing import Final

from .content import Ledger, Scanner
from .findings import Kind
from .sql import Statements
from .tls import begins_records

_BATCH, _RPC, _ANSWER, _BULK, _TRANSACTION, _LOGIN = 1, 3, 4, 7, 14, 16
_PRELOGIN: Final = 18
_OF_CLIENT: Final = frozenset((_BATCH, _RPC, _BULK, _TRANSACTION, _LOGIN))
_KINDS: Final = _OF_CLIENT | {2, _ANSWER, 6, 8, 17, _PRELOGIN}
_STATUS: Final = frozenset((0, 1, 8, 9, 16, 17, 24, 25))
_HEAD: Final = 8
_TLS_HEAD: Final = 5
_PASSWORD_AT: Final = 44  # offset and length of it, in the fixed part of LOGIN7
_KEY: Final = 0xA5
_OPENED: Final = bytes(((one ^ _KEY) >> 4 | (one ^ _KEY) << 4 & 0xF0) for one in range(256))
# Runs of UTF-16 as people here write: ASCII, and Chinese whose upper byte is 4E to 9F.
_WIDE: Final = re.compile(rb"(?:[\x09\x0a\x0d\x20-\x7e]\x00|[\x00-\xff][\x4e-\x9f]){4,}", re.DOTALL)


class Tds(Statements):
    """Walks packets and the records of TLS between them; of a side that was lost nothing more is claimed."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._scanners = (Scanner(ledger, 0, "message"), Scanner(ledger, 1, "message"))
        self._left = [0, 0]  # of the packet or record that is being passed
        self._clear = [False, False]  # whether that goes in clear
        self._held = [b"", b""]
        self._lost = [False, False]

    def gap(self, side: int) -> None:
        """Give a side up: its packets would have to be guessed."""
        self._lost[side] = True

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if self._lost[side]:
            return
        at, data = at - len(self._held[side]), self._held[side] + data
        self._held[side], here = b"", 0
        text: list[bytes] = []
        while here < len(data):
            if self._left[side] == 0:
                begun = self._begin(side, data, here, at)
                if begun == 0:
                    break
                here += begun
            piece = data[here : here + self._left[side]]
            self._left[side] -= len(piece)
            here += len(piece)
            if self._clear[side]:
                text.append(self._wide(piece))
        self._look(side, b"\n".join(filter(None, text)), at)

    def _begin(self, side: int, data: bytes, here: int, at: int) -> int:
        """Read the head of a packet or record; return its length, 0 where there is none."""
        if len(data) - here < _HEAD:
            self._held[side] = data[here:]
            return 0
        self._clear[side] = False
        if begins_records(data[here : here + _TLS_HEAD]):
            self._left[side] = int.from_bytes(data[here + 3 : here + _TLS_HEAD], "big")
            return _TLS_HEAD
        kind, size = data[here], int.from_bytes(data[here + 2 : here + 4], "big")
        if kind not in _KINDS or data[here + 1] not in _STATUS or size < _HEAD or data[here + 7]:
            self._lost[side] = True
            return 0
        self._left[side] = size - _HEAD
        self._clear[side] = self._is_clear(side, kind)
        if kind == _LOGIN:
            self._clear[side] = False
            self._login(data[here + _HEAD : here + size], at + here)
        return _HEAD

    def _is_clear(self, side: int, kind: int) -> bool:
        """Tell whether a packet is one that is never sent under TLS; the first of the client tells of all."""
        if side == 0 and kind in _OF_CLIENT:
            self.works = True
        return self.works and kind != _PRELOGIN

    def _login(self, body: bytes, at: int) -> None:
        begin = int.from_bytes(body[_PASSWORD_AT : _PASSWORD_AT + 2], "little")
        size = 2 * int.from_bytes(body[_PASSWORD_AT + 2 : _PASSWORD_AT + 4], "little")
        hidden = body[begin : begin + size]
        if 0 < size == len(hidden) <= 512:
            value = hidden.translate(_OPENED).decode("utf-16-le", "replace")
            self._ledger.add(Kind.PASSWORD, "login", "LOGIN7", 0, at, value)

    @staticmethod
    def _wide(body: bytes) -> bytes:
        runs = (one.decode("utf-16-le", "replace") for one in _WIDE.findall(body))
        return "\n".join(runs).encode("utf-8", "replace")

    def _look(self, side: int, text: bytes, at: int) -> None:
        if not text:
            return
        if side == 0:
            self.statements(text, at)
        self._scanners[side].feed(text, at)
        self._scanners[side].finish()
