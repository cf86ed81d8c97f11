"""unlock: somebody goes on with an engagement that was sealed, and says why."""

from __future__ import annotations

from pathlib import Path

import click

from .. import catalog
from ..model import Person
from ..packet import lock
from . import options
from .chinese import Command
from .console import console, say, verbatim
from .values import person


@click.command(
    cls=Command,
    help="解除封存后的锁定：写明何人、为何要改动已封存的内容，记入经手记录。\n\n"
    "项目与封存包一致时，run、settle、evidence 的入库、复核、导入都不写入，工作台同样；"
    "看、出报告与表单、核验、登记盖章不受影响。解除之后，一有改动，封存包即失效，四方已有的盖章作废，"
    "须重新封存、重新盖章；没有改动而再次封存的，仍是原来的包，并重新锁定。",
    epilog="dengbao unlock my-hospital --by 张三/某某科技 --why 医保局反馈须补一份制度",
)
@options.directory
@click.option("--by", "who", type=person, required=True, metavar="姓名/单位", help="解除锁定的人")
@click.option("--why", required=True, metavar="理由", help="为什么要改动，随下一次封存；不写口令与个人信息")
def unlock(directory: Path, who: Person, why: str) -> int:
    """Unlock a sealed engagement."""
    catalog.load_engagement(directory)
    current = lock.unlock(directory, who, why)
    out = console()
    say(out, f"已解除锁定：{who.name}（{who.org}），记入经手记录")
    verbatim(out, f"封存包 {current.path}")
    say(out, "改动之后封存包失效，盖章作废；改完后：")
    verbatim(out, f"  dengbao seal {directory} --by 姓名/单位")
    return 0
