"""What an application's log says of deeds of our own: shared by the questions about its audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts_trail import Deed, LogSeen, RecordSeen, TamperTry, WebLogTampering, WebTrail

from .hosts import ask
from .wording import listing

FACT: Final = "web.trail"
TAMPERING: Final = "web.log_tampering"
KINDS: Final = {
    "login": "登录", "login_failed": "登录失败", "view": "查看患者信息", "export": "导出",
    "create": "新建用户", "grant": "权限变更", "disable": "停用用户", "remove": "删除用户", "logout": "退出",
}  # fmt: skip
SKEW_MAX_S: Final = 60
"""A record may lie a minute beside the deed (convention); beyond that the clocks differ."""
_HALF_HOUR_S: Final = 1800
_TAMPER: Final = {"remove": "删除", "alter": "修改"}


def source(trail: WebTrail) -> str:
    """Return in Chinese what was read, and how much of it was new."""
    where = "、".join(_place(one) for one in trail.logs or (trail,))
    return (
        f"共做 {len(trail.deeds)} 件应予审计的事，{trail.waited_s:g} 秒内查阅{where}，"
        f"读到 {trail.rows} 条，其中新增 {trail.new_rows} 条"
    )


def _place(log: WebTrail | LogSeen) -> str:
    name = log.name if isinstance(log, LogSeen) else "审计记录"
    if log.source == "table":
        return f"{name if isinstance(log, LogSeen) else '审计'}表 {log.path}"
    return f"{name}页面 {log.path}（账户 {log.account}）"


def told(deed: Deed, found: bool | None) -> str:
    """Return in Chinese one deed and what the log says of it."""
    who = f"{deed.role or '未登录者'}" + (f"（账户 {deed.account}）" if deed.account else "（随机用户名）")
    what = f"{KINDS.get(deed.kind, deed.kind)}：{who} {deed.at:%H:%M:%S} {deed.request}"
    if found:
        where = deed.record.log if deed.record is not None else ""
        return f"{what}，有记录" + (f"（{where}）" if where else "")
    if found is False:
        return f"{what}，没有记录"
    why = deed.problem or ("有该用户的其他新增记录" if deed.others else "" if deed.done else "该操作未做成")
    return f"{what}，不能确认{f'（{why}）' if why else ''}"


def recorded(trail: WebTrail, deeds: Iterable[Deed]) -> bool | None:
    """Tell whether all of these deeds were recorded."""
    answers = [trail.found(one) for one in deeds]
    if False in answers:
        return False
    return None if not answers or None in answers else True


def enabled(trail: WebTrail) -> tuple[Criterion, ...]:
    """Return whether the log took down anything of what was done."""
    answers = [trail.found(one) for one in trail.deeds]
    met = True if True in answers else False if answers and None not in answers else None
    count = sum(one is True for one in answers)
    seen = f"{len(answers)} 件事中 {count} 件有记录" if answers else "没有做成应予审计的事"
    if met is None:
        seen += "，且不能确认所读到的是最新的记录"
    return (ask("enabled", "审计是否即时产生记录", met, seen, FACT, decisive=True),)


def users(trail: WebTrail) -> tuple[Criterion, ...]:
    """Return for each role account whether its login was recorded."""
    logins = [one for one in trail.deeds if one.kind == "login"]
    found = [
        ask(f"user:{one.account}", f"账户 {one.account} 的登录是否有记录", got, told(one, got), FACT)
        for one in logins
        for got in [trail.found(one)]
    ]
    found += [
        ask(f"user:{one}", f"账户 {one} 的登录是否有记录", None, f"账户 {one} 未能登录，未测试", FACT)
        for one in trail.unreached
    ]
    if len({one.role for one in logins}) < 2:
        found.append(ask("roles", "是否以多个角色测试", None, f"只有 {len(logins)} 个账户登录测试", FACT))
    return tuple(found)


def events(trail: WebTrail) -> tuple[Criterion, ...]:
    """Return for each kind of deed whether it was recorded."""
    found: list[Criterion] = []
    for kind, title in KINDS.items():
        deeds = [one for one in trail.deeds if one.kind == kind]
        if deeds:
            met = recorded(trail, deeds)
            telling = next((one for one in deeds if trail.found(one) is met), deeds[0])
            found.append(ask(kind, f"{title}是否有记录", met, told(telling, trail.found(telling)), FACT))
    return tuple(found) or (ask("events", "重要行为是否有记录", None, "没有做成应予审计的事", FACT),)


def untried(trail: WebTrail) -> str:
    """Return in Chinese which kinds of deeds were not done."""
    done = {one.kind for one in trail.deeds}
    left = [title for kind, title in KINDS.items() if kind not in done]
    return f"{listing([*left, '参数修改', '安全策略变更'], 12)}是否审计，须人工实测"


def fields(trail: WebTrail) -> tuple[Criterion, ...]:
    """Return for each element of a record whether all records found have it, and whether clocks agree."""
    records = [(one, one.record) for one in trail.deeds if one.record is not None]
    tests: tuple[tuple[str, str, Callable[[RecordSeen], bool]], ...] = (
        ("time", "日期和时间", lambda one: one.time),
        ("user", "用户", lambda one: one.user),
        ("type", "事件类型", lambda one: bool(one.type)),
        ("result", "事件是否成功", lambda one: bool(one.result)),
        ("source", "来源地址", lambda one: one.source),
    )
    found: list[Criterion] = []
    for name, title, holds in tests:
        bad = [KINDS.get(deed.kind, deed.kind) for deed, record in records if not holds(record)]
        seen = f"{title}：{'、'.join(dict.fromkeys(bad))}的记录缺少" if bad else f"{title}：均有"
        decisive = name in ("time", "user")
        found.append(ask(name, f"审计记录是否包括{title}", not bad, seen, FACT, decisive=decisive))
    return (*found, *_told_apart(trail), *_clock([record for _, record in records]))


def _told_apart(trail: WebTrail) -> tuple[Criterion, ...]:
    """Return whether a failed login reads otherwise than one that succeeded."""
    good = {one.record.result for one in trail.deeds if one.kind == "login" and one.record is not None}
    bad = {one.record.result for one in trail.deeds if one.kind == "login_failed" and one.record is not None}
    types = {one.record.type for one in trail.deeds if one.kind == "login" and one.record is not None}
    other = {one.record.type for one in trail.deeds if one.kind == "login_failed" and one.record is not None}
    if not good or not bad:
        return ()
    apart = good.isdisjoint(bad) or types.isdisjoint(other)
    seen = f"登录成功记为“{listing(sorted(good))}”，失败记为“{listing(sorted(bad))}”"
    return (ask("apart", "成功与失败是否能区分", apart, seen, FACT),)


def _clock(records: list[RecordSeen]) -> tuple[Criterion, ...]:
    skews = [(abs(one.skew_s), one) for one in records if one.skew_s is not None]
    if not skews:
        return ()
    worst, record = max(skews, key=lambda one: one[0])
    seen = f"记录时间与操作时间至多相差 {worst:g} 秒"
    met: bool | None = worst <= SKEW_MAX_S
    beside = worst % _HALF_HOUR_S
    if not met and not record.zone_known and min(beside, _HALF_HOUR_S - beside) <= SKEW_MAX_S:
        met, seen = None, f"{seen}，可能是时区不同（未登记 utc_offset_h）"
    return (ask("clock", f"记录时间与标准时间相差是否不超过 {SKEW_MAX_S} 秒", met, seen, FACT),)


def protected(tampering: WebLogTampering) -> tuple[Criterion, ...]:
    """Return for each request to delete or change whether records withstood it from everybody."""
    found: list[Criterion] = []
    for kind, title in _TAMPER.items():
        tries = [one for one in tampering.tries if one.kind == kind]
        if not tries:
            continue
        broken = [one for one in tries if one.intact is False]
        unsure = [one for one in tries if one.intact is None]
        met = False if broken else None if unsure else True
        telling = broken or unsure or tries
        seen = listing((tamper_told(one) for one in telling), 4)
        found.append(ask(kind, f"审计记录是否不能被{title}", met, seen, TAMPERING, decisive=True))
    return tuple(found) or (ask("tries", "审计记录是否不能删改", None, "没有试删、试改", TAMPERING),)


def tamper_told(one: TamperTry) -> str:
    """Return in Chinese one attempt and what became of the record."""
    who = f"{one.role}（账户 {one.account}）" if one.account else "未登录者"
    answer = f"返回 {one.status}" if one.status is not None else one.problem or "没有应答"
    gone = f"本次产生的记录已被{_TAMPER[one.kind]}"
    fate = {True: "记录仍在且未变", False: gone, None: "记录是否完好不能确认"}[one.intact]
    return f"{who}以 {one.request} 试{_TAMPER[one.kind][0]}，{answer}，{fate}"


def deeds_proofs(trail: WebTrail) -> tuple[Exchange, ...]:
    """Return the deeds by which the finding can be seen again, those without a record first."""
    order = {False: 0, None: 1, True: 2}
    ranked = sorted(trail.deeds, key=lambda one: order[trail.found(one)])
    words = {True: "审计记录中有此事", False: "审计记录中没有此事", None: "不能确认是否记录"}
    return tuple(
        Exchange(
            request=one.request, answer=f"{KINDS.get(one.kind, one.kind)}；{words[trail.found(one)]}",
            at=one.at, role=one.role,
        )
        for one in ranked[:6]
    )  # fmt: skip


def tamper_proofs(tampering: WebLogTampering) -> tuple[Exchange, ...]:
    """Return the attempts, those that succeeded first."""
    order = {False: 0, None: 1, True: 2}
    ranked = sorted(tampering.tries, key=lambda one: order[one.intact])
    return tuple(
        Exchange(request=one.request, answer=tamper_told(one), at=one.at, role=one.role) for one in ranked[:6]
    )
