"""2.a.2: are anonymous and default accounts disabled or restricted?"""

from __future__ import annotations

import re
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabaseGrants
from dengbao.probes.host.facts import HostAccounts, HostPasswords, HostSshd
from dengbao.probes.host.system_facts import HostServices
from dengbao.probes.web.facts import WebDefaultAccounts, WebPages, WebSession
from dengbao.probes.windows.facts import WindowsAccounts, WindowsSettings

from .. import databases, db_access, db_accounts, db_products, db_rights, win_accounts, windows
from ..hosts import SSHD, ask, no_default_seats, place, under_match
from ..hosts import told as told_host
from ..web_defaults import default_logins, default_proofs, told
from ..web_pages import refusal_proofs, refusals, summary
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "产品自带的默认账户是否已禁用或限制权限，须核查用户列表"
HOST_LEFT = "业务软件自带的默认账户是否已禁用或限制权限，须人工核查"
WINDOWS_LEFT = "业务软件自带的默认账户是否已禁用或限制权限，须人工核查"

_ANONYMOUS: Final = re.compile(r"(?:anonymous_enable|guest ok|public)\s*=\s*(?:yes|true|1)", re.IGNORECASE)


@check("access.anonymous_disabled", half=WEB_LEFT)
def web_strangers_see_no_protected_page(
    pages: WebPages, session: WebSession | None, defaults: WebDefaultAccounts | None
) -> Judgement:
    """Judge that strangers are kept out; common default accounts count where they were tried.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    anonymous = refusals(pages, session)
    tried = default_logins(defaults) if defaults is not None else ()
    found = tuple(one for one in tried if one.met is False)
    also = f"；{told(defaults, tried)}" if defaults is not None else "；未取得以默认账户登录的结果"
    return Judgement(
        criteria=anonymous + found,
        statement=f"经测试验证，{summary(pages, anonymous)}{also}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=(*refusal_proofs(pages, session), *(default_proofs(defaults) if defaults else ())),
    )


@check("access.anonymous_disabled", half=HOST_LEFT)
def host_default_accounts_are_limited(
    accounts: HostAccounts, passwords: HostPasswords, sshd: HostSshd, services: HostServices | None
) -> Judgement:
    """Judge that system and guest accounts cannot log in, and that root and shares are limited.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    criteria = (
        no_default_seats(
            accounts,
            passwords,
            "系统默认账户、来宾账户是否不可登录",
            "系统默认账户、来宾账户",
            decisive=True,
        ),
        _root_is_limited(sshd),
        *_anonymous_shares(services),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told_host(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _root_is_limited(sshd: HostSshd) -> Criterion:
    question = "root 远程登录是否已禁止或限制"
    if not sshd.running:
        return ask("root", question, True, "未开启 SSH 远程登录", SSHD)
    value = sshd.value("permitrootlogin")
    met, note = under_match(sshd, _limits_root, "permitrootlogin", user="root")
    return ask("root", question, met, f"root 远程登录（PermitRootLogin）为 {value or '未知'}{note}", SSHD)


def _limits_root(sshd: HostSshd) -> bool | None:
    value = sshd.value("permitrootlogin")
    return value != "yes" if value else None


def _anonymous_shares(services: HostServices | None) -> tuple[Criterion, ...]:
    """Return an unmet criterion for shares that admit guests, by their configuration."""
    open_lines = [
        f"{place(one)}（{one.text}）"
        for one in (services.shares if services is not None else ())
        if _ANONYMOUS.match(one.text)
    ]
    if not open_lines:
        return ()
    seen = f"允许匿名访问的共享设置：{listing(open_lines)}"
    return (ask("shares", "文件服务是否不允许匿名访问", False, seen, "host.services"),)


@check("access.anonymous_disabled")
def database_strangers_and_defaults_are_limited(
    asset: DatabaseAsset,
    accounts: DatabaseAccounts,
    access: DatabaseAccess,
    grants: DatabaseGrants | None,
) -> Judgement:
    """Judge that there is no anonymous way in, and default accounts are kept to this machine.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    criteria = (db_access.anonymous(accounts), *databases.whole(accounts), *db_rights.open_databases(grants))
    if access.anonymous is not None:
        criteria += (db_products.asks_everybody(asset.platform, access),)
    if access.has_rules:
        criteria += (db_accounts.no_trust(access),)
    criteria += db_access.defaults_from_afar(asset.platform, accounts, access)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("access.anonymous_disabled", half=WINDOWS_LEFT)
def windows_strangers_are_limited(accounts: WindowsAccounts, settings: WindowsSettings) -> Judgement:
    """Judge that Guest is disabled under whatever name, and that strangers see neither accounts nor shares.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    criteria = win_accounts.anonymous(accounts, settings)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )
