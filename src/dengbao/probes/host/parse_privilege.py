"""Reads sudoers: rules with aliases expanded, in the files that sudo itself would read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .facts import Line
from .frames import Files, Framed, Transcript
from .parse_accounts import sudo_sources
from .system_facts import HostPrivilege, SudoDefault, SudoRule

_ALIAS: Final = re.compile(r"^(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)$")
_INCLUDE: Final = re.compile(r"^[#@](include|includedir)\s+\"?([^\"]+?)\"?$")
_TAG: Final = re.compile(
    r"^(NOPASSWD|PASSWD|NOEXEC|EXEC|SETENV|NOSETENV|LOG_INPUT|NOLOG_INPUT|LOG_OUTPUT|NOLOG_OUTPUT|MAIL|NOMAIL"
    r"|FOLLOW|NOFOLLOW|INTERCEPT|NOINTERCEPT)\s*:\s*"
)
_OPTION: Final = re.compile(
    r"^(?:ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|CWD|CHROOT|TIMEOUT|NOTBEFORE|NOTAFTER)=\S+\s+"
)
_ESCAPED_SPACE: Final = "\0"


def read_privilege(transcript: Transcript) -> HostPrivilege:
    """Return the rules of sudoers.

    Raises:
        NoPermission: sudoers may be read by root only.
        ProbeError: the section did not arrive whole.

    """
    section = transcript.section("sudo")
    files = transcript.files("sudo")
    main = files.get("/etc/sudoers")
    if denied := files.denied():
        raise transcript.refuse(*denied)
    if main is None or main.state != "ok":
        return HostPrivilege(installed=section.mark("installed") is not None, rules=())
    reader = _Reader(files)
    reader.read(main)
    return HostPrivilege(
        installed=section.mark("installed") is not None,
        rules=tuple(reader.expanded()),
        unread=(*reader.unread, *(f"目录服务（{one}）中的规则" for one in sudo_sources(transcript))),
        defaults=tuple(reader.defaults),
    )


@dataclass
class _Reader:
    """Collects aliases and rules over all files, since aliases may stand after their use."""

    files: Files
    aliases: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    rules: list[SudoRule] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    defaults: list[SudoDefault] = field(default_factory=list)
    no_password: bool = False
    seen: set[str] = field(default_factory=set)

    def read(self, one: Framed) -> None:
        if one.path in self.seen:
            return
        self.seen.add(one.path)
        for line in _lines(one):
            included = _INCLUDE.match(line.text)
            alias = _ALIAS.match(line.text)
            if included:
                self._include(included.group(1), included.group(2))
            elif alias:
                self._alias(alias.group(1), alias.group(2))
            elif line.text.startswith("Defaults"):
                self.defaults += _defaults(line.text)
                self.no_password |= re.match(r"^Defaults\s.*!authenticate\b", line.text) is not None
            else:
                found = tuple(_rules(line))
                self.rules += found
                self.unread += [] if found else [f"{line.file} 第 {line.number} 行的规则"]

    def _include(self, how: str, path: str) -> None:
        if how == "include":
            found = self.files.get(path)
            if found is not None and found.state == "ok":
                self.read(found)
            elif found is None:
                self.unread.append(path)
            return
        folder = path.rstrip("/")
        if folder not in self.files.folders:
            self.unread.append(folder)
        for one in sorted(self.files.readable(f"{folder}/"), key=lambda one: one.path):
            name = one.path.rsplit("/", 1)[-1]
            if "." not in name and not name.endswith("~"):
                self.read(one)

    def _alias(self, kind: str, text: str) -> None:
        for part in re.split(r"\s+:\s+", text):
            name, _, members = part.partition("=")
            self.aliases.setdefault(kind[:3], {})[name.strip()] = _list(members)

    def expanded(self) -> Iterator[SudoRule]:
        for rule in self.rules:
            yield SudoRule(
                who=self._expand("Use", rule.who), commands=self._expand("Cmn", rule.commands),
                run_as=self._expand("Run", rule.run_as), no_password=rule.no_password or self.no_password,
                file=rule.file, line=rule.line,
            )  # fmt: skip

    def _expand(self, kind: str, names: tuple[str, ...], depth: int = 0) -> tuple[str, ...]:
        found: list[str] = []
        for name in names:
            members = self.aliases.get(kind, {}).get(name.lstrip("!"))
            if members is None or depth > 8:
                found.append(name)
                continue
            inner = self._expand(kind, tuple(members), depth + 1)
            found += [_negated(one) for one in inner] if name.startswith("!") else inner
        return tuple(dict.fromkeys(found))


def _negated(name: str) -> str:
    return name[1:] if name.startswith("!") else f"!{name}"


def _lines(one: Framed) -> Iterator[Line]:
    """Yield logical lines; `#` begins a comment unless it is `#include…` or a numeric id."""
    held, begin = "", 0
    for number, raw in enumerate(one.lines, 1):
        begin = begin if held else number
        if raw.rstrip().endswith("\\"):
            held += raw.rstrip()[:-1] + " "
            continue
        text = (held + raw).strip()
        held = ""
        if not _INCLUDE.match(text):
            text = re.sub(r"(^|\s)#(?!-?\d).*$", "", text).strip()
        if text:
            yield Line(file=one.path, number=begin, text=text)


def _defaults(text: str) -> Iterator[SudoDefault]:
    """Yield the settings of a Defaults line: `name`, `!name`, `name=value`, `name+=value`, quoted or not."""
    head = re.match(r"^Defaults([@:!>]\s*\S+)?\s+(.*)$", text)
    for one in re.findall(r"(?:[^,\"]|\"[^\"]*\")+", head.group(2)) if head else ():
        name, _, value = one.strip().partition("=")
        bare = name.rstrip("+- ").lstrip("! ")
        if bare:
            yield SudoDefault(
                name=bare, value=value.strip().strip('"'), on=not name.startswith("!"),
                scope="".join((head.group(1) or "").split()) if head else "",
            )  # fmt: skip


def _list(text: str) -> list[str]:
    names = text.replace("\\ ", _ESCAPED_SPACE).replace("\\,", "，").split(",")
    return [name.strip().replace(_ESCAPED_SPACE, " ") for name in names if name.strip()]


def _rules(line: Line) -> Iterator[SudoRule]:
    """Yield `who hosts = (run_as) TAG: commands`, one for each change of run_as or tag."""
    left, found, right = line.text.replace("\\ ", _ESCAPED_SPACE).partition("=")
    words = re.sub(r"\s*,\s*", ",", left.strip()).split()
    if not found or len(words) != 2:
        return
    who = tuple(_list(words[0]))
    for part in re.split(r"\s:\s*\S+\s*=", right):
        run_as: tuple[str, ...] = ()
        no_password = False
        grouped: dict[tuple[tuple[str, ...], bool], list[str]] = {}
        for text in re.split(r",(?![^(]*\))", part):
            command, run_as, no_password = _command(text.strip(), run_as, no_password)
            if command:
                grouped.setdefault((run_as, no_password), []).append(command)
        for (acting, free), commands in grouped.items():
            yield SudoRule(
                who=who, commands=tuple(commands), run_as=acting, no_password=free,
                file=line.file, line=line.number,
            )  # fmt: skip


def _command(text: str, run_as: tuple[str, ...], no_password: bool) -> tuple[str, tuple[str, ...], bool]:
    """Return the command without its prefixes; run_as and the password tag carry over to the next."""
    found = re.match(r"^\(([^)]*)\)\s*", text)
    if found:
        run_as = tuple(_list(found.group(1).partition(":")[0])) or ("",)
        text = text[found.end() :]
    while (tag := _TAG.match(text)) or (tag := _OPTION.match(text)):
        if tag.re is _TAG and tag.group(1) in ("NOPASSWD", "PASSWD"):
            no_password = tag.group(1) == "NOPASSWD"
        text = text[tag.end() :]
    return text.replace(_ESCAPED_SPACE, " ").strip(), run_as, no_password
