"""Scans with several processes where there is much to scan; what is found is the same."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
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
_ASK_S: Final = 0.2


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
    regions: tuple[str, ...] = (),
    marker: str = "",
    workers: int = 1,
    progress: Callable[[str, int], None] | None = None,
) -> Report:
    """Scan files and folders, without following links, and return what they hold.

    `key` makes digests of two scans comparable; no digest leaves the scanner. With more than one of
    `workers`, processes are spawned that end with this call, also when it is interrupted. `regions`,
    `marker` and `progress`: see `Scanner`.

    Raises:
        Stopped: `progress` wished so.

    """
    paths = tuple(paths)
    engine = engine or best_engine()
    key = key or secrets.token_bytes(32)
    job = _Job(paths, isinstance(engine, PlainEngine), limits, key, window, regions, marker, workers)
    others: list[_Other] = []
    try:
        others += [_Other(job, number) for number in range(1, workers)]
        scanner = job.scanner(0, engine, progress)
        for other in others:
            scanner.tally.join(other.tally(progress))
        return scanner.report()
    finally:
        for other in others:
            other.end()


@dataclass(frozen=True)
class _Job:
    """One scan, as it is told to each of its processes."""

    paths: tuple[Path, ...]
    plain: bool
    limits: Limits | None
    key: bytes
    window: int
    regions: tuple[str, ...]
    marker: str
    shares: int

    def scanner(
        self, share: int, engine: Engine, progress: Callable[[str, int], None] | None = None
    ) -> Scanner:
        """Do one share of the work."""
        scanner = Scanner(
            engine=engine, limits=self.limits, key=self.key, window=self.window, regions=self.regions,
            marker=self.marker, share=(share, self.shares), progress=progress,
        )  # fmt: skip
        for path in self.paths:
            scanner.path(path)
        return scanner


class _Other:
    """One more process that takes its share of the windows."""

    def __init__(self, job: _Job, share: int) -> None:
        self._job, self._share = job, share
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(theirs, job, share), daemon=True)
        self._process.start()
        theirs.close()

    def tally(self, progress: Callable[[str, int], None] | None) -> Tally:
        """Return what it counted; where it died, do its work here."""
        try:
            while not self._ours.poll(_ASK_S):
                if progress is not None:
                    progress("", 0)
            found = self._ours.recv()
        except (EOFError, OSError):
            return _counted(self._job, self._share)
        if not isinstance(found, Tally):
            raise TypeError(type(found))
        return found

    def end(self) -> None:
        """End the process, whatever it does."""
        self._ours.close()
        self._process.terminate()
        self._process.join()


def _work(pipe: Connection, job: _Job, share: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started us ends us
    with closing(pipe):
        pipe.send(_counted(job, share))


def _counted(job: _Job, share: int) -> Tally:
    return job.scanner(share, PlainEngine() if job.plain else best_engine()).tally
