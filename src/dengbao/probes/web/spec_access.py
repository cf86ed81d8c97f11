"""Probes of who may do what in an application; each applies only where the application is described."""

from __future__ import annotations

from typing import Final

from ...model import Asset, Level, WebAsset
from ..base import ProbeSpec
from .facts_access import WebMatrix


def _has_functions(asset: Asset) -> bool:
    return isinstance(asset, WebAsset) and asset.app is not None and bool(asset.app.functions)


SPECS: Final[tuple[ProbeSpec, ...]] = (
    ProbeSpec(
        name="web.matrix",
        title="以各角色账户逐一请求登记的功能",
        facts=(WebMatrix,),
        level=Level.INTRUDE,
        clause="2.e.3",
        applies=_has_functions,
        run="dengbao.probes.web.matrix:probe",
        undo="dengbao.probes.web.changing:undo",
        timeout_s=900.0,
    ),
)
