"""2.e.2: were rules of who may do what set up by policy?"""

from __future__ import annotations

from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants, DatabaseServer
from dengbao.probes.host.facts import HostFiles, HostPam
from dengbao.probes.host.identity_facts import HostLoginRules, HostRights
from dengbao.probes.host.system_facts import HostPrivilege
from dengbao.probes.web.facts_access import WebMatrix
from dengbao.probes.windows.facts import WindowsPolicy
from dengbao.probes.windows.system_facts import WindowsShares

from .. import databases, db_rights, matrix, win_groups, win_network, windows
from ..hosts import ask, modes, told, wider_than
from ..rights import acl_writers, acls_seen, everybody_writes, unread_acls
from ..sudo import for_everybody, in_force, rules_all_read
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "对照访问控制策略文档，核查登记的角色与功能对应关系同策略一致"
DATABASE_LEFT = "对照访问控制策略文档，核查授权规则与策略一致"
HOST_LEFT = "对照访问控制策略文档，核查上述授权、业务目录属主属组及权限与策略一致"
WINDOWS_LEFT = "重要文件夹、注册表项的访问权限与访问控制策略是否一致，须人工核查"

_PRIVILEGE: Final = "host.privilege"
# Files and folders by which rights are given; who may write one of them makes the rules.
_POLICY: Final = (
    "/etc/sudoers", "/etc/sudoers.d", "/etc/group", "/etc/passwd", "/etc/pam.d", "/etc/security",
    "/etc/ssh/sshd_config",
)  # fmt: skip


@check("access.rules_configured", half=DATABASE_LEFT)
def database_rules_are_configured(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None
) -> Judgement:
    """Judge that subjects were granted objects by rules, and nothing was left open to everyone.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    criteria = db_rights.configured(accounts, grants, server)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("access.rules_configured", half=HOST_LEFT)
def host_rules_are_configured(
    privilege: HostPrivilege,
    files: HostFiles,
    rights: HostRights,
    rules: HostLoginRules | None,
    pam: HostPam | None,
) -> Judgement:
    """Judge that sudo names who may do what, that only root makes rules, and nothing is open to all.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    criteria = (
        _subjects(privilege),
        _makers(files, rights),
        everybody_writes(rights),
        *rules_all_read(privilege, rules),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}；{acls_seen(rights)}{_logins(rules, pam)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _subjects(privilege: HostPrivilege) -> Criterion:
    question = "是否按主体配置可执行的操作"
    if for_everybody(privilege):
        rule = for_everybody(privilege)[0]
        seen = f"sudo 授予所有用户全部权限（{rule.file} 第 {rule.line} 行），等于没有规则"
        return ask("subjects", question, False, seen, _PRIVILEGE, decisive=True)
    given = [one for one in in_force(privilege) if set(one.who) != {"root"}]
    named = [f"{'、'.join(one.who)}→{listing(one.commands, 3)}" for one in given]
    seen = f"sudo 对 root 以外主体的授权 {len(given)} 条{'：' + listing(named, 4) if named else ''}"
    return ask("subjects", question, bool(given), seen, _PRIVILEGE)


def _makers(files: HostFiles, rights: HostRights) -> Criterion:
    """Return whether only root may write the files that rules stand in, by mode and by access list."""
    question = "授权规则文件是否仅 root 可改"
    held = [one for one in files.files if one.path in _POLICY]
    bad = [one for one in held if wider_than(one, 0o755) or one.owner != "root"]
    writers = acl_writers(rights, _POLICY)
    unseen = [one for one in _POLICY if one in files.denied]
    if bad or writers:
        words = [modes(bad)] if bad else []
        words += [f"访问控制列表另许 {listing(writers)}"] if writers else []
        seen = f"root 以外可改写授权规则：{'；'.join(words)}"
        return ask("makers", question, False, seen, "host.files", decisive=True)
    if unseen or not held or unread_acls(rights, _POLICY):
        seen = f"{listing(unseen)} 的权限未能查看" if unseen else "授权规则文件的访问控制列表未能查看"
        return ask("makers", question, None, seen, "host.files")
    return ask("makers", question, True, f"授权规则文件 {len(held)} 个均属 root 且仅 root 可改", "host.files")


def _logins(rules: HostLoginRules | None, pam: HostPam | None) -> str:
    """Return what is known of rules about logging in; without their module they do nothing."""
    stack = (pam.stack("sshd", "account") if pam is not None else None) or ()
    loaded = {one.module for one in stack if one.present is not False}
    words = ""
    for lines, module, file in (
        (rules.access if rules is not None else None, "pam_access.so", "access.conf"),
        (rules.times if rules is not None else None, "pam_time.so", "time.conf"),
    ):
        if lines:
            state = "sshd 已加载" if module in loaded else "sshd 未加载，不生效"
            words += f"；登录规则 {file} {len(lines)} 条（{module} {state}）"
    return words


@check("access.rules_configured", half=WINDOWS_LEFT)
def windows_rules_are_configured(policy: WindowsPolicy, shares: WindowsShares) -> Judgement:
    """Judge that user rights and shares are granted to somebody and not to everybody.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    criteria = (win_groups.rights(policy), win_network.open_shares(shares))
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("access.rules_configured", half=WEB_LEFT)
def web_rules_are_as_declared(seen: WebMatrix) -> Judgement:
    """Judge that every role gets the functions declared for it and no others, by asking for each.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    denied = [one for one in matrix.forbidden(seen) if one.way == "direct"]
    criteria = (*matrix.given(seen), *matrix.refused(seen, denied), *matrix.shut_out(seen))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{matrix.summary(seen)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=matrix.proofs(seen, denied),
    )
