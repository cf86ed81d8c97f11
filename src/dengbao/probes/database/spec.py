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
from .row_facts import DatabaseRowChallenge, DatabaseRows
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


def _has_digests(asset: Asset) -> bool:
    return _is_asked_in_sql(asset) and isinstance(asset, DatabaseAsset) and bool(asset.integrity)


def _may_alter(asset: Asset) -> bool:
    return (
        _has_digests(asset) and isinstance(asset, DatabaseAsset) and any(one.alter for one in asset.integrity)
    )


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
        name="database.rows",
        title="登录数据库重算已登记的行校验值",
        facts=(DatabaseRows,),
        level=Level.LOGIN,
        applies=_has_digests,
        run="dengbao.probes.database.rows:probe",
        timeout_s=150.0,
    ),
    ProbeSpec(
        name="database.row_challenge",
        title="在事务中改动一行后回滚，看校验值能否发现",
        facts=(DatabaseRowChallenge,),
        level=Level.INTRUDE,
        applies=_may_alter,
        run="dengbao.probes.database.row_challenge:probe",
        timeout_s=150.0,
        clause="6.b.3",
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
