"""evidence export-xlsx, import-xlsx: 现场核查记录表 for those who fill in a workbook.

Reading workbooks takes longer to import than the other commands to run: it is imported where it is used.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.text import Text

from ..model import Person
from ..packet.custody import told
from ..packet.lock import refuse_when_locked
from ..session import open_session
from . import carrying, options, reviewing
from .chinese import Argument
from .console import console, paragraph, say, verbatim
from .filing import evidence
from .values import existing_file, file, moment, person

__all__ = ["carrying", "evidence", "reviewing"]  # the group with the commands of all these modules


@evidence.command(
    "export-xlsx",
    help="导出现场核查记录表：每个测评对象一张表，每行一个检查项，旁列自动检测结果，供人填写。\n\n"
    "已有的文件不覆盖。填好后用 dengbao evidence import-xlsx 导入。",
    epilog="dengbao evidence export-xlsx my-hospital\n"
    "dengbao evidence export-xlsx my-hospital --out 核查记录.xlsx",
)
@options.directory
@click.option("--out", type=file, metavar="文件", help="写到何处，缺省为项目目录的 out/")
@options.content
def export_xlsx(directory: Path, out: Path | None, content: Path | None) -> int:
    """Write the workbook and say what is in it."""
    from .. import recording  # noqa: PLC0415 - see the module's docstring

    session = open_session(directory, content)
    path, tables = recording.export(session, out, now=datetime.now().astimezone())
    shown = console()
    verbatim(shown, f"已写出 {path}")
    say(shown, f"{len(tables)} 个测评对象，{sum(len(one.lines) for one in tables)} 行；只填黄色各列")
    return 0


@evidence.command(
    "import-xlsx",
    help="导入填好的现场核查记录表：每个填了的行成为一份佐证（人工录入），表本身与图片为附件。\n\n"
    "先用 --dry-run 看差异。有一处不对就全部不导入，逐格列出。原文件不动。",
    epilog="dengbao evidence import-xlsx my-hospital 核查记录.xlsx --by 张三/某某科技 --dry-run\n"
    "dengbao evidence import-xlsx my-hospital 核查记录.xlsx --by 张三/某某科技 --redacted",
)
@options.directory
@click.argument("source", metavar="文件", cls=Argument, type=existing_file, help="填好的 .xlsx")
@click.option("--by", "collector", type=person, required=True, metavar="姓名/单位", help="取证人")
@click.option("--at", type=moment, metavar="时间", help="未填核查时间的行以此为准；缺省为现在")
@click.option("--redacted", is_flag=True, help="表与图片中的个人信息已遮盖")
@click.option("--dry-run", is_flag=True, help="只列出将入库什么，不入库")
@options.content
def import_xlsx(
    directory: Path,
    source: Path,
    collector: Person,
    at: datetime | None,
    redacted: bool,
    dry_run: bool,
    content: Path | None,
) -> int:
    """File what was filled in, or show what would be."""
    from .. import recording  # noqa: PLC0415

    if not dry_run:
        refuse_when_locked(directory)
    session = open_session(directory, content)
    done = recording.import_workbook(
        session, source, by=collector, now=datetime.now().astimezone(), at=at, redacted=redacted,
        dry_run=dry_run,
    )  # fmt: skip
    filed = [*done.finished, *(one.filed for one in done.changes if one.filed)]
    if filed:
        told(directory, "evidence_imported", collector, {"ids": " ".join(filed), "workbook": done.sha256})
    out = console()
    if done.finished:
        say(out, f"上次导入中断，已补完：{'、'.join(done.finished)}")
    for one in done.changes:
        pictures = f"，图片 {one.pictures} 张" if one.pictures else ""
        lead = f"{one.filed or '＋'}  {one.place}  "
        paragraph(
            out,
            Text(lead),
            f"{one.item} {one.asset}：现为{one.before}，佐证{one.verdict.zh}{pictures}",
            indent=6,
        )
        paragraph(out, Text("      "), one.statement)
        if one.note:
            paragraph(out, Text("      注意："), one.note, style="yellow")
    for place, number in done.known:
        say(out, f"＝  {place}  与已入库的 {number} 相同，不再入库")
    if not done.changes and not done.known:
        say(out, "没有填写的行")
    elif dry_run:
        say(out, f"将入库 {len(done.changes)} 份，未改动任何文件；去掉 --dry-run 即入库")
    else:
        say(out, f"已入库 {len(done.changes)} 份")
    return 0
