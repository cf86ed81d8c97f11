"""One step of the review of evidence, done and told in the log of custody; the same for page and command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .evidence import Said, remark_on
from .model import Evidence, Remark, RemarkSort
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
