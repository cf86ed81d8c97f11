"""Which probes there are of data that lie as files."""

from __future__ import annotations

from ...model import Asset, Level
from ..base import ProbeSpec
from .facts import DataScan


def _has_data_here(asset: Asset) -> bool:
    return bool(asset.data) and not _has_data_on_hosts(asset)


def _has_data_on_hosts(asset: Asset) -> bool:
    return any(one.host for one in asset.data)


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="data.files",
        title="扫描登记的数据文件，查找明文个人信息与口令",
        facts=(DataScan,),
        level=Level.OBSERVE,
        applies=_has_data_here,
        run="dengbao.probes.data.files:probe",
        timeout_s=900.0,
    ),
    ProbeSpec(
        name="data.hosts",
        title="登录主机扫描登记的数据文件，查找明文个人信息与口令",
        facts=(DataScan,),
        level=Level.LOGIN,
        applies=_has_data_on_hosts,
        run="dengbao.probes.data.remote:probe",
        timeout_s=900.0,
    ),
)
