"""3.d.1: is the audit process protected against being stopped?"""

from __future__ import annotations

import re

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseAudit, DatabaseGrants
from dengbao.probes.database.system_facts import DatabaseLogs
from dengbao.probes.host.facts import HostAudit
from dengbao.probes.host.running_facts import HostAuditStop
from dengbao.probes.windows.system_facts import WindowsServices

from .. import databases, db_logs, db_product_logs, db_products, win_audit, windows
from ..hosts import ask, told
from ..trail import AUDIT, daemon

# What the facts cannot show and people must add.
WINDOWS_LEFT = "以非审计管理员账户尝试停止事件日志服务被拒绝的测试记录"
DATABASE_LEFT = (
    "超级用户可关闭审计的，是否由审计管理员专管或另有独立的数据库审计系统；"
    "以非审计管理员账户尝试关闭审计被拒绝的测试记录"
)


@check("audit.process_protection", half="未经授权测试的，补以非审计管理员账户停止审计进程被拒绝的记录")
def host_audit_process_is_protected(audit: HostAudit, stop: HostAuditStop | None) -> Judgement:
    """Judge that auditd runs as root and that the kernel's audit state is locked until restart.

    What happens when somebody tries to stop it is judged by `audit.stop_refused`.

    Source: GB/T 22239-2019 8.1.4.3 d).
    """
    criteria = (daemon(audit), *_owner(audit), *_locked(audit))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.FULL if stop is not None and stop.attempts else Coverage.PARTIAL,
        remainder=""
        if stop is not None and stop.attempts
        else "以非审计管理员账户尝试停止审计进程（systemctl stop auditd）被拒绝的测试记录",
    )


def _owner(audit: HostAudit) -> tuple[Criterion, ...]:
    user = audit.daemon_user
    if user is None:
        return ()
    seen = f"审计进程以 {user} 身份运行" + ("，普通用户无权结束" if user == "root" else "")
    return (ask("owner", "普通用户是否无权结束审计进程", user == "root", seen, AUDIT, decisive=True),)


def _locked(audit: HostAudit) -> tuple[Criterion, ...]:
    if audit.daemon_user is None:
        return ()
    value = audit.enabled
    seen = {
        None: "审计配置是否锁定未能确认",
        2: "审计配置已锁定（enabled 2），重启前不可关闭或修改",
    }.get(value, f"审计配置未锁定（enabled {value}），管理员可随时关闭")
    locked = ask("locked", "审计配置是否锁定", None if value is None else value == 2, seen, AUDIT)
    return (locked, *_lasting(audit), *_manual(audit))


def _lasting(audit: HostAudit) -> tuple[Criterion, ...]:
    """Return whether the lock is set again after a restart, where it is set now."""
    if audit.enabled != 2:
        return ()
    written = any(re.fullmatch(r"-e\s*2", one) for one in audit.file_rules)
    seen = "规则文件含 -e 2，重启后仍锁定" if written else "规则文件没有 -e 2，重启后不再锁定"
    return (ask("locked_at_boot", "重启后是否仍锁定", written, seen, AUDIT),)


def _manual(audit: HostAudit) -> tuple[Criterion, ...]:
    """Return that systemd refuses to stop the service, where it does; else nothing."""
    if not audit.refuses_stop:
        return ()
    seen = "auditd 服务设置 RefuseManualStop=yes，不接受 systemctl stop"
    return (ask("manual_stop", "是否拒绝手工停止审计服务", True, seen, AUDIT),)


@check("audit.process_protection", half=WINDOWS_LEFT)
def windows_event_log_is_protected(services: WindowsServices) -> Judgement:
    """Judge by its access list that ordinary users can neither stop nor change the event log service.

    Source: GB/T 22239-2019 8.1.4.3 d).
    """
    criteria = win_audit.unstoppable(services)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("audit.process_protection", half=DATABASE_LEFT)
def database_audit_is_protected(
    asset: DatabaseAsset,
    audit: DatabaseAudit,
    logs: DatabaseLogs,
    accounts: DatabaseAccounts,
    grants: DatabaseGrants | None,
) -> Judgement:
    """Judge by rights that only superusers can switch auditing off, and that its module stays loaded.

    Nobody tries it: that would be done to a live system.

    Source: GB/T 22239-2019 8.1.4.3 d).
    """
    if asset.platform in db_products.OTHERS:
        criteria = db_product_logs.unstoppable(audit, logs, accounts)
    else:
        criteria = db_logs.unstoppable(audit, logs, accounts, grants)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
