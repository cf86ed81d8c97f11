"""Which probes there are of kind database."""

from __future__ import annotations

from typing import Final

from ...model import Asset, DatabaseAsset, Facts, Level
from ..base import ProbeSpec
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

# What every product is asked, whatever it is asked through.
_COMMON: Final[tuple[type[Facts], ...]] = (
    DatabaseServer,
    DatabaseAccounts,
    DatabasePasswords,
    DatabasePolicy,
    DatabaseAccess,
    DatabaseGrants,
    DatabaseAudit,
    DatabaseSensitive,
    DatabaseStorage,
    DatabaseLogs,
    DatabaseComponents,
    DatabaseLabels,
    DatabaseReplication,
    DatabaseResidue,
)


def _is_redis(asset: Asset) -> bool:
    return isinstance(asset, DatabaseAsset) and asset.platform == "redis" and not asset.collected


def _is_asked_in_sql(asset: Asset) -> bool:
    return isinstance(asset, DatabaseAsset) and asset.platform != "redis" and not asset.collected


def _is_carried_in(asset: Asset) -> bool:
    return isinstance(asset, DatabaseAsset) and bool(asset.collected)


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="database.catalogue",
        title="登录数据库读取账户、策略、授权、审计与抽样",
        facts=_COMMON,
        level=Level.LOGIN,
        applies=_is_asked_in_sql,
        run="dengbao.probes.database.look:probe",
        timeout_s=150.0,
    ),
    ProbeSpec(
        name="database.redis",
        title="登录 Redis 读取账户、口令状态与设置",
        facts=_COMMON,
        level=Level.LOGIN,
        applies=_is_redis,
        run="dengbao.probes.database.redis:probe",
        timeout_s=120.0,
    ),
    ProbeSpec(
        name="database.collected",
        title="读取带回的数据库采集结果",
        facts=_COMMON,
        level=Level.OBSERVE,
        applies=_is_carried_in,
        run="dengbao.probes.database.collected:probe",
        timeout_s=120.0,
    ),
)
