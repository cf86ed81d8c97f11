"""Reads the kernel's audit state, its rules and the shape of its records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from .facts import AuditRecord, HostAudit
from .frames import Files, Section, Transcript
from .parse_processes import read_processes

# The script's word for a program that is there and may not be run by this account.
_CLOSED: Final = 5
_YES_NO: Final = {"yes": True, "no": False}
# What systemd says of a unit file; other states (static, generated) leave it open.
_BOOT: Final = {"enabled": True, "enabled-runtime": False, "disabled": False, "masked": False}


def read_audit(transcript: Transcript) -> HostAudit:
    """Return the kernel's audit state, the loaded rules and a sample of record shapes.

    Raises:
        NoPermission: auditctl shows them to root only.
        ProbeError: a part did not arrive whole.

    """
    state, rules = transcript.section("audit_state"), transcript.section("audit_rules")
    files = transcript.files("audit_files")
    daemons = [one for one in read_processes(transcript).processes if one.name == "auditd"]
    daemon = daemons[0].user if daemons else None
    if state.code == _CLOSED:
        raise transcript.refuse("内核审计状态（auditctl -s）")
    if state.code == 3:
        return HostAudit(installed=False, daemon_user=daemon, file_rules=_file_rules(files))
    enabled = re.search(r"\benabled[ =](\d)", state.text)
    if enabled is None:
        raise _refusal(transcript, state)
    if denied := files.denied("/etc/audit/"):
        raise transcript.refuse(*denied)
    settings = files.get("/etc/audit/auditd.conf")
    about, trail = transcript.section("audit_files"), transcript.section("audit_records")
    return HostAudit(
        installed=True,
        daemon_user=daemon,
        enabled=int(enabled.group(1)),
        loaded_rules=_loaded(rules),
        file_rules=_file_rules(files),
        settings=dict(pairs(settings.lines)) if settings is not None and settings.state == "ok" else None,
        records=_records(trail),
        compiled_rules=_rules_of(files, "/etc/audit/audit.rules"),
        source_rules=_rules_of(files, "/etc/audit/rules.d/"),
        compat32=_YES_NO.get(about.mark("compat32") or ""),
        refuses_stop=_YES_NO.get((about.mark("RefuseManualStop") or "").lower()),
        starts_at_boot=_BOOT.get(about.mark("UnitFileState") or ""),
        oldest_s=_number(trail, "oldest"),
        trail_files=_number(trail, "held"),
    )


def _refusal(transcript: Transcript, state: Section) -> ProbeError:
    if re.search(r"not permitted|[Pp]ermission|must be root|root privileges", state.error):
        return transcript.refuse("内核审计状态（auditctl -s）")
    return ProtocolMismatch(f"auditctl -s 执行失败：{state.error[:200]}", cure="该部分改由人工核查")


def _loaded(section: Section) -> tuple[str, ...] | None:
    if section.code != 0:
        return None
    lines = (line.strip() for line in section.text.splitlines())
    return tuple(line for line in lines if line.startswith("-"))


def _number(section: Section, word: str) -> int | None:
    text = section.mark(word) or ""
    return int(text) if text.isdecimal() else None


def _rules_of(files: Files, prefix: str) -> tuple[str, ...] | None:
    """Return the rules of files under a prefix in order; None where the script did not look there."""
    seen = any(one.path.startswith(prefix) for one in files.files) or prefix.rstrip("/") in files.folders
    texts = (
        line.strip() for one in files.readable(prefix) for line in one.lines if one.path.endswith(".rules")
    )
    return tuple(one for one in texts if one.startswith("-")) if seen else None


def _file_rules(files: Files) -> tuple[str, ...]:
    found: list[str] = []
    for one in files.readable("/etc/audit/"):
        if one.path.endswith(".rules"):
            found += (line.strip() for line in one.lines if line.strip().startswith("-"))
    return tuple(dict.fromkeys(found))


def pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield `key = value` settings with lower-case keys; comments are left out."""
    for raw in lines:
        key, found, value = raw.split("#", 1)[0].partition("=")
        if found:
            yield key.strip().lower(), value.strip()


def _records(section: Section) -> tuple[AuditRecord, ...] | None:
    """Return the distinct shapes of the sampled records, None if the log was not to be read."""
    if section.mark("denied") is not None or section.code not in (0, None):
        return None
    shapes: dict[tuple[str, tuple[str, ...], bool], None] = {}
    for line in section.text.splitlines():
        kind = re.match(r"(?:node= )?type:([A-Z0-9_]+)", line)
        if kind is not None:
            fields = tuple(dict.fromkeys(re.findall(r"\b([A-Za-z][\w-]*)=", line)))
            shapes[kind.group(1), fields, " timed" in line] = None
    return tuple(AuditRecord(type=kind, fields=fields, timed=timed) for kind, fields, timed in shapes)
