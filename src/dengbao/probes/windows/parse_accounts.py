"""Reads the system, its accounts and groups, and how one can log in."""

from __future__ import annotations

from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from ..host.frames import Transcript
from .facts import (
    GroupMember,
    Provider,
    WindowsAccount,
    WindowsAccounts,
    WindowsGroup,
    WindowsGroups,
    WindowsIdentity,
    WindowsProviders,
)
from .sections import number, records, truth, whole

# Bits of UserFlags.
_DISABLED: Final = 0x2
_LOCKED: Final = 0x10
_NOT_REQUIRED: Final = 0x20
_NEVER_EXPIRES: Final = 0x10000
_MUST_CHANGE: Final = 0x800000
_NO_TIME_S: Final = 2 * 86400
_CURE: Final = "该部分改由人工核查，并反馈采集文件"


def read_identity(transcript: Transcript) -> WindowsIdentity:
    """Return which system it is.

    Raises:
        ProtocolMismatch: the section does not even say which system it is.

    """
    values = {one[0]: one[1] for one in records_of_pairs(transcript)}
    if not values.get("caption") and not values.get("version"):
        raise ProtocolMismatch("采集文件没有说明是什么系统", cure="在主机上重新运行 collect-windows.ps1")
    administrator = truth(values.get("administrator", ""))
    return WindowsIdentity(
        computer=values.get("computer", ""),
        caption=values.get("caption", "").strip(),
        version=values.get("version", ""),
        build=number(values.get("build", "")),
        revision=number(values.get("registry.UBR", "")),
        product=number(values.get("product_type", "")),
        installation=values.get("registry.InstallationType", ""),
        domain_role=number(values.get("domain_role", "")),
        domain=values.get("domain", ""),
        installed_s=number(values.get("installed", "")),
        clock_s=number(values.get("now", "")),
        culture=values.get("culture", ""),
        user=values.get("user", ""),
        user_sid=values.get("user_sid", ""),
        privilege="administrator" if administrator else "user",
    )


def records_of_pairs(transcript: Transcript) -> list[list[str]]:
    """Return the name and value of every line of the system section."""
    section = whole(transcript, "system")
    words = {line.split("\t")[0] for line in section.text.splitlines() if "\t" in line}
    return [[word, *fields] for word in words for fields in records(section, word, 1)]


def clock(transcript: Transcript) -> int | None:
    """Return the host's clock, None where it was not written down."""
    try:
        return read_identity(transcript).clock_s
    except ProbeError:
        return None


def read_accounts(transcript: Transcript) -> WindowsAccounts:
    """Return the local accounts.

    Raises:
        ProtocolMismatch: a line that is not understood, or no account at all, which no Windows has.

    """
    now = clock(transcript)
    accounts = tuple(_account(fields, now) for fields in records(whole(transcript, "accounts"), "account", 7))
    if not accounts:
        raise ProtocolMismatch("采集文件中没有本地账户", cure=_CURE)
    return WindowsAccounts(accounts=accounts, clock_s=now)


def _account(fields: list[str], now: int | None) -> WindowsAccount:
    name, sid, flags_text, age_text, when, login, expires = fields[:7]
    flags = number(flags_text)
    if not name or not sid.startswith("S-1-5-") or flags is None:
        raise ProtocolMismatch(f"账户“{name[:40]}”的记录无法理解", cure=_CURE)
    age = number(age_text)
    set_s = number(when)
    # An age of 0 also stands for a password that was never set; only Get-LocalUser tells them apart.
    if set_s is None and when != "never" and age and now is not None:
        set_s = now - age
    return WindowsAccount(
        name=name,
        sid=sid,
        disabled=bool(flags & _DISABLED),
        locked=bool(flags & _LOCKED),
        password_required=not flags & _NOT_REQUIRED,
        password_expires=not flags & _NEVER_EXPIRES,
        must_change=bool(flags & _MUST_CHANGE),
        set_s=set_s,
        never_set=when == "never",
        login_s=_moment(login),
        expires_s=_moment(expires),
    )


def _moment(text: str) -> int | None:
    """Return a time; the beginning of 1970, in whatever zone, is how Windows says that there is none."""
    at_s = number(text)
    return None if at_s is None or at_s <= _NO_TIME_S else at_s


def read_groups(transcript: Transcript) -> WindowsGroups:
    """Return the local groups with their members by SID.

    Raises:
        ProtocolMismatch: no group at all.

    """
    section = whole(transcript, "groups")
    machine = _machine(transcript)
    unread = {fields[0] for fields in records(section, "unread")}
    members: dict[str, list[GroupMember]] = {}
    for group, sid, name, kind, _ in (one[:5] for one in records(section, "member", 5)):
        found = GroupMember(sid=sid, name=name, kind=kind, local=_is_local(sid, machine))
        members.setdefault(group, []).append(found)
    groups = tuple(
        WindowsGroup(sid=sid, name=name, members=None if sid in unread else tuple(members.get(sid, ())))
        for sid, name in (one[:2] for one in records(section, "group", 2))
    )
    if not groups:
        raise ProtocolMismatch("采集文件中没有本地组", cure=_CURE)
    return WindowsGroups(groups=groups)


def _machine(transcript: Transcript) -> str:
    """Return what the SIDs of this machine's own accounts begin with, empty where not known."""
    try:
        first = read_accounts(transcript).accounts[0]
    except ProbeError:
        return ""
    return first.sid.rpartition("-")[0]


def _is_local(sid: str, machine: str) -> bool | None:
    if not sid:
        return None
    if not sid.startswith("S-1-5-21-"):
        return True
    return sid.rpartition("-")[0] == machine if machine else None


def read_providers(transcript: Transcript) -> WindowsProviders:
    """Return the credential providers.

    Raises:
        ProtocolMismatch: none at all, with which nobody could log in.

    """
    found = tuple(
        Provider(id=one[0], title=one[1], maker=one[3], disabled=one[4] == "1")
        for one in records(whole(transcript, "providers"), "provider", 5)
    )
    if not found:
        raise ProtocolMismatch("采集文件中没有登录凭据提供程序", cure=_CURE)
    return WindowsProviders(providers=found)
