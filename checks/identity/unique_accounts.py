"""1.a.2: is every user identity unique?"""

from __future__ import annotations

from collections import defaultdict

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseAccounts
from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.web.facts_identity import WebUniqueness
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity

from .. import databases, db_accounts, web_passwords, win_accounts, windows
from ..hosts import ACCOUNTS, ask, local_only, told
from ..wording import listing

WEB_LEFT = "现有用户是否一人一号，须与人员台账核对"


@check("identity.unique_accounts")
def host_accounts_are_unique(accounts: HostAccounts) -> Judgement:
    """Judge that no two local accounts share a name or a uid.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    names: dict[str, int] = defaultdict(int)
    holders: dict[int, list[str]] = defaultdict(list)
    for one in accounts.accounts:
        names[one.name] += 1
        holders[one.uid].append(one.name)
    twice = [name for name, count in names.items() if count > 1]
    shared = [
        f"UID {uid}（{'、'.join(dict.fromkeys(found))}）" for uid, found in holders.items() if len(found) > 1
    ]
    criteria = (
        ask(
            "names",
            "账户名是否唯一",
            not twice,
            f"重名账户：{listing(twice) or '无'}",
            ACCOUNTS,
            decisive=True,
        ),
        ask(
            "uids",
            "UID 是否唯一",
            not shared,
            f"重复的 UID：{listing(shared) or '无'}",
            ACCOUNTS,
            decisive=True,
        ),
        *local_only(accounts),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，/etc/passwd 共 {len(accounts.accounts)} 个账户，{told(criteria)}。",
    )


@check("identity.unique_accounts")
def database_accounts_are_unique(accounts: DatabaseAccounts) -> Judgement:
    """Judge that every account has a name that is its own.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = db_accounts.unique(accounts)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("identity.unique_accounts")
def windows_accounts_are_unique(accounts: WindowsAccounts, identity: WindowsIdentity) -> Judgement:
    """Judge that no two accounts share a name or a SID; those of a domain are not seen here.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = win_accounts.unique(accounts, identity)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))


@check("identity.unique_accounts", half=WEB_LEFT)
def web_users_are_unique(seen: WebUniqueness) -> Judgement:
    """Judge that a user name that exists cannot be given again, also in other case or with a space.

    Refusals count only while new names are accepted by the same request, before and afterwards.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = web_passwords.unique(seen)
    told = "；".join(one.measured for one in criteria)
    first = seen.of("new")
    works = "新建成功" if first is not None and first.created else "未能新建，上述结果不足以说明问题"
    control = seen.of("other")
    if control is not None:
        works += "，其后换用另一用户名" + (
            "新建成功" if control.created else "未能新建，下列拒绝不足以说明问题"
        )
    removed = "测试用户已删除" if seen.removed else "测试用户未能删除，须由管理员删除"
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，测试用户{works}，再新建{told}；{removed}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=web_passwords.unique_proofs(seen),
    )
