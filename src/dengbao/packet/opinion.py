"""Words the 反馈意见 that a re-check proposes for 附件四; it never says 同意 or 不同意."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from ..model.recheck import FactChange, Meaning, Recheck, Remark, Seen, Why
from ..report.wording import beijing

_TOLD = (Meaning.VERDICT, Meaning.LOST, Meaning.NEW)
_MAX_ITEMS = 12


def opinion_of(
    plan: Recheck,
    seen: Sequence[Seen],
    remarks: Sequence[Remark],
    changed: Sequence[FactChange],
    ended_at: datetime,
) -> str:
    """Return the proposal, a paragraph a line; whoever signs the form cuts it to what should stand there."""
    return "\n".join(_paragraphs(plan, seen, remarks, changed, ended_at))


def _paragraphs(
    plan: Recheck,
    seen: Sequence[Seen],
    remarks: Sequence[Remark],
    changed: Sequence[FactChange],
    ended_at: datetime,
) -> Iterator[str]:
    days = dict.fromkeys(f"{beijing(one).date()}" for one in (plan.begun_at, ended_at))
    whys = Counter(why for one in plan.drawn for why in one.why)
    drawn = "、".join(f"{why.zh} {whys[why]} 项" for why in Why if whys[why])
    yield (
        f"{plan.by.name}（{plan.by.org}）于 {'至'.join(days)} 对{plan.institution}{plan.system}"
        f"（报告编号 {plan.report_number or '未编'}，封存包摘要 {plan.packet[:16]}…）作复核抽测，"
        f"共 {len(plan.drawn)} 项（{drawn}）。"
    )
    counted = Counter(one.meaning for one in seen)
    told = "，".join(f"{one.zh} {counted[one]} 处" for one in Meaning if counted[one])
    yield f"按测评项与测评对象逐一比对：{told}。"
    differing = [one for one in seen if one.meaning in _TOLD]
    for number, one in enumerate(differing, 1):
        yield f"{number}. {told_of(one)}"
    if not differing:
        yield "程序可复测的各处，判定与封存的报告一致。"
    by_hand = list(dict.fromkeys(one.item for one in seen if one.meaning is Meaning.BY_HAND))
    if by_hand:
        more = f"等 {len(by_hand)} 项" if len(by_hand) > _MAX_ITEMS else ""
        yield f"以人工佐证判定、程序未能复测的：{'、'.join(by_hand[:_MAX_ITEMS])}{more}，须查看佐证原件。"
    for each in remarks:
        place = f"{each.item} {each.asset}".rstrip()
        yield f"复核意见（{place}，{each.by.name}）：{each.text}"
    if changed:
        places = "、".join(dict.fromkeys(one.place for one in changed[:_MAX_ITEMS]))
        yield f"复核所用的项目文件与封存的不同之处：{places}。"
    yield from (f"核验封存包时的提示：{one}" for one in plan.remarks)


def told_of(one: Seen) -> str:
    """Return one differing case in a sentence."""
    return (
        f"{one.item} {one.asset}（{one.meaning.zh}）："
        f"封存为“{one.sealed.zh}”，{one.sealed.statement or '无记录'}"
        f" 复核为“{one.again.zh}”，{one.again.statement or '无记录'}"
    )
