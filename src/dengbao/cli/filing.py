"""evidence: file, list, review and examine what people supply."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.text import Text

from .. import catalog
from .. import evidence as evidence_room
from ..evidence import Draft, Said
from ..evidence.remarks import grouped
from ..evidence.standing import thread_of
from ..model import EvidenceKind, Method, Person, RemarkSort, Review, Standing, Verdict
from ..packet.custody import told
from ..packet.lock import refuse_when_locked
from ..reviewing import speak
from ..session import open_session
from . import options
from .chinese import Argument, Group
from .console import console, paragraph, say
from .values import choice, day, existing_file, moment, person

METHODS = {one.zh: one for one in Method}
KINDS = {one.zh: one for one in EvidenceKind}
VERDICTS = {one.zh: one for one in Verdict}


@click.group(
    cls=Group,
    help="佐证：程序看不见的由人取证，入库、复核、列出、核查。",
    epilog="dengbao evidence add --help",
)
def evidence() -> None:
    """Group of the evidence commands."""


@evidence.command(
    "add",
    help="一份佐证入库：复制文件、编号、计算摘要，写出记录；原文件不动。\n\n"
    "谁、何时、如何、哪个文件、证明哪一项，缺一件就不予采信。",
    epilog="dengbao evidence add my-hospital 制度.pdf --item 10.a.2 --asset system --kind 文档 \\\n"
    "    --verdict 符合 --statement '经核查，已制定……' --by 张三/某某科技 --redacted",
)
@options.directory
@click.argument(
    "files",
    metavar="文件…",
    nargs=-1,
    required=True,
    cls=Argument,
    type=existing_file,
    help="截图、文档或记录，1 至 20 个",
)
@click.option("--item", "items", multiple=True, required=True, metavar="项", help="用于哪些项，可多次给出")
@click.option("--asset", required=True, metavar="对象", help="测评对象的 id；制度、文档、访谈用 system")
@click.option("--kind", type=choice(KINDS), required=True, metavar="种类", help="、".join(KINDS))
@click.option(
    "--method", type=choice(METHODS), default="核查", metavar="方法", help="访谈、核查、测试；缺省核查"
)
@click.option("--verdict", type=choice(VERDICTS), required=True, metavar="判定", help="、".join(VERDICTS))
@click.option("--statement", required=True, metavar="文字", help="结果记录：看到了什么；不写口令与个人信息")
@click.option("--by", "collector", type=person, required=True, metavar="姓名/单位", help="取证人")
@click.option("--collected-at", type=moment, metavar="时间", help="如 2026-03-02T10:30；缺省为现在")
@click.option("--reviewed-by", type=person, metavar="姓名/单位", help="复核人，须不同于取证人；可以后补")
@click.option("--redacted", is_flag=True, help="附件中的个人信息已遮盖")
@click.option("--expires", type=day, metavar="日期", help="有效期至，如 2027-03-01")
@click.option(
    "--override", default="", metavar="理由", help="推翻自动判定：写明理由；第二人在工作台“复核”页同意"
)
@options.content
def add(
    directory: Path,
    files: tuple[Path, ...],
    items: tuple[str, ...],
    asset: str,
    kind: EvidenceKind,
    method: Method,
    verdict: Verdict,
    statement: str,
    collector: Person,
    collected_at: datetime | None,
    reviewed_by: Person | None,
    redacted: bool,
    expires: datetime | None,
    override: str,
    content: Path | None,
) -> int:
    """File evidence under the next free number."""
    refuse_when_locked(directory)
    session = open_session(directory, content)
    now = datetime.now().astimezone()
    draft = Draft(
        items=items, asset=asset, method=method, kind=kind, statement=statement, verdict=verdict,
        collected_at=collected_at or now, collected_by=collector, redacted=redacted, override=override,
        reviewed=Review(by=reviewed_by, at=now) if reviewed_by else None,
        expires=expires.date() if expires else None,
    )  # fmt: skip
    filed = evidence_room.add(
        directory, draft, files, suite=session.suite, engagement=session.engagement, now=now
    )
    files_told = " ".join(f"{one.name}={one.sha256}" for one in filed.files)
    told(
        directory,
        "evidence_added",
        collector,
        {"id": filed.id, "verdict": filed.verdict, "files": files_told},
    )
    out = console()
    say(out, f"已入库 {filed.id}：{'、'.join(one.name for one in filed.files)}")
    if filed.reviewed is None and (filed.override or filed.verdict is Verdict.NOT_APPLICABLE):
        say(out, f"尚待第二人复核：dengbao evidence review {directory} {filed.id} --by 姓名/单位")
    return 0


@evidence.command(
    "review",
    help="第二人复核一份佐证：记下复核人与时间；复核人不得是取证人。同 evidence accept。",
    epilog="dengbao evidence review my-hospital EV-0001 --by 李四/某某医院",
)
@options.directory
@click.argument("evidence_id", metavar="编号", cls=Argument, help="如 EV-0001")
@click.option("--by", "reviewer", type=person, required=True, metavar="姓名/单位", help="复核人")
def review(directory: Path, evidence_id: str, reviewer: Person) -> int:
    """Note a second person's review."""
    refuse_when_locked(directory)
    catalog.load_engagement(directory)
    reviewed, _ = speak(directory, evidence_id, Said(RemarkSort.ACCEPT, reviewer, overrules=True))
    say(console(), f"已复核 {reviewed.id}：{reviewer.name}（{reviewer.org}）")
    return 0


@evidence.command("list", help="列出全部佐证。", epilog="dengbao evidence list my-hospital")
@options.directory
def listing(directory: Path) -> int:
    """Print every record."""
    catalog.load_engagement(directory)
    records = evidence_room.load_all(directory)
    remarks = grouped(evidence_room.load_remarks(directory))
    out = console()
    for one in records:
        thread = thread_of(one, remarks.get(one.id, ()))
        who = f"{one.collected_by.name} {one.collected_at:%Y-%m-%d}"
        second = f"，{thread.review.by.name}复核" if thread.review else ""
        if thread.standing in (Standing.RETURNED, Standing.WITHDRAWN):
            second = f"，{thread.standing.zh}"
        say(
            out,
            f"{one.id}  {'、'.join(one.items)} {one.asset}  {one.kind.zh} {one.verdict.zh}  {who}{second}",
        )
        paragraph(out, Text("         "), one.statement)
    say(out, f"共 {len(records)} 份")
    return 0


@evidence.command(
    "check",
    help="核查佐证：谁、何时、如何、文件、摘要、有效期、复核人。\n\n有提示、已撤回以外的问题时退出码为 4。",
    epilog="dengbao evidence check my-hospital",
)
@options.directory
@options.content
def check(directory: Path, content: Path | None) -> int:
    """Print what is wrong with the evidence; exit 4 if anything keeps a record from counting."""
    session = open_session(directory, content)
    today = datetime.now().astimezone().date()
    examined = evidence_room.examine(directory, session.suite, session.engagement, today)
    findings = [finding for one in examined for finding in one.findings]
    out = console()
    for one in findings:
        place = f"{one.where}：" if one.where else ""
        paragraph(out, Text(f"{one.gravity.zh}  "), f"{place}{one.message}", indent=6)
        paragraph(out, Text("      处理："), one.cure)
    bad = [one for one in findings if one.gravity.is_open]
    counting = sum(one.counts for one in examined)
    say(out, f"采信 {counting} 份" + (f"，有问题 {len(bad)} 处" if bad else "，没有问题"))
    return 4 if bad else 0
