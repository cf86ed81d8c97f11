"""What a report is made of, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..model import Engagement, Evidence, RunInfo, Suite, SuiteResult


@dataclass(frozen=True)
class PastRound:
    """An earlier round, folded; `result` is None where it was judged by another edition of the suite.

    `assets` maps the ids of the assets it tested to their names.
    """

    run: RunInfo
    result: SuiteResult | None
    assets: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """One round of one engagement, folded.

    `evidence` holds what is printed in 证据清单, its files lie in `evidence_dir`; every one must still
    have its digest. `facts_sha256` is the digest over all stored facts of the round, as hex.
    `template` replaces the shipped template of the suite's edition. `origins` says of stored facts,
    by `(asset, kind, sha256)`, how, with which rights and when they were read. `mark` makes
    the QR code's text from the digest of the content; without it the code is unsigned. `history` holds the
    rounds before this one, the first one first.
    """

    engagement: Engagement
    suite: Suite
    result: SuiteResult
    run: RunInfo
    evidence: tuple[Evidence, ...]
    evidence_dir: Path
    facts_sha256: str
    tool_version: str
    made_at: datetime
    operator: str = ""
    template: Path | None = None
    origins: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    mark: Callable[[str], str] | None = None
    history: tuple[PastRound, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Something that is still missing before the report is complete; all Chinese.

    `place` is an item such as `1.a.3` or a part of the report, `asset` is the name of the 测评对象.
    """

    place: str
    asset: str
    state: str
    need: str


@dataclass(frozen=True)
class GapEntry:
    """What some assets lack alike; `assets` is empty where the gap is not of an asset."""

    assets: tuple[str, ...]
    state: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class GapGroup:
    """All gaps of one place; `count` is how many gaps they were."""

    place: str
    count: int
    entries: tuple[GapEntry, ...]


@dataclass(frozen=True, kw_only=True)
class ReportOutcome:
    """What was written. `pages` is 0 where it could not be counted; `notes` are Chinese sentences.

    `sha256` is of the .docx as delivered; `content_sha256` is printed in it and covers all its data.
    `mark` is the text of its QR code.
    """

    docx: Path
    sha256: str
    content_sha256: str
    draft: bool
    gaps: tuple[Gap, ...]
    pages: int = 0
    pdf: Path | None = None
    notes: tuple[str, ...] = ()
    contents: Mapping[str, int] = field(default_factory=dict)
    mark: str = ""
