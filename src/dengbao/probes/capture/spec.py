"""Which probes there are of kind capture."""

from __future__ import annotations

from collections.abc import Callable

from ...model import Asset, Facts, Level
from ..base import ProbeSpec
from .facts import CaptureAdmin, CaptureFlows

_RUN = "dengbao.probes.capture.look:probe"
_LONGEST_S = 3600.0  # 300 GB of files, or six times the longest listening


def _declares(asset: Asset, *, admin: bool) -> bool:
    return asset.traffic is not None and any(one.admin is admin for one in asset.traffic.flows)


def _only_data(asset: Asset) -> bool:
    return _declares(asset, admin=False) and not _declares(asset, admin=True)


def _only_admin(asset: Asset) -> bool:
    return _declares(asset, admin=True) and not _declares(asset, admin=False)


def _both(asset: Asset) -> bool:
    return _declares(asset, admin=True) and _declares(asset, admin=False)


def _spec(name: str, facts: tuple[type[Facts], ...], applies: Callable[[Asset], bool]) -> ProbeSpec:
    return ProbeSpec(
        name=name, title="抓包中申报的传输流", facts=facts, level=Level.OBSERVE, applies=applies, run=_RUN,
        timeout_s=_LONGEST_S,
    )  # fmt: skip


# One reading of a capture serves all flows; which facts come of it depends on what is declared.
SPECS: tuple[ProbeSpec, ...] = (
    _spec("capture.data", (CaptureFlows,), _only_data),
    _spec("capture.admin", (CaptureAdmin,), _only_admin),
    _spec("capture.both", (CaptureFlows, CaptureAdmin), _both),
)
