"""Criteria on who can change or stop the auditing of products that have rights for just that.

Not tried with a real Oracle, SQL Server or 达梦.
"""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import DatabaseAccount, DatabaseAccounts, DatabaseAudit
from dengbao.probes.database.system_facts import DatabaseLogs, ParameterRight

from .databases import ACCOUNTS, labels, others, supers, whole
from .db_audit import enabled, running
from .hosts import ask
from .wording import listing

_LOGS: Final = "database.logs"
# Who has one of these may be the auditor by office; whether so is not in the database.
_OFFICE: Final = frozenset(
    {
        "AUDIT_ADMIN", "AUDIT_VIEWER", "AUDIT SYSTEM", "AUDIT ANY", "ALTER ANY SERVER AUDIT",
        "ALTER ANY DATABASE AUDIT", "VIEW SERVER SECURITY AUDIT", "DB_AUDIT_ADMIN", "DB_AUDIT_OPER",
    }
)  # fmt: skip


def protected(
    audit: DatabaseAudit, logs: DatabaseLogs, accounts: DatabaseAccounts | None
) -> tuple[Criterion, ...]:
    """Return whether only superusers and auditors can change or delete records through the database."""
    first = enabled(audit)
    if not running(audit):
        return (first,)
    question = "普通账户是否不能经数据库改写或删除审计记录"
    return (first, *_limited("by_sql", question, "改写、删除审计记录", logs.record_rights, accounts))


def unstoppable(
    audit: DatabaseAudit, logs: DatabaseLogs, accounts: DatabaseAccounts
) -> tuple[Criterion, ...]:
    """Return whether only superusers and auditors can switch auditing off."""
    first = enabled(audit)
    if not running(audit):
        return (first,)
    question = "普通账户是否不能关闭或更改数据库审计"
    return (first, *_limited("switches", question, "关闭、更改审计", logs.parameter_rights, accounts))


def _limited(
    name: str,
    question: str,
    deed: str,
    rights: tuple[ParameterRight, ...] | None,
    accounts: DatabaseAccounts | None,
) -> tuple[Criterion, ...]:
    if rights is None or accounts is None:
        what = "审计的权限" if accounts is not None else "账户"
        return (ask(name, question, None, f"{what}未能读取，不能确认谁可{deed}", ACCOUNTS, decisive=True),)
    holders = {one.label: (one, held) for one in others(accounts) if (held := _held(one, rights))}
    bad = [f"{label}（{'、'.join(held)}）" for label, (one, held) in holders.items() if not _office(one)]
    office = [f"{label}（{'、'.join(held)}）" for label, (one, held) in holders.items() if _office(one)]
    seen = f"可{deed}的普通账户：{listing(bad) or '无'}；可{deed}的超级用户：{labels(supers(accounts))}"
    if office:
        seen += f"；另有审计权限的账户：{listing(office)}，是否为专职审计管理员须人工确认"
    met = False if bad else None if office else True
    return (ask(name, question, met, seen, _LOGS, decisive=True), *whole(accounts))


def _held(account: DatabaseAccount, rights: tuple[ParameterRight, ...]) -> tuple[str, ...]:
    names = {account.name, *account.member_of, "PUBLIC"}
    return tuple(dict.fromkeys(_told(one) for one in rights if one.account in names))


def _told(one: ParameterRight) -> str:
    return f"{one.right} 于 {one.setting}" if one.setting.startswith(("SYS.", "AUD", "FGA")) else one.right


def _office(account: DatabaseAccount) -> bool:
    return bool({*account.rights, *account.member_of} & _OFFICE)
