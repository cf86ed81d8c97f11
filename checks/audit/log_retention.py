"""3.c.2: are audit records backed up regularly, and kept long enough?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAudit
from dengbao.probes.database.system_facts import DatabaseLogs
from dengbao.probes.host.facts import Forwarding, HostAudit, HostLogs, HostSyslog, Rotation
from dengbao.probes.windows.system_facts import WindowsLogs, WindowsServices

from .. import databases, db_logs, win_audit, windows
from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "日志接收端的实际接收与留存情况、备份策略，按大小轮转的审计日志的留存时长，须人工核查"
WINDOWS_LEFT = "日志接收端的实际接收与留存情况、备份策略，须人工核查"
DATABASE_LEFT = "审计记录是否定期备份到本机以外（日志服务器、审计平台）及其备份策略，须人工核查"

_DAY_S: Final = 86400
_SYSTEM_LOG: Final = re.compile(r"^/var/log/(?:messages|secure|auth\.log|syslog)$")
_ROTATED: Final = re.compile(r"^/var/log/(messages|secure|auth\.log|syslog)[.-]")
# Rotated files follow each other by a month at most; what lies apart was left behind by somebody.
_LARGEST_GAP_S: Final = 35 * _DAY_S
# Logins are recorded at this level of the security facilities.
_SECURITY: Final = ("auth", "authpriv")
_LEVELS: Final = frozenset({"*", "debug", "info"})
_JOURNAL_BOUNDS: Final = ("MaxRetentionSec", "SystemMaxUse", "SystemKeepFree", "MaxFileSec")
_UNIT_S: Final[Mapping[str, int]] = {
    "": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": _DAY_S,
    "day": _DAY_S, "days": _DAY_S, "w": 7 * _DAY_S, "week": 7 * _DAY_S, "weeks": 7 * _DAY_S,
    "M": 30 * _DAY_S, "month": 30 * _DAY_S, "months": 30 * _DAY_S, "y": 365 * _DAY_S, "year": 365 * _DAY_S,
    "years": 365 * _DAY_S,
}  # fmt: skip
_HERE: Final = re.compile(r"^(?:\[?::1\]?|127\.|localhost)")


class RetentionParams(Params):
    """Days that records must be kept at least."""

    log_retention_min_days: int


@check("audit.log_retention", half=HOST_LEFT)
def host_logs_are_backed_up_and_kept(
    syslog: HostSyslog, logs: HostLogs, audit: HostAudit | None, params: RetentionParams
) -> Judgement:
    """Judge that a running daemon sends records to another machine, and that they are kept long enough.

    What must be kept is the records, wherever: once they are sent away, a short rotation here proves
    nothing, for how long the other side keeps them is not seen.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    wanted = params.log_retention_min_days
    away = _forwarded(syslog)
    kept = _or_elsewhere(_kept(logs, syslog, wanted), away, wanted)
    criteria = (away, kept, *_trail_kept(audit, logs, syslog, wanted))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _forwarded(syslog: HostSyslog) -> Criterion:
    away = [
        one for one in syslog.forwarding
        if not _HERE.match(one.target) and _covers_security(one) is not False
    ]  # fmt: skip
    alive = [
        one for one in away if one.used is not False and (one.by in syslog.daemons or one.by == "auditd")
    ]
    sure = any(_covers_security(one) and one.used for one in alive)
    targets = listing(dict.fromkeys(f"{one.target}（{one.by}）" for one in alive or away))
    if alive:
        seen = f"日志实时发送到 {targets}" + ("" if sure else "，其条件是否包括安全日志未能确认")
    elif any(one.used is False for one in away):
        idle = listing(f"{one.file} 第 {one.line} 行" for one in away if one.used is False)
        seen = f"{idle} 写有发送到 {targets}，但没有日志引到该处，不生效"
    elif away:
        seen = f"已配置发送到 {targets}，但发送程序未运行"
    else:
        seen = "未配置将日志发送到其他主机"
    return ask(
        "forwarded",
        "审计记录是否定期备份到本机以外",
        sure if sure or not alive else None,
        seen,
        "host.syslog",
    )


def _covers_security(one: Forwarding) -> bool | None:
    """Tell whether records of logins are among what is sent; None where a condition decides."""
    if one.selector.startswith("if"):
        return None
    if any(_selected(gone, name) for gone in one.discarded for name in _SECURITY) or any(
        gone.startswith(("if", ":")) for gone in one.discarded
    ):
        return None
    return not one.selector or any(_selected(one.selector, name) for name in _SECURITY)


def _selected(selector: str, facility: str) -> bool:
    """Tell what a selector such as `*.info;mail.none` says of a facility; the last part naming it counts."""
    found = False
    for part in selector.split(";"):
        names, _, level = part.strip().partition(".")
        if {"*", facility} & set(names.split(",")) and (level == "none" or level in _LEVELS):
            found = level != "none"
    return found


def _kept(logs: HostLogs, syslog: HostSyslog, wanted: int) -> Criterion:
    """Return whether records are kept: by the oldest, else by what rotation would keep; both are told."""
    question = f"本机日志是否保存不少于 {wanted} 天"
    age = _age_days(logs)
    oldest = f"本机最早的日志距今 {age} 天" if age is not None else "本机未见轮转出的旧日志"
    by_rule, plan = _by_rotation(logs, syslog, wanted)
    met = True if age is not None and age >= wanted else by_rule
    return ask("kept", question, met, f"{plan}；{oldest}", "host.logs")


def _or_elsewhere(kept: Criterion, away: Criterion, wanted: int) -> Criterion:
    """Return the criterion left open where records are not kept here, but are sent to another machine."""
    if kept.met is not False or not away.met:
        return kept
    seen = f"{kept.measured}；日志已发送到其他主机，接收端是否留存不少于 {wanted} 天未见"
    return msgspec.structs.replace(kept, met=None, measured=seen)


def _by_rotation(logs: HostLogs, syslog: HostSyslog, wanted: int) -> tuple[bool | None, str]:
    """Return whether rotation keeps records long enough, and in words what it does."""
    rules = [one for one in logs.rotations or () if any(_SYSTEM_LOG.match(path) for path in one.paths)]
    if not rules and set(syslog.daemons) == {"systemd-journald"}:
        return _by_journal(syslog.journald or {}, logs, wanted)
    if logs.rotations is None or not rules:
        seen = "系统日志的轮转设置未能确认" if logs.rotations is None else "系统日志没有轮转设置"
        return None, seen + "，实际留存未能确认"
    days = [_days(one) for one in rules]
    known = [one for one in days if one is not None]
    seen = f"系统日志按 {listing(dict.fromkeys(one.file for one in rules))} 轮转"
    if None in days and all(one >= wanted for one in known):
        return None, seen + "，保存天数未能确认"
    return min(known) >= wanted, f"{seen}，保存 {min(known)} 天（要求不少于 {wanted} 天）"


def _by_journal(settings: Mapping[str, str], logs: HostLogs, wanted: int) -> tuple[bool | None, str]:
    """Return whether journald, the only log daemon, keeps records long enough by its settings."""
    storage = settings.get("storage", "auto").lower()
    if storage in ("volatile", "none") or (storage == "auto" and logs.journal_persistent is False):
        return False, f"日志仅由 systemd-journald 保存，Storage={storage}，重启后不保留"
    most_s = _span_s(settings.get("maxretentionsec", ""))
    bound = "、".join(f"{key}={settings[key.lower()]}" for key in _JOURNAL_BOUNDS if key.lower() in settings)
    seen = f"日志仅由 systemd-journald 保存（Storage={storage}，{bound or '按缺省容量'}）"
    if most_s is not None and 0 < most_s < wanted * _DAY_S:
        return False, f"{seen}，至多保存 {most_s // _DAY_S} 天（要求不少于 {wanted} 天）"
    return None, seen + "，按容量清理，保存天数未能确认"


def _span_s(text: str) -> int | None:
    """Return the seconds of a time span of systemd, such as `6month` or `180d 12h`; None if there is none."""
    parts = re.findall(r"(\d+)\s*([a-zA-Z]*)", text)
    known = [int(number) * _UNIT_S.get(unit, 0) for number, unit in parts if unit in _UNIT_S]
    return sum(known) if parts and len(known) == len(parts) else None


def _trail_kept(
    audit: HostAudit | None, logs: HostLogs, syslog: HostSyslog, wanted: int
) -> tuple[Criterion, ...]:
    """Return whether auditd's own files reach back, where that can be told.

    auditd rotates by size. Files that have gone round and reach back less far than asked have lost records,
    unless these were sent away; files that have not gone round yet say nothing.
    """
    if audit is None or audit.oldest_s is None or audit.daemon_user is None:
        return ()
    settings = audit.settings or {}
    action = settings.get("max_log_file_action", "rotate").lower()
    most = int(settings["num_logs"]) if settings.get("num_logs", "").isdecimal() else 5
    size = settings.get("max_log_file", "8")
    age = max(logs.clock_s - audit.oldest_s, 0) // _DAY_S
    round_it = action == "rotate" and audit.trail_files is not None and audit.trail_files >= most > 0
    seen = f"审计日志按 {size} MB 轮转 {most} 个（{action}），最早记录距今 {age} 天"
    question = f"审计日志是否保存不少于 {wanted} 天"
    if age >= wanted:
        return (ask("trail", question, True, seen, "host.audit"),)
    sent = any(one.by == "auditd" and one.used for one in syslog.forwarding)
    if not round_it or sent:
        return ()
    return (ask("trail", question, False, seen + "，更早的已被覆盖", "host.audit"),)


def _age_days(logs: HostLogs) -> int | None:
    """Return how far back the journal or, without a gap, each rotated system log reaches."""
    times: dict[str, list[int]] = defaultdict(list)
    for one in logs.files:
        if (name := _ROTATED.match(one.path)) and one.size_bytes:
            times[name.group(1)].append(one.modified_s)
    begins = [max(_unbroken(found, logs.clock_s) for found in times.values())] if times else []
    begins += [logs.journal_oldest_s] if logs.journal_oldest_s else []
    return (logs.clock_s - min(begins)) // _DAY_S if begins else None


def _unbroken(times: Iterable[int], now_s: int) -> int:
    begin = now_s
    for one in sorted(times, reverse=True):
        if begin - one > _LARGEST_GAP_S:
            break
        begin = one
    return begin


def _days(one: Rotation) -> int | None:
    """Return how many days a rule keeps; rotation by size keeps no known time."""
    if one.size_bound or one.period_days is None or one.keep is None:
        return None
    kept = 10**6 if one.keep < 0 else one.period_days * one.keep
    return min(kept, one.max_age_days) if one.max_age_days is not None else kept


@check("audit.log_retention", half=WINDOWS_LEFT)
def windows_logs_are_backed_up_and_kept(
    logs: WindowsLogs, services: WindowsServices, params: RetentionParams
) -> Judgement:
    """Judge that records are forwarded, and how far the security log reaches back, as for Linux.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    wanted = params.log_retention_min_days
    away = win_audit.forwarded(logs, services)
    criteria = (away, _or_elsewhere(win_audit.kept(logs, wanted), away, wanted))
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("audit.log_retention", half=DATABASE_LEFT)
def database_logs_are_kept(audit: DatabaseAudit, logs: DatabaseLogs, params: RetentionParams) -> Judgement:
    """Judge that records are kept long enough: the oldest proves it, a cycle that overwrites disproves it.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    criteria = db_logs.kept(audit, logs, params.log_retention_min_days)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
