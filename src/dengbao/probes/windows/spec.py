"""Which probes there are of kind windows."""

from __future__ import annotations

from typing import Final

from ...model import Asset, Facts, HostAsset, Level
from ..base import ProbeSpec
from ..host.system_facts import HostListening
from .facts import (
    WindowsAccounts,
    WindowsAudit,
    WindowsGroups,
    WindowsIdentity,
    WindowsPolicy,
    WindowsProviders,
    WindowsSettings,
)
from .system_facts import (
    WindowsDefence,
    WindowsEvents,
    WindowsFirewall,
    WindowsLogs,
    WindowsServices,
    WindowsShares,
    WindowsSoftware,
    WindowsTrust,
    WindowsUpdates,
)

# Listening sockets mean the same everywhere, so that the port check takes them as it takes those of Linux.
WINDOWS_FACTS: Final[tuple[type[Facts], ...]] = (
    WindowsIdentity,
    WindowsAccounts,
    WindowsGroups,
    WindowsPolicy,
    WindowsAudit,
    WindowsSettings,
    WindowsProviders,
    WindowsServices,
    WindowsShares,
    HostListening,
    WindowsFirewall,
    WindowsUpdates,
    WindowsSoftware,
    WindowsLogs,
    WindowsEvents,
    WindowsDefence,
    WindowsTrust,
)


def _is_windows(asset: Asset) -> bool:
    return (
        isinstance(asset, HostAsset)
        and bool(asset.collected)
        and asset.platform.strip().lower().startswith("win")
    )


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="windows.collected",
        title="读取带回的 Windows 采集文件",
        facts=WINDOWS_FACTS,
        level=Level.OBSERVE,
        applies=_is_windows,
        run="dengbao.probes.windows.carried:probe",
        timeout_s=120.0,
    ),
)
