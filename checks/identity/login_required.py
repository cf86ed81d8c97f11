"""1.a.1: does one have to log in?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Criterion, DatabaseAsset, Exchange, Judgement, WebAsset
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabasePasswords
from dengbao.probes.host.facts import HostAccounts, HostPam, HostPasswords, HostSshd
from dengbao.probes.web.facts import WebPages, WebSession
from dengbao.probes.web.facts_identity import WebForged, WebReach
from dengbao.probes.windows.facts import WindowsAccounts, WindowsSettings

from .. import databases, db_accounts, proofs, web_reach, win_accounts, windows
from ..hosts import PAM, PASSWORDS, SSHD, ask, seats, told, under_match
from ..pam import CREDENTIAL_MODULES, succeeds
from ..web_pages import refusal_proofs, refusals, summary
from ..wording import listing


@check("identity.login_required")
def web_pages_demand_a_login(
    asset: WebAsset,
    pages: WebPages,
    session: WebSession | None,
    reach: WebReach | None,
    forged: WebForged | None,
) -> Judgement:
    """Judge that every declared page, function and export asks strangers for a login, forged ones too.

    A page counts as open by its content only; an application that answers all paths alike, or draws its
    pages in the browser, is not decided here. A forged credential that is refused proves something only
    while the true one still works.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    own = refusals(pages, session)
    criteria = (*own, *web_reach.places(asset, reach), *web_reach.forgeries(forged))
    control = (
        f"；以登记账户 {session.account} 登录后复查对照"
        if session is not None
        else "；未能以登记账户登录后复查对照"
    )
    more = web_reach.summary(asset, criteria, reach)
    more += web_reach.forged_summary(asset, forged, web_reach.forgeries(forged))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{summary(pages, own)}{control}{more}。",
        proofs=(
            *refusal_proofs(pages, session),
            *web_reach.proofs(reach, criteria),
            *_forged_proofs(forged),
        ),
    )


def _forged_proofs(forged: WebForged | None) -> tuple[Exchange, ...]:
    """Return the forged credentials that were taken, as whose they passed."""
    tried = zip(forged.tries, web_reach.forgeries(forged), strict=True) if forged is not None else ()
    return tuple(
        proofs.page(seen.after, one.measured, how=one.question.removesuffix("是否被拒绝"))
        for seen, one in tried
        if one.met is False
    )


@check("identity.login_required")
def host_demands_credentials(
    accounts: HostAccounts, passwords: HostPasswords, pam: HostPam, sshd: HostSshd
) -> Judgement:
    """Judge that neither sshd nor the console lets anybody in without a credential.

    The stacks are run with every credential module refusing: a stack that succeeds even then asks for none.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = (
        _ssh_method(sshd),
        *(_stack(pam, service, title) for service, title in (("sshd", "SSH"), ("login", "本地控制台"))),
        _no_open_account(accounts, passwords),
    )
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}。")


def _ssh_method(sshd: HostSshd) -> Criterion:
    if sshd.options == {} and not sshd.running:
        return ask("ssh_method", "SSH 是否要求鉴别", True, "未开启 SSH 远程登录", SSHD, decisive=True)
    methods = sshd.value("authenticationmethods") or "any"
    empty = sshd.value("permitemptypasswords") == "yes"
    met, note = under_match(sshd, _asks_for_something, "authenticationmethods", "permitemptypasswords")
    seen = (
        f"SSH 鉴别方式（AuthenticationMethods）为 {methods}，{'允许' if empty else '不允许'}空口令登录{note}"
    )
    return ask("ssh_method", "SSH 是否要求鉴别", met, seen, SSHD, decisive=True)


def _asks_for_something(sshd: HostSshd) -> bool:
    return sshd.value("authenticationmethods") != "none" and sshd.value("permitemptypasswords") != "yes"


def _stack(pam: HostPam, service: str, title: str) -> Criterion:
    rules = pam.stack(service, "auth")
    asked = [one.module for one in rules or () if one.module in CREDENTIAL_MODULES]
    refused = dict.fromkeys(CREDENTIAL_MODULES, "auth_err")
    open_door = succeeds(rules, refused) if rules is not None else None
    return ask(
        f"stack_{service}",
        f"{title}登录的 PAM 认证是否要求鉴别信息",
        None if open_door is None else not open_door,
        f"{title}登录（PAM {service}）"
        + _asks(open_door, asked)
        + ("，但鉴别失败仍可通过" if open_door else ""),
        PAM,
        decisive=True,
    )


def _asks(open_door: bool | None, asked: list[str]) -> str:
    if open_door is None:
        return "未能确认是否要求鉴别"
    return (
        f"由 {listing(dict.fromkeys(asked))} 鉴别"
        if asked
        else "没有鉴别模块" + ("" if open_door else "，不放行任何登录")
    )


def _no_open_account(accounts: HostAccounts, passwords: HostPasswords) -> Criterion:
    empty = [one.name for one in seats(accounts, passwords) if one.password.state == "empty"]
    seen = f"账户 {listing(empty)} 口令为空，登录不需鉴别信息" if empty else "可登录账户均设有口令或已锁定"
    return ask("no_open_account", "可登录账户是否均有鉴别信息", not empty, seen, PASSWORDS, decisive=True)


@check("identity.login_required")
def database_asks_who_one_is(
    asset: DatabaseAsset,
    access: DatabaseAccess,
    accounts: DatabaseAccounts,
    passwords: DatabasePasswords | None,
) -> Judgement:
    """Judge that nobody gets in unasked: no trust rule, no server without grant tables, no empty password.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = db_accounts.identified(asset.platform, access, accounts, passwords)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("identity.login_required")
def windows_demands_credentials(accounts: WindowsAccounts, settings: WindowsSettings) -> Judgement:
    """Judge that nobody gets in unasked: no automatic login, no Guest.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = win_accounts.asked_for(accounts, settings)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))
