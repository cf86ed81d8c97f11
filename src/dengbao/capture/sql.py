"""Follows databases in clear: passwords of logins and of statements, and columns that name persons.

Source: PostgreSQL 17 manual §53.2, §53.7; MySQL internals, Connection Phase, and mysql_clear_password;
Oracle Net: what is read of it is only whether statements are readable (not verified against a real Oracle).
"""

from __future__ import annotations

import re
from typing import Final

from .content import Ledger, judge, text_of
from .dialects import Teller

_CLEAR_AUTHENTICATION: Final = b"R\0\0\0\x08\0\0\0\x03"  # PostgreSQL asks for the password as it is
_MYSQL_SSL: Final = 0x0800
_MYSQL_CLEAR: Final = (b"\xfemysql_clear_password\0", b"\xfedialog\0")
_SETS: Final = re.compile(
    rb"\bIDENTIFIED\s+(?:(?:WITH|VIA)\s+\S{1,64}\s+)?(?:BY|USING|AS)\s+(?:PASSWORD\s*\(?\s*)?N?['\"]?([^'\"\s;]{1,128})"
    rb"|\bPASSWORD\s*(?:=|\()?\s*N?'([^']{1,128})'",
    re.IGNORECASE,
)
_INSERT: Final = re.compile(
    rb"\b(?:INSERT|REPLACE)\s+INTO\s+[^\s(]{1,128}\s*\(([^()]{1,2000})\)\s*VALUES\s*\(([^;]{1,4000})",
    re.IGNORECASE,
)
_VALUE: Final = re.compile(rb"\s*(?:N?'((?:[^'\\]|''|\\.)*+)'|((?:[^,()']|\([^()]*\))*+))\s*(,?)", re.DOTALL)
# What makes a statement, in this order.
_STATEMENTS: Final = (
    (b"SELECT ", b" FROM "), (b"INSERT INTO ", b"VALUES"), (b"UPDATE ", b" SET "), (b"DELETE FROM ", b""),
    (b"BEGIN ", b"END"),
)  # fmt: skip
_MOST: Final = 40


class Statements(Teller):
    """What databases share: the statements that clients send."""

    def statements(self, data: bytes, at: int, side: int = 0) -> None:
        """Find passwords that are set, and what is put into columns whose names tell what they hold."""
        for count, hit in enumerate(_SETS.finditer(data)):
            if count == _MOST:
                break
            self._password("SQL PASSWORD", hit.group(1) or hit.group(2), at + hit.start(), side)
        for count, hit in enumerate(_INSERT.finditer(data)):
            if count == _MOST:
                break
            self._columns(hit.group(1), hit.group(2), at + hit.start(), side)

    def _columns(self, names: bytes, values: bytes, at: int, side: int) -> None:
        here = 0
        for raw in names.split(b","):
            found = _VALUE.match(values, here)
            if found is None:
                return
            name, value = text_of(raw.strip(b'`"[] \r\n\t')), found.group(1)
            judged = judge(name, text_of(value)) if value is not None else None
            if judged is not None:
                self._ledger.add(judged[0], "message", name[:40], side, at, judged[1])
            here = found.end()
            if not found.group(3):
                return


class Postgres(Statements):
    """PostgreSQL: the password message, and statements."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._asks_clear = self._gss = False

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if side:
            self._gss = self._gss or data == b"G"  # what follows is under GSSAPI
            self._asks_clear = _CLEAR_AUTHENTICATION in data
            return
        if not self._gss and (data[4:8] == b"\0\3\0\0" or data[:1] in {b"Q", b"P", b"p"}):
            self.works = True
        if self._asks_clear and data[:1] == b"p":
            self._password("PasswordMessage", data[5:].rstrip(b"\0"), at)
        self.statements(data, at)


class Mysql(Statements):
    """MySQL and MariaDB: plugins that send the password as it is, and statements."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._asks_clear = False

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if side:
            self._asks_clear = data[4:32].startswith(_MYSQL_CLEAR)
            return
        if len(data) > 4:
            asks = int.from_bytes(data[4:6], "little") & _MYSQL_SSL
            self.works = self.works or data[3] == 0 or (data[3] == 1 and not asks)
        if self._asks_clear:
            self._password("mysql_clear_password", data[4:].partition(b"\0")[0], at)
            self._asks_clear = False
        self.statements(data, at)


class Oracle(Statements):
    """Oracle Net: logins are encrypted, and all may be; a statement that can be read says that it is not."""

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if side:
            return
        self.works = self.works or _is_statement(data)
        self.statements(data, at)


def _is_statement(data: bytes) -> bool:
    upper = data.upper()
    places = ((upper.find(first), first, then) for first, then in _STATEMENTS)
    return any(at >= 0 and upper.find(then, at + len(first)) >= 0 for at, first, then in places)
