"""3.a.2: does auditing cover every user?"""

from __future__ import annotations

import re
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAudit
from dengbao.probes.host.facts import HostAccounts, HostAudit, HostPam
from dengbao.probes.web.facts_trail import WebTrail
from dengbao.probes.windows.facts import WindowsAudit

from .. import app_trail, databases, db_audit, win_audit, windows
from ..audit_rules import first_audited, leaves_root_out
from ..hosts import PAM, ask, told
from ..trail import AUDIT, daemon, kernel
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "测试账户以外的用户（含接口用户）是否有不记录的，须核查排除名单"

_ONE_USER: Final = re.compile(r"-F (?:auid|uid|euid|loginuid)=(?!0\b|-1\b|unset\b|4294967295\b)\w+")
_LEFT_OUT: Final = re.compile(r"-F (?:auid|loginuid)(?:=|>=|>)(?!-1\b|unset\b|4294967295\b)\w+")


@check("audit.covers_users")
def host_audits_every_user(audit: HostAudit, pam: HostPam, accounts: HostAccounts | None) -> Judgement:
    """Judge that loaded rules leave nobody out, and that logins are tied to a user (pam_loginuid).

    `-a never,task` switches rules off for all processes; a rule for one auid covers that user only; rules
    for auid>=1000 alone leave out those who log in as root, and people with numbers from 500 on.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = (
        daemon(audit),
        kernel(audit),
        _rules(audit),
        *_root(audit),
        *_numbered_below(audit, accounts),
        _loginuid(pam),
    )
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}。")


def _rules(audit: HostAudit) -> Criterion:
    question = "已加载的审计规则是否覆盖每个用户"
    rules = audit.loaded_rules
    if rules is None:
        met = None if audit.installed else False
        return ask(
            "rules", question, met, "已加载的审计规则未能查看" if audit.installed else "无审计规则", AUDIT
        )
    if any(re.search(r"-a (never,task|task,never)", one) for one in rules):
        seen = f"已加载 {len(rules)} 条规则，但含 -a never,task，系统调用均不审计"
        return ask("rules", question, False, seen, AUDIT, decisive=True)
    out = [one for one in rules if _leaves_out_a_user(one)]
    if out:
        seen = f"已加载 {len(rules)} 条规则，其中 {listing(out)} 排除了个别用户"
        return ask("rules", question, False, seen, AUDIT)
    general = [one for one in rules if _is_general(one)]
    seen = f"已加载 {len(rules)} 条规则，其中 {len(general)} 条不限定用户"
    if not rules and audit.file_rules:
        seen = "规则文件中有规则，但未加载任何规则"
    elif not rules:
        seen = "未加载任何规则"
    return ask("rules", question, bool(general), seen, AUDIT, decisive=not rules)


def _root(audit: HostAudit) -> tuple[Criterion, ...]:
    """Return a failed criterion where every rule is for those who did not log in as root."""
    general = [one for one in audit.loaded_rules or () if _is_general(one)]
    if not general or not all(leaves_root_out(one) for one in general):
        return ()
    seen = f"{len(general)} 条规则均限定登录用户（如 auid>=1000），直接以 root 登录后的操作不审计"
    return (ask("root", "直接以 root 登录的用户是否审计", False, seen, AUDIT),)


def _numbered_below(audit: HostAudit, accounts: HostAccounts | None) -> tuple[Criterion, ...]:
    """Return a failed criterion where every rule begins at a number above that of somebody who logs in."""
    general = [one for one in audit.loaded_rules or () if _is_general(one)]
    begins = [first_audited(one) for one in general]
    first = accounts.first_user_uid if accounts is not None else None
    if accounts is None or first is None or not begins:
        return ()
    below = [one for one in accounts.accounts if one.can_log_in and first <= one.uid < min(begins)]
    if not below:
        return ()
    names = listing(f"{one.name}（{one.uid}）" for one in below)
    seen = f"规则自 auid {min(begins)} 起审计，账户 {names} 不审计"
    return (ask("below", "是否审计编号较小的登录用户", False, seen, AUDIT),)


def _leaves_out_a_user(rule: str) -> bool:
    """Tell whether a rule switches auditing off for a user; processes that nobody started do not count."""
    return bool(re.match(r"-a (?:never,|\w+,never)", rule) and _LEFT_OUT.search(rule))


def _is_general(rule: str) -> bool:
    """Tell whether a rule watches all users: no filter on one user, and not a rule that leaves out."""
    if re.match(r"-a (never|exclude|\w+,never)", rule) or rule.startswith("-D"):
        return False
    return _ONE_USER.search(rule) is None


def _loginuid(pam: HostPam) -> Criterion:
    missing = [one for one in ("sshd", "login") if not _has_loginuid(pam, one)]
    unknown = [one for one in missing if pam.stack(one, "session") is None]
    met = None if unknown else not missing
    seen = "登录会话均记录登录用户（pam_loginuid）"
    if missing:
        seen = f"{'、'.join(missing)} 登录会话未记录登录用户（pam_loginuid）"
    return ask("loginuid", "审计记录是否能对应到登录用户", met, seen, PAM)


def _has_loginuid(pam: HostPam, service: str) -> bool:
    rules = pam.stack(service, "session") or ()
    return any(one.module == "pam_loginuid.so" and one.present is not False for one in rules)


@check("audit.covers_users")
def database_audit_covers_every_user(audit: DatabaseAudit) -> Judgement:
    """Judge that no account is left out, by the channel or by a setting of its own.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = db_audit.everyone(audit)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("audit.covers_users")
def windows_audits_every_user(audit: WindowsAudit) -> Judgement:
    """Judge that logins of all are audited, and no user is left out by a setting of his own.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = win_audit.everyone(audit)
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))


@check("audit.covers_users", half=WEB_LEFT)
def web_log_covers_every_role(trail: WebTrail) -> Judgement:
    """Judge that the login of every role account was recorded.

    Source: GB/T 22239-2019 8.1.4.3 a).
    """
    criteria = app_trail.users(trail)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{app_trail.source(trail)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=app_trail.deeds_proofs(trail),
    )
