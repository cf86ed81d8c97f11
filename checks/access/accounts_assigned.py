"""2.a.1: are accounts and rights assigned to users?"""

from __future__ import annotations

import re
from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants, DatabaseServer
from dengbao.probes.host.facts import HostAccounts, HostFiles, HostPam, HostPolicy, Line
from dengbao.probes.web.facts_access import WebMatrix
from dengbao.probes.windows.facts import WindowsAccounts, WindowsGroups, WindowsPolicy

from .. import databases, db_access, matrix, win_groups, windows
from ..hosts import ACCOUNTS, POLICY, ask, modes, place, told, wider_than
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "账户与权限的分配是否与人员岗位、审批记录一致，须人工核对"
HOST_LEFT = "账户与权限的分配是否与人员岗位、审批记录一致，须人工核对"
DATABASE_LEFT = "对照人员岗位，核查数据库账户与权限分配表"
WINDOWS_LEFT = "账户与权限的分配是否与人员岗位、审批记录一致，须人工核对"

_SECRET: Final = ("/etc/shadow", "/etc/gshadow")
_FIXED: Final = (
    "/etc/passwd",
    "/etc/group",
    "/etc/ssh/sshd_config",
    "/etc/sudoers",
    "/etc/crontab",
    "/etc/profile",
)
_FILES: Final = "host.files"
_PROFILES: Final = ("/etc/profile", "/etc/profile.d/")
_UMASK: Final = re.compile(r"\bumask\s+([0-7]{3,4})\b")


class AssignedParams(Params):
    """The widest umask: every bit it masks must be masked."""

    umask_max: str


@check("access.accounts_assigned", half=HOST_LEFT)
def host_accounts_have_rights_of_their_own(
    accounts: HostAccounts,
    files: HostFiles,
    policy: HostPolicy,
    pam: HostPam | None,
    params: AssignedParams,
) -> Judgement:
    """Judge rights of account and policy files, umask, and that people have accounts besides root.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    criteria = (*_rights(files), _umask(policy, pam, params.umask_max), _people(accounts))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _rights(files: HostFiles) -> tuple[Criterion, ...]:
    """Return whether password files are closed to others, and policy files writable by root only."""
    secret = [one for one in files.files if one.path in _SECRET]
    fixed = [one for one in files.files if one.path in _FIXED]
    readable = [one for one in secret if wider_than(one, 0o640) or one.owner != "root"]
    writable = [one for one in fixed if wider_than(one, 0o755) or one.owner != "root"]
    unseen = [path for path in (*_SECRET, *_FIXED) if path in files.denied]
    unseen += [] if secret else ["/etc/shadow"]
    met = False if readable or writable else None if unseen else True
    if not met and not unseen:
        seen = f"权限过宽的文件：{modes((*readable, *writable))}"
    elif unseen:
        seen = f"{listing(unseen)} 的权限未能查看"
    else:
        seen = f"账户与策略文件权限：{modes((*secret, *fixed[:2]))}，其他文件仅 root 可写"
    return (ask("rights", "账户与策略文件的权限是否仅授予 root", met, seen, _FILES),)


def _umask(policy: HostPolicy, pam: HostPam | None, widest: str) -> Criterion:
    value = policy.umask or _pam_umask(policy, pam)
    if not value:
        return ask("umask", f"umask 是否不宽于 {widest}", None, "umask 的实际值未能确认", POLICY)
    met: bool | None = not _is_wider(value, widest)
    seen = f"登录后 umask 为 {value}（要求不宽于 {widest}）"
    branch = _other_branch(policy, widest) if met and policy.umask else None
    if branch is not None:
        met, seen = None, f"{seen}，但 {place(branch)}“{branch.text.strip()}”对部分用户可能生效"
    return ask("umask", f"umask 是否不宽于 {widest}", met, seen, POLICY)


def _is_wider(value: str, widest: str) -> bool:
    return (int(value, 8) & int(widest, 8)) != int(widest, 8)


def _other_branch(policy: HostPolicy, widest: str) -> Line | None:
    """Return a line of the profile that gives some users a wider umask under a condition.

    The shell that was started went one way only: that of its own account. A line that stands alone and later
    (or in another file) sets it for everybody again.
    """
    lines = [(one, _UMASK.search(one.text)) for one in policy.umask_lines if one.file.startswith(_PROFILES)]
    given = [(one, found.group(1)) for one, found in lines if found is not None]
    alone = [one for one, value in given if one.text.startswith("umask") and not _is_wider(value, widest)]
    for one, value in given:
        if one.text.startswith("umask") or not _is_wider(value, widest):
            continue
        if not any(other.file != one.file or other.number > one.number for other in alone):
            return one
    return None


def _pam_umask(policy: HostPolicy, pam: HostPam | None) -> str:
    """Return the umask of login.defs where the sshd session applies it, empty where it does not."""
    rules = pam.stack("sshd", "session") if pam is not None else None
    if not any(one.module == "pam_umask.so" and one.present is not False for one in rules or ()):
        return ""
    value = (policy.login_defs or {}).get("UMASK", "")
    return value if value and set(value) <= set("01234567") else ""


def _people(accounts: HostAccounts) -> Criterion:
    people = [one.name for one in accounts.accounts if one.can_log_in and one.uid != 0]
    seen = f"除 root 外可登录账户：{listing(people)}" if people else "除 root 外没有可登录账户，用户共用 root"
    return ask("people", "是否为用户分配了各自的账户", bool(people), seen, ACCOUNTS)


@check("access.accounts_assigned", half=DATABASE_LEFT)
def database_accounts_have_rights(
    accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None
) -> Judgement:
    """Judge that users have accounts of their own besides the superusers', each with rights.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    criteria = db_access.assigned(accounts, grants, server)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("access.accounts_assigned", half=WINDOWS_LEFT)
def windows_accounts_have_rights_of_their_own(
    accounts: WindowsAccounts, groups: WindowsGroups, policy: WindowsPolicy
) -> Judgement:
    """Judge that people have accounts of their own, and that great rights are not everybody's.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    criteria = win_groups.assigned(accounts, groups, policy)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("access.accounts_assigned", half=WEB_LEFT)
def web_accounts_have_rights_of_their_role(seen: WebMatrix) -> Judgement:
    """Judge that accounts of each role get the functions of their role, and not all get the same.

    Source: GB/T 22239-2019 8.1.4.2 a).
    """
    criteria = (*matrix.different(seen), *matrix.given(seen), *matrix.shut_out(seen))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{matrix.summary(seen)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=matrix.proofs(seen, matrix.forbidden(seen)),
    )
