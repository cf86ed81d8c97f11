"""Runs the command line in a terminal of its own, as a person would, and reads what it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LIMIT_S = 60.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@dataclass(frozen=True)
class Shown:
    """What a terminal got, and how the program ended."""

    raw: str
    code: int

    @property
    def lines(self) -> list[str]:
        """Return the lines without control sequences; what was overwritten on a line counts as a line."""
        return re.split(r"\r\n|\r|\n", _CONTROL.sub("", self.raw))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def in_terminal(
    *arguments: object,
    env: Mapping[str, str],
    columns: int = 80,
    answer: Callable[[str], str] = lambda _shown: "",
) -> Shown:
    """Run `dengbao …`; `answer` sees all that was shown so far and returns what is typed next."""
    child, line = pty.fork()
    if child == 0:  # pragma: no cover - the other process
        command = [sys.executable, "-m", "dengbao", *map(str, arguments)]
        os.execve(command[0], command, dict(env))  # noqa: S606 - our own program
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    got = b""
    ends = time.monotonic() + LIMIT_S
    try:
        while time.monotonic() < ends:
            if not select.select([line], [], [], 0.1)[0]:
                continue
            try:
                block = os.read(line, 65536)
            except OSError:  # the other side is gone
                break
            if not block:
                break
            got += block
            typed = answer(got.decode("utf-8", "replace"))
            if typed:
                os.write(line, typed.encode())
        else:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(line)
    _, status = os.waitpid(child, 0)
    return Shown(got.decode("utf-8", "replace"), os.waitstatus_to_exitcode(status))
