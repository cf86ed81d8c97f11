"""What the terminal shows: readable without colour, in a dumb terminal, in a log file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from ..model import Status, Verdict
from ..prefetch import Progress as Step

WIDE: Final = 100
COLOURS: Final = {
    "conform": "green",
    "partial": "yellow",
    "nonconform": "bold red",
    "not_applicable": "cyan",
    "undetermined": "magenta",
    "awaiting_evidence": "blue",
    "not_run": "dim",
}


def console(*, stderr: bool = False) -> Console:
    """Return a console; where nobody watches, lines are wide and plain."""
    out = sys.stderr if stderr else sys.stdout
    width = None if out.isatty() else max(WIDE, int(os.environ.get("COLUMNS", "0") or 0))
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def word(status: Status, verdict: Verdict | None) -> str:
    """Return verdict or status with its colour as rich markup."""
    key = verdict.value if verdict else status.value
    text = verdict.zh if verdict else status.zh
    return f"[{COLOURS[key]}]{text}[/]"


class Watcher:
    """Shows the steps of a fetching: a live bar on a terminal, a line a step elsewhere."""

    def __init__(self, target: Console, total: int) -> None:
        self._console = target
        self._live = target.is_terminal and not target.is_dumb_terminal
        self._total = total
        self._done = 0
        self._said_at: dict[str, float] = {}
        self._bar = Progress(
            SpinnerColumn(), TextColumn("采集"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("{task.description}"), console=target, disable=not self._live,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=total)

    def __call__(self, step: Step) -> None:
        """Take one step of the fetching."""
        name = f"{step.asset} {step.title}"
        if step.state == "begun":
            self._bar.update(self._task, description=name)
        elif step.state == "says":
            self._bar.update(self._task, description=f"{name}：{step.text}")
            self._say_now_and_then(name, step.text)
        else:
            self._done += 1
            self._bar.update(self._task, completed=self._done)
            self._line(step, name)

    def _line(self, step: Step, name: str) -> None:
        if step.state == "kept":
            text, mark = "此前已采集，不再连接", "="
        elif step.text:
            text, mark = step.text, "!"
        else:
            text, mark = "", "+"
        if self._live and mark != "!":
            return
        shown = f"[{self._done}/{self._total}] {mark} {name}" + (f"：{text}" if text else "")
        self._bar.console.print(shown, markup=False)

    def _say_now_and_then(self, name: str, text: str) -> None:
        now = time.monotonic()
        if not self._live and now - self._said_at.get(name, 0.0) > 10:
            self._said_at[name] = now
            self._console.print(f"    {name}：{text}", markup=False)

    @contextmanager
    def shown(self) -> Iterator[Watcher]:
        """Show the bar for as long as the block lasts."""
        with self._bar:
            yield self
