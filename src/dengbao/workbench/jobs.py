"""Runs of the command line that this page has started: each a process of its own, which outlives the page.

What they print goes to a file, not to a pipe: a page that is killed must not take the run with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from ..errors import UsageError
from ..steering import PATIENCE_S, STOP, ask

LOG: Final = ".workbench.log"
_TAIL_BYTES: Final = 16 * 1024
_POSIX: Final = os.name == "posix"
_END_WAIT_S: Final = PATIENCE_S + 10


@dataclass
class Job:
    """A process that was started here; `code` is None while it goes on."""

    title: str
    process: subprocess.Popen[bytes]
    log: Path
    begun: datetime

    @property
    def code(self) -> int | None:
        """Return what it exited with."""
        return self.process.poll()

    @property
    def assisted(self) -> bool:
        """Tell whether it opens windows in which somebody is to log in."""
        return "--assist" in cast("list[str]", self.process.args)

    def said(self) -> str:
        """Return the last of what it printed."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
                return file.read(_TAIL_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""

    def interrupt(self) -> None:
        """Do as Ctrl-C does, to the process and what it started."""
        if self.code is None and _POSIX:
            os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it at once, with what it started; what it has fetched stays."""
        if self.code is not None:
            return
        if _POSIX:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()


class Jobs:
    """The jobs of one engagement: one at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.last: Job | None = None
        self._lock = threading.Lock()

    def start(
        self,
        title: str,
        words: Iterable[str],
        *,
        given: Mapping[str, object] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Job:
        """Start `python -m WORDS`; `given` is handed over by its standard input, `env` by its environment.

        Raises:
            UsageError: another one still goes on.

        """
        with self._lock:
            if self.last is not None and self.last.code is None:
                raise UsageError(f"正在{self.last.title}", cure="等它完成，或先停止")
            log = self.directory / "runs" / LOG
            log.parent.mkdir(exist_ok=True)
            with log.open("wb") as out:
                process = subprocess.Popen(
                    [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=out, stderr=out,
                    env={**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1", **(env or {})},
                    start_new_session=_POSIX, creationflags=0 if _POSIX else _new_group(),
                )  # fmt: skip
            self.last = Job(title, process, log, datetime.now(UTC))
        _hand(process, given or {})
        return self.last

    def ended(self) -> Job | None:
        """Return the last job, where it has come to its end."""
        return self.last if self.last is not None and self.last.code is not None else None

    def running(self) -> Job | None:
        """Return the job that goes on, None where none does."""
        return self.last if self.last is not None and self.last.code is None else None

    def leave(self, say: Callable[[str], None]) -> None:
        """Ask the job to stop because the page ends, and say what becomes of it."""
        job = self.running()
        if job is None:
            return
        say(f"正在{job.title}：已请它停止，最多等 {_END_WAIT_S:g} 秒；已采集的都保留。")
        with contextlib.suppress(UsageError):
            ask(self.directory, STOP, "工作台结束")
        end = time.monotonic() + _END_WAIT_S
        while job.code is None and time.monotonic() < end:
            time.sleep(0.1)
        if job.code is None:
            say(f"它还在进行（进程 {job.process.pid}），不因工作台结束而中断；再次启动工作台可查看进度。")
        else:
            say("已停止。再次启动工作台，在“检测”页点“继续”即从断点继续，已完成的采集不再连接。")


def _new_group() -> int:
    return int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0))


def _hand(process: subprocess.Popen[bytes], given: Mapping[str, object]) -> None:
    if process.stdin is None:
        return
    with contextlib.suppress(OSError), process.stdin:  # it may have ended already: its log says why
        process.stdin.write(json.dumps(given).encode())
