"""1.a.3: are there users with an empty password?"""

from __future__ import annotations

from collections import Counter

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Exchange, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabasePasswords
from dengbao.probes.host.facts import HostAccounts, HostPam, HostPasswords
from dengbao.probes.web.facts import WebEmptyPassword
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity, WindowsPolicy

from .. import databases, db_accounts, hba, win_accounts, windows
from ..hosts import PASSWORDS, ask, local_only, told
from ..web_logins import believed, sight
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "除测试账户外是否另有空口令账户，须核查用户列表或用户表"
WINDOWS_LEFT = "策略启用之前设置的口令是否为空，须以改密记录或登录测试补充"


@check("identity.empty_password", half=WEB_LEFT)
def web_login_refuses_an_empty_password(seen: WebEmptyPassword) -> Judgement:
    """Judge that the declared account cannot log in with an empty password.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    accepted = believed(seen.attempt, seen.control)
    result = {True: "登录成功", False: "登录被拒绝", None: "应答不足以判断是否登录成功"}[accepted]
    measured = f"以空口令登录一次：{sight(seen.attempt)}；{result}"
    return Judgement(
        criteria=(
            Criterion(
                name="empty_password_refused",
                question="是否拒绝空口令登录",
                met=None if accepted is None else not accepted,
                measured=measured,
                fact="web.empty_password",
                decisive=True,
            ),
        ),
        statement=f"经测试验证，账户 {seen.account} 以正确口令可登录，{measured}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=(
            Exchange(
                request="以空口令登录",
                answer=f"{sight(seen.attempt)}；{result}",
                at=seen.attempt.at,
                role=seen.account,
            ),
        ),
    )


@check("identity.empty_password")
def host_accounts_have_passwords(
    accounts: HostAccounts, passwords: HostPasswords, pam: HostPam | None
) -> Judgement:
    """Judge that no local account has an empty password field.

    `!` and `*` lock an account, they are not empty.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    usable = {one.name for one in accounts.accounts if one.can_log_in}
    states = Counter(one.state for one in passwords.entries)
    empty = [one.account for one in passwords.entries if one.state == "empty"]
    inside = [one for one in empty if one in usable]
    closed = [one for one in empty if one not in usable]
    criteria = (
        ask(
            "login_accounts",
            "可登录账户中是否没有空口令账户",
            not inside,
            f"可登录的空口令账户：{listing(inside) or '无'}",
            PASSWORDS,
            decisive=True,
        ),
        ask(
            "other_accounts",
            "其他账户中是否没有空口令账户",
            not closed,
            f"不可登录但口令为空的账户：{listing(closed) or '无'}",
            PASSWORDS,
        ),
        *local_only(accounts),
    )
    nullok = pam is not None and any(
        "nullok" in rule.args
        for rule in (*(pam.stack("sshd", "auth") or ()), *(pam.stack("login", "auth") or ()))
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，/etc/passwd、/etc/shadow 共 {len(passwords.entries)} 个账户，"
        f"其中可登录 {len(usable)} 个；"
        f"已设口令 {states['set']} 个、已锁定 {states['locked']} 个、无口令条目 {states['none']} 个、"
        f"空口令 {states['empty']} 个；"
        f"{told(criteria)}" + ("；PAM 允许空口令（nullok），建议去除" if nullok else "") + "。",
    )


@check("identity.empty_password")
def database_accounts_have_passwords(
    accounts: DatabaseAccounts, passwords: DatabasePasswords, access: DatabaseAccess
) -> Judgement:
    """Judge that no account can be used without a password.

    An account without a stored password counts where a trust rule lets it in; so does every account
    that a trust rule speaks of.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria: tuple[Criterion, ...] = (
        db_accounts.no_empty(accounts, passwords, access),
        db_accounts.no_empty_elsewhere(accounts, passwords),
        *databases.whole(accounts),
    )
    if access.has_rules:
        criteria += (db_accounts.no_trust(access), *hba.certain(access))
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("identity.empty_password", half=WINDOWS_LEFT)
def windows_accounts_have_passwords(
    accounts: WindowsAccounts, policy: WindowsPolicy, identity: WindowsIdentity
) -> Judgement:
    """Judge that every usable account needs a password, and that the policy takes no empty one.

    Windows does not show an empty password as such; one that was never set and is not needed is empty.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = win_accounts.passwords_set(accounts, policy, identity)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )
