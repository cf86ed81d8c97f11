"""Tells how long a schedule leaves without a run: cron's fields, anacron's days, systemd's OnCalendar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_DAY_MIN: Final = 24 * 60
_YEARS_DAYS: Final = 2 * 366
_BEGIN: Final = date(2027, 1, 1)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEK: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WORDS: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_SHORT: Final = {
    "minutely": "*-*-* *:*:00", "hourly": "*-*-* *:00:00", "daily": "*-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00", "weekly": "Mon *-*-* 00:00:00", "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00", "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
}  # fmt: skip
_ANACRON: Final = "anacron "
_PERIODS_H: Final = {"@daily": 24.0, "@weekly": 168.0, "@monthly": 744.0}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_UNITS_H: Final = {
    "": 1 / 3600, "s": 1 / 3600, "sec": 1 / 3600, "second": 1 / 3600, "seconds": 1 / 3600,
    "m": 1 / 60, "min": 1 / 60, "minute": 1 / 60, "minutes": 1 / 60, "h": 1.0, "hr": 1.0, "hour": 1.0,
    "hours": 1.0, "d": 24.0, "day": 24.0, "days": 24.0, "w": 168.0, "week": 168.0, "weeks": 168.0,
}  # fmt: skip


@dataclass(frozen=True)
class _Times:
    """Which minutes, hours, days, months and weekdays (Sunday is 0) are meant."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool = False

    def is_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_date or by_week if self.either_day else by_date and by_week


def longest_gap_h(schedules: Iterable[str]) -> float | None:
    """Return the longest time between two runs that these schedules leave together, in hours.

    None where one of them is not understood, or there is no run at all.
    """
    parsed: list[_Times] = []
    spans: list[float] = []
    for text in schedules:
        name, _, value = text.rpartition("=")
        if name in ("OnUnitActiveSec", "OnUnitInactiveSec"):
            hours = _span_h(value)
            if hours is None:
                return None
            spans.append(hours)
            continue
        if text.startswith(_ANACRON):
            period = _PERIODS_H.get(text.removeprefix(_ANACRON).strip().lower()) or _days_h(text)
            if period is None:
                return None
            spans.append(period)
            continue
        found = _on_calendar(value) if name == "OnCalendar" else _cron(text)
        if found is None:
            return None
        parsed.append(found)
    gap = _gap_h(parsed) if parsed else None
    return min((one for one in (*spans, gap) if one is not None), default=None)


def _days_h(text: str) -> float | None:
    """Return the period of an anacron job that is given in days, in hours."""
    days = text.removeprefix(_ANACRON).strip()
    return int(days) * 24.0 if days.isdecimal() and int(days) else None


def _gap_h(times: Sequence[_Times]) -> float | None:
    """Walk two years day by day; within a day only its runs matter."""
    runs = {one: sorted(hour * 60 + minute for hour in one.hours for minute in one.minutes) for one in times}
    last: int | None = None
    longest = 0
    count = 0
    for number in range(_YEARS_DAYS):
        day = _BEGIN + timedelta(days=number)
        today = sorted({at for one in times if one.is_on(day) for at in runs[one]})
        for at in today:
            now = number * _DAY_MIN + at
            if last is not None:
                longest = max(longest, now - last)
            last, count = now, count + 1
    return longest / 60 if count > 1 else None


def _cron(text: str) -> _Times | None:
    fields = _WORDS.get(text.strip().lower(), text).lower().split()
    if len(fields) != 5:
        return None
    minutes = _set(fields[0], 0, 59)
    hours = _set(fields[1], 0, 23)
    days = _set(fields[2], 1, 31)
    months = _set(fields[3], 1, 12, _MONTHS, first=1)
    week = _set(fields[4], 0, 7, _WEEK)
    if None in (minutes, hours, days, months, week):
        return None
    weekdays = frozenset(one % 7 for one in week or ())
    restricted = not fields[2].startswith("*") and not fields[4].startswith("*")
    return _Times(
        minutes or frozenset(), hours or frozenset(), days or frozenset(), months or frozenset(), weekdays,
        either_day=restricted,
    )  # fmt: skip


def _on_calendar(text: str) -> _Times | None:
    """Return what an OnCalendar value means; years, seconds and time zones leave it open."""
    words = _SHORT.get(text.strip().lower(), text.strip()).split()
    week: frozenset[int] | None = frozenset(range(7))
    if words and words[0][:3].lower() in _WEEK:
        week = _set(re.sub(r"([A-Za-z]{3})[a-z]*", r"\1", words[0]).lower(), 0, 6, _WEEK, dots=True)
        words = words[1:]
    day = words.pop(0) if words and "-" in words[0] else "*-*-*"
    clock = words.pop(0) if words else "00:00:00"
    parts, times = day.split("-"), clock.split(":")
    if words or week is None or len(parts) not in (2, 3) or len(times) not in (2, 3) or "~" in day:
        return None
    if len(parts) == 3 and parts[0] != "*":
        return None
    months, days = _set(parts[-2], 1, 12, dots=True), _set(parts[-1], 1, 31, dots=True)
    hours, minutes = _set(times[0], 0, 23, dots=True), _set(times[1], 0, 59, dots=True)
    if months is None or days is None or hours is None or minutes is None:
        return None
    return _Times(minutes, hours, days, months, week)


def _set(
    text: str, low: int, high: int, names: Sequence[str] = (), *, first: int = 0, dots: bool = False
) -> frozenset[int] | None:
    """Return the numbers that a field means, None where it is not understood."""
    found: set[int] = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        begin, between, end = body.partition(".." if dots else "-")
        try:
            every = int(step) if step else 1
            lower = low if begin == "*" else _number(begin, names, first)
            whole = begin == "*" or bool(step)
            upper = _number(end, names, first) if between else (high if whole else lower)
        except ValueError:
            return None
        if not (low <= lower <= upper <= high and every > 0):
            return None
        found.update(range(lower, upper + 1, every))
    return frozenset(found)


def _number(text: str, names: Sequence[str], first: int) -> int:
    return names.index(text) + first if text in names else int(text)


def _span_h(text: str) -> float | None:
    parts = _SPAN.findall(text)
    if not parts or any(unit.lower() not in _UNITS_H for _, unit in parts):
        return None
    return sum(float(number) * _UNITS_H[unit.lower()] for number, unit in parts)
