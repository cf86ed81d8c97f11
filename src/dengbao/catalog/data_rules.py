"""What must hold in the places of data beyond the types of their values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..model import Asset, DataPlace, Kind
from ..reading import Mistake, suggest
from ..yamlfile import Place

_KINDS: Final = (Kind.WEB, Kind.HOST, Kind.DATABASE)
_ORIGINS: Final = ("synthetic", "masked", "production")
_REGION: Final = re.compile(r"[1-9][0-9]{5}")


def find_data_faults(place: Place, asset: Asset) -> Iterator[Mistake]:
    """Yield what is wrong with an asset's `data`; nothing is looked at."""
    if asset.data and asset.kind not in _KINDS:
        yield Mistake(
            (*place, "data"), f"{asset.kind.zh}没有 data", "登记在业务应用系统、服务器或数据库管理系统之下"
        )
    for number, one in enumerate(asset.data):
        here = (*place, "data", number)
        if not one.path.strip():
            yield Mistake((*here, "path"), "未填文件或目录", "填写 path，相对项目目录或绝对路径")
        yield from _remote_faults(here, one)
        if one.origin and one.origin not in _ORIGINS:
            yield Mistake((*here, "origin"), f"不认识的数据来源“{one.origin}”", suggest(one.origin, _ORIGINS))
        if one.regions and one.origin != "synthetic":
            yield Mistake((*here, "regions"), "regions 只用于虚构数据", "写 origin: synthetic")
        if one.marker and one.origin != "synthetic":
            yield Mistake((*here, "marker"), "marker 只用于虚构数据", "写 origin: synthetic")
        if not all(_REGION.fullmatch(region) for region in one.regions):
            yield Mistake((*here, "regions"), "regions 须为身份证号前六位", '如 "649900"')


def _remote_faults(here: Place, one: DataPlace) -> Iterator[Mistake]:
    if one.host and not one.path.startswith("/"):
        yield Mistake(
            (*here, "path"), f"path 应是主机 {one.host} 上的绝对路径", "如 /var/log/his；在本机的，删去 host"
        )
    if one.pattern and not one.host:
        yield Mistake((*here, "pattern"), "pattern 只用于主机上的目录", "填写 host，或把文件放入单独的目录")
    if one.pattern.startswith("/") or ".." in one.pattern.split("/"):
        yield Mistake((*here, "pattern"), "pattern 应是相对 path 的通配名", "如 *.log 或 **/*.xlsx")
