"""Criteria on what databases record of their users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import AuditChannel, DatabaseAudit, Setting

from .databases import AUDIT
from .hosts import ask
from .wording import listing

_DEEDS: Final = frozenset({"connect", "ddl", "dcl", "write", "read"})
_EVENTS: Final = (
    ("logins", "登录与登录失败", ("connect", "failed_login")),
    ("rights", "账户与权限变更", ("dcl",)),
    ("structure", "库表结构变更", ("ddl",)),
    ("changes", "数据增删改", ("write",)),
)
_FIELDS: Final = (
    ("time", "日期和时间"),
    ("user", "用户"),
    ("type", "事件类型"),
    ("result", "事件是否成功"),
    ("source", "来源"),
)
_ALL_CLASSES: Final = frozenset({"read", "write", "function", "role", "ddl", "misc", "misc_set"})
_STRENGTH: Final = ("none", "ddl", "mod", "all")


def deeds(channel: AuditChannel) -> bool:
    """Tell whether a channel would record what users do, not only failures."""
    return bool(_DEEDS & set(channel.events))


def running(audit: DatabaseAudit) -> tuple[AuditChannel, ...]:
    """Return the channels that record what users do now."""
    return tuple(one for one in audit.channels if one.active and deeds(one))


def maybe(audit: DatabaseAudit) -> tuple[AuditChannel, ...]:
    """Return the channels of which it is not known whether they record."""
    return tuple(one for one in audit.channels if one.active is None and (deeds(one) or not one.events))


def _states(audit: DatabaseAudit) -> str:
    words = {True: "启用", False: "未启用", None: "是否留存未知"}
    told = []
    for one in audit.channels:
        idle = not deeds(one) and (one.active or (one.active is None and one.events))
        told.append(f"{one.name}（{'未记录用户操作' if idle else words[one.active]}）")
    return listing(told) or "无"


def enabled(audit: DatabaseAudit) -> Criterion:
    """Return whether any channel records what users do."""
    met = True if running(audit) else (None if maybe(audit) else False)
    seen = f"数据库审计渠道：{_states(audit)}"
    return ask("enabled", "是否启用数据库审计", met, seen, AUDIT, decisive=True)


def records(audit: DatabaseAudit, names: Iterable[str] = ()) -> tuple[Criterion, ...]:
    """Return, for each kind of event, whether a running channel records it."""
    wanted = set(names)
    return tuple(
        _any(
            running(audit),
            maybe(audit),
            frozenset(events),
            name=name,
            question=f"是否审计{zh}",
            zh=zh,
        )
        for name, zh, events in _EVENTS
        if not wanted or name in wanted
    )


def _any(
    on: tuple[AuditChannel, ...],
    unclear: tuple[AuditChannel, ...],
    events: frozenset[str],
    *,
    name: str,
    question: str,
    zh: str,
) -> Criterion:
    found = [one.name for one in on if events <= set(one.events)]
    if found:
        return ask(name, question, True, f"{zh}由 {listing(found)} 记录", AUDIT)
    if any(events <= set(one.events) or not one.events for one in unclear):
        return ask(name, question, None, f"{zh}是否记录未知", AUDIT)
    return ask(name, question, False, f"{zh}未记录", AUDIT)


def everyone(audit: DatabaseAudit) -> tuple[Criterion, ...]:
    """Return whether some running channel records every account."""
    first = enabled(audit)
    on = running(audit)
    if not on:
        return (first,)
    whole = [one for one in on if not one.only_users and not one.except_users]
    narrow = [f"{one.name}（{_narrowed(one)}）" for one in on if one not in whole]
    weaker = [one for one in audit.overrides if _weakens(one, audit)]
    return (
        first,
        ask(
            "everyone",
            "审计是否覆盖每个用户",
            bool(whole),
            f"覆盖全部用户的审计渠道：{listing(one.name for one in whole) or '无'}"
            + (f"；限定用户的：{listing(narrow)}" if narrow else ""),
            AUDIT,
            decisive=True,
        ),
        ask(
            "no_exception",
            "是否没有为个别账户放宽审计",
            not weaker,
            f"放宽审计的账户：{listing(one.account or one.database or '全部' for one in weaker) or '无'}",
            AUDIT,
            decisive=True,
        ),
    )


def _narrowed(channel: AuditChannel) -> str:
    if channel.only_users:
        return f"仅 {listing(channel.only_users)}"
    return f"不含 {listing(channel.except_users)}"


def _weakens(one: Setting, audit: DatabaseAudit) -> bool:
    """Tell whether an override records less than the server does for others."""
    general = {two.name: two.value for two in audit.settings}
    if one.name == "log_statement":
        common = general.get("log_statement", "none")
        known = one.value in _STRENGTH and common in _STRENGTH
        return not known or _STRENGTH.index(one.value) < _STRENGTH.index(common)
    if one.name == "pgaudit.log":
        return not _classes(general.get("pgaudit.log", one.value)) <= _classes(one.value)
    return one.name in ("log_min_messages", "log_min_error_statement") and one.value in ("fatal", "panic")


def _classes(value: str) -> frozenset[str]:
    """Return the classes of statements that a value of `pgaudit.log` records."""
    found: frozenset[str] = frozenset()
    for one in filter(None, (part.strip().strip("\"'").lower() for part in value.split(","))):
        named = _ALL_CLASSES if one.lstrip("-") == "all" else frozenset({one.lstrip("-")})
        found = found - named if one.startswith("-") else found | named
    return found - {"none"}


def complete(audit: DatabaseAudit) -> tuple[Criterion, ...]:
    """Return whether the records of the fullest running channel have every field."""
    first = enabled(audit)
    on = running(audit)
    if not on:
        return (first,)
    best = max(on, key=lambda one: len({name for name, _ in _FIELDS} & set(one.fields)))
    return (
        first,
        *(
            ask(
                name,
                f"审计记录是否包括{zh}",
                name in best.fields,
                f"{best.name} 的记录{'包括' if name in best.fields else '缺少'}{zh}",
                AUDIT,
                decisive=True,
            )
            for name, zh in _FIELDS
        ),
    )
