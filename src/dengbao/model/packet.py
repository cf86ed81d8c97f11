"""What is sealed, and the chained log of what happened before; as values."""

from __future__ import annotations

from datetime import datetime

import msgspec

from .base import Value
from .engagement import Person


class Allowed(Value):
    """A remark of the release gate that two people looked at and let pass; `place` and `what` name it."""

    place: str
    what: str
    why: str
    by: Person
    agreed: Person


class Seal(Value):
    """`seal.json` of a packet: what was sealed, by whom, when; the statement is signed over it.

    `counts` holds `Verdict` or, for what has none, `Status` values of the 68 items → how many.
    `content_sha256` covers everything the report prints, `report_sha256` is of the .docx as sealed.
    `key` is the fingerprint of `public_key` (OpenSSH text form) as `ssh-keygen -l` shows it.
    `mark` is the text of the QR code on the 签章页, with a signature of its own (`packet/qr.py`).
    """

    schema: int
    institution: str
    code: str
    system: str
    report_number: str
    suite: str
    suite_sha256: str
    round: int
    tool_version: str
    facts_sha256: str
    content_sha256: str
    report: str
    report_sha256: str
    counts: dict[str, int]
    sealed_at: datetime
    sealed_by: Person
    key: str
    public_key: str
    allowed: tuple[Allowed, ...] = ()
    mark: str = ""


class CustodyEntry(Value):
    """One line of the chained log: what happened to an engagement, when, by whom.

    `before` is the sha256 of the line before it, empty in the first; so no line can be changed, taken out
    or put in without every later one showing it.
    """

    number: int
    at: datetime
    act: str
    by: Person | None = None
    details: dict[str, str] = msgspec.field(default_factory=dict)
    before: str = ""
