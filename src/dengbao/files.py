"""Writes files so that a kill at any instant leaves either the old or the new, never a half."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .errors import StoreError


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `data` to a temporary neighbour, flush it to disk, then rename it to `path`.

    Not `durable`: nothing is waited for. A kill still leaves the old or the new; a power cut may leave the
    old, or nothing, so that it is only for what can be done without.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as out:
            out.write(data)
            out.flush()
            if durable:
                os.fsync(out.fileno())
        temporary.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):  # half a file would keep a full disk full
            temporary.unlink()
        if exc.filename is None and exc.errno is not None:  # a write that fails does not know its file's name
            raise OSError(exc.errno, exc.strerror, str(path)) from exc
        raise
    if durable:
        sync_folder(path.parent)


def names_in(folder: Path) -> list[str]:
    """Return the names of what lies in a folder, sorted; of thousands sooner than their paths."""
    return sorted(names_as_listed(folder))


def names_as_listed(folder: Path) -> list[str]:
    """Return the names of what lies in a folder, in no order."""
    return os.listdir(folder)  # noqa: PTH208 - paths of thousands take ten times as long


Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """Return by what it is seen that a file changed, None where there is none (see `stamps_in`)."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def stamps_in(folder: Path) -> dict[str, Stamp]:
    """Return, by name, by what it is seen that a file of a folder changed; nothing where there is no folder.

    Only for showing things quickly: who needs proof that nothing was altered reads the files themselves,
    because times can be set back.
    """
    try:
        with os.scandir(folder) as listed:
            return {one.name: stamp for one in listed if (stamp := _stamp(one)) is not None}
    except FileNotFoundError:
        return {}


def _stamp(entry: os.DirEntry[str]) -> Stamp | None:
    if os.name == "nt":  # what Windows lists of a folder may be old and holds no file number
        return stamp_of(Path(entry.path))
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:  # just taken away
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def sync_files(paths: Iterable[Path]) -> None:
    """Wait until files of one folder are on the disk, and then their names, once for all.

    Raises:
        OSError: one of them could not be written.

    """
    folders: set[Path] = set()
    for path in paths:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with contextlib.suppress(OSError):  # Windows cannot open folders; the rename is durable enough there
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return a file's digest as hex.

    Raises:
        OSError: it cannot be read.

    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class RememberedDigests:
    """Digests of files that are read again only where they look changed (see `stamps_in`)."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Stamp, str]] = {}

    def __call__(self, path: Path) -> str:
        """Return a file's digest as hex; OSError where it cannot be read."""
        stamp, known = stamp_of(path), self._known.get(str(path))
        if stamp is not None and known is not None and known[0] == stamp:
            return known[1]
        found = sha256_of(path)
        if stamp is not None:
            self._known[str(path)] = (stamp, found)
        return found


class Journal:
    """An append-only file of JSON lines; a torn last line of a killed writer is cut off on opening."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._waits = False
        cut_torn_line(path)
        self._out = path.open("ab", buffering=0)

    def append(self, line: bytes, *, durable: bool = False) -> None:
        """Append one line in a single write; `durable` waits until it is on the disk.

        Raises:
            OSError: the line could not be written whole, and nothing of it stays.

        """
        data = line + b"\n"
        written = self._out.write(data) or 0
        if written < len(data):  # how a disk says that it has just become full
            os.ftruncate(self._out.fileno(), os.fstat(self._out.fileno()).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._waits = True
        if durable:
            self._sync()

    def close(self) -> None:
        """Flush to disk what is not there yet, and close."""
        try:
            if self._waits:
                self._sync()
        finally:
            self._out.close()

    def _sync(self) -> None:
        os.fsync(self._out.fileno())
        self._waits = False


def cut_torn_line(path: Path) -> None:
    """Cut off what stands after the last line feed: the line a killed process did not finish."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        position = size
        while position > 0:
            step = min(4096, position)
            file.seek(position - step)
            block = file.read(step)
            found = block.rfind(b"\n")
            if found >= 0:
                end = position - step + found + 1
                if end < size:
                    file.truncate(end)
                return
            position -= step
        if size:
            file.truncate(0)


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each whole line; a torn last line is passed over.

    Raises:
        StoreError: the file cannot be read, or a whole line is not JSON.

    """
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                yield number, line
    except OSError as exc:
        raise StoreError(f"无法读取：{exc.strerror}", where=str(path), cure="检查文件权限与磁盘") from exc


def read_json_line(path: Path, number: int, line: bytes) -> object:
    """Return the value of one line.

    Raises:
        StoreError: the line is damaged.

    """
    try:
        value: object = json.loads(line)
    except ValueError as exc:
        raise StoreError(
            "此行已损坏，不是有效的 JSON",
            where=f"{path}:{number}",
            cure="从备份恢复该文件，或重新开始一轮检测",
        ) from exc
    return value
