"""3.a.3: are important actions and events audited?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAudit
from dengbao.probes.host.facts import HostAudit
from dengbao.probes.web.facts_trail import WebTrail
from dengbao.probes.windows.facts import WindowsAudit

from .. import app_trail, databases, db_audit, win_audit, windows
from ..audit_rules import difference, excluded_types, is_rule, one_arch_only, silences, suppresses
from ..hosts import ask, told
from ..trail import AUDIT, daemon, kernel
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "未能实测的事件类型是否审计，须人工实测"

# What a loaded rule must speak of, by kind of event.
_EVENTS: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = {
    "identity": ("账户变更", re.compile(r"/etc/(?:passwd|shadow|group|gshadow|security/opasswd)\b")),
    "privilege": (
        "权限变更与提权",
        re.compile(r"/etc/sudoers|/bin/(?:su|sudo)\b|-S [\w,]*execve.*euid=0|-F euid=0.*execve|-C euid!=uid"),
    ),
    "time": ("时间修改", re.compile(r"adjtimex|settimeofday|clock_settime|/etc/localtime")),
    "logins": (
        "登录事件",
        re.compile(r"/var/log/(?:lastlog|faillog|tallylog|wtmp|btmp)|/run/(?:faillock|utmp)"),
    ),
}
_LOGIN_RECORDS: Final = frozenset({"USER_LOGIN", "USER_AUTH", "USER_START", "LOGIN"})


@check("audit.covers_events")
def host_audits_important_events(audit: HostAudit) -> Judgement:
    """Judge that rules for accounts, privilege, time and logins are loaded.

    Rules in files that are not loaded do not count, and rules that stand in no file are gone after the next
    start. Logins count too where the trail holds records of them, unless such records are dropped.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = (daemon(audit), kernel(audit), *_events(audit))
    count = len(audit.loaded_rules or ())
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria[:2])}；已加载规则 {count} 条：{told(criteria[2:])}。",
    )


def _events(audit: HostAudit) -> tuple[Criterion, ...]:
    rules = audit.loaded_rules
    if rules is None:
        met = None if audit.installed else False
        return (ask("rules", "是否加载审计规则", met, "规则未能查看" if audit.installed else "无", AUDIT),)
    if not rules:
        seen = "规则文件中有规则但未加载" if audit.file_rules else "无"
        return (ask("rules", "是否加载审计规则", False, seen, AUDIT, decisive=True),)
    if any(silences(one) for one in rules):
        seen = f"已加载 {len(rules)} 条规则，但含 -a never,task，系统调用与文件监视均不审计"
        return (ask("rules", "是否加载审计规则", False, seen, AUDIT, decisive=True),)
    kept = [one for one in rules if not suppresses(one)]
    found = [
        (name, title, _covered(name, pattern, kept, audit)) for name, (title, pattern) in _EVENTS.items()
    ]
    none = not any(how for _, _, how in found)
    return (
        *(
            ask(name, f"是否审计{title}", bool(how), f"{title}{how or '无规则'}", AUDIT, decisive=none)
            for name, title, how in found
        ),
        *(() if none else (_lasting(audit, kept), *_arches(audit, kept))),
    )


def _covered(name: str, pattern: re.Pattern[str], rules: list[str], audit: HostAudit) -> str:
    """Return how a kind of event is covered, empty if it is not."""
    if any(pattern.search(one) for one in rules):
        return "有规则"
    if name != "logins":
        return ""
    recorded = {one.type for one in audit.records or ()} & _LOGIN_RECORDS
    return "已有记录" if recorded - excluded_types(audit.loaded_rules or ()) else ""


def _lasting(audit: HostAudit, kept: list[str]) -> Criterion:
    """Return whether what the loaded rules cover is covered after the next start, too."""
    files = [one for one in audit.file_rules if is_rule(one) and not suppresses(one)]
    lost = [
        title
        for title, pattern in _EVENTS.values()
        if any(pattern.search(one) for one in kept) and not any(pattern.search(one) for one in files)
    ]
    seen = f"规则文件共 {len(files)} 条规则，" + ("已覆盖上述已加载的规则" if not lost else "")
    if lost:
        seen += f"{'、'.join(lost)}的规则只在内存中，重启后不再有效"
    if audit.starts_at_boot is False:
        seen += "；auditd 未设为随系统启动"
    return ask(
        "lasting", "审计规则重启后是否仍有效", not lost and audit.starts_at_boot is not False,
        seen + _remarks(audit), AUDIT,
    )  # fmt: skip


def _remarks(audit: HostAudit) -> str:
    """Return where loaded rules, rules.d and audit.rules differ, empty if they do not."""
    idle = difference(audit.file_rules, audit.loaded_rules or ())
    stale = difference(audit.source_rules or (), audit.compiled_rules or audit.source_rules or ())
    text = f"；文件中有 {len(idle)} 条未加载：{listing(idle, 3)}" if idle else ""
    return text + (f"；rules.d 中有 {len(stale)} 条尚未并入 audit.rules（augenrules）" if stale else "")


def _arches(audit: HostAudit, kept: list[str]) -> tuple[Criterion, ...]:
    """Return whether 32-bit programs are audited too, where the kernel runs them."""
    if not audit.compat32 or not any("arch=b64" in one for one in kept):
        return ()
    alone = one_arch_only(kept)
    seen = "系统调用规则 64 位与 32 位均有"
    if alone:
        seen = f"{len(alone)} 条系统调用规则只有 64 位（arch=b64），32 位程序的同类调用不审计"
    return (ask("arches", "系统调用规则是否覆盖 32 位程序", not alone, seen, AUDIT),)


@check("audit.covers_events")
def database_audit_covers_important_events(audit: DatabaseAudit) -> Judgement:
    """Judge that logins, and changes of rights, structure and data are recorded.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = (db_audit.enabled(audit), *db_audit.records(audit))
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("audit.covers_events")
def windows_audits_important_events(audit: WindowsAudit) -> Judgement:
    """Judge that success and failure of logins, account, policy and privilege events are audited.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = win_audit.events(audit)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))


@check("audit.covers_events", half=WEB_LEFT)
def web_log_covers_important_deeds(trail: WebTrail) -> Judgement:
    """Judge for each kind of deed that was done whether the log tells of it.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = app_trail.events(trail)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{app_trail.source(trail)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=app_trail.untried(trail),
        proofs=app_trail.deeds_proofs(trail),
    )
