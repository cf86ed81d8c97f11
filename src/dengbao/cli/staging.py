"""What `status` says of the packet: how far it has come, and what became void."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..model import Engagement
from ..model.approvals import PartyRole
from ..packet.stage import Progress, Stage, progress_of
from .console import paragraph, say


def print_stage(out: Console, directory: Path, engagement: Engagement) -> None:
    """Print the stage in a line, and below it what takes it back; nothing before the first sealing."""
    found = progress_of(directory, engagement)
    if found.current is None and not found.approvals:
        return
    say(out, f"\n阶段：{found.stage.zh}（{_steps(found)}）", style="bold")
    for change in found.changed[:3]:
        paragraph(out, Text("  改动 "), change)
    if len(found.changed) > 3:
        say(out, f"  另有 {len(found.changed) - 3} 处改动")
    if found.changed:
        say(out, "  与封存包已不一致：恢复原样，或重新封存")
    for one in found.approvals:
        if not one.counts:
            lead = Text.assemble(
                "  ", ("盖章作废", "bold red"), f" {one.approval.id} {one.approval.party.zh} "
            )
            paragraph(out, lead, "；".join(one.faults), indent=4)


def _steps(found: Progress) -> str:
    sealed = f"封存包 {found.current.packet[:16]}…" if found.current is not None else "没有封存包"
    told = f"，{found.feedback.decision.zh}" if found.feedback is not None else ""
    return (
        f"{sealed}，复核抽测 {found.rechecks} 次，盖章 {len(found.stamped)}/{len(PartyRole)}，"
        f"{Stage.FED_BACK.zh if found.feedback is not None else '未反馈'}{told}"
    )
