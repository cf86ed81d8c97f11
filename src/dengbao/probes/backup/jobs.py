"""Reads the jobs of a host out of the sections of `schedule.sh`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from ...errors import ProtocolMismatch
from ..host.frames import Section, Transcript
from .calendar import longest_gap_h
from .facts import BackupJob, BackupSchedule

_FIELDS: Final = 8
# Programs that copy anything: they speak of a backup only where the folder is named as well.
_GENERAL: Final = frozenset({"cp", "exp", "redis-cli", "rsync", "scp", "sqlite3", "tar"})
_JOBS_MAX: Final = 200


def read_schedule(transcript: Transcript, host: str) -> BackupSchedule:
    """Return the jobs that name the folder or call a backup program.

    Raises:
        ProbeError: the tables of jobs did not come back.

    """
    cron = transcript.section("cron")
    sections = [cron]
    if (timers := transcript.optional("timers")) is not None:
        sections.append(timers)
    found = list(_together(one for section in sections for one in _jobs(section)))
    chosen = [one for one in found if one.names_folder or set(one.tools) - _GENERAL or _is_blind(one)]
    return BackupSchedule(
        host=host,
        jobs=tuple(chosen[:_JOBS_MAX]),
        seen=len(found),
        daemons=tuple(dict.fromkeys(cron.marks("daemon"))),
        denied=tuple(path for section in sections for path in section.marks("denied")),
    )


def _is_blind(job: BackupJob) -> bool:
    """Tell whether a file that we may not read says what the job does."""
    return bool(job.unread) and "backup" in " ".join((*job.unread, job.source)).lower()


def _jobs(section: Section) -> Iterator[BackupJob]:
    for text in section.marks("job"):
        parts = text.split("|")
        if len(parts) != _FIELDS:
            raise ProtocolMismatch("主机送回的计划任务无法理解", cure="该部分改由人工核查，并反馈原始记录")
        source, user, enabled, schedule, tools, scripts, names, unread = (one.strip() for one in parts)
        yield BackupJob(
            source=source, user=user, schedule=schedule, enabled=enabled == "yes",
            tools=tuple(sorted(set(tools.split()))), scripts=tuple(dict.fromkeys(scripts.split())),
            names_folder=names == "yes", unread=tuple(unread.split()),
        )  # fmt: skip


def _together(jobs: Iterable[BackupJob]) -> Iterator[BackupJob]:
    """Yield timers with several times as one job, and each job with the gap its schedule leaves."""
    grouped: dict[tuple[str, str], list[BackupJob]] = defaultdict(list)
    for number, one in enumerate(jobs):
        key = one.source if one.source.endswith(".timer") else f"{one.source}#{number}"
        grouped[key, one.user].append(one)
    for several in grouped.values():
        schedules = tuple(one.schedule for one in several)
        yield msgspec.structs.replace(
            several[0], schedule="；".join(schedules), longest_gap_h=longest_gap_h(schedules)
        )
