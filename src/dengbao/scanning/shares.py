"""Scans with several processes where there is much to scan; what is found is the same."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from .archives import Limits
from .engines import Engine, PlainEngine, best_engine
from .scan import Scanner
from .tally import Report, Tally
from .windows import SIZE

_WORTH_BYTES: Final = 64 * 1024 * 1024  # below, starting a process takes longer than it saves
_MOST: Final = 4


def workers_for(paths: Iterable[Path]) -> int:
    """Return how many processes are worth it: one for little, else one for each processor up to four."""
    size = 0
    for path in paths:
        files = (Path(folder, one) for folder, _, names in os.walk(path) for one in names)
        for file in files if path.is_dir() else (path,):
            with suppress(OSError):
                size += file.lstat().st_size
            if size >= _WORTH_BYTES:
                return min(_MOST, os.cpu_count() or 1)
    return 1


def scan_paths(
    paths: Iterable[Path],
    *,
    engine: Engine | None = None,
    limits: Limits | None = None,
    key: bytes | None = None,
    window: int = SIZE,
    workers: int = 1,
    progress: Callable[[str, int], None] | None = None,
) -> Report:
    """Scan files and folders, without following links, and return what they hold.

    `key` makes digests of two scans comparable; no digest leaves the scanner. With more than one of
    `workers`, processes are spawned that end with this call, also when it is interrupted.
    """
    paths = tuple(paths)
    engine = engine or best_engine()
    key = key or secrets.token_bytes(32)
    plain = isinstance(engine, PlainEngine)
    others = [_Other(paths, plain, limits, key, window, (one, workers)) for one in range(1, workers)]
    try:
        scanner = Scanner(
            engine=engine, limits=limits, key=key, window=window, share=(0, workers), progress=progress
        )
        for path in paths:
            scanner.path(path)
        for other in others:
            scanner.tally.join(other.tally())
        return scanner.report()
    finally:
        for other in others:
            other.end()


class _Other:
    """One more process that takes its share of the windows."""

    def __init__(
        self,
        paths: Sequence[Path],
        plain: bool,
        limits: Limits | None,
        key: bytes,
        window: int,
        share: tuple[int, int],
    ) -> None:
        self._what = (paths, plain, limits, key, window, share)
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(theirs, *self._what), daemon=True)
        self._process.start()
        theirs.close()

    def tally(self) -> Tally:
        """Return what it counted; where it died, do its work here."""
        try:
            found = self._ours.recv()
        except (EOFError, OSError):
            return _counted(*self._what)
        if not isinstance(found, Tally):
            raise TypeError(type(found))
        return found

    def end(self) -> None:
        """End the process, whatever it does."""
        self._ours.close()
        self._process.terminate()
        self._process.join()


def _work(
    pipe: Connection,
    paths: Sequence[Path],
    plain: bool,
    limits: Limits | None,
    key: bytes,
    window: int,
    share: tuple[int, int],
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started us ends us
    with closing(pipe):
        pipe.send(_counted(paths, plain, limits, key, window, share))


def _counted(
    paths: Sequence[Path],
    plain: bool,
    limits: Limits | None,
    key: bytes,
    window: int,
    share: tuple[int, int],
) -> Tally:
    engine = PlainEngine() if plain else best_engine()
    scanner = Scanner(engine=engine, limits=limits, key=key, window=window, share=share)
    for path in paths:
        scanner.path(path)
    return scanner.tally
