"""Reads a Windows host from the file that `collect-windows.ps1` wrote there.

The script and this reader follow Microsoft's documentation; neither was tried on a real Windows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from ...errors import NotSupported, ProbeError, ProtocolMismatch
from ...model import Asset, Facts, HostAsset, Missing
from ..base import Context, Observed, missing
from ..collected import Collected, carried_in
from ..host.frames import Transcript
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
from .parse_accounts import read_accounts, read_groups, read_identity, read_providers
from .parse_logs import read_events, read_logs
from .parse_network import read_firewall, read_listening, read_services, read_shares
from .parse_policy import read_audit, read_policy
from .parse_settings import read_settings
from .parse_software import read_defence, read_software, read_trust, read_updates
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

READERS: Final[Mapping[type[Facts], Callable[[Transcript], Facts]]] = {
    WindowsIdentity: read_identity,
    WindowsAccounts: read_accounts,
    WindowsGroups: read_groups,
    WindowsPolicy: read_policy,
    WindowsAudit: read_audit,
    WindowsSettings: read_settings,
    WindowsProviders: read_providers,
    WindowsServices: read_services,
    WindowsShares: read_shares,
    HostListening: read_listening,
    WindowsFirewall: read_firewall,
    WindowsUpdates: read_updates,
    WindowsSoftware: read_software,
    WindowsLogs: read_logs,
    WindowsEvents: read_events,
    WindowsDefence: read_defence,
    WindowsTrust: read_trust,
}


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the facts of a Windows host that a carried-in file holds.

    Sends: nothing; reads one file in the engagement's folder.
    Changes: nothing.
    Level: observe.

    Raises:
        NotDeclared: the asset names no file, or it is not there.
        OutOfScope: it lies outside the engagement's folder.
        Damaged: cut off, altered, or from another platform.
        Stale: older than the profile allows.

    """
    if not isinstance(asset, HostAsset):
        raise NotSupported("不是服务器类测评对象", where=asset.id)
    found = await asyncio.to_thread(carried_in, asset, context, "windows")
    context.keep("windows.txt", found.data)
    context.say(f"采集于 {found.begun.isoformat()}，主机 {found.host}，权限 {found.privilege}")
    return await asyncio.to_thread(observed, found)


def observed(found: Collected) -> Observed:
    """Return every kind of facts, or why it is missing."""
    transcript = found.transcript
    facts: list[Facts] = []
    lacking: list[Missing] = []
    for kind, reader in READERS.items():
        try:
            facts.append(_named(reader(transcript), found))
        except ProbeError as exc:
            lacking.append(missing(kind, exc, exc.reason))
        except ValueError as exc:
            odd = ProtocolMismatch(f"采集内容无法理解：{exc}", cure="该部分改由人工核查，并反馈采集文件")
            lacking.append(missing(kind, odd, odd.reason))
    return Observed(facts=tuple(facts), missing=tuple(lacking), privilege=found.privilege)


def _named(facts: Facts, found: Collected) -> Facts:
    if isinstance(facts, WindowsIdentity):
        return msgspec.structs.replace(facts, computer=found.host)
    return facts
