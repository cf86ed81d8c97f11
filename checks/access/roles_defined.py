"""2.d.1: are roles divided?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants, DatabaseServer
from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.host.identity_facts import HostLoginRules
from dengbao.probes.host.system_facts import HostPrivilege
from dengbao.probes.web.facts_access import WebMatrix
from dengbao.probes.windows.facts import WindowsAccounts, WindowsGroups

from .. import databases, db_access, matrix, win_groups, windows
from ..duties import DUTIES, duties, spelled
from ..hosts import ask, local_only, told
from ..sudo import all_known, rules_all_read
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "角色清单与职责说明，以及登记的账户以外的角色，须人工核查"
HOST_LEFT = "角色划分文件（系统管理员、安全管理员、审计管理员的职责）及其与上述账户的对应，须人工核查"
WINDOWS_LEFT = "角色划分文件及其与上述组的对应，须人工核查"

_FACT = "host.privilege"


@check("access.roles_defined")
def database_roles_are_in_use(
    asset: DatabaseAsset, accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None
) -> Judgement:
    """Judge that there are roles with rights and members.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = db_access.roles(asset.platform, accounts, grants, server)
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("access.roles_defined", half=HOST_LEFT)
def host_roles_are_divided(
    privilege: HostPrivilege, accounts: HostAccounts, rules: HostLoginRules | None
) -> Judgement:
    """Judge by sudo, groups and SELinux that accounts besides root have the three duties.

    An account that may do everything stands for system administration only.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    found = duties(privilege, accounts, rules)
    whole = all_known(privilege, accounts, rules)
    lacking = [duty for duty in DUTIES if duty not in found]
    criteria = (
        ask(
            "roles",
            "是否将管理工作划分为不同角色并授予不同账户",
            True if len(found) >= 2 else False if whole else None,
            f"除 root 外按权限可见的管理角色 {len(found)} 种{'：' + spelled(found) if found else ''}",
            _FACT,
            decisive=not found,
        ),
        ask(
            "three",
            "系统管理、安全管理、审计管理角色是否齐备",
            not lacking or (False if whole else None),
            f"未见承担{listing(lacking)}的账户" if lacking else "系统管理、安全管理、审计管理均有账户承担",
            _FACT,
        ),
        *rules_all_read(privilege, rules),
        *local_only(accounts),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，sudo 规则 {len(privilege.rules)} 条，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


@check("access.roles_defined", half=WINDOWS_LEFT)
def windows_roles_are_divided(groups: WindowsGroups, accounts: WindowsAccounts) -> Judgement:
    """Judge that people are put in groups with different duties.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = win_groups.roles(groups, accounts)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("access.roles_defined", half=WEB_LEFT)
def web_roles_can_do_different_things(seen: WebMatrix) -> Judgement:
    """Judge by what accounts of different roles really get that roles are divided.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = (*matrix.different(seen), *matrix.posts_held(seen), *matrix.shut_out(seen))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{matrix.summary(seen)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=matrix.proofs(seen, matrix.forbidden(seen)),
    )
