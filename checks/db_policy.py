"""Criteria on password rules, failed logins and idle sessions of databases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.errors import Reason, Undetermined
from dengbao.model import Criterion
from dengbao.probes.database.facts import (
    ComplexityModule,
    DatabaseAccount,
    DatabaseAccounts,
    DatabasePolicy,
    FailureModule,
    Setting,
)

from .databases import ACCOUNTS, POLICY, labels, logins, module_note, unknown_modules, whole
from .db_products import REDIS
from .hosts import ask
from .wording import listing

_CLASSES: Final = (
    ("大写字母", "min_upper"), ("小写字母", "min_lower"), ("数字", "min_digits"), ("特殊字符", "min_special"),
)  # fmt: skip
_REMARKS: Final = {"max_password_errors": "（本机登录的管理账户不受限）"}
# Names that read like one, and end nothing that is idle.
_NO_IDLE_TIMEOUT: Final = frozenset({"remote login timeout (s)", "remote query timeout (s)"})
_EFFECTS: Final = {"lock": "锁定账户", "delay": "延迟应答"}


def complexity(platform: str, policy: DatabasePolicy, min_length: int, classes: int) -> tuple[Criterion, ...]:
    """Return whether the loaded modules demand the length and the kinds of characters.

    All modules see each password, so that the highest demand counts; where each account has one of its
    own, the lowest does.

    Raises:
        Undetermined: the account may not see which modules are loaded, and none is known to be.

    """
    if not policy.complexity:
        return (_no_module(platform, policy),)
    modules = policy.complexity
    names = listing(one.module for one in modules)
    exempt = tuple(dict.fromkeys(name for one in modules for name in one.exempt))
    bypass = [one.module for one in modules if one.takes_hashes]
    note = f"（{listing(bypass)} 不检查以散列形式设置的口令）" if bypass else ""
    return (
        ask("loaded", "是否启用口令复杂度检查", True, f"已启用口令复杂度检查模块 {names}{note}", POLICY),
        _length(modules, min_length),
        _classes(modules, classes),
        ask(
            "no_exemption", "是否没有免检账户", not exempt, f"免检账户：{listing(exempt) or '无'}", POLICY
        ),
    )  # fmt: skip


def _no_module(platform: str, policy: DatabasePolicy) -> Criterion:
    note = module_note(policy)
    if not policy.modules_known:
        raise Undetermined(f"{note}，不能确认是否启用口令复杂度检查", reason=Reason.NO_PERMISSION)
    seen = f"未见已知的口令复杂度检查模块；{note}" if note else "未启用口令复杂度检查模块"
    if platform == REDIS:
        seen = "Redis 没有口令复杂度检查功能"
    return ask("loaded", "是否启用口令复杂度检查", None if note else False, seen, POLICY, decisive=True)


def _demanded(modules: Iterable[ComplexityModule], name: str, wanted: int) -> tuple[int | None, bool | None]:
    """Return the demand that counts as far as it is known, and whether it is at least `wanted`."""
    some = tuple(modules)
    values: list[int | None] = [getattr(one, name) for one in some]
    known = [one for one in values if one is not None]
    unclear = None in values
    if any(one.only for one in some):
        found = min(known, default=None)
        return found, False if found is not None and found < wanted else (None if unclear else True)
    found = max(known, default=None)
    return found, True if found is not None and found >= wanted else (None if unclear else False)


def _length(modules: tuple[ComplexityModule, ...], wanted: int) -> Criterion:
    found, met = _demanded(modules, "min_length", wanted)
    seen = "最小长度不能由设置得知" if found is None else f"最小长度 {found} 位"
    return ask(
        "length", f"口令最小长度是否不少于 {wanted} 位", met, f"{seen}（要求不少于 {wanted} 位）", POLICY
    )


def _classes(modules: tuple[ComplexityModule, ...], wanted: int) -> Criterion:
    demanded: list[str] = []
    unclear = False
    for zh, name in _CLASSES:
        _, asked = _demanded(modules, name, 1)
        if asked:
            demanded.append(zh)
        else:
            unclear = unclear or asked is None
    met = True if len(demanded) >= wanted else (None if unclear else False)
    seen = f"要求包含 {'、'.join(demanded)}" if demanded else "未要求字符类别"
    if met is None:
        seen = "要求的字符类别不能由设置得知"
    return ask("classes", f"是否要求 {wanted} 类字符", met, f"{seen}（要求 {wanted} 类）", POLICY)


def effective_failures(policy: DatabasePolicy) -> tuple[FailureModule, ...]:
    """Return the server-wide reactions that are on."""
    return tuple(one for one in policy.failures if one.attempts is None or one.attempts > 0)


def locked_by_account(accounts: DatabaseAccounts | None) -> tuple[DatabaseAccount, ...]:
    """Return the accounts that lock themselves after failures."""
    if accounts is None:
        return ()
    return tuple(one for one in logins(accounts) if one.failed_attempts and one.lock_s)


def reacts(policy: DatabasePolicy, accounts: DatabaseAccounts | None) -> tuple[Criterion, ...]:
    """Return whether anything is done about failed logins."""
    modules = effective_failures(policy)
    own = locked_by_account(accounts)
    if modules and not any(one.enabled for one in modules):
        return (elsewhere(modules),)
    if modules:
        told = listing(f"{one.module}（{_EFFECTS.get(one.effect, one.effect)}）" for one in modules)
        seen = f"登录失败处理：{told}"
        return (ask("enabled", "是否启用登录失败处理", True, seen, POLICY, decisive=True),)
    if own and accounts is not None:
        rest = [one for one in logins(accounts) if one not in own and one.takes_password is not False]
        seen = f"按账户设置失败锁定：{labels(own)}；未设置：{labels(rest)}"
        first = ask("enabled", "是否启用登录失败处理", not rest, seen, ACCOUNTS, decisive=True)
        return (first, *whole(accounts))
    note = module_note(policy) if unknown_modules(policy) or not policy.modules_known else ""
    seen = f"未见已知的登录失败处理模块；{note}" if note else "未启用登录失败处理（失败锁定或延迟）"
    return (ask("enabled", "是否启用登录失败处理", None if note else False, seen, POLICY, decisive=True),)


def elsewhere(modules: Iterable[FailureModule]) -> Criterion:
    """Return an open criterion: whether anything happens is set in another product."""
    told = listing(
        one.module + (f"，不适用于 {listing(one.exempt)}" if one.exempt else "") for one in modules
    )
    seen = f"登录失败处理由 {told} 决定，其设置须在该处核查"
    return ask("enabled", "是否启用登录失败处理", None, seen, POLICY, decisive=True)


def locks(
    policy: DatabasePolicy, accounts: DatabaseAccounts | None, most: int, least_s: int
) -> tuple[Criterion, ...]:
    """Return whether accounts are locked after few enough failures, for long enough."""
    reacting = effective_failures(policy)
    if reacting and not any(one.enabled for one in reacting):
        return (elsewhere(reacting),)
    counting = [one for one in reacting if one.attempts is not None]
    locking = [one for one in counting if one.effect == "lock"]
    own = locked_by_account(accounts)
    if not locking and own and accounts is not None:
        by_account = (*_account_locks(logins(accounts), most, least_s), *whole(accounts))
        # A delay beside the locks of accounts takes nothing from them, and stands for those without.
        if not counting or all(one.met for one in by_account):
            return by_account
    if locking or counting:
        return _module_locks((locking or counting)[0], most, least_s)
    delaying = listing(one.module for one in effective_failures(policy))
    if delaying:
        seen = f"{delaying} 仅在每次失败后延迟应答，不限制失败次数"
        return (ask("enabled", "是否限制登录失败次数", False, seen, POLICY, decisive=True),)
    return reacts(policy, accounts)


def _module_locks(module: FailureModule, most: int, least_s: int) -> tuple[Criterion, ...]:
    attempts, length = module.attempts or 0, module.duration_s
    forever = length == -1
    long_enough = None if length is None else forever or length >= least_s
    action = _EFFECTS.get(module.effect, module.effect)
    lasts = "时长未知" if length is None else ("须管理员解锁" if forever else f"{length} 秒")
    return (
        ask(
            "enabled",
            "是否限制登录失败次数",
            True,
            f"由 {module.module} {action}{_REMARKS.get(module.module, '')}",
            POLICY,
            decisive=True,
        ),
        ask(
            "threshold",
            f"失败次数是否不多于 {most} 次",
            attempts <= most,
            f"失败 {attempts} 次起作用（要求 1–{most} 次）",
            POLICY,
        ),
        ask(
            "duration",
            f"是否锁定不少于 {least_s} 秒",
            long_enough,
            f"{action}：{lasts}（要求不少于 {least_s} 秒）",
            POLICY,
        ),
        ask(
            "no_exemption",
            "是否没有豁免账户",
            not module.exempt,
            f"豁免账户：{listing(module.exempt) or '无'}",
            POLICY,
        ),
    )


def _account_locks(found: tuple[DatabaseAccount, ...], most: int, least_s: int) -> tuple[Criterion, ...]:
    # Where no password can be tried there is nothing to lock.
    asked = [one for one in found if one.takes_password is not False]
    spared = [one for one in found if one not in asked]
    without = [one for one in asked if not (one.failed_attempts and one.lock_s)]
    late = [one for one in found if one.failed_attempts and one.failed_attempts > most]
    brief = [one for one in found if one.lock_s and one.lock_s != -1 and one.lock_s < least_s]
    return (
        ask(
            "enabled",
            "每个账户是否限制登录失败次数",
            not without,
            f"未设失败锁定的账户：{labels(without)}"
            + (f"；不以口令登录、无须锁定的：{labels(spared)}" if spared else ""),
            ACCOUNTS,
            decisive=True,
        ),
        ask(
            "threshold",
            f"失败次数是否不多于 {most} 次",
            not late,
            f"失败超过 {most} 次才锁定的账户：{labels(late)}",
            ACCOUNTS,
        ),
        ask(
            "duration",
            f"是否锁定不少于 {least_s} 秒",
            not brief,
            f"锁定不足 {least_s} 秒的账户：{labels(brief)}",
            ACCOUNTS,
        ),
    )


def idle(policy: DatabasePolicy, most_s: int) -> tuple[Criterion, ...]:
    """Return whether idle sessions are ended, for everybody."""
    if not policy.idle_timeouts:
        seen = "服务器没有空闲会话超时参数"
        others = [one.name for one in policy.settings if one.name in _NO_IDLE_TIMEOUT]
        seen += f"（{listing(others)} 不是空闲会话超时）" if others else ""
        return (ask("timeout", "是否设置空闲会话超时", False, seen, POLICY, decisive=True),)
    single = tuple(
        ask(
            one.name,
            f"{one.name} 是否为 1–{most_s} 秒",
            _within(one.value, most_s),
            f"{_timer(one)} 为 {_seconds_zh(one.value)}（要求 1–{most_s} 秒）",
            POLICY,
        )
        for one in policy.idle_timeouts
    )
    weaker = [
        one
        for one in policy.overrides
        if one.name in {two.name for two in policy.idle_timeouts} and _within(one.value, most_s) is not True
    ]
    if not all(one.met for one in single):
        return (*single, *_stricter(policy, most_s))
    if not weaker:
        return single
    seen = f"另为 {listing(_whose(one) for one in weaker)} 放宽"
    return (*single, ask("overrides", "是否没有放宽的账户或数据库", False, seen, POLICY))


def _stricter(policy: DatabasePolicy, most_s: int) -> tuple[Criterion, ...]:
    """Return a met criterion where the time is set for single accounts or databases, though not for all."""
    found = [
        one
        for one in policy.overrides
        if one.name in {two.name for two in policy.idle_timeouts} and _within(one.value, most_s)
    ]
    if not found:
        return ()
    seen = f"仅为 {listing(_whose(one) for one in found)} 单独设置"
    return (ask("some", "是否为部分账户或数据库设置空闲会话超时", True, seen, POLICY),)


def _timer(one: Setting) -> str:
    return f"{one.name}（{one.account}）" if one.account else one.name


def _within(value: str, most: int) -> bool | None:
    return 0 < int(value) <= most if value.lstrip("-").isdecimal() else None


def _seconds_zh(value: str) -> str:
    return "0（不超时）" if value == "0" else f"{value} 秒"


def _whose(one: Setting) -> str:
    who = "@".join(part for part in (one.account, one.database) if part) or "全部账户"
    return f"{who}（{_seconds_zh(one.value)}）"
