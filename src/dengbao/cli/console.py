"""What the terminal shows: readable without colour, in a dumb terminal, in a log file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from ..model import Status, Verdict
from .wrapping import fold

if TYPE_CHECKING:  # what fetches is no part of what shows, and takes longer to import
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
_SAY_EVERY_S: Final = 10.0
_OF_THE_RUN: Final = {
    "paused": "已暂停：正在进行的采集会做完，不再开始新的。删去项目目录中的 runs/.pause 即继续；Ctrl-C 停止",
    "resumed": "继续采集",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Hand a closed pipe on to the door, instead of ending with 1, which says 有不符合."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console; where nobody watches, lines are wide and plain."""
    out = sys.stderr if stderr else sys.stdout
    given = os.environ.get("COLUMNS", "")
    width = None if out.isatty() else max(WIDE, int(given) if given.isascii() and given.isdecimal() else 0)
    return _Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def word(status: Status, verdict: Verdict | None) -> Text:
    """Return verdict or status with its colour."""
    key = verdict.value if verdict else status.value
    return Text(verdict.zh if verdict else status.zh, style=COLOURS[key])


def say(out: Console, text: str, *, style: str = "") -> None:
    """Print text folded between its characters, and never take any of it for markup."""
    paragraph(out, Text(""), text, style=style)


def paragraph(out: Console, lead: Text, text: str, *, indent: int | None = None, style: str = "") -> None:
    """Print text behind a lead, its further lines under its first; uncut in one line where nobody watches."""
    under = lead.cell_len if indent is None else indent
    if not out.is_terminal:
        out.print(Text.assemble(lead, (text, style)), soft_wrap=True)
        return
    lines = fold(text, out.width, first=lead.plain, indent=" " * under)
    first = lines[0].removeprefix(lead.plain)
    out.print(Text.assemble(lead, (first, style)), soft_wrap=True)
    for line in lines[1:]:
        out.print(Text(line, style), soft_wrap=True)


def verbatim(out: Console, text: str) -> None:
    """Print what people copy, such as a command: no line is broken."""
    out.print(Text(text), soft_wrap=True)


class Watcher:
    """Shows the steps of a fetching: a live bar on a terminal, a line a step elsewhere.

    The bar begins with the first step, so that a question for a password stands on a line of its own.
    """

    def __init__(self, target: Console, total: int) -> None:
        self._console = target
        self._live = target.is_terminal and not target.is_dumb_terminal
        self._total = total
        self._done = 0
        self._running: dict[str, str] = {}
        self._said_at: dict[str, float] = {}
        self._bar = Progress(
            TextColumn("采集", table_column=Column(min_width=4)),
            BarColumn(bar_width=16, table_column=Column(min_width=16)),
            MofNCompleteColumn(table_column=Column(min_width=2 * len(str(total)) + 1)),
            TimeElapsedColumn(table_column=Column(min_width=7)),
            # What is under way gets the rest of the line, and never pushes the figures out of it.
            TextColumn(
                "{task.description}", markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=target, disable=not self._live, expand=True,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=total)

    def __call__(self, step: Step) -> None:
        """Take one step of the fetching."""
        self._bar.start()
        name = f"{step.asset} {step.title}"
        if step.state == "owed":
            paragraph(self._bar.console, Text("!!! ", "bold red"), f"{name}：{step.text}")
            return
        if step.state in _OF_THE_RUN:
            self._bar.update(self._task, description=_OF_THE_RUN[step.state])
            say(self._bar.console, _OF_THE_RUN[step.state], style="bold")
            return
        if step.state in ("begun", "says"):
            self._running.pop(name, None)  # the newest stands last
            self._running[name] = f"{name}：{step.text}" if step.text else name
            self._say_now_and_then(name, step)
        else:
            self._running.pop(name, None)
            self._done += 1
            self._line(step, name)
        self._bar.update(self._task, completed=self._done, description=self._under_way())

    def _under_way(self) -> str:
        newest = next(reversed(self._running.values()), "")
        others = len(self._running) - 1
        return f"{newest}（另有 {others} 项）" if others > 0 else newest

    def _line(self, step: Step, name: str) -> None:
        if step.state == "kept":
            text, mark = "此前已采集，不再连接", "="
        elif step.state == "left":
            text, mark = step.text, "-"
        elif step.text:
            text, mark = step.text, "!"
        else:
            text, mark = "", "+"
        if self._live and mark != "!":
            return
        lead = Text(f"[{self._done}/{self._total}] {mark} ")
        paragraph(self._bar.console, lead, name + (f"：{text}" if text else ""))

    def _say_now_and_then(self, name: str, step: Step) -> None:
        now = time.monotonic()
        if step.text and not self._live and now - self._said_at.get(name, -_SAY_EVERY_S) >= _SAY_EVERY_S:
            self._said_at[name] = now
            paragraph(self._console, Text("    "), f"{name}：{step.text}")

    def finish(self, text: str) -> None:
        """Take the bar away and say what comes next."""
        self._bar.stop()
        say(self._console, text)

    @contextmanager
    def shown(self) -> Iterator[Watcher]:
        """Show the bar, from its first step on, for as long as the block lasts."""
        try:
            yield self
        finally:
            self._bar.stop()
