"""Reads a database from what a DBA's tool wrote while running our script: the same facts, no connection.

`dengbao evidence import-facts` calls `recognise` on the first bytes and `envelope_of` on a whole file to
see what it is given; a run comes here by the probe `database.collected`, for assets with `collected`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Final

from ...errors import Damaged, NotSupported, ProbeError
from ...model import Asset, DatabaseAsset, Facts
from ..base import Context, Observed, missing
from ..collected import Collected, carried_path, require_fresh, take_bytes
from ..host.frames import Section
from . import (
    collected_dm,
    collected_dm_system,
    collected_oracle,
    collected_oracle_system,
    collected_sqlserver,
    collected_sqlserver_system,
)
from .collected_roles import yes
from .collected_sql import SqlFile, read_sql, recognise
from .facts import (
    DatabaseAccess,
    DatabaseAccounts,
    DatabaseAudit,
    DatabaseGrants,
    DatabasePasswords,
    DatabasePolicy,
    DatabaseSensitive,
    DatabaseServer,
    DatabaseStorage,
)
from .system_facts import (
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
)

__all__ = ["envelope_of", "observed", "probe", "recognise"]

Read = Callable[[SqlFile], Facts]
_AGAIN: Final = "重新运行采集脚本，待其自行结束后原样带回"
_CHIEFS: Final = frozenset({"SYS", "SYSDBA", "sa"})


def _no_samples(_file: SqlFile) -> Facts:
    raise NotSupported(
        "采集脚本不读业务数据，不抽样敏感数据列", cure="由管理员在场时查看，以人工佐证补充（截图须脱敏）"
    )


def _readers(module: ModuleType, system: ModuleType) -> Mapping[type[Facts], Read]:
    return {
        DatabaseServer: module.server,
        DatabaseAccounts: module.accounts,
        DatabasePasswords: module.passwords,
        DatabasePolicy: module.policy,
        DatabaseAccess: module.access,
        DatabaseGrants: module.grants,
        DatabaseAudit: module.audit,
        DatabaseSensitive: _no_samples,
        DatabaseStorage: module.storage,
        DatabaseLogs: system.logs,
        DatabaseComponents: system.components,
        DatabaseLabels: system.labels,
        DatabaseReplication: system.replication,
        DatabaseResidue: system.residue,
    }


def _seen_in_full(readers: Mapping[type[Facts], Read]) -> Mapping[type[Facts], Read]:
    """Return readers that refuse where SQL Server silently left out what the account may not see."""

    def guarded(read: Read) -> Read:
        def read_all(file: SqlFile) -> Facts:
            collected_sqlserver_system.require_sysadmin(file)
            return read(file)

        return read_all

    always = (DatabaseServer, DatabaseSensitive, DatabaseLabels)
    return {kind: read if kind in always else guarded(read) for kind, read in readers.items()}


_PLATFORMS: Final[Mapping[str, Mapping[type[Facts], Read]]] = {
    "oracle": _readers(collected_oracle, collected_oracle_system),
    "sqlserver": _seen_in_full(_readers(collected_sqlserver, collected_sqlserver_system)),
    "dm": _readers(collected_dm, collected_dm_system),
}


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the database facts that a carried-in file holds.

    Sends: nothing; reads one file in the engagement's folder.
    Changes: nothing.
    Level: observe.

    Raises:
        NotDeclared: the file is not there.
        OutOfScope: it lies outside the engagement's folder.
        Damaged: cut off, not of our script, or from another product.
        Stale: older than the profile allows.
        NotSupported: not a database, or a product without a reader here.

    """
    if not isinstance(asset, DatabaseAsset):
        raise NotSupported("不是数据库测评对象", where=asset.id)
    return await asyncio.to_thread(_look, asset, context)


def _look(asset: DatabaseAsset, context: Context) -> Observed:
    path = carried_path(asset, context)
    file = read_sql(take_bytes(path), where=str(path))
    if file.platform != asset.platform:
        raise Damaged(
            f"采集文件来自 {file.platform}，不是 {asset.platform or '（未填）'}",
            where=str(path),
            cure=f"核对测评对象 {asset.id} 的 platform 与 collected",
        )
    require_fresh(envelope_of(file), context.profile, where=str(path))
    context.keep("database.txt", file.text.encode())
    context.say(f"采集于 {file.begun.isoformat()}，实例 {file.server.get('instance', '')}")
    return observed(file)


def observed(file: SqlFile) -> Observed:
    """Return the facts of a file; what a section lacks is missing with the reason the server gave."""
    found: list[Facts] = []
    lacks = []
    for kind, read in _PLATFORMS[file.platform].items():
        try:
            found.append(read(file))
        except ProbeError as error:
            lacks.append(missing(kind, error, error.reason))
    return Observed(tuple(found), tuple(lacks), file.server.get("user", ""))


def envelope_of(file: SqlFile) -> Collected:
    """Return the file as what all carried-in files are registered as.

    Raises:
        Damaged: its end, its time or its server is missing.

    """
    row = file.server
    if not file.whole:
        raise Damaged("采集文件不完整，没有结束标记", where=file.where, cure=_AGAIN)
    chief = yes(row.get("sysdba", row.get("sysadmin", ""))) or row.get("user", "") in _CHIEFS
    return Collected(
        platform=file.platform,
        collector=file.collector,
        host=f"{row.get('host', '')}/{row.get('instance', '')}",
        begun=file.begun,
        privilege="administrator" if chief else "user",
        nonce="",
        sections={
            name: Section(name, b"", limit=0) for name, one in file.tables.items() if one.problem is None
        },
        data=file.data,
        sha256=file.sha256,
    )
