"""2.b.2: have default passwords been changed?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabasePasswords
from dengbao.probes.host.facts import HostAccounts, HostPasswords
from dengbao.probes.host.identity_facts import HostInstallation
from dengbao.probes.web.facts import WebDefaultAccounts
from dengbao.probes.windows.facts import WindowsAccounts, WindowsIdentity

from .. import databases, db_defaults, win_accounts, windows
from ..hosts import PASSWORDS, Seat, ask, is_default, local_only, seats
from ..hosts import told as told_host
from ..web_defaults import default_logins, default_proofs, told
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "产品自带的其他默认账户及其口令是否已修改，须对照产品手册核查"
HOST_LEFT = "业务软件、管理工具预置账户的默认口令是否已修改，须对照产品手册核查"
WINDOWS_LEFT = "业务软件、管理工具预置账户的默认口令是否已修改，须对照产品手册核查"
DATABASE_LEFT = "安装程序、集成商或应用软件预置的数据库账户，其口令是否已修改，须对照产品手册核查"

_DAY_S: Final = 86400
# Names that images and products come with, beside the system's own accounts.
_PRESET: Final = frozenset(
    {
        "admin", "administrator", "user", "test", "ubuntu", "debian", "centos", "rocky", "almalinux",
        "ec2-user", "cloud-user", "opc", "vagrant", "kylin", "openeuler", "uos", "deepin", "anolis",
        "sysadm", "secadm", "auditadm", "oracle", "mysql", "postgres", "dmdba", "kingbase", "weblogic",
        "tomcat", "nginx", "hadoop",
    }
)  # fmt: skip


@check("access.default_password", half=WEB_LEFT)
def web_default_passwords_are_refused(seen: WebDefaultAccounts) -> Judgement:
    """Judge that no default account of the profile's list can log in.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    criteria = default_logins(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{told(seen, criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=default_proofs(seen),
    )


@check("access.default_password", half=HOST_LEFT)
def host_default_passwords_were_changed(
    accounts: HostAccounts, passwords: HostPasswords, installation: HostInstallation
) -> Judgement:
    """Judge by when they were set whether root's and preset accounts' passwords are those of the delivery.

    A password set after every mark of the installation was changed; one older than all of them came with an
    image; one of the days between may be the one that the installer asked for, which nobody can tell.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    preset = [one for one in seats(accounts, passwords) if _comes_with_the_system(one, accounts)]
    holders = [one for one in preset if one.password.state in ("set", "empty")]
    days = [one.at_s // _DAY_S for one in installation.marks]
    criteria = (_no_empty(holders), *_changed(holders, days), *local_only(accounts))
    names = listing(one.name for one in preset) or "无"
    seen = f"可登录的默认账户 {len(preset)} 个（{names}），其中设口令 {len(holders)} 个"
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{seen}；{told_host(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _comes_with_the_system(one: Seat, accounts: HostAccounts) -> bool:
    return one.account.uid == 0 or is_default(one.account, accounts) or one.name in _PRESET


def _no_empty(holders: Iterable[Seat]) -> Criterion:
    empty = [one.name for one in holders if one.password.state == "empty"]
    seen = f"口令为空的默认账户：{listing(empty)}" if empty else "默认账户没有空口令"
    return ask("empty", "默认账户是否均设口令或已锁定", not empty, seen, PASSWORDS, decisive=True)


def _changed(holders: Iterable[Seat], days: list[int]) -> tuple[Criterion, ...]:
    having = [one for one in holders if one.password.state == "set"]
    question = "默认账户的口令是否在系统安装后修改过"
    if not having:
        return (ask("changed", question, True, "没有设口令的默认账户", PASSWORDS),)
    if not days:
        seen = f"{listing(one.name for one in having)} 的口令有否修改未能确认（系统安装时间不明）"
        return (ask("changed", question, None, seen, PASSWORDS),)
    delivered = [one.name for one in having if _before(one, min(days))]
    unclear = [one.name for one in having if one.name not in delivered and not _after(one, max(days))]
    if delivered:
        seen = f"{listing(delivered)} 的口令早于系统安装，交付后未修改"
    elif unclear:
        seen = f"{listing(unclear)} 的口令自系统安装以来未再修改或修改时间不明，是否默认口令未能确认"
    else:
        since = min((one.password.last_change_day or 0) - max(days) for one in having)
        seen = f"{listing(one.name for one in having)} 的口令均在系统安装后修改过（最早在安装 {since} 天后）"
    met = False if delivered else None if unclear else True
    return (ask("changed", question, met, seen, PASSWORDS, decisive=True),)


def _before(one: Seat, day: int) -> bool:
    """Tell whether the password was set before; a day of slack for time zones, 0 means to be changed next."""
    changed = one.password.last_change_day
    return changed is not None and 0 < changed < day - 1


def _after(one: Seat, day: int) -> bool:
    changed = one.password.last_change_day
    return changed is not None and changed > day + 1


@check("access.default_password", half=WINDOWS_LEFT)
def windows_built_in_passwords_were_changed(
    accounts: WindowsAccounts, identity: WindowsIdentity
) -> Judgement:
    """Judge by when they were set whether built-in accounts still have the delivery's passwords.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    criteria = win_accounts.preset_passwords(accounts, identity)
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


@check("access.default_password", half=DATABASE_LEFT)
def database_default_passwords_were_changed(
    asset: DatabaseAsset, accounts: DatabaseAccounts, passwords: DatabasePasswords
) -> Judgement:
    """Judge that default accounts have neither no password nor their own name as one.

    Some products come without a password, so a set one is a changed one. Whether it is the account's name
    the server compares where its hash allows that; Oracle itself lists accounts with a shipped password.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    criteria = db_defaults.changed(asset.platform, accounts, passwords)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
