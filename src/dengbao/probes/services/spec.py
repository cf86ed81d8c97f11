"""Which probes there are of kind services; speaking to the open ports belongs to the scan that finds them."""

from __future__ import annotations

from ...model import HostAsset, Level
from ..base import ProbeSpec
from .facts import ServicesReach

SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="services.reach",
        title="管理端口的来源限制",
        facts=(ServicesReach,),
        level=Level.OBSERVE,
        # Without sources to try from there is nothing to try, and the configuration alone is judged.
        applies=lambda asset: (
            isinstance(asset, HostAsset)
            and bool(asset.try_sources)
            and bool(asset.address)
            and asset.address != "local"
        ),
        run="dengbao.probes.services.reach:probe",
        timeout_s=300.0,
        intrusion="从非管理来源以登记账户试登录一次 SSH",
    ),
)
