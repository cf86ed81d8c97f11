"""Which 作业指导 fits an asset: that of its platform first, all others after it."""

from __future__ import annotations

from typing import Final

from ..model import Asset, Guidance, HostAsset, Item, Kind

_BY_KIND: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.WEB: ("web",),
    Kind.TLS: ("tls",),
    Kind.BACKUP: ("backup",),
    Kind.SYSTEM: ("system",),
}
_BY_DATABASE: Final = {
    "postgresql": "postgresql-kingbase", "kingbase": "postgresql-kingbase", "mysql": "mysql-mariadb",
    "mariadb": "mysql-mariadb", "oracle": "oracle", "sqlserver": "sqlserver", "dm": "dameng",
}  # fmt: skip
_KYLIN: Final = ("kylin", "openeuler", "uos", "麒麟", "欧拉", "统信")
NAMES: Final = {
    "web": "业务应用系统", "tls": "通信端点", "backup": "备份", "system": "信息系统及其文档",
    "linux": "Linux", "kylin-openeuler": "麒麟、openEuler", "windows-server": "Windows Server",
    "postgresql-kingbase": "PostgreSQL、人大金仓", "mysql-mariadb": "MySQL、MariaDB", "oracle": "Oracle",
    "sqlserver": "SQL Server", "dameng": "达梦",
}  # fmt: skip


def guidance_for(item: Item, asset: Asset) -> tuple[tuple[Guidance, ...], tuple[Guidance, ...]]:
    """Return the guidance for an asset's platform, and the rest; where nothing fits, the first is empty."""
    fitting = _platforms(asset)
    own = tuple(one for one in item.by_hand.how if one.platform in fitting)
    return own, tuple(one for one in item.by_hand.how if one.platform not in fitting)


def _platforms(asset: Asset) -> tuple[str, ...]:
    if asset.kind is Kind.DATABASE:
        found = _BY_DATABASE.get(asset.platform)
        return (found,) if found else ()
    if isinstance(asset, HostAsset):
        told = asset.platform.casefold()
        if told.startswith("win"):
            return ("windows-server",)
        if any(one in told for one in _KYLIN):
            return ("kylin-openeuler", "linux")
        # What nobody named is read over SSH, as Linux is.
        return ("linux",)
    return _BY_KIND.get(asset.kind, ())
