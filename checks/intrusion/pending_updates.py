"""4.e.2: are known holes mended in time?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from dengbao.checking import Params, check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseServer
from dengbao.probes.host.running_facts import HostSockets
from dengbao.probes.host.system_facts import HostPackages
from dengbao.probes.windows.system_facts import WindowsUpdates

from .. import databases, db_system, win_system, windows
from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "漏洞扫描结果，以及补丁安装前的测试评估记录，须人工提供"
WINDOWS_LEFT = "漏洞扫描结果，以及补丁安装前的测试评估记录，须人工提供"
DATABASE_LEFT = "漏洞扫描结果，以及补丁安装前的测试评估记录，须人工提供"

_FACT: Final = "host.packages"
_DAY_S: Final = 86400


class UpdateParams(Params):
    """Days after which the host's own list of updates is too old to tell that none are pending."""

    package_index_max_age_days: int


@check("intrusion.pending_updates", half=HOST_LEFT)
def host_has_no_pending_security_updates(
    packages: HostPackages, sockets: HostSockets | None, params: UpdateParams
) -> Judgement:
    """Judge that the host's own package index knows no security update that is not installed.

    An old index cannot prove that; it can only prove the contrary. A service whose file was replaced by an
    update still runs the old one until it is started anew.

    Source: GB/T 22239-2019 8.1.4.4 e).
    """
    criteria = (_pending(packages, params.package_index_max_age_days), *_restarted(sockets))
    changed = f"；最近一次软件包变更于 {_date(packages.changed_at_s)}" if packages.changed_at_s else ""
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}{changed}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _restarted(sockets: HostSockets | None) -> tuple[Criterion, ...]:
    """Return a failed criterion where packaged programs listen whose files were replaced meanwhile."""
    old = [one for one in (sockets.sockets if sockets is not None else ()) if one.deleted and one.package]
    if not old:
        return ()
    names = listing(dict.fromkeys(f"{one.process}（{one.package}）" for one in old))
    seen = f"更新后未重启、仍在运行旧程序的服务：{names}"
    return (ask("restarted", "更新后的服务是否已重启生效", False, seen, "host.sockets"),)


def _pending(packages: HostPackages, most_days: int) -> Criterion:
    question = "是否没有未安装的安全更新"
    waiting = packages.pending_security
    if waiting is None or packages.index_at_s is None:
        return ask("pending", question, None, "本机没有可用的更新数据，是否有未安装的安全更新未能确认", _FACT)
    age = max(packages.clock_s - packages.index_at_s, 0) // _DAY_S
    index = f"本机更新数据取自 {_date(packages.index_at_s)}（{age} 天前）"
    if waiting:
        return ask(
            "pending",
            question,
            False,
            f"{index}，未安装的安全更新 {len(waiting)} 个：{listing(waiting)}",
            _FACT,
        )
    if age > most_days:
        return ask(
            "pending", question, None, f"{index}，已超过 {most_days} 天，不能说明没有新的安全更新", _FACT
        )
    return ask("pending", question, True, f"{index}，没有未安装的安全更新", _FACT)


def _date(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


@check("intrusion.pending_updates", half=WINDOWS_LEFT)
def windows_has_no_pending_security_updates(updates: WindowsUpdates, params: UpdateParams) -> Judgement:
    """Judge by what the host itself found at its last search; an old search proves only the contrary.

    Source: GB/T 22239-2019 8.1.4.4 e).
    """
    criterion, last = win_system.pending(updates, params.package_index_max_age_days)
    return Judgement(
        criteria=(criterion,),
        statement=windows.sentence((criterion,), last),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )


class VersionParams(Params):
    """Tables of `product line value`: end of maintenance, least mended version; the day they were written."""

    database_support_ends: tuple[str, ...]
    database_least_versions: tuple[str, ...]
    database_versions_as_of: str
    database_versions_max_age_days: int


@check("intrusion.pending_updates", half=DATABASE_LEFT)
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
        remainder=DATABASE_LEFT,
    )
