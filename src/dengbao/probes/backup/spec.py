"""Which probes there are of kind backup."""

from __future__ import annotations

from ...model import Asset, Kind, Level
from ..base import ProbeSpec
from .facts import BackupFiles, BackupIntegrity


def _is_backup(asset: Asset) -> bool:
    return asset.kind is Kind.BACKUP


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
)
