"""2.e.2: were rules of who may do what set up by policy?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants

from .. import databases, db_rights


@check("access.rules_configured")
def database_rules_are_configured(accounts: DatabaseAccounts, grants: DatabaseGrants) -> Judgement:
    """Judge that subjects were granted objects by rules, and nothing was left open to everyone.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    criteria = db_rights.configured(accounts, grants)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="对照访问控制策略文档，核查授权规则与策略一致",
    )
