"""Finds the files of a folder that fit a pattern; symbolic links are never followed."""

from __future__ import annotations

import fnmatch
import heapq
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final

from ...errors import NotDeclared
from . import pg_folder
from .facts import Skipped
from .streams import Budget

LISTED_MAX: Final = 500
_ENTRIES_MAX: Final = 200_000
_SKIPPED_MAX: Final = 50
_EVERYWHERE: Final = "**"


@dataclass(frozen=True)
class Entry:
    """One file: its real path, the name people read, and what `lstat` said; `folder`: a dump that is one."""

    path: str
    name: str
    size_bytes: int
    modified_at: datetime
    folder: bool = False


@dataclass
class Walk:
    """What a walk found; `seen` counts all entries looked at."""

    root: str
    budget: Budget
    files: dict[str, Entry] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    seen: int = 0
    complete: bool = True

    def newest(self) -> tuple[Entry, ...]:
        """Return the newest files, newest first."""
        return tuple(
            heapq.nlargest(LISTED_MAX, self.files.values(), key=lambda one: (one.modified_at, one.name))
        )

    def passed_over(self) -> tuple[Skipped, ...]:
        """Return the first entries that were passed over, by name."""
        names = sorted(self.skipped)[:_SKIPPED_MAX]
        return tuple(Skipped(name=one, why=self.skipped[one]) for one in names)


def shown(name: str) -> str:
    """Return a file name as people can read it: GBK understood, control characters made visible."""
    raw = os.fsencode(name)
    for codec in ("utf-8", "gb18030"):
        try:
            text = raw.decode(codec)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = raw.decode("ascii", "backslashreplace")
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def parts_of(pattern: str, *, where: str) -> tuple[str, ...]:
    """Return the pattern split at its slashes.

    Raises:
        NotDeclared: it leads out of the folder, or is empty.

    """
    parts = PurePosixPath(pattern).parts
    if not parts or pattern.startswith("/") or ".." in parts:
        raise NotDeclared(
            f"备份文件名规则“{pattern}”不可用", where=where, cure="写相对备份目录的通配名，如 his-*.sql.gz"
        )
    return (*parts, "*") if parts[-1] == _EVERYWHERE else parts


def walk(root: str, parts: tuple[str, ...], budget: Budget) -> Walk:
    """Return the files under `root` that fit; bounded in entries and in time.

    Raises:
        OSError: the folder itself cannot be listed.

    """
    found = Walk(root, budget)
    with os.scandir(root):
        pass  # the folder itself must be readable; of sub-folders it is noted
    _into(found, root, parts)
    return found


def _into(found: Walk, folder: str, parts: tuple[str, ...]) -> None:
    part, rest = parts[0], parts[1:]
    if part == _EVERYWHERE:
        _into(found, folder, rest)
    try:
        with os.scandir(folder) as entries:
            inner = [path for entry in entries if (path := _look(found, entry, part, rest))]
    except OSError:
        found.unread.add(_relative(found, folder))
        return
    for path in inner:
        _into(found, path, parts if part == _EVERYWHERE else rest)


def _look(found: Walk, entry: os.DirEntry[str], part: str, rest: tuple[str, ...]) -> str:
    """Note one entry; return its path where it is a folder to go into, else nothing."""
    if not found.complete or found.seen >= _ENTRIES_MAX or found.budget.is_over():
        found.complete = False
        return ""
    found.seen += 1
    if part != _EVERYWHERE and not _fits(entry.name, part):
        return ""
    if part == _EVERYWHERE and entry.name.startswith("."):
        return ""
    if rest and entry.is_dir(follow_symlinks=False):
        whole = part == _EVERYWHERE and pg_folder.size_and_time(entry.path) is not None
        return "" if whole else entry.path
    if rest and not entry.is_symlink():
        return ""
    _note(found, entry)
    return ""


def _note(found: Walk, entry: os.DirEntry[str]) -> None:
    name = _relative(found, entry.path)
    try:
        state = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(state.st_mode):
            when = datetime.fromtimestamp(state.st_mtime, UTC)
            found.files[entry.path] = Entry(entry.path, name, state.st_size, when)
            return
        dump = pg_folder.size_and_time(entry.path) if stat.S_ISDIR(state.st_mode) else None
        if dump is not None:
            when = datetime.fromtimestamp(dump[1], UTC)
            found.files[entry.path] = Entry(entry.path, name, dump[0], when, folder=True)
            return
        found.skipped[name] = kind_of_mode(state.st_mode)
    except (ValueError, OverflowError):
        found.skipped[name] = "time"
    except FileNotFoundError:
        return  # gone while we looked
    except OSError:
        found.unread.add(name)


def fits(name: str, parts: tuple[str, ...]) -> bool:
    """Tell whether a name relative to the folder fits the pattern, as a walk would find it."""
    names = tuple(name.split("/"))
    if parts[0] == _EVERYWHERE:
        deeper = len(names) > 1 and not names[0].startswith(".") and fits("/".join(names[1:]), parts)
        return deeper or fits(name, parts[1:])
    if len(names) == 1 or len(parts) == 1:
        return len(names) == len(parts) and _fits(name, parts[0])
    return _fits(names[0], parts[0]) and fits("/".join(names[1:]), parts[1:])


def _fits(name: str, part: str) -> bool:
    hidden = name.startswith(".") and not part.startswith(".")
    return not hidden and fnmatch.fnmatchcase(name, part)


def kind_of_mode(mode: int) -> str:
    """Return why an entry is passed over."""
    if stat.S_ISLNK(mode):
        return "symlink"
    return "folder" if stat.S_ISDIR(mode) else "special"


def _relative(found: Walk, path: str) -> str:
    return shown(os.path.relpath(path, found.root))


def visible_entries(root: str) -> int:
    """Return how many entries that are not hidden lie directly in the folder, counted up to a bound."""
    count = 0
    with os.scandir(root) as entries:
        for entry in entries:
            count += not entry.name.startswith(".")
            if count >= _ENTRIES_MAX:
                break
    return count
