"""collect-script, evidence import-facts: for hosts that nobody may log in to from here."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from .. import carrying
from ..content import find_content
from ..errors import UsageError
from ..model import Person
from ..packet.custody import told
from ..packet.lock import refuse_when_locked
from ..session import open_session
from . import options
from .chinese import Argument, Command
from .console import console, say, verbatim
from .filing import evidence
from .values import choice, existing_file, moment, person
from .values import file as any_file

PLATFORMS: Final = {one: one for one in carrying.SCRIPTS}
_EXECUTABLE: Final = 0o755


@click.command(
    "collect-script",
    cls=Command,
    help="取出采集脚本，带到不能远程登录的主机或数据库上由管理员运行；脚本只读，写出一个结果文件。\n\n"
    "带回的文件用 dengbao evidence import-facts 登记。",
    epilog="dengbao collect-script linux\ndengbao collect-script windows -o U盘/collect-windows.ps1",
)
@click.argument(
    "platform",
    metavar="系统",
    cls=Argument,
    type=choice(PLATFORMS),
    help="linux、windows，或数据库 oracle、sqlserver、dm",
)
@click.option(
    "-o", "--output", "target", type=any_file, metavar="文件", help="写到哪里，缺省为当前目录；- 为屏幕"
)
@options.content
def collect_script(platform: str, target: Path | None, content: Path | None) -> int:
    """Write the collector of a platform to a file; an existing one is not written over."""
    name, data = carrying.collector(find_content(content), platform)
    if target == Path("-"):
        sys.stdout.buffer.write(data)
        return 0
    path = target or Path(name)
    if path.exists() and path.read_bytes() != data:
        raise UsageError("文件已存在且内容不同，不覆盖", where=str(path), cure="用 -o 指定别的文件名")
    path.write_bytes(data)
    path.chmod(_EXECUTABLE)
    out = console()
    verbatim(out, f"已写出 {path}")
    say(out, carrying.SCRIPTS[platform].how)
    return 0


@evidence.command(
    "import-facts",
    help="登记带回的采集文件：验证完整、未改动，复制到 evidence/collected/，记下何人何时带回。\n\n"
    "不改 engagement.yaml；须加的一行印在屏幕上。被替换的旧文件另名保留。",
    epilog="dengbao evidence import-facts my-hospital dengbao-srv01.txt --asset his-app --by 张三/某某科技",
)
@options.directory
@click.argument("source", metavar="文件", cls=Argument, type=existing_file, help="采集脚本写出的文件")
@click.option("--asset", required=True, metavar="对象", help="是哪台服务器、哪个数据库：测评对象的 id")
@click.option("--by", "bringer", type=person, required=True, metavar="姓名/单位", help="带回文件的人")
@click.option("--at", type=moment, metavar="时间", help="何时带回，如 2026-03-02T10:30；缺省为现在")
@click.option("--replace", is_flag=True, help="主机名或先后与已登记的不符时，确认无误后替换")
@options.content
def import_facts(
    directory: Path,
    source: Path,
    asset: str,
    bringer: Person,
    at: datetime | None,
    replace: bool,
    content: Path | None,
) -> int:
    """Take in a collected file and say what engagement.yaml must name."""
    refuse_when_locked(directory)
    session = open_session(directory, content)
    taken = carrying.import_facts(
        directory, source, asset_id=asset, by=bringer, at=at or datetime.now().astimezone(),
        engagement=session.engagement, profile=session.profile, replace=replace,
    )  # fmt: skip
    one = taken.record
    before = {"replaced": taken.replaced.file.sha256} if taken.replaced is not None else {}
    told(directory, "facts_imported", bringer, {"asset": asset, "sha256": one.file.sha256, **before})
    out = console()
    say(out, f"已登记：主机 {one.host}，{one.begun:%Y-%m-%d %H:%M} 以 {one.privilege} 身份采集")
    say(
        out,
        f"  {one.collector}，{taken.sections} 个部分，{one.file.size_bytes} 字节，{one.brought_by.name}带回",
    )
    verbatim(out, f"  SHA256 {one.file.sha256}")
    if taken.replaced is not None and taken.replaced.file.sha256 != one.file.sha256:
        say(out, f"  原先登记的文件（采集于 {taken.replaced.begun:%Y-%m-%d %H:%M}）已另名保留")
    for warning in taken.warnings:
        say(out, f"注意：{warning}", style="yellow")
    if taken.declared:
        say(out, "engagement.yaml 已引用此文件。dengbao run 即可检测（已有一轮的加 --new-round）")
    else:
        say(out, f"在 engagement.yaml 的测评对象 {one.asset} 下加这一行，再运行 dengbao run：")
        verbatim(out, f"    {taken.line}")
    return 0
