"""Auditing on Windows: settings by GUID and as bits, logs that keep and protect them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.errors import Undetermined
from dengbao.model import Criterion
from dengbao.probes.windows.facts import WindowsAudit, WindowsPolicy
from dengbao.probes.windows.system_facts import (
    EventShape,
    WindowsEvents,
    WindowsLog,
    WindowsLogs,
    WindowsServices,
)

from .hosts import ask
from .windows import DAY_S, POLICY, granted
from .wording import listing

AUDIT: Final = "windows.audit"
LOGS: Final = "windows.logs"
EVENTS: Final = "windows.events"
SERVICES: Final = "windows.services"
_TAIL: Final = "-69ae-11d9-bed3-505054503030"
_LOGON: Final = "0cce9215" + _TAIL
# What must be audited: name, title, subcategory that success and failure of it are asked of.
_EVENTS: Final = (
    ("logon", "登录", _LOGON),
    ("accounts", "用户账户管理", "0cce9235" + _TAIL),
    ("policy", "审核策略更改", "0cce922f" + _TAIL),
    ("privilege", "敏感权限使用", "0cce9228" + _TAIL),
)
_BOTH: Final = 3
_WORDS: Final[Mapping[int | None, str]] = {
    0: "无审核", 1: "仅成功", 2: "仅失败", 3: "成功和失败", None: "未能确认",
}  # fmt: skip
_LEAVES_OUT: Final = 0x2 | 0x8
_CLEAR: Final = 0x4
_CHANGE: Final = 0x2 | 0x4 | 0x10000 | 0x40000 | 0x80000
_STOP: Final = 0x2 | 0x20 | 0x10000 | 0x40000 | 0x80000
_USERS: Final = frozenset({"SubjectUserName", "SubjectUserSid", "TargetUserName", "TargetUserSid"})
_RESULTS: Final = 0x30000000000000
# Programs that send records elsewhere, by service name.
_SHIPPERS: Final = ("winlogbeat", "filebeat", "nxlog", "SplunkForwarder", "OssecSvc", "WazuhSvc", "Snare")


def service(services: WindowsServices) -> Criterion:
    """Return whether the event log service runs."""
    running = services.running("EventLog")
    seen = f"事件日志服务（EventLog）{'正在运行' if running else '未运行'}"
    return ask("service", "事件日志服务是否运行", running, seen, SERVICES, decisive=True)


def enabled(audit: WindowsAudit) -> Criterion:
    """Return whether anything is audited at all."""
    question = "是否启用审核策略"
    known = [one for one in audit.subcategories or () if one.setting is not None]
    on = [one for one in known if one.setting]
    if not known:
        return ask("enabled", question, None, "审核策略未能确认", AUDIT)
    full = len(known) == len(audit.subcategories or ())
    met = True if on else False if full else None
    seen = f"审核策略 {len(known)} 个子类别中已启用 {len(on)} 个" + _over_legacy(audit)
    return ask("enabled", question, met, seen, AUDIT, decisive=True)


def _over_legacy(audit: WindowsAudit) -> str:
    legacy = (audit.legacy or {}).get("AuditLogonEvents")
    seen = audit.setting(_LOGON)
    if legacy is None or seen is None or legacy == seen:
        return ""
    return f"（以 auditpol 的生效值为准，本地安全策略“审核登录事件”为 {legacy}，与之不同）"


def everyone(audit: WindowsAudit) -> tuple[Criterion, ...]:
    """Return whether logins of all are audited, and nobody is left out by a setting of his own."""
    setting = audit.setting(_LOGON)
    out = None
    if audit.users is not None:
        out = sorted({one.sid for one in audit.users if one.setting is None or one.setting & _LEAVES_OUT})
    return (
        ask("logon", "是否审核所有用户的登录", None if setting is None else setting == _BOTH,
            f"对所有用户“登录”的审核：{_WORDS.get(setting, '未能确认')}", AUDIT, decisive=setting == 0),
        ask(
            "exceptions",
            "是否没有排除个别用户",
            None if out is None else not out,
            "逐用户的审核设置未能查看" if out is None else f"被排除审核的用户：{listing(out) or '无'}",
            AUDIT,
        ),
    )  # fmt: skip


def events(audit: WindowsAudit) -> tuple[Criterion, ...]:
    """Return whether success and failure of what matters are audited; one of the two is half."""
    found = [(name, title, audit.setting(guid)) for name, title, guid in _EVENTS]
    none = all(value == 0 for _, _, value in found)
    return tuple(
        ask(name, f"是否审核{title}的成功和失败", None if value is None else value == _BOTH,
            f"“{title}”：{_WORDS.get(value, '未能确认')}", AUDIT, decisive=none)
        for name, title, value in found
    )  # fmt: skip


def fields(sample: WindowsEvents) -> tuple[tuple[Criterion, ...], str]:
    """Return what sampled records hold, and which kinds were sampled.

    Raises:
        Undetermined: there is no record to look at.

    """
    if not sample.events:
        raise Undetermined("经核查，安全日志中没有可供核查的用户行为记录")
    tests: tuple[tuple[str, str, list[EventShape]], ...] = (
        ("time", "日期和时间", [one for one in sample.events if not one.timed]),
        ("user", "用户", [one for one in sample.events if not _USERS & set(one.fields)]),
        ("type", "事件类型", [one for one in sample.events if one.id <= 0]),
        ("result", "事件是否成功", [one for one in sample.events if not (one.keywords or 0) & _RESULTS]),
    )
    criteria = tuple(
        ask(name, f"审计记录是否包括{title}", not bad,
            f"{title}：{'事件 ' + listing(sorted({one.id for one in bad})) + ' 缺少' if bad else '均有'}",
            EVENTS, decisive=name in ("time", "user"))
        for name, title, bad in tests
    )  # fmt: skip
    return criteria, listing(sorted({one.id for one in sample.events}))


def protected(logs: WindowsLogs, policy: WindowsPolicy | None) -> tuple[Criterion, ...]:
    """Return whether ordinary users can neither clear the security log nor change its file."""
    log = _security(logs)
    holders = policy.holders("SeSecurityPrivilege") if policy is not None else None
    wide = None if holders is None else [one for one in holders if not _keeps(one)]
    seen = "“管理审核和安全日志”权限的授予对象未能查看"
    if wide is not None:
        seen = f"“管理审核和安全日志”权限{'授予了 ' + listing(wide) if wide else '仅授予管理员'}"
    return (
        _access("channel", "普通用户是否不能清除安全日志", "安全日志的清除权限", log.access, _CLEAR),
        _access(
            "file", "普通用户是否不能修改、删除日志文件", "安全日志文件的修改权限", log.file_access, _CHANGE
        ),
        ask("right", "管理安全日志的权限是否仅授予管理员", None if wide is None else not wide, seen, POLICY),
    )


def _security(logs: WindowsLogs) -> WindowsLog:
    found = logs.get("Security")
    if found is None:
        raise Undetermined("经核查，采集文件中没有安全日志的设置")
    return found


def _keeps(holder: str) -> bool:
    return holder in ("S-1-5-32-544", "S-1-5-18") or holder.startswith("S-1-5-80-")


def _access(name: str, question: str, title: str, sddl: str, mask: int) -> Criterion:
    entries = granted(sddl)
    if entries is None:
        return ask(name, question, None, f"{title}未能确认", LOGS)
    bad = sorted({one.who for one in entries if one.mask & mask and not one.trusted})
    seen = f"{title}{'授予了 ' + listing(bad) if bad else '仅授予系统和管理员'}"
    return ask(name, question, not bad, seen, LOGS, decisive=True)


def forwarded(logs: WindowsLogs, services: WindowsServices | None) -> Criterion:
    """Return whether records are sent to another machine."""
    question = "审计记录是否定期备份到本机以外"
    shippers = [one for one in _SHIPPERS if services is not None and services.running(one)]
    targets = [one.partition("Server=")[2].partition(",")[0] or one for one in logs.subscriptions or ()]
    sending = services is None or services.running("WinRM")
    if targets and sending:
        return ask("forwarded", question, True, f"事件转发到 {listing(targets)}", LOGS)
    if shippers:
        seen = f"日志采集程序 {listing(shippers)} 正在运行，其发送目标与范围未能确认"
        return ask("forwarded", question, None, seen, SERVICES)
    if targets:
        return ask(
            "forwarded", question, False, f"已配置事件转发到 {listing(targets)}，但 WinRM 服务未运行", LOGS
        )
    if logs.subscriptions is None:
        return ask("forwarded", question, None, "事件转发设置未能查看", LOGS)
    return ask("forwarded", question, False, "未配置事件转发，未见已知的日志采集程序", LOGS)


def kept(logs: WindowsLogs, wanted: int) -> Criterion:
    """Return whether the security log reaches back far enough; a young log proves nothing."""
    log = _security(logs)
    question = f"安全日志是否保存不少于 {wanted} 天"
    size = "未知" if log.max_bytes is None else f"{log.max_bytes // 2**20} MB"
    mode = _mode(log)
    head = f"安全日志最大 {size}，{mode}"
    if log.oldest_s is None or logs.clock_s is None:
        return ask("kept", question, None, head + "，最早记录的时间未能确认", LOGS)
    days = max(logs.clock_s - log.oldest_s, 0) // DAY_S
    seen = f"{head}，最早记录距今 {days} 天（要求不少于 {wanted} 天）"
    if days >= wanted:
        return ask("kept", question, True, seen, LOGS)
    if log.retain is False and _full(log):
        return ask("kept", question, False, seen + "，日志已满，更早的记录已被覆盖", LOGS)
    return ask("kept", question, None, seen + "，日志未满或不覆盖，能否保存到期未能确认", LOGS)


def _mode(log: WindowsLog) -> str:
    if log.retain is None:
        return "满后的处理方式未能确认"
    if not log.retain:
        return "满后按需覆盖"
    return "满后存档不覆盖" if log.archive else "满后不覆盖、停止记录"


def _full(log: WindowsLog) -> bool:
    """Tell whether the log has grown to its limit, give or take what Windows rounds it by."""
    if log.size_bytes is None or not log.max_bytes:
        return False
    return log.size_bytes >= log.max_bytes - 2**20


def unstoppable(services: WindowsServices) -> tuple[Criterion, ...]:
    """Return whether ordinary users can neither stop nor change the event log service."""
    question = "普通用户是否无权停止或修改事件日志服务"
    entries = granted(services.log_rights)
    if entries is None:
        return (service(services), ask("rights", question, None, "事件日志服务的控制权限未能确认", SERVICES))
    bad = sorted({one.who for one in entries if one.mask & _STOP and not one.trusted})
    seen = f"停止、修改事件日志服务的权限{'授予了 ' + listing(bad) if bad else '仅授予系统和管理员'}"
    return (service(services), ask("rights", question, not bad, seen, SERVICES, decisive=True))
