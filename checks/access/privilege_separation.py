"""2.d.2: are the rights of administrators separated?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants, DatabaseServer
from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.host.identity_facts import HostLoginRules
from dengbao.probes.host.system_facts import HostPrivilege
from dengbao.probes.web.facts_access import WebMatrix
from dengbao.probes.windows.facts import WindowsAccounts, WindowsGroups

from .. import databases, db_access, matrix, win_groups, windows
from ..hosts import ask, local_only, told
from ..sudo import Power, administrators, all_known, rules_all_read
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "系统管理员、安全管理员、审计管理员是否由不同人员担任，须核查任命文件"
HOST_LEFT = "系统管理员、安全管理员、审计管理员的岗位与上述账户是否对应且不兼任，须人工核查"
DATABASE_LEFT = "核查系统管理员、安全管理员、审计管理员的岗位分工，确认相应账户由不同人员使用"
WINDOWS_LEFT = "系统管理员、安全管理员、审计管理员的岗位与上述账户是否对应且不兼任，须人工核查"

_FACT = "host.privilege"


@check("access.privilege_separation", half=HOST_LEFT)
def host_administrators_are_separated(
    privilege: HostPrivilege, accounts: HostAccounts, rules: HostLoginRules | None
) -> Judgement:
    """Judge that several administrators share the work, with different rights.

    Where others may have rights unseen (a directory, doas), few administrators prove nothing.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    found = administrators(privilege, accounts)
    criteria = (
        _several(found, whole=all_known(privilege, accounts, rules)),
        *_different(found),
        *rules_all_read(privilege, rules),
        *local_only(accounts),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _several(found: dict[str, Power], *, whole: bool) -> Criterion:
    question = "是否设置两个以上各自独立的管理账户"
    seen = (
        f"除 root 外有管理权限的账户 {len(found)} 个：{listing(found)}" if found else "仅 root 一个管理账户"
    )
    met = True if len(found) >= 2 else False if whole else None
    return ask("several", question, met, seen, _FACT, decisive=not found)


def _different(found: dict[str, Power]) -> tuple[Criterion, ...]:
    if len(found) < 2:
        return ()
    kinds = {frozenset({"ALL"}) if one.unlimited else frozenset(one.commands) for one in found.values()}
    everything = [name for name, one in found.items() if one.unlimited]
    seen = f"其权限分为 {len(kinds)} 种" + (f"，{listing(everything)} 可执行任意命令" if everything else "")
    alike = len(kinds) < 2 and bool(everything)
    return (ask("different", "管理账户的权限是否互不相同", len(kinds) >= 2, seen, _FACT, decisive=alike),)


@check("access.privilege_separation", half=DATABASE_LEFT)
def database_administration_is_separated(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None
) -> Judgement:
    """Judge that managing accounts and auditing need no superuser.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = db_access.separated(accounts, grants, server)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("access.privilege_separation", half=WINDOWS_LEFT)
def windows_administrators_are_separated(groups: WindowsGroups, accounts: WindowsAccounts) -> Judgement:
    """Judge that several people administer, in groups with different rights.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = win_groups.separated(groups, accounts)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("access.privilege_separation", half=WEB_LEFT)
def web_posts_are_separated(seen: WebMatrix) -> Judgement:
    """Judge that no account reaches functions of more than one of the three posts.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = (*matrix.separated(seen), *matrix.shut_out(seen))
    asked = {one.id for one in seen.functions if one.post}
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{matrix.summary(seen)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=matrix.proofs(seen, [one for one in matrix.forbidden(seen) if one.function in asked]),
    )
