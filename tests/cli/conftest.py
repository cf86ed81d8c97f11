"""One engagement after a whole run, and a way to call the command line within the test."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dengbao.cli import main

from ..runs import environment
from ..servers.counting import PASSWORD, Counting, counting_server
from ..small_content import write_content, write_engagement


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


def call_main(*arguments: object) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(one) for one in arguments])
    return Said(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Ran:
    """An engagement, its content and what the run printed."""

    content: Path
    folder: Path
    server: Counting
    said: Said


@pytest.fixture(name="call")
def fixture_call() -> Call:
    return call_main


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_content(tmp_path_factory.mktemp("cli") / "content")


@pytest.fixture(scope="session")
def ran(content: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    os.environ["RUNS_PASSWORD"] = PASSWORD
    try:
        with counting_server() as server:
            folder = write_engagement(tmp_path_factory.mktemp("ran") / "hospital", server.url)
            said = call_main("run", folder, "--content", content, "--operator", "张三")
            yield Ran(content, folder, server, said)
    finally:
        os.environ.pop("RUNS_PASSWORD", None)  # a test that set its own may have taken it away


@pytest.fixture
def terminal_environment() -> dict[str, str]:
    """Return the environment of a plain terminal."""
    dropped = ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR", "COLORTERM")
    return {**{name: value for name, value in environment().items() if name not in dropped}, "TERM": "xterm"}
