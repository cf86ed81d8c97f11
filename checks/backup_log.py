"""What the checks of chapter 8 say about the log of changes that is kept between two backups."""

from __future__ import annotations

from typing import Final

from dengbao.model import BackupPolicy, Criterion
from dengbao.probes.backup.facts import BackupLogArchive

from .backup_copies import span

_FACT: Final = "backup.log_archive"
# The archiver of PostgreSQL tries three times, then again each minute: one failure is none that lasts.
_TRIES: Final = 3
_RECENT_S: Final = 300
_LASTING_S: Final = 900


def archived(log: BackupLogArchive | None) -> Criterion | None:
    """Ask whether the archive of the log works; nothing where none is set: a policy may do without."""
    if log is None or log.archiving is False:
        return None
    if log.archived_age_s is None and not log.failures:
        return None
    met: bool | None = None if _is_failing(log) else True
    measured = f"数据库 {log.database} 日志归档最近成功于 {_ago(log.archived_age_s)}"
    if _is_failing(log):
        last = "从未成功" if log.archived_age_s is None else f"最近成功于 {_ago(log.archived_age_s)}"
        met = False if _lasts(log) else None
        measured = (
            f"数据库 {log.database} 日志归档失败，{last}，最近失败于 {_ago(log.failed_age_s)}，"
            f"累计失败 {log.failures} 次"
        )
    return Criterion(
        name="log_archive", question="日志归档是否正常", met=met, measured=measured, fact=_FACT, decisive=True
    )


def in_words(log: BackupLogArchive | None, policy: BackupPolicy) -> str:
    """Return what is to be said of a log that is not handed on, nothing where there is nothing to say."""
    if log is None or log.archiving:
        return ""
    if log.archiving is False:
        return f"；数据库 {log.database} 未启用日志归档，两次备份之间的数据不能由归档恢复"
    if log.logged is False:
        return f"；数据库 {log.database} 未启用二进制日志，两次备份之间的数据不能由日志恢复"
    if log.logged and log.kept_s is not None:
        short = "，短于备份周期" if 0 < log.kept_s < policy.every_h * 3600 else ""
        kept = f"保留 {span(log.kept_s / 3600)}{short}" if log.kept_s else "不自动清除"
        return f"；数据库 {log.database} 二进制日志{kept}"
    return ""


def _is_failing(log: BackupLogArchive) -> bool:
    """Tell whether nothing was archived since the last failure."""
    if not log.failures or log.failed_age_s is None:
        return False
    return log.archived_age_s is None or log.failed_age_s < log.archived_age_s


def _lasts(log: BackupLogArchive) -> bool:
    """Tell whether it fails at this moment and has done so for a while; the server goes on trying."""
    never = log.archived_age_s is None or log.archived_age_s >= _LASTING_S
    return never and (log.failures or 0) >= _TRIES and (log.failed_age_s or 0) <= _RECENT_S


def _ago(age_s: int | None) -> str:
    if age_s is None:
        return "未知时间"
    return f"{max(age_s, 0)} 秒前" if age_s < _LASTING_S else f"{span(age_s / 3600)}前"
