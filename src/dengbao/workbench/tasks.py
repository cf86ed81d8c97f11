"""What takes longer than a page may: done in a thread, one at a time, its steps shown while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..errors import DengbaoError, UsageError
from ..packet.faults import Fault, GateClosed
from ..reading import apart
from ..traces import keep_trace

Say = Callable[[str], None]


@dataclass
class Task:
    """A piece of work; `faults` ended it, `reasons` kept the gate closed, `told` is what it came to."""

    title: str
    begun: datetime
    steps: list[str] = field(default_factory=list)
    ended: datetime | None = None
    told: str = ""
    faults: tuple[DengbaoError, ...] = ()
    reasons: tuple[Fault, ...] = ()

    @property
    def working(self) -> bool:
        """Tell whether it still goes on."""
        return self.ended is None


class Tasks:
    """The work of a page in the background; a second piece waits until the first is done."""

    def __init__(self) -> None:
        self._last: Task | None = None
        self._lock = threading.Lock()

    @property
    def last(self) -> Task | None:
        """Return the newest piece as it stands at this moment: a page must not say half that it has ended.

        When it ended is read before what it came to, and is written after it.
        """
        task = self._last
        return Task(
            task.title, task.begun, list(task.steps), task.ended, task.told, task.faults, task.reasons
        ) if task is not None else None  # fmt: skip

    def start(self, title: str, work: Callable[[Say], str]) -> Task:
        """Begin a piece of work; `work` is handed where to tell its steps and returns what it came to.

        Raises:
            UsageError: another piece still goes on.

        """
        with self._lock:
            if self._last is not None and self._last.working:
                raise UsageError(f"正在{self._last.title}", cure="等它完成后再试")
            task = Task(title, datetime.now(UTC))
            self._last = task
        threading.Thread(target=_do, args=(task, work), name=title, daemon=True).start()
        return task


def _do(task: Task, work: Callable[[Say], str]) -> None:
    try:
        task.told = work(task.steps.append)
    except GateClosed as exc:
        task.reasons = exc.faults
        task.faults = (DengbaoError(exc.message.rstrip("："), cure="逐处见下方列表"),)
    except DengbaoError as exc:
        task.faults = tuple(apart(exc))
    except Exception as exc:  # noqa: BLE001 - a thread's last door: the page must not show it as working for ever
        task.faults = (DengbaoError("程序错误，未完成", cure=f"把 {keep_trace(exc)} 发给维护者"),)
    finally:
        task.ended = datetime.now(UTC)
