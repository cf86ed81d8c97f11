"""3.c.2: are audit records backed up regularly, and kept long enough?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.facts import Forwarding, HostLogs, HostSyslog, Rotation

from ..hosts import ask, told
from ..wording import listing

_DAY_S: Final = 86400
_SYSTEM_LOG: Final = re.compile(r"^/var/log/(?:messages|secure|auth\.log|syslog)$")
_ROTATED: Final = re.compile(r"^/var/log/(messages|secure|auth\.log|syslog)[.-]")
# Rotated files follow each other by a month at most; what lies apart was left behind by somebody.
_LARGEST_GAP_S: Final = 35 * _DAY_S
# Logins are recorded at this level of the security facilities.
_SECURITY: Final = ("auth", "authpriv")
_LEVELS: Final = frozenset({"*", "debug", "info"})
_HERE: Final = re.compile(r"^(?:\[?::1\]?|127\.|localhost)")


class RetentionParams(Params):
    """Days that records must be kept at least."""

    log_retention_min_days: int


@check("audit.log_retention")
def host_logs_are_backed_up_and_kept(
    syslog: HostSyslog, logs: HostLogs, params: RetentionParams
) -> Judgement:
    """Judge that a running daemon sends records to another machine, and that they are kept long enough.

    Source: GB/T 22239-2019 8.1.4.3 c).
    """
    criteria = (_forwarded(syslog), _kept(logs, params.log_retention_min_days))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder="日志接收端的实际接收与留存情况、备份策略，按大小轮转的审计日志的留存时长，须人工核查",
    )


def _forwarded(syslog: HostSyslog) -> Criterion:
    away = [
        one for one in syslog.forwarding
        if not _HERE.match(one.target) and _covers_security(one) is not False
    ]  # fmt: skip
    alive = [one for one in away if one.by in syslog.daemons or one.by == "auditd"]
    sure = any(_covers_security(one) for one in alive)
    targets = listing(dict.fromkeys(f"{one.target}（{one.by}）" for one in alive or away))
    if alive:
        seen = f"日志实时发送到 {targets}" + ("" if sure else "，其条件是否包括安全日志未能确认")
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
    return not one.selector or any(_selected(one.selector, name) for name in _SECURITY)


def _selected(selector: str, facility: str) -> bool:
    """Tell what a selector such as `*.info;mail.none` says of a facility; the last part naming it counts."""
    found = False
    for part in selector.split(";"):
        names, _, level = part.strip().partition(".")
        if {"*", facility} & set(names.split(",")) and (level == "none" or level in _LEVELS):
            found = level != "none"
    return found


def _kept(logs: HostLogs, wanted: int) -> Criterion:
    """Return whether records are kept: by the oldest there is, else by what rotation would keep."""
    question = f"本机日志是否保存不少于 {wanted} 天"
    age = _age_days(logs)
    if age is not None and age >= wanted:
        return ask("kept", question, True, f"本机最早的日志距今 {age} 天", "host.logs")
    rules = [one for one in logs.rotations or () if any(_SYSTEM_LOG.match(path) for path in one.paths)]
    if logs.rotations is None or not rules:
        seen = "系统日志的轮转设置未能确认" if logs.rotations is None else "系统日志没有轮转设置"
        return ask("kept", question, None, seen + "，实际留存未能确认", "host.logs")
    days = [_days(one) for one in rules]
    known = [one for one in days if one is not None]
    seen = f"系统日志按 {listing(dict.fromkeys(one.file for one in rules))} 轮转"
    if None in days and all(one >= wanted for one in known):
        return ask("kept", question, None, seen + "，保存天数未能确认", "host.logs")
    least = min(known)
    return ask(
        "kept", question, least >= wanted, f"{seen}，保存 {least} 天（要求不少于 {wanted} 天）", "host.logs"
    )


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
