"""2.d.1: are roles divided?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants

from .. import databases, db_access


@check("access.roles_defined")
def database_roles_are_in_use(accounts: DatabaseAccounts, grants: DatabaseGrants) -> Judgement:
    """Judge that there are roles with rights and members.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = db_access.roles(accounts, grants)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))
