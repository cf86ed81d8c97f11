"""Accounts of Windows: by SID and not by name, so that renamed ones are known for what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.windows.facts import (
    WindowsAccount,
    WindowsAccounts,
    WindowsIdentity,
    WindowsPolicy,
    WindowsSettings,
)

from .hosts import ask
from .windows import (
    ACCOUNTS,
    ADMINISTRATOR,
    DAY_S,
    GUEST,
    POLICY,
    SETTINGS,
    domain_accounts,
    enabled,
    state,
)
from .wording import listing

_BUILT_IN: Final = frozenset({500, 501, 503, 504})
_FACTORY: Final = frozenset({"administrator"})
_AUTO: Final[Mapping[int | None, str]] = {
    None: "自动登录（AutoAdminLogon）未能确认",
    1: "已启用自动登录（AutoAdminLogon 为 1），开机不需鉴别",
}


def unique(accounts: WindowsAccounts, identity: WindowsIdentity) -> tuple[Criterion, ...]:
    """Return whether names, without regard to case, and SIDs are each used once."""
    names = Counter(one.name.casefold() for one in accounts.accounts)
    sids = Counter(one.sid for one in accounts.accounts)
    twice = [name for name, count in names.items() if count > 1]
    shared = [sid for sid, count in sids.items() if count > 1]
    head = f"本机账户 {len(accounts.accounts)} 个"
    return (
        ask("names", "账户名是否唯一", not twice, f"{head}，重名账户：{listing(twice) or '无'}", ACCOUNTS,
            decisive=True),
        ask("sids", "SID 是否唯一", not shared, f"重复的 SID：{listing(shared) or '无'}", ACCOUNTS,
            decisive=True),
        *domain_accounts(identity),
    )  # fmt: skip


def passwords_set(
    accounts: WindowsAccounts, policy: WindowsPolicy, identity: WindowsIdentity
) -> tuple[Criterion, ...]:
    """Return whether accounts can be without a password.

    Windows does not show whether a password is empty. Proven empty is one that needs none and was never
    set; proven not to be empty is one that needs some, where the policy takes no empty one.
    """
    usable = enabled(accounts)
    free = [one for one in usable if not one.password_required]
    # Never set and never to expire: not the mark of one that must be changed at the next login.
    empty = [one.name for one in free if one.never_set and not one.password_expires]
    length = policy.number("MinimumPasswordLength")
    met: bool | None = False if empty else None if free else True
    if empty:
        seen = f"启用的账户 {listing(empty)} 不要求口令且从未设置口令"
    elif free:
        seen = f"启用的账户 {listing(one.name for one in free)} 允许空口令，是否为空未能确认"
    else:
        seen = f"启用的账户 {len(usable)} 个，均要求口令"
    return (
        ask("accounts", "是否不存在空口令账户", met, seen, ACCOUNTS, decisive=True),
        ask(
            "policy",
            "策略是否不接受空口令",
            True if length and length > 0 else None,
            "“密码长度最小值”未能确认"
            if length is None
            else f"“密码长度最小值”为 {length}" + ("" if length > 0 else "，允许设置空口令"),
            POLICY,
        ),
        *domain_accounts(identity),
    )


def asked_for(accounts: WindowsAccounts, settings: WindowsSettings) -> tuple[Criterion, ...]:
    """Return whether anybody gets in unasked: automatic login, Guest, empty passwords over the network."""
    auto = settings.number("winlogon.AutoAdminLogon", 0)
    blank = settings.number("lsa.LimitBlankPasswordUse", 1)
    return (
        ask(
            "auto_logon",
            "是否未启用自动登录",
            None if auto is None else auto != 1,
            _AUTO.get(auto, "未启用自动登录（AutoAdminLogon），登录须鉴别"),
            SETTINGS,
            decisive=True,
        ),
        guest_closed(accounts),
        ask(
            "blank",
            "空口令账户是否不能从网络登录",
            None if blank is None else blank == 1,
            f"“使用空密码的本地账户只允许进行控制台登录”{state(blank)}",
            SETTINGS,
        ),
    )


def guest_closed(accounts: WindowsAccounts) -> Criterion:
    """Return whether Guest, under whatever name, is disabled."""
    guest = accounts.by_rid(GUEST)
    if guest is None:
        return ask("guest", "来宾账户是否已禁用", True, "没有来宾账户（RID 501）", ACCOUNTS, decisive=True)
    seen = f"来宾账户 {guest.name}（RID 501）{'已禁用' if guest.disabled else '已启用'}"
    return ask("guest", "来宾账户是否已禁用", guest.disabled, seen, ACCOUNTS, decisive=True)


def renamed(accounts: WindowsAccounts) -> tuple[Criterion, ...]:
    """Return whether Administrator, which is RID 500, bears another name or is disabled; Guest likewise."""
    admin = accounts.by_rid(ADMINISTRATOR)
    question = "默认管理员账户是否已重命名或禁用"
    if admin is None:
        first = ask("administrator", question, None, "未见内置管理员账户（RID 500）", ACCOUNTS)
    else:
        changed = admin.name.casefold() not in _FACTORY
        state = "已禁用" if admin.disabled else "已启用"
        what = f"已重命名为 {admin.name}" if changed else f"名称仍为 {admin.name}"
        first = ask(
            "administrator", question, changed or admin.disabled, f"内置管理员账户（RID 500）{what}，{state}",
            ACCOUNTS, decisive=True,
        )  # fmt: skip
    guest = accounts.by_rid(GUEST)
    closed = guest is None or guest.disabled or guest.name.casefold() != "guest"
    seen = "没有来宾账户"
    if guest is not None:
        seen = f"来宾账户（RID 501）名称为 {guest.name}，{'已禁用' if guest.disabled else '已启用'}"
    return (first, ask("guest", "来宾账户是否已重命名或禁用", closed, seen, ACCOUNTS))


def anonymous(accounts: WindowsAccounts, settings: WindowsSettings) -> tuple[Criterion, ...]:
    """Return whether strangers see accounts or shares."""
    sam = settings.number("lsa.RestrictAnonymousSAM", 1)
    everyone = settings.number("lsa.EveryoneIncludesAnonymous", 0)
    shares = settings.text("server.NullSessionShares")
    system = [one.name for one in enabled(accounts) if one.rid in (503, 504)]
    return (
        guest_closed(accounts),
        ask("built_in", "系统内置账户是否未启用", not system,
            f"已启用的系统内置账户：{listing(system) or '无'}", ACCOUNTS),
        _switch("enumeration", "“不允许 SAM 账户的匿名枚举”", sam, 1),
        _switch("everyone", "“将 Everyone 权限应用于匿名用户”", everyone, 0),
        ask(
            "shares",
            "是否没有可匿名访问的共享",
            None if shares is None else not shares,
            f"可匿名访问的共享：{'未能确认' if shares is None else shares.replace('|', '、') or '无'}",
            SETTINGS,
        ),
    )  # fmt: skip


def _switch(name: str, title: str, value: int | None, good: int) -> Criterion:
    words = {None: "未能确认", 0: "已禁用", 1: "已启用"}
    met = None if value is None else value == good
    return ask(name, f"{title}是否{words[good]}", met, f"{title}{words.get(value, f'为 {value}')}", SETTINGS)


# ---- accounts that nobody needs -----------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """Usable accounts, the idle ones with a reason, those of unknown use, and disabled ones."""

    usable: tuple[str, ...]
    idle: tuple[str, ...]
    unknown: tuple[str, ...]
    disabled: tuple[str, ...]


def use(accounts: WindowsAccounts, identity: WindowsIdentity, days: int) -> Use:
    """Return who was idle for too long; the built-in administrator always has a use.

    A controller notes only the logins that it answered itself, so that idleness there proves nothing.
    """
    usable = enabled(accounts)
    idle: list[str] = []
    unknown: list[str] = []
    for one in usable:
        since = _idle_days(one, accounts.clock_s)
        if one.rid == ADMINISTRATOR or (since is not None and since <= days):
            continue
        if since is None or identity.controller is not False:
            unknown.append(one.name)
        else:
            how = f"{since} 天未登录" if one.login_s else f"设置口令 {since} 天以来从未登录"
            idle.append(f"{one.name}（{how}）")
    names = {one.name for one in usable}
    disabled = tuple(one.name for one in accounts.accounts if one.name not in names)
    return Use(tuple(one.name for one in usable), tuple(idle), tuple(unknown), disabled)


def _idle_days(one: WindowsAccount, clock_s: int | None) -> int | None:
    at_s = one.login_s or one.set_s
    return None if at_s is None or clock_s is None else max(clock_s - at_s, 0) // DAY_S


def strangers(roster: Iterable[str], accounts: WindowsAccounts) -> tuple[str, ...]:
    """Return usable accounts that the roster does not name; names are compared without case."""
    known = {one.casefold() for one in roster}
    return tuple(
        one.name for one in enabled(accounts) if one.rid != ADMINISTRATOR and one.name.casefold() not in known
    )


def idle(found: Use, days: int) -> Criterion:
    """Return whether every usable account is used."""
    met = False if found.idle else None if found.unknown else True
    if found.idle:
        seen = f"超过 {days} 天未使用的账户：{listing(found.idle)}"
    elif found.unknown:
        seen = f"账户 {listing(found.unknown)} 的登录情况未能确认"
    else:
        seen = f"均在 {days} 天内使用过"
    return ask("idle", "是否没有多余、过期的可用账户", met, seen, ACCOUNTS)


def rostered(roster: tuple[str, ...], accounts: WindowsAccounts) -> tuple[Criterion, ...]:
    """Return whether usable accounts stand on the declared roster; without one nothing is asked."""
    if not roster:
        return ()
    extra = strangers(roster, accounts)
    seen = f"不在登记人员账户清单内的账户：{listing(extra) or '无'}"
    return (ask("roster", "可用账户是否均在登记的账户清单内", not extra, seen, ACCOUNTS),)


def closed(found: Use, roster: tuple[str, ...], accounts: WindowsAccounts) -> Criterion:
    """Return whether nobody who is idle, or not on the roster, can still log in."""
    extra = strangers(roster, accounts) if roster else ()
    left = (*found.idle, *(f"{one}（不在登记清单）" for one in extra))
    met = False if left else None if found.unknown else True
    if left:
        seen = f"未停用的多余、过期账户：{listing(left)}"
    elif found.unknown:
        seen = f"账户 {listing(found.unknown)} 的登录情况未能确认，是否多余不明"
    else:
        seen = "未见仍可使用的多余、过期账户"
    return ask("disabled", "多余、过期的账户是否已停用", met, seen, ACCOUNTS, decisive=True)


def preset_passwords(accounts: WindowsAccounts, identity: WindowsIdentity) -> tuple[Criterion, ...]:
    """Return whether accounts that come with the system have a password, set after the installation.

    One older than the installation may be the system's before an upgrade in place; nobody can tell.
    """
    preset = [one for one in enabled(accounts) if (one.rid or 0) in _BUILT_IN]
    empty = [one.name for one in preset if one.never_set and not one.password_required]
    installed = identity.installed_s
    old = [
        one.name for one in preset if one.set_s is None or installed is None or one.set_s < installed + DAY_S
    ]
    names = listing(one.name for one in preset) or "无"
    seen = f"启用的内置账户：{names}，口令均在系统安装后修改过"
    if not preset:
        seen = "没有启用的内置账户"
    elif old:
        seen = f"启用的内置账户：{names}，{listing(old)} 的口令自系统安装以来是否修改未能确认"
    return (
        ask("empty", "内置账户是否均设口令或已禁用", not empty,
            f"从未设置口令的内置账户：{listing(empty) or '无'}", ACCOUNTS, decisive=True),
        ask("changed", "内置账户的口令是否在系统安装后修改过", None if old else True, seen, ACCOUNTS),
    )  # fmt: skip
