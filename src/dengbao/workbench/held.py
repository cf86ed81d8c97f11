"""Workbooks that wait to be confirmed: in a private folder, one for each visitor, few in all."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from ..errors import UsageError
from ..evidence import MAX_FILE_BYTES
from ..model import Person
from .guard import Visitor

if TYPE_CHECKING:
    from ..recording import Book

_MOST: Final = 8
_LIGHT_BYTES: Final = 4 * 1024 * 1024
_BLOCK: Final = 1 << 20
NAME: Final = "核查记录.xlsx"
_GONE: Final = "没有待确认的表"


@dataclass(frozen=True)
class Held:
    """A workbook that somebody uploaded, and what they said of it."""

    token: str
    path: Path
    by: Person
    at: datetime | None
    redacted: bool


class Shelf:
    """The workbooks that wait for a confirmation; the oldest makes room, all are gone with the process."""

    def __init__(self, *, light_bytes: int = _LIGHT_BYTES) -> None:
        """Keep what was read of a workbook in memory where its pictures weigh no more than that."""
        self._light_bytes = light_bytes
        self._held: list[tuple[Visitor, Held]] = []
        self._books: dict[str, Book] = {}
        self._folders: set[Path] = set()  # made only when something is brought: most processes hold nothing
        weakref.finalize(self, _clear, self._folders)
        self._lock = threading.Lock()

    def keep(
        self, visitor: Visitor, stream: BinaryIO, by: Person, at: datetime | None, *, redacted: bool
    ) -> Held:
        """Take an upload in; an earlier one of the same visitor goes.

        Raises:
            UsageError: it is too big.

        """
        token = secrets.token_urlsafe(16)
        folder = Path(tempfile.mkdtemp(prefix="dengbao-held-"))
        self._folders.add(folder)
        held = Held(token, folder / NAME, by, at, redacted)
        try:
            _copy(stream, held.path)
        except BaseException:
            self._remove(folder)
            raise
        with self._lock:
            self._held.append((visitor, held))
            of_visitor = [one for one in self._held[:-1] if one[0] is visitor]
            for one in [*of_visitor, *self._held[:-_MOST]]:
                self._drop(one)
        return held

    def find(self, visitor: Visitor, token: str) -> Held:
        """Return the visitor's own workbook of that token.

        Raises:
            UsageError: there is none.

        """
        with self._lock:
            found = next((held for who, held in self._held if who is visitor and held.token == token), None)
        if found is None:
            raise UsageError(_GONE, cure="重新上传；每人只留最近一份，重新启动后不留")
        return found

    def book_of(self, held: Held) -> Book:
        """Return a workbook as it was read, once unless its pictures are too heavy to be kept.

        Raises:
            EvidenceError: it cannot be read, or holds what may not be in it.

        """
        from ..recording import read_book  # noqa: PLC0415 - takes long to import, and few bring workbooks

        with self._lock:
            known = self._books.get(held.token)
        if known is not None:
            return known
        book = read_book(held.path)
        with self._lock:
            if book.weight_bytes <= self._light_bytes and any(one is held for _, one in self._held):
                self._books[held.token] = book
        return book

    def drop(self, held: Held) -> None:
        """Forget a workbook."""
        with self._lock:
            for one in [one for one in self._held if one[1] is held]:
                self._drop(one)

    def _drop(self, one: tuple[Visitor, Held]) -> None:
        self._held = [other for other in self._held if other is not one]
        self._books.pop(one[1].token, None)
        self._remove(one[1].path.parent)

    def _remove(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._folders.discard(folder)


def _clear(folders: set[Path]) -> None:
    for one in folders:
        shutil.rmtree(one, ignore_errors=True)


def _copy(stream: BinaryIO, path: Path) -> None:
    size = 0
    with path.open("xb") as out:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > MAX_FILE_BYTES:
                raise UsageError(
                    f"文件超过 {MAX_FILE_BYTES // 1024 // 1024} MB", cure="压缩图片，或分几次导入"
                )
            out.write(block)
