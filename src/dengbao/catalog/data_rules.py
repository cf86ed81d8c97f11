"""What must hold in the places of data beyond the types of their values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..model import Asset, Kind
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
        if one.origin and one.origin not in _ORIGINS:
            yield Mistake((*here, "origin"), f"不认识的数据来源“{one.origin}”", suggest(one.origin, _ORIGINS))
        if one.regions and one.origin != "synthetic":
            yield Mistake((*here, "regions"), "regions 只用于虚构数据", "写 origin: synthetic")
        if not all(_REGION.fullmatch(region) for region in one.regions):
            yield Mistake((*here, "regions"), "regions 须为身份证号前六位", '如 "649900"')
