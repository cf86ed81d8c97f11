"""3.a.3: are important actions and events audited?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dengbao.checking import check
from dengbao.model import Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAudit
from dengbao.probes.host.facts import HostAudit

from .. import databases, db_audit
from ..hosts import ask, told
from ..trail import AUDIT, daemon, kernel

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

    Rules in files that are not loaded do not count. Logins count too where the trail holds records of them.

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
    kept = [one for one in rules if not re.match(r"-a (?:never|exclude|\w+,never)", one)]
    found = [
        (name, title, _covered(name, pattern, kept, audit)) for name, (title, pattern) in _EVENTS.items()
    ]
    none = not any(how for _, _, how in found)
    return tuple(
        ask(name, f"是否审计{title}", bool(how), f"{title}{how or '无规则'}", AUDIT, decisive=none)
        for name, title, how in found
    )


def _covered(name: str, pattern: re.Pattern[str], rules: list[str], audit: HostAudit) -> str:
    """Return how a kind of event is covered, empty if it is not."""
    if any(pattern.search(one) for one in rules):
        return "有规则"
    recorded = name == "logins" and any(one.type in _LOGIN_RECORDS for one in audit.records or ())
    return "已有记录" if recorded else ""


@check("audit.covers_events")
def database_audit_covers_important_events(audit: DatabaseAudit) -> Judgement:
    """Judge that logins, and changes of rights, structure and data are recorded.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = (db_audit.enabled(audit), *db_audit.records(audit))
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))
