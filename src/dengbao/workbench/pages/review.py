"""Review: what waits for the second person, one record a screen; accept, return, remark, withdraw, answer."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from ...errors import EvidenceError, UsageError
from ...evidence import Said
from ...evidence.attached import PICTURES
from ...model import Evidence, Person, RemarkSort, Standing
from ...report.wording import bytes_zh
from ...reviewing import note_case, speak
from ..reviews import Entry, Group, entries_of, matters, next_after, queue, returned, settled
from ..visit import Visit, act, look

MOST_SHOWN: Final = 200
_MOST_TEXT: Final = 2000


def show(visit: Visit) -> Response:
    """Show the queue, what was returned, and what is settled."""
    state = visit.desk.state()
    entries, waiting, back = entries_of(state), queue(state), returned(state)
    groups = [(group, [entries[one] for one in waiting if entries[one].group is group]) for group in Group]
    mine = [one for one in back if visit.person and one.record.collected_by.same_as(visit.person)]
    return visit.page(
        "review.html", state=state, groups=[one for one in groups if one[1]], waiting=waiting, mine=mine,
        others=[one for one in back if one not in mine], done=settled(state), most=MOST_SHOWN,
    )  # fmt: skip


def show_entry(visit: Visit) -> Response:
    """Show one record with everything that is needed to judge it."""
    return _shown(visit, _entry(visit))


def _entry(visit: Visit) -> Entry:
    found = entries_of(visit.desk.state()).get(visit.path("id"))
    if found is None:
        raise UsageError(
            "没有这份佐证，或记录不可读", cure="从“复核”页进入；不可读的见 dengbao evidence check"
        )
    return found


def _shown(visit: Visit, entry: Entry, fault: EvidenceError | None = None, sort: str = "") -> Response:
    state = visit.desk.state()
    waiting = queue(state)
    place = waiting.index(entry.record.id) if entry.waits else -1
    asset = state.assets.get(entry.record.asset)
    return visit.page(
        "review_entry.html", 200 if fault is None else 409, entry=entry, record=entry.record,
        thread=entry.examined.thread, matters=matters(state, entry.record), place=place, total=len(waiting),
        asset=asset.name if asset is not None else entry.record.asset,
        before=waiting[place - 1] if place > 0 else "", after="".join(waiting[place + 1 : place + 2]),
        hindered={one.value: entry.hindrance(one, visit.person) for one in RemarkSort},
        own=_own(visit, entry), fault=fault, failed=sort,
        wrote=visit.filled.text("text") if fault is not None else "",
        is_picture=is_picture, bytes_zh=bytes_zh, Standing=Standing,
    )  # fmt: skip


def _own(visit: Visit, entry: Entry) -> bool:
    return visit.person is not None and visit.person.same_as(entry.record.collected_by)


def is_picture(name: str) -> bool:
    """Tell whether a file is shown as a picture."""
    return name.lower().endswith(tuple(PICTURES))


def say(visit: Visit) -> Response:
    """Say something of a record; what may not be said now is told beside what was typed."""
    by = visit.someone()
    sort = _sort(visit)
    waiting = queue(visit.desk.lately())  # in which order to go on; the record itself is read anew
    said = Said(
        sort, by, visit.filled.text("text", sort.zh, most=_MOST_TEXT),
        overrules=visit.filled.raw("overrules") == "yes",
    )  # fmt: skip
    try:
        record, _ = speak(visit.desk.directory, visit.path("id"), said, seen=visit.filled.raw("seen")[:64])
    except EvidenceError as exc:
        with visit.desk.glance():
            return _shown(visit, _entry(visit), exc, sort.value)
    return visit.go(_where_next(sort, record, waiting), told_of(sort, record, by))


def _sort(visit: Visit) -> RemarkSort:
    try:
        return RemarkSort(visit.path("sort"))
    except ValueError as exc:
        raise UsageError("没有这种操作", cure="从“复核”页进入") from exc


def _where_next(sort: RemarkSort, record: Evidence, waiting: tuple[str, ...]) -> str:
    if sort in (RemarkSort.ACCEPT, RemarkSort.RETURN) and record.id in waiting:
        after = next_after(waiting, record.id)
        return f"/review/{after}" if after else "/review"
    return f"/review/{record.id}"


def told_of(sort: RemarkSort, record: Evidence, by: Person) -> str:
    """Return what is told after a step, with both names where a program was overruled."""
    if sort is RemarkSort.ACCEPT and record.override:
        return f"{record.id} {sort.zh}：推翻自动判定，{record.collected_by.name} 提出，{by.name} 同意"
    return f"{record.id} {sort.zh}（{by.name}）"


def note(visit: Visit) -> Response:
    """Note something on an item on an asset, whatever program or person judged it."""
    by = visit.someone()
    case = visit.desk.ground().case(visit.path("item"), visit.path("asset"))
    if case is None:
        raise UsageError("没有这个测评项，或它不针对该测评对象", cure="从测评项页面进入")
    text = visit.filled.text("text", "备注", most=_MOST_TEXT, needed=True)
    note_case(visit.desk.directory, case.item, case.asset, by, text)
    return visit.go(f"/item/{case.item}?asset={quote(case.asset)}#case-notes", f"已写入备注（{by.name}）")


ROUTES: Final[tuple[Route, ...]] = (
    look("/review", show),
    look("/review/{id}", show_entry),
    act("/review/{id}/{sort}", say),
    act("/review/case/{item}/{asset}/note", note),
)
