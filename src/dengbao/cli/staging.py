"""What `status` says of the packet: how far it has come, what became void, and which step comes next."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..errors import DengbaoError
from ..model import Engagement
from ..model.approvals import PartyRole
from ..packet.approvals import Examined
from ..packet.current import OUT
from ..packet.stage import Progress, Stage, progress_of
from .console import paragraph, say


def print_stage(out: Console, found: Progress) -> None:
    """Print the stage in a line, and below it what takes it back; nothing before the first sealing."""
    if found.current is None and not found.approvals:
        return
    say(out, f"\n阶段：{found.stage.zh}（{_steps(found)}）", style="bold")
    for change in found.changed[:3]:
        paragraph(out, Text("  改动 "), change)
    if len(found.changed) > 3:
        say(out, f"  另有 {len(found.changed) - 3} 处改动")
    if found.changed:
        say(out, "  与封存包已不一致：恢复原样，或重新封存")
    if found.locked:
        say(out, "  已锁定：改动前先用 dengbao unlock 解除，写明理由")
    for one in found.approvals:
        if not one.counts:
            lead = Text.assemble(
                "  ", ("盖章作废", "bold red"), f" {one.approval.id} {one.approval.party.zh} "
            )
            paragraph(out, lead, "；".join(one.faults), indent=4)


def next_steps(directory: Path, found: Progress, *, complete: bool) -> list[tuple[str, str]]:
    """Return the commands that lead on from a stage, each with what it does.

    `complete` tells whether every item of the round is judged: only then can it be sealed.
    """
    if found.stage is Stage.DRAFT:
        if not complete:
            return [(f"dengbao report {directory}", "出报告（草稿）")]
        why = "封存之后内容有改动，重新封存" if found.changed else "封存"
        return [(f"dengbao seal {directory} --by 姓名/单位", why)]
    packet = found.current.path if found.current is not None else directory
    if found.stage is Stage.SEALED:
        return [
            (f"dengbao verify {packet}", "核验封存包，连同公钥指纹交医保部门"),
            (f"dengbao recheck file {directory} 复核结果.json", "收回复核抽测的结果"),
        ]
    if found.stage is Stage.RECHECKED:
        lacking = "、".join(one.zh for one in PartyRole if one not in found.stamped)
        return [(f"dengbao approve {directory}", f"登记盖章意见，尚缺{lacking}")]
    if found.stage is Stage.STAMPED:
        return [(f"dengbao recheck feedback {directory} --help", "收回盖章的附件四")]
    return [
        (f"dengbao unlock {directory} --by 姓名/单位 --why 理由", "要再测一轮的，先解除锁定"),
        (f"dengbao verify {directory}", "各步均已完成；归档前核验"),
    ]


def stage_json(directory: Path, engagement: Engagement) -> dict[str, object]:
    """Return the stage for programs; docs/reference/status.md describes every key.

    What cannot be told has the name None and says why under `error`.
    """
    try:
        found = progress_of(directory, engagement)
    except DengbaoError as exc:
        return {"name": None, "error": str(exc)}
    current, feedback = found.current, found.feedback
    return {
        "name": found.stage.value,
        "packet": None if current is None else {
            "file": f"{OUT}/{current.path.name}", "digest": current.packet,
            "report_number": current.seal.report_number, "sealed_at": current.seal.sealed_at.isoformat(),
        },
        "changed": list(found.changed),
        "locked": found.locked,
        "rechecks": found.rechecks,
        "approvals": [_approval(one) for one in found.approvals],
        "stamped": [one.value for one in found.stamped],
        "feedback": None if feedback is None else {
            "decision": feedback.decision.value, "by": f"{feedback.by.name}/{feedback.by.org}",
            "on": feedback.on.isoformat(),
        },
    }  # fmt: skip


def _approval(one: Examined) -> dict[str, object]:
    approval = one.approval
    return {
        "id": approval.id, "party": approval.party.value, "by": f"{approval.by.name}/{approval.by.org}",
        "on": approval.on.isoformat(), "packet": approval.packet, "counts": one.counts,
        "signed": approval.signature is not None, "faults": list(one.faults), "open": list(one.open),
    }  # fmt: skip


def _steps(found: Progress) -> str:
    sealed = f"封存包 {found.current.packet[:16]}…" if found.current is not None else "没有封存包"
    told = f"，{found.feedback.decision.zh}" if found.feedback is not None else ""
    return (
        f"{sealed}，复核抽测 {found.rechecks} 次，盖章 {len(found.stamped)}/{len(PartyRole)}，"
        f"{Stage.FED_BACK.zh if found.feedback is not None else '未反馈'}{told}"
    )
