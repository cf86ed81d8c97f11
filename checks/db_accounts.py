"""Criteria on who may log in to a database, and on what is stored as passwords."""

from __future__ import annotations

from collections.abc import Callable

from dengbao.errors import Reason, Undetermined
from dengbao.model import Criterion
from dengbao.probes.database.facts import (
    DatabaseAccess,
    DatabaseAccount,
    DatabaseAccounts,
    DatabasePasswords,
    DatabasePolicy,
    PasswordState,
)

from . import db_products, hba
from .databases import ACCESS, ACCOUNTS, LIKE_POSTGRES, PASSWORDS, POLICY, labels, logins, stored, whole
from .hosts import ask
from .wording import listing


def identified(
    platform: str,
    access: DatabaseAccess,
    accounts: DatabaseAccounts,
    passwords: DatabasePasswords | None,
) -> tuple[Criterion, ...]:
    """Return whether everybody who logs in must prove who he is."""
    if access.has_rules:
        return (*hba.certain(access), no_trust(access))
    asked = db_products.asks_everybody(platform, access) if platform in db_products.OTHERS else None
    return (asked or _grant_tables(access), no_empty(accounts, passwords, access), *whole(accounts))


def no_trust(access: DatabaseAccess) -> Criterion:
    """Return whether no deciding rule of pg_hba.conf lets in without a password."""
    found = hba.trusting(access)
    methods = listing(dict.fromkeys(one.method for one in access.rules)) or "无"
    return ask(
        "no_trust",
        "是否没有免鉴别（trust）的访问规则",
        not found,
        f"pg_hba.conf 共 {len(access.rules)} 条规则，鉴别方式 {methods}；"
        f"免鉴别即可登录的规则：{hba.lines(found)}",
        ACCESS,
        decisive=True,
    )


def _grant_tables(access: DatabaseAccess) -> Criterion:
    off = access.authentication_off
    return ask(
        "grant_tables",
        "是否启用授权表鉴别",
        None if off is None else not off,
        {True: "以 skip-grant-tables 运行，未鉴别任何用户", False: "已启用授权表鉴别", None: "鉴别状态未知"}[
            off
        ],
        ACCESS,
        decisive=True,
    )


def no_empty(
    accounts: DatabaseAccounts, passwords: DatabasePasswords | None, access: DatabaseAccess
) -> Criterion:
    """Return whether no account that can log in has an empty password.

    An account without any stored password counts as empty only where a rule lets it in without one.
    """
    question = "可登录账户中是否没有空口令账户"
    if passwords is None:
        return ask("login_accounts", question, None, "未能读取账户口令状态", PASSWORDS, decisive=True)
    states = stored(passwords)
    empty: list[DatabaseAccount] = []
    unclear: list[DatabaseAccount] = []
    for one in logins(accounts):
        found = states.get((one.name, one.host))
        state = found.state if found else PasswordState.UNKNOWN
        if state is PasswordState.EMPTY or (state is PasswordState.NONE and _trusted(one, access)):
            empty.append(one)
        elif state is PasswordState.UNKNOWN:
            unclear.append(one)
    met = False if empty else (None if unclear else True)
    seen = f"可登录账户 {len(logins(accounts))} 个，其中空口令账户：{labels(empty)}"
    if unclear:
        seen += f"；口令由外部鉴别或未能读取：{labels(unclear)}"
    return ask("login_accounts", question, met, seen, PASSWORDS, decisive=True)


def _trusted(account: DatabaseAccount, access: DatabaseAccess) -> bool:
    return any(hba.speaks_of(one, account.name, account.member_of) for one in hba.trusting(access))


def no_empty_elsewhere(accounts: DatabaseAccounts, passwords: DatabasePasswords) -> Criterion:
    """Return whether accounts that cannot log in have no empty password either."""
    states = stored(passwords)
    closed = [
        one
        for one in accounts.accounts
        if one.can_login is False and not one.system and not one.is_role
        and (found := states.get((one.name, one.host))) is not None
        and found.state is PasswordState.EMPTY
    ]  # fmt: skip
    return ask(
        "other_accounts",
        "其他账户中是否没有空口令账户",
        not closed,
        f"不可登录但口令为空的账户：{labels(closed)}",
        PASSWORDS,
    )


def unique(accounts: DatabaseAccounts) -> tuple[Criterion, ...]:
    """Return whether every account is one identity and has a name."""
    names = [one.label for one in accounts.accounts if not one.is_role]
    twice = sorted({one for one in names if names.count(one) > 1})
    nameless = [one for one in logins(accounts) if not one.name]
    several = sorted(
        {
            one.name
            for one in logins(accounts)
            if one.name and len({two.host for two in logins(accounts) if two.name == one.name}) > 1
        }
    )
    more = f"；同名不同主机的账户：{listing(several)}" if several else ""
    return (
        ask(
            "unique",
            "用户标识是否唯一",
            not twice,
            f"可登录账户 {len(logins(accounts))} 个（{labels(logins(accounts))}），"
            f"标识重复：{listing(twice) or '无'}{more}",
            ACCOUNTS,
            decisive=True,
        ),
        ask(
            "named",
            "是否没有无名账户",
            not nameless,
            f"无用户名的账户：{listing(one.label for one in nameless) or '无'}",
            ACCOUNTS,
            decisive=True,
        ),
        *whole(accounts),
    )


def ageing(
    platform: str,
    accounts: DatabaseAccounts,
    passwords: DatabasePasswords | None,
    policy: DatabasePolicy | None,
    most: int,
) -> tuple[Criterion, ...]:
    """Return whether passwords must be changed in time, as the platform arranges it."""
    if platform in LIKE_POSTGRES:
        return (_ends(accounts, passwords, most), *_interval(policy, most), *whole(accounts))
    if passwords is None:
        raise Undetermined("未能读取账户口令有效期", reason=Reason.NO_PERMISSION)
    default = policy.default_lifetime_days if policy is not None else None
    if platform in db_products.OTHERS and default is None:
        return (_lifetimes(accounts, passwords, most), *whole(accounts))
    name = db_products.LIFETIMES.get(platform, "default_password_lifetime")
    told = {None: "没有该参数", 0: "0（永不过期）"}.get(default, f"{default} 天")
    return (
        ask(
            "default",
            f"默认口令有效期是否为 1–{most} 天",
            None if policy is None else bool(default) and 0 < (default or 0) <= most,
            f"{name} 为 {told}（要求 1–{most} 天）",
            POLICY,
        ),
        _lifetimes(accounts, passwords, most),
        *whole(accounts),
    )


def _interval(policy: DatabasePolicy | None, most: int) -> tuple[Criterion, ...]:
    """Return whether 金仓 gives each new password an end soon enough; of the others nothing is asked.

    An end date that is near today proves little where passwords are made for a year.
    """
    days = policy.default_lifetime_days if policy is not None else None
    if days is None:
        return ()
    told = "0（不限）" if days == 0 else f"{days} 天"
    question = f"新口令的有效期是否为 1–{most} 天"
    seen = f"identity_pwdexp.password_change_interval 为 {told}（要求 1–{most} 天）"
    return (ask("interval", question, 0 < days <= most, seen, POLICY),)


def _ends(accounts: DatabaseAccounts, passwords: DatabasePasswords | None, most: int) -> Criterion:
    """Return whether every role with a password has an end date near enough."""
    states = stored(passwords) if passwords is not None else {}
    asked = [
        one
        for one in logins(accounts)
        if (found := states.get((one.name, one.host))) is None or found.state is not PasswordState.NONE
    ]
    return _all(
        asked,
        lambda one: one.valid_for_days is not None and one.valid_for_days <= most,
        name="accounts",
        question=f"每个可登录账户的口令是否在 {most} 天内到期",
        seen=lambda bad: f"可以口令登录的账户 {len(asked)} 个，未设有效期或超过 {most} 天的：{labels(bad)}",
        fact=ACCOUNTS,
    )


def _lifetimes(accounts: DatabaseAccounts, passwords: DatabasePasswords, most: int) -> Criterion:
    states = stored(passwords)
    # What is checked elsewhere (PAM, LDAP) is not renewed by a time that is set here.
    days = {
        one.label: None if found.state is PasswordState.UNKNOWN else found.lifetime_days
        for one in logins(accounts)
        if (found := states.get((one.name, one.host))) is not None
    }
    asked = [
        one
        for one in logins(accounts)
        if (one.name, one.host) in states and states[one.name, one.host].state is not PasswordState.NONE
    ]
    unclear = [one for one in asked if days[one.label] is None]
    if unclear and not any(_too_long(days[one.label], most) for one in asked):
        seen = f"账户口令有效期未能读取或由外部鉴别决定：{labels(unclear)}"
        return ask("accounts", "每个可登录账户的口令是否定期更换", None, seen, PASSWORDS)
    return _all(
        asked,
        lambda one: not _too_long(days[one.label], most),
        name="accounts",
        question=f"每个可登录账户的口令有效期是否为 1–{most} 天",
        seen=lambda bad: (
            f"可以口令登录的账户 {len(asked)} 个，口令永不过期或有效期超过 {most} 天的：{labels(bad)}"
        ),
        fact=PASSWORDS,
    )


def _too_long(days: int | None, most: int) -> bool:
    """Tell whether a time is known and no good; 0 is for ever."""
    return days is not None and not 0 < days <= most


def _all(
    asked: list[DatabaseAccount],
    good: Callable[[DatabaseAccount], bool],
    *,
    name: str,
    question: str,
    seen: Callable[[list[DatabaseAccount]], str],
    fact: str,
) -> Criterion:
    if not asked:
        return ask(name, question, None, "没有可以口令登录的账户", fact)
    bad = [one for one in asked if not good(one)]
    return ask(name, question, not bad, seen(bad), fact)


# Kinds of hashes by whether each password gets its own salt and whether the algorithm still stands.
_STRONG = frozenset(
    {"scram-sha-256", "caching_sha2", "sha256_crypt", "parsec", "scram-sm3", "pbkdf2-sha512", "sha512-salted"}
)
_SALTED = _STRONG | {"sha1-salted"}
_SOUND = _STRONG | {"ed25519", "sha256", "sm3"}
# Of which neither the salt nor the algorithm shows; of `sm3`, 金仓's own, only the salt does not.
_UNKNOWN = frozenset({"unknown"})


def hashed(passwords: DatabasePasswords) -> tuple[Criterion, ...]:
    """Return whether stored passwords are hashes, salted, of an algorithm that still stands.

    Raises:
        Undetermined: no password is stored at all.

    """
    kept = [one for one in passwords.passwords if one.scheme]
    if not kept and any(one.state is PasswordState.SET for one in passwords.passwords):
        raise Undetermined("账户已设口令，其存储方式未能得知，不能判断口令存储方式")
    if not kept:
        raise Undetermined("数据库中没有以口令散列存储的账户，不能判断口令存储方式")
    clear = [one for one in kept if "clear" in one.scheme]
    schemes = [(one, scheme) for one in kept for scheme in one.scheme.split("、")]
    unsalted = sorted({scheme for _, scheme in schemes if scheme not in _SALTED | _UNKNOWN | {"sm3"}})
    used = {scheme for _, scheme in schemes}
    unclear = used & _UNKNOWN
    broken = sorted({scheme for _, scheme in schemes if scheme not in _SOUND | _UNKNOWN})
    counts = listing(
        f"{scheme} {sum(two == scheme for _, two in schemes)} 个"
        for scheme in dict.fromkeys(scheme for _, scheme in schemes)
    )
    names = listing(f"{one.name}@{one.host}" if one.host else one.name for one in clear) or "无"
    return (
        ask(
            "not_clear",
            "口令是否未以明文存储",
            not clear,
            f"已存口令的账户 {len(kept)} 个，存储方式 {counts}；明文存储的账户：{names}",
            PASSWORDS,
            decisive=True,
        ),
        ask(
            "salted",
            "口令散列是否加盐",
            False if unsalted else None if unclear or "sm3" in used else True,
            f"未逐个加盐的方式：{listing(unsalted) or '无'}",
            PASSWORDS,
        ),
        ask(
            "sound",
            "口令散列算法是否未被淘汰",
            False if broken else None if unclear else True,
            f"已淘汰的算法：{listing(broken) or '无'}" + ("；另有未能识别的算法" if unclear else ""),
            PASSWORDS,
        ),
    )
