"""7.b.1, 7.b.3: is declared data stored so that nobody can read it?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseSensitive

from .. import databases, db_columns

# What the facts cannot show and people must add.
LEFT = "核查加密或脱敏所用算法、密钥管理与保护范围的设计文档"


@check("confidentiality.sensitive_columns", half=LEFT)
def database_columns_are_not_readable(sensitive: DatabaseSensitive) -> Judgement:
    """Judge by sampled values that declared columns hold no readable identifiers, names or passwords.

    Source: GB/T 22239-2019 8.1.4.8 b).
    """
    criteria = tuple(db_columns.hidden(one) for one in sensitive.columns)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, f"；每列首尾各抽样至多 {sensitive.limit} 行"),
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )
