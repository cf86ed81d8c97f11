"""Reads what secedit, net accounts and auditpol exported; by GUID and number, never by Windows' language."""

from __future__ import annotations

import csv
import re
from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from ..host.frames import Transcript
from .facts import Subcategory, UserAudit, WindowsAudit, WindowsPolicy
from .sections import lines_of, text_of, whole

_CURE: Final = "用原脚本重新采集"
# The lines of `net accounts` come in one order in every language.
_NET: Final = (
    "ForceLogoff", "MinimumPasswordAge", "MaximumPasswordAge", "MinimumPasswordLength",
    "PasswordHistorySize", "LockoutBadCount", "LockoutDuration", "ResetLockoutCount", "ComputerRole",
)  # fmt: skip
_NEVER: Final = frozenset({"never", "none", "unlimited", "从不", "无", "无限制", "不限制"})
_GUID: Final = re.compile(r"\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}", re.IGNORECASE)
# A second source only: the numbers of `/backup` go before the words of `/get`.
_WORDS: Final = {
    "no auditing": 0, "success": 1, "failure": 2, "success and failure": 3,
    "无审核": 0, "成功": 1, "失败": 2, "成功和失败": 3,
}  # fmt: skip


def read_policy(transcript: Transcript) -> WindowsPolicy:
    """Return the exported policy, and what `net accounts` says beside it."""
    sections = parse_inf(text_of(whole(transcript, "secedit")))
    rights = sections.get("Privilege Rights")
    return WindowsPolicy(
        access=sections["System Access"],
        rights=None if rights is None else {name: _holders(text) for name, text in rights.items()},
        net=_net(transcript),
    )


def parse_inf(text: str) -> dict[str, dict[str, str]]:
    """Return section → name → value of a policy export.

    Raises:
        ProtocolMismatch: not a whole export, or one that contradicts itself.

    """
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for raw in text.split("\n"):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            current = found.setdefault(line[1:-1].strip(), {})
        elif "=" in line and not line.startswith(";"):
            name, _, value = line.partition("=")
            value = value.strip().strip('"')
            if current.setdefault(name.strip(), value) != value:
                raise ProtocolMismatch(f"策略导出中 {name.strip()} 有两个不同的值", cure=_CURE)
    if "System Access" not in found or "Version" not in found:
        raise ProtocolMismatch("策略导出不完整", cure=_CURE)
    return found


def _holders(text: str) -> tuple[str, ...]:
    return tuple(one.strip().removeprefix("*") for one in text.split(",") if one.strip())


def _net(transcript: Transcript) -> dict[str, int] | None:
    try:
        lines = [one for one in lines_of(whole(transcript, "netaccounts")) if ":" in one or "：" in one]
    except ProbeError:
        return None
    if len(lines) != len(_NET):
        return None
    found: dict[str, int] = {}
    for name, line in zip(_NET[:-1], lines, strict=False):
        value = re.split(r"[:：]", line)[-1].strip()
        if value.isdecimal():
            found[name] = int(value)
        elif value.casefold() in _NEVER:
            found[name] = -1
        else:
            return None
    return found


def read_audit(transcript: Transcript) -> WindowsAudit:
    """Return the audit policy in effect: by number where the backup holds it, else by word.

    Where the two disagree the setting is not known.

    Raises:
        ProbeError: neither export could be read.

    """
    numbers, users, first = _backup(transcript)
    words, second = _report(transcript)
    if numbers is None and words is None and first is not None:
        raise first if second is None else second
    settings: dict[str, int | None] = dict(words or {})
    for guid, value in (numbers or {}).items():
        told = (words or {}).get(guid)
        settings[guid] = value if told is None or told == value else None
    return WindowsAudit(
        subcategories=tuple(Subcategory(guid=guid, setting=settings[guid]) for guid in sorted(settings)),
        users=users,
        legacy=_legacy(transcript),
    )


def _rows(transcript: Transcript, name: str) -> list[list[str]]:
    """Return the rows of a CSV export that name a subcategory, the GUID without braces in lower case."""
    rows = []
    for row in csv.reader(lines_of(whole(transcript, name))):
        hit = _GUID.fullmatch(row[3].strip()) if len(row) >= 6 else None
        if hit is not None:
            rows.append([*row[:3], hit.group(1).lower(), *row[4:]])
    if not rows:
        raise ProtocolMismatch("审核策略导出中没有任何子类别", cure=_CURE)
    return rows


def _backup(
    transcript: Transcript,
) -> tuple[dict[str, int | None] | None, tuple[UserAudit, ...] | None, ProbeError | None]:
    try:
        rows = _rows(transcript, "auditbackup")
    except ProbeError as exc:
        return None, None, exc
    system: dict[str, int | None] = {}
    users: list[UserAudit] = []
    for row in rows:
        text = row[6].strip() if len(row) > 6 else ""
        value = int(text) if text.isdecimal() else None
        if row[1].strip().startswith("S-1-"):
            users.append(UserAudit(sid=row[1].strip(), guid=row[3], setting=value))
        else:
            _note(system, row[3], None if value is None or value > 4 else value & 3)
    return system, tuple(users), None


def _report(transcript: Transcript) -> tuple[dict[str, int | None] | None, ProbeError | None]:
    try:
        rows = _rows(transcript, "auditpol")
    except ProbeError as exc:
        return None, exc
    found: dict[str, int | None] = {}
    for row in rows:
        _note(found, row[3], _WORDS.get(row[4].strip().casefold()))
    return found, None


def _note(found: dict[str, int | None], guid: str, value: int | None) -> None:
    """Note a setting; one that stands there twice and differently is not known."""
    found[guid] = value if found.get(guid, value) == value else None


def _legacy(transcript: Transcript) -> dict[str, int] | None:
    try:
        sections = parse_inf(text_of(whole(transcript, "secedit")))
    except ProbeError:
        return None
    values = sections.get("Event Audit", {})
    return {name: int(text) for name, text in values.items() if text in ("0", "1", "2", "3")}
