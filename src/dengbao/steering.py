"""How a run is paused and stopped from outside, and how others see that one is under way.

```
runs/.sitting.json   who runs now, since when, in which process; written after the lock is held
runs/.pause          while it is there, no further probe starts; anyone may make or remove it
runs/.stop           no further probe starts, what is under way may end, then the run ends
```
A run removes wishes that an earlier one left behind before it says that it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from .errors import DengbaoError, UsageError
from .files import write_whole
from .model import Value
from .rounds import RUNNING

PAUSE: Final = ".pause"
STOP: Final = ".stop"
SITTING: Final = ".sitting.json"
# How long what is under way may go on after a stop was asked for: most probes end by themselves within it.
PATIENCE_S: Final = 20.0
# Whoever looks whether a run is there holds its lock for an instant.
BUSY_S: Final = 0.5
_LOOK_EVERY_S: Final = 0.2


class Stopped(DengbaoError):
    """The run was asked to stop and did; what was fetched is kept."""

    exit_code = 130


class Wish(Value):
    """Who asked for a pause or a stop, and when."""

    by: str
    at: datetime


class Sitting(Value):
    """A run that is under way; `where` is the machine, `doing` is `fetch`, `judge` or `again`."""

    pid: int
    where: str
    begun_at: datetime
    operator: str = ""
    doing: str = "fetch"


@contextlib.contextmanager
def sitting(directory: Path, operator: str, doing: str = "fetch") -> Iterator[Helm]:
    """Say that a run is under way for as long as the block lasts; the lock of runs must be held.

    Changes: writes and removes files under `runs/`.
    """
    withdraw(directory, PAUSE)
    withdraw(directory, STOP)
    begun_at, where = datetime.now(UTC), socket.gethostname()
    own = Sitting(pid=os.getpid(), where=where, begun_at=begun_at, operator=operator, doing=doing)
    helm = Helm(directory, own)
    helm.tell(doing)
    try:
        yield helm
    finally:
        for name in (SITTING, PAUSE, STOP):
            withdraw(directory, name)


def under_way(directory: Path) -> Sitting | None:
    """Return the run that is under way, None where there is none; what a killed one left is taken away."""
    path = directory / "runs" / SITTING
    found = _read(path)
    if found is None:
        return None
    lock = FileLock(directory / "runs" / RUNNING)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return found
    try:
        path.unlink(missing_ok=True)
    finally:
        lock.release()
    return None


def _read(path: Path) -> Sitting | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sitting)
    except (OSError, msgspec.DecodeError):
        return None


def ask(directory: Path, name: str, by: str) -> None:
    """Ask the run that is under way to pause or to stop.

    Raises:
        UsageError: none is under way.

    """
    if under_way(directory) is None:
        raise UsageError("现在没有检测在运行", cure="刷新页面；要继续未完成的一轮，点“继续”")
    wish = Wish(by=by, at=datetime.now(UTC))
    write_whole(directory / "runs" / name, msgspec.json.encode(wish))


def withdraw(directory: Path, name: str) -> None:
    """Take a wish back; nothing happens where there is none."""
    (directory / "runs" / name).unlink(missing_ok=True)


def asked(directory: Path, name: str) -> Wish | None:
    """Return who asked, None where nobody did; a file made by hand counts, too."""
    path = directory / "runs" / name
    try:
        data = path.read_bytes()
        made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
    try:
        return msgspec.json.decode(data, type=Wish)
    except msgspec.DecodeError:
        return Wish(by="", at=made)


@dataclass
class Helm:
    """The run's own side of it."""

    directory: Path
    own: Sitting
    paused: bool = False
    stopped: bool = False

    def tell(self, doing: str) -> None:
        """Say what the run does now."""
        self.own = msgspec.structs.replace(self.own, doing=doing)
        write_whole(self.directory / "runs" / SITTING, msgspec.json.encode(self.own))

    def wish(self) -> str:
        """Return `STOP`, `PAUSE` or nothing; once stopped, a run stays so."""
        runs = self.directory / "runs"
        self.stopped = self.stopped or (runs / STOP).exists()
        return STOP if self.stopped else PAUSE if (runs / PAUSE).exists() else ""

    async def free(self) -> bool:
        """Wait while a pause is asked for; tell whether the next probe may start."""
        while (wish := self.wish()) == PAUSE:  # noqa: ASYNC110 - it is a file that is waited for
            await asyncio.sleep(_LOOK_EVERY_S)
        return not wish

    async def until_stopped(self, work: Coroutine[object, object, None]) -> None:
        """Do the work to its end; some time after a stop is asked for, what is left of it is cancelled.

        Raises:
            BaseExceptionGroup: what went wrong in the work.

        """
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            watch = group.create_task(self._end(task))
            task.add_done_callback(lambda _done: watch.cancel())

    async def _end(self, task: asyncio.Task[None]) -> None:
        while self.wish() != STOP:  # noqa: ASYNC110 - it is a file that is waited for
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(PATIENCE_S)
        task.cancel()
