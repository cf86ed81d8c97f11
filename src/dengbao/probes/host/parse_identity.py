"""Reads rights on data and homes, credentials left behind, login rules, and when the system was installed."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from ...errors import ProtocolMismatch
from .facts import FileMode, Line
from .frames import Files, Framed, Section, Transcript
from .identity_facts import (
    Acl,
    History,
    HostInstallation,
    HostLoginRules,
    HostRights,
    HostTraces,
    InstallMark,
    Trace,
)
from .parse_logs import parse_rights

_DENIED: Final = "Permission denied"
# Clocks of build machines and images without one: nothing before this is a date of installation.
_FIRST_CREDIBLE_S: Final = 946684800
# Boot loaders read nothing else, so these are no place for people's files.
_BOOT_MOUNTS: Final = ("/boot", "/efi")


def read_rights(transcript: Transcript) -> HostRights:
    """Return rights on places of data, what everybody can write, access lists, and mounts without rights.

    Raises:
        ProbeError: a section did not arrive whole.

    """
    section = transcript.section("places")
    places, _, denied = parse_rights(section.text.splitlines())
    if not places:
        raise ProtocolMismatch("主机未能显示文件权限（stat 不可用）", cure="该部分改由人工核查")
    sweep = transcript.optional("sweep")
    files, folders = _writable(sweep)
    mounts = [one.partition(" ")[2] for one in section.marks("plain")]
    blind = section.mark("marked") is None or denied or _DENIED in section.error
    return HostRights(
        places=places,
        open_files=files,
        open_folders=folders,
        searched=sweep.marks("searched") if sweep is not None else (),
        skipped=sweep.marks("skipped") if sweep is not None else None,
        acls=None if blind else _acls(section),
        plain_mounts=None
        if section.mark("mounts") is None
        else tuple(one for one in mounts if not one.startswith(_BOOT_MOUNTS)),
    )


def _writable(section: Section | None) -> tuple[tuple[FileMode, ...] | None, tuple[FileMode, ...] | None]:
    """Return files and folders that everybody can write; None where the search did not see everything."""
    if section is None or _troubled(section) or not section.marks("searched"):
        return None, None
    lines = section.text.splitlines()
    files, _, _ = parse_rights(line.partition(" ")[2] for line in lines if line.startswith("-"))
    folders, _, _ = parse_rights(line.partition(" ")[2] for line in lines if line.startswith("d"))
    return files, folders


def _troubled(section: Section) -> bool:
    """Tell whether a command complained of more than a file that is gone; it may have found nothing then."""
    return any(line and "No such file" not in line for line in section.error.splitlines())


def _acls(section: Section) -> tuple[Acl, ...]:
    """Return files with an access list; `getfacl` puts the effective rights behind an entry it limits."""
    entries: dict[str, list[str]] = defaultdict(list)
    found: dict[str, tuple[str, ...] | None] = {}
    path = ""
    for line in section.text.splitlines():
        word, _, rest = line.removeprefix(f"{section.nonce} ").partition(" ")
        if not line.startswith(section.nonce):
            continue
        if word == "acl":
            path = rest
            found[path] = None
        elif word == "entry":
            given, _, effective = rest.partition("#effective:")
            who = given.strip().rpartition(":")
            entries[path].append(f"{who[0]}:{effective.strip() or who[2]}")
        elif word == "listed":
            found[path] = tuple(entries[path])
    return tuple(Acl(path=one, entries=seen) for one, seen in found.items())


def read_traces(transcript: Transcript) -> HostTraces:
    """Return credential files, histories and copies of password files.

    Raises:
        ProbeError: the section did not arrive whole.

    """
    section = transcript.section("traces")
    homes = [one.split(" ", 1) for one in section.marks("home")]
    copies, _, _ = parse_rights(section.text.splitlines())
    unseen = [name for state, name in homes if state == "denied"]
    return HostTraces(
        homes=len(homes) - len(unseen),
        files=tuple(
            Trace(account=name, path=path, mode=mode, owner=owner)
            for name, mode, owner, path in (one.split(" ", 3) for one in section.marks("saved"))
        ),
        histories=tuple(
            History(
                account=name,
                path=path,
                mode=mode,
                owner=owner,
                suspects=int(count) if count.isdecimal() else None,
            )
            for name, count, mode, owner, path in (one.split(" ", 4) for one in section.marks("history"))
        ),
        unseen=tuple(unseen),
        copies=copies,
        greeters=section.marks("greeter"),
        greeter_lines=tuple(
            Line(file=one.path, number=int(number), text=text.strip())
            for one in transcript.files("traces").readable()
            for number, _, text in (raw.partition(":") for raw in one.lines)
            if number.isdecimal()
        ),
    )


def read_installation(transcript: Transcript) -> HostInstallation:
    """Return what tells the date of installation; of packages the oldest counts.

    Raises:
        ProbeError: the section did not arrive whole.

    """
    section = transcript.section("installation")
    marks = []
    for one in section.marks("mark"):
        at, _, source = one.partition(" ")
        marks += [InstallMark(source=source, at_s=int(at))] if at.isdecimal() else []
    packages = transcript.optional("packages")
    if packages is not None and packages.mark("manager") == "rpm":
        rows = (line.split() for line in packages.text.splitlines() if line.startswith("ii "))
        times = [int(row[3]) for row in rows if len(row) > 3 and row[3].isdecimal()]
        marks += [InstallMark(source="rpm", at_s=min(times))] if times else []
    return HostInstallation(marks=tuple(one for one in marks if one.at_s >= _FIRST_CREDIBLE_S))


def read_login_rules(transcript: Transcript) -> HostLoginRules:
    """Return rules of access.conf, time.conf and doas.conf, authselect's choice and SELinux users.

    Raises:
        ProbeError: the section did not arrive whole.

    """
    files = transcript.files("login_rules")
    chosen = files.get("/etc/authselect/authselect.conf")
    words = [line.strip() for line in chosen.lines] if chosen is not None and chosen.state == "ok" else []
    return HostLoginRules(
        access=_lines(files.get("/etc/security/access.conf")),
        times=_lines(files.get("/etc/security/time.conf")),
        doas=_lines(files.get("/etc/doas.conf")),
        authselect=" ".join(one for one in words if one),
        selinux_users=_selinux_users(files),
    )


def _lines(found: Framed | None) -> tuple[Line, ...] | None:
    if found is None or found.state not in ("ok", "absent"):
        return None
    rows = ((at, text.split("#", 1)[0].strip()) for at, text in enumerate(found.lines, 1))
    return tuple(Line(file=found.path, number=at, text=text) for at, text in rows if text)


def _selinux_users(files: Files) -> dict[str, str] | None:
    """Return login → SELinux user (`auditadm_u`); None where a file could not be read."""
    if files.denied("/etc/selinux/"):
        return None
    found: dict[str, str] = {}
    for one in files.readable("/etc/selinux/"):
        for line in one.lines:
            row = re.match(r"^\s*([^:#\s]+):([^:\s]+)", line)
            if row:
                found[row.group(1)] = row.group(2)
    return found
