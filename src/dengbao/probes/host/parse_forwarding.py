"""Reads where rsyslog and syslog-ng send records, and whether what they say is ever reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .facts import Forwarding, Line
from .frames import Files, Section

_RSYSLOG_OLD: Final = re.compile(r"^([^#]\S*)\s+(?:@{1,2}|:omrelp:)(?:\([^)]*\))?(\S+)")
_RSYSLOG_NEW: Final = re.compile(r"^[^#]*(?:type=\"om(?:fwd|relp)\"|target=)[^#]*", re.IGNORECASE)
_RSYSLOG_ACTION: Final = re.compile(r"^([^#]*?)\s*\baction\(")
_TARGET: Final = re.compile(r"target=\"?\[?\"?([^\"\s\]]+)", re.IGNORECASE)
_STOP: Final = re.compile(r"^(\S+)\s+(?:stop|~)\s*$")
_SELECTOR: Final = re.compile(r"^([\w*][\w*,]*\.[!=]?[\w*]+(?:;\S+)?)\s+\S")
_RULESET: Final = re.compile(r"^ruleset\s*\(.*?name=\"([^\"]+)\"", re.IGNORECASE)
_LOCAL_INPUT: Final = re.compile(r"^(?!#).*\bim(?:uxsock|journal)\b", re.IGNORECASE)
_INCLUDES: Final = re.compile(r"^\s*(?:\$IncludeConfig\s+|include\s*\(\s*file=\")\S*rsyslog\.d\b")
_SYSLOG_NG_DRIVER: Final = re.compile(r"\b(?:tcp6?|udp6?|syslog|network)\s*\(\s*\"?([^\"\s)]+)")


def numbered(files: Files, prefix: str) -> Iterator[Line]:
    """Yield the lines of files under a prefix that came as `number:text`."""
    for one in files.readable(prefix):
        for raw in one.lines:
            number, found, text = raw.partition(":")
            if found and number.isdecimal():
                yield Line(file=one.path, number=int(number), text=text.strip())


@dataclass
class _Rsyslog:
    """What is known of the configuration up to the line that is read."""

    ruleset: str = ""
    in_block: bool = False
    depth: int = 0
    heads: list[tuple[int, str]] = field(default_factory=list)
    selector: str = ""
    before: str = ""
    discards: list[str] = field(default_factory=list)
    found: list[tuple[str, Forwarding]] = field(default_factory=list)
    called: dict[str, set[str]] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)

    @property
    def condition(self) -> str:
        """Return the innermost `if` that encloses the line, empty if there is none."""
        return next((text for _, text in reversed(self.heads) if text.startswith("if")), "")

    def take(self, line: Line) -> None:
        """Read one line that is no comment."""
        text = line.text
        if head := _RULESET.match(text):
            self.ruleset, self.in_block, self.depth = head.group(1), True, 0
        elif text.lower().startswith("$ruleset "):
            self.ruleset = text.split()[1].replace("RSYSLOG_DefaultRuleset", "")
        self._discard(text)
        for name in re.findall(r"\bcall\s+([\w.-]+)", text):
            self.called.setdefault(self.ruleset, set()).add(name)
        if text.startswith(("input(", "$Input")) and (bound := re.search(r"uleset=?\"?\s*([\w.-]+)", text)):
            self.bound.add(bound.group(1))
        self._forward(line)
        self._braces(text)

    def _discard(self, text: str) -> None:
        if chosen := _SELECTOR.match(text):
            self.selector = chosen.group(1)
        stop = _STOP.match(text)
        if stop is not None:
            self.discards.append(self.selector if stop.group(1) == "&" else stop.group(1))
        elif text in ("stop", "~"):
            self.discards.append(self.condition or "*.*")

    def _forward(self, line: Line) -> None:
        old = _RSYSLOG_OLD.match(line.text)
        if begun := _RSYSLOG_ACTION.match(line.text):
            self.before = begun.group(1).strip() or self.condition
            if self.before.startswith("ruleset"):
                self.before = ""
        new = _TARGET.search(line.text) if _RSYSLOG_NEW.match(line.text) else None
        target = old.group(2) if old else new.group(1) if new else ""
        if target:
            one = Forwarding(
                by="rsyslogd", target=target, file=line.file, line=line.number,
                selector=old.group(1) if old else self.before, discarded=tuple(self.discards),
            )  # fmt: skip
            self.found.append((self.ruleset, one))

    def _braces(self, text: str) -> None:
        bare = re.sub(r"\"[^\"]*\"", "", text)
        for brace in re.findall(r"[{}]", bare):
            if brace == "{":
                self.depth += 1
                self.heads.append((self.depth, text.partition("{")[0].strip()))
            else:
                self.depth -= 1
                if self.heads:
                    self.heads.pop()
                if self.in_block and not self.heads:
                    self.ruleset, self.in_block = "", False

    def reached(self, ruleset: str) -> bool | None:
        """Tell whether records of this host come to a rule set; None where only one input feeds it."""
        reachable, left = {""}, [""]
        while left:
            more = self.called.get(left.pop(), set()) - reachable
            reachable |= more
            left += more
        return True if ruleset in reachable else None if ruleset in self.bound else False


def rsyslog(files: Files, section: Section) -> Iterator[Forwarding]:
    """Yield what rsyslog sends away; `used` is None where the script did not bring whole files."""
    whole = section.mark("whole") is not None
    lines = [one for one in numbered(files, "/etc/rsyslog") if not one.text.startswith("#")]
    state = _Rsyslog()
    for line in lines:
        state.take(line)
    fed = any(_LOCAL_INPUT.match(one.text) for one in lines)
    included = any(_INCLUDES.match(one.text) for one in lines if one.file == "/etc/rsyslog.conf")
    for ruleset, one in state.found:
        used = state.reached(ruleset) if fed else False
        if not included and one.file != "/etc/rsyslog.conf":
            used = False
        yield _with(one, used if whole else None)


def _with(one: Forwarding, used: bool | None) -> Forwarding:
    return Forwarding(
        by=one.by, target=one.target, file=one.file, line=one.line, selector=one.selector, used=used,
        discarded=one.discarded,
    )  # fmt: skip


def syslog_ng(files: Files, section: Section) -> Iterator[Forwarding]:
    """Yield the network destinations of syslog-ng; one that no log path names is not used."""
    whole = section.mark("whole") is not None
    lines = [*numbered(files, "/etc/syslog-ng")]
    text = "\n".join(re.sub(r"(?<![\"\w])#.*$", "", one.text) for one in lines)
    paths = [body for _, body, _ in _blocks(text, "log")]
    for name, body, at in _blocks(text, "destination"):
        target = _SYSLOG_NG_DRIVER.search(body)
        if target is None or re.match(r"(?:ip|port|transport)\b", target.group(1)):
            continue
        naming = [one for one in paths if re.search(rf"\bdestination\s*\(\s*{re.escape(name)}\s*\)", one)]
        open_path = any("filter" not in one for one in naming)
        where = lines[text.count("\n", 0, at)]
        yield Forwarding(
            by="syslog-ng", target=target.group(1), file=where.file, line=where.number,
            selector="" if open_path or not naming else "if filter",
            used=(bool(naming) if whole else None),
        )  # fmt: skip


def _blocks(text: str, word: str) -> Iterator[tuple[str, str, int]]:
    """Yield name, body and place of each `word name { … }` at any depth."""
    for head in re.finditer(rf"(?<![\w-]){word}\s*([\w.-]*)\s*\{{", text):
        depth, at = 1, head.end()
        while at < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield head.group(1), text[head.end() : at - 1], head.start()
