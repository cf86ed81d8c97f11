"""Which probes look at what an application shows of persons."""

from __future__ import annotations

from ...model import Asset, Level, WebAsset
from ..base import ProbeSpec
from .facts_persons import WebExports, WebPersons


def _shows_persons(asset: Asset) -> bool:
    return isinstance(asset, WebAsset) and asset.app is not None and bool(asset.app.patients)


def _exports(asset: Asset) -> bool:
    return isinstance(asset, WebAsset) and asset.app is not None and bool(asset.app.exports)


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="web.persons",
        title="查看展示个人信息的页面与其后的接口",
        facts=(WebPersons,),
        level=Level.LOGIN,
        applies=_shows_persons,
        run="dengbao.probes.web.patients:look_at_persons",
        timeout_s=480.0,
    ),
    ProbeSpec(
        name="web.exports",
        title="以各角色请求导出",
        facts=(WebExports,),
        level=Level.INTRUDE,
        applies=_exports,
        run="dengbao.probes.web.patients:try_exports",
        timeout_s=480.0,
        clause="10.b.1",
    ),
)
