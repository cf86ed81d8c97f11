"""Which of the three duties of administration an account has: system, security, audit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.host.identity_facts import HostLoginRules
from dengbao.probes.host.system_facts import HostPrivilege

from .sudo import Power, administrators
from .wording import listing

SYSTEM: Final = "系统管理"
SECURITY: Final = "安全管理"
AUDIT: Final = "审计管理"
DUTIES: Final = (SYSTEM, SECURITY, AUDIT)

_AUDIT_COMMANDS: Final = frozenset(
    {
        "ausearch",
        "aureport",
        "auditctl",
        "augenrules",
        "aulast",
        "aulastlog",
        "journalctl",
        "last",
        "lastb",
        "lastlog",
    }
)
_SECURITY_COMMANDS: Final = frozenset(
    {
        "nft", "iptables", "ip6tables", "iptables-save", "firewall-cmd", "ufw", "semanage", "setsebool",
        "setenforce", "sestatus", "getenforce", "restorecon", "chcon", "aa-enforce", "aa-status", "faillock",
        "pam_tally2", "chage", "passwd", "useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel",
        "gpasswd", "visudo", "aide", "setstatus", "getstatus", "update-crypto-policies", "fail2ban-client",
        "chpasswd",
    }
)  # fmt: skip
# Groups whose members read the logs without being root.
_LOG_READERS: Final = frozenset({"adm", "systemd-journal", "log", "logs", "audit", "auditors"})
_SELINUX: Final = {"sysadm_u": SYSTEM, "secadm_u": SECURITY, "auditadm_u": AUDIT}


def duties(
    privilege: HostPrivilege, accounts: HostAccounts, rules: HostLoginRules | None
) -> Mapping[str, tuple[str, ...]]:
    """Return duty → accounts that can log in and have it; whoever may do everything has the one of system."""
    found: dict[str, list[str]] = defaultdict(list)
    powers = administrators(privilege, accounts)
    labelled = (rules.selinux_users or {}) if rules is not None else {}
    for one in accounts.accounts:
        if one.uid == 0 or not one.can_log_in:
            continue
        power = powers.get(one.name)
        mine = _of_power(power) if power is not None else set()
        if _LOG_READERS & set(one.groups) and not (power is not None and power.unlimited):
            mine.add(AUDIT)
        if labelled.get(one.name) in _SELINUX:
            mine = {_SELINUX[labelled[one.name]]}
        for duty in mine:
            found[duty].append(one.name)
    return {duty: tuple(found[duty]) for duty in DUTIES if duty in found}


def _of_power(power: Power) -> set[str]:
    return {SYSTEM} if power.unlimited else {_duty(one) for one in power.commands if not one.startswith("!")}


def _duty(command: str) -> str:
    words = command.split()
    name = words[0].rsplit("/", 1)[-1] if words else ""
    if name in _AUDIT_COMMANDS or any(word.startswith("/var/log") for word in words[1:]):
        return AUDIT
    return SECURITY if name in _SECURITY_COMMANDS else SYSTEM


def spelled(found: Mapping[str, tuple[str, ...]]) -> str:
    """Return the duties with who has them, for a statement."""
    return "；".join(f"{duty} {listing(found[duty])}" for duty in DUTIES if duty in found)
