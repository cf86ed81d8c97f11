"""9.a and 9.b of databases: passwords in logs, deleted data in files."""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.system_facts import DatabaseResidue

from .. import databases, db_system


@check("residual.session")
def database_logs_keep_no_passwords(residue: DatabaseResidue) -> Judgement:
    """Judge that no log keeps statements with the passwords typed into them.

    A log that does so proves only that a password may stand in it; only where taking them out was
    switched off on purpose is that wrong by itself.

    Source: GB/T 22239-2019 8.1.4.10 a).
    """
    criteria = (db_system.no_passwords_logged(residue),)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="鉴别信息在内存、客户端历史文件（.psql_history、.mysql_history、.pgpass）中的清除，"
        "须核查运维终端与厂商说明",
    )


@check("residual.memory")
def database_clears_deleted_data(residue: DatabaseResidue) -> Judgement:
    """Judge that the space of deleted data is overwritten, or was never written in clear.

    Engines initialise pages before another table gets them; that is the maker's word, not a fact seen.

    Source: GB/T 22239-2019 8.1.4.10 b).
    """
    criteria = (db_system.cleared(residue),)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="临时文件、导出文件、备份介质释放前的清除，须核查设计文档或厂商说明",
    )
