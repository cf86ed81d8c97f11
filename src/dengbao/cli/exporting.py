"""export: the results of a round for other tools."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from ..exporting import FORMATS, Format, export_path, export_round
from ..files import write_whole
from ..rounds import load_round
from ..session import open_session
from . import options
from .chinese import Command
from .console import console, verbatim
from .tables import counts_line
from .values import choice, file


@click.command(
    cls=Command,
    help="把一轮的结果导出为其他工具的格式：OSCAL、HDF（Heimdall）、JUnit、SARIF。\n\n"
    "只有“符合”算通过；待补证、无法判定、未测一律不算。事实文件损坏或佐证被改动的，不予导出（退出码 4）。",
    epilog="dengbao export my-hospital --to oscal\n"
    "dengbao export my-hospital --to junit --round 1 --out results.xml",
)
@options.directory
@click.option(
    "--to",
    "form",
    type=choice(FORMATS),
    required=True,
    metavar="格式",
    help="oscal、hdf、junit 或 sarif",
)
@options.round_number
@click.option("--out", type=file, metavar="文件", help="写到何处，缺省为项目目录的 out/")
@options.content
def export(directory: Path, form: Format, number: int | None, out: Path | None, content: Path | None) -> int:
    """Write the results of a round in another tool's format."""
    session = open_session(directory, content)
    chosen = load_round(directory, number)
    data, result = export_round(session, chosen, form)
    target = out or export_path(directory, chosen.number, form)
    write_whole(target, data)
    shown = console()
    shown.print(counts_line(result))
    verbatim(shown, f"已导出：{target}")
    verbatim(shown, f"sha256 {hashlib.sha256(data).hexdigest()}")
    return 0
