"""4.a and 4.e.2 of databases: what is installed, and whether it is mended."""

from __future__ import annotations

from dengbao.checking import Params, check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Judgement
from dengbao.probes.database.facts import DatabaseServer
from dengbao.probes.database.system_facts import DatabaseComponents

from .. import databases, db_system


class ComponentParams(Params):
    """Extensions and plugins a business database does not need, and names of test and sample databases."""

    unneeded_database_components: tuple[str, ...]
    sample_databases: tuple[str, ...]


class ListedParams(Params):
    """Extensions and plugins a business database does not need."""

    unneeded_database_components: tuple[str, ...]


class VersionParams(Params):
    """Tables of `product line value`: end of maintenance, least mended version; the day they were written."""

    database_support_ends: tuple[str, ...]
    database_least_versions: tuple[str, ...]
    database_versions_as_of: str
    database_versions_max_age_days: int


@check("intrusion.minimal_install")
def database_is_installed_minimally(components: DatabaseComponents, params: ComponentParams) -> Judgement:
    """Judge that there are no sample databases, untrusted languages or unneeded modules.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    criteria = (
        db_system.samples(components, params.sample_databases),
        db_system.untrusted_languages(components),
        db_system.extra_components(components, params.unneeded_database_components),
    )
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="已安装组件与业务必需组件清单的比对，须人工确认" + db_system.unseen(components),
    )


@check("intrusion.unneeded_packages")
def database_has_no_unneeded_components(components: DatabaseComponents, params: ListedParams) -> Judgement:
    """Judge that no extension or plugin of the list of unneeded ones is installed.

    An empty list of components is believed only where the product told at least one database.

    Source: GB/T 22239-2019 8.1.4.4 a).
    """
    criterion = db_system.extra_components(components, params.unneeded_database_components)
    criteria = (criterion, *db_system.any_seen(components))
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="组件清单的必要性须人工确认" + db_system.unseen(components),
    )


@check("intrusion.pending_updates")
def database_version_is_mended(server: DatabaseServer, params: VersionParams) -> Judgement:
    """Judge that the version is still maintained and not older than the fixes known.

    The tables of the profile carry their day: later fixes are unknown, and an old table proves nothing good.

    Source: GB/T 22239-2019 8.1.4.4 e).
    """
    if server.product == "sqlite":
        raise Undetermined("SQLite 的版本由使用它的应用程序决定，文件中不可见，须核查应用程序所带的库")
    criteria = (
        db_system.maintained(server, params.database_support_ends),
        db_system.current(
            server,
            params.database_least_versions,
            params.database_versions_as_of,
            params.database_versions_max_age_days,
        ),
    )
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder="漏洞扫描结果，以及补丁安装前的测试评估记录，须人工提供",
    )
