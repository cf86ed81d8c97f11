"""2.b.1: are default accounts renamed or deleted?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts
from dengbao.probes.host.facts import HostAccounts, HostPasswords, HostSshd
from dengbao.probes.web.facts_access import WebUsers
from dengbao.probes.windows.facts import WindowsAccounts

from .. import app_users, databases, db_access, win_accounts, windows
from ..hosts import ACCOUNTS, SSHD, ask, no_default_seats, told, under_match
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "中间件、监控、报表等附属控制台的默认账户，须人工核查"


@check("access.default_account_renamed")
def host_default_accounts_are_closed(
    accounts: HostAccounts, passwords: HostPasswords, sshd: HostSshd
) -> Judgement:
    """Judge that root cannot log in from afar, has no double, and other default accounts cannot log in.

    root is not renamed on Linux; refusing its remote login stands for that.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    doubles = [one.name for one in accounts.accounts if one.uid == 0 and one.name != "root"]
    criteria = (
        _root(sshd),
        ask(
            "only_root",
            "UID 为 0 的账户是否仅 root",
            not doubles,
            f"UID 为 0 的其他账户：{listing(doubles) or '无'}",
            ACCOUNTS,
            decisive=True,
        ),
        no_default_seats(
            accounts, passwords, "其他默认账户是否已删除或不可登录", "系统默认账户", decisive=False
        ),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}；root 为 Linux 固有账户，不重命名，以禁止其远程登录代替。",
    )


def _root(sshd: HostSshd) -> Criterion:
    question = "是否禁止 root 远程登录"
    if not sshd.running:
        return ask("root", question, True, "未开启 SSH 远程登录", SSHD)
    value = sshd.value("permitrootlogin")
    met, note = under_match(sshd, _refuses_root, "permitrootlogin", user="root")
    open_door, _ = under_match(
        sshd, lambda one: one.value("permitrootlogin") != "yes", "permitrootlogin", user="root"
    )
    seen = f"root 远程登录（PermitRootLogin）为 {value or '未知'}{note}"
    return ask("root", question, met, seen, SSHD, decisive=open_door is False)


def _refuses_root(sshd: HostSshd) -> bool | None:
    value = sshd.value("permitrootlogin")
    return value == "no" if value else None


@check("access.default_account_renamed")
def database_default_account_is_gone(
    asset: DatabaseAsset, accounts: DatabaseAccounts, access: DatabaseAccess | None
) -> Judgement:
    """Judge that root or postgres was renamed, deleted or disabled; kept to this machine is half of it.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    first = db_access.renamed(accounts)
    criteria = (first, *databases.whole(accounts))
    if not first.met:
        criteria += db_access.defaults_from_afar(asset.platform, accounts, access)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("access.default_account_renamed")
def windows_administrator_is_renamed(accounts: WindowsAccounts) -> Judgement:
    """Judge that RID 500 is renamed or disabled, and RID 501 too.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    criteria = win_accounts.renamed(accounts)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))


@check("access.default_account_renamed", half=WEB_LEFT)
def web_default_names_are_gone(users: WebUsers) -> Judgement:
    """Judge by the list of users that no account with a default name is usable.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    criteria = (app_users.defaults(users), *app_users.whole(users))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{app_users.source(users)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=app_users.list_proofs(users, criteria),
    )
