"""What the scanner knows of, and how a hit is shown without its value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from ..redact import Redactor


class Kind(StrEnum):
    """What was found. Those in `CHECKED` carry a check digit; the others are told by shape or context."""

    ID_CARD = "id_card"
    ID_CARD_15 = "id_card_15"
    PHONE = "phone"
    BANK_CARD = "bank_card"
    SOCIAL_CARD = "social_card"
    CREDIT_CODE = "credit_code"
    PASSPORT = "passport"
    EMAIL = "email"
    NAME = "name"
    PASSWORD = "password"  # noqa: S105
    PASSWORD_HASH = "password_hash"  # noqa: S105
    PASSWORD_OTHER = "password_other"  # noqa: S105
    TOKEN = "token"  # noqa: S105

    @property
    def zh(self) -> str:
        """Return the Chinese words printed for this kind."""
        return _ZH[self]

    __hash__ = str.__hash__  # that of enumerations takes long, and every hit is counted by kind


CHECKED: Final = frozenset({Kind.ID_CARD, Kind.BANK_CARD, Kind.CREDIT_CODE})
_ZH: Final = {
    Kind.ID_CARD: "公民身份号码",
    Kind.ID_CARD_15: "15位身份证号",
    Kind.PHONE: "手机号",
    Kind.BANK_CARD: "银行卡号",
    Kind.SOCIAL_CARD: "医保（社保）卡号",
    Kind.CREDIT_CODE: "统一社会信用代码",
    Kind.PASSPORT: "护照号",
    Kind.EMAIL: "电子邮箱",
    Kind.NAME: "姓名",
    Kind.PASSWORD: "明文口令",
    Kind.PASSWORD_HASH: "口令散列值",
    Kind.PASSWORD_OTHER: "无法辨认形态的口令",
    Kind.TOKEN: "令牌",
}
_KEPT: Final = {
    Kind.ID_CARD: (2, 1),
    Kind.ID_CARD_15: (2, 1),
    Kind.PHONE: (3, 2),
    Kind.BANK_CARD: (4, 2),
    Kind.SOCIAL_CARD: (1, 1),
    Kind.CREDIT_CODE: (4, 2),
    Kind.PASSPORT: (1, 1),
    Kind.NAME: (1, 0),
}  # few enough that nobody is told by them: no birth date, no serial number
_SEPARATORS: Final = str.maketrans("", "", " -")
_NAMES: Final = Redactor()
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MAX_NAME_CHARS: Final = 200


# One value found: its bytes are `data[start:end]` of a window and live no longer than that. A plain tuple of
# start, end and kind, for a scan makes millions.
Hit = tuple[int, int, Kind]


class Cell(NamedTuple):
    """Where in a table a hit stands; empty where that is not known."""

    table: str = ""
    column: str = ""
    cell: str = ""


@dataclass(frozen=True)
class Sample:
    """One hit as it may be shown: line from 1, byte offset in the decoded member, value masked."""

    line: int
    offset: int
    masked: str
    cell: str = ""


def canonical(kind: Kind, value: bytes) -> bytes:
    """Return the form by which equal values are counted once."""
    if value.isdigit():
        return value[-11:] if kind is Kind.PHONE else value
    if kind in (Kind.PASSWORD, Kind.PASSWORD_HASH, Kind.PASSWORD_OTHER, Kind.TOKEN, Kind.NAME):
        return value
    plain = value.translate(None, b" -+").upper()
    return plain[-11:] if kind is Kind.PHONE else plain


def canonical_of(kind: Kind, values: Iterable[bytes]) -> set[bytes]:
    """Return the forms of many values; those alike are looked at once."""
    distinct = set(values)
    odd = distinct if kind is Kind.PHONE else {one for one in distinct if not one.isdigit()}
    return (distinct - odd) | {canonical(kind, one) for one in odd} if odd else distinct


def masked(kind: Kind, value: bytes) -> str:
    """Return what may be shown of a value: a few characters at its ends, and its length for secrets."""
    text = value.decode("utf-8", "replace")
    if kind is Kind.EMAIL:
        name, _, host = text.partition("@")
        return f"{name[:1]}***@***.{host.rpartition('.')[2]}"
    if kind not in _KEPT:
        return f"［{len(text)} 个字符］"
    text = text.translate(_SEPARATORS)
    head, tail = _KEPT[kind]
    hidden = max(1, len(text) - head - tail)
    return text[:head] + "*" * hidden + (text[-tail:] if tail else "")


def shown_name(name: str) -> str:
    """Return a file's or member's name fit for print: no control characters, no identifiers."""
    clean = _CONTROL.sub("�", _NAMES.text(name.encode("utf-8", "replace").decode()))
    return clean if len(clean) <= _MAX_NAME_CHARS else clean[:_MAX_NAME_CHARS] + "…"
