"""Files while they are taken in: locked as long as somebody writes them, free when a kill left them."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl


def new_part(folder: Path) -> Path:
    """Return a name for a file that is to be taken in, by which its process is known."""
    return folder / f".{os.getpid()}-{secrets.token_hex(8)}.part"


def hold(file: BinaryIO) -> None:
    """Lock an open part until it is closed; Windows lets nobody remove it as long as it is open."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def drop_parts(folder: Path, *, own: bool = False) -> None:
    """Remove the parts that nobody writes any more; with `own` those of this process, which is about to end.

    Changes: removes files in the folder; what another living process is taking in stays.
    """
    mine = f".{os.getpid()}-"
    for one in folder.glob(".*.part") if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            if one.name.startswith(mine) if own else _abandoned(one):
                one.unlink()


def _abandoned(path: Path) -> bool:
    if sys.platform == "win32":
        return True
    with path.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError where somebody writes it
    return True
