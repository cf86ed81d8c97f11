"""recheck: the technician's own run against the same system, held against what was sealed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from ..errors import UsageError
from ..facts import canonical
from ..model import Person
from ..model.recheck import Decision, Meaning, RecheckResult, Seen
from ..packet import recheck as room
from ..packet.current import Current, newest_packet
from ..packet.dsse import PublicKey, public_key
from ..packet.returned import file_feedback, file_recheck
from ..packet.sampling import SAMPLE
from ..session import only_items, open_session
from . import options
from .chinese import Argument, Group
from .console import Watcher, console, paragraph, say, verbatim
from .values import choice, counted, day, existing_file, folder, person

_DECISIONS = {one.zh: one for one in Decision}
_STYLES = {Meaning.VERDICT: "bold red", Meaning.LOST: "yellow", Meaning.NEW: "cyan", Meaning.FACTS: "cyan"}
_plan_folder = click.argument(
    "directory", metavar="复核目录", cls=Argument, type=folder, help="recheck begin 建立的目录"
)


@click.group(
    cls=Group,
    help="复核抽测：核验封存包，另行抽取测评项，由技术人员在另一处对同一系统复测，并与封存的结果比对。\n\n"
    "次序：begin → run → show → note → end；项目一方以 file、feedback 收回结果与反馈。",
    epilog="dengbao recheck begin --help",
)
def recheck() -> None:
    """Group of the re-check commands."""


@recheck.command(
    "begin",
    help="核验封存包，建立复核目录，抽取测评项；不连接测评对象。\n\n"
    "核验不一致的拒绝（退出码 4）。种子此时随机产生，封存人无从预知；高风险项与推翻过自动判定的项一律列入。",
    epilog="dengbao recheck begin packet.zip --into 复核-某某医院 --by 赵工/某市医疗保障局 --sample 10",
)
@click.argument(
    "packet", metavar="封存包", cls=Argument, type=click.Path(path_type=Path), help=".zip 或解开的目录"
)
@click.option("--into", type=folder, required=True, metavar="目录", help="复核目录，须为空或尚不存在")
@click.option("--by", "who", type=person, required=True, metavar="姓名/单位", help="复核人")
@click.option("--sample", type=counted, default=str(SAMPLE), metavar="项数", help=f"抽取几项，缺省 {SAMPLE}")
@click.option(
    "--trust", type=existing_file, multiple=True, metavar="公钥文件", help="可信的封存密钥，可多次给出"
)
@options.content
def begin(
    packet: Path, into: Path, who: Person, sample: int, trust: tuple[Path, ...], content: Path | None
) -> int:
    """Verify, lay out, draw."""
    progress = console(stderr=True)
    begun = room.begin(
        packet, into, by=who, sample=sample, trusted=tuple(map(_key, trust)), content=content,
        say=lambda text: say(progress, text),
    )  # fmt: skip
    out = console()
    verbatim(out, f"封存包摘要 {begun.plan.packet}")
    verbatim(out, f"种子 {begun.plan.seed}")
    for one in begun.plan.remarks:
        paragraph(out, Text("  "), one)
    say(out, f"复测 {len(begun.plan.drawn)} 项：")
    for drawn in begun.plan.drawn:
        say(out, f"  {drawn.item}  {'、'.join(why.zh for why in drawn.why)}")
    say(out, "下一步：核对 engagement.yaml 的地址、账户与授权（口令以引用给出），然后")
    verbatim(out, f"  dengbao recheck run {into}")
    return 0


def _key(path: Path) -> PublicKey:
    return public_key(path.read_bytes()[:65536].decode("utf-8", "replace"))


@recheck.command(
    "run",
    help="对抽取的测评项复测，作为复核目录自己的一轮；中断后再次执行即从断点继续。\n\n"
    "与 dengbao run 受同样的授权、地址与速率约束。判定不一致的退出码为 1，未能判定的为 3。",
    epilog="dengbao recheck run 复核-某某医院",
)
@_plan_folder
@click.option("--new-round", is_flag=True, help="不接着未完成的一轮，重新复测")
@options.content
def run(directory: Path, new_round: bool, content: Path | None) -> int:
    """Run what was drawn."""
    found = room.load(directory, content)
    session = open_session(directory, content)
    part = only_items(session, session.plan, [one.item for one in found.plan.drawn])
    watcher = Watcher(console(stderr=True), len(part.probes))
    with watcher.shown():
        room.run_drawn(found, new_round=new_round, watch=watcher)
    seen = room.compared(found)
    print_seen(console(), seen, full=False)
    return _code(seen)


def _code(seen: tuple[Seen, ...]) -> int:
    meanings = {one.meaning for one in seen}
    if meanings & {Meaning.LOST, Meaning.NOT_RUN}:
        return 3
    return 1 if Meaning.VERDICT in meanings else 0


@recheck.command(
    "show",
    help="逐一比对封存的与复核所见的：判定、结果记录、哪些事实有变。\n\n只列有差异的；加 --all 列出全部。",
    epilog="dengbao recheck show 复核-某某医院\ndengbao recheck show 复核-某某医院 --all",
)
@_plan_folder
@click.option("--all", "full", is_flag=True, help="一致的也列出")
@options.as_json
@options.content
def show(directory: Path, full: bool, form: str, content: Path | None) -> int:
    """Print differences side by side."""
    found = room.load(directory, content)
    seen = room.compared(found)
    if form == "json":
        print(msgspec.json.format(canonical(seen), indent=1).decode())
        return _code(seen)
    out = console()
    print_seen(out, seen, full=full)
    for one in room.remarks_of(found):
        paragraph(out, Text(f"复核意见 {one.item} {one.asset} "), one.text, indent=4)
    return _code(seen)


def print_seen(out: Console, seen: tuple[Seen, ...], *, full: bool) -> None:
    """Print cases as they were sealed and as they were seen again; alike ones only where asked."""
    for one in seen:
        if full or one.meaning not in (Meaning.SAME, Meaning.BY_HAND, Meaning.NOT_RUN):
            _print_case(out, one)
    by_hand = dict.fromkeys(one.item for one in seen if one.meaning is Meaning.BY_HAND)
    if by_hand and not full:
        paragraph(out, Text("须人工查看佐证的 "), "、".join(by_hand), indent=4)
    counts = Counter(one.meaning for one in seen)
    say(out, "，".join(f"{one.zh} {counts[one]} 处" for one in Meaning if counts[one]))


def _print_case(out: Console, one: Seen) -> None:
    out.print(Text.assemble((one.meaning.zh, _STYLES.get(one.meaning, "")), f"  {one.case}"))
    for name, sight in (("封存", one.sealed), ("复核", one.again)):
        paragraph(out, Text(f"  {name} {sight.zh} "), sight.statement, indent=4)
    for change in one.changes:
        paragraph(
            out, Text(f"  事实 {change.fact} {change.place}："), f"{change.before} → {change.after}", indent=4
        )
    if one.changes and one.uncounted:
        say(out, f"  另有 {one.uncounted} 处未列（时间，或过多）")
    if one.evidence:
        say(out, f"  佐证 {'、'.join(one.evidence)}")


@recheck.command(
    "note",
    help="对一项写下复核意见，写入结果与反馈意见。",
    epilog="dengbao recheck note 复核-某某医院 1.a.3 --asset his-db --text 封存后开启了空口令登录",
)
@_plan_folder
@click.argument("item", metavar="项", cls=Argument, help="如 1.a.3")
@click.option("--asset", default="", metavar="对象", help="测评对象的 id；缺省为整项")
@click.option("--text", required=True, metavar="文字", help="意见；不写口令与个人信息")
@options.content
def note(directory: Path, item: str, asset: str, text: str, content: Path | None) -> int:
    """Note a remark."""
    if not text.strip():
        raise UsageError("意见是空的", cure="写明看到了什么")
    made = room.remark(room.load(directory, content), item, text, asset=asset)
    say(console(), f"已记下 {made.item} {made.asset}".rstrip())
    return 0


@recheck.command(
    "end",
    help="结束复核：写出 recheck-result.json，内有拟写入附件四的反馈意见；同意与否由人决定。\n\n"
    "尚有未复测的项则拒绝（退出码 3）。",
    epilog="dengbao recheck end 复核-某某医院",
)
@_plan_folder
@options.content
def end(directory: Path, content: Path | None) -> int:
    """Write the result."""
    result = room.end(room.load(directory, content))
    out = console()
    print_opinion(out, result)
    verbatim(out, f"已写出 {directory / room.RESULT}")
    return _code(result.seen)


def print_opinion(out: Console, result: RecheckResult) -> None:
    """Print the proposed 反馈意见; the decision is left to people."""
    say(out, "测试结果：□ 同意接入  □ 不同意接入（由人决定）")
    say(out, "反馈意见（拟）：")
    for line in result.opinion.splitlines():
        paragraph(out, Text("  "), line)


@recheck.command(
    "file",
    help="把复核结果收入项目目录，绑定到现行的封存包；另一封存包的拒绝。",
    epilog="dengbao recheck file my-hospital recheck-result.json",
)
@options.directory
@click.argument("result", metavar="结果文件", cls=Argument, type=existing_file, help="recheck end 写出的文件")
def file_result(directory: Path, result: Path) -> int:
    """File a result in the engagement."""
    say(console(), f"已收入 {file_recheck(directory, _current(directory), result)}")
    return 0


@recheck.command(
    "feedback",
    help="登记联调测试结果反馈：同意接入与否、何人、何日、盖章的附件四扫描件；绑定到现行的封存包。",
    epilog="dengbao recheck feedback my-hospital --decision 同意接入 --by 赵科长/某市医疗保障局 \\\n"
    "    --on 2026-03-25 --scan 附件四.pdf",
)
@options.directory
@click.option(
    "--decision", type=choice(_DECISIONS), required=True, metavar="结果", help="、".join(_DECISIONS)
)
@click.option("--by", "who", type=person, required=True, metavar="姓名/单位", help="经办人")
@click.option("--on", "given_on", type=day, required=True, metavar="日期", help="如 2026-03-25")
@click.option("--scan", type=existing_file, required=True, metavar="文件", help="盖章的附件四扫描件")
@click.option("--opinion", default="", metavar="文字", help="反馈意见")
def feedback(
    directory: Path, decision: Decision, who: Person, given_on: datetime, scan: Path, opinion: str
) -> int:
    """File the bureau's decision."""
    file_feedback(
        directory, _current(directory), decision, by=who, on=given_on.date(), scan=scan, opinion=opinion
    )
    say(console(), f"已登记反馈：{decision.zh}，{who.name}（{who.org}）")
    return 0


def _current(directory: Path) -> Current:
    found = newest_packet(directory)
    if found is None:
        raise UsageError("尚未封存", where=str(directory), cure=f"先执行 dengbao seal {directory}")
    return found
