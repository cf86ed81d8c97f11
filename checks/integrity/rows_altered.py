"""6.b.3: is a row that was altered past the application told by its digest?"""

from __future__ import annotations

from typing import Final

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.row_facts import DatabaseRowChallenge, RowChallenge

from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
LEFT = "应用打开被改动的记录时能否发现、告警并恢复，须在测试环境的界面上人工验证"

_FACT: Final = "database.row_challenge"
_STATES: Final = {
    "no_row": "没有校验值相符的行，未改动",
    "not_transactional": "该表不支持事务，不能回滚，未改动",
    "side_effects": "表上有触发器，可能写入不支持事务的表，未改动",
    "no_permission": "账户无权修改，未能测试",
    "not_found": "未找到登记的表或列",
    "busy": "该行正被占用，未改动",
    "no_column": "没有可以改动的列",
    "timed_out": "查询超时",
    "no_key": "密钥未能取得，未测试",
    "failed": "未能改动",
}


@check("integrity.rows_altered", half=LEFT)
def altered_rows_are_told(challenge: DatabaseRowChallenge) -> Judgement:
    """Judge by one row of each table, altered inside a transaction that was rolled back.

    The digest must no longer fit. A trigger that writes a new one vouches for the alteration, and a digest
    without a key can be made again by whoever alters. What a trigger refuses is told before it happens.

    Source: GB/T 22239-2019 8.1.4.7 b); GB/T 28448-2019 L3-CES1-26.
    """
    if not challenge.tables:
        raise Undetermined("未登记可以改动的表（integrity 的 alter），须人工测试")
    criteria = tuple(one for table in challenge.tables for one in _criteria(table))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


def _criteria(table: RowChallenge) -> tuple[Criterion, ...]:
    noticed = ask(
        f"told_{table.label}", f"{table.label} 一行被绕过应用改动后，校验值能否发现", _noticed(table),
        f"{table.label}：{_seen(table)}", _FACT, decisive=True,
    )  # fmt: skip
    if table.keyed or table.state != "altered" or not noticed.met:
        return (noticed,)
    seen = f"{table.algorithm} 不含密钥，改动者可一并改写校验值"
    return (noticed, ask(f"forged_{table.label}", "改动者能否重新算出校验值", False, seen, _FACT))


def _noticed(table: RowChallenge) -> bool | None:
    if table.state in ("refused", "reverted"):
        return True
    if table.state != "altered" or table.holds is None:
        return None
    return not table.holds


def _seen(table: RowChallenge) -> str:
    by = f"（触发器 {listing(table.triggers)}）" if table.triggers else ""
    if table.state == "refused":
        return f"在事务中改动一行的 {table.column}，数据库拒绝{by}"
    if table.state == "reverted":
        return f"在事务中改动一行的 {table.column}，数据库未采纳新值{by}{_after(table)}"
    if table.state != "altered":
        return _STATES.get(table.state, table.state)
    if table.holds and table.resigned:
        what = f"数据库自行重写了 {table.digest}{by}，重算相符，绕过应用的改动不能发现"
    elif table.holds:
        what = f"{table.digest} 未变而重算仍相符，改动不能发现"
    else:
        what = f"{table.digest} 与改动后的内容重算不符，能够发现"
    return f"在事务中改动一行的 {table.column}，{what}{_after(table)}"


def _after(table: RowChallenge) -> str:
    return {
        True: "；已回滚，复查与改动前一致",
        False: "；已回滚，复查时该行另有变动",
        None: "；已回滚，未能复查",
    }[table.restored]
