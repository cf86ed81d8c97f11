"""One step of the review of evidence, done and told in the log of custody; the same for page and command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .evidence import Said, note_on_case, remark_on
from .model import Evidence, Person, Remark, RemarkSort
from .packet.custody import told

_ACTS: Final = {
    RemarkSort.NOTE: "evidence_noted",
    RemarkSort.RETURN: "evidence_returned",
    RemarkSort.ANSWER: "evidence_answered",
    RemarkSort.ACCEPT: "evidence_reviewed",
    RemarkSort.WITHDRAW: "evidence_withdrawn",
}


def speak(directory: Path, evidence_id: str, said: Said, *, seen: str = "") -> tuple[Evidence, Remark]:
    """Say something of a record, and tell the log of custody; return the record then, and the remark.

    Raises:
        Overtaken: the record is no longer as it was seen.
        EvidenceError: no such record, or this person may not say this now.

    """
    record, remark = remark_on(directory, evidence_id, said, seen=seen)
    told(directory, _ACTS[said.sort], said.by, {"id": record.id, "remark": remark.id})
    return record, remark


def note_case(directory: Path, item: str, asset: str, by: Person, text: str) -> Remark:
    """Note something on an item on an asset, which must exist, and tell the log of custody.

    Raises:
        EvidenceError: nothing was said, or it cannot be written.

    """
    remark = note_on_case(directory, item, asset, by, text)
    told(directory, "case_noted", by, {"case": f"{item}@{asset}", "remark": remark.id})
    return remark
