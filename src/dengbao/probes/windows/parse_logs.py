"""Reads the settings of event logs and the shapes of sampled records."""

from __future__ import annotations

from ...errors import ProtocolMismatch
from ..host.frames import Section, Transcript
from .parse_accounts import clock
from .sections import moment_s, number, records, truth, whole
from .system_facts import EventShape, WindowsEvents, WindowsLog, WindowsLogs


def read_logs(transcript: Transcript) -> WindowsLogs:
    """Return what `wevtutil gl` and the files tell of the three main logs.

    Raises:
        ProtocolMismatch: not even their settings were written down.

    """
    section = whole(transcript, "logs")
    settings: dict[str, dict[str, str]] = {}
    for name, line in (one[:2] for one in records(section, "gl", 2)):
        key, _, value = line.partition(":")
        settings.setdefault(name, {}).setdefault(key.strip(), value.strip())
    if not settings:
        raise ProtocolMismatch("采集文件中没有事件日志设置", cure="该部分改由人工核查，并反馈采集文件")
    listed = any(one[0] == "read" for one in records(section, "subscriptions"))
    return WindowsLogs(
        logs=tuple(_log(name, found, section) for name, found in settings.items()),
        subscriptions=tuple(one[0] for one in records(section, "subscription")) if listed else None,
        clock_s=clock(transcript),
    )


def _log(name: str, found: dict[str, str], section: Section) -> WindowsLog:
    size, count = next(((one[1], one[2]) for one in records(section, "file", 3) if one[0] == name), ("", ""))
    oldest = next((one[1] for one in records(section, "oldest", 2) if one[0] == name), "")
    return WindowsLog(
        name=name,
        enabled=truth(found.get("enabled", "")),
        max_bytes=number(found.get("maxSize", "")),
        retain=truth(found.get("retention", "")),
        archive=truth(found.get("autoBackup", "")),
        access=found.get("channelAccess", ""),
        file_access=next((one[1] for one in records(section, "acl", 2) if one[0] == name), ""),
        size_bytes=number(size),
        records=number(count),
        oldest_s=moment_s(oldest),
    )


def read_events(transcript: Transcript) -> WindowsEvents:
    """Return the shapes of the sampled records; a sample may be empty."""
    section = whole(transcript, "events")
    return WindowsEvents(
        events=tuple(
            EventShape(
                id=number(one[0]) or 0,
                timed=one[1] == "1",
                keywords=_hexadecimal(one[2]),
                fields=tuple(part for part in one[3].split(",") if part),
            )
            for one in records(section, "event", 4)
        )
    )


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
