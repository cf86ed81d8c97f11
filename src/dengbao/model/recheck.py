"""The technician's own run against the same system, as values: what was drawn, what came of it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from .base import Status, Value, Verdict
from .engagement import Person
from .evidence import EvidenceFile


class Why(StrEnum):
    """Why an item is checked again."""

    SAMPLE = "sample"
    HIGH_RISK = "high_risk"
    OVERRIDDEN = "overridden"

    @property
    def zh(self) -> str:
        """Return the Chinese words printed beside the item."""
        return {"sample": "抽中", "high_risk": "高风险项", "overridden": "推翻过自动判定"}[self.value]


class Drawn(Value):
    """An item that is checked again, and why."""

    item: str
    why: tuple[Why, ...]


class Recheck(Value):
    """`recheck.json` of the technician's folder: of which packet, by whom, what was drawn by which seed.

    `seed` is hex, drawn after sealing; with `packet` and `sample` it gives the same items again. `remarks`
    are what verifying the packet left to be said, Chinese.
    """

    schema: int
    packet: str
    content_sha256: str
    report_number: str
    institution: str
    system: str
    round: int
    by: Person
    begun_at: datetime
    seed: str
    sample: int
    drawn: tuple[Drawn, ...]
    remarks: tuple[str, ...] = ()


class Sight(Value):
    """What one side says of a case; `statement` is empty where it has no record."""

    status: Status
    verdict: Verdict | None = None
    statement: str = ""

    @property
    def zh(self) -> str:
        """Return the official word."""
        return (self.verdict or self.status).zh


class Meaning(StrEnum):
    """What comes of comparing a case: `VERDICT` another verdict, `LOST` not judged this time."""

    SAME = "same"
    FACTS = "facts"
    VERDICT = "verdict"
    LOST = "lost"
    NEW = "new"
    BY_HAND = "by_hand"
    NOT_RUN = "not_run"

    @property
    def zh(self) -> str:
        """Return the Chinese words printed before the case."""
        return {
            "same": "一致",
            "facts": "判定一致，事实有变",
            "verdict": "判定不一致",
            "lost": "复核未能判定",
            "new": "封存时未判定",
            "by_hand": "须人工查看佐证",
            "not_run": "尚未复测",
        }[self.value]


class FactChange(Value):
    """One value of the facts that is another now: where, before, after; masked and cut for reading."""

    fact: str
    place: str
    before: str
    after: str


class Seen(Value):
    """One case, sealed and seen again; `evidence` names what people filed for it."""

    case: str
    item: str
    asset: str
    meaning: Meaning
    sealed: Sight
    again: Sight
    changes: tuple[FactChange, ...] = ()
    uncounted: int = 0
    evidence: tuple[str, ...] = ()


class Remark(Value):
    """同行评议: what the technician says of an item, or of it on one asset."""

    item: str
    text: str
    by: Person
    at: datetime
    asset: str = ""


class RecheckResult(Value):
    """What came of a re-check, for 附件四: `opinion` is a proposal; 同意 or 不同意 is left to people."""

    schema: int
    recheck: Recheck
    ended_at: datetime
    counts: dict[str, int]
    seen: tuple[Seen, ...]
    remarks: tuple[Remark, ...]
    engagement_changes: tuple[FactChange, ...]
    opinion: str


class Decision(StrEnum):
    """测试结果 of 附件四."""

    AGREED = "agreed"
    REFUSED = "refused"

    @property
    def zh(self) -> str:
        """Return the words of the form."""
        return {"agreed": "同意接入", "refused": "不同意接入"}[self.value]


class Feedback(Value):
    """联调测试结果反馈: what the bureau decided, bound to the packet; `scan` is the stamped 附件四."""

    packet: str
    decision: Decision
    opinion: str
    by: Person
    on: date
    scan: EvidenceFile
    filed_at: datetime
