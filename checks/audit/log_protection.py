"""3.c.1: are audit records protected?"""

from __future__ import annotations

import re
from typing import Final

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseAudit, DatabaseGrants
from dengbao.probes.database.system_facts import DatabaseLogs
from dengbao.probes.host.facts import FileMode, HostAccounts, HostLogs
from dengbao.probes.host.system_facts import HostPrivilege
from dengbao.probes.web.facts_trail import WebLogTampering
from dengbao.probes.windows.facts import WindowsPolicy
from dengbao.probes.windows.system_facts import WindowsLogs

from .. import app_trail, databases, db_logs, db_product_logs, db_products, win_audit, windows
from ..hosts import ask, modes, told, wider_than
from ..sudo import administrators
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "审计表的数据库账户权限、日志是否外送保存，以及界面以外的删改途径，须人工核查"
HOST_LEFT = "日志服务器、审计平台上的记录是否同样受保护，须人工核查"
WINDOWS_LEFT = "日志服务器、审计平台上的记录是否同样受保护，须人工核查"
DATABASE_LEFT = (
    "审计记录文件及其目录在服务器上的实际权限，日志服务器、审计平台上的记录是否同样受保护，须在其上核查"
)

_FACT: Final = "host.logs"
_RECORDS: Final = re.compile(
    r"^/var/log/(?:audit/|messages|secure|auth\.log|syslog|cron(?:\.log)?\b|maillog)"
)
# Commands that delete, empty or write logs, as rules of sudo name them.
_REACHES: Final = re.compile(
    r"/(?:rm|unlink|shred|truncate|tee|dd|mv|cp|sed|chmod|chown|chattr|ln)\b.*(?:/var/log|\*)"
    r"|/logrotate\b|/journalctl\b.*(?:--vacuum|--rotate)|/auditctl\b(?! -[sl]\b)"
    r"|/(?:systemctl|service)\b.*\b(?:stop|disable|mask|kill)\b.*\b(?:auditd|rsyslog|systemd-journald)"
)
_OWNERS: Final = frozenset({"root", "syslog"})
_FOLDERS: Final = ("/var/log", "/var/log/audit")


@check("audit.log_protection", half=HOST_LEFT)
def host_logs_are_protected(
    logs: HostLogs, accounts: HostAccounts | None, privilege: HostPrivilege | None
) -> Judgement:
    """Judge that ordinary users can neither read nor change records, nor delete them from their folder.

    Rules of sudo that reach the logs count, too; whoever may do everything is named by other checks.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    records = [one for one in logs.files if _RECORDS.match(one.path)]
    if not records:
        raise Undetermined("经核查，/var/log 下没有审计日志或系统日志文件，日志存放位置须人工核查")
    readable = [one for one in records if wider_than(one, 0o640)]
    criteria = (
        _changeable(records, accounts),
        _folders(logs),
        _readable(records, readable),
        *_through_sudo(privilege, accounts),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，审计与系统日志文件 {len(records)} 个，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _changeable(records: list[FileMode], accounts: HostAccounts | None) -> Criterion:
    bad = [one for one in records if int(one.mode, 8) & 0o022 or one.owner not in _OWNERS]
    groups = {one.group for one in bad if int(one.mode, 8) & 0o020}
    members = [
        one.name
        for one in (accounts.accounts if accounts is not None else ())
        if groups & set(one.groups) and one.name != "root"
    ]
    seen = f"普通用户可改写：{modes(bad)}" if bad else "普通用户不可改写"
    seen += f"，所属组成员：{listing(members)}" if members else ""
    return ask("changeable", "普通用户是否不能修改审计记录", not bad, seen, _FACT, decisive=True)


def _through_sudo(privilege: HostPrivilege | None, accounts: HostAccounts | None) -> tuple[Criterion, ...]:
    """Return a failed criterion where a rule of sudo lets somebody delete or change logs."""
    if privilege is None or accounts is None:
        return ()
    reaching = {
        name: command
        for name, power in administrators(privilege, accounts).items()
        if not power.unlimited
        for command in power.commands
        if _REACHES.search(command)
    }
    if not reaching:
        return ()
    seen = "经 sudo 可删改日志：" + listing(f"{name}（{command}）" for name, command in reaching.items())
    return (ask("sudo", "授权命令是否不能删改审计记录", False, seen, "host.privilege"),)


def _folders(logs: HostLogs) -> Criterion:
    bad = [one for one in logs.folders if one.path in _FOLDERS and _open_folder(one)]
    seen = f"日志目录权限过宽：{modes(bad)}" if bad else "普通用户不可删除"
    return ask("folders", "普通用户是否不能删除审计记录", not bad, seen, _FACT, decisive=True)


def _open_folder(one: FileMode) -> bool:
    """Tell whether others may delete there; Debian lets group syslog create in /var/log."""
    mode = int(one.mode, 8)
    group = mode & 0o020 and one.group not in ("root", "syslog", "adm", "utmp")
    return bool(mode & 0o002 or group) or one.owner != "root"


def _readable(records: list[FileMode], bad: list[FileMode]) -> Criterion:
    seen = f"普通用户可读取：{modes(bad)}" if bad else f"普通用户不可读取（如 {modes(records[:2])}）"
    return ask("readable", "普通用户是否不能读取审计记录", not bad, seen, _FACT)


@check("audit.log_protection", half=WINDOWS_LEFT)
def windows_logs_are_protected(logs: WindowsLogs, policy: WindowsPolicy) -> Judgement:
    """Judge that ordinary users can neither clear the security log nor change its file.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    criteria = win_audit.protected(logs, policy)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("audit.log_protection", half=DATABASE_LEFT)
def database_logs_are_protected(
    asset: DatabaseAsset,
    audit: DatabaseAudit,
    logs: DatabaseLogs,
    accounts: DatabaseAccounts | None,
    grants: DatabaseGrants | None,
) -> Judgement:
    """Judge that files of records are closed to others, and ordinary accounts cannot change records.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    if asset.platform in db_products.OTHERS:
        criteria = db_product_logs.protected(audit, logs, accounts)
    else:
        criteria = db_logs.protected(audit, logs, accounts, grants)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, f"；{db_logs.told_places(logs)}"),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("audit.log_protection", half=WEB_LEFT)
def web_records_withstand_everybody(tampering: WebLogTampering) -> Judgement:
    """Judge that no role and no stranger could delete or change a record that was made for it.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    criteria = app_trail.protected(tampering)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，对本次检测自己产生的审计记录试删、试改 {len(tampering.tries)} 次："
        f"{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=app_trail.tamper_proofs(tampering),
    )
