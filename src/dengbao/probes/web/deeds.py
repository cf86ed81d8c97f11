"""Deeds of our own, and the records of them: which new record of the log tells of which deed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

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
        "disable": r"停用|禁用|冻结|封停|disable|deactivat|suspend|inactive",
        "remove": r"删除|移除|注销|delete|remove",
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
    "view": ("login", "logout", "export", "create", "remove", "disable"),
    "create": ("remove", "disable"), "grant": ("create", "remove", "disable"),
    "disable": ("create", "remove"),
}  # fmt: skip
# Where words are so wide that they name many deeds, a record needs besides what tells which one it was.
_USERS: Final = re.compile(r"用户|账[户号]|人员|角色|权限|user|account|role", re.IGNORECASE)
_SUBJECTS: Final = {
    **dict.fromkeys(("create", "grant", "disable", "remove"), _USERS),
    "view": re.compile(
        r"患者|病人|病[历案例]|就诊|就医|门诊|住院|处方|医嘱|参保|诊疗|patient|medical[-_ ]?record|encounter",
        re.IGNORECASE,
    ),
}
# Deeds on one user one after the other: words, too, must tell which of them a record is of.
ON_A_USER: Final = ("create", "grant", "disable", "remove")
_GRANTED: Final = re.compile(r"授权|授予|权限|角色|grant|permission|role", re.IGNORECASE)
_CHANGED: Final = re.compile(
    r"修改|变更|编辑|更新|状态|update|modify|edit|change|stat(?:e|us)\b", re.IGNORECASE
)
_TELLING_CHARS: Final = 4  # a shorter value ("1") stands in any row by chance
_ADDRESS: Final = re.compile(r"(?<![\w.:/<])/[a-z][\w./-]{2,}")
_EARLY: Final = timedelta(seconds=10)
_LATE: Final = timedelta(seconds=15)
_MINUTE: Final = timedelta(minutes=1)  # a time without seconds is that much beside at most
_SECONDS: Final = re.compile(r"\d:\d{2}:\d{2}|\d{10}")


@dataclass(frozen=True)
class Sought:
    """A deed: who it was by, the time it took (ours), and what it was done to.

    `paths` are the addresses asked for by it, `objects` texts of which a record of it may bear one: the
    name of a user that was created, what the engagement calls the page.
    """

    kind: str
    username: str
    begun: datetime
    ended: datetime
    paths: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """How the log tells time: its declared zone, and how far it is ahead of ours where that is known."""

    offset_h: float | None = None
    ahead: timedelta | None = None

    def within(self, row: Row, sought: Sought) -> bool:
        """Tell whether a row may be of the time of a deed; one whose time cannot be told may."""
        if self.ahead is None:
            return True
        text = row.get("time", row["*"])
        at = when(text, self.offset_h)
        if at is None:
            return True
        # Ours may be as far from its minute's beginning as this one is not.
        coarse = timedelta(0) if _SECONDS.search(text) else _MINUTE
        return sought.begun - _EARLY - coarse <= at - self.ahead <= sought.ended + _LATE + coarse


def clock_of(rows: list[Row], deeds: list[Sought], offset_h: float | None) -> Clock:
    """Return the log's clock by the failed login of ours: nobody else has its name."""
    for one in deeds:
        row = fitting(rows, one) if one.kind == "login_failed" and one.username else None
        at = when(row.get("time", row["*"]), offset_h) if row is not None else None
        if at is not None:
            return Clock(offset_h, at - one.begun)
    return Clock(offset_h)


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


def fitting(rows: list[Row], sought: Sought, clock: Clock = Clock(), *, wide: bool = True) -> Row | None:
    """Return the newest row that tells of a deed, by user, time and what it was done to.

    Words alone decide only for deeds of which there is one kind: logging in and out, exporting. For a
    failure, its result must say so, too.
    """
    mine = by_user(rows, sought.username)
    if sought.kind == "login_failed" and not mine:
        mine = [one for one in rows if sought.username.casefold() in one["*"].casefold()]
    fits = [one for one in mine if tells_of(one, sought, wide=wide)]
    if sought.kind == "login_failed":
        # Nobody of this name exists: whatever was noted of it is the failure.
        return next(iter(fits or mine), None)
    if sought.kind == "login":
        fits = [one for one in fits if not _FAILED.search(one.get("result", ""))]
    return next((one for one in fits if clock.within(one, sought)), None)


def matched(rows: list[Row], deeds: list[Sought], clock: Clock) -> list[Row | None]:
    """Return the row of each deed; no two on a user share one, and plain words go before wide ones."""
    found: dict[int, Row] = {}
    used: set[int] = set()
    for wide in (False, True):
        for number, one in enumerate(deeds):
            if number in found:
                continue
            on_user = one.kind in ON_A_USER
            free = [row for row in rows if id(row) not in used] if on_user else rows
            row = fitting(free, one, clock, wide=wide)
            if row is not None:
                found[number] = row
                used |= {id(row)} if on_user else set()
    return [found.get(number) for number in range(len(deeds))]


def _tells_of_user(row: Row, sought: Sought, *, wide: bool) -> bool:
    """Tell whether a row is called like a deed on a user; `wide`: by any word for a change."""
    text = _what(row)
    if any(WORDS[other].search(text) for other in _NOT[sought.kind]):
        return False
    words = _GRANTED if sought.kind == "grant" else WORDS[sought.kind]
    if wide and sought.kind in ("grant", "disable") and not words.search(text):
        words = _CHANGED
    about = any(one.casefold() in row["*"].casefold() for one in sought.objects if one)
    return words.search(text) is not None and (about or _USERS.search(text) is not None)


def tells_of(row: Row, sought: Sought, *, wide: bool = True) -> bool:
    """Tell whether a row names this very deed: what it was done to, and no other kind of deed."""
    if sought.kind not in _SUBJECTS:
        return named(row, sought.kind)
    on_user = sought.kind in ON_A_USER
    return _tells_of_user(row, sought, wide=wide) if on_user else _tells_of_subject(row, sought)


def _tells_of_subject(row: Row, sought: Sought) -> bool:
    text = _what(row)
    if any(WORDS[other].search(text) for other in _NOT[sought.kind]):
        return False
    whole = row["*"].casefold()
    if any(_bears_path(whole, one) for one in sought.paths):
        return True
    if sought.paths and _ADDRESS.search(whole):
        return False  # the record of another address
    if any(one.casefold() in whole for one in sought.objects if one):
        return True
    return named(row, sought.kind) and _SUBJECTS[sought.kind].search(text) is not None


def _bears_path(whole: str, path: str) -> bool:
    """Tell whether a row names an address, with the values of its query that tell something."""
    parts = urlsplit(path)
    place = parts.path.rstrip("/").casefold()
    values = [value.casefold() for _, value in parse_qsl(parts.query)]
    if len(place.lstrip("/")) < _TELLING_CHARS or not re.search(rf"{re.escape(place)}(?![\w/.-])", whole):
        return False
    return all(one in whole for one in values) or "?" not in whole


def named(row: Row, kind: str) -> bool:
    """Tell whether a row is called like a deed of this kind, and not like one of another."""
    text = _what(row)
    if any(WORDS[other].search(text) for other in _NOT[kind]):
        return False
    return WORDS[kind].search(text) is not None


def _what(row: Row) -> str:
    """Return what a row says was done; all of it where no column tells."""
    return "\t".join(row.get(one, "") for one in ("type", "object")) if "type" in row else row["*"]


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
