"""Reads the effective options of sshd and what they cannot show: Match blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from ...errors import ProtocolMismatch
from .facts import HostSshd, SshdMatch
from .frames import Files, Section, Transcript
from .parse_processes import read_listening

_MAIN: Final = "/etc/ssh/sshd_config"
_FOLDER: Final = "/etc/ssh/sshd_config.d/"
_SERVER: Final = re.compile(r"^(?:sshd: )?(\S*/?sshd)(?: |$)(.*)")


def read_sshd(transcript: Transcript) -> HostSshd:
    """Return the options sshd works with, and its Match blocks.

    Raises:
        NoPermission: sshd shows its effective options to root only.
        ProtocolMismatch: `sshd -T` failed for another reason.

    """
    state = transcript.section("sshd")
    if state.mark("installed") is None:
        return HostSshd(running=False, options={}, matches=())
    asked = transcript.section("sshd_options")
    servers = tuple(filter(None, (_server(one) for one in state.marks("process"))))
    options = _options(asked)
    if not options:
        raise _refusal(transcript, asked)
    arguments = " ".join(found[1] for found in servers)
    return HostSshd(
        running=bool(state.marks("process")) or _listens(transcript, options),
        version=asked.mark("version") or "",
        options={**options, **_command_line(arguments)},
        matches=None if _other_file(arguments) else _matches(transcript.files("sshd")),
        changed_after_start=_changed(state, (found[0] for found in servers)),
    )


def _listens(transcript: Transcript, options: Mapping[str, tuple[str, ...]]) -> bool:
    """Tell whether somebody listens for sshd, which then starts with each connection."""
    ports = {int(one) for one in options.get("port", ()) if one.isdecimal()}
    return any(one.protocol == "tcp" and one.port in ports for one in read_listening(transcript).listeners)


def _refusal(transcript: Transcript, asked: Section) -> Exception:
    files = transcript.files("sshd")
    if re.search(r"no hostkeys|[Pp]ermission denied", asked.error) or files.denied():
        return transcript.refuse("sshd 生效配置（sshd -T）")
    return ProtocolMismatch(f"sshd -T 执行失败：{asked.error[:200]}", cure="修正 sshd 配置后重新运行")


def _server(line: str) -> tuple[int, str] | None:
    """Return start (ticks since boot) and arguments of a listening sshd; sessions are none (`sshd: user`)."""
    words = line.split(" ", 2)
    if len(words) < 3 or not words[1].isdecimal():
        return None
    found = _SERVER.match(words[2].strip())
    if found is None or "/" not in found.group(1):
        return None
    return int(words[1]), found.group(2).split("[listener]")[0]


def _options(section: Section) -> dict[str, tuple[str, ...]]:
    """Return `sshd -T` output by option; options given more than once keep all values."""
    found: dict[str, tuple[str, ...]] = {}
    for line in section.text.splitlines():
        name, _, value = line.partition(" ")
        if re.fullmatch(r"[a-z0-9]+", name) and section.nonce != name:
            found[name] = (*found.get(name, ()), value.strip())
    return found if "permitrootlogin" in found else {}


def _command_line(arguments: str) -> dict[str, tuple[str, ...]]:
    """Return options given with `-o`, which go before every file."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in re.findall(r"-o\s*['\"]?(\w+)[= ]\s*['\"]?([^\s'\"]+)", arguments):
        found.setdefault(name.lower(), (value,))
    return found


def _other_file(arguments: str) -> bool:
    named = re.search(r"(?:^|\s)-f\s*(\S+)", arguments)
    return named is not None and named.group(1) != _MAIN


def _changed(state: Section, started: Iterable[int]) -> bool | None:
    times = [int(one.split(" ", 1)[0]) for one in state.marks("changed") if one[:1].isdecimal()]
    boot, _, hertz = (state.mark("boot") or "").partition(" ")
    starts = list(started)
    if not (times and starts and boot.isdecimal() and hertz.isdecimal()):
        return None
    return max(times) > int(boot) + min(starts) // int(hertz)


def _matches(files: Files) -> tuple[SshdMatch, ...] | None:
    """Return all Match blocks of the main file and of its folder, None if a file could not be read."""
    main = files.get(_MAIN)
    if files.denied() or main is None:
        return None
    found: list[SshdMatch] = []
    for one in files.readable():
        if one.path == _MAIN or one.path.startswith(_FOLDER):
            found += _blocks(one.lines)
    return tuple(found)


def _blocks(lines: Iterable[str]) -> list[SshdMatch]:
    found: list[SshdMatch] = []
    condition: str | None = None
    options: list[str] = []
    for raw in (*lines, "Match end"):
        words = _words(raw)
        if words[:1] and words[0].lower() == "match":
            if condition is not None:
                found.append(SshdMatch(condition=condition, options=tuple(options)))
            condition, options = " ".join(words[1:]), []
        elif words and condition is not None:
            options.append(" ".join((words[0].lower(), *words[1:])))
    return found


def _words(raw: str) -> list[str]:
    line = raw.strip()
    if not line or line.startswith("#"):
        return []
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    head, _, rest = words[0].partition("=") if words else ("", "", "")
    return [one for one in (head, rest, *words[1:]) if one and one != "="]
