"""Folded results: case, item, clause; what the report prints."""

from __future__ import annotations

from ..errors import Reason
from .base import Status, Value, Verdict
from .engagement import NotApplicable
from .evidence import Evidence
from .judgement import Record
from .suite import Clause, Item


class CaseResult(Value):
    """One item on one asset, folded from its checks and its manual evidence.

    `automatic` is what the programs alone said, kept where an override changed it. `lacks` is
    Chinese and says what is still to be supplied before the case is judged. `declared` is the
    engagement's 不适用 declaration; it took effect only where the verdict is 不适用.
    """

    item: str
    asset: str
    status: Status
    verdict: Verdict | None = None
    reason: Reason | None = None
    records: tuple[Record, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    automatic: Verdict | None = None
    override: str = ""
    lacks: tuple[str, ...] = ()
    declared: NotApplicable | None = None


class ItemResult(Value):
    """One item over its assets."""

    item: Item
    status: Status
    verdict: Verdict | None
    cases: tuple[CaseResult, ...]


class ClauseResult(Value):
    """One clause over its items (GB/T 28448 单元判定)."""

    clause: Clause
    status: Status
    verdict: Verdict | None
    items: tuple[ItemResult, ...]


class SuiteResult(Value):
    """All of a round, in official order."""

    mandatory: tuple[ItemResult, ...]
    clauses: tuple[ClauseResult, ...]
