"""Which probes there are of kind backup."""

from __future__ import annotations

from ...model import Asset, BackupAsset, Kind, Level
from ..base import ProbeSpec
from .facts import BackupFiles, BackupIntegrity, BackupRestore


def _is_backup(asset: Asset) -> bool:
    return asset.kind is Kind.BACKUP


def _asks_for_restore(asset: Asset) -> bool:
    return isinstance(asset, BackupAsset) and asset.restore


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="backup.folder",
        title="查看备份目录，试读最近的备份文件",
        facts=(BackupFiles, BackupIntegrity),
        level=Level.OBSERVE,
        applies=_is_backup,
        run="dengbao.probes.backup.folder:probe",
        timeout_s=240.0,
    ),
    ProbeSpec(
        name="backup.restore",
        title="在本机临时数据库中试恢复最新备份，清点行数",
        facts=(BackupRestore,),
        level=Level.LOGIN,
        applies=_asks_for_restore,
        run="dengbao.probes.backup.restore:probe",
        timeout_s=600.0,
    ),
)
