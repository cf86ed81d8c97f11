"""2.d.3: do administrators have the least rights for their work?"""

from __future__ import annotations

from dengbao.checking import Params, check
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants
from dengbao.probes.host.facts import HostAccounts, HostPam
from dengbao.probes.host.identity_facts import HostLoginRules
from dengbao.probes.host.system_facts import HostPrivilege
from dengbao.probes.web.facts_access import WebMatrix
from dengbao.probes.windows.facts import WindowsAccounts, WindowsGroups

from .. import databases, db_access, db_rights, matrix, win_groups, windows
from ..hosts import ACCOUNTS, ask, local_only, told
from ..sudo import administrators, asks_for_another_password, for_everybody, habits, rules_all_read, su_limits
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "登记的角色与功能是否为各管理岗位工作所需的最小范围，须与岗位职责人工比对"
HOST_LEFT = "各管理账户的权限是否为其工作任务所需的最小权限，须与岗位职责人工比对"
DATABASE_LEFT = "对照岗位职责，核查各管理账户权限是否为其工作所需"
WINDOWS_LEFT = "各管理账户的权限是否为其工作任务所需的最小权限，须与岗位职责人工比对"

_FACT = "host.privilege"


class LeastParams(Params):
    """How many accounts besides root may do everything."""

    superuser_max: int


@check("access.least_privilege", half=HOST_LEFT)
def host_administrators_have_limited_rights(
    privilege: HostPrivilege,
    accounts: HostAccounts,
    pam: HostPam | None,
    rules: HostLoginRules | None,
    params: LeastParams,
) -> Judgement:
    """Judge that few accounts can do everything, and not everybody.

    Whether su is kept to a group (pam_wheel) only informs: su asks for the other account's password.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    found = administrators(privilege, accounts)
    mighty = [name for name, one in found.items() if one.unlimited]
    free = [name for name in mighty if found[name].no_password]
    doubles = [one.name for one in accounts.accounts if one.uid == 0 and one.name != "root"]
    open_rules = for_everybody(privilege)
    most = params.superuser_max
    criteria = (
        ask(
            "everybody",
            "是否没有授予所有用户全部权限",
            not open_rules,
            f"sudo 授予所有用户全部权限（{open_rules[0].file} 第 {open_rules[0].line} 行）"
            if open_rules
            else "sudo 未授予所有用户全部权限",
            _FACT,
            decisive=True,
        ),
        ask(
            "uid_zero",
            "UID 为 0 的账户是否仅 root",
            not doubles,
            f"UID 为 0 的其他账户：{listing(doubles) or '无'}",
            ACCOUNTS,
            decisive=True,
        ),
        ask(
            "few",
            f"可执行任意命令的账户是否不多于 {most} 个",
            len(mighty) <= most,
            f"除 root 外可执行任意命令的账户 {len(mighty)} 个{'：' + listing(mighty) if mighty else ''}"
            f"（要求不多于 {most} 个）",
            _FACT,
        ),
        *rules_all_read(privilege, rules),
        *local_only(accounts),
    )
    note = f"；其中 {listing(free)} 无须再次输入口令" if free else ""
    if asks_for_another_password(privilege):
        note += f"；sudo 要求输入目标账户口令（{asks_for_another_password(privilege)}），等同 su"
    note += habits(privilege) + su_limits(pam)
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}{note}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


@check("access.least_privilege", half=DATABASE_LEFT)
def database_rights_are_few(
    accounts: DatabaseAccounts, grants: DatabaseGrants | None, params: LeastParams
) -> Judgement:
    """Judge that superusers are few, and others neither hold server-wide rights nor can take them.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = (*db_access.least(accounts, params.superuser_max), *db_rights.on_accounts(accounts, grants))
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("access.least_privilege", half=WINDOWS_LEFT)
def windows_administrators_are_few(
    groups: WindowsGroups, accounts: WindowsAccounts, params: LeastParams
) -> Judgement:
    """Judge that few can do everything, and not everybody.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = win_groups.least(groups, accounts, params.superuser_max)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("access.least_privilege", half=WEB_LEFT)
def web_administrators_get_no_more(seen: WebMatrix) -> Judgement:
    """Judge that accounts of the three posts get no function beyond those declared for them.

    Source: GB/T 22239-2019 8.1.4.2 d).
    """
    criteria = (*matrix.administrators_limited(seen), *matrix.shut_out(seen))
    managing = matrix.managing(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{matrix.summary(seen)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=matrix.proofs(seen, [one for one in matrix.forbidden(seen) if one.account in managing]),
    )
