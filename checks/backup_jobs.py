"""What the checks of chapter 8 say about jobs: which of them make this backup, and how often."""

from __future__ import annotations

from typing import Final

from dengbao.model import BackupPolicy, Criterion
from dengbao.probes.backup.facts import BackupJob, BackupSchedule

from .wording import listing

_FACT: Final = "backup.schedule"
_SLACK: Final = 1.05  # the hour that clocks are put forward and back
_DAEMONS: Final = frozenset({"cron", "crond", "anacron", "fcron"})
_TOLD: Final = 3


def its_jobs(schedule: BackupSchedule) -> tuple[BackupJob, ...]:
    """Return the jobs that name the folder and copy something; one that only deletes there is no backup."""
    return tuple(one for one in schedule.jobs if one.names_folder and one.tools)


def scheduled(schedule: BackupSchedule, jobs: tuple[BackupJob, ...], policy: BackupPolicy) -> Criterion:
    """Ask whether a job is set, is on, and comes as often as the policy says."""
    running = [one for one in jobs if one.enabled is not False]
    gaps = [one.longest_gap_h for one in running if one.longest_gap_h is not None]
    met: bool | None = None
    measured = listing((_told(one) for one in jobs), _TOLD)
    if not running:
        met, measured = False, f"{measured}，均未启用"
    elif not _has_daemon(schedule, running):
        measured = f"{measured}，但未见 cron 服务进程，须由人核对任务是否会执行"
    elif not gaps:
        measured = f"{measured}，其周期未能算出，须由人核对"
    elif min(gaps) <= policy.every_h * _SLACK:
        met, measured = True, f"{measured}，最长间隔 {min(gaps):g} 小时"
    elif len(gaps) == len(running) == 1:
        met = False
        measured = f"{measured}，最长间隔 {min(gaps):g} 小时，长于策略的 {policy.every_h:g} 小时"
    else:
        measured = f"{measured}，单个任务的间隔均长于策略，须由人核对是否互补"
    return Criterion(
        name="scheduled", question="备份任务的设置是否与策略的周期一致", met=met, measured=measured,
        fact=_FACT,
    )  # fmt: skip


def _has_daemon(schedule: BackupSchedule, jobs: list[BackupJob]) -> bool:
    """Tell whether something starts the jobs: timers need systemd, all others a cron."""
    daemons = set(schedule.daemons)
    return any(one.source.endswith(".timer") and "systemd" in daemons for one in jobs) or bool(
        daemons & _DAEMONS
    )


def _told(job: BackupJob) -> str:
    tools = f"，{'、'.join(job.tools)}" if job.tools else ""
    state = "" if job.enabled is not False else "，未启用"
    return f"任务 {job.source}（{job.schedule}，用户 {job.user}{tools}{state}）"
