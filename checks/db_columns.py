"""Criteria on what sampled columns of databases hold."""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import ColumnSample, DatabaseStorage

from .hosts import ask

_FACT: Final = "database.sensitive"
_HOLDS: Final = {
    "id_card": "身份证号", "phone": "手机号", "name": "姓名", "bank_card": "银行卡号", "password": "口令",
}  # fmt: skip
_CHECKED: Final = {"page": "数据页校验", "snapshot": "快照（RDB）校验"}
_STATES: Final = {
    "no_permission": "账户无权读取",
    "not_found": "未找到该表或列",
    "timed_out": "查询超时",
    "failed": "读取失败",
}


def hidden(column: ColumnSample) -> Criterion:
    """Return whether no sampled value of a column can be read.

    One readable value disproves it; that none is readable is proven only where every value is
    recognised as masked, encrypted or hashed.
    """
    what = _HOLDS.get(column.holds, column.holds)
    question = f"{column.label}（{what}）是否未以明文存储"
    if column.state != "read":
        seen = f"{column.label}（{what}）：{_STATES.get(column.state, column.state)}"
        return ask(column.label, question, None, seen, _FACT, decisive=True)
    counts = (
        ("明文", column.clear), ("脱敏", column.masked), ("密文或散列", column.cipher_or_hash),
        ("空值", column.empty), ("无法识别", column.other),
    )  # fmt: skip
    told = "、".join(f"{word} {count}" for word, count in counts if count) or "没有数据"
    met: bool | None = True
    if column.clear:
        met = False
    elif column.other or not (column.masked + column.cipher_or_hash):
        met = None
    seen = f"{column.label}（{what}）抽样 {column.rows} 行：{told}"
    return ask(column.label, question, met, seen, _FACT, decisive=True)


def checksums(storage: DatabaseStorage) -> Criterion:
    """Return whether damaged pages are detected."""
    on = storage.page_checksums
    told = {True: f"已启用（{storage.algorithm}）", False: "未启用", None: "是否启用未知"}[on]
    seen = f"{_CHECKED[storage.unit]}{told}"
    if storage.encrypted:
        seen += f"；落盘加密：{'、'.join(storage.encrypted)}"
    return ask(
        "page_checksums", f"是否启用{_CHECKED[storage.unit]}", on, seen, "database.storage", decisive=True
    )
