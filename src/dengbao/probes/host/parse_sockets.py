"""Reads the table socket, process, executable, package, unit: who listens, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...errors import ProbeError
from .frames import Section, Transcript
from .parse_processes import read_processes, read_services, sockets_in
from .running_facts import HostSockets, Served
from .system_facts import HostServices, Process

_DELETED = " (deleted)"


def read_sockets(transcript: Transcript) -> HostSockets:
    """Return every listening socket with the program behind it.

    Raises:
        NoPermission: programs of other users are shown to root only.
        ProbeError: a part did not arrive whole.

    """
    section = transcript.section("programs")
    holders = _holders(transcript.section("sockets"))
    if "\nuid 0\n" not in f"\n{transcript.section('system').text}":
        raise transcript.refuse("其他用户的进程所监听的端口")
    table = _Table.of(section, transcript)
    found: dict[tuple[str, str, int], Served] = {}
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for one, inode in sockets_in(transcript, name):
            key = (one.protocol, one.address, one.port)
            row = table.row(one.protocol, one.address, one.port, holders.get(inode, 0))
            if key not in found or not found[key].pid:
                found[key] = row
    return HostSockets(sockets=tuple(sorted(found.values(), key=lambda one: (one.protocol, one.port))))


def _holders(section: Section) -> dict[str, int]:
    """Return for each socket the first process that holds it; its children inherited it."""
    holders: dict[str, int] = {}
    pid = 0
    for line in section.text.splitlines():
        if line.startswith("/proc/"):
            pid = int(line.split("/")[2])
        elif pid:
            inode = line.strip()
            holders[inode] = min(pid, holders.get(inode, pid))
    return holders


@dataclass(frozen=True)
class _Table:
    """What is known of processes, by number."""

    programs: Mapping[int, str]
    units: Mapping[int, str]
    labels: Mapping[int, str]
    packages: Mapping[str, str] | None
    processes: Mapping[int, Process]
    services: HostServices | None

    @classmethod
    def of(cls, section: Section, transcript: Transcript) -> _Table:
        try:
            services = read_services(transcript)
        except ProbeError:
            services = None
        asked = section.mark("asked") is not None
        return cls(
            programs=dict(_numbered(section, "program")),
            units=dict(_numbered(section, "unit")),
            labels=dict(_numbered(section, "label")),
            packages=_owners(section) if asked else None,
            processes={one.pid: one for one in read_processes(transcript).processes},
            services=services,
        )

    def row(self, protocol: str, address: str, port: int, pid: int) -> Served:
        """Return the row of one socket; `pid` 0: the kernel, or a process that was not seen."""
        process = self.processes.get(pid)
        program = self.programs.get(pid, "")
        path = program.removesuffix(_DELETED)
        unit = self.units.get(pid, "")
        return Served(
            protocol=protocol, address=address, port=port, pid=pid if process else 0,
            process=process.name if process else "", user=process.user if process else "",
            executable=path, deleted=program.endswith(_DELETED) if program else None,
            package=_package(path, self.packages), unit=unit, enabled=self._enabled(unit),
            label=self.labels.get(pid, ""),
        )  # fmt: skip

    def _enabled(self, unit: str) -> bool | None:
        if (
            self.services is None
            or self.services.enabled is None
            or not unit.endswith((".service", ".socket"))
        ):
            return None
        stem = unit.rpartition(".")[0]
        names = {unit, f"{stem}.socket", f"{stem.partition('@')[0]}@.service"}
        return bool(names & set(self.services.enabled))


def _numbered(section: Section, word: str) -> Iterator[tuple[int, str]]:
    for one in section.marks(word):
        pid, _, rest = one.partition(" ")
        if pid.isdecimal() and rest:
            yield int(pid), rest


def _owners(section: Section) -> dict[str, str]:
    """Return the package of each path that the package manager knows."""
    owners: dict[str, str] = {}
    for one in section.marks("owner"):
        package, _, path = one.partition(": ")
        if path.startswith("/") and " " not in package:
            owners.setdefault(path, package.partition(":")[0])
    return owners


def _package(path: str, owners: Mapping[str, str] | None) -> str | None:
    """Return the package of an executable, empty if none owns it; `/usr` may be merged since."""
    if owners is None or not path:
        return None
    return owners.get(path) or owners.get(path.removeprefix("/usr")) or ""
