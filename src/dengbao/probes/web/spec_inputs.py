"""Which probes send wrong input."""

from __future__ import annotations

from ...model import Asset, Level, WebAsset
from ..base import ProbeSpec
from .facts_inputs import WebInputs
from .facts_openapi import WebApi


def _has_forms(asset: Asset) -> bool:
    return isinstance(asset, WebAsset) and asset.app is not None and bool(asset.app.inputs)


def _has_description(asset: Asset) -> bool:
    return isinstance(asset, WebAsset) and asset.app is not None and bool(asset.app.openapi)


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="web.inputs",
        title="向登记的表单提交错误的内容",
        facts=(WebInputs,),
        level=Level.INTRUDE,
        applies=_has_forms,
        run="dengbao.probes.web.inputs:probe",
        timeout_s=480.0,
        clause="4.d.2",
        undo="dengbao.probes.web.inputs:undo",
    ),
    ProbeSpec(
        name="web.api",
        title="按接口描述（OpenAPI）查询接口",
        facts=(WebApi,),
        level=Level.INTRUDE,
        applies=_has_description,
        run="dengbao.probes.web.openapi:probe",
        timeout_s=300.0,
        clause="4.d.2",
    ),
)
