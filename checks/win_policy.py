"""Password and lockout policy of Windows, with the meanings of -1 and 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity, WindowsPolicy, WindowsSettings

from .hosts import ask
from .windows import ACCOUNTS, ADMINISTRATOR, DAY_S, POLICY, SETTINGS, domain_policy, enabled, state
from .wording import listing

# PasswordComplexity demands characters of three of Windows' kinds, whatever is wanted of it.
_KINDS_BY_WINDOWS: Final = 3
_OWN_FILTERS: Final = frozenset({"scecli", "rassfm"})
# How `net accounts` says what the export says by 0.
_ZERO_IS_NEVER: Final = frozenset({"PasswordHistorySize", "LockoutBadCount"})
_NAMES: Final[Mapping[str, str]] = {
    "MinimumPasswordLength": "密码长度最小值", "MaximumPasswordAge": "密码最长使用期限",
    "LockoutBadCount": "账户锁定阈值", "LockoutDuration": "账户锁定时间",
}  # fmt: skip


def _effective(policy: WindowsPolicy, name: str) -> int | None:
    """Return a number, None where it is not there or `net accounts` says something else."""
    value = policy.number(name)
    told = (policy.net or {}).get(name)
    if value is None or told is None:
        return value
    return value if _plain(name, value) == _plain(name, told) else None


def _sure(met: bool | None, policy: WindowsPolicy, identity: WindowsIdentity) -> bool | None:
    """Return `met`, None for a bad one that a domain's policy may have replaced unseen."""
    return None if met is False and policy.net is None and identity.member is not False else met


def _plain(name: str, value: int) -> int:
    if name in _ZERO_IS_NEVER or name == "MaximumPasswordAge":
        return max(value, 0)
    return value


def _unknown(policy: WindowsPolicy, name: str) -> str:
    title = _NAMES.get(name, name)
    value, told = policy.number(name), (policy.net or {}).get(name)
    if value is None or told is None:
        return f"本地安全策略“{title}”未能确认"
    return f"本地安全策略“{title}”导出为 {value}，而 net accounts 为 {told}，两者不一"


def length(policy: WindowsPolicy, identity: WindowsIdentity, wanted: int) -> Criterion:
    """Return whether passwords must be long enough."""
    value = _effective(policy, "MinimumPasswordLength")
    seen = f"本地安全策略“密码长度最小值”为 {value} 位（要求不少于 {wanted} 位）"
    return ask(
        "length",
        f"口令最小长度是否不少于 {wanted} 位",
        _sure(None if value is None else value >= wanted, policy, identity),
        _unknown(policy, "MinimumPasswordLength") if value is None else seen,
        POLICY,
    )


def classes(policy: WindowsPolicy, settings: WindowsSettings | None, wanted: int) -> Criterion:
    """Return whether passwords must have enough kinds of characters; a foreign filter may demand more."""
    value = policy.number("PasswordComplexity")
    text = settings.text("lsa.Notification Packages") if settings is not None else None
    filters = None if text is None else {one for one in text.casefold().split("|") if one} - _OWN_FILTERS
    given = None if value is None else _KINDS_BY_WINDOWS if value else 0
    met: bool | None = None
    if given is not None and given >= wanted:
        met = True
    elif given is not None and filters is not None and not filters:
        met = False
    seen = "“密码必须符合复杂性要求”未能确认"
    if value is not None:
        state = "已启用（系统要求其中三类字符" if value else "未启用（不要求字符类别"
        seen = f"“密码必须符合复杂性要求”{state}，要求 {wanted} 类）"
    if filters:
        seen += f"，另有密码筛选器 {listing(sorted(filters))}，其要求未能核查"
    elif filters is None:
        seen += "，是否另有密码筛选器未能核查"
    return ask("classes", f"口令是否至少包含 {wanted} 类字符", met, seen, POLICY)


def complexity(
    policy: WindowsPolicy,
    settings: WindowsSettings | None,
    identity: WindowsIdentity,
    wanted_length: int,
    wanted_classes: int,
) -> tuple[Criterion, ...]:
    """Return what is asked of a new password."""
    return (
        length(policy, identity, wanted_length),
        classes(policy, settings, wanted_classes),
        *domain_policy(identity),
    )


def history(policy: WindowsPolicy) -> str:
    """Return how many old passwords are remembered: 0 none, whatever other tools make of it."""
    value = policy.number("PasswordHistorySize")
    if value is None:
        return ""
    return f"“强制密码历史”记住 {value} 个密码" if value > 0 else "“强制密码历史”为 0，旧口令可立即重复使用"


def ageing(
    policy: WindowsPolicy, accounts: WindowsAccounts, identity: WindowsIdentity, most: int
) -> tuple[Criterion, ...]:
    """Return whether the policy makes passwords expire, and whether accounts are free of it."""
    value = _effective(policy, "MaximumPasswordAge")
    if value is None:
        seen = _unknown(policy, "MaximumPasswordAge")
    elif value <= 0:
        seen = f"本地安全策略“密码最长使用期限”为 {value}，即永不过期"
    else:
        seen = f"本地安全策略“密码最长使用期限”为 {value} 天（要求 1–{most} 天）"
    met = _sure(None if value is None else 0 < value <= most, policy, identity)
    return (
        ask("policy", f"口令是否须在 {most} 天内更换", met, seen, POLICY),
        _each(accounts, most),
        *domain_policy(identity),
    )


def _each(accounts: WindowsAccounts, most: int) -> Criterion:
    question = f"现有账户的口令是否均在 {most} 天内更换"
    usable = enabled(accounts)
    bad: list[str] = []
    unknown: list[str] = []
    for one in usable:
        age = None if one.set_s is None or accounts.clock_s is None else accounts.clock_s - one.set_s
        if not one.password_expires:
            bad.append(f"{one.name}（密码永不过期）")
        elif age is not None and age > most * DAY_S and not one.must_change:
            bad.append(f"{one.name}（{age // DAY_S} 天未更换）")
        elif age is None and not one.must_change:
            unknown.append(one.name)
    head = f"启用的账户 {len(usable)} 个，"
    if bad:
        return ask("accounts", question, False, head + f"其中 {listing(bad)}", ACCOUNTS)
    if unknown:
        return ask("accounts", question, None, head + f"{listing(unknown)} 的口令更换时间未知", ACCOUNTS)
    seen = head + f"均未设“密码永不过期”，口令均在 {most} 天内更换过" if usable else "没有启用的账户"
    return ask("accounts", question, True, seen, ACCOUNTS)


def locks(policy: WindowsPolicy, identity: WindowsIdentity) -> tuple[Criterion, ...]:
    """Return whether failed logins are counted and locked at all; a threshold of 0 switches it off."""
    value = _effective(policy, "LockoutBadCount")
    if value is None:
        seen = _unknown(policy, "LockoutBadCount")
    elif value <= 0:
        seen = "本地安全策略“账户锁定阈值”为 0，即未启用锁定"
    else:
        seen = f"本地安全策略“账户锁定阈值”为 {value} 次无效登录"
    met = _sure(None if value is None else value > 0, policy, identity)
    return (
        ask("enabled", "是否启用登录失败锁定", met, seen, POLICY, decisive=True),
        *domain_policy(identity),
    )


def lockout(
    policy: WindowsPolicy, identity: WindowsIdentity, attempts: int, least_s: int
) -> tuple[Criterion, ...]:
    """Return threshold and duration; a duration of -1 or 0 holds until an administrator unlocks."""
    value = _effective(policy, "LockoutBadCount")
    found = locks(policy, identity)
    if value is None or value <= 0:
        return found
    minutes = _effective(policy, "LockoutDuration")
    if minutes is None:
        seen = _unknown(policy, "LockoutDuration")
    elif minutes <= 0:
        seen = f"“账户锁定时间”为 {minutes}，即锁定至管理员解锁"
    else:
        seen = f"“账户锁定时间”为 {minutes} 分钟（要求不少于 {least_s} 秒）"
    return (
        found[0],
        ask(
            "threshold",
            f"锁定的失败次数是否不多于 {attempts} 次",
            value <= attempts,
            f"{value} 次无效登录后锁定（要求 1–{attempts} 次）",
            POLICY,
        ),
        ask(
            "duration",
            f"锁定时长是否不少于 {least_s} 秒",
            None if minutes is None else minutes <= 0 or minutes * 60 >= least_s,
            seen,
            POLICY,
        ),
        *found[1:],
    )


def administrator_note(policy: WindowsPolicy) -> str:
    """Return whether the lock reaches the built-in administrator, as far as the export tells."""
    value = policy.number("AllowAdministratorLockout")
    if value is None:
        return f"内置管理员账户（RID {ADMINISTRATOR}）是否同样锁定，本机导出未说明"
    return "内置管理员账户同样锁定" if value else "内置管理员账户不受锁定"


def hashed(policy: WindowsPolicy, settings: WindowsSettings) -> tuple[Criterion, ...]:
    """Return whether passwords are kept only as hashes of a kind that is not the broken LM one."""
    clear = policy.number("ClearTextPassword")
    lm = settings.number("lsa.NoLMHash", 1)
    return (
        ask(
            "clear",
            "口令是否不以可还原的加密存储",
            None if clear is None else clear == 0,
            f"“用可还原的加密来储存密码”{state(clear)}",
            POLICY,
            decisive=True,
        ),
        ask(
            "lm",
            "是否不存储 LM 散列",
            None if lm is None else lm == 1,
            f"“不存储 LAN 管理器哈希值”{state(lm)}",
            SETTINGS,
            decisive=True,
        ),
    )
