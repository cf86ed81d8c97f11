"""Which probes there are of kind backup."""

from __future__ import annotations

from ...model import Asset, BackupAsset, DatabaseAsset, Level
from ..base import ProbeSpec
from .facts import (
    BackupFiles,
    BackupIntegrity,
    BackupLive,
    BackupLogArchive,
    BackupPeers,
    BackupPlace,
    BackupRestore,
    BackupSchedule,
)


def _is_here(asset: Asset) -> bool:
    return isinstance(asset, BackupAsset) and not asset.host


def _is_on_a_host(asset: Asset) -> bool:
    return isinstance(asset, BackupAsset) and bool(asset.host)


def _is_offsite(asset: Asset) -> bool:
    return isinstance(asset, BackupAsset) and asset.offsite


def _is_copied_offsite(asset: Asset) -> bool:
    return isinstance(asset, DatabaseAsset) and bool(asset.offsite) and asset.platform != "sqlite"


def _asks_for_restore(asset: Asset) -> bool:
    return isinstance(asset, BackupAsset) and asset.restore


def _names_its_database(asset: Asset) -> bool:
    return isinstance(asset, BackupAsset) and bool(asset.database)


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="backup.folder",
        title="查看备份目录，试读最近的备份文件",
        facts=(BackupFiles, BackupIntegrity),
        level=Level.OBSERVE,
        applies=_is_here,
        run="dengbao.probes.backup.folder:probe",
        timeout_s=240.0,
    ),
    ProbeSpec(
        name="backup.host",
        title="登录主机查看备份目录与计划任务，试读最近的备份文件",
        facts=(BackupFiles, BackupIntegrity, BackupSchedule),
        level=Level.LOGIN,
        applies=_is_on_a_host,
        run="dengbao.probes.backup.remote:probe",
        timeout_s=420.0,
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
    ProbeSpec(
        name="backup.live",
        title="登录所备份的数据库查看日志归档，清点在用的表",
        facts=(BackupLive, BackupLogArchive),
        level=Level.LOGIN,
        applies=_names_its_database,
        run="dengbao.probes.backup.live:probe",
    ),
    ProbeSpec(
        name="backup.peers",
        title="登录数据库查看与异地的复制",
        facts=(BackupPeers,),
        level=Level.LOGIN,
        applies=_is_copied_offsite,
        run="dengbao.probes.backup.peers:probe",
    ),
    ProbeSpec(
        name="backup.place",
        title="查看异地备份目录位于何处",
        facts=(BackupPlace,),
        level=Level.OBSERVE,
        applies=_is_offsite,
        run="dengbao.probes.backup.place:probe",
    ),
)
