"""Resolves PAM stacks and the settings of their modules, and what a login shell sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ...errors import ProtocolMismatch
from .facts import HostPam, HostPolicy, Line, PamRule, PamService
from .frames import Files, Framed, Section, Transcript
from .parse_accounts import need

_RULE: Final = re.compile(r"^(-?)(auth|account|password|session)\s+(\[[^\]]*\]|\S+)\s+(.*)$", re.IGNORECASE)
_ARGUMENT: Final = re.compile(r"\[((?:[^\]\\]|\\.)*)\]|(\S+)")
_FOLDERS: Final = ("/etc/pam.d/", "/usr/lib/pam.d/")
_DEPTH: Final = 16
_NOT_SERVICES: Final = ("~", ".rpmnew", ".rpmsave", ".dpkg-old", ".dpkg-dist", ".bak")
# The umask the script starts shells with; a shell that shows it has not set its own.
_SENTINEL_UMASK: Final = "0177"


def read_pam(transcript: Transcript) -> HostPam:
    """Return the stacks of all services after includes, and the settings of pwquality and faillock.

    Raises:
        ProbeError: the PAM folder could not be read whole.

    """
    files = transcript.files("pam")
    if denied := files.denied(*_FOLDERS):
        raise transcript.refuse(*denied)
    modules = _modules(transcript.optional("modules"))
    names = {
        one.path.rsplit("/", 1)[-1] for one in files.readable() if one.path.startswith(_FOLDERS)
    }  # fmt: skip
    services = tuple(
        _Resolver(files, modules).service(name) for name in sorted(names) if not name.endswith(_NOT_SERVICES)
    )
    if not services:
        raise ProtocolMismatch("主机没有 /etc/pam.d 配置", cure="该部分改由人工核查")
    return HostPam(
        services=services,
        pwquality=_pwquality(files),
        faillock=_settings(files.get("/etc/security/faillock.conf")),
    )


def _modules(section: Section | None) -> frozenset[str] | None:
    names = section.text.split() if section is not None else []
    return frozenset(names) or None


@dataclass
class _Resolver:
    """Follows `@include`, `include` and `substack` as libpam does."""

    files: Files
    modules: frozenset[str] | None
    unresolved: set[str] = field(default_factory=set)

    def service(self, name: str) -> PamService:
        rules = tuple(self._file(name, "", 0, 0))
        return PamService(name=name, rules=rules, unresolved=tuple(sorted(self.unresolved)))

    def _file(self, name: str, kind: str, level: int, depth: int) -> Iterator[PamRule]:
        found = self._find(name)
        if found is None or depth > _DEPTH:
            self.unresolved.add(name)
            return
        for number, text in _logical_lines(found.text):
            if text.startswith("@include"):
                yield from self._file(text.split()[-1], kind, level, depth + 1)
                continue
            rule = _RULE.match(text)
            if rule is None or (kind and rule.group(2).lower() != kind):
                continue
            yield from self._rule(rule, Line(file=found.path, number=number, text=text), level, depth)

    def _rule(self, rule: re.Match[str], line: Line, level: int, depth: int) -> Iterator[PamRule]:
        kind, control, rest = rule.group(2).lower(), rule.group(3), rule.group(4)
        words = tuple(one.group(1) or one.group(2) for one in _ARGUMENT.finditer(rest))
        if not words:
            return
        if control.lower() in ("include", "substack"):
            deeper = level + (control.lower() == "substack")
            yield from self._file(words[0], kind, deeper, depth + 1)
            return
        module = words[0].rsplit("/", 1)[-1]
        module = words[0].rsplit("/", 1)[-1]
        present = None if self.modules is None else module in self.modules or words[0][0] == "/"
        if rule.group(1) and present is False:
            return  # "-auth": libpam skips such a rule without a word
        yield PamRule(
            kind=kind, control=" ".join(control.lower().split()), module=module, args=words[1:],
            file=line.file, line=line.number, level=level,
            present=present,
        )  # fmt: skip

    def _find(self, name: str) -> Framed | None:
        paths = (name,) if name.startswith("/") else tuple(folder + name for folder in _FOLDERS)
        for path in paths:
            found = self.files.get(path)
            if found is not None and found.state == "ok":
                return found
        return None


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each rule: continued lines joined, comments and blanks left out."""
    held, begin = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        begin = begin if held else number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        whole = (held + line).strip()
        held = ""
        if whole:
            yield begin, whole


def _settings(found: Framed | None) -> dict[str, str] | None:
    """Return `key = value` settings, the last line of a key counts; {} if absent, None if unreadable."""
    if found is None or found.state in ("denied", "broken"):
        return None
    return dict(_pairs(found.lines))


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for raw in lines:
        line = raw.split("#", 1)[0].strip()
        if line:
            key, _, value = line.partition("=") if "=" in line else line.partition(" ")
            yield key.strip().lower(), value.strip()


def _pwquality(files: Files) -> dict[str, str] | None:
    """Return the settings of pwquality: its folder first in order of names, then the main file over it."""
    if files.denied("/etc/security/pwquality"):
        return None
    merged: dict[str, str] = {}
    for one in sorted(files.readable("/etc/security/pwquality.conf.d/"), key=lambda one: one.path):
        merged.update(_pairs(one.lines))
    main = files.get("/etc/security/pwquality.conf")
    merged.update(_pairs(main.lines) if main is not None and main.state == "ok" else ())
    return merged


def read_policy(transcript: Transcript) -> HostPolicy:
    """Return what new accounts get, and what a fresh login shell sets.

    Raises:
        ProbeError: /etc/login.defs could not be read.

    """
    section = transcript.section("policy")
    files = transcript.files("policy")
    login_defs = files.get("/etc/login.defs")
    settings = (
        None
        if login_defs is not None and login_defs.state == "absent"
        else _login_defs(need(files, "/etc/login.defs", transcript).lines)
    )
    useradd = _settings(files.get("/etc/default/useradd")) or {}
    inactive = useradd.get("inactive", "")
    shell = _Shell.of(transcript.optional("shell"))
    return HostPolicy(
        login_defs=settings,
        shell=shell.name,
        tmout_s=shell.tmout_s,
        tmout_readonly=shell.readonly,
        tmout_lines=tuple(
            Line(file=one.file, number=one.number, text=one.text.strip())
            for one in _lines_about(files, "TMOUT")
        ),
        umask=shell.umask,
        umask_lines=_lines_about(files, "umask"),
        history_size=shell.history,
        sh=(section.mark("sh") or "").rsplit("/", 1)[-1],
        new_account_inactive_days=int(inactive) if re.fullmatch(r"-?\d+", inactive) else None,
    )


def _login_defs(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw in lines:
        words = raw.split("#", 1)[0].split(None, 1)
        if len(words) == 2:
            found[words[0]] = words[1].strip().strip('"')
    return found


def _lines_about(files: Files, word: str) -> tuple[Line, ...]:
    """Return numbered lines (`12:text`) that name a word and are not comments."""
    found: list[Line] = []
    for one in files.readable():
        for raw in one.lines:
            number, _, text = raw.partition(":")
            if number.isdecimal() and word in text.split("#", 1)[0]:
                found.append(Line(file=one.path, number=int(number), text=text.rstrip()))
    return tuple(found)


@dataclass(frozen=True)
class _Shell:
    """What the login shell that the script started has set; nothing if it did not get to its end."""

    name: str = ""
    tmout_s: int | None = None
    readonly: bool | None = None
    umask: str = ""
    history: int | None = None

    @classmethod
    def of(cls, section: Section | None) -> _Shell:
        name = section.mark("shell") if section is not None else None
        if section is None or not name or section.mark("shown") is None:
            return cls()
        timeout, history = section.mark("tmout") or "", section.mark("history") or ""
        umask = section.mark("umask") or ""
        known = re.fullmatch(r"\d*", timeout) is not None
        return cls(
            name=name if known else "",
            tmout_s=int(timeout) if timeout and known else None,
            readonly=section.mark("readonly") is not None if timeout else None,
            umask="" if umask == _SENTINEL_UMASK else umask,
            history=int(history) if history.isdecimal() else None,
        )
