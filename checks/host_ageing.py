"""What is told of how passwords age, account by account."""

from __future__ import annotations

from collections.abc import Sequence

from .hosts import Seat
from .wording import listing


def ageing_notes(usable: Sequence[Seat], today_day: int, wanted: int) -> str:
    """Return who is overdue, and how many may not change back at once or close when expired; informs only.

    An overdue password is changed at the next login; with an inactivity set, the account closes instead.
    """
    if not usable:
        return ""
    ages = [(one.name, today_day - (one.password.last_change_day or today_day)) for one in usable]
    overdue = [f"{name}（{days} 天前）" for name, days in ages if days > wanted]
    closing = sum((one.password.inactive_days or -1) >= 0 for one in usable)
    shortest = sum((one.password.min_days or 0) >= 1 for one in usable)
    words = [f"最近一次更换超过 {wanted} 天的：{listing(overdue) or '无'}"]
    words.append(f"设最短使用期的 {shortest} 个、设过期停用（INACTIVE）的 {closing} 个")
    return "；" + "；".join(words)
