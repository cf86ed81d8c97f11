"""What checks on the digests of rows share: how a table's digests are told, and what they are good for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.row_facts import DatabaseRows, RowDigests

from .hosts import ask
from .wording import listing

_FACT: Final = "database.rows"
_STATES: Final = {
    "not_found": "未找到登记的表或列",
    "no_permission": "账户无权读取",
    "timed_out": "查询超时",
    "no_key": "密钥未能取得，未重算",
    "failed": "读取失败",
}


def of_table(table: RowDigests) -> Iterator[Criterion]:
    """Yield what is asked of one table: that digests hold, that they cover, that they cannot be forged."""
    yield held(table)
    if table.matching:
        yield covering(table)
        yield unforgeable(table)


def held(table: RowDigests) -> Criterion:
    """Return whether every row that was read carries a digest that holds.

    Where none holds the recipe may be declared wrongly, which decides nothing: except where there are no
    digests at all, or rows that differ all carry the same.
    """
    question = f"{table.label} 每行的校验值（{table.digest}）是否与所登记的列相符"
    met, seen = _held(table)
    return ask(f"held_{table.label}", question, met, f"{table.label}：{seen}", _FACT)


def _held(table: RowDigests) -> tuple[bool | None, str]:
    if table.state == "no_column":
        return False, f"表中没有登记的校验列 {table.digest}，其余登记的列均有"
    if table.state != "read":
        return None, _STATES.get(table.state, table.state)
    return _compared(table) if table.rows else (None, "没有数据，无从核对")


def _compared(table: RowDigests) -> tuple[bool | None, str]:
    seen = f"读取 {table.rows} 行{'（全部）' if table.whole else '（首尾抽样）'}，{_counts(table)}"
    if table.matching:
        return table.matching == table.rows, seen
    if table.missing == table.rows:
        return False, f"{seen}，校验列全部为空"
    if table.alike:
        return False, f"{seen}；内容不同的各行校验值全都相同，不是由行内容算出"
    return None, f"{seen}；无一相符，所登记的算法、列次序或密钥可能有误，须向承建厂商核实"


def _counts(table: RowDigests) -> str:
    told = [f"校验值相符 {table.matching} 行"]
    told += [f"缺失 {table.missing} 行"] if table.missing else []
    return "、".join([*told, *([f"不符 {table.wrong} 行"] if table.wrong else [])])


def covering(table: RowDigests) -> Criterion:
    """Return whether the declared sensitive and important columns are all covered."""
    seen = f"由 {listing(table.over)} 算出"
    if table.uncovered:
        seen += f"，未覆盖登记的敏感或重要列 {listing(table.uncovered)}"
    question = f"{table.label} 的校验值是否覆盖登记的敏感与重要列"
    return ask(f"covers_{table.label}", question, not table.uncovered, seen, _FACT)


def unforgeable(table: RowDigests) -> Criterion:
    """Return whether nobody without a secret can make the digest of an altered row.

    MD5 without a key stops nobody, which alone makes 不符合.
    """
    broken = table.algorithm == "md5"
    question = f"{table.label} 的校验值能否防止改动后重新算出"
    if table.keyed:
        seen = f"{table.algorithm}，含密钥" + ("；MD5 已被破解" if broken else "")
        return ask(f"keyed_{table.label}", question, not broken, seen, _FACT)
    seen = f"{table.algorithm}，不含密钥，改动数据者可自行重算" + ("；且 MD5 已被破解" if broken else "")
    return ask(f"keyed_{table.label}", question, False, seen, _FACT, decisive=broken)


def not_declared(rows: DatabaseRows) -> str:
    """Return what is said of tables with sensitive columns for which no digest is declared."""
    return f"；{listing(rows.undeclared)} 含敏感列，未登记校验列" if rows.undeclared else ""
