"""1.a.2: is every user identity unique?"""

from __future__ import annotations

from collections import defaultdict

from dengbao.checking import check
from dengbao.model import Judgement
from dengbao.probes.database.facts import DatabaseAccounts
from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity

from .. import databases, db_accounts, win_accounts, windows
from ..hosts import ACCOUNTS, ask, local_only, told
from ..wording import listing


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
