"""Which probes there are of kind ports."""

from __future__ import annotations

from ...model import HostAsset, Level
from ..base import ProbeSpec
from .facts import PortsOpen

SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="ports.tcp",
        title="TCP 端口与服务",
        facts=(PortsOpen,),
        level=Level.OBSERVE,
        applies=lambda asset: isinstance(asset, HostAsset),
        run="dengbao.probes.ports.scan:probe",
        # All ports at the default pace take 22 minutes; the probe keeps a shorter deadline of its own.
        timeout_s=3600.0,
    ),
)
