"""8.a.2: is the backup policy reasonable, and is it in effect?"""

from __future__ import annotations

from typing import Final

from dengbao.checking import check
from dengbao.model import BackupAsset, BackupPolicy, Coverage, Criterion, Judgement
from dengbao.probes.backup.facts import BackupFiles, BackupIntegrity, BackupSchedule

from ..backup_copies import (
    FACT,
    BackupParams,
    Copy,
    copies,
    from_the_future,
    limit_h,
    policy_of,
    presence,
    recency,
    rule,
)
from ..backup_jobs import its_jobs, scheduled
from ..wording import listing

# What the facts cannot show and people must add.
LEFT = (
    "须由人核对备份策略文件和任务配置：对象、方式、存放位置（不与源数据同盘）、"
    "恢复目标是否合理，配置与策略是否一致"
)

_DAY_H: Final = 24  # convention: important data of a hospital change every day
_LEAST_KEPT: Final = 2  # with one copy, a backup that fails has already overwritten the last good one


@check("backup.policy", half=LEFT)
def backup_policy_is_in_effect(
    files: BackupFiles,
    integrity: BackupIntegrity | None,
    schedule: BackupSchedule | None,
    asset: BackupAsset,
    params: BackupParams,
) -> Judgement:
    """Judge period and copies of the declared policy, that jobs are set for it, and that files show it.

    Source: GB/T 22239-2019 8.1.4.9 a).
    """
    policy = policy_of(asset)
    found = copies(files, integrity)
    criteria: tuple[Criterion, ...] = (
        _period(policy),
        _kept(policy),
        _in_effect(files, found, integrity, policy, params),
    )
    if schedule is not None and (jobs := its_jobs(schedule)):
        criteria = (*criteria[:2], scheduled(schedule, jobs, policy), criteria[2])
    offsite = f"、异地存放于{policy.offsite}" if policy.offsite else ""
    return Judgement(
        criteria=criteria,
        statement=(
            f"经核查，登记的备份策略为每 {policy.every_h:g} 小时一次、保留 {policy.keep} 份{offsite}；"
            f"{'；'.join(one.measured for one in criteria[2:])}{_without_jobs(schedule)}。"
        ),
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


def _without_jobs(schedule: BackupSchedule | None) -> str:
    """Return what is to be said where jobs were looked for and none was found: another program may do it."""
    if schedule is None or its_jobs(schedule):
        return ""
    unread = f"，{listing(schedule.denied, 3)} 无权查看" if schedule.denied else ""
    return f"；主机 {schedule.host} 上 {schedule.seen} 个计划任务中未见写入该目录的备份任务{unread}"


def _period(policy: BackupPolicy) -> Criterion:
    daily = policy.every_h <= _DAY_H
    return Criterion(
        name="period",
        question="是否至少每日备份一次（惯例；更长的须由人确认合理）",
        met=True if daily else None,
        measured=f"每 {policy.every_h:g} 小时一次",
        fact=FACT,
    )


def _kept(policy: BackupPolicy) -> Criterion:
    return Criterion(
        name="keep",
        question=f"保留份数是否不少于 {_LEAST_KEPT} 份",
        met=policy.keep >= _LEAST_KEPT,
        measured=f"保留 {policy.keep} 份",
        fact=FACT,
    )


def _in_effect(
    files: BackupFiles,
    found: tuple[Copy, ...],
    integrity: BackupIntegrity | None,
    policy: BackupPolicy,
    params: BackupParams,
) -> Criterion:
    there = presence(files, found, integrity)
    future = from_the_future(found)
    met, measured = there.met, there.measured
    if future:
        met, measured = None, f"备份文件 {future} 的修改时间晚于检测时间，时间不可信"
    elif found:
        met, measured = recency(files, found, integrity, limit_h(policy, params))
    return Criterion(
        name="in_effect",
        question=f"备份文件是否表明策略已生效（{rule(policy, params)}）",
        met=met,
        measured=measured,
        fact=FACT,
        decisive=not found,
    )
