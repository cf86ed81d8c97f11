"""Follows protocols that are no HTTP: do they carry more in clear than a greeting, and which password.

Each hears the windows of a connection, keeps next to nothing, and adds what lies open to the ledger by kind
and field. What it does not understand it leaves alone: a flow is taken for nothing better by it.
Source: RFC 4954, 4616 (AUTH PLAIN, LOGIN), 1939, 3501 §6.2, 959; RFC 854, 855 (Telnet); RESP of Redis;
RFC 4511 §4.1.1, §4.2 (LDAP).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final, Protocol

from .content import Ledger, text_of
from .findings import Kind

_MAX_LINE: Final = 4 << 10


class Dialect(Protocol):
    """Who follows one connection that speaks a known protocol; `side` is 0 for the client."""

    works: bool  # more than a negotiation was seen in clear

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side, which lie at `at` of its stream."""
        ...

    def gap(self, side: int) -> None:
        """Learn that bytes of one side are missing."""
        ...

    def finish(self) -> None:
        """Look through what was kept back."""
        ...


class Teller:
    """What dialects share: a ledger, and how a password is put into it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.works = False

    def gap(self, side: int) -> None:
        """Nothing is kept that a gap would spoil."""

    def finish(self) -> None:
        """Nothing is kept back."""

    def _password(self, field: str, value: bytes, at: int, side: int = 0) -> None:
        if value.strip():
            self._ledger.add(Kind.PASSWORD, "login", field, side, at, text_of(value))


class Lines:
    """Cuts one side into lines; one longer than any command is given up, or, with `parts`, given in parts."""

    def __init__(self, end: bytes = b"\n", *, parts: bool = False) -> None:
        self._end = end
        self._parts = parts
        self.kept = b""

    def feed(self, data: bytes, at: int) -> Iterator[tuple[bytes, int]]:
        """Yield each whole line, without its end, and where it lies."""
        data, at = self.kept + data, at - len(self.kept)
        *lines, rest = data.split(self._end)
        self.kept = rest if len(rest) <= _MAX_LINE else b""
        for line in lines:
            yield line.rstrip(b"\r"), at
            at += len(line) + 1
        if self._parts and rest and not self.kept:
            yield rest, at


# ---- mail and FTP ----------------------------------------------------------------------------------------

_MAIL_WORK: Final = re.compile(
    rb"(?:\S+ )?(?:USER|PASS|LOGIN|AUTH|AUTHENTICATE|MAIL|RCPT|DATA|RETR|STOR|LIST|SELECT|FETCH|STAT)\b",
    re.IGNORECASE,
)
_USER: Final = re.compile(rb"USER (\S+)", re.IGNORECASE)
_PASS: Final = re.compile(rb"PASS (.+)", re.IGNORECASE)
_LOGIN: Final = re.compile(rb"\S+ LOGIN (.+)", re.IGNORECASE)
_SASL: Final = re.compile(rb"(?:AUTH|\S+ AUTHENTICATE) (PLAIN|LOGIN)(?: (\S+))?$", re.IGNORECASE)
_LITERAL: Final = re.compile(rb"\{\d{1,12}\+?\}$")
_NOBODY: Final = (b"anonymous", b"ftp", b"guest")


class Mail(Teller):
    """SMTP, POP3, IMAP and FTP: their commands are lines."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._lines = Lines()
        self._awaits: list[str] = []  # what the next lines of the client are
        self._nobody = False

    def gap(self, side: int) -> None:
        """Forget the line that was begun."""
        if side == 0:
            self._lines, self._awaits = Lines(), []

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if side:
            return
        for line, place in self._lines.feed(data, at):
            self.works = self.works or _MAIL_WORK.match(line) is not None
            if self._awaits:
                self._awaited(self._awaits.pop(0), line, place)
            else:
                self._command(line, place)

    def _command(self, line: bytes, at: int) -> None:
        if user := _USER.match(line):
            self._nobody = user.group(1).lower() in _NOBODY
        elif (found := _PASS.match(line)) and not self._nobody:
            self._password("PASS", found.group(1), at)
        elif found := _SASL.match(line):
            ways = ["plain"] if found.group(1).upper() == b"PLAIN" else ["user", "pass"]
            self._awaits = ways
            if found.group(2) and found.group(2) != b"=":
                self._awaited(self._awaits.pop(0), found.group(2), at)
        elif found := _LOGIN.match(line):
            self._imap(found.group(1), at)

    def _imap(self, words: bytes, at: int) -> None:
        if _LITERAL.search(words):
            self._awaits = ["literal"]
            return
        parts = re.findall(rb'"(?:[^"\\]|\\.)*"|\S+', words)
        if parts:
            self._password("LOGIN", parts[-1].strip(b'"'), at)

    def _awaited(self, what: str, line: bytes, at: int) -> None:
        if what == "literal":
            self._imap(line, at)
        elif what == "plain":
            self._password("AUTH PLAIN", _decoded(line).rpartition(b"\0")[2], at)
        elif what == "pass":
            self._password("AUTH LOGIN", _decoded(line), at)


def _decoded(line: bytes) -> bytes:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


# ---- Telnet ----------------------------------------------------------------------------------------------

_TELNET: Final = re.compile(rb"\xff[\xfb-\xfe].|\xff\xfa.{0,255}?\xff\xf0|\xff[\xf0-\xf9]", re.DOTALL)
_PROMPT: Final = re.compile(
    rb"(?:pass(?:word|code|wd)?|\xe5\x8f\xa3\xe4\xbb\xa4|\xe5\xaf\x86\xe7\xa0\x81"  # 口令, 密码 in UTF-8
    rb"|\xbf\xda\xc1\xee|\xc3\xdc\xc2\xeb)"  # and in GBK
    rb"[^\r\n]{0,24}(?::|\xef\xbc\x9a|\xa3\xba)\s*$",
    re.IGNORECASE,
)
_MAX_TYPED: Final = 256
_MAX_SAID: Final = 512  # of a window, at whose end a prompt stands


class Telnet(Teller):
    """Telnet: what is typed after the server asks for a password."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._said = b""
        self._typed = b""
        self._asks = False

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        plain = _TELNET.sub(b"", data[-_MAX_SAID:] if side else data[:_MAX_TYPED])
        if side:
            self._said = (self._said + plain)[-128:]
            if _PROMPT.search(self._said):
                self._asks, self._typed = True, b""
        elif self._asks and plain:
            self._said = b""
            self._typed = (self._typed + plain)[:_MAX_TYPED]
            line, end, _ = self._typed.replace(b"\n", b"\r").partition(b"\r")
            if end:
                self._password("password", line, at)
                self._asks = False


# ---- Redis -----------------------------------------------------------------------------------------------

_REDIS_AUTH: Final = re.compile(
    rb"\*\d+\r\n\$4\r\nauth\r\n(?:\$\d+\r\n([^\r\n]*)\r\n)?\$\d+\r\n([^\r\n]{1,512})\r\n"
    rb"|AUTH +(?:(\S+) +)?(\S+)\r\n",
    re.IGNORECASE,
)
_REDIS_HELLO: Final = re.compile(
    rb"\$4\r\nauth\r\n\$\d+\r\n([^\r\n]*)\r\n\$\d+\r\n([^\r\n]{1,512})\r\n", re.IGNORECASE
)
_REDIS_SETS: Final = re.compile(rb"(requirepass|masterauth)\r\n\$\d+\r\n([^\r\n]{1,512})\r\n", re.IGNORECASE)


class Redis(Teller):
    """Redis: AUTH, HELLO … AUTH, and passwords that are set."""

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if side:
            return
        for hit in (*_REDIS_AUTH.finditer(data),) or _REDIS_HELLO.finditer(data):
            self._password("AUTH", hit.groups()[-1] or hit.group(2) or b"?", at + hit.start())
        for hit in _REDIS_SETS.finditer(data):
            self._password(hit.group(1).decode().lower(), hit.group(2), at + hit.start())


# ---- LDAP ------------------------------------------------------------------------------------------------

_SIMPLE, _BY_SASL = 0x80, 0xA3
_BIND: Final = 0x60
_LDAP_WORK: Final = frozenset((0x63, 0x66, 0x68, 0x4A, 0x6C, 0x6E))  # search, modify, add, delete, rename, …
_MOST_MESSAGES: Final = 64  # of one window


def ber(data: bytes, at: int) -> tuple[int, int, int]:
    """Return tag, begin and end of the value that lies at `at`.

    Raises:
        ValueError: there is none.

    """
    head = data[at : at + 6]
    if len(head) < 2:
        raise ValueError
    size, begin = head[1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or len(head) < 2 + count:
            raise ValueError
        size, begin = int.from_bytes(head[2 : 2 + count], "big"), begin + count
    return head[0], begin, begin + size


def ldap_request(data: bytes, at: int = 0) -> tuple[int, int, int, int]:
    """Return operation, begin and end of its content, and where the next message begins.

    Raises:
        ValueError: it is no message of LDAP.

    """
    tag, begin, end = ber(data, at)
    number, first, after = ber(data, begin)
    if tag != 0x30 or number != 2 or not 1 <= after - first <= 4:
        raise ValueError
    operation, first, last = ber(data, after)
    if last > end or operation & 0xC0 != 0x40:
        raise ValueError
    return operation, first, last, end


def begins_ldap(data: bytes) -> bool:
    """Tell whether the first bytes of a client are a bind, a search or an extended request of LDAP."""
    try:
        operation, first, last, _ = ldap_request(data)
        tag, begin, end = ber(data, first)
    except ValueError:
        return False
    value = data[begin:end]
    if operation == _BIND:
        return tag == 2 and value in {b"\2", b"\3"}
    return last <= len(data) and (
        (operation == 0x63 and tag == 4)
        or (operation == 0x77 and tag == 0x80 and value.startswith(b"1.3.6."))
    )


def snmp_community(datagram: bytes) -> str:
    """Return the community of SNMPv1 or v2c, which lets in whoever knows it; nothing for version 3.

    Source: RFC 1157 §4, RFC 1901 §3.
    """
    try:
        tag, begin, _ = ber(datagram, 0)
        _, first, last = ber(datagram, begin)
        number, at, end = ber(datagram, last)
    except ValueError:
        return ""
    sound = tag == 0x30 and number == 4 and datagram[first:last] in {b"\0", b"\1"} and end <= len(datagram)
    return text_of(datagram[at:end]) if sound else ""


class Ldap(Teller):
    """LDAP: simple binds, and whether anything but a look at the root and a bind is in clear.

    After a bind by SASL messages may be sealed: these are no messages any more, and nothing is said of them.
    """

    def hear(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if side:
            return
        here = 0
        for _ in range(_MOST_MESSAGES):
            try:
                operation, first, last, following = ldap_request(data, here)
                tag, begin, end = ber(data, first)
            except ValueError:
                return
            if operation == _BIND:
                self._bind(data[end:last], at + here)
            elif operation in _LDAP_WORK:  # a search for nothing is of the root, which all may read
                self.works = self.works or operation != 0x63 or (tag == 4 and end > begin)
            here = following

    def _bind(self, rest: bytes, at: int) -> None:
        """Read name and credentials of a bind."""
        try:
            _, _, end = ber(rest, 0)
            tag, begin, last = ber(rest, end)
        except ValueError:
            return
        if tag == _SIMPLE:
            self.works = self.works or last > begin
            self._password("simple bind", rest[begin:last], at)
        elif tag == _BY_SASL and rest[begin + 2 : begin + 7] == b"PLAIN":
            self._password("bind PLAIN", rest[begin + 7 : last].rpartition(b"\0")[2], at)
