"""Splits SQL text into statements, so that a driver can feed them one by one.

A dump is never handed to `psql`, `mysql` or `sqlite3`: these programs have commands of their own that
start other programs. What is split wrongly here is refused by the server as bad SQL and harms nothing.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .streams import CHUNK, Stream, Undecided, size_zh

_STATEMENT_MAX: Final = 128 * 1024 * 1024
_DELIMITER: Final = re.compile(rb"\s*DELIMITER\s+(\S{1,16})\s*\Z", re.IGNORECASE)
_CLIENT_COMMAND: Final = re.compile(rb"\s*\\(\S{1,40})\s*([^\r\n]*)")
_COPY: Final = re.compile(rb"COPY\s.+\sFROM\s+stdin\b[^;]*;?\s*\Z", re.IGNORECASE | re.DOTALL)
_LEADING: Final = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z)|#[^\n]*(?:\n|\Z)|/\*(?![!M]).*?\*/)*", re.DOTALL)
_COPY_END: Final = (b"\\.\n", b"\\.\r\n", b"\\.")


@dataclass(frozen=True)
class Dialect:
    """How one product writes text.

    `begins` finds what may hide a delimiter; `plain` runs over what ends on the line it began on, at the
    speed of the machine and not of Python.
    """

    begins: re.Pattern[bytes]
    plain: re.Pattern[bytes]
    backslash: bool = False
    dollar: bool = False
    client: bool = False
    complete: Callable[[str], bool] | None = None


POSTGRES: Final = Dialect(
    re.compile(rb"['\"]|--|/\*|\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$"),
    re.compile(rb"(?:[^'\"$/;\-eE]++|[eE](?!')|'[^']*+'|\"[^\"]*+\"|-(?!-)|/(?!\*))*+", re.DOTALL),
    dollar=True,
    client=True,
)
MARIADB: Final = Dialect(
    re.compile(rb"['\"`]|--(?=\s|\Z)|#|/\*(?![!M])"),
    re.compile(
        rb"(?:[^'\"`#/;\-]++|'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\"|`[^`]*+`|-(?!-)|/(?!\*))*+",
        re.DOTALL,
    ),
    backslash=True,
)
SQLITE: Final = Dialect(
    re.compile(rb"['\"`]|--|/\*"),
    re.compile(rb"(?:[^'\"`/;\-]++|'[^']*+'|\"[^\"]*+\"|-(?!-)|/(?!\*))*+", re.DOTALL),
    complete=lambda text: bool(sqlite3.complete_statement(text)),
)


@dataclass(frozen=True)
class ClientCommand:
    """A line that a client program would have carried out; it is not."""

    name: str
    argument: str


class Script:
    """Hands out the statements of a text in order; `copy_rows` what follows a COPY … FROM stdin."""

    def __init__(self, stream: Stream, dialect: Dialect) -> None:
        self._lines = lines_of(stream)
        self._dialect = dialect
        self._delimiter = b";"
        self._rest = b""  # what stands behind a delimiter on the same line

    def __iter__(self) -> Iterator[bytes | ClientCommand]:
        """Yield statements without leading comments, and what only a client program understands."""
        while True:
            told = self._next()
            if told is None:
                return
            if isinstance(told, ClientCommand) or told:
                yield told

    def copy_rows(self) -> Iterator[bytes]:
        """Yield the rows of a COPY block up to its end mark."""
        if self._rest.strip():
            return
        self._rest = b""
        for line in self._lines:
            if line in _COPY_END:
                return
            yield line

    def _next(self) -> bytes | ClientCommand | None:
        parts: list[bytes] = []
        size = 0
        hidden = b""
        while line := self._line():
            command = None if hidden else self._command(line)
            if command is not None and not bare(b"".join(parts)):
                return command
            at, hidden = self._scan(line, hidden)
            parts.append(line if at is None else line[:at])
            size += len(parts[-1])
            if size > _STATEMENT_MAX:
                raise Undecided(f"备份中单条语句超过 {size_zh(_STATEMENT_MAX)}，未恢复")
            if at is None:
                continue
            self._rest = line[at + len(self._delimiter) :].lstrip(b"\r\n")
            if self._is_whole(parts):
                return bare(b"".join(parts))
            parts.append(b";")
        return bare(b"".join(parts)) if size else None

    def _line(self) -> bytes:
        line, self._rest = self._rest, b""
        return line or next(self._lines, b"")

    def _is_whole(self, parts: list[bytes]) -> bool:
        """Tell whether the delimiter ended a statement; inside a trigger of SQLite it does not."""
        if self._dialect.complete is None:
            return True
        return self._dialect.complete(b"".join((*parts, b";")).decode("utf-8", "replace"))

    def _command(self, line: bytes) -> bytes | ClientCommand | None:
        """Return what a line says to the client: nothing to run, a command to note, or None."""
        if self._dialect.client and (found := _CLIENT_COMMAND.match(line)):
            return ClientCommand(_text(found[1]), _text(found[2]).strip())
        if self._dialect.backslash and (found := _DELIMITER.match(line)):
            self._delimiter = found[1]
            return b""
        return None

    def _scan(self, line: bytes, hidden: bytes) -> tuple[int | None, bytes]:
        """Return where the delimiter stands in the line, and which quote or comment is open at its end."""
        at = 0
        end = 0  # where the next delimiter stands, once looked for
        while True:
            if hidden:
                at = self._close(line, at, hidden)
                if at < 0:
                    return None, hidden
            if self._delimiter == b";" and (run := self._dialect.plain.match(line, at)):
                at = run.end()
            if 0 <= end <= at:
                end = line.find(self._delimiter, at)
            found = self._dialect.begins.search(line, at)
            if found is None or -1 < end < found.start():
                return (end if end >= 0 else None), b""
            at = found.end()
            hidden = self._opened(line, found)
            if not hidden:  # a comment to the end of the line
                return None, b""

    def _opened(self, line: bytes, found: re.Match[bytes]) -> bytes:
        what = found.group()
        if what in (b"--", b"#"):
            return b""
        if what == b"'" and self._dialect.dollar:
            before = line[max(0, found.start() - 2) : found.start()]
            if re.fullmatch(rb"(?:[^A-Za-z0-9_])?[eE]", before):
                return b"E'"
        return what

    def _close(self, line: bytes, at: int, hidden: bytes) -> int:
        """Return where the hidden part ends in the line, -1 where it goes on."""
        if hidden == b"/*":
            end = line.find(b"*/", at)
            return end + 2 if end >= 0 else -1
        if hidden == b"E'" or (hidden in (b"'", b'"') and self._dialect.backslash):
            return _after_escapes(line, at, hidden[-1:])
        end = line.find(hidden, at)
        return end + len(hidden) if end >= 0 else -1


_ESCAPED: Final = {
    quote: re.compile(rb"(?:[^\\" + quote + rb"]++|\\.)*+", re.DOTALL) for quote in (b"'", b'"')
}


def _after_escapes(line: bytes, at: int, quote: bytes) -> int:
    found = _ESCAPED[quote].match(line, at)
    end = found.end() if found else at
    return end + 1 if line[end : end + 1] == quote else -1


def lines_of(stream: Stream) -> Iterator[bytes]:
    """Yield the lines of a stream with their ends.

    Raises:
        Undecided: a line longer than any statement may be.

    """
    kept: list[bytes] = []
    size = 0
    while part := stream.read(CHUNK):
        pieces = part.splitlines(keepends=True) if b"\r" not in part else re.split(rb"(?<=\n)", part)
        for piece in pieces:
            kept.append(piece)
            size += len(piece)
            if piece.endswith(b"\n"):
                yield b"".join(kept)
                kept, size = [], 0
        if size > _STATEMENT_MAX:
            raise Undecided(f"备份中单行超过 {size_zh(_STATEMENT_MAX)}，未恢复")
    if size:
        yield b"".join(kept)


def bare(statement: bytes) -> bytes:
    """Return a statement without the comments before it; those that MySQL carries out are kept."""
    found = _LEADING.match(statement)
    return statement[found.end() if found else 0 :].strip()


def is_copy(statement: bytes) -> bool:
    """Tell whether rows follow this statement."""
    return statement[:5].upper().startswith(b"COPY") and _COPY.match(statement) is not None


def verb(statement: bytes) -> str:
    """Return what sort of statement this is, such as `CREATE TABLE`; never a word that the dump made up."""
    words: list[bytes] = re.findall(rb"[A-Za-z]+", re.sub(rb"/\*M?!\d*", b" ", statement[:200]))
    told = [one.decode().upper() for one in words[:8]]
    first = next((one for one in told[:1] if one in _VERBS), "")
    if first in _WITH_OBJECT:
        return " ".join((first, *[one for one in told[1:] if one in _OBJECTS][:1]))
    return first or "?"


_WITH_OBJECT: Final = frozenset({"CREATE", "ALTER", "DROP"})
_VERBS: Final = _WITH_OBJECT | frozenset(
    {"BEGIN", "CALL", "COMMENT", "COMMIT", "COPY", "DELETE", "DO", "EXECUTE", "GRANT", "INSERT", "INSTALL",
     "LOAD", "LOCK", "PRAGMA", "REPLACE", "REVOKE", "SECURITY", "SELECT", "SET", "START", "SYSTEM",
     "TRUNCATE", "UNLOCK", "UPDATE", "USE", "WITH"}
)  # fmt: skip
_OBJECTS: Final = frozenset(
    {"AGGREGATE", "CAST", "COLLATION", "CONVERSION", "DATABASE", "DOMAIN", "EVENT", "EXTENSION", "FOREIGN",
     "FUNCTION", "INDEX", "LANGUAGE", "OPERATOR", "POLICY", "PROCEDURE", "PUBLICATION", "ROLE", "RULE",
     "SCHEMA", "SEQUENCE", "SERVER", "STATISTICS", "SUBSCRIPTION", "TABLE", "TEXT", "TRIGGER", "TYPE", "USER",
     "VIEW"}
)  # fmt: skip


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
