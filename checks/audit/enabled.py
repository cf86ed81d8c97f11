"""3.a.1: is auditing on?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseAudit
from dengbao.probes.host.facts import HostAudit, HostSyslog
from dengbao.probes.web.facts_trail import WebTrail
from dengbao.probes.windows.facts import WindowsAudit
from dengbao.probes.windows.system_facts import WindowsServices

from .. import app_trail, databases, db_audit, win_audit, windows
from ..hosts import ask, told
from ..trail import daemon, kernel
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "审计开关由谁管理、能否被普通管理员关闭，须人工核查"


@check("audit.enabled")
def host_auditing_is_on(audit: HostAudit, syslog: HostSyslog) -> Judgement:
    """Judge that the kernel audits, auditd writes, and a log daemon runs.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    loggers = syslog.daemons
    criteria = (
        daemon(audit),
        kernel(audit),
        ask(
            "syslog",
            "系统日志服务是否运行",
            bool(loggers),
            f"系统日志服务 {listing(loggers)} 正在运行" if loggers else "系统日志服务未运行",
            "host.syslog",
        ),
    )
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}。")


@check("audit.enabled")
def database_audit_is_on(audit: DatabaseAudit) -> Judgement:
    """Judge that a channel records logins and what is done to rights and structure.

    Loaded is not enough: a plugin may be off, a log may go nowhere.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = (db_audit.enabled(audit), *db_audit.records(audit, ("logins", "rights")))
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("audit.enabled")
def windows_auditing_is_on(audit: WindowsAudit, services: WindowsServices) -> Judgement:
    """Judge that the event log runs and the audit policy in effect records something.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = (win_audit.service(services), win_audit.enabled(audit))
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))


@check("audit.enabled", half=WEB_LEFT)
def web_log_takes_down_what_is_done(trail: WebTrail) -> Judgement:
    """Judge that deeds of ours appear in the log at once.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = app_trail.enabled(trail)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{app_trail.source(trail)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=app_trail.deeds_proofs(trail),
    )
