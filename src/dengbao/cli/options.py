"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")
Decorated = Callable[[Callable[P, R]], Callable[P, R]]

directory = click.argument("directory", metavar="目录", type=click.Path(path_type=Path, file_okay=False))
content = click.option(
    "--content",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="目录",
    help="suites、checks、templates 所在目录，缺省为随程序的一套",
)
round_number = click.option(
    "--round", "number", type=click.IntRange(1), metavar="轮次", help="第几轮，缺省为最近一轮"
)
as_json = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="输出格式",
)
