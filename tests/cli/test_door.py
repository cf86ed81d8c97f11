"""The door: every error becomes a message and a code; nothing that broke ever looks like a verdict."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from dengbao.cli.chinese import Command
from dengbao.cli.door import EXIT_BUG, EXIT_INTERRUPTED, EXIT_PIPE, explain, run_door
from dengbao.errors import ContentError, EvidenceError, ReportIncomplete, StoreError, UsageError
from dengbao.redact import MASK
from dengbao.runner import RunFailed


def through(action: Callable[[], object]) -> tuple[int, str]:
    """Send what `action` returns or raises through the door."""

    @click.command(cls=Command, name="try")
    def command() -> object:
        return action()

    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        code = run_door(command, [])
    return code, err.getvalue()


def raising(error: BaseException) -> Callable[[], object]:
    def action() -> object:
        raise error

    return action


@pytest.mark.parametrize(("answer", "code"), [(0, 0), (1, 1), (3, 3), (None, 0)])
def test_a_command_that_ends_well_gives_its_code(answer: int | None, code: int) -> None:
    assert through(lambda: answer) == (code, "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("坏了", where="x.yaml:3", cure="改好"), 2),
        (ContentError("坏了", where="x.yaml:3", cure="改好"), 2),
        (RunFailed("坏了", where="x.yaml:3", cure="改好"), 2),
        (EvidenceError("坏了", where="x.yaml:3", cure="改好"), 4),
        (StoreError("坏了", where="x.yaml:3", cure="改好"), 4),
        (ReportIncomplete("坏了", where="x.yaml:3", cure="改好"), 3),
    ],
)
def test_our_errors_are_told_with_place_and_cure(error: BaseException, code: int) -> None:
    assert through(raising(error)) == (code, "错误：x.yaml:3：坏了\n  处理：改好\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "错误：/x：没有权限"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "错误：/x：磁盘空间不足"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x"), "错误：/x：不存在"),
        (OSError(errno.EIO, "Input/output error"), "错误：Input/output error"),
        (OSError("odd"), "错误：odd"),
    ],
)
def test_what_the_system_refuses_is_told_in_chinese(error: OSError, said: str) -> None:
    code, err = through(raising(error))
    assert code == 2
    assert err == f"{said}\n  处理：检查路径、权限与磁盘空间\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort(), EOFError()])
def test_an_interruption_says_that_nothing_is_lost(error: BaseException) -> None:
    code, err = through(raising(error))
    assert code == EXIT_INTERRUPTED == 130
    assert "已中断" in err
    assert "从断点继续" in err


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("password=hunter2-x"), ExceptionGroup("x", [ValueError()])]
)
def test_a_bug_ends_in_words_and_a_file_for_the_maintainer(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, err = through(raising(error))
    assert code == EXIT_BUG
    assert code not in (0, 1, 2, 3, 4)
    (trace,) = tmp_path.iterdir()
    assert str(trace) in err
    assert "Traceback" not in err
    text = trace.read_text(encoding="utf-8")
    assert type(error).__name__ in text
    assert "hunter2" not in text
    assert (MASK in text) == isinstance(error, ZeroDivisionError)


def test_where_no_file_can_be_written_the_trace_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    code, err = through(raising(ZeroDivisionError("x")))
    assert code == EXIT_BUG
    assert "ZeroDivisionError" in err


@pytest.mark.parametrize("error", [BrokenPipeError(errno.EPIPE, "Broken pipe"), SystemExit(1)])
def test_a_closed_pipe_is_neither_success_nor_a_verdict(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - stands for standard output
        monkeypatch.setattr("sys.stdout", nowhere)
        assert through(raising(error)) == (EXIT_PIPE, "")


def test_messages_of_click_that_are_not_known_are_passed_on() -> None:
    assert explain(click.UsageError("无所知")) == "无所知"
    assert explain(click.MissingParameter(param=None)) == "缺少参数"
