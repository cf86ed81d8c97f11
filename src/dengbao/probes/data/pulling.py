"""Reads files of a host one after the other through one shell, as bytes that a thread of ours takes."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import threading
from collections.abc import Awaitable
from typing import Final, TypeVar

from ...errors import ProbeError
from ...scanning.archives import Unreadable
from ..host.collect import Shell, new_nonce
from ..host.visit import Visit

_ANSWER_S: Final = 30.0
_PIECE: Final = 256 * 1024
_DRAIN_BYTES: Final = 4 * 1024 * 1024  # more than that is not worth reading to reach the end
_T = TypeVar("_T")

# One request: what the path is now, its bytes, the end. A link or a pipe put there meanwhile is not read.
_SERVE: Final = """
N=$1; LC_ALL=C; export LC_ALL; cd /
f() {
  if [ -L "$1" ]; then s=link; elif [ ! -e "$1" ]; then s=gone; elif [ ! -f "$1" ]; then s=special
  elif [ ! -r "$1" ]; then s=denied; else s=ok; fi
  printf '%s %s\\n' "$N" "$s"
  if [ $s = ok ]; then head -c "$2" <"$1" 2>/dev/null; fi
  printf '\\n%s end %s\\n' "$N" "$?"
}
"""


class Broken(Exception):
    """The shell does not answer as it must; the connection may be gone."""


class FileShell:
    """A shell on a host that hands out files; opened when it is needed, and again after it was given up."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._shell: Shell | None = None
        self._nonce = ""
        self._held = bytearray()
        self._ended = True
        self._silent: asyncio.Future[None] | None = None

    async def begin(self, path: str, most_bytes: int) -> str:
        """Ask for a file; return `ok`, `gone`, `link`, `special` or `denied`.

        Raises:
            Broken: no shell, or no answer in time.

        """
        try:
            shell = self._shell or await self._open()
            request = f"f {shlex.quote(path)} {most_bytes}\n"
            shell.stdin.write(request.encode(errors="surrogateescape"))
        except (OSError, ProbeError) as exc:
            raise Broken from exc
        self._held.clear()
        self._ended = False
        while b"\n" not in self._held:
            await self._more()
        line, _, rest = bytes(self._held).partition(b"\n")
        self._held = bytearray(rest)
        word, _, state = line.decode("ascii", "replace").partition(" ")
        if word != self._nonce:
            raise Broken
        return state

    async def read(self) -> bytes:
        """Return the next bytes of the file, nothing at its end.

        Raises:
            Broken: no answer in time, the connection ended, or the file could not be read to its end.

        """
        mark = f"\n{self._nonce} end ".encode()
        while not self._ended:
            at = self._held.find(mark)
            if at >= 0:
                return await self._last(at, len(mark))
            sure = len(self._held) - len(mark)
            if sure > 0:
                data = bytes(self._held[:sure])
                del self._held[:sure]
                return data
            await self._more()
        return b""

    async def _last(self, at: int, mark: int) -> bytes:
        data = bytes(self._held[:at])
        while b"\n" not in self._held[at + mark :]:
            await self._more()
        code = bytes(self._held[at + mark :]).partition(b"\n")[0]
        self._ended = True
        self._held.clear()
        if code != b"0":
            raise Broken
        return data

    async def finish(self) -> None:
        """End the file: read on where little is left, else give the shell up."""
        left = _DRAIN_BYTES
        try:
            while left > 0 and (data := await self.read()):
                left -= len(data)
        except Broken:
            left = 0
        if left <= 0 or not self._ended:
            await self.close()

    async def close(self) -> None:
        """Give the shell up."""
        shell, self._shell = self._shell, None
        if self._silent is not None:
            self._silent.cancel()
        if shell is not None:
            await shell.close()

    async def _open(self) -> Shell:
        shell = await self._visit.shell()
        self._shell = shell
        self._nonce = new_nonce()  # comes in with the script: other users see the words of a command
        self._silent = asyncio.ensure_future(_discard(shell))
        shell.stdin.write(f"set -- {self._nonce}\n{_SERVE}".encode())
        return shell

    async def _more(self) -> None:
        if self._shell is None:
            raise Broken
        try:
            async with asyncio.timeout(_ANSWER_S):
                data = await self._shell.stdout.read(_PIECE)
        except (TimeoutError, OSError) as exc:
            raise Broken from exc
        if not data:
            raise Broken
        self._held += data


async def _discard(shell: Shell) -> None:
    with contextlib.suppress(OSError):
        while await shell.stderr.read(4096):
            pass


class Pull:
    """The bytes of the file that was begun, for a thread: at most `most_bytes`, then an end.

    `more` tells that the file had more, `ended` that its end was reached, `broken` that it never came.
    """

    def __init__(
        self, files: FileShell, most_bytes: int, loop: asyncio.AbstractEventLoop, stop: threading.Event
    ) -> None:
        self._files = files
        self._most = most_bytes
        self._loop = loop
        self._stop = stop
        self._ready = b""
        self.seen = 0
        self.more = False
        self.ended = False
        self.broken = False

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes.

        Raises:
            Unreadable: the file did not arrive to its end, or nobody waits for it any more.

        """
        if not self._ready and not self.more:
            self._ready = self._next()
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _next(self) -> bytes:
        if self.broken or self._stop.is_set():
            raise Unreadable("传输中断，未读完")
        try:
            data = self._wait(self._files.read())
        except Broken as exc:
            self.broken = True
            raise Unreadable("传输中断或读取出错，未读完") from exc
        self.ended = not data
        if self.seen + len(data) > self._most:
            self.more = True
            data = data[: self._most - self.seen]
        self.seen += len(data)
        return data

    def _wait(self, what: Awaitable[_T]) -> _T:
        async def awaited() -> _T:
            return await what

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()
