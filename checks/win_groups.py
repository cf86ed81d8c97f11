"""Who administers a Windows host: members of its groups by SID, and user rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.windows.facts import (
    GroupMember,
    WindowsAccounts,
    WindowsGroup,
    WindowsGroups,
    WindowsPolicy,
)

from .hosts import ask
from .windows import ACCOUNTS, ADMINISTRATOR, EVERYBODY, POLICY, enabled
from .wording import listing

GROUPS: Final = "windows.groups"
ADMINISTRATORS: Final = "S-1-5-32-544"
# Below it are the accounts and groups that every system or domain begins with.
_FIRST_MADE: Final = 1000
# Local groups with a part of the administration, by SID.
_PARTS: Final = {
    ADMINISTRATORS: "Administrators", "S-1-5-32-547": "Power Users", "S-1-5-32-548": "Account Operators",
    "S-1-5-32-549": "Server Operators", "S-1-5-32-550": "Print Operators",
    "S-1-5-32-551": "Backup Operators", "S-1-5-32-556": "Network Configuration Operators",
    "S-1-5-32-559": "Performance Log Users", "S-1-5-32-573": "Event Log Readers",
    "S-1-5-32-578": "Hyper-V Administrators", "S-1-5-32-580": "Remote Management Users",
}  # fmt: skip
# Those whose members hold a post of their own; the rest let in, print or measure, which separates nothing.
_POSTS: Final = frozenset({
    ADMINISTRATORS, "S-1-5-32-548", "S-1-5-32-549", "S-1-5-32-551", "S-1-5-32-556", "S-1-5-32-573",
    "S-1-5-32-578",
})  # fmt: skip
_MIGHTY: Final = (
    "SeDebugPrivilege", "SeTcbPrivilege", "SeBackupPrivilege", "SeRestorePrivilege",
    "SeTakeOwnershipPrivilege", "SeLoadDriverPrivilege", "SeSecurityPrivilege", "SeCreateTokenPrivilege",
    "SeAssignPrimaryTokenPrivilege", "SeEnableDelegationPrivilege",
)  # fmt: skip


@dataclass(frozen=True)
class Managers:
    """Who has a part in the administration: person → groups; `nested` are groups among the members."""

    people: dict[str, frozenset[str]]
    nested: tuple[str, ...]
    everybody: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def mighty(self) -> tuple[str, ...]:
        """Return who can do everything."""
        return tuple(name for name, parts in self.people.items() if ADMINISTRATORS in parts)


def managers(groups: WindowsGroups, accounts: WindowsAccounts) -> Managers:
    """Return who administers; accounts that are disabled do not."""
    closed = {one.sid for one in accounts.accounts} - {one.sid for one in enabled(accounts)}
    people: dict[str, set[str]] = {}
    nested: list[str] = []
    everybody: list[str] = []
    unread: list[str] = []
    for sid, title in _PARTS.items():
        members = groups.members(sid)
        if members is None:
            unread.append(title)
        for one in members or ():
            if one.sid in EVERYBODY:
                everybody.append(f"{title} 组含 {EVERYBODY[one.sid]}")
            elif one.kind.casefold() == "user":
                if one.sid not in closed:
                    people.setdefault(_called(one), set()).add(sid)
            elif sid == ADMINISTRATORS or one.local is False:
                nested.append(f"{title} 组含 {_called(one)}")
    return Managers(
        {name: frozenset(parts) for name, parts in people.items()}, tuple(nested), tuple(everybody),
        tuple(unread),
    )  # fmt: skip


def _called(one: GroupMember) -> str:
    name = one.name or one.sid
    return f"{name}（域）" if one.local is False else name


def _unseen(found: Managers) -> tuple[Criterion, ...]:
    """Return an open criterion where members of groups stay unseen."""
    parts = [*found.nested, *(f"{one} 组成员未能列出" for one in found.unread)]
    if not parts:
        return ()
    return (ask("nested", "管理组成员是否全部查看", None, f"{listing(parts)}，其成员未能核查", GROUPS),)


def separated(groups: WindowsGroups, accounts: WindowsAccounts) -> tuple[Criterion, ...]:
    """Return whether several people administer, with different rights.

    Membership in a group that manages nothing makes no manager.
    """
    found = managers(groups, accounts)
    people = {name: held & _POSTS for name, held in found.people.items() if held & _POSTS}
    others = [name for name in found.people if name not in people]
    more = f"；另有 {listing(others)} 仅属无管理职责的组，不计" if others else ""
    kinds = {frozenset({ADMINISTRATORS}) if ADMINISTRATORS in one else one for one in people.values()}
    unseen = _unseen(found)
    few = len(people) < 2
    several = ask(
        "several",
        "是否设置两个以上各自独立的管理账户",
        not few if not (few and unseen) else None,
        f"有管理权限的账户 {len(people)} 个：{listing(people) or '无'}{more}",
        GROUPS,
        decisive=True,
    )
    if few:
        return (several, *unseen)
    parts = [f"{name} 属 {listing(_PARTS[one] for one in sorted(held))}" for name, held in people.items()]
    alike = len(kinds) < 2
    different = ask(
        "different",
        "管理账户的权限是否互不相同",
        not alike if not (alike and unseen) else None,
        f"其权限分为 {len(kinds)} 种（{listing(parts, 4)}）",
        GROUPS,
        decisive=True,
    )
    return (several, different, *unseen)


def least(groups: WindowsGroups, accounts: WindowsAccounts, most: int) -> tuple[Criterion, ...]:
    """Return whether few can do everything; the built-in administrator needs no leave."""
    found = managers(groups, accounts)
    admin = accounts.by_rid(ADMINISTRATOR)
    mighty = [one for one in found.mighty if admin is None or one != admin.name]
    return (
        ask("everybody", "是否没有授予所有用户管理权限", not found.everybody,
            listing(found.everybody) or "管理组不含 Everyone、Users 等全体用户", GROUPS, decisive=True),
        ask("few", f"管理员账户是否不多于 {most} 个", len(mighty) <= most,
            f"除内置管理员外 Administrators 组账户 {len(mighty)} 个"
            f"{'：' + listing(mighty) if mighty else ''}（要求不多于 {most} 个）", GROUPS),
        *_unseen(found),
    )  # fmt: skip


def assigned(
    accounts: WindowsAccounts, groups: WindowsGroups, policy: WindowsPolicy
) -> tuple[Criterion, ...]:
    """Return whether people have accounts of their own, and great rights are not everybody's."""
    own = [one.name for one in enabled(accounts) if (one.rid or 0) >= 1000]
    far = sorted(
        {_called(member) for one in groups.groups for member in one.members or () if member.local is False}
    )
    people = own + far
    seen = (
        f"除内置账户外可用的账户：{listing(people)}"
        if people
        else "除内置账户外没有可用的账户，用户共用内置管理员"
    )
    return (ask("people", "是否为用户分配了各自的账户", bool(people), seen, ACCOUNTS), rights(policy))


def rights(policy: WindowsPolicy) -> Criterion:
    """Return whether user rights that reach round all others are kept from everybody."""
    question = "重要用户权限是否未授予全体用户"
    if policy.rights is None:
        return ask("rights", question, None, "用户权限分配未能查看", POLICY)
    wide = [
        f"{right}（{EVERYBODY[one]}）"
        for right in _MIGHTY
        for one in policy.holders(right) or ()
        if one in EVERYBODY
    ]
    seen = f"重要用户权限授予了全体用户：{listing(wide)}"
    return ask(
        "rights",
        question,
        not wide,
        seen if wide else "调试、备份、取得所有权等权限未授予全体用户",
        POLICY,
    )


def _made_for_people(group: WindowsGroup) -> bool:
    """Tell whether somebody made a group and put people in it: products make groups for their services."""
    last = group.sid.rpartition("-")[2]
    made = group.sid.startswith("S-1-5-21-") and last.isdecimal() and int(last) >= _FIRST_MADE
    return made and any(
        one.kind.casefold() == "user" and one.sid.startswith("S-1-5-21-") for one in group.members or ()
    )


def roles(groups: WindowsGroups, accounts: WindowsAccounts) -> tuple[Criterion, ...]:
    """Return whether people are put in groups with different duties."""
    found = managers(groups, accounts)
    held = {_PARTS[sid] for parts in found.people.values() for sid in parts}
    own = {one.name or one.sid for one in groups.groups if _made_for_people(one)}
    named = sorted(held | own)
    unseen = _unseen(found)
    met = True if len(named) >= 2 else None if unseen else False
    seen = f"有成员的管理组和自建组 {len(named)} 个：{listing(named) or '无'}"
    return (
        ask("roles", "是否按职责划分不同的组并分配账户", met, seen, GROUPS, decisive=True),
        *(unseen if met else ()),
    )
