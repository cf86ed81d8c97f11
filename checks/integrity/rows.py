"""6.b.1, 6.b.3: do rows carry a digest that holds, covers what matters and cannot be forged?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.row_facts import DatabaseRows

from .. import databases, db_rows

# What the facts cannot show and people must add.
LEFT = "应用读取时是否核对校验值、不符时如何告警与恢复，密钥管理，以及未登记校验列的重要数据，须人工核查"


@check("integrity.rows", half=LEFT)
def rows_carry_digests_that_hold(rows: DatabaseRows) -> Judgement:
    """Judge by digests that were recomputed from the declared recipe over rows of the declared tables.

    Rows without a right digest among right ones fail, and so do columns that are left out and digests
    without a key. That not one row fits decides nothing: the recipe is then probably declared wrongly.

    Source: GB/T 22239-2019 8.1.4.7 b); GB/T 28448-2019 L3-CES1-26.
    """
    if not rows.tables:
        raise Undetermined("未登记校验列（integrity），是否有存储完整性措施须人工核查")
    criteria = tuple(one for table in rows.tables for one in db_rows.of_table(table))
    more = f"；每表首尾至多 {rows.limit} 行{db_rows.not_declared(rows)}"
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, more),
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )
