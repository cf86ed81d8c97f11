"""Words that statements share, so that every 结果记录 reads alike."""

from __future__ import annotations

from collections.abc import Iterable


def listing(names: Iterable[object], limit: int = 8) -> str:
    """Return names joined by 「、」; beyond `limit` only how many there are in all."""
    texts = [str(one) for one in names]
    head = "、".join(texts[:limit])
    return f"{head}等{len(texts)}个" if len(texts) > limit else head


def yes_no(value: bool | None) -> str:
    """Return 是, 否 or 未知."""
    return {True: "是", False: "否", None: "未知"}[value]
