"""Reads the JSON of the Debian security tracker package after package, never the whole of it at once.

The file is one object of packages. It is cut at their braces, and each piece is decoded by itself into the
few fields that are used: parsers that stream a whole file are slow, or fall over files made to harm them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

from ..errors import EvidenceError
from .entries import DEBIAN_RELEASES, Batch, Entry, level_of

# The largest package of the real file, the kernel, takes some twenty MiB.
_PACKAGE_BYTES: Final = 64 * 1024 * 1024
_BLOCK: Final = 1 << 20
# Everything up to the next brace that stands outside strings; possessive, so that it never goes back.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN: Final = re.compile(rb'(?:[^"{}]++|' + _STRING + rb")*+[{}]", re.DOTALL)
_NAMED: Final = re.compile(rb"[\s,{]*(" + _STRING + rb")\s*:\s*\{", re.DOTALL)


class _Release(msgspec.Struct):
    status: str
    fixed_version: str = ""
    urgency: str = ""


class _Issue(msgspec.Struct):
    releases: dict[str, _Release] = msgspec.field(default_factory=dict)


_DECODER: Final = msgspec.json.Decoder(dict[str, _Issue])
_NAME: Final = msgspec.json.Decoder(str)


class Readable(Protocol):
    """A file of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""


def read_tracker(source: Readable, where: str) -> Iterator[Batch]:
    """Yield the entries of each source package for the releases we know.

    Raises:
        EvidenceError: not JSON, or not of this shape.

    """
    odd = EvidenceError(
        "不是 Debian 安全跟踪数据，或已损坏", where=where, cure="重新取得 Debian 安全跟踪的 JSON，原样带入"
    )
    try:
        for name, value in _Cutter(source, odd).pieces():
            yield _batch(_NAME.decode(name), _DECODER.decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise odd from exc


class _Cutter:
    """Cuts an object of objects into its names and values as bytes."""

    def __init__(self, source: Readable, odd: EvidenceError) -> None:
        self._source = source
        self._odd = odd
        self._data = bytearray()
        self._at = 0

    def pieces(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield (name, value) until the object closes."""
        depth, start, name = 0, 0, b""
        self._fill()
        if not self._data.lstrip().startswith(b"{"):
            raise self._odd
        while (token := self._token()) is not None:
            if token.endswith(b"{"):
                depth += 1
                if depth == 2:
                    start, name = self._at - 1, self._name(token)
                continue
            depth -= 1
            if depth == 0:
                return
            if depth == 1:
                yield name, bytes(memoryview(self._data)[start : self._at])
                if self._at > _BLOCK:  # not for every package: what is left has to move
                    del self._data[: self._at]
                    self._at = 0
        raise self._odd

    def _name(self, token: bytes) -> bytes:
        found = _NAMED.fullmatch(token)
        if found is None:
            raise self._odd
        return found.group(1)

    def _token(self) -> bytes | None:
        """Return the text up to and with the next brace, None where the file ends before there is one."""
        while (found := _TOKEN.match(self._data, self._at)) is None:
            if not self._fill():
                return None
        self._at = found.end()
        return found.group()

    def _fill(self) -> bool:
        if len(self._data) > _PACKAGE_BYTES:
            raise self._odd
        block = self._source.read(_BLOCK)
        self._data += block
        return bool(block)


def _batch(package: str, issues: dict[str, _Issue]) -> Batch:
    entries: list[Entry] = []
    levels: dict[str, int] = {}
    for name, issue in issues.items():
        for release, one in issue.releases.items():
            number = DEBIAN_RELEASES.get(release)
            # The tracker writes 0 where the release never had the hole.
            mended = one.status == "resolved" and one.fixed_version not in ("", "0")
            if number is None or not (mended or one.status == "open"):
                continue
            fixed = one.fixed_version if mended else ""
            entries.append(Entry(distribution=f"debian:{number}", package=package, id=name, fixed=fixed))
            levels[name] = max(levels.get(name, 0), level_of(one.urgency))
    return Batch(entries=tuple(entries), levels=levels)
