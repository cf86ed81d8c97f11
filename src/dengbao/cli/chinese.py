"""click in Chinese: help that fits the columns of the terminal and shows how a command is used."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Sequence
from typing import Final

import click
from rich.cells import cell_len

from .wrapping import fold, pad

WIDEST: Final = 100
_LEFT: Final = 26  # columns for the names of options; longer ones push their help to the next line


class Argument(click.Argument):
    """An argument that says what it is."""

    def __init__(self, *names: object, help: str = "", **settings: object) -> None:  # noqa: A002 - click's word
        super().__init__(*names, **settings)  # type: ignore[arg-type] # handed on as click takes them
        self.says = help


class _Chinese(click.Command):
    """The parts of help that commands and groups share; `epilog` holds examples, a line each."""

    def get_help(self, ctx: click.Context) -> str:
        """Return the help page."""
        width = ctx.terminal_width or min(shutil.get_terminal_size().columns, ctx.max_content_width or WIDEST)
        arguments = [one for one in self.params if isinstance(one, Argument)]
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option) and not one.hidden]
        usage = fold(self._usage(), width, first=f"用法：{ctx.command_path} ", indent="      ")
        lines = [*usage, ""]
        for paragraph in (self.help or "").split("\n\n"):
            lines += [*fold(" ".join(paragraph.split()), width, first="  ", indent="  "), ""]
        lines += _section("参数", [(one.metavar or "", one.says) for one in arguments], width)
        lines += _section("选项", [_option(one) for one in options], width)
        lines += _section("命令", self._commands(), width)
        if self.epilog:
            lines += ["例子：", *(f"  {one}" for one in self.epilog.splitlines()), ""]
        return "\n".join(lines).rstrip()

    def _usage(self) -> str:
        names = [one.metavar or one.name or "" for one in self.params if isinstance(one, click.Argument)]
        must = [
            f"{one.opts[0]} {one.metavar}"
            for one in self.params
            if isinstance(one, click.Option) and one.required
        ]
        return " ".join([*names, *must, "[选项]"])

    def _commands(self) -> list[tuple[str, str]]:
        return []

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return `--help` with a Chinese text."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "显示本帮助"
        return option


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join(option.opts)
    left = names if option.is_flag or option.count else f"{names} {option.metavar or '值'}"
    return left, (option.help or "") + ("（必填）" if option.required else "")


def _section(title: str, rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    if not rows:
        return []
    left = min(_LEFT, max(cell_len(one) for one, _ in rows)) + 4
    lines = [f"{title}："]
    for name, text in rows:
        first = f"  {pad(name, left - 2)}"
        if cell_len(first) > left:
            lines.append(first.rstrip())
            first = " " * left
        lines += fold(text, width, first=first, indent=" " * left)
    return [*lines, ""]


class Command(_Chinese):
    """A command with Chinese help."""


class Group(_Chinese, click.Group):
    """A group with Chinese help that suggests the nearest command."""

    command_class = Command

    def _usage(self) -> str:
        return "命令 …"

    def _commands(self) -> list[tuple[str, str]]:
        return [
            (name, (one.help or "").split("\n\n")[0].rstrip("。"))
            for name, one in self.commands.items()
            if not one.hidden
        ]

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
