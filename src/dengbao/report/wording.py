"""The words of the report: labels of verdicts and statuses, people, times, counted things."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Final

from ..errors import Reason
from ..model import CaseResult, Contact, Exchange, Person, Record, Status, Verdict

_BEIJING: Final = timezone(timedelta(hours=8))
BLANK: Final = "—"
CATEGORIES: Final = {"hospital": "定点医疗机构", "clinic": "定点医疗机构", "pharmacy": "定点零售药店"}
APPLICATIONS: Final = {"new": "新定点", "replace": "更换系统", "change": "更换系统"}
# 第二十条(二) names the four in this order.
PARTY_ROLES: Final = ("属地医保局", "医疗保障信息平台厂商", "定点医药机构系统接入方", "定点医药机构")


def label(status: Status, verdict: Verdict | None, reason: Reason | None = None) -> str:
    """Return the verdict's official word, or the status with its reason where there is no verdict."""
    if status is Status.JUDGED and verdict is not None:
        return verdict.zh
    return f"{status.zh}（{reason.zh}）" if reason is not None else status.zh


def case_label(case: CaseResult) -> str:
    """Return the label of a case; an override prints the programs' verdict as well."""
    text = label(case.status, case.verdict, case.reason)
    return f"{text}\n（自动判定：{case.automatic.zh}）" if case.automatic is not None else text


def split_label(text: str) -> tuple[str, str]:
    """Return the word of a label and what stands in brackets after it, brackets included."""
    word, bracket, rest = text.partition("（")
    return word.rstrip("\n"), bracket + rest


def record_label(record: Record) -> str:
    """Return what one check alone said."""
    return label(record.status, record.verdict, record.reason)


def person(one: Person) -> str:
    """Return name, organisation and part."""
    inside = "，".join(part for part in (one.org, one.role) if part)
    return f"{one.name}（{inside}）" if inside else one.name


def contact(one: Contact) -> str:
    """Return name and telephone, or a dash."""
    return " ".join(part for part in (one.name, one.phone) if part) or BLANK


def day(value: date) -> str:
    """Return a day as 2026年3月1日; a moment is taken at Beijing time."""
    value = beijing(value) if isinstance(value, datetime) else value
    return f"{value.year}年{value.month}月{value.day}日"


def moment(value: datetime) -> str:
    """Return a moment to the minute at Beijing time, which is the only one in the country."""
    return beijing(value).strftime("%Y-%m-%d %H:%M")


def exchange(one: Exchange) -> str:
    """Return an exchange as a line: when, as whom, what was sent, what came back."""
    who = f"以“{one.role}”身份" if one.role else "未登录"
    when = f"{beijing(one.at).strftime('%Y-%m-%d %H:%M:%S')}，" if one.at is not None else ""
    return f"{when}{who}，{one.request} → {one.answer}"


def beijing(value: datetime) -> datetime:
    """Return the moment at Beijing time; one without an offset is taken as it stands."""
    return value if value.tzinfo is None else value.astimezone(_BEIJING)


def listed(parts: Iterable[str], separator: str = "、") -> str:
    """Return the parts joined, or a dash where there is none."""
    return separator.join(part for part in parts if part) or BLANK


def places(items: Iterable[str]) -> str:
    """Return item ids set apart by spaces, at which a line may break."""
    return " ".join(dict.fromkeys(items)) or BLANK


def bytes_zh(size: int) -> str:
    """Return a size in bytes with thousands set apart."""
    return f"{size:,} 字节"
