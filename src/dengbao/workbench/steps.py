"""What is to be done next, most pressing first; a pure function of how the engagement stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..packet.stage import Stage

RUN = "/run"
TABLE = "/table?tone="


@dataclass(frozen=True)
class Step:
    """One thing to do: what the button says, where it leads, and why."""

    title: str
    path: str
    why: str


@dataclass(frozen=True)
class Situation:
    """How an engagement stands, in numbers: of items, of evidence, of drafts and of fields left blank.

    `owed` are changes made by tests that were not taken back; `draft_path` leads to the first draft;
    `owed` and `rounds` speak of all rounds, everything else of the newest.
    """

    rounds: int = 1
    ended: bool = True
    owed: int = 0
    bad: int = 0
    undetermined: int = 0
    not_run: int = 0
    awaiting: int = 0
    unreviewed: int = 0
    returned: int = 0
    drafts: int = 0
    draft_path: str = ""
    blanks: int = 0
    stage: Stage = Stage.DRAFT


def steps(now: Situation) -> tuple[Step, ...]:
    """Return what is to be done, the next thing first; nothing once the result was fed back."""
    return tuple(_steps(now))


def _steps(now: Situation) -> Iterator[Step]:
    if now.owed:
        yield Step(f"恢复 {now.owed} 处检测所作改动", RUN, "检测改动过的须先复原")
    if now.stage is not Stage.DRAFT:
        yield from _after_sealing(now.stage)
        return
    if not now.rounds:
        yield Step("开始检测", RUN, "尚无检测记录")
    elif not now.ended:
        yield Step("继续检测", RUN, "本轮尚有用例未测")
    lacking = tuple(_lacking(now))
    if not lacking and now.rounds and now.ended:
        yield Step("封存", "/papers", "各项均已判定，报告可以定稿")
    if now.bad:
        yield Step(f"看 {now.bad} 项不符合、部分符合", f"{TABLE}bad", "整改后复测；不整改的照实写入报告")
    yield from lacking


def _lacking(now: Situation) -> Iterator[Step]:
    if now.undetermined:
        yield Step(f"排除 {now.undetermined} 项无法判定", f"{TABLE}undetermined", "按所列原因处理后再测")
    if now.not_run and now.ended:
        yield Step(f"补测 {now.not_run} 项未测", f"{TABLE}not_run", "计划内尚无结果")
    if now.drafts:
        yield Step(f"入库 {now.drafts} 份草稿", now.draft_path, "草稿不计入判定")
    if now.returned:
        yield Step(f"答复 {now.returned} 条退回", "/review", "退回的不计入判定")
    if now.awaiting:
        yield Step(f"补 {now.awaiting} 项佐证", f"{TABLE}awaiting_evidence", "程序看不见的由人取证")
    if now.unreviewed:
        yield Step(f"复核 {now.unreviewed} 条", "/review", "须由第二人复核后才计入")
    if now.blanks:
        yield Step(f"填 {now.blanks} 处基本信息", "/engagement", "报告首页所需")


def _after_sealing(stage: Stage) -> Iterator[Step]:
    if stage in (Stage.SEALED, Stage.RECHECKED):
        yield Step("登记四方盖章", "/papers", "已封存，交四方核对盖章")
    elif stage is Stage.STAMPED:
        yield Step("登记反馈", "/papers", "四方已盖章，等待反馈表")
