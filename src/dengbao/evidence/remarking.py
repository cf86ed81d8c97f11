"""Says something of filed evidence: note, return, answer, accept, withdraw; the same for page and command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ..errors import EvidenceError
from ..facts import canonical, digest
from ..model import Evidence, Person, Remark, RemarkSort
from .filing import find, write_record
from .remarks import about, writing
from .standing import Thread, in_force, refusal, thread_of
from .store import folder_of


@dataclass(frozen=True)
class Said:
    """What a person says of a record; `item` and `asset` are where they stood when they said it.

    `overrules` is set where they agreed, having been told both names, that a program is overruled.
    """

    sort: RemarkSort
    by: Person
    text: str = ""
    item: str = ""
    asset: str = ""
    overrules: bool = False


class Overtaken(EvidenceError):
    """Somebody else said something of the record, or changed it, since it was looked at."""


def sight_of(record: Evidence, thread: Thread) -> str:
    """Return what identifies a record as somebody saw it: its content, and all that was said of it."""
    return digest(canonical((in_force(record, thread), thread.remarks)))[:24]


def remark_on(
    directory: Path, evidence_id: str, said: Said, *, seen: str = "", now: datetime | None = None
) -> tuple[Evidence, Remark]:
    """Append a remark on a record; return the record as it is then, and the remark.

    An acceptance also writes who reviewed it into the record, a return takes that out. A kill between the two
    loses nothing: the remarks rule. `seen` is the `sight_of` that the person looked at.

    Raises:
        Overtaken: the record is no longer as it was seen.
        EvidenceError: no such record, or this person may not say this now.

    """
    record = find(directory, evidence_id)
    at = (now or datetime.now(UTC).astimezone()).replace(microsecond=0)
    with writing(directory) as (remarks, append):
        record = find(directory, evidence_id)  # as it is while nobody else writes
        thread = thread_of(record, about(remarks, record.id))
        if seen and seen != sight_of(record, thread):
            raise Overtaken(
                f"{record.id} 在打开之后已有变化", where=record.id, cure="查看新的意见或记录后再提交"
            )
        new = Remark(
            id="", at=at, by=said.by, sort=said.sort, text=said.text.strip(), evidence=record.id,
            item=said.item, asset=said.asset or record.asset,
        )  # fmt: skip
        fault = refusal(record, thread, new) or _not_agreed(record, said)
        if fault is not None:
            link = "" if fault[0].startswith("的") or fault[0].startswith("是") else "："
            where = str(folder_of(directory) / f"{record.id}.yaml")
            raise EvidenceError(f"{record.id} {link}{fault[0]}", where=where, cure=fault[1])
        written = append(new)
        after = in_force(record, thread_of(record, (*about(remarks, record.id), written)))
        if after != record:
            write_record(directory, after)
    return after, written


def _not_agreed(record: Evidence, said: Said) -> tuple[str, str] | None:
    if said.sort is not RemarkSort.ACCEPT or not record.override.strip() or said.overrules:
        return None
    who = f"{record.collected_by.name}提出、{said.by.name}同意"
    return "要推翻自动判定，须由复核人明确同意", f"核对理由后勾选同意（{who}，两人姓名都印入报告）"


def review(directory: Path, evidence_id: str, by: Person, *, now: datetime | None = None) -> Evidence:
    """Note the second person's review of a record and return it.

    Raises:
        EvidenceError: no such record, or this person may not review it now.

    """
    return remark_on(directory, evidence_id, Said(RemarkSort.ACCEPT, by, overrules=True), now=now)[0]


def note_on_case(
    directory: Path, item: str, asset: str, by: Person, text: str, *, now: datetime | None = None
) -> Remark:
    """Append a note on an item on an asset that no evidence belongs to; both must exist.

    Raises:
        EvidenceError: nothing was said, or it cannot be written.

    """
    if not text.strip():
        raise EvidenceError("备注是空的", where=f"{item}@{asset}", cure="写明意见")
    at = (now or datetime.now(UTC).astimezone()).replace(microsecond=0)
    with writing(directory) as (_, append):
        return append(
            msgspec.structs.replace(
                Remark(id="", at=at, by=by, sort=RemarkSort.NOTE), text=text.strip(), item=item, asset=asset
            )
        )
