"""Reads log daemons, forwarding, log files with their rotation, and rights of files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ...errors import ProtocolMismatch
from .facts import FileMode, Forwarding, HostFiles, HostLogs, HostSyslog, Line, Rotation
from .frames import Files, Framed, Section, Transcript
from .parse_accounts import clock_s
from .parse_audit import pairs
from .parse_forwarding import numbered, rsyslog, syslog_ng
from .parse_processes import read_processes

_LOG_DAEMONS: Final = ("rsyslogd", "syslog-ng", "systemd-journald", "syslogd", "systemd-journal-upload")
_RIGHTS: Final = re.compile(r"^ok ([0-7]+) (\S+) (\S+) (\d+) (\d+) (/.*)$")
_PERIOD_DAYS: Final = {"daily": 1, "weekly": 7, "monthly": 30, "yearly": 365}


def read_syslog(transcript: Transcript) -> HostSyslog:
    """Return the running log daemons and where they send records.

    Raises:
        NoPermission: a configuration file may not be read.
        ProbeError: a part did not arrive whole.

    """
    files = transcript.files("syslog")
    plugins = transcript.files("audit_files")
    if denied := files.denied():
        raise transcript.refuse(*denied)
    running = read_processes(transcript)
    if not running.complete:
        raise transcript.refuse("其他用户的进程（/proc 以 hidepid 挂载）")
    daemons = tuple(name for name in _LOG_DAEMONS if running.named(name))
    journald = dict(pair for one in files.readable("/etc/systemd/journald.conf") for pair in pairs(one.lines))
    return HostSyslog(
        daemons=daemons,
        forwarding=(
            *_forwarding(files, transcript.section("syslog")),
            *_audit_forwarding(plugins, bool(running.named("auditd"))),
        ),
        journald=journald,
        auth_lines=_auth_lines(files),
    )


def _forwarding(files: Files, section: Section) -> Iterator[Forwarding]:
    yield from rsyslog(files, section)
    yield from syslog_ng(files, section)
    upload = files.get("/etc/systemd/journal-upload.conf")
    for number, raw in enumerate(upload.lines if upload is not None else (), 1):
        key, _, value = raw.partition("=")
        if key.strip() == "URL" and value.strip():
            yield Forwarding(
                by="systemd-journal-upload", target=value.strip(), file="/etc/systemd/journal-upload.conf",
                line=number, used=True,
            )  # fmt: skip


def _audit_forwarding(files: Files, running: bool) -> Iterator[Forwarding]:
    """Yield auditd's own remote logging, where its plugin is active."""
    active = any(
        ("active", "yes") in {(key, value.lower()) for key, value in pairs(one.lines)}
        for one in files.readable()
        if "plugins.d" in one.path
    )
    for one in files.readable() if active and running else ():
        if one.path.endswith("audisp-remote.conf"):
            target = dict(pairs(one.lines)).get("remote_server", "")
            if target:
                yield Forwarding(by="auditd", target=target, file=one.path, line=0, used=True)


def _auth_lines(files: Files) -> tuple[Line, ...]:
    return tuple(
        one
        for one in numbered(files, "/etc/rsyslog")
        if re.match(r"[^#]*\bauth(priv)?[.,]|^\*\.\*", one.text)
    )


def parse_rights(lines: Iterable[str]) -> tuple[tuple[FileMode, ...], tuple[str, ...], tuple[str, ...]]:
    """Return what `stat` showed of files, and the paths that are absent and denied."""
    found: list[FileMode] = []
    others: dict[str, list[str]] = {"absent": [], "denied": []}
    for line in lines:
        match = _RIGHTS.match(line)
        if match is not None:
            mode, owner, group, size, modified, path = match.groups()
            found.append(
                FileMode(
                    path=path, mode=mode, owner=owner, group=group,
                    size_bytes=int(size), modified_s=int(modified),
                )
            )  # fmt: skip
        elif (word := line.partition(" "))[0] in others:
            others[word[0]].append(word[2])
    return tuple(found), tuple(others["absent"]), tuple(others["denied"])


def read_files(transcript: Transcript) -> HostFiles:
    """Return rights of the key files."""
    section = transcript.section("rights")
    found, absent, denied = parse_rights(section.text.splitlines())
    if not found:
        raise ProtocolMismatch("主机未能显示文件权限（stat 不可用）", cure="该部分改由人工核查")
    return HostFiles(files=found, absent=absent, denied=denied)


def read_logs(transcript: Transcript) -> HostLogs:
    """Return log files with rights and age, and how they are rotated.

    Raises:
        NoPermission: a log folder may not be entered.
        ProbeError: a part did not arrive whole.

    """
    section = transcript.section("logs")
    head, _, tail = section.text.partition(f"{section.nonce} files\n")
    folders, absent, denied = parse_rights(head.splitlines())
    files, _, _ = parse_rights(tail.splitlines())
    closed = re.findall(r"[‘'\"]?(/[^’'\":]*)[’'\"]?: Permission denied", section.error)
    if denied or closed:
        raise transcript.refuse(*dict.fromkeys((*denied, *closed)))
    if not folders:
        raise ProtocolMismatch("主机未能显示日志文件权限（stat 不可用）", cure="该部分改由人工核查")
    rotation = transcript.optional("rotation")
    oldest = rotation.mark("journal") if rotation is not None else None
    return HostLogs(
        files=files, folders=folders, absent=absent, clock_s=clock_s(transcript),
        rotations=_rotations(transcript.files("rotation")) if rotation is not None else None,
        journal_persistent="/var/log/journal" not in absent,
        journal_oldest_s=int(oldest) if oldest and oldest.isdecimal() else None,
    )  # fmt: skip


@dataclass
class _Rule:
    """Settings of logrotate while they are read; copies inherit what stood above."""

    period_days: int | None = None
    keep: int | None = None
    max_age_days: int | None = None
    size_bound: bool = False

    def take(self, words: list[str]) -> None:
        if not words:
            return
        if words[0] in _PERIOD_DAYS:
            self.period_days = _PERIOD_DAYS[words[0]]
        elif words[0] == "rotate" and len(words) > 1 and re.fullmatch(r"-?\d+", words[1]):
            self.keep = int(words[1])
        elif words[0] == "maxage" and len(words) > 1 and words[1].isdecimal():
            self.max_age_days = int(words[1])
        elif words[0] in ("size", "maxsize", "hourly"):  # how often `hourly` runs stands elsewhere
            self.size_bound = True


def _rotations(files: Files) -> tuple[Rotation, ...] | None:
    """Return all rules; those of the folder inherit from the main file, whose `include` pulls them in."""
    if files.denied("/etc/logrotate"):
        return None
    defaults = _Rule()
    found: list[Rotation] = []
    main = files.get("/etc/logrotate.conf")
    if main is None or main.state != "ok":
        return ()
    found += _blocks(main, defaults)
    for one in files.readable("/etc/logrotate.d/"):
        found += _blocks(one, replace(defaults))
    return tuple(found)


def _blocks(one: Framed, outer: _Rule) -> Iterator[Rotation]:
    paths: list[str] = []
    rule: _Rule | None = None
    script = False
    for raw in one.lines:
        words = raw.split("#", 1)[0].replace("{", " { ").replace("}", " } ").split()
        if not words or script:
            script = script and words[:1] != ["endscript"]
        elif words[0] in ("prerotate", "postrotate", "firstaction", "lastaction", "preremove"):
            script = True
        elif rule is None:
            paths += [word.strip('"') for word in words if word.startswith(("/", '"'))]
            if "{" in words:
                rule = replace(outer)
                rule.take(words[words.index("{") + 1 :])
            elif not words[0].startswith(("/", '"')):
                outer.take(words)
        elif words[0] == "}":
            yield Rotation(
                paths=tuple(paths), file=one.path, period_days=rule.period_days, keep=rule.keep,
                max_age_days=rule.max_age_days, size_bound=rule.size_bound,
            )  # fmt: skip
            paths, rule = [], None
        else:
            rule.take(words)
