"""Arguments and options that several commands share."""

from __future__ import annotations

import click

from .chinese import Argument
from .values import choice, counted, existing_folder, folder

directory = click.argument(
    "directory", metavar="目录", cls=Argument, type=folder, help="项目目录，内有 engagement.yaml"
)
content = click.option(
    "--content",
    type=existing_folder,
    metavar="目录",
    help="内有 suites、checks、templates，缺省为随程序的一套",
)
round_number = click.option("--round", "number", type=counted, metavar="轮次", help="第几轮，缺省为最近一轮")
items = click.option(
    "--item", "items", multiple=True, metavar="项", help="只限这些项：1、1.a 或 1.a.3，可多次给出"
)
as_json = click.option(
    "--format",
    "form",
    type=choice({"table": "table", "json": "json"}),
    default="table",
    metavar="格式",
    help="table 供人看，json 供程序读；缺省 table",
)
