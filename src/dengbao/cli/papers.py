"""report, demo.

Word templates and the demo's web server take longer to import than most commands to run: they are
imported where they are used.
"""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from ..model import SuiteResult
from ..packet.custody import told
from ..results import fold_round
from ..rounds import load_round
from ..runner import run as run_room
from ..session import only_items, open_session
from . import options
from .chinese import Argument, Command
from .console import Watcher, console, paragraph, say, verbatim
from .values import file, folder


@click.command(
    cls=Command,
    help="生成 Word 测试报告；不完整时为草稿，并列出缺什么。\n\n"
    "事实文件损坏或佐证被改动的，不予生成（退出码 4）。",
    epilog="dengbao report my-hospital\ndengbao report my-hospital --pdf\ndengbao report my-hospital --final",
)
@options.directory
@options.round_number
@click.option("--out", type=file, metavar="文件", help="写到何处，缺省为项目目录的 out/")
@click.option("--pdf", is_flag=True, help="同时生成 PDF 预览（需要 LibreOffice）")
@click.option("--final", is_flag=True, help="正式报告：尚有缺项则拒绝（退出码 3）")
@options.content
def report(
    directory: Path, content: Path | None, number: int | None, out: Path | None, pdf: bool, final: bool
) -> int:
    """Write the report of a round."""
    from ..report.gaps import gap_lines, group_gaps  # noqa: PLC0415 - see the module's docstring
    from ..reporting import report_path, report_round  # noqa: PLC0415

    session = open_session(directory, content)
    chosen = load_round(directory, number)
    target = out or report_path(directory, chosen.number)
    progress = console(stderr=True)
    outcome = report_round(
        session, chosen, target, final=final, pdf=pdf, say=lambda text: say(progress, text)
    )
    stage = "draft" if outcome.draft else "final"
    told(
        directory, "reported", details={"round": str(chosen.number), "kind": stage, "sha256": outcome.sha256}
    )
    shown = console()
    for line in gap_lines(group_gaps(outcome.gaps)):
        paragraph(shown, Text("  "), line, indent=4)
    for note in outcome.notes:
        paragraph(shown, Text("提示："), note)
    pages = f"，{outcome.pages} 页" if outcome.pages else ""
    kind = f"草稿（缺 {len(outcome.gaps)} 处）" if outcome.draft else "正式报告"
    verbatim(shown, f"{kind}：{outcome.docx}{pages}")
    if outcome.pdf is not None:
        verbatim(shown, f"预览：{outcome.pdf}")
    verbatim(shown, f"sha256 {outcome.sha256}")
    return 0


@click.command(
    cls=Command,
    help="演示：检测一家虚构医院，整改后复测，打印差异；无需 root 与网络。\n\n"
    "医院只在检测期间于本机 127.0.0.1 运行；目录留下，其余命令都可以拿它来试。",
    epilog="dengbao demo\ndengbao demo my-demo",
)
@click.argument(
    "directory",
    metavar="[目录]",
    required=False,
    cls=Argument,
    type=folder,
    help="空目录或尚不存在；缺省 demo-out",
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

    return run_demo(
        folder,
        say=lambda text: verbatim(out, text),
        steps=Steps(run=run, report=write, result=result),
        width=out.width,
    )
