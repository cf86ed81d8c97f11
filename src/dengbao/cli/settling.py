"""settle: a person took back what a test changed, and says so."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from ..model import Person
from ..packet.custody import told
from ..packet.lock import refuse_when_locked
from ..undoing import owed_in, settle_by_hand
from . import options
from .chinese import Argument, Command
from .console import console, paragraph, say
from .values import person


@click.command(
    cls=Command,
    help="登记已由人工恢复的改动：谁、如何恢复。\n\n"
    "只写入该轮的台账与事件记录，不连接测评对象。先用 dengbao run 让程序自行恢复；"
    "仍不成的，由管理员在系统上恢复并核实，"
    "再登记。改动的编号见 dengbao status 末尾。登记后程序不再尝试恢复，status 列为人工恢复。",
    epilog="dengbao settle my-hospital his-web/web.users/dbyh1 --by 张三/某某科技 \\\n"
    "    --how 管理员已删除该检测用户，并在用户列表中核对",
)
@options.directory
@click.argument("key", metavar="编号", cls=Argument, help="改动的编号，如 his-web/web.users/dbyh1")
@click.option("--by", "who", type=person, required=True, metavar="姓名/单位", help="恢复改动的人")
@click.option("--how", required=True, metavar="说明", help="做了什么、如何核实；不写口令与个人信息")
def settle(directory: Path, key: str, who: Person, how: str) -> int:
    """Note that a person took a change back."""
    refuse_when_locked(directory)
    out = console()
    for one in settle_by_hand(directory, key, who, how):
        told(directory, "settled", who, {"key": one.key})
        paragraph(out, Text("已登记为人工恢复  "), f"{one.asset}  {one.what}")
    left = len(owed_in(directory))
    say(out, f"尚未恢复的改动还有 {left} 处" if left else "检测所作的改动均已恢复")
    return 0
