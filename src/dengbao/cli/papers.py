"""report, evidence, demo.

Word templates and the demo's web server take longer to import than most commands to run: they are
imported where they are used.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click
from rich.table import Table

from .. import evidence as evidence_room
from ..errors import EvidenceError
from ..evidence import Draft
from ..model import EvidenceKind, Method, Person, Review, SuiteResult, Verdict
from ..results import fold_round
from ..rounds import load_round
from ..runner import run as run_room
from ..session import only_items, open_session
from . import options
from .chinese import Command, Group
from .console import Watcher, console

VERDICTS = {one.zh: one for one in Verdict}
METHODS = {one.zh: one for one in Method}
KINDS = {one.zh: one for one in EvidenceKind}


@click.command(cls=Command, help="生成 Word 测试报告；不完整时为草稿并列出缺什么")
@options.directory
@options.content
@options.round_number
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="文件", help="写到何处，缺省 out/"
)
@click.option("--pdf", is_flag=True, help="同时生成 PDF 预览（需要 LibreOffice）")
@click.option("--final", is_flag=True, help="正式报告：尚有缺项则拒绝（退出码 3）")
def report(
    directory: Path, content: Path | None, number: int | None, out: Path | None, pdf: bool, final: bool
) -> int:
    """Write the report of a round."""
    from ..reporting import report_path, report_round  # noqa: PLC0415 - see the module's docstring

    session = open_session(directory, content)
    chosen = load_round(directory, number)
    target = out or report_path(directory, chosen.number)
    progress = console(stderr=True)
    outcome = report_round(
        session, chosen, target, final=final, pdf=pdf, say=lambda text: progress.print(text, markup=False)
    )
    shown = console()
    for gap in outcome.gaps:
        shown.print(f"  缺 {gap.place} {gap.asset}：{gap.state}，{gap.need}", markup=False)
    for note in outcome.notes:
        shown.print(f"提示：{note}", markup=False)
    pages = f"，{outcome.pages} 页" if outcome.pages else ""
    kind = f"草稿（缺 {len(outcome.gaps)} 处）" if outcome.draft else "正式报告"
    shown.print(f"{kind}：{outcome.docx}{pages}", markup=False)
    if outcome.pdf is not None:
        shown.print(f"预览：{outcome.pdf}", markup=False)
    shown.print(f"sha256 {outcome.sha256}", markup=False)
    return 0


@click.group(cls=Group, help="佐证：入库、列出、核查")
def evidence() -> None:
    """Group of the evidence commands."""


def _person(text: str, role: str) -> Person:
    name, _, org = text.partition("/")
    if not name.strip() or not org.strip():
        raise EvidenceError(f"{role}写法不对：{text}", cure="写成 姓名/单位，如 张三/某某科技")
    return Person(name=name.strip(), org=org.strip())


@evidence.command("add", help="一份佐证入库：复制文件、编号、计算摘要")
@options.directory
@click.argument(
    "files",
    metavar="文件…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--item", "items", multiple=True, required=True, metavar="项", help="用于哪些项，可多次给出")
@click.option("--asset", required=True, metavar="对象", help="测评对象的 id；制度、文档类用 system")
@click.option("--kind", type=click.Choice(list(KINDS)), required=True, help="佐证种类")
@click.option(
    "--method", type=click.Choice(list(METHODS)), default="核查", show_default=True, help="取证方法"
)
@click.option("--verdict", type=click.Choice(list(VERDICTS)), required=True, help="据此判定")
@click.option("--statement", required=True, metavar="文字", help="结果记录：看到了什么")
@click.option("--by", "collector", required=True, metavar="姓名/单位", help="取证人")
@click.option(
    "--collected-at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="取证时间，缺省为现在"
)
@click.option("--reviewed-by", metavar="姓名/单位", help="复核人，须不同于取证人")
@click.option("--redacted", is_flag=True, help="个人信息已遮盖")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="有效期至")
@click.option("--override", default="", metavar="理由", help="推翻自动判定的不符合：写明理由，且须有复核人")
@options.content
def evidence_add(
    directory: Path,
    files: tuple[Path, ...],
    items: tuple[str, ...],
    asset: str,
    kind: str,
    method: str,
    verdict: str,
    statement: str,
    collector: str,
    collected_at: datetime | None,
    reviewed_by: str | None,
    redacted: bool,
    expires: datetime | None,
    override: str,
    content: Path | None,
) -> int:
    """File evidence under the next free number."""
    session = open_session(directory, content)
    now = datetime.now().astimezone()
    draft = Draft(
        items=items, asset=asset, method=METHODS[method], kind=KINDS[kind], statement=statement,
        collected_at=collected_at.astimezone() if collected_at else now,
        collected_by=_person(collector, "取证人"), verdict=VERDICTS[verdict],
        redacted=redacted, override=override,
        reviewed=Review(by=_person(reviewed_by, "复核人"), at=now) if reviewed_by else None,
        expires=expires.date() if expires else None,
    )  # fmt: skip
    filed = evidence_room.add(
        directory, draft, files, suite=session.suite, engagement=session.engagement, now=now
    )
    console().print(f"已入库 {filed.id}：{'、'.join(one.name for one in filed.files)}", markup=False)
    return 0


@evidence.command("list", help="列出全部佐证")
@options.directory
def evidence_list(directory: Path) -> int:
    """Print every record."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("编号", "测评项", "对象", "种类", "判定", "取证", "结果记录"):
        table.add_column(heading, overflow="fold")
    records = evidence_room.load_all(directory)
    for one in records:
        table.add_row(
            one.id, " ".join(one.items), one.asset, one.kind.zh, one.verdict.zh,
            f"{one.collected_by.name} {one.collected_at:%Y-%m-%d}", one.statement,
        )  # fmt: skip
    out = console()
    out.print(table)
    out.print(f"共 {len(records)} 份")
    return 0


@evidence.command("check", help="核查佐证：谁、何时、如何、文件、摘要、有效期、复核人")
@options.directory
@options.content
def evidence_check(directory: Path, content: Path | None) -> int:
    """Print what is wrong with the evidence; exit 4 if anything keeps a record from counting."""
    session = open_session(directory, content)
    findings = evidence_room.check(directory, session.suite, session.engagement, _today())
    out = console()
    for one in findings:
        out.print(f"{one.gravity.zh} {one.where}：{one.message}\n  处理：{one.cure}", markup=False)
    bad = [one for one in findings if one.gravity is not evidence_room.Gravity.NOTE]
    admitted = 0 if bad else len(evidence_room.load_all(directory))
    out.print(f"有问题 {len(bad)} 处" if bad else f"{admitted} 份佐证全部可采信")
    return 4 if bad else 0


def _today() -> date:
    return datetime.now().astimezone().date()


@click.command(cls=Command, help="演示：检测一家虚构医院，整改后复测，打印差异；无需 root 与网络")
@click.argument(
    "directory", metavar="[目录]", required=False, type=click.Path(path_type=Path, file_okay=False)
)
@options.content
def demo(directory: Path | None, content: Path | None) -> int:
    """Run the demo in a new folder."""
    from ..demo.flow import Steps, run_demo  # noqa: PLC0415 - see the module's docstring
    from ..reporting import report_path, report_round  # noqa: PLC0415

    folder = directory or Path("demo-out")
    out = console()

    def run(place: Path) -> int:
        session = open_session(place, content)
        watcher = Watcher(console(stderr=True), len(only_items(session, session.plan, ()).probes))
        with watcher.shown():
            return run_room(place, content=content, new_round=True, watch=watcher).round.number

    def write(place: Path, number: int) -> Path:
        session = open_session(place, content)
        return report_round(session, load_round(place, number), report_path(place, number)).docx

    def result(place: Path, number: int) -> SuiteResult:
        return fold_round(open_session(place, content), load_round(place, number))[0]

    def say(text: str) -> None:
        out.print(text, markup=False)

    return run_demo(folder, say=say, steps=Steps(run=run, report=write, result=result), width=out.width)
