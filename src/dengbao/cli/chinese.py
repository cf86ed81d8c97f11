"""click in Chinese: help headings, usage errors, and the door where every error becomes a message."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import Final

import click

from ..errors import DengbaoError

EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


class _Chinese(click.Command):
    """The parts of help that commands and groups share."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage line."""
        pieces = [
            {"[OPTIONS]": "[选项]", "COMMAND [ARGS]...": "命令 [参数]…"}.get(one, one)
            for one in self.collect_usage_pieces(ctx)
        ]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix="用法：")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        rows = [row for one in self.get_params(ctx) if (row := one.get_help_record(ctx)) is not None]
        if rows:
            with formatter.section("选项"):
                formatter.write_dl(rows)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return `--help` with a Chinese text."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "显示本帮助"
        return option


class Command(_Chinese):
    """A command with Chinese help."""


class Group(_Chinese, click.Group):
    """A group with Chinese help that suggests the nearest command."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write options, then commands in the order they were added."""
        _Chinese.format_options(self, ctx, formatter)
        rows = [(name, one.get_short_help_str(60)) for name, one in self.commands.items() if not one.hidden]
        if rows:
            with formatter.section("命令"):
                formatter.write_dl(rows)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order they were added."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which one may be meant."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.commands:
            near = difflib.get_close_matches(name, self.commands, n=1)
            hint = f"是否要用 {near[0]}？" if near else f"可用：{'、'.join(self.commands)}"
            raise click.UsageError(f"没有命令“{name}”。{hint}", ctx)
        return super().resolve_command(ctx, args)


Group.group_class = Group


def explain(error: click.UsageError) -> str:
    """Return what is wrong with the command line, in Chinese."""
    if isinstance(error, click.MissingParameter):
        name = error.param.make_metavar(error.ctx) if error.param and error.ctx else ""
        return f"缺少参数 {name}"
    if isinstance(error, click.NoSuchOption):
        near = f"，是否要用 {error.possibilities[0]}？" if error.possibilities else ""
        return f"没有选项 {error.option_name}{near}"
    if isinstance(error, click.BadOptionUsage):
        return f"选项 {error.option_name} 用法不对：缺少或多余的值"
    return _explain_value(error)


def _explain_value(error: click.UsageError) -> str:
    if isinstance(error, click.BadParameter):
        name = error.param.get_error_hint(error.ctx) if error.param and error.ctx else ""
        return f"参数 {name} 的值不对：{error.message}"
    if "unexpected extra argument" in error.message:
        return f"多余的参数：{error.message.partition('(')[2].rstrip(')')}"
    return error.message


def run_door(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Run a command and return its exit code; no traceback ever reaches the user from here."""
    try:
        code = command.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.UsageError as exc:
        _say(f"错误：{explain(exc)}")
        _say(f"  用 {exc.ctx.command_path if exc.ctx else 'dengbao'} --help 查看用法")
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        _say("\n已中断。已完成的部分已保存，再次执行同一命令即可继续。")
        return EXIT_INTERRUPTED
    except DengbaoError as exc:
        _say(f"错误：{exc}")
        return exc.exit_code
    except OSError as exc:
        if isinstance(exc, BrokenPipeError):  # the reader of a pipe has seen enough
            return 0
        _say(f"错误：{exc.filename or ''} {exc.strerror or exc}\n  处理：检查路径、权限与磁盘空间")
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)
