"""What the checks of chapter 8 share: which files count as copies, how old they are, whether any is due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from dengbao.checking import Params
from dengbao.errors import Reason, Undetermined
from dengbao.model import BackupAsset, BackupPolicy, Criterion
from dengbao.probes.backup.facts import BackupFiles, BackupIntegrity, BackupReading

from .wording import listing

FACT: Final = "backup.files"
_HOUR_S: Final = 3600.0
_SKEW_H: Final = -5 / 60  # clocks of file servers go a little ahead
_DAYS_FROM_H: Final = 72
_STUNTED_BELOW: Final = 0.5  # convention: of the usual size
_NOT_TOLD: Final = ("", "unknown", "empty")
_WHY: Final = {"symlink": "符号链接", "folder": "目录", "special": "特殊文件", "time": "时间无效的文件"}


class BackupParams(Params):
    """How much later than the policy says a copy may come, in percent."""

    backup_age_tolerance_percent: int


@dataclass(frozen=True)
class Copy:
    """A file that may be restored: not empty, not shown to be damaged.

    `sure`: its format was recognised, and nothing about its size speaks against it. `proven`: read to its
    end without fault.
    """

    name: str
    at: datetime
    age_h: float
    sure: bool
    proven: bool
    size_bytes: int = 0


def copies(files: BackupFiles, integrity: BackupIntegrity | None) -> tuple[Copy, ...]:
    """Return the files that count as copies, newest first."""
    read = {one.name: one.intact for one in integrity.readings} if integrity else {}
    found = tuple(
        Copy(
            name=one.name,
            at=one.modified_at,
            age_h=(files.looked_at - one.modified_at) / timedelta(hours=1),
            sure=one.kind not in _NOT_TOLD,
            proven=read.get(one.name) is True,
            size_bytes=one.size_bytes,
        )
        for one in files.files
        if one.size_bytes and not one.companion and read.get(one.name) is not False
    )
    usual = _usual_size(found)
    return tuple(replace(one, sure=False) if _is_stunted(one, usual) else one for one in found)


def _usual_size(found: tuple[Copy, ...]) -> float:
    """Return the middle size of the copies that were proven, of all where none was."""
    sizes = [one.size_bytes for one in found if one.proven] or [one.size_bytes for one in found]
    return median(sizes) if sizes else 0.0


def _is_stunted(one: Copy, usual: float) -> bool:
    """Tell whether a copy that was not read is so small that it may have broken off."""
    return not one.proven and one.size_bytes < usual * _STUNTED_BELOW


def policy_of(asset: BackupAsset) -> BackupPolicy:
    """Return the declared policy.

    Raises:
        Undetermined: none is declared.

    """
    if asset.policy is None:
        raise Undetermined(
            "项目文件未登记备份策略，无从比对；处理：在该测评对象的 policy 中登记周期与保留份数",
            reason=Reason.NOT_DECLARED,
        )
    return asset.policy


def limit_h(policy: BackupPolicy, params: BackupParams) -> float:
    """Return after how many hours the next copy is overdue."""
    return policy.every_h * (100 + params.backup_age_tolerance_percent) / 100


def rule(policy: BackupPolicy, params: BackupParams) -> str:
    """Return the period of the policy in words."""
    return f"策略每 {policy.every_h:g} 小时一次，允许至 {limit_h(policy, params):g} 小时"


def span(hours: float) -> str:
    """Return a duration as people read it."""
    return f"{hours:.1f} 小时" if hours < _DAYS_FROM_H else f"{hours / 24:.1f} 天"


def from_the_future(found: Iterable[Copy]) -> str:
    """Return the name of a copy that is newer than the moment of looking, or nothing."""
    return next((one.name for one in found if one.age_h < _SKEW_H), "")


def refuse_the_future(found: Iterable[Copy]) -> None:
    """Judge no ages where the times of the files cannot be right.

    Raises:
        Undetermined: a copy is newer than the moment of looking.

    """
    name = from_the_future(found)
    if name:
        raise Undetermined(
            f"备份文件 {name} 的修改时间晚于检测时间，时间不可信，无法判定；处理：校准两端时钟后重测"
        )


def all_seen(files: BackupFiles) -> bool:
    """Tell whether nothing that fits the pattern can have been missed."""
    return files.complete and not files.unread


def presence(files: BackupFiles, found: tuple[Copy, ...], integrity: BackupIntegrity | None) -> Criterion:
    """Ask whether there is any copy; without any the item fails, unless one may have been passed over."""
    met: bool | None = True
    measured = (
        f"pgBackRest 仓库共 {files.matched} 个备份集" if files.tool else f"备份目录共 {files.matched} 个文件"
    )
    if not found:
        met, measured = _nothing(files, integrity)
    return Criterion(
        name="present",
        question="备份目录中是否有备份文件",
        met=met,
        measured=measured,
        fact=FACT,
        decisive=True,
    )


def _nothing(files: BackupFiles, integrity: BackupIntegrity | None) -> tuple[bool | None, str]:
    if not all_seen(files):
        return None, f"备份目录未能全部列出{_unread(files)}，已列出的部分没有可用的备份文件"
    if files.tool and not files.matched:
        return _no_sets(files)
    if files.matched:
        return False, f"备份目录共 {files.matched} 个文件，均为空、已损坏或非备份文件{_faults(integrity)}"
    return _nothing_fits(files)


def _nothing_fits(files: BackupFiles) -> tuple[bool | None, str]:
    if files.skipped:
        passed = listing(f"{_WHY.get(one.why, '条目')} {one.name}" for one in files.skipped)
        return None, f"没有名称符合“{files.pattern}”的文件，只有未跟随的{passed}"
    if files.other_entries:
        return (
            None,
            f"备份目录有 {files.other_entries} 个条目，均不符合登记的名称“{files.pattern}”，须核对登记",
        )
    return False, "备份目录为空，没有任何备份文件"


def _no_sets(files: BackupFiles) -> tuple[bool | None, str]:
    if files.other_entries:
        there = f"pgBackRest 仓库所在目录有 {files.other_entries} 个条目"
        return None, f"{there}，没有名称符合“{files.pattern}”的 stanza，须核对登记"
    return False, "pgBackRest 仓库中没有任何备份集"


def _unread(files: BackupFiles) -> str:
    return f"（{listing(files.unread)} 无法查看）" if files.unread else ""


def _faults(integrity: BackupIntegrity | None) -> str:
    told = [f"{one.name} {one.note}" for one in broken(integrity)]
    return f"（{listing(told, 3)}）" if told else ""


def broken(integrity: BackupIntegrity | None) -> tuple[BackupReading, ...]:
    """Return the files that were shown to be damaged."""
    return tuple(one for one in integrity.readings if one.intact is False) if integrity else ()


def recency(
    files: BackupFiles, found: tuple[Copy, ...], integrity: BackupIntegrity | None, most_h: float
) -> tuple[bool | None, str]:
    """Return whether the newest copy is young enough, and in words what was seen; needs at least one copy."""
    fresh = [one for one in found if one.age_h <= most_h]
    best = next((one for one in fresh if one.proven), None) or next((one for one in fresh if one.sure), None)
    damaged = "".join(f"；{one.name} 已损坏（{one.note}），不计" for one in broken(integrity))
    if best is not None:
        how = "试读完好" if best.proven else "完整性未能核对"
        return True, f"最新 {best.name} 距检测 {span(best.age_h)}，{how}{damaged}"
    newest = (fresh or found)[0]
    if fresh:
        return None, f"最新 {newest.name} 距检测 {span(newest.age_h)}，但其格式未识别或无权读取{damaged}"
    measured = f"最新可用的 {newest.name} 距检测 {span(newest.age_h)}，已超期{damaged}"
    if not all_seen(files):
        return None, f"{measured}；备份目录未能全部列出{_unread(files)}"
    return False, measured


def runs(times: Iterable[datetime], every_h: float) -> tuple[datetime, ...]:
    """Return when each run of the backup began, oldest first: files close together belong to one run."""
    begun: list[datetime] = []
    for at in sorted(times):
        if not begun or (at - begun[-1]).total_seconds() >= every_h * _HOUR_S / 2:
            begun.append(at)
    return tuple(begun)


def longest_gap_h(begun: tuple[datetime, ...], looked_at: datetime) -> float:
    """Return the longest time without a run, up to the moment of looking, in hours."""
    ends = (*begun[1:], looked_at)
    return max((end - begin) / timedelta(hours=1) for begin, end in zip(begun, ends, strict=True))
