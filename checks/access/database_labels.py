"""2.g of databases: security labels, and what they control."""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.system_facts import DatabaseLabels

from .. import databases, db_system


@check("access.security_labels")
def database_sets_security_labels(labels: DatabaseLabels) -> Judgement:
    """Judge that a label mechanism is loaded and objects are labelled.

    MariaDB and MySQL have none; row security is a rule on rows, not a label.

    Source: GB/T 22239-2019 8.1.4.2 g).
    """
    criteria = db_system.labelled(labels)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="重要主体是否设置安全标记、标记与数据敏感级别是否相符，须人工核查",
    )


@check("access.mandatory_control")
def database_enforces_labels(labels: DatabaseLabels) -> Judgement:
    """Judge that the label mechanism refuses access, not only notes it.

    Source: GB/T 22239-2019 8.1.4.2 g).
    """
    criteria = db_system.enforced(labels)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="应以不同标记的主体实际访问有标记的客体，验证越权访问被拒绝",
    )
