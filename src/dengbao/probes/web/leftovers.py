"""Folders of Chromium that a killed run left behind: found by their name, removed when nobody uses them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PREFIX: Final = "dengbao-chromium-"
_NAME: Final = re.compile(rf"{PREFIX}(\d+)-(\d+)-\w+")


def new_folder() -> Path:
    """Return a new folder whose name tells which process it is of."""
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{_namespace()}-"))


def sweep() -> None:
    """Remove folders of ours whose process is gone; what cannot be removed stays, and nobody else's goes.

    Only what this user owns, no link, of this process namespace (a container numbers its processes itself),
    and not while any process still bears the folder in its arguments. On Windows nothing is removed: there
    is no harmless way to ask for a process by its number.
    """
    if os.name != "posix":
        return
    for folder in _abandoned(Path(tempfile.gettempdir())):
        shutil.rmtree(folder, ignore_errors=True)


def _abandoned(place: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in list(entries):
            found = _NAME.fullmatch(entry.name)
            if found and int(found[2]) == _namespace() and _is_ours(entry) and not _runs(int(found[1])):
                folder = Path(entry.path)
                if not list(bearing(folder)):
                    yield folder


def _is_ours(entry: os.DirEntry[str]) -> bool:
    if not entry.is_dir(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_uid == os.geteuid()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _namespace() -> int:
    """Return what tells apart the numberings of processes that share a temporary folder, 0 if unknown."""
    with contextlib.suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return 0


def bearing(folder: Path) -> Iterator[int]:
    """Yield the processes that bear a folder in their arguments; only Linux lets us find them."""
    mark = str(folder).encode()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark in entry.read_bytes():
                yield int(entry.parent.name)
