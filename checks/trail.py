"""What several audit checks ask of the kernel's audit trail."""

from __future__ import annotations

from dengbao.model import Criterion
from dengbao.probes.host.facts import HostAudit

from .hosts import ask

AUDIT = "host.audit"


def daemon(audit: HostAudit) -> Criterion:
    """Return whether auditd runs."""
    running = audit.daemon_user is not None
    seen = "审计进程 auditd 正在运行" if running else "审计进程 auditd 未运行"
    if not running and not audit.installed:
        seen = "未安装审计组件 auditd"
    return ask("daemon", "审计进程是否运行", running, seen, AUDIT, decisive=True)


def kernel(audit: HostAudit) -> Criterion:
    """Return whether the kernel audits."""
    value = audit.enabled
    met = None if value is None and audit.installed else (value or 0) > 0
    words = {0: "关闭（enabled 0）", 1: "开启（enabled 1）", 2: "开启并锁定（enabled 2）"}
    seen = f"内核审计{words.get(value, '状态未能确认') if value is not None else '状态未能确认'}"
    if value is None and not audit.installed:
        seen = "内核审计未启用"
    return ask("kernel", "内核审计是否开启", met, seen, AUDIT, decisive=True)
