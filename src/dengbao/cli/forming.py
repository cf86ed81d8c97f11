"""forms: the papers a bureau asks for beside the report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import click
from rich.text import Text

from ..admission import Paper, conditions_check, papers_check
from ..catalog import load_engagement
from ..content import find_content
from ..model import NINGXIA, Engagement
from . import options
from .chinese import Command
from .console import console, paragraph, say, verbatim
from .values import choice, folder

_FORMS: Final = {one: one for one in ("附件一", "附件二", "附件四", "附件五", "唐山")}


@click.command(
    cls=Command,
    help="生成申报与反馈用的表单（.docx）。\n\n"
    "附件一 承诺书、附件二 申报表、附件四 反馈表、附件五 保密协议；唐山为安全管理协议。"
    "文字照录官方原文，内容取自 engagement.yaml；签字、盖章、日期与医保部门意见留空，由人填写；"
    "已有复核抽测结果的，附件四的反馈意见填入其拟稿，是否同意仍由人勾选。"
    "随后列出第二十条（一）的申报材料：已附、未附、已过期。\n\n"
    "退出码：0 接入条件均满足，或未生成附件二；1 有条件不满足；3 有条件未确认（优先于 1）。",
    epilog="dengbao forms my-hospital\ndengbao forms my-hospital --form 附件二 --pdf\n"
    "dengbao forms my-hospital --form 唐山 --out 报送",
)
@options.directory
@click.option(
    "--form", "wanted", type=choice(_FORMS), multiple=True, metavar="表单",
    help=f"只生成这些：{'、'.join(_FORMS)}，可多次给出；缺省为 forms.edition 的全部",
)  # fmt: skip
@click.option("--out", type=folder, metavar="目录", help="写到何处，缺省为项目目录的 out/")
@click.option("--pdf", is_flag=True, help="同时生成 PDF 预览（需要 LibreOffice）")
@options.content
def forms(directory: Path, content: Path | None, wanted: tuple[str, ...], out: Path | None, pdf: bool) -> int:
    """Write the forms, then say what still keeps the application from being handed in."""
    # Word templates take longer to import than most commands to run.
    from ..report.forms import KINDS, kinds_of, make_forms, write_forms  # noqa: PLC0415

    engagement = load_engagement(directory)
    chosen = [one for one in KINDS if one.mark in wanted] or kinds_of(engagement.forms.edition)
    gates = conditions_check(engagement, directory)
    papers = papers_check(engagement, date.today(), directory)  # noqa: DTZ011 - the day on the wall
    written, notes = write_forms(
        make_forms(engagement, chosen, gates, _opinion(directory), papers), find_content(content).templates,
        out or directory / "out", author=engagement.institution.name, made_at=datetime.now(UTC), pdf=pdf,
    )  # fmt: skip
    shown = console()
    for one in written:
        verbatim(shown, f"{one.kind.mark} {one.kind.title}：{one.docx}")
        if one.pdf is not None:
            verbatim(shown, f"  预览：{one.pdf}")
    for note in notes:
        paragraph(shown, Text("提示："), note)
    if not any(one.edition == NINGXIA for one in chosen):
        return 0
    _show_papers(papers)
    return _show_gates(engagement, directory) if any(one.name == "application" for one in chosen) else 0


def _opinion(directory: Path) -> str:
    """Return what the last re-check of the packet that was sealed last proposes for 附件四."""
    from ..packet.current import newest_packet  # noqa: PLC0415 - only these forms need it
    from ..packet.returned import rechecks_of  # noqa: PLC0415

    current = newest_packet(directory)
    results = rechecks_of(directory, current) if current is not None else ()
    return results[-1].opinion if results else ""


def _show_papers(papers: Iterable[Paper]) -> None:
    out = console()
    say(out, "申报材料（第二十条（一））：")
    for one in papers:
        paragraph(out, Text(f"  [{one.state.zh}] "), f"{one.name}{f'：{one.why}' if one.why else ''}")


def _show_gates(engagement: Engagement, directory: Path) -> int:
    from ..report.forms_data import deployment_note, warning  # noqa: PLC0415 - as above

    gates = conditions_check(engagement, directory)
    out = console()
    if note := deployment_note(engagement):
        paragraph(out, Text("提示："), note)
    say(out, warning(gates) or "附件二的四项接入条件均满足，并有佐证")
    if any(one.met is None for one in gates):
        return 3
    return 1 if any(one.met is False for one in gates) else 0
