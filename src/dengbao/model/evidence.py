"""Manual evidence as values."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from .base import Method, Value, Verdict
from .engagement import Person


class EvidenceKind(StrEnum):
    """What kind of paper or file it is."""

    SCREENSHOT = "screenshot"
    PHOTO = "photo"
    DOCUMENT = "document"
    INTERVIEW_NOTE = "interview_note"
    CAPTURE = "capture"
    LOG = "log"
    CONFIG = "config"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed in the list of evidence."""
        return {
            "screenshot": "截图",
            "photo": "现场照片",
            "document": "文档",
            "interview_note": "访谈记录",
            "capture": "抓包",
            "log": "日志",
            "config": "配置文件",
        }[self.value]


class EvidenceFile(Value):
    """A file beside the record; `name` has no folder part."""

    name: str
    sha256: str
    sm3: str = ""
    size_bytes: int = 0


class Review(Value):
    """复核 by a second person."""

    by: Person
    at: datetime


class Evidence(Value):
    """佐证材料: who saw what, when, how, with which file, and what it means for which items.

    `override` holds the signed reason for overruling an automatic 不符合; it needs `reviewed`.
    """

    id: str
    items: tuple[str, ...]
    asset: str
    method: Method
    kind: EvidenceKind
    files: tuple[EvidenceFile, ...]
    collected_at: datetime
    collected_by: Person
    filed_at: datetime
    statement: str
    verdict: Verdict
    reviewed: Review | None = None
    redacted: bool = False
    expires: date | None = None
    override: str = ""


class CarriedFile(Value):
    """带回的采集文件: what a collector script wrote on a host, who brought it, when; lies beside the file.

    `host`, `platform`, `collector`, `privilege` and `begun` are as the file itself says; `brought_at` is when
    the person handed it over.
    """

    asset: str
    file: EvidenceFile
    host: str
    platform: str
    collector: str
    privilege: str
    begun: datetime
    brought_by: Person
    brought_at: datetime
    filed_at: datetime
