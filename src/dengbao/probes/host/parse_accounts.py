"""Reads accounts, password states and last logins out of a transcript."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from ...errors import ProbeIncapable, ProtocolMismatch
from .facts import HostAccount, HostAccounts, HostLogins, HostPassword, HostPasswords, LastLogin
from .frames import Files, Framed, Section, Transcript, parse_files, require_tool
from .parse_processes import read_processes

_SCHEME: Final = re.compile(r"<([^<>]*)>")
_LASTLOG_TIME: Final = re.compile(r"(\w{3} \w{3} +\d{1,2} \d{2}:\d{2}:\d{2} [+-]\d{4} \d{4})\s*$")
_NUMBERS: Final = re.compile(r"^[ \t]*(UID_MIN|SYS_UID_MAX)[ \t]+(\d{1,9})\b", re.MULTILINE)
_FIRST_ANYWHERE: Final = 1000
_NEVER: Final = "**Never logged in**"
_DAY_S: Final = 86400
_LOCAL_SOURCES: Final = frozenset({"files", "compat", "systemd", "altfiles", "extrausers", "cache"})
_USUAL_KEY_FILES: Final = frozenset(
    f"{home}.ssh/{name}" for home in ("", "%h/") for name in ("authorized_keys", "authorized_keys2")
) | {"none"}
# Sources that distributions list by default and that answer only while their daemon runs.
_DAEMONS: Final = {"sss": "sssd", "winbind": "winbindd", "nis": "ypbind"}


def need(files: Files, path: str, transcript: Transcript) -> Framed:
    """Return a file that was read.

    Raises:
        NoPermission: the account may not read it.
        ProtocolMismatch: it does not exist, so this is no Linux as we know it.

    """
    found = files.get(path)
    if found is not None and found.state == "ok":
        return found
    if found is not None and found.state in ("denied", "broken"):
        raise transcript.refuse(path)
    raise ProtocolMismatch(f"主机没有 {path}", cure="该部分改由人工核查")


def _first_user_uid(policy: Section | None) -> int | None:
    """Return the first number of people by login.defs, behind those that the system takes for itself."""
    file = parse_files(policy).get("/etc/login.defs") if policy is not None else None
    text = file.text if file is not None and file.state == "ok" else ""
    found = {name: int(number) for name, number in _NUMBERS.findall(text)}
    if "UID_MIN" not in found:
        return None
    return min(max(found["UID_MIN"], found.get("SYS_UID_MAX", 0) + 1), _FIRST_ANYWHERE)


def clock_s(transcript: Transcript) -> int:
    """Return the host's clock."""
    found = re.search(r"^clock (\d+)$", transcript.section("system").text, re.MULTILINE)
    if found is None:
        raise ProtocolMismatch("主机未报告时间", cure="该部分改由人工核查")
    return int(found.group(1))


def read_accounts(transcript: Transcript) -> HostAccounts:
    """Return the local accounts with their groups.

    Raises:
        ProbeError: /etc/passwd or /etc/group could not be read whole.

    """
    passwd = need(transcript.files("passwd"), "/etc/passwd", transcript)
    others = transcript.files("group")
    groups = _groups(need(others, "/etc/group", transcript).lines)
    keys = _keys(transcript)
    accounts: list[HostAccount] = []
    malformed = 0
    for line in passwd.lines:
        fields = line.split(":")
        if len(fields) < 7 or not fields[2].isdecimal() or not fields[3].isdecimal():
            malformed += bool(line.strip()) and not line.startswith(("+", "-"))
            continue
        name, gid = fields[0], int(fields[3])
        accounts.append(
            HostAccount(
                name=name, uid=int(fields[2]), gid=gid, home=fields[5], shell=sys.intern(fields[6].strip()),
                groups=_groups_of(name, gid, groups), authorized_keys=keys.get(name),
            )
        )  # fmt: skip
    return HostAccounts(
        accounts=tuple(accounts),
        directories=_directories(passwd, others.get("/etc/nsswitch.conf"), transcript),
        malformed_lines=malformed,
        first_user_uid=_first_user_uid(transcript.optional("policy")),
    )


_Groups = tuple[dict[int, str], dict[str, tuple[str, ...]]]


def _groups(lines: Iterable[str]) -> _Groups:
    """Return group names by gid, and for each account the groups that list it."""
    names: dict[int, str] = {}
    listed: dict[str, list[str]] = {}
    for line in lines:
        fields = line.split(":")
        if len(fields) < 4 or not fields[2].isdecimal():
            continue
        names.setdefault(int(fields[2]), fields[0])
        for member in filter(None, fields[3].strip().split(",")):
            listed.setdefault(member, []).append(fields[0])
    return names, {member: tuple(found) for member, found in listed.items()}


def _groups_of(name: str, gid: int, groups: _Groups) -> tuple[str, ...]:
    names, listed = groups
    return tuple(dict.fromkeys((names.get(gid, str(gid)), *listed.get(name, ()))))


def _keys(transcript: Transcript) -> dict[str, bool | None]:
    section = transcript.optional("keys")
    if section is None:
        return {}
    meanings = {"yes": True, "no": None if _keys_elsewhere(transcript) else False, "denied": None}
    pairs = (line.split(" ", 1) for line in section.text.splitlines() if " " in line)
    return {name: meanings[word] for word, name in pairs if word in meanings}


def _keys_elsewhere(transcript: Transcript) -> bool:
    """Tell whether sshd takes keys from other places than the homes, which were not looked at."""
    section = transcript.optional("sshd_options")
    for line in section.text.splitlines() if section is not None else ():
        name, _, value = line.partition(" ")
        if name in ("authorizedkeyscommand", "trustedusercakeys") and value.strip() not in ("none", ""):
            return True
        if name == "authorizedkeysfile" and not set(value.split()) <= _USUAL_KEY_FILES:
            return True
    return False


def _directories(passwd: Framed, nsswitch: Framed | None, transcript: Transcript) -> tuple[str, ...] | None:
    """Return sources of accounts besides the local files; one that needs a daemon counts if it runs."""
    if nsswitch is None or nsswitch.state not in ("ok", "absent"):
        return None
    found = _sources(nsswitch, "passwd")
    if any(line.startswith("+") for line in passwd.lines):
        found.append("nis")
    return _in_use(found, transcript)


def sudo_sources(transcript: Transcript) -> tuple[str, ...]:
    """Return where sudo takes rules from besides its files, by nsswitch.conf."""
    if transcript.optional("group") is None:
        return ()
    nsswitch = transcript.files("group").get("/etc/nsswitch.conf")
    found = _sources(nsswitch, "sudoers") if nsswitch is not None else []
    return _in_use(found, transcript)


def _sources(nsswitch: Framed, database: str) -> list[str]:
    """Return the sources of a database, of its last line."""
    found: list[str] = []
    for line in nsswitch.lines:
        if line.split("#")[0].strip().startswith(f"{database}:"):
            words = line.split("#")[0].split(":", 1)[1]
            found = re.sub(r"\[[^]]*\]", " ", words).split()
    return found


def _in_use(found: Iterable[str], transcript: Transcript) -> tuple[str, ...]:
    outside = [one for one in dict.fromkeys(found) if one not in _LOCAL_SOURCES]
    if not outside:
        return ()
    running = read_processes(transcript)
    idle = {source for source, daemon in _DAEMONS.items() if running.complete and not running.named(daemon)}
    return tuple(one for one in outside if one not in idle)


def read_passwords(transcript: Transcript) -> HostPasswords:
    """Return the password state of every local account.

    Raises:
        ProbeError: the account list or /etc/shadow could not be read whole.

    """
    passwd = need(transcript.files("passwd"), "/etc/passwd", transcript)
    files = transcript.files("shadow")
    # Lines are split one at a time: the fields of tens of thousands of accounts would be held twice over.
    listed = [line for line in passwd.lines if line.count(":") >= 6 and line[0] not in "+-"]
    shadow: dict[str, str] = {}
    if any(line.split(":", 2)[1] == "<x>" for line in listed):
        for line in need(files, "/etc/shadow", transcript).lines:
            shadow.setdefault(line.partition(":")[0], line)
    entries = tuple(
        _password(fields, shadow.get(fields[0], "").split(":"))
        for fields in (line.split(":", 2) for line in listed)
    )
    return HostPasswords(entries=entries, today_day=clock_s(transcript) // _DAY_S)


def _password(passwd: list[str], shadow: list[str]) -> HostPassword:
    name = passwd[0]
    if passwd[1] != "<x>":
        state, scheme = _state(passwd[1])
        return HostPassword(account=name, state=state, scheme=scheme)
    if len(shadow) < 2:
        return HostPassword(account=name, state="none")
    state, scheme = _state(shadow[1])
    days = [int(one) if re.fullmatch(r"-?\d+", one) else None for one in shadow[2:8]]
    days += [None] * (6 - len(days))
    return HostPassword(
        account=name, state=state, scheme=scheme, last_change_day=days[0], min_days=days[1],
        max_days=days[2], warn_days=days[3], inactive_days=days[4], expires_day=days[5],
    )  # fmt: skip


def _state(field: str) -> tuple[str, str]:
    """Return state and scheme of a sanitised password field; `!` and `*` lock, only nothing is empty."""
    if field == "":
        return "empty", ""
    scheme = _SCHEME.search(field)
    if field[0] in "!*":
        return "locked", scheme.group(1) if scheme else ""
    return "set", scheme.group(1) if scheme else "unknown"


def read_logins(transcript: Transcript) -> HostLogins:
    """Return when each account logged in last.

    Raises:
        ProbeIncapable: the host keeps no such record.

    """
    section = transcript.section("logins")
    require_tool(section, "lastlog")
    if section.code == 4:
        raise ProbeIncapable("主机没有末次登录记录（/var/log/lastlog 为空）", cure="以人工佐证补充")
    entries: list[LastLogin] = []
    for line in section.text.splitlines():
        name = line.split(" ", 1)[0]
        time = _LASTLOG_TIME.search(line)
        if time is not None:
            at = datetime.strptime(" ".join(time.group(1).split()), "%a %b %d %H:%M:%S %z %Y")
            entries.append(LastLogin(account=name, at_s=int(at.timestamp())))
        elif line.rstrip().endswith(_NEVER):
            entries.append(LastLogin(account=name))
    if not entries:
        raise ProtocolMismatch(f"lastlog 没有可识别的输出：{section.error[:200]}", cure="该部分改由人工核查")
    return HostLogins(entries=tuple(entries), clock_s=clock_s(transcript))
