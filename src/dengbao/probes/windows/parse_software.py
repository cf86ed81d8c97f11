"""Reads updates, features and programs, protection from malware, and the root of trust."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

from ...errors import ProtocolMismatch
from ..host.frames import Section, Transcript
from .parse_accounts import clock
from .sections import number, records, truth, whole
from .system_facts import (
    Antivirus,
    Hotfix,
    PendingUpdate,
    Program,
    Volume,
    WindowsDefence,
    WindowsSoftware,
    WindowsTrust,
    WindowsUpdates,
)

# Categories of updates: security updates and critical updates.
_SECURITY: Final = frozenset({"0fa1201d-4330-4fa8-8ae9-b877473b6441", "e6cf1350-c01b-414d-a61f-263d14d133b4"})
_EPOCH: Final = date(1970, 1, 1)
_FILETIME_OFFSET_S: Final = 11_644_473_600


def read_updates(transcript: Transcript) -> WindowsUpdates:
    """Return installed updates, and those that the host's own list still wants."""
    section = whole(transcript, "updates")
    complete = any(one[0] == "complete" for one in records(section, "search"))
    return WindowsUpdates(
        hotfixes=tuple(
            Hotfix(id=one[0], kind=one[1], installed_day=day_of(one[2]))
            for one in records(section, "hotfix", 3)
        ),
        pending=tuple(_pending(one) for one in records(section, "pending", 3)) if complete else None,
        searched_s=next((number(one[0]) for one in records(section, "searched_at")), None),
        installed_s=next((number(one[0]) for one in records(section, "installed_at")), None),
        clock_s=clock(transcript),
    )


def _pending(fields: list[str]) -> PendingUpdate:
    articles, severity, kinds = fields[:3]
    named = {one.strip().casefold() for one in kinds.split(",") if one.strip()}
    return PendingUpdate(
        articles=tuple(one for one in articles.split(",") if one),
        severity=severity,
        security=bool(severity or named & _SECURITY) if named or severity else None,
    )


def day_of(text: str) -> int | None:
    """Return the day of an InstalledOn, which Windows writes month first, or as 64 bits in hexadecimal."""
    plain = text.strip()
    try:
        if found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", plain):
            month, day, year = map(int, found.groups())
        elif found := re.fullmatch(r"(\d{4})[-/]?(\d{1,2})[-/]?(\d{1,2})", plain):
            year, month, day = map(int, found.groups())
        elif re.fullmatch(r"[0-9a-fA-F]{15,16}", plain):
            moment = datetime.fromtimestamp(int(plain, 16) / 10**7 - _FILETIME_OFFSET_S, UTC)
            year, month, day = moment.year, moment.month, moment.day
        else:
            return None
        return (date(year, month, day) - _EPOCH).days
    except (ValueError, OverflowError, OSError):
        return None


def read_software(transcript: Transcript) -> WindowsSoftware:
    """Return enabled features and installed programs.

    Raises:
        ProtocolMismatch: not a single feature, which no Windows has.

    """
    features = {one[0] for one in records(whole(transcript, "features"), "feature")}
    if not features:
        raise ProtocolMismatch("采集文件中没有已启用的功能", cure="该部分改由人工核查，并反馈采集文件")
    programs = (
        Program(name=one[0], version=one[1], maker=one[2])
        for one in records(whole(transcript, "programs"), "program", 3)
    )
    return WindowsSoftware(features=tuple(sorted(features)), programs=tuple(dict.fromkeys(programs)))


def read_defence(transcript: Transcript) -> WindowsDefence:
    """Return the products of the security centre, and what Defender says."""
    section = whole(transcript, "antivirus")
    centre = any(one[0] == "read" for one in records(section, "center"))
    defender = {one[0]: one[1] for one in records(section, "defender", 2)}
    return WindowsDefence(
        products=tuple(Antivirus(name=one[0], state=number(one[1])) for one in records(section, "product", 2))
        if centre
        else None,
        defender=defender or None,
        clock_s=clock(transcript),
    )


def read_trust(transcript: Transcript) -> WindowsTrust:
    """Return the root of trust, encrypted drives and Device Guard."""
    section = whole(transcript, "trust")
    tpm = next(iter(records(section, "tpm", 4)), None)
    guard = {one[0]: one[1] for one in records(section, "guard", 2)}
    unread = {one[0] for one in records(section, "unread")}
    return WindowsTrust(
        tpm=None if tpm is None else tpm[0] == "present",
        tpm_ready=None if tpm is None else _both(truth(tpm[1]), truth(tpm[2])),
        tpm_version="" if tpm is None else tpm[3].partition(",")[0].strip(),
        volumes=None if "volumes" in unread else _volumes(section),
        integrity=number(guard.get("code_integrity", "")),
        guards=_numbers(guard["running"]) if "running" in guard else None,
    )


def _both(first: bool | None, second: bool | None) -> bool | None:
    if first is False or second is False:
        return False
    return True if first and second else None


def _volumes(section: Section) -> tuple[Volume, ...]:
    states = {"0": False, "1": True}
    return tuple(Volume(letter=one[0], protected=states.get(one[1])) for one in records(section, "volume", 2))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(",") if one.strip().isdecimal())
