"""What Windows checks share: sentences, what a domain decides elsewhere, and access lists in SDDL.

The facts follow Microsoft's documentation; nothing here was tried on a real Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.windows.facts import WindowsAccount, WindowsAccounts, WindowsIdentity

from .hosts import ask

IDENTITY: Final = "windows.identity"
ACCOUNTS: Final = "windows.accounts"
POLICY: Final = "windows.policy"
SETTINGS: Final = "windows.settings"
DAY_S: Final = 86400
ADMINISTRATOR: Final = 500
GUEST: Final = 501
# Groups that hold everybody or nearly so.
EVERYBODY: Final = {
    "S-1-1-0": "Everyone", "S-1-5-7": "匿名登录", "S-1-5-11": "Authenticated Users",
    "S-1-5-32-545": "Users", "S-1-5-32-546": "Guests", "S-1-5-4": "INTERACTIVE",
}  # fmt: skip
_ACE: Final = re.compile(r"\(([A-Z]+);[^;()]*;([^;()]*);[^;()]*;[^;()]*;([^;()]*)[^()]*\)")
_BITS: Final = {
    "CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
    "SD": 0x10000, "RC": 0x20000, "WD": 0x40000, "WO": 0x80000, "GA": 0x1F01FF, "GW": 0x120116,
    "GR": 0x120089, "GX": 0x1200A0, "FA": 0x1F01FF, "FW": 0x120116, "FR": 0x120089, "FX": 0x1200A0,
}  # fmt: skip
# The system itself, its services, and administrators, by the letters of SDDL and by SID.
_TRUSTED: Final = re.compile(
    r"SY|BA|LS|NS|DA|EA|S-1-5-(?:18|19|20|32-544)|S-1-5-80-[0-9-]+|S-1-5-21-[0-9-]+-(?:500|512|519)"
)


def sentence(criteria: Iterable[Criterion], *notes: str) -> str:
    """Return what was seen as one sentence of the 结果记录."""
    parts = [one.measured for one in criteria] + [one for one in notes if one]
    return f"经核查，{'；'.join(parts)}。"


def enabled(accounts: WindowsAccounts) -> tuple[WindowsAccount, ...]:
    """Return the accounts that can be used: neither disabled nor past their end."""
    return tuple(
        one
        for one in accounts.accounts
        if not one.disabled
        and (one.expires_s is None or accounts.clock_s is None or one.expires_s > accounts.clock_s)
    )


def domain_policy(identity: WindowsIdentity) -> tuple[Criterion, ...]:
    """Return an open criterion where a domain may ask something else of its accounts; else none."""
    if identity.member is False:
        return ()
    if identity.controller:
        seen = "本机为域控制器，细粒度密码策略（PSO）是否另有规定未能核查"
    elif identity.member:
        seen = f"本机为域 {identity.domain} 的成员，域账户的策略由域控制器决定，本机导出不能反映"
    else:
        seen = "本机是否加入域未能确认"
    return (ask("domain", "域账户是否适用同样的策略", None, seen, IDENTITY),)


def domain_accounts(identity: WindowsIdentity) -> tuple[Criterion, ...]:
    """Return an open criterion where accounts of a domain can be used here too; else none."""
    if identity.member is False or identity.controller:
        return ()
    seen = "本机是否加入域未能确认"
    if identity.member:
        seen = f"本机为域 {identity.domain} 的成员，域账户须在域控制器上核查"
    return (ask("domain", "域账户是否同样符合", None, seen, IDENTITY),)


def state(value: int | None, *, on: int = 1) -> str:
    """Return the words of Windows' own policy editor for a switch."""
    return "未能确认" if value is None else "已启用" if value == on else "已禁用"


def date(at_s: int) -> str:
    """Return a day for a statement."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


@dataclass(frozen=True)
class Entry:
    """One entry of an access list that grants something."""

    who: str
    mask: int

    @property
    def trusted(self) -> bool:
        """Tell whether it is the system itself or administrators."""
        return _TRUSTED.fullmatch(self.who) is not None


def granted(sddl: str) -> tuple[Entry, ...] | None:
    """Return what the access list of an SDDL grants, None where it is not understood.

    Refusals are left out: they could only make rights smaller, so that what is found may be too much,
    never too little.
    """
    body = sddl.partition("D:")[2]
    listed = re.match(r"[A-Z]*((?:\([^()]*\))*)", body)
    if not body or listed is None or not listed.group(1):
        return None
    found: list[Entry] = []
    for text in re.findall(r"\([^()]*\)", listed.group(1)):
        ace = _ACE.fullmatch(text)
        mask = None if ace is None else _mask(ace.group(2))
        if ace is None or mask is None:
            return None
        if ace.group(1) == "A":
            found.append(Entry(ace.group(3), mask))
    return tuple(found)


def _mask(text: str) -> int | None:
    if re.fullmatch(r"0x[0-9a-fA-F]+|\d+", text):
        return int(text, 0)
    pairs = [text[at : at + 2] for at in range(0, len(text), 2)]
    if any(one not in _BITS for one in pairs):
        return None
    mask = 0
    for one in pairs:
        mask |= _BITS[one]
    return mask
