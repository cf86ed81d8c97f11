"""Reads the effective options of sshd and what they cannot show: Match blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from ...errors import ProtocolMismatch
from .facts import HostSshd, SshdMatch
from .frames import Files, Section, Transcript
from .parse_match import read_cases
from .parse_processes import read_listening

_MAIN: Final = "/etc/ssh/sshd_config"
_FOLDER: Final = "/etc/ssh/sshd_config.d/"
_SERVER: Final = re.compile(r"^(?:sshd: )?(\S*/?sshd)(?: |$)(.*)")
# Included files whose Match blocks are read, or that have none.
_INCLUDED: Final = re.compile(
    r"(?:/etc/ssh/)?sshd_config\.d/[^/]*\.conf|/etc/crypto-policies/back-ends/opensshserver\.config"
)
# Servers that speak SSH and are no sshd.
_OTHERS: Final = ("dropbear", "tinysshd", "lshd", "ssh-server-g3", "sshd2")
_SSH_PORT: Final = 22
_SOCKETS: Final = ("ssh.socket", "sshd.socket")
# The kernel tells start times in ticks since a boot time in whole seconds.
_CLOCK_SLACK_S: Final = 2


def read_sshd(transcript: Transcript) -> HostSshd:
    """Return the options sshd works with, and its Match blocks.

    Raises:
        NoPermission: sshd shows its effective options to root only.
        ProtocolMismatch: `sshd -T` failed for another reason, or what serves SSH is not the sshd we can ask.

    """
    state = transcript.section("sshd")
    servers = tuple(filter(None, (_server(one) for one in state.marks("process"))))
    _refuse_others(transcript, state, [path for _, path, _ in servers])
    if state.mark("installed") is None:
        return HostSshd(running=False, options={}, matches=())
    asked = transcript.section("sshd_options")
    options = _options(asked)
    if not options:
        raise _refusal(transcript, asked)
    arguments = " ".join(found[2] for found in servers)
    matches = None if _other_file(arguments) else _matches(transcript.files("sshd"))
    cases, whole = read_cases(transcript, matches, options)
    return HostSshd(
        running=bool(state.marks("process")) or _listens(transcript, options),
        version=asked.mark("version") or "",
        options={**options, **_command_line(arguments)},
        matches=matches,
        changed_after_start=_changed(state, (found[0] for found in servers)),
        cases=cases,
        cases_whole=whole,
    )


def _refuse_others(transcript: Transcript, state: Section, running: Iterable[str]) -> None:
    """Refuse where something else than the sshd of the search path serves SSH, for it goes by other files.

    Raises:
        ProtocolMismatch: a server of another product, or built into another folder, runs.

    """
    own = state.mark("path")
    strange = [path for path in running if own is not None and _same_folder(path) != _same_folder(own)]
    processes = transcript.optional("processes")
    if processes is not None:
        strange += [one for one in _OTHERS if f":Name:\t{one}\n" in processes.text]
    if state.mark("installed") is None and not strange:
        strange = list(running) or _strangers(transcript)
    if strange:
        raise ProtocolMismatch(
            f"提供 SSH 的程序（{'、'.join(dict.fromkeys(strange))}）不是系统路径中的 sshd，其设置未能查看",
            cure="该部分改由人工核查",
        )


def _same_folder(path: str) -> str:
    """Return a path with /sbin as what it is on hosts with merged /usr."""
    return re.sub(r"^/s?bin/", "/usr/sbin/", path)


def _strangers(transcript: Transcript) -> list[str]:
    """Return who listens on the port of SSH though no sshd is installed."""
    if transcript.optional("listening") is None:
        return []
    found = [one for one in read_listening(transcript).listeners if one.protocol == "tcp" and one.reachable]
    return [one.process or "TCP 22 的监听程序" for one in found if one.port == _SSH_PORT]


def _listens(transcript: Transcript, options: Mapping[str, tuple[str, ...]]) -> bool:
    """Tell whether somebody listens for sshd, which then starts with each connection."""
    ports = {int(one) for one in options.get("port", ()) if one.isdecimal()}
    if any(one.protocol == "tcp" and one.port in ports for one in read_listening(transcript).listeners):
        return True
    services = transcript.optional(
        "services"
    )  # a socket unit may listen on another port than sshd_config says
    units = [one.replace("●", " ").split() for one in (services.marks("unit") if services else ())]
    return any(one[0] in _SOCKETS and "active" in one[2:3] for one in units if one)


def _refusal(transcript: Transcript, asked: Section) -> Exception:
    files = transcript.files("sshd")
    if re.search(r"no hostkeys|[Pp]ermission denied", asked.error) or files.denied():
        return transcript.refuse("sshd 生效配置（sshd -T）")
    return ProtocolMismatch(f"sshd -T 执行失败：{asked.error[:200]}", cure="修正 sshd 配置后重新运行")


def _server(line: str) -> tuple[int, str, str] | None:
    """Return start (ticks since boot), path and arguments of a server; sessions are none (`sshd: user`)."""
    words = line.split(" ", 2)
    if len(words) < 3 or not words[1].isdecimal():
        return None
    found = _SERVER.match(words[2].strip())
    if found is None or "/" not in found.group(1):
        return None
    return int(words[1]), found.group(1), found.group(2).split("[listener]")[0]


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
    loaded = [int(one) for one in state.marks("loaded") if one.isdecimal()]
    begun = max(int(boot) + min(starts) // int(hertz), *loaded, 0)
    return max(times) > begun + _CLOCK_SLACK_S


def _matches(files: Files) -> tuple[SshdMatch, ...] | None:
    """Return all Match blocks of the main file and of its folder, None if a file could not be read."""
    main = files.get(_MAIN)
    own = [one for one in files.readable() if one.path == _MAIN or one.path.startswith(_FOLDER)]
    if files.denied() or main is None or any(_includes_unread(one.lines) for one in own):
        return None
    return tuple(block for one in own for block in _blocks(one.lines))


def _includes_unread(lines: Iterable[str]) -> bool:
    for raw in lines:
        words = _words(raw)
        if words[:1] and words[0].lower() == "include" and not all(map(_INCLUDED.fullmatch, words[1:])):
            return True
    return False


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
