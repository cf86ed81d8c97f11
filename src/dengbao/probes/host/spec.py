"""Which probes there are of kind host."""

from __future__ import annotations

from typing import Final

from ...model import Asset, Facts, HostAsset, Level
from ..base import ProbeSpec
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
from .hole_facts import HostHoles
from .identity_facts import HostInstallation, HostLoginRules, HostRights, HostTraces
from .running_facts import HostAuditStop, HostSockets
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

LINUX_FACTS: Final[tuple[type[Facts], ...]] = (
    HostIdentity,
    HostAccounts,
    HostPasswords,
    HostLogins,
    HostPam,
    HostPolicy,
    HostSshd,
    HostAudit,
    HostSyslog,
    HostLogs,
    HostFiles,
    HostServices,
    HostProcesses,
    HostListening,
    HostSockets,
    HostPackages,
    HostMac,
    HostBoot,
    HostMemory,
    HostFirewall,
    HostPrivilege,
    HostRights,
    HostTraces,
    HostLoginRules,
    HostInstallation,
    HostHoles,
)


def _is_remote(asset: Asset) -> bool:
    return isinstance(asset, HostAsset) and not asset.collected and asset.address != "local"


def _is_local(asset: Asset) -> bool:
    return isinstance(asset, HostAsset) and not asset.collected and asset.address == "local"


def _is_carried_in(asset: Asset) -> bool:
    return (
        isinstance(asset, HostAsset)
        and bool(asset.collected)
        and not asset.platform.lower().startswith("win")
    )


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="host.ssh",
        title="经 SSH 读取主机配置",
        facts=LINUX_FACTS,
        level=Level.LOGIN,
        applies=_is_remote,
        run="dengbao.probes.host.ssh:probe",
        timeout_s=240.0,
    ),
    ProbeSpec(
        name="host.stop_audit",
        title="以普通账户尝试停止审计进程",
        facts=(HostAuditStop,),
        level=Level.DISRUPT,
        clause="3.d.1",
        applies=_is_remote,
        run="dengbao.probes.host.stop_audit:probe",
        timeout_s=180.0,
    ),
    ProbeSpec(
        name="host.local",
        title="读取本机配置",
        facts=LINUX_FACTS,
        level=Level.OBSERVE,
        applies=_is_local,
        run="dengbao.probes.host.local:probe",
        timeout_s=240.0,
    ),
    ProbeSpec(
        name="host.collected",
        title="读取带回的主机采集文件",
        facts=LINUX_FACTS,
        level=Level.OBSERVE,
        applies=_is_carried_in,
        run="dengbao.probes.host.carried:probe",
        timeout_s=120.0,
    ),
)
