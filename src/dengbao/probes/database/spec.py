"""Which probes there are of kind database."""

from __future__ import annotations

from ...model import DatabaseAsset, Level
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

SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="database.catalogue",
        title="登录数据库读取账户、策略、授权、审计与抽样",
        facts=(
            DatabaseServer,
            DatabaseAccounts,
            DatabasePasswords,
            DatabasePolicy,
            DatabaseAccess,
            DatabaseGrants,
            DatabaseAudit,
            DatabaseSensitive,
            DatabaseStorage,
        ),
        level=Level.LOGIN,
        applies=lambda asset: isinstance(asset, DatabaseAsset),
        run="dengbao.probes.database.look:probe",
        timeout_s=150.0,
    ),
)
