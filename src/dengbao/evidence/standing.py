"""Where a record stands after what was said of it, and who may say what next; pure functions of values."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from ..model import Evidence, Person, Remark, RemarkSort, Review, Standing, Verdict

SHORTEST_REASON: Final = 4
_REASONED: Final = (RemarkSort.RETURN, RemarkSort.WITHDRAW, RemarkSort.ANSWER, RemarkSort.NOTE)
ADVERSE: Final = (Verdict.NONCONFORM, Verdict.PARTIAL)
# A pair that is not here may not happen. A withdrawn record stays withdrawn: it is filed anew.
_NEXT: Final[Mapping[tuple[Standing, RemarkSort], Standing]] = {
    (Standing.OPEN, RemarkSort.NOTE): Standing.OPEN,
    (Standing.OPEN, RemarkSort.RETURN): Standing.RETURNED,
    (Standing.OPEN, RemarkSort.ACCEPT): Standing.ACCEPTED,
    (Standing.OPEN, RemarkSort.WITHDRAW): Standing.WITHDRAWN,
    (Standing.RETURNED, RemarkSort.NOTE): Standing.RETURNED,
    (Standing.RETURNED, RemarkSort.ANSWER): Standing.OPEN,
    (Standing.RETURNED, RemarkSort.ACCEPT): Standing.ACCEPTED,
    (Standing.RETURNED, RemarkSort.WITHDRAW): Standing.WITHDRAWN,
    (Standing.ACCEPTED, RemarkSort.NOTE): Standing.ACCEPTED,
    (Standing.ACCEPTED, RemarkSort.RETURN): Standing.RETURNED,
    (Standing.ACCEPTED, RemarkSort.ACCEPT): Standing.ACCEPTED,
    (Standing.ACCEPTED, RemarkSort.WITHDRAW): Standing.WITHDRAWN,
    (Standing.WITHDRAWN, RemarkSort.NOTE): Standing.WITHDRAWN,
}


@dataclass(frozen=True)
class Thread:
    """What was said of one record, where it stands, and the review that is in force.

    A return ends the review that was there before; only a later acceptance brings one back. `broken` says in
    Chinese which remarks nobody was allowed to make; they have no effect.
    """

    remarks: tuple[Remark, ...] = ()
    standing: Standing = Standing.OPEN
    review: Review | None = None
    broken: tuple[str, ...] = ()

    @property
    def last(self) -> Remark | None:
        """Return the remark that put the record where it stands; a note does not."""
        return next((one for one in reversed(self.remarks) if one.sort is not RemarkSort.NOTE), None)

    @property
    def answered(self) -> bool:
        """Tell whether the record came back with an answer and waits for the second person again."""
        return self.standing is Standing.OPEN and self.last is not None


NOTHING_SAID: Final = Thread()


def standing_of(sorts: Iterable[RemarkSort], *, reviewed: bool = False) -> Standing:
    """Return where a record stands after remarks; `reviewed` if it was filed with a review.

    A remark that may not follow the one before it has no effect.
    """
    start = Standing.ACCEPTED if reviewed else Standing.OPEN
    return functools.reduce(lambda now, sort: _NEXT.get((now, sort), now), sorts, start)


def thread_of(record: Evidence, remarks: Iterable[Remark]) -> Thread:
    """Return the thread of a record; `remarks` are those about it, in the order they were made."""
    start = Standing.ACCEPTED if record.reviewed is not None else Standing.OPEN
    return functools.reduce(
        functools.partial(_step, record), remarks, Thread(standing=start, review=record.reviewed)
    )


def _step(record: Evidence, thread: Thread, one: Remark) -> Thread:
    fault = refusal(record, thread, one)
    if fault:
        return replace(thread, broken=(*thread.broken, f"{one.id}（{one.sort.zh}）：{fault[0]}"))
    review = thread.review
    if one.sort is RemarkSort.RETURN:
        review = None
    elif one.sort is RemarkSort.ACCEPT:
        review = Review(by=one.by, at=one.at)
    return Thread((*thread.remarks, one), _NEXT[thread.standing, one.sort], review, thread.broken)


def refusal(record: Evidence, thread: Thread, one: Remark) -> tuple[str, str] | None:
    """Return why a remark may not follow, and what to do instead; None where it may."""
    if one.at < record.filed_at:
        return "的意见早于入库时间", "核对本机时钟"
    if (thread.standing, one.sort) not in _NEXT:
        return _out_of_turn(thread.standing, one.sort)
    if one.sort in _REASONED and len(one.text.strip()) < _shortest(one.sort):
        return f"{one.sort.zh}须写明理由", f"写明缺什么、为什么，至少 {SHORTEST_REASON} 个字"
    return _wrong_person(record, thread, one)


def _shortest(sort: RemarkSort) -> int:
    return 1 if sort is RemarkSort.NOTE else SHORTEST_REASON


def _out_of_turn(standing: Standing, sort: RemarkSort) -> tuple[str, str]:
    if standing is Standing.WITHDRAWN:
        return f"佐证已撤回，不能再{sort.zh}", "重新取证入库"
    if sort is RemarkSort.ANSWER:
        return f"佐证没有被退回（{standing.zh}），无须答复", "只作说明的用备注"
    return "佐证已退回，等待答复", "答复后再退回；只作说明的用备注"


def _wrong_person(record: Evidence, thread: Thread, one: Remark) -> tuple[str, str] | None:
    own = one.by.same_as(record.collected_by)
    if one.sort is RemarkSort.ACCEPT:
        if own:
            return "的复核人与采集人是同一人", "须由另一人复核；同名的加注科室以区别"
        if any(one.by.same_as(each) for each in _answering(thread)):
            return "的复核人与答复人是同一人", "须由没有参与取证的另一人复核"
    if one.sort is RemarkSort.RETURN and own:
        return "是本人采集的，不能由本人退回", "有误的用撤回，重新取证入库"
    if one.sort is RemarkSort.WITHDRAW and own and record.verdict in ADVERSE:
        return f"的判定为{record.verdict.zh}，不能由采集人撤回", "须由另一人查看后撤回"
    if one.sort is RemarkSort.ANSWER and thread.last is not None and one.by.same_as(thread.last.by):
        return "的退回人不能自己答复", "由采集人答复；要收回退回的，直接复核通过"
    return None


def _answering(thread: Thread) -> Iterable[Person]:
    return (one.by for one in thread.remarks if one.sort is RemarkSort.ANSWER)


def in_force(record: Evidence, thread: Thread) -> Evidence:
    """Return a record with the review that is in force, whatever its file says."""
    if record.reviewed == thread.review:
        return record
    return msgspec.structs.replace(record, reviewed=thread.review)
