"""4.a.2: are there components and programs that nobody needs?"""

from __future__ import annotations

from dengbao.checking import Params, check
from dengbao.model import Coverage, DatabaseAsset, Judgement
from dengbao.probes.database.system_facts import DatabaseComponents
from dengbao.probes.host.system_facts import HostPackages
from dengbao.probes.windows.system_facts import WindowsSoftware

from .. import databases, db_product_system, db_products, db_system, win_system, windows
from ..hosts import ask, told
from ..wording import listing
from .minimal_install import InstallParams, WindowsInstallParams

# What the facts cannot show and people must add.
HOST_LEFT = "未经软件包管理器安装的应用程序是否必要，须人工核查"
WINDOWS_LEFT = "未登记在程序列表中的绿色软件是否必要，须人工核查"


@check("intrusion.unneeded_packages", half=HOST_LEFT)
def host_has_no_unneeded_packages(packages: HostPackages, params: InstallParams) -> Judgement:
    """Judge that no package of the list of unneeded ones is installed.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    versions = {one.name.split(":")[0]: one.version for one in packages.packages}
    extra = [f"{name} {versions[name]}" for name in params.unneeded_packages if name in versions]
    criteria = (
        ask(
            "unneeded",
            "是否未安装非必要的组件和应用程序",
            not extra,
            f"已安装的非必要软件包：{listing(extra)}"
            if extra
            else f"清单中的非必要软件包（{listing(params.unneeded_packages)}）均未安装",
            "host.packages",
        ),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，在 {len(versions)} 个已安装软件包中，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


@check("intrusion.unneeded_packages", half=WINDOWS_LEFT)
def windows_has_no_unneeded_programs(software: WindowsSoftware, params: WindowsInstallParams) -> Judgement:
    """Judge that no program of the list is installed; features count as components.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    criteria = (
        win_system.programs(software, params.windows_unneeded_programs),
        win_system.features(software, params.windows_unneeded_features),
    )
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


class ListedParams(Params):
    """Extensions and plugins a business database does not need."""

    unneeded_database_components: tuple[str, ...]


@check("intrusion.unneeded_packages", half="组件清单的必要性")
def database_has_no_unneeded_components(
    asset: DatabaseAsset, components: DatabaseComponents, params: ListedParams
) -> Judgement:
    """Judge that no extension or plugin of the list of unneeded ones is installed.

    An empty list of components is believed only where the product told at least one database.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    extra = params.unneeded_database_components
    if asset.platform in db_products.OTHERS:
        criteria = db_product_system.needed(asset.platform, components, extra)
    else:
        criteria = (db_system.extra_components(components, extra), *db_system.any_seen(components))
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="组件清单的必要性须人工确认" + db_system.unseen(asset.platform, components),
    )
