"""The door of the command line: every error becomes a message, every ending an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from ..errors import DengbaoError
from ..traces import keep_trace

EXIT_USAGE: Final = 2
EXIT_BUG: Final = 70
EXIT_INTERRUPTED: Final = 130
# As a shell says of a program that SIGPIPE ended. Never 0: that would say 全部符合.
EXIT_PIPE: Final = 141
_ERRNO_ZH: Final[dict[int | None, str]] = {
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "只读文件系统，无法写入",
    errno.ENOSPC: "磁盘空间不足",
    errno.EDQUOT: "磁盘配额已用完",
    errno.EFBIG: "文件超过了系统允许的大小",
    errno.ENOENT: "不存在",
    errno.EEXIST: "已存在，且不是所要的类型",
    errno.ENOTDIR: "路径中有一段不是目录",
    errno.EISDIR: "是目录，应为文件",
    errno.ELOOP: "符号链接成环",
    errno.ENAMETOOLONG: "名称过长",
}


def run_door(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Run a command and return its exit code; no traceback ever reaches the user from here."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = command.main(args=list(given), prog_name="dengbao", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as exc:
        return _refuse(exc, command, given)
    except BaseException as exc:  # noqa: BLE001 - the last door: every ending has its words and its code
        return _end(exc)
    return code if isinstance(code, int) else 0


def _end(error: BaseException) -> int:
    if isinstance(error, (BrokenPipeError, SystemExit)):
        # The reader of a pipe has seen enough; click turns it into an exit with 1, which says 有不符合.
        _forget_stdout()
        return EXIT_PIPE
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        _say("\n已中断。已完成的采集与判定都已保存：再次执行 dengbao run（不加 --new-round）即从断点继续。")
        return EXIT_INTERRUPTED
    if isinstance(error, DengbaoError):
        _say(f"错误：{error}")
        return error.exit_code
    if isinstance(error, OSError):
        place = f"{error.filename}：" if error.filename else ""
        what = _ERRNO_ZH.get(error.errno, error.strerror or str(error))
        _say(f"错误：{place}{what}\n  处理：检查路径、权限与磁盘空间")
        return EXIT_USAGE
    _say(f"程序错误，未完成。\n  处理：把 {keep_trace(error)} 发给维护者")
    return EXIT_BUG


def _refuse(error: click.UsageError, command: click.Command, given: Sequence[str]) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.message)
        return EXIT_USAGE
    path = error.ctx.command_path if error.ctx else " ".join(["dengbao", *_named(command, given)])
    _say(f"错误：{explain(error)}\n  处理：用 {path} --help 查看用法与例子")
    return EXIT_USAGE


def _named(command: click.Command, given: Sequence[str]) -> list[str]:
    """Return the names of the commands that stand at the beginning of a command line."""
    names: list[str] = []
    for one in given:
        if not isinstance(command, click.Group) or one not in command.commands:
            break
        command = command.commands[one]
        names.append(one)
    return names


def explain(error: click.UsageError) -> str:
    """Return what is wrong with the command line, in Chinese."""
    if isinstance(error, click.MissingParameter):
        return f"缺少{_called(error.param)}"
    if isinstance(error, click.BadParameter):
        return f"{_called(error.param)} {error.message}"
    if isinstance(error, click.NoSuchOption):
        near = f"，是否要用 {error.possibilities[0]}？" if error.possibilities else ""
        return f"没有选项 {error.option_name}{near}"
    if isinstance(error, click.BadOptionUsage):
        lacks = "requires" in error.message
        return f"选项 {error.option_name} {'后面缺少值' if lacks else '不带值'}"
    if "unexpected extra argument" in error.message:
        return f"多余的参数：{error.message.partition('(')[2].rstrip(')')}"
    return error.message


def _called(param: click.Parameter | None) -> str:
    if isinstance(param, click.Option):
        return f"选项 {param.opts[0]}（{param.metavar or '值'}）"
    return f"参数“{param.metavar or param.name}”" if param is not None else "参数"


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens: the exit code still tells
        print(text, file=sys.stderr)


def _forget_stdout() -> None:
    """Let what is still buffered go nowhere, so that Python does not complain of the pipe once more."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
