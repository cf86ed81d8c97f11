"""3.c and 3.d of databases: their audit records, and who can stop them."""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseAudit, DatabaseGrants
from dengbao.probes.database.system_facts import DatabaseLogs

from .. import databases, db_logs
from .log_retention import RetentionParams


@check("audit.log_protection")
def database_logs_are_protected(
    audit: DatabaseAudit,
    logs: DatabaseLogs,
    accounts: DatabaseAccounts | None,
    grants: DatabaseGrants | None,
) -> Judgement:
    """Judge that files of records are closed to others, and ordinary accounts cannot change records.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    criteria = db_logs.protected(audit, logs, accounts, grants)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, f"；{db_logs.told_places(logs)}"),
        coverage=Coverage.PARTIAL,
        remainder="审计记录文件及其目录在服务器上的实际权限，日志服务器、审计平台上的记录是否同样受保护，须在其上核查",
    )


@check("audit.log_retention")
def database_logs_are_kept(audit: DatabaseAudit, logs: DatabaseLogs, params: RetentionParams) -> Judgement:
    """Judge that records are kept long enough: the oldest proves it, a cycle that overwrites disproves it.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    criteria = db_logs.kept(audit, logs, params.log_retention_min_days)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="审计记录是否定期备份到本机以外（日志服务器、审计平台）及其备份策略，须人工核查",
    )


@check("audit.process_protection")
def database_audit_is_protected(
    audit: DatabaseAudit, logs: DatabaseLogs, accounts: DatabaseAccounts, grants: DatabaseGrants | None
) -> Judgement:
    """Judge by rights that only superusers can switch auditing off, and that its module stays loaded.

    Nobody tries it: that would be done to a live system.

    Source: GB/T 22239-2019 8.1.4.3 d).
    """
    criteria = db_logs.unstoppable(audit, logs, accounts, grants)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="超级用户可关闭审计的，是否由审计管理员专管或另有独立的数据库审计系统；"
        "以非审计管理员账户尝试关闭审计被拒绝的测试记录",
    )
