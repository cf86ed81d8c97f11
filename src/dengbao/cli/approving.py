"""approve: what the four parties say to a sealed report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from .. import catalog
from ..errors import UsageError
from ..model import Person
from ..model.approvals import PartyRole, SignatureTool
from ..packet.approvals import Examined, Said, SignatureFiles, approve, examine_approvals
from ..packet.current import Current, changed_since, newest_packet, read_packet
from ..packet.detached import signed_line
from . import options
from .chinese import Command
from .console import console, paragraph, say, verbatim
from .values import choice, day, existing_file, person

PARTIES = {one.zh: one for one in PartyRole}
TOOLS = {one.value: one for one in SignatureTool}


@click.command(
    "approve",
    cls=Command,
    help="登记一方的盖章意见：谁代表哪一方、哪一天、盖章页的扫描件；绑定到封存包的摘要。\n\n"
    "不加 --party 则列出四方现状，有作废的退出码为 4。须先封存；封存之后内容有任何改动，或另有新的封存包，"
    "已登记的一律作废。可附对 `包摘要  报告编号` 一行的签名，由所指的程序核验。",
    epilog="dengbao approve my-hospital\n"
    "dengbao approve my-hospital --party 定点医药机构 --by 王主任/某某医院 \\\n"
    "    --on 2026-03-20 --scan 盖章页.pdf",
)
@options.directory
@click.option("--party", type=choice(PARTIES), metavar="一方", help="、".join(PARTIES))
@click.option("--by", "who", type=person, metavar="姓名/单位", help="签署人；单位须与项目中该方的名称一致")
@click.option("--on", "signed_on", type=day, metavar="日期", help="签署日期，如 2026-03-20")
@click.option("--scan", type=existing_file, metavar="文件", help="盖章页扫描件：PDF 或图片")
@click.option("--packet", type=existing_file, metavar="文件", help="封存包，缺省为 out/ 中最后封存的一个")
@click.option("--signature", type=existing_file, metavar="文件", help="签名文件，可不附")
@click.option("--public-key", type=existing_file, metavar="文件", help="签名人的公钥")
@click.option("--tool", type=choice(TOOLS), metavar="程序", help="以何程序签名：" + "、".join(TOOLS))
def approve_command(
    directory: Path,
    party: PartyRole | None,
    who: Person | None,
    signed_on: datetime | None,
    scan: Path | None,
    packet: Path | None,
    signature: Path | None,
    public_key: Path | None,
    tool: SignatureTool | None,
) -> int:
    """File an approval, or list them."""
    engagement = catalog.load_engagement(directory)
    current = read_packet(packet) if packet is not None else newest_packet(directory)
    changed = changed_since(directory, current) if current is not None else ()
    out = console()
    if party is None:
        found = examine_approvals(directory, engagement, current, changed)
        print_approvals(out, found, current)
        return 4 if any(not one.counts for one in found) else 0
    if current is None:
        raise UsageError(
            "尚未封存，不能登记盖章意见", where=str(directory), cure=f"先执行 dengbao seal {directory}"
        )
    if changed:
        raise UsageError(
            f"封存之后内容有改动：{'；'.join(changed[:3])}",
            where=str(directory), cure="恢复原样；或重新封存，再由四方盖章",
        )  # fmt: skip
    if who is None or signed_on is None or scan is None:
        raise UsageError(
            "登记盖章意见须同时给出 --by、--on、--scan", cure="用 dengbao approve --help 查看例子"
        )
    said = Said(party, who, signed_on.date(), scan, _signed(signature, public_key, tool))
    filed = approve(directory, engagement, current, said)
    say(out, f"已登记 {filed.id}：{party.zh}，{who.name}（{who.org}）{filed.on}")
    print_approvals(out, examine_approvals(directory, engagement, current), current)
    return 0


def _signed(
    signature: Path | None, public_key: Path | None, tool: SignatureTool | None
) -> SignatureFiles | None:
    if signature is None and public_key is None and tool is None:
        return None
    if signature is None or public_key is None or tool is None:
        raise UsageError(
            "附签名须同时给出 --signature、--public-key、--tool", cure="三者缺一不可；也可以都不附"
        )
    return SignatureFiles(tool, signature, public_key)


def print_approvals(out: Console, found: tuple[Examined, ...], current: Current | None) -> None:
    """Print the four parties, what each said, and what is void and why."""
    if current is None:
        say(out, "尚未封存")
    else:
        verbatim(out, f"封存包 {current.path}")
        verbatim(
            out,
            f"签名所用的一行：{signed_line(current.packet, current.seal.report_number).decode().rstrip()}",
        )
    for party in PartyRole:
        valid = next((one for one in found if one.counts and one.approval.party is party), None)
        say(out, f"  {party.zh}：{_told(valid)}")
        for note in valid.open if valid is not None else ():
            paragraph(out, Text("    未能核验 "), note, indent=6)
    for one in found:
        if not one.counts:
            lead = Text.assemble("  ", ("作废", "bold red"), f" {one.approval.id} {one.approval.party.zh} ")
            paragraph(out, lead, "；".join(one.faults), indent=4)


def _told(one: Examined | None) -> str:
    if one is None:
        return "未盖章"
    said = one.approval
    signed = f"，{said.signature.tool.value} 签名有效" if said.signature is not None and not one.open else ""
    return f"{said.by.name} {said.on}（{said.id}）{signed}"
