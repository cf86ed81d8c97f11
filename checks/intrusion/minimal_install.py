"""4.a.1: is only what is needed installed?"""

from __future__ import annotations

from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, DatabaseAsset, Judgement
from dengbao.probes.database.system_facts import DatabaseComponents
from dengbao.probes.host.system_facts import HostPackages
from dengbao.probes.windows.system_facts import WindowsSoftware

from .. import databases, db_product_system, db_products, db_system, win_system, windows
from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "已安装组件与业务必需组件清单的比对，须人工确认"
WINDOWS_LEFT = "已安装组件与业务必需组件清单的比对，须人工确认"

_FACT: Final = "host.packages"
# Packages that bring a graphical desktop; a server is administered without one.
_DESKTOPS: Final = frozenset(
    {
        "gnome-shell", "gdm", "gdm3", "plasma-desktop", "sddm", "lightdm", "xfce4-session", "cinnamon",
        "mate-session-manager", "ukui-session-manager", "dde-desktop", "deepin-desktop-base",
        "xorg-x11-server-Xorg", "xserver-xorg-core",
    }
)  # fmt: skip


class InstallParams(Params):
    """Packages, by deb or rpm name, that a server does not need."""

    unneeded_packages: tuple[str, ...]


@check("intrusion.minimal_install", half=HOST_LEFT)
def host_is_installed_minimally(packages: HostPackages, params: InstallParams) -> Judgement:
    """Judge that neither a desktop nor any package of the list of unneeded ones is installed.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    names = {one.name.split(":")[0] for one in packages.packages}
    desktops = sorted(names & _DESKTOPS)
    extra = sorted(names & set(params.unneeded_packages))
    criteria = (
        ask(
            "desktop",
            "是否未安装图形桌面",
            not desktops,
            f"图形桌面组件：{listing(desktops) or '未安装'}",
            _FACT,
        ),
        ask(
            "unneeded",
            "是否未安装非必要软件包",
            not extra,
            f"非必要软件包：{listing(extra) or '未安装'}",
            _FACT,
        ),
    )
    return Judgement(
        criteria=criteria,
        statement=f"经核查，已安装 {packages.manager} 软件包 {len(names)} 个，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


class WindowsInstallParams(Params):
    """Optional features by name, and words in names of programs, that a server does not need."""

    windows_unneeded_features: tuple[str, ...]
    windows_unneeded_programs: tuple[str, ...]


@check("intrusion.minimal_install", half=WINDOWS_LEFT)
def windows_is_installed_minimally(software: WindowsSoftware, params: WindowsInstallParams) -> Judgement:
    """Judge that no feature of the list is enabled and no program of the list installed.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    criteria = (
        win_system.features(software, params.windows_unneeded_features),
        win_system.programs(software, params.windows_unneeded_programs),
    )
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


class ComponentParams(Params):
    """Extensions and plugins a business database does not need, and names of test and sample databases."""

    unneeded_database_components: tuple[str, ...]
    sample_databases: tuple[str, ...]


@check("intrusion.minimal_install", half="已安装组件与业务必需组件清单的比对")
def database_is_installed_minimally(
    asset: DatabaseAsset, components: DatabaseComponents, params: ComponentParams
) -> Judgement:
    """Judge that there are no sample databases, untrusted languages or unneeded modules.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    extra = params.unneeded_database_components
    if asset.platform in db_products.OTHERS:
        criteria = db_product_system.minimal(asset.platform, components, extra, params.sample_databases)
    else:
        criteria = (
            db_system.samples(components, params.sample_databases),
            db_system.untrusted_languages(components),
            db_system.extra_components(components, extra),
        )
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="已安装组件与业务必需组件清单的比对，须人工确认"
        + db_system.unseen(asset.platform, components),
    )
