"""Turns a transcript into facts: every kind is brought or missing, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from ...model import Facts, Missing
from ..base import Observed, missing
from .facts import (
    HostAccounts,
    HostAudit,
    HostFiles,
    HostIdentity,
    HostLogins,
    HostLogs,
    HostMemory,
    HostPam,
    HostPasswords,
    HostPolicy,
    HostSshd,
    HostSyslog,
)
from .frames import Transcript
from .identity_facts import HostInstallation, HostLoginRules, HostRights, HostTraces
from .parse_accounts import read_accounts, read_logins, read_passwords
from .parse_audit import read_audit
from .parse_firewall import read_firewall
from .parse_identity import read_installation, read_login_rules, read_rights, read_traces
from .parse_logs import read_files, read_logs, read_syslog
from .parse_pam import read_pam, read_policy
from .parse_privilege import read_privilege
from .parse_processes import read_listening, read_processes, read_services
from .parse_sockets import read_sockets
from .parse_sshd import read_sshd
from .parse_system import read_boot, read_identity, read_mac, read_memory, read_packages
from .running_facts import HostSockets
from .system_facts import (
    HostBoot,
    HostFirewall,
    HostListening,
    HostMac,
    HostPackages,
    HostPrivilege,
    HostProcesses,
    HostServices,
)

READERS: Final[Mapping[type[Facts], Callable[[Transcript], Facts]]] = {
    HostIdentity: read_identity,
    HostAccounts: read_accounts,
    HostPasswords: read_passwords,
    HostLogins: read_logins,
    HostPam: read_pam,
    HostPolicy: read_policy,
    HostSshd: read_sshd,
    HostAudit: read_audit,
    HostSyslog: read_syslog,
    HostLogs: read_logs,
    HostFiles: read_files,
    HostServices: read_services,
    HostProcesses: read_processes,
    HostListening: read_listening,
    HostSockets: read_sockets,
    HostPackages: read_packages,
    HostMac: read_mac,
    HostBoot: read_boot,
    HostMemory: read_memory,
    HostFirewall: read_firewall,
    HostPrivilege: read_privilege,
    HostRights: read_rights,
    HostTraces: read_traces,
    HostLoginRules: read_login_rules,
    HostInstallation: read_installation,
}


def assemble(transcript: Transcript, privilege: str) -> Observed:
    """Return all kinds of host facts that the transcript holds, and why the others are missing.

    Raises:
        NotSupported: the host is not Linux; nothing else would make sense.
        ProbeError: the transcript does not even say which system answered.

    """
    identity = read_identity(transcript)
    facts: list[Facts] = []
    lacking: list[Missing] = []
    for kind, reader in READERS.items():
        try:
            facts.append(identity if kind is HostIdentity else reader(transcript))
        except ProbeError as exc:
            lacking.append(missing(kind, exc, exc.reason))
        except ValueError as exc:
            odd = ProtocolMismatch(f"主机输出无法理解：{exc}", cure="该部分改由人工核查，并反馈原始记录")
            lacking.append(missing(kind, odd, odd.reason))
    return Observed(facts=tuple(facts), missing=tuple(lacking), privilege=privilege)
