"""Which probes there are of kind ports."""

from __future__ import annotations

from ...model import HostAsset, Level
from ..base import ProbeSpec
from ..services.facts import PortsUdp, ServicesExposed, ServicesGuests, SshAlgorithms
from .facts import PortsOpen

SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="ports.tcp",
        title="端口与服务",
        facts=(PortsOpen, ServicesExposed, SshAlgorithms, PortsUdp, ServicesGuests),
        level=Level.OBSERVE,
        applies=lambda asset: isinstance(asset, HostAsset) and bool(asset.address),
        run="dengbao.probes.ports.scan:probe",
        # All ports take 22 minutes at 50 connections a second and 55 at 20; the probe keeps a shorter
        # deadline of its own, so that a sweep that is cut still brings what it has seen.
        timeout_s=4 * 3600.0,
        intrusion="对 FTP、SMB、SNMP 以匿名、来宾与默认团体名各试连一次",
    ),
)
