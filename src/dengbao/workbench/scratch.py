"""The temporary files of one server: in a folder of its own, gone when it ends, found again after a kill.

While a server lives it holds the lock in its folder, and the system lets go of that however the process ends:
who gets the lock knows that nobody uses the folder any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ..traces import keep_traces_in

PREFIX: Final = "dengbao-serve-"
ALIVE: Final = "alive"
# Between making a folder and locking it a server needs an instant; what is older was left behind.
_YOUNG_S: Final = 600.0


class Scratch:
    """Takes over the temporary files of this process until it is closed.

    Changes: removes what servers of this user left behind that are no more; sets `tempfile.tempdir`.
    """

    def __init__(self) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # mode 0700
        self._lock = FileLock(self.folder / ALIVE)
        self._lock.acquire(timeout=0)
        keep_traces_in(str(self.folder.parent))
        tempfile.tempdir = str(self.folder)

    def close(self) -> None:
        """Remove everything, also what a thread that was broken off has left; harmless when done twice."""
        tempfile.tempdir = None
        _remove(self.folder, self._lock)


def sweep() -> None:
    """Remove the folders of servers that are gone; those of living ones and of other users stay."""
    for folder in _ours(Path(tempfile.gettempdir())):
        alive = folder / ALIVE
        if not alive.exists():
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > _YOUNG_S:
                    shutil.rmtree(folder, ignore_errors=True)
            continue
        lock = FileLock(alive)
        with contextlib.suppress(Timeout, OSError):
            lock.acquire(timeout=0)
            _remove(folder, lock)


def _remove(folder: Path, lock: FileLock) -> None:
    """Remove a locked folder; the lock goes last, so that half of it is not taken for a living one."""
    for one in folder.iterdir() if folder.is_dir() else ():
        if one.name == ALIVE:
            continue
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                one.unlink()
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)


def _ours(place: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for one in list(entries):
            if not one.name.startswith(PREFIX) or not one.is_dir(follow_symlinks=False):
                continue
            if os.name != "posix" or one.stat(follow_symlinks=False).st_uid == os.geteuid():
                yield Path(one.path)
