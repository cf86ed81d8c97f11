"""What a record counts for after people spoke of it: reviewed, returned, withdrawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

import msgspec

from ..errors import EvidenceError
from ..model import Evidence, Remark, Standing, Verdict
from .findings import Examined, Finding, Gravity, Place, malformed
from .remarks import grouped, load_remarks
from .standing import Thread, in_force, thread_of
from .store import read_document

_SECOND: Final = "由另一人在工作台“复核”页复核，或用 dengbao evidence accept"


def remarks_by_record(directory: Path) -> tuple[dict[str, list[Remark]], tuple[Finding, ...]]:
    """Return the remarks by the number of their record, and what is wrong with them."""
    try:
        return grouped(load_remarks(directory)), ()
    except EvidenceError as exc:
        return {}, (malformed("", exc),)


def settled(examined: Examined, remarks: Sequence[Remark], path: Path, today: date) -> Examined:
    """Return what is to be said of an examined record after what people said of it."""
    if examined.record is None or not remarks:
        return examined
    thread = thread_of(examined.record, remarks)
    record = in_force(examined.record, thread)
    findings = examined.findings
    if record != examined.record:  # a kill came before the record was written, or it was edited by hand
        review = of_review(record, Place(read_document(path), path.parent), today)
        findings = (*(one for one in findings if not one.by_review), *review)
    place = Place(None, path.parent)
    if thread.standing is Standing.WITHDRAWN and not thread.broken:
        # Its files stay where they are and are not asked for: it proves nothing any more.
        return Examined(record, (_withdrawn(record, thread, place),), thread)
    return Examined(record, (*findings, *_of_thread(record, thread, place)), thread)


def _of_thread(record: Evidence, thread: Thread, place: Place) -> Iterator[Finding]:
    if thread.standing is Standing.RETURNED:
        yield _returned(record, thread, place)
    elif thread.answered:  # whoever was not content has the last word
        cure = "由复核人查看答复后复核（dengbao evidence accept）"
        yield place.say(record, "", "退回后已答复，须由第二人复核", cure, Gravity.UNREVIEWED)
    for one in thread.broken:
        cure = "复核只用工作台或 dengbao evidence，不手改"
        yield place.say(record, "", f"的复核意见不合规则：{one}", cure, Gravity.MALFORMED)


def _withdrawn(record: Evidence, thread: Thread, place: Place) -> Finding:
    told = f"已由{_last(thread)}，不计入判定"
    return place.say(record, "", told, "仍须证明的，重新取证入库", Gravity.WITHDRAWN)


def _returned(record: Evidence, thread: Thread, place: Place) -> Finding:
    told = f"已由{_last(thread)}，不计入判定"
    cure = "答复（dengbao evidence answer）后再复核；有误的撤回（withdraw）后重新入库"
    return place.say(record, "", told, cure, Gravity.RETURNED)


def _last(thread: Thread) -> str:
    one = thread.last
    return f"{one.by.name}{one.sort.zh}（{one.text}）" if one is not None else ""


def of_review(record: Evidence, place: Place, today: date) -> Iterator[Finding]:
    """Yield what follows from who reviewed a record and when, and nothing else."""
    for one in (*_second_time(record, place, today), *_people(record, place)):
        yield msgspec.structs.replace(one, by_review=True)


def _second_time(record: Evidence, place: Place, today: date) -> Iterator[Finding]:
    second = record.reviewed
    if second is not None and (local_day(second.at) > today or second.at < record.collected_at):
        yield place.say(record, "reviewed", "的复核时间早于采集时间或在将来", "核对复核时间")


def _people(record: Evidence, place: Place) -> Iterator[Finding]:
    second = record.reviewed
    if second is not None and second.by.same_as(record.collected_by):
        yield place.say(
            record, "reviewed", "的复核人与采集人是同一人", "须由另一人复核；同名的加注科室以区别"
        )
    if second is None and record.override.strip():
        yield place.say(
            record,
            "override",
            "要推翻自动检测结果，须由第二人复核",
            _SECOND,
            Gravity.UNREVIEWED,
        )
    if second is None and record.verdict is Verdict.NOT_APPLICABLE:
        yield place.say(record, "verdict", "判为不适用，须由第二人复核", _SECOND, Gravity.UNREVIEWED)


def local_day(when: datetime) -> date:
    """Return the day of a time on this machine's clock."""
    # `today` is a day of this machine's clock, so other zones are turned into it first.
    try:
        return when.astimezone().date()
    except OverflowError:  # the first and last day of the calendar have no other zone
        return when.date()
