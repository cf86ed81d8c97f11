"""2.f.1: are rights given to users, and on tables, records or fields?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants

from .. import databases, db_rights


@check("access.granularity")
def database_rights_are_fine_grained(accounts: DatabaseAccounts, grants: DatabaseGrants) -> Judgement:
    """Judge that accounts are granted tables, columns or rows, not whole databases only.

    Source: GB/T 22239-2019 8.1.4.2 f).
    """
    criteria = db_rights.fine(accounts, grants)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))
