"""Criteria on what is switched on in the products that are neither PostgreSQL nor MySQL.

Not tried with a real Oracle, SQL Server or 达梦.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.system_facts import DatabaseComponents

from .db_products import REDIS
from .hosts import ask
from .wording import listing

_FACT: Final = "database.components"
_KINDS: Final = frozenset({"option", "module"})
# The others come as one whole, in which features are switched on and off.
_WITH_PARTS: Final = frozenset({"oracle", REDIS})
_SAMPLES: Final[Mapping[str, str]] = {
    "oracle": "厂商示例模式（SCOTT、HR、OE、PM、SH，按其中的表识别）",
    "sqlserver": "测试、示例库",
    "dm": "厂商示例模式（DMHR、BOOKSHOP，按其中的表识别）",
}
_REACHING: Final[Mapping[str, str]] = {
    "oracle": "用户建立的外部程序库（LIBRARY）",
    "sqlserver": "已启用的可访问操作系统与外部数据的功能（xp_cmdshell、Ole Automation 等）",
    "dm": "已启用的外部函数调用",
    REDIS: "向所有来源开放的调试、模块加载命令",
}


def minimal(
    platform: str, components: DatabaseComponents, unneeded: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Criterion, ...]:
    """Return whether there are neither samples nor what nobody needs."""
    return (*_samples(platform, components, names), *needed(platform, components, unneeded))


def needed(platform: str, components: DatabaseComponents, unneeded: tuple[str, ...]) -> tuple[Criterion, ...]:
    """Return whether nothing reaches out of the database, and nothing of the list is installed."""
    listed = {one.lower() for one in unneeded}
    installed = [one for one in components.components if one.kind in _KINDS]
    extra = [one.name for one in installed if one.name.lower() in listed]
    outside = [one.name for one in components.components if one.trusted is False]
    told = f"{_REACHING[platform]}：{listing(outside) or '无'}"
    first = ask("reaching", "是否未开放可访问数据库以外的功能", not outside, told, _FACT)
    if platform not in _WITH_PARTS:
        return (first,)
    seen = f"已安装的组件 {len(installed)} 个，其中非必要的：{listing(extra) or '无'}"
    return (first, ask("unneeded", "是否未安装非必要的组件", not extra, seen, _FACT))


def _samples(platform: str, components: DatabaseComponents, names: tuple[str, ...]) -> tuple[Criterion, ...]:
    """Return whether no samples are there; Redis has numbered databases and no samples."""
    if platform == REDIS:
        return ()
    found = list(components.samples or ())
    if platform == "sqlserver":
        listed = {one.lower() for one in names}
        found += [one for one in components.databases if one.lower() in listed and one not in found]
    whole = components.samples is not None and components.databases_complete
    met = False if found else True if whole else None
    seen = f"{_SAMPLES[platform]}：{listing(found) or ('无' if met else '未能全部查看')}"
    return (ask("samples", "是否没有测试、示例数据", met, seen, _FACT),)


def unseen(components: DatabaseComponents) -> str:
    """Return which links to other servers a person must justify, as the end of a remainder."""
    links = [one.name for one in components.components if one.kind == "link"]
    return f"；链接服务器 {listing(links)} 是否为业务所必需" if links else ""
