"""Reads processes, listening sockets and services."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from ...errors import ProtocolMismatch
from .facts import Line
from .frames import Files, Framed, Section, Transcript
from .system_facts import HostListening, HostProcesses, HostServices, Listener, Process

_STATUS: Final = re.compile(r"^/proc/(\d+)/status:(Name|PPid|Uid):\s*(.*)$")
_SOCKET: Final = re.compile(r"^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ \S+ \S+ \S+ \S+\s+(\d+)\s+\d+\s+(\d+)")
_FTP: Final = ("/etc/vsftpd.conf", "/etc/vsftpd/vsftpd.conf")
# Both must be on, for logins and for data; the values are those where nothing is written.
_FTP_LOGINS: Final = ("ssl_enable", "force_local_logins_ssl")
_FTP_DATA: Final = ("ssl_enable", "force_local_data_ssl")
_FTP_TLS: Final = {
    "ssl_enable": "NO", "force_local_logins_ssl": "YES", "force_local_data_ssl": "YES", "user_config_dir": "",
}  # fmt: skip
_ON: Final = frozenset({"YES", "TRUE", "1"})
_SWITCHES: Final = _ON | {"NO", "FALSE", "0"}
_RUNNING: Final = frozenset({"active", "activating", "reloading"})


def read_processes(transcript: Transcript) -> HostProcesses:
    """Return all processes with the names of their users.

    Raises:
        ProbeError: the list did not arrive whole.

    """
    section = transcript.section("processes")
    fields: dict[int, dict[str, str]] = {}
    for line in section.text.splitlines():
        found = _STATUS.match(line)
        if found is not None:
            fields.setdefault(int(found.group(1)), {})[found.group(2)] = found.group(3)
    users = _users(transcript)
    processes = tuple(
        Process(
            pid=pid, parent=int(one["PPid"]), name=one["Name"],
            user=users.get(one["Uid"].split()[1], one["Uid"].split()[1]),
        )
        for pid, one in sorted(fields.items())
        if {"Name", "PPid", "Uid"} <= set(one) and one["Uid"].split()[1:]
    )  # fmt: skip
    if not processes:
        raise ProtocolMismatch("主机未能显示进程（/proc 不可用）", cure="该部分改由人工核查")
    root = re.search(r"^uid 0$", transcript.section("system").text, re.MULTILINE) is not None
    hidden = any(re.search(r"hidepid=(?!0|off)", one) for one in section.marks("mount"))
    return HostProcesses(processes=processes, complete=root or not hidden)


def _users(transcript: Transcript) -> dict[str, str]:
    passwd = transcript.files("passwd").get("/etc/passwd") if "passwd" in transcript.sections else None
    names = {"0": "root"}  # whatever other name stands first for it
    for line in passwd.lines if passwd is not None else ():
        fields = line.split(":")
        if len(fields) > 2:
            names.setdefault(fields[2], fields[0])
    return names


def read_listening(transcript: Transcript) -> HostListening:
    """Return listening sockets; names of processes where the privilege allowed to see them.

    Raises:
        ProbeError: the tables could not be read.

    """
    owners = _owners(transcript.optional("sockets"), read_processes(transcript))
    found: dict[tuple[str, str, int], Listener] = {}
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for one, inode in sockets_in(transcript, name):
            process = owners.get(inode, "")
            key = (one.protocol, one.address, one.port)
            if key not in found or not found[key].process:
                found[key] = Listener(
                    protocol=one.protocol, address=one.address, port=one.port, process=process
                )
    return HostListening(listeners=tuple(sorted(found.values(), key=lambda one: (one.protocol, one.port))))


def sockets_in(transcript: Transcript, name: str) -> Iterator[tuple[Listener, str]]:
    """Yield the sockets of one table of /proc/net with their inodes.

    Raises:
        NoPermission: the table may not be read.

    """
    table = transcript.files("listening").get(f"/proc/net/{name}")
    if table is None or table.state in ("denied", "broken") or (name == "tcp" and table.state != "ok"):
        raise transcript.refuse(f"/proc/net/{name}")
    yield from _sockets(name[:3], table.lines)


def _sockets(protocol: str, lines: tuple[str, ...]) -> Iterator[tuple[Listener, str]]:
    for line in lines:
        found = _SOCKET.match(line)
        if found is not None:
            address, port = _address(found.group(1)), int(found.group(2), 16)
            yield Listener(protocol=protocol, address=address, port=port), found.group(4)


def _address(text: str) -> str:
    """Return the address of a /proc/net table: 32-bit words in the byte order of the host (little-endian)."""
    raw = bytes.fromhex(text)
    words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    address = ipaddress.ip_address(words)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _owners(section: Section | None, processes: HostProcesses) -> dict[str, str]:
    """Return process names by socket inode."""
    names = {str(one.pid): one.name for one in processes.processes}
    owners: dict[str, str] = {}
    pid = ""
    for line in section.text.splitlines() if section is not None else ():
        if line.startswith("/proc/"):
            pid = line.split("/")[2]
        elif pid in names:
            owners.setdefault(line.strip(), names[pid])
    return owners


def read_services(transcript: Transcript) -> HostServices:
    """Return services, inetd entries and shares.

    Raises:
        ProbeError: a part did not arrive whole, or the manager did not answer.

    """
    section = transcript.section("services")
    files = transcript.files("shares")
    manager = section.mark("manager") or ""
    if not manager:
        raise ProtocolMismatch("无法识别主机的服务管理程序", cure="该部分改由人工核查")
    if denied := files.denied():
        raise transcript.refuse(*denied)
    active, enabled = _units(section, manager)
    return HostServices(
        manager=manager, active=active, enabled=enabled, default_target=section.mark("target") or "",
        inetd=tuple(_inetd(files)), shares=tuple(_shares(files)),
        **_ftp(transcript.section("shares"), files),
    )  # fmt: skip


_Names = tuple[str, ...] | None


def _units(section: Section, manager: str) -> tuple[_Names, _Names]:
    if manager == "systemd":
        units = [one.replace("●", " ").split() for one in section.marks("unit")]
        rows = [one for one in units if len(one) >= 4]
        active = tuple(one[0] for one in rows if one[2] in _RUNNING and one[3] != "exited")
        files = [one.split() for one in section.marks("file")]
        enabled = tuple(one[0] for one in files if len(one) > 1 and one[1].startswith("enabled"))
        return (active if rows else None), (enabled if files else None)
    if manager == "openrc":
        started = tuple(one.split()[0] for one in section.marks("rc") if "started" in one)
        return started, tuple(one.split()[0] for one in section.marks("enabled") if one)
    if manager == "sysvinit":
        return None, tuple(dict.fromkeys(section.marks("link")))
    return None, None


def _inetd(files: Files) -> Iterator[str]:
    table = files.get("/etc/inetd.conf")
    for raw in table.lines if table is not None else ():
        yield raw.partition(":")[2].split()[0]
    for one in files.readable("/etc/xinetd.d/"):
        texts = [raw.partition(":")[2].strip() for raw in one.lines]
        names = [text.split()[1] for text in texts if text.startswith("service") and len(text.split()) > 1]
        off = any(re.match(r"disable\s*=\s*yes", text) for text in texts)
        yield from () if off else names


def _shares(files: Files) -> Iterator[Line]:
    places = ("/etc/exports", "/etc/samba/smb.conf", *_FTP)
    for one in files.readable():
        if one.path.startswith(places):
            lines = [line for line in _written(one) if not line.text.startswith(tuple(_FTP_TLS))]
            yield from lines
            if one.path in _FTP and not any("anonymous_enable" in line.text for line in lines):
                # vsftpd admits guests where nothing is said.
                yield Line(file=one.path, number=0, text="anonymous_enable=YES（未设置时的默认值）")


def _ftp(section: Section, files: Files) -> dict[str, bool | None]:
    """Return what every running vsftpd demands of local users alike, by command lines and files."""
    said = [_ftp_settings(one.split()[1:], files) if one else None for one in section.marks("ftpd")]
    known = [one for one in said if one is not None]
    if not known or len(known) != len(said):
        return {}
    asked = bool(section.marks("ftpdata"))
    differ = any(one["user_config_dir"] for one in known) if asked else None
    data = _all_on(known, _FTP_DATA) if asked else None
    return {
        "ftp_demands_tls": _all_on(known, _FTP_LOGINS),
        "ftp_data_tls": None if data and differ else data,
        "ftp_users_differ": differ,
    }


def _all_on(settings: list[dict[str, str]], keys: tuple[str, ...]) -> bool | None:
    """Tell whether all are on; None where a word is no switch, or one server says other than another."""
    answers = {all(one[key] in _ON for key in keys) for one in settings}
    sound = all(one[key] in _SWITCHES for one in settings for key in keys)
    return answers.pop() if sound and len(answers) == 1 else None


def _ftp_settings(arguments: list[str], files: Files) -> dict[str, str] | None:
    """Return what the one file vsftpd runs with says; None where it is another one, or not the only word."""
    there = [one for one in files.readable() if one.path in _FTP]
    used = [one for one in there if not arguments or one.path in arguments]
    if len(used) != 1 or len(arguments) > 1:
        return None
    found = dict(_FTP_TLS)
    for line in _written(used[0]):
        key, _, value = line.text.partition("=")
        if key in found:
            found[key] = value.strip().upper()
    return found


def _written(one: Framed) -> Iterator[Line]:
    held = ""
    for raw in one.lines:
        number, found, text = raw.partition(":")
        text = held + text.strip()
        held = f"{text[:-1].rstrip()} " if text.endswith("\\") else ""
        if found and number.isdecimal() and text and not held and not text.startswith(("#", ";")):
            yield Line(file=one.path, number=int(number), text=text)
