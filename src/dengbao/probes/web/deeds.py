"""Deeds of our own, and the records of them: which new record of the log tells of which deed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .facts_trail import RecordSeen
from .rows import Row, when

# What a record of a deed is called, in whatever words.
WORDS: Final[dict[str, re.Pattern[str]]] = {
    kind: re.compile(words, re.IGNORECASE)
    for kind, words in {
        "login": r"登[录陆]|log[-_ ]?(?:in|on)|sign[-_ ]?in|认证|鉴别",
        "login_failed": r"登[录陆]|log[-_ ]?(?:in|on)|sign[-_ ]?in|认证|鉴别",
        "logout": r"退出|登出|注销|log[-_ ]?(?:out|off)|sign[-_ ]?out",
        "view": r"查[看询阅]|浏览|访问|读取|患者|病历|view|read|query|search|select|\bget\b|patient",
        "export": r"导出|下载|打印|export|download|print",
        "create": r"新[建增]|添加|增加|创建|create|\badd|insert|register",
        "grant": r"授权|权限|角色|修改|变更|grant|permission|role|update|modify|edit|change",
        "remove": r"删除|移除|注销|停用|delete|remove|disable",
    }.items()
}
_FAILED: Final = re.compile(
    r"失败|错误|拒绝|无效|不正确|锁定|fail|error|denied|refused|invalid|reject|bad|false|^0$", re.IGNORECASE
)
_RESULT: Final = re.compile(
    r"成功|失败|错误|拒绝|正常|异常|success|succeed|fail|error|denied|refused|\bok\b", re.IGNORECASE
)
# A record that names another deed besides is that one's: who exports patients does not look at them.
_NOT: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(WORDS, ()),
    "login": ("logout",), "login_failed": ("logout",),
    "view": ("login", "logout", "export", "create", "remove"),
    "grant": ("create", "remove"),
}  # fmt: skip


@dataclass(frozen=True)
class Sought:
    """A deed: who it was by, and the time it took (ours)."""

    kind: str
    username: str
    begun: datetime
    ended: datetime


def new_rows(before: list[Row], after: list[Row]) -> list[Row]:
    """Return the rows that were not there before, those that look alike counted."""
    left = Counter(_key(one) for one in before)
    found: list[Row] = []
    for one in after:
        if left[_key(one)]:
            left[_key(one)] -= 1
        else:
            found.append(one)
    return found


def _key(row: Row) -> str:
    """Return what tells rows apart; a column that counts rows from the top would make all of them new."""
    return "\t".join(value for key, value in sorted(row.items()) if key != "*") or row["*"]


def by_user(rows: list[Row], username: str) -> list[Row]:
    """Return the rows about a user: by the column of users, or anywhere where there is none."""
    name = username.casefold()
    pattern = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return [one for one in rows if pattern.search(one.get("user", one["*"]).casefold())]


def fitting(rows: list[Row], sought: Sought) -> Row | None:
    """Return the newest row that tells of a deed, by its words and, for a failure, by its result."""
    mine = by_user(rows, sought.username)
    if sought.kind == "login_failed" and not mine:
        mine = [one for one in rows if sought.username.casefold() in one["*"].casefold()]
    fits = [one for one in mine if named(one, sought.kind)]
    if sought.kind == "login_failed":
        # Nobody of this name exists: whatever was noted of it is the failure.
        return next(iter(fits or mine), None)
    if sought.kind == "login":
        fits = [one for one in fits if not _FAILED.search(one.get("result", ""))]
    return next(iter(fits), None)


def named(row: Row, kind: str) -> bool:
    """Tell whether a row is called like a deed of this kind, and not like one of another."""
    text = "\t".join(row.get(one, "") for one in ("type", "object")) if "type" in row else row["*"]
    if any(WORDS[other].search(text) for other in _NOT[kind]):
        return False
    return WORDS[kind].search(text) is not None


def seen(row: Row, sought: Sought, offset_h: float | None, sources: frozenset[str]) -> RecordSeen:
    """Return what a record holds; fields without a declared column are looked for in the whole row."""
    at = when(row.get("time", row["*"]), offset_h)
    whole = row["*"]
    result = row.get("result", "")
    if "result" not in row:
        found = _RESULT.search(whole)
        result = found.group(0) if found else ""
    source = row.get("source", "")
    if "source" not in row:
        source = next((one for one in sources if one in whole), "")
    return RecordSeen(
        time=at is not None,
        user=bool(row.get("user", "")) or sought.username.casefold() in whole.casefold(),
        type=_type(row, sought.kind)[:24],
        result=result.strip()[:24],
        source=bool(source.strip()),
        skew_s=None if at is None else _skew(at, sought),
        zone_known=offset_h is not None or at is None or _has_zone(row),
    )


def _type(row: Row, kind: str) -> str:
    if "type" in row:
        return row["type"].strip()
    found = WORDS[kind].search(row["*"])
    return found.group(0) if found else ""


def _has_zone(row: Row) -> bool:
    text = row.get("time", row["*"])
    return re.search(r":\d{2}(?:[.,]\d+)?\s*(?:Z|[+-]\d{2}:?\d{2})", text) is not None


def _skew(at: datetime, sought: Sought) -> float:
    """Return seconds between record and deed; a record with whole seconds may lie one before it."""
    early = (sought.begun - at).total_seconds()
    late = (at - sought.ended).total_seconds()
    if early > 1:
        return -round(early, 1)
    return round(late, 1) if late > 0 else 0.0
