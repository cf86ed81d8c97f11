"""What is to be said of evidence: how grave it is, of which record, where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..errors import DengbaoError
from ..model import Evidence, Value
from ..yamlfile import Document
from .standing import NOTHING_SAID, Thread


class Gravity(StrEnum):
    """What a finding means for the record."""

    NOTE = "note"
    WITHDRAWN = "withdrawn"
    UNREVIEWED = "unreviewed"
    RETURNED = "returned"
    INADMISSIBLE = "inadmissible"
    ALTERED = "altered"
    MALFORMED = "malformed"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed before a finding."""
        return {
            "note": "提示", "withdrawn": "已撤回", "unreviewed": "待复核", "returned": "已退回",
            "inadmissible": "不采信", "altered": "被改动", "malformed": "不可读",
        }[self.value]  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Tell whether somebody still has to do something; what was withdrawn is settled."""
        return self not in (Gravity.NOTE, Gravity.WITHDRAWN)


class Finding(Value):
    """One thing to say about a record; all but `NOTE` keep it from counting.

    `by_review` is set where it follows from who reviewed the record and when; `attachment` names the file
    that is gone, cannot be read or is not as it was filed.
    """

    evidence: str
    gravity: Gravity
    message: str
    cure: str
    where: str = ""
    by_review: bool = False
    attachment: str = ""


@dataclass(frozen=True)
class Examined:
    """A record with all that is to be said about it; `record` is None where it cannot be read.

    Its review is the one in force after the remarks, which stand in `thread`.
    """

    record: Evidence | None
    findings: tuple[Finding, ...]
    thread: Thread = NOTHING_SAID

    @property
    def counts(self) -> bool:
        """Tell whether the record is admissible."""
        return self.record is not None and all(one.gravity is Gravity.NOTE for one in self.findings)


@dataclass(frozen=True)
class Place:
    """Where a record stands, for the findings about it."""

    document: Document | None
    folder: Path

    def say(
        self, record: Evidence, key: str, message: str, cure: str, gravity: Gravity = Gravity.INADMISSIBLE
    ) -> Finding:
        """Return a finding about a record, at the line of its key."""
        where = self.document.where((key,)) if self.document is not None and key else ""
        return Finding(
            evidence=record.id, gravity=gravity, message=f"{record.id} {message}", cure=cure, where=where
        )


def malformed(evidence_id: str, exc: DengbaoError) -> Finding:
    """Return that a record cannot be read."""
    return Finding(
        evidence=evidence_id, gravity=Gravity.MALFORMED, message=exc.message, cure=exc.cure, where=exc.where
    )
