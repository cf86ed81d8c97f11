"""What people say of filed evidence, and where a record stands after it; as values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from .base import Value
from .engagement import Person


class RemarkSort(StrEnum):
    """What a remark does."""

    NOTE = "note"
    RETURN = "return"
    ANSWER = "answer"
    ACCEPT = "accept"
    WITHDRAW = "withdraw"

    @property
    def zh(self) -> str:
        """Return the Chinese word printed before a remark."""
        return {
            "note": "备注", "return": "退回", "answer": "答复", "accept": "复核通过", "withdraw": "撤回",
        }[self.value]  # fmt: skip


class Standing(StrEnum):
    """Where a record stands between the one who collected it and the one who reviews it."""

    OPEN = "open"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"

    @property
    def zh(self) -> str:
        """Return the Chinese word."""
        return {
            "open": "待复核", "returned": "已退回", "accepted": "复核通过", "withdrawn": "已撤回",
        }[self.value]  # fmt: skip


class Remark(Value):
    """One line of `evidence/remarks.jsonl`.

    `evidence` is a record's number; where it is empty the remark is a note on `item` on `asset`.
    `before` is the sha256 of the line before it, empty in the first.
    """

    id: str
    at: datetime
    by: Person
    sort: RemarkSort
    text: str = ""
    evidence: str = ""
    item: str = ""
    asset: str = ""
    before: str = ""
