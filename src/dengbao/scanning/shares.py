"""Scans with several processes where there is much to scan; what is found is the same."""

from __future__ import annotations

import os
import pickle
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
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
    """One more process that takes its share of the windows.

    It is begun here and not by `multiprocessing`, which would have it import all that the command is made of.
    """

    def __init__(self, job: _Job, share: int) -> None:
        self._job, self._share = job, share
        command = (sys.executable, "-c", f"from {__name__} import work; work()")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        told = self._process.stdin
        if told is not None:
            with suppress(OSError), told:
                pickle.dump((job, share), told)
            self._process.stdin = None

    def tally(self, progress: Callable[[str, int], None] | None) -> Tally:
        """Return what it counted; where it died, do its work here."""
        said = b""
        while self._process.returncode is None:
            try:
                said, _ = self._process.communicate(timeout=_ASK_S)
            except subprocess.TimeoutExpired:
                if progress is not None:
                    progress("", 0)
        found = pickle.loads(said) if self._process.returncode == 0 else None  # noqa: S301 - our own process
        return found if isinstance(found, Tally) else _counted(self._job, self._share)

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()


def work() -> None:
    """Do the share that standard input tells, and give the counts back by standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started us ends us
    job, share = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that began this one
    pickle.dump(_counted(job, share), sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _counted(job: _Job, share: int) -> Tally:
    return job.scanner(share, PlainEngine() if job.plain else best_engine()).tally
